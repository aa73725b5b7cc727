"""Actions, guards and effects as they were written in the field: with the bug in them (see `field_bugs`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from speech_lifecycle.fsm.effects import (
    AnnounceAgentState,
    CommitMessage,
    Effect,
    RemoveMessages,
    ReportMessageSettled,
    TruncateMessage,
)
from speech_lifecycle.fsm.message import actions as message_actions
from speech_lifecycle.fsm.message import evidence
from speech_lifecycle.fsm.run import Run
from speech_lifecycle.fsm.state import Message, Speech

from .changes import Action, Alter, Change, action

# Actions with the bug in them


def note_finish(position_ms: Callable[[Speech, Message, Any], Any]) -> Action:
    """Note a finish, with the position worked out in some other way."""

    def note_finish(run: Run, speech: Speech, message: Message, event: Any) -> None:
        message_actions.note_finish(run, speech, message, event)
        message.position_ms = position_ms(speech, message, event)

    return note_finish


def by_the_sum_of_all(speech: Speech, message: Message, event: Any) -> int:
    """Take the position for one over all messages (T15)."""
    before_ms = sum(each.position_ms for each in speech.messages.values() if each is not message)
    return max(0, message.position_ms - before_ms)


def count_handed_over(run: Run, speech: Speech, message: Message, event: Any) -> None:
    """Count what was never received (T4)."""
    message.handed_over_ms = event.handed_over_ms
    speech.has_progressed = True


def note_finish_one_behind(run: Run, speech: Speech, message: Message, event: Any) -> None:
    """Take the transcript of the message before (H8)."""
    message_actions.note_finish(run, speech, message, event)
    earlier = [each for each in speech.messages.values() if each is not message]
    message.transcript = earlier[0].transcript if earlier else None


def note_start_unless_held(run: Run, speech: Speech, message: Message, event: Any) -> None:
    """Have lost the waiter for the first frame at a pause (H4)."""
    if not speech.output_is_paused:
        message_actions.note_start(run, speech, message, event)
        message_actions.tell_heard(run, speech, message, event)


def note_start_of_another(run: Run, speech: Speech, message: Message, event: Any) -> None:
    """Take the start of any message for that of the one on the output (H9)."""
    current = speech.forwarding_message()
    if current is not None and current.handed_over_ms > 0:
        message_actions.note_start(run, speech, current, event)
        message_actions.tell_heard(run, speech, current, event)


def announce_speaking(run: Run, speech: Speech, event: Any) -> None:
    """Announce it whether or not it was announced (P2)."""
    speech.was_heard, speech.agent_state = True, "speaking"
    run.emit(AnnounceAgentState("speaking"))


def note_session_lost(run: Run, speech: Speech, event: Any) -> None:
    """Leave the message streams open (O6)."""
    speech.session_is_lost, speech.awaited = True, {}


def throw_session_lost(run: Run, speech: Speech, event: Any) -> None:
    """Throw on what the stream threw (R3)."""
    raise ConnectionError("the message stream broke")


def updates_after_every_interruption(usual: Action) -> Change:
    """Update the server's context on every interruption (R1)."""

    def update(run: Run, speech: Speech, event: Any) -> None:
        usual(run, speech, event)
        if speech.cause is not None and "remove" not in speech.awaited.values():
            run.emit(RemoveMessages(()))

    return action(usual.__name__, update)


# Guards with the bug in them


def nothing_is_heard_to_the_end(speech: Speech, message: Message, event: Any) -> bool:
    """Go by a clock that has always something left (T3)."""
    return False


def heard_to_the_end_unless_above_0(speech: Speech, message: Message, event: Any) -> bool:
    """Take position 0 for none (T5)."""
    return not getattr(event, "position_ms", 0) or evidence.is_heard_to_the_end(speech, message, event)


def heard_to_the_end_by_its_word(speech: Speech, message: Message, event: Any) -> bool:
    """Believe the finish, not its position (H7)."""
    return not getattr(event, "interrupted", True) or evidence.is_heard_to_the_end(speech, message, event)


# Effects with the bug in them


def only_of_what_was_begun(speech: Speech, effect: RemoveMessages) -> tuple[Effect, ...]:
    """Remove only what was handed over (M2)."""
    begun = tuple(each for each in effect.message_ids if speech.messages[each].handed_over_ms > 0)
    return (RemoveMessages(begun),) if begun else ()


def truncate_at_0(speech: Speech, effect: RemoveMessages) -> tuple[Effect, ...]:
    """Truncate what cannot be truncated (T1)."""
    return tuple(
        TruncateMessage(each, 0) if speech.messages[each].state == "partial" else RemoveMessages((each,))
        for each in effect.message_ids
    )


def whole_text(speech: Speech, effect: CommitMessage) -> CommitMessage:
    """Commit the generated text as heard (H1, H2)."""
    return CommitMessage(effect.message_id, speech.messages[effect.message_id].text, "exact", effect.interrupted)


def forgets_what_was_cut(speech: Speech, effect: ReportMessageSettled) -> tuple[Effect, ...]:
    """Overwrite the generated text with the heard one (H10)."""
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


def commits_it_as_said(speech: Speech, effect: ReportMessageSettled) -> tuple[Effect, ...]:
    """Write what was never played into history (M3)."""
    record = effect.record
    return effect, CommitMessage(record.message_id, record.generated_text, "exact", False)


def no_commit_if(cause: str) -> Alter:
    """Skip the commit on one of the ways out (H6, O7)."""
    return lambda speech, effect: () if speech.cause == cause else (effect,)
