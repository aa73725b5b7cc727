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
        return _chart(whole, chart, rows=tuple(new for row in rows for new in (instead(row) if row.id == row_id else [row])))

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
    """Have this function in place of the action of the same name."""
    name = action.__name__.lstrip("_")

    def change(whole: Definition) -> Definition:
        chart: ChartName = "message" if name in whole.message.actions else "speech"
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
    message.position_ms, message.is_flushed = message.handed_over_ms, False
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


_BUGS: dict[str, tuple[Change, ...]] = {}
