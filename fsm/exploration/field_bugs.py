"""The bugs of field-bugs.md that a machine can have, put into this one on purpose, each by its id.

`ELSEWHERE` in tests/test_field_bugs.py names those that need a wire or an output.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import reduce
from typing import Any

from speech_lifecycle.fsm import evidence, message_actions, speech_actions
from speech_lifecycle.fsm.definition import ChartName, Definition, Row, definition
from speech_lifecycle.fsm.effects import (
    AnnounceAgentState,
    CancelResponse,
    CommitMessage,
    Effect,
    RemoveMessages,
    ReplaceMessage,
    ReportMessageSettled,
    StartHandover,
    StartTimer,
    TruncateMessage,
)
from speech_lifecycle.fsm.exploration.mutants import Mutant
from speech_lifecycle.fsm.run import Run
from speech_lifecycle.fsm.state import Message, Speech

Change = Callable[[Definition], Definition]
Action = Callable[..., None]


def field_bugs() -> tuple[Mutant, ...]:
    """Return a mutant for each bug, in the order of the page."""
    return tuple(
        Mutant(bug, "field bug", reduce(lambda whole, change: change(whole), changes, definition()))
        for bug, changes in _BUGS.items()
    )


# Changes to rows


def _chart(whole: Definition, chart: ChartName, **parts: Any) -> Definition:
    return replace(whole, **{chart: replace(getattr(whole, chart), **parts)})


def _chart_of(row_id: str) -> ChartName:
    return "message" if row_id.startswith("message.") else "speech"


def _rows(row_id: str, instead: Callable[[Row], tuple[Row, ...]]) -> Change:
    chart = _chart_of(row_id)

    def change(whole: Definition) -> Definition:
        whole.row(row_id)
        rows = getattr(whole, chart).rows
        return _chart(
            whole, chart, rows=tuple(new for row in rows for new in (instead(row) if row.id == row_id else [row]))
        )

    return change


def _row(row_id: str, **parts: Any) -> Change:
    """Change parts of a row."""
    return _rows(row_id, lambda row: (replace(row, **parts),))


def _without(row_id: str, *actions: str) -> Change:
    """Leave out actions of a row; the row itself, if none are named."""
    if not actions:
        return _rows(row_id, lambda row: ())
    return _rows(row_id, lambda row: (replace(row, actions=tuple(a for a in row.actions if a not in actions)),))


def _also(row_id: str, **parts: Any) -> Change:
    """Have a row a second time, somewhere else."""
    return _rows(row_id, lambda row: (row, replace(row, id=f"{row.id}, again", **parts)))


# Changes to guards and actions


def _guard(chart: ChartName, name: str, guard: Callable[..., bool]) -> Change:
    return lambda whole: _chart(whole, chart, guards={**getattr(whole, chart).guards, name: guard})


def _action(action: Action) -> Change:
    """Have this function in place of the action of the same name, or as one more action of the message chart."""
    name = action.__name__.lstrip("_")

    def change(whole: Definition) -> Definition:
        chart: ChartName = "speech" if name in whole.speech.actions else "message"
        return _chart(whole, chart, actions={**getattr(whole, chart).actions, name: action})

    return change


class _Altered:
    """A run whose effects are altered on their way out."""

    def __init__(self, run: Run, speech: Speech, alter: Callable[[Speech, Any], tuple[Effect, ...]], of: type) -> None:
        self._run, self._speech, self._alter, self._of = run, speech, alter, of
        self.raise_event, self.tell = run.raise_event, run.tell

    def emit(self, effect: Effect) -> None:
        for each in self._alter(self._speech, effect) if isinstance(effect, self._of) else (effect,):
            self._run.emit(each)


def _gives(action: Action, effect: type[Any], alter: Callable[[Speech, Any], tuple[Effect, ...]]) -> Change:
    """Have other effects in place of those of one type that an action gives."""

    def altered(run: Run, speech: Speech, *rest: Any) -> None:
        action(_Altered(run, speech, alter, effect), speech, *rest)

    altered.__name__ = action.__name__
    return _action(altered)


def _no_commit_if(cause: str) -> Callable[[Speech, Any], tuple[Effect, ...]]:
    return lambda speech, effect: () if speech.cause == cause else (effect,)


# Actions with the bug in them


def _note_finish(position_ms: Callable[[Speech, Message, Any], Any]) -> Action:
    """Note a finish, with the position worked out in some other way."""

    def note_finish(run: Run, speech: Speech, message: Message, event: Any) -> None:
        message_actions.note_finish(run, speech, message, event)
        message.position_ms = position_ms(speech, message, event)

    return note_finish


def _by_the_sum_of_all(speech: Speech, message: Message, event: Any) -> int:
    before_ms = sum(each.position_ms for each in speech.messages.values() if each is not message)
    return max(0, message.position_ms - before_ms)


def _count_handed_over(run: Run, speech: Speech, message: Message, event: Any) -> None:
    message.handed_over_ms = event.handed_over_ms
    speech.has_progressed = True


def _note_finish_one_behind(run: Run, speech: Speech, message: Message, event: Any) -> None:
    message_actions.note_finish(run, speech, message, event)
    earlier = [each for each in speech.messages.values() if each is not message]
    message.transcript = earlier[0].transcript if earlier else None


_note_finish_one_behind.__name__ = "note_finish"


def _note_start_unless_held(run: Run, speech: Speech, message: Message, event: Any) -> None:
    if not speech.output_is_paused:
        message_actions.note_start(run, speech, message, event)


_note_start_unless_held.__name__ = "note_start"


def _note_start_of_another(run: Run, speech: Speech, message: Message, event: Any) -> None:
    current = speech.forwarding_message()
    if current is not None and current.handed_over_ms > 0:
        message_actions.note_start(run, speech, current, event)


def _note_every_start(run: Run, speech: Speech, message: Message, event: Any) -> None:
    message.has_started = speech.has_progressed = True
    run.raise_event("message_heard")


_note_every_start.__name__ = "note_start"


def _announce_speaking(run: Run, speech: Speech, event: Any) -> None:
    speech.was_heard, speech.agent_state = True, "speaking"
    run.emit(AnnounceAgentState("speaking"))


def _note_whole(run: Run, speech: Speech, message: Message, event: Any) -> None:
    message.position_ms, message.flushed_ms = message.handed_over_ms, 0
    speech.has_progressed = True


def _cancel_response(run: Run, speech: Speech, event: Any) -> None:
    if speech.response_id is not None and not speech.cancel_was_sent:
        speech.cancel_was_sent = True
        run.emit(CancelResponse(speech.response_id))


def _note_session_lost(run: Run, speech: Speech, event: Any) -> None:
    speech.session_is_lost, speech.awaited = True, ()


def _throw_session_lost(run: Run, speech: Speech, event: Any) -> None:
    raise ConnectionError("the message stream broke")


_throw_session_lost.__name__ = "note_session_lost"


def _bring_server_in_line(run: Run, speech: Speech, event: Any) -> None:
    speech_actions.bring_server_in_line(run, speech, event)
    if speech.cause is not None and not any(request == "remove" for request, _ in speech.awaited):
        run.emit(RemoveMessages(()))


# Guards with the bug in them


def _nothing_is_heard_to_the_end(speech: Speech, message: Message, event: Any) -> bool:
    return False


def _heard_to_the_end_unless_above_0(speech: Speech, message: Message, event: Any) -> bool:
    return not getattr(event, "position_ms", 0) or evidence.is_heard_to_the_end(message, event, speech.policy.frame_ms)


def _heard_to_the_end_by_its_word(speech: Speech, message: Message, event: Any) -> bool:
    return not getattr(event, "interrupted", True) or evidence.is_heard_to_the_end(
        message, event, speech.policy.frame_ms
    )


# Effects with the bug in them


def _only_of_what_was_begun(speech: Speech, effect: RemoveMessages) -> tuple[Effect, ...]:
    begun = tuple(each for each in effect.message_ids if speech.messages[each].handed_over_ms > 0)
    return (RemoveMessages(begun),) if begun else ()


def _truncate_at_0(speech: Speech, effect: RemoveMessages) -> tuple[Effect, ...]:
    return tuple(
        TruncateMessage(each, 0) if speech.messages[each].state == "partial" else RemoveMessages((each,))
        for each in effect.message_ids
    )


def _whole_text(speech: Speech, effect: CommitMessage) -> CommitMessage:
    return CommitMessage(effect.message_id, speech.messages[effect.message_id].text, "exact", effect.interrupted)


def _forgets_what_was_cut(speech: Speech, effect: ReportMessageSettled) -> tuple[Effect, ...]:
    record = effect.record
    return (
        ReportMessageSettled(
            type(record)(
                record.message_id,
                record.state,
                record.reason,
                record.heard_ms,
                record.received_ms,
                record.heard_text,
                record.heard_text,
                record.heard_text_status,
            )
        ),
    )


def _commits_it_as_said(speech: Speech, effect: ReportMessageSettled) -> tuple[Effect, ...]:
    record = effect.record
    return effect, CommitMessage(record.message_id, record.generated_text, "exact", False)


_SETTLE_PARTIAL = message_actions.settle_partial
_BUGS: dict[str, tuple[Change, ...]] = {
    # Several messages in one response
    "M1": (_without("speech.active.message_settled#1", "forward_next"),),
    "M2": (_gives(speech_actions.bring_server_in_line, RemoveMessages, _only_of_what_was_begun),),
    "M3": (_gives(message_actions.settle_skipped, ReportMessageSettled, _commits_it_as_said),),
    "M5": (
        _without("message.pending.later_message_began#1", "note_source_end"),
        _without("message.forwarding.later_message_began#1", "note_source_end"),
    ),
    "M6": (
        _gives(
            speech_actions.bring_server_in_line,
            TruncateMessage,
            lambda speech, effect: (TruncateMessage([*speech.messages][-1], effect.audio_end_ms),),
        ),
    ),
    "M7": (_without("speech.stopping.always#1", "skip_pending"),),
    "M8": (
        _gives(
            speech_actions.bring_server_in_line,
            RemoveMessages,
            lambda speech, effect: () if speech.cause == "never_authorized" else (effect,),
        ),
    ),
    # Where to truncate
    "T1": (_gives(speech_actions.bring_server_in_line, RemoveMessages, _truncate_at_0),),
    "T2": (
        _gives(
            speech_actions.bring_server_in_line,
            ReplaceMessage,
            lambda speech, effect: (TruncateMessage(effect.message_id, 1),),
        ),
    ),
    "T3": (_guard("message", "is_heard_to_the_end", _nothing_is_heard_to_the_end),),
    "T4": (_action(_count_handed_over),),
    "T5": (_guard("message", "is_heard_to_the_end", _heard_to_the_end_unless_above_0),),
    "T8": (_guard("speech", "nothing_unheard_is_left", lambda speech, event: event.refusal == "unknown_message"),),
    "T9": (_row("speech.reconciling.session_reconciliation_refused#2", actions=("unwatch",)),),
    "T10": (_without("speech.reconciling.session_reconciliation_refused#2", "report_refusal"),),
    "T12": (_action(_note_finish(lambda speech, message, event: event.position_ms)),),
    "T13": (_action(_note_finish(lambda speech, message, event: min(event.position_ms or 0, message.handed_over_ms))),),
    "T14": (
        _action(
            _note_finish(
                lambda speech, message, event: (
                    evidence.usable_position_ms(event.position_ms, message.handed_over_ms) or 0
                )
            )
        ),
    ),
    "T15": (_action(_note_finish(_by_the_sum_of_all)),),
    # What history says
    "H1": (_gives(_SETTLE_PARTIAL, CommitMessage, lambda speech, effect: (_whole_text(speech, effect),)),),
    "H2": (
        _gives(
            _SETTLE_PARTIAL,
            CommitMessage,
            lambda speech, effect: (
                _whole_text(speech, effect) if (effect.text, effect.text_status) == ("", "synchronized") else effect,
            ),
        ),
    ),
    "H3": (
        _gives(
            _SETTLE_PARTIAL,
            CommitMessage,
            lambda speech, effect: () if effect.text_status == "unknown" else (effect,),
        ),
    ),
    "H4": (_action(_note_start_unless_held),),
    "H5": (_guard("message", "is_heard", lambda speech, message, event: message.has_started),),
    "H6": (_gives(_SETTLE_PARTIAL, CommitMessage, _no_commit_if("closed")),),
    "H7": (_guard("message", "is_heard_to_the_end", _heard_to_the_end_by_its_word),),
    "H8": (_action(_note_finish_one_behind),),
    "H9": (
        _row("message.played.output_playback_started#1", kind="handled", actions=("note_start_of_another",)),
        _action(_note_start_of_another),
    ),
    "H10": (_gives(_SETTLE_PARTIAL, ReportMessageSettled, _forgets_what_was_cut),),
    "H11": (
        _gives(
            message_actions.start_handover,
            StartHandover,
            lambda speech, effect: (
                effect,
                CommitMessage(effect.message_id, speech.messages[effect.message_id].text, "exact", False),
            ),
        ),
    ),
    "H12": (
        _row(
            "message.forwarding.output_failed#2",
            target="played",
            actions=("report_output_failure", "because_finished", "settle_played"),
        ),
    ),
    "H13": (_guard("message", "playback_was_interrupted", lambda speech, message, event: False),),
    # Cancelling
    "C2": (_without("speech.reconciling.session_response_created#1", "cancel_response"),),
    "C3": (_gives(speech_actions.cancel_response, CancelResponse, lambda speech, effect: (CancelResponse(""),)),),
    "C4": (_action(_cancel_response),),
    "C5": (
        _guard(
            "speech",
            "may_interrupt",
            lambda speech, event: (speech.policy.interruptible or event.force) and not speech.response_has_ended,
        ),
    ),
    "C6": (_guard("message", "is_of_this_response", lambda speech, message, event: True),),
    "C7": (_guard("speech", "may_interrupt", lambda speech, event: speech.policy.interruptible),),
    # Outputs and dead ends
    "O1": (_gives(speech_actions.stop_message, StartTimer, lambda speech, effect: ()),),
    "O2": (_row("speech.active.timer_fired#2", target="failed", actions=("note_timer", "because_timed_out")),),
    "O3": (
        _row(
            "message.streaming.output_playback_finished#3",
            target="played",
            actions=("note_finish", "because_finished", "settle_played"),
        ),
    ),
    "O4": (_row("message.played.output_playback_finished#1", kind="rejected"),),
    "O5": (
        _row("speech.active.message_output_failed#1", target=None, actions=()),
        _row("speech.paused.message_output_failed#1", target=None, actions=()),
    ),
    "O6": (_action(_note_session_lost),),
    "O7": (_gives(_SETTLE_PARTIAL, CommitMessage, _no_commit_if("source_failed")),),
    # Pause and resume
    "P1": (
        _row(
            "speech.paused.interrupt#1",
            actions=("because_interrupted", "cancel_response", "resume_output", "stop_message"),
        ),
    ),
    "P2": (
        _row("message.forwarding.output_playback_started#1", cond="is_on_the_output"),
        _row("speech.waiting.message_heard#1", source="active"),
        _action(_note_every_start),
        _action(_announce_speaking),
    ),
    "P3": (_without("speech.paused.interrupt#1", "resume_output"),),
    "P4": (_also("speech.active.message_announced#1", source="queued"),),
    "P6": (
        _row(
            "speech.paused.message_announced#1",
            target="waiting",
            cond="not was_heard",
            actions=("resume_output", "announce_thinking", "forward_next", "watch"),
        ),
    ),
    # What the port reviews found
    "R1": (_action(_bring_server_in_line),),
    "R3": (_action(_throw_session_lost),),
    "R4": (_action(_note_whole),),
}
