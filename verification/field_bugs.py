"""The bugs of docs/field-bugs.md that a machine can have, put into this one on purpose, each by its id.

`ELSEWHERE` in tests/test_field_bug_list.py names those that need a wire or an output.
"""

from __future__ import annotations

from functools import reduce

from speech_lifecycle.fsm.compile.definition import definition
from speech_lifecycle.fsm.effects import (
    CancelResponse,
    CommitMessage,
    RemoveMessages,
    ReplaceMessage,
    ReportMessageSettled,
    StartHandover,
    StartTimer,
    TruncateMessage,
)
from speech_lifecycle.fsm.message import actions as message_actions
from speech_lifecycle.fsm.message import evidence
from speech_lifecycle.fsm.speech import actions as speech_actions

from . import buggy
from .changes import Alter, Change, action, also, gives, guard, transition, without
from .mutants import Mutant


def field_bugs() -> tuple[Mutant, ...]:
    """Return a mutant for each bug, in the order of the page."""
    return tuple(
        Mutant(bug, "field bug", reduce(lambda whole, change: change(whole), changes, definition()))
        for bug, changes in _BUGS.items()
    )


_SETTLE_PARTIAL = message_actions.settle_partial
_WAYS = ("", "#generating")
"""The names of the two ways into `stopping`: with a response that generates, or without."""
_REMOVING = (speech_actions.bring_server_in_line,)


def _removals(alter: Alter) -> tuple[Change, ...]:
    return tuple(gives(usual, RemoveMessages, alter) for usual in _REMOVING)


_BUGS: dict[str, tuple[Change, ...]] = {
    # Several messages in one response
    "M1": (without("speech.active.message_settled#message_left", "take_turn"),),
    "M2": _removals(buggy.only_of_what_was_begun),
    "M3": (gives(message_actions.settle_skipped, ReportMessageSettled, buggy.commits_it_as_said),),
    "M5": (
        without("message.pending.later_item_began", "note_source_end"),
        without("message.forwarding.later_item_began", "note_source_end"),
    ),
    "M6": (
        gives(
            message_actions.ask_to_truncate,
            TruncateMessage,
            lambda speech, effect: (TruncateMessage([*speech.messages][-1], effect.audio_end_ms),),
        ),
    ),
    "M7": tuple(
        without(f"speech.stopping.eventless{name}", "skip_pending") for name in ("", "#response_ended", "#session_lost")
    ),
    "M8": _removals(lambda speech, effect: () if speech.cause == "never_authorized" else (effect,)),
    # Where to truncate
    "T1": _removals(buggy.truncate_at_0),
    "T2": (
        gives(
            message_actions.ask_to_replace,
            ReplaceMessage,
            lambda speech, effect: (TruncateMessage(effect.message_id, 1),),
        ),
    ),
    "T3": (guard("message", "is_heard_to_the_end", buggy.nothing_is_heard_to_the_end),),
    "T4": (action("count_handed_over", buggy.count_handed_over),),
    "T5": (guard("message", "is_heard_to_the_end", buggy.heard_to_the_end_unless_above_0),),
    "T8": (guard("speech", "nothing_unheard_is_left", lambda speech, event: event.refusal == "unknown_message"),),
    "T9": (transition("speech.reconciling.session_reconciliation_refused#unheard_left", actions=("unwatch",)),),
    "T10": (without("speech.reconciling.session_reconciliation_refused#unheard_left", "report_refusal"),),
    "T12": (action("note_finish", buggy.note_finish(lambda speech, message, event: event.position_ms)),),
    "T13": (
        action(
            "note_finish",
            buggy.note_finish(lambda speech, message, event: min(event.position_ms or 0, message.handed_over_ms)),
        ),
    ),
    "T14": (
        action(
            "note_finish",
            buggy.note_finish(
                lambda speech, message, event: evidence.usable_position_ms(event, message.handed_over_ms) or 0
            ),
        ),
    ),
    "T15": (action("note_finish", buggy.note_finish(buggy.by_the_sum_of_all)),),
    # What history says
    "H1": (gives(_SETTLE_PARTIAL, CommitMessage, lambda speech, effect: (buggy.whole_text(speech, effect),)),),
    "H2": (
        gives(
            _SETTLE_PARTIAL,
            CommitMessage,
            lambda speech, effect: (
                buggy.whole_text(speech, effect)
                if (effect.text, effect.text_status) == ("", "synchronized")
                else effect,
            ),
        ),
    ),
    "H3": (
        gives(
            _SETTLE_PARTIAL,
            CommitMessage,
            lambda speech, effect: () if effect.text_status == "unknown" else (effect,),
        ),
    ),
    "H4": (
        transition("message.forwarding.output_playback_started#heard_first", actions=("note_start",)),
        action("note_start", buggy.note_start_unless_held),
    ),
    "H5": (guard("message", "is_heard", lambda speech, message, event: message.has_started),),
    "H6": (gives(_SETTLE_PARTIAL, CommitMessage, buggy.no_commit_if("closed")),),
    "H7": (guard("message", "is_heard_to_the_end", buggy.heard_to_the_end_by_its_word),),
    "H8": (action("note_finish", buggy.note_finish_one_behind),),
    "H9": (
        transition(
            "message.played.output_playback_started#already_final", kind="handled", actions=("note_start_of_another",)
        ),
        action("note_start_of_another", buggy.note_start_of_another),
    ),
    "H10": (gives(_SETTLE_PARTIAL, ReportMessageSettled, buggy.forgets_what_was_cut),),
    "H11": (
        gives(
            message_actions.start_handover,
            StartHandover,
            lambda speech, effect: (
                effect,
                CommitMessage(effect.message_id, speech.messages[effect.message_id].text, "exact", False),
            ),
        ),
    ),
    "H12": (
        transition(
            "message.stopping.time_out#failed_heard_partly",
            target="played",
            actions=("because_finished", "settle_played"),
        ),
    ),
    "H13": (guard("message", "playback_was_interrupted", lambda speech, message, event: False),),
    # Cancelling
    "C2": (without("speech.reconciling.session_response_created", "cancel_response"),),
    "C3": (gives(speech_actions.cancel_response, CancelResponse, lambda speech, effect: (CancelResponse(""),)),),
    "C4": (
        guard(
            "speech",
            "response_is_generating",
            lambda speech, event: speech.response_id is not None and not speech.cancel_was_sent,
        ),
    ),
    "C5": (
        guard(
            "speech",
            "may_interrupt",
            lambda speech, event: (speech.policy.interruptible or event.force) and not speech.response_has_ended,
        ),
    ),
    "C6": (guard("message", "is_of_this_response", lambda speech, message, event: True),),
    "C7": (guard("speech", "may_interrupt", lambda speech, event: speech.policy.interruptible),),
    # Outputs and dead ends
    "O1": (gives(message_actions.watch_clear, StartTimer, lambda speech, effect: ()),),
    "O2": tuple(
        transition(f"speech.active.timer_fired#{name}", target="failed", actions=("note_timer", "because_timed_out"))
        for name in ("silent", "silent_while_generating")
    ),
    "O3": (
        transition(
            "message.streaming.output_playback_finished#cleared_unheard",
            target="played",
            actions=("note_finish", "because_finished", "settle_played"),
        ),
    ),
    "O4": (transition("message.played.output_playback_finished#already_final", kind="rejected"),),
    "O5": tuple(
        transition(f"speech.{state}.message_output_failed{name}", target=None, actions=())
        for state in ("active", "paused")
        for name in _WAYS
    ),
    "O6": (action("note_session_lost", buggy.note_session_lost),),
    "O7": (gives(_SETTLE_PARTIAL, CommitMessage, buggy.no_commit_if("source_failed")),),
    # Pause and resume
    "P1": tuple(
        transition(
            f"speech.paused.interrupt{name}",
            actions=("because_interrupted", *cancels, "resume_output", "stop_message"),
        )
        for name, cancels in zip(_WAYS, ((), ("cancel_response",)), strict=True)
    ),
    "P2": (
        transition("message.forwarding.output_playback_started#heard_first", cond="is_on_the_output"),
        transition("speech.waiting.message_heard", source="active"),
        action("announce_speaking", buggy.announce_speaking),
    ),
    "P3": tuple(without(f"speech.paused.interrupt{name}", "resume_output") for name in _WAYS),
    "P4": (also("speech.active.message_announced", source="queued"),),
    "P6": (
        transition(
            "speech.paused.message_announced",
            target="waiting",
            cond="not was_heard",
            actions=("resume_output", "announce_thinking", "take_turn"),
        ),
    ),
    # What the port reviews found
    "R1": tuple(buggy.updates_after_every_interruption(usual) for usual in _REMOVING),
    "R3": (action("note_session_lost", buggy.throw_session_lost),),
    "R4": (without("message.draining.output_playback_finished#played_out", "tell_heard"),),
}
