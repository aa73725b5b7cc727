"""The guards of the speech chart. Each reads as a sentence about the speech, and changes nothing."""

from __future__ import annotations

from ..events import (
    Event,
    Interrupt,
    SessionItemAdded,
    SessionLost,
    SessionReconciliationAcknowledged,
    SessionReconciliationRefused,
    SessionResponseCreated,
    SessionResponseEnded,
    SessionResponseProgressed,
    SessionResumed,
    TimerFired,
)
from ..state import Speech

FAILURES = frozenset({"output_failed", "source_failed", "timed_out"})


def may_interrupt(speech: Speech, event: Interrupt) -> bool:
    """The policy allows it, or it is forced (C7)."""
    return speech.policy.interruptible or event.force


def has_no_response(speech: Speech, event: Event | None) -> bool:
    """The server has not yet named the response."""
    return speech.response_id is None


def is_own_response(
    speech: Speech,
    event: SessionResponseCreated | SessionResponseEnded | SessionItemAdded | SessionResponseProgressed,
) -> bool:
    """The event is about the response that this speech plays."""
    return event.response_id == speech.response_id


def is_generating_it(
    speech: Speech,
    event: SessionResponseCreated | SessionResponseEnded | SessionItemAdded | SessionResponseProgressed,
) -> bool:
    """The event is about this speech's response, and the server is generating that one."""
    return is_own_response(speech, event) and not speech.response_has_ended


def response_is_generating(speech: Speech, event: Event | None) -> bool:
    """The server has named the response (C3), has not ended it (C4), and was not told to cancel it."""
    return speech.response_id is not None and not speech.response_has_ended and not speech.cancel_was_sent


def response_has_ended(speech: Speech, event: Event | None) -> bool:
    """No message of the response will get any more."""
    return speech.response_has_ended


def a_message_is_left(speech: Speech, event: Event | None) -> bool:
    """A message is being forwarded, or waits for its turn."""
    return speech.forwarding_id is not None or speech.next_id is not None


def output_is_free(speech: Speech, event: Event | None) -> bool:
    """No message is being forwarded."""
    return speech.forwarding_id is None


def output_can_pause(speech: Speech, event: Event | None) -> bool:
    """The output can hold its playback."""
    return speech.capabilities.can_pause


def was_heard(speech: Speech, event: Event | None) -> bool:
    """Something of this speech reached the listener."""
    return speech.was_heard


def is_due(speech: Speech, event: TimerFired) -> bool:
    """The timer that fired is the one that runs."""
    return event.timer == speech.timer


def source_is_watched(speech: Speech, event: Event | None) -> bool:
    """The timer that runs waits for more of the response, not for the output or for answers."""
    return speech.timer == "stall"


def has_progressed(speech: Speech, event: Event | None) -> bool:
    """A fact has come since the timer was started."""
    return speech.has_progressed


def is_played_out(speech: Speech, event: Event | None) -> bool:
    """The response has ended, and all of its messages are final."""
    return speech.response_has_ended and speech.forwarding_id is None and speech.next_id is None


def session_is_lost(speech: Speech, event: Event | None) -> bool:
    """There is no server left to bring in line."""
    return speech.session_is_lost


def may_resume(speech: Speech, event: SessionLost) -> bool:
    """Another attempt to connect follows."""
    return event.may_resume


def has_a_session(speech: Speech, event: Event | None) -> bool:
    """The connection stands, as far as is known."""
    return not speech.session_is_lost and not speech.awaits_resumption


def awaits_resumption(speech: Speech, event: Event | None) -> bool:
    """It is not known yet whether the server keeps the conversation."""
    return speech.awaits_resumption


def conversation_is_kept(speech: Speech, event: SessionResumed) -> bool:
    """The server remembers what it did before the loss."""
    return event.conversation_kept


def server_is_not_in_line(speech: Speech, event: Event | None) -> bool:
    """The server has not answered every request, or would have been asked for more when its response ends."""
    if speech.awaited:
        return True
    for message in speech.messages.values():
        if message.outgrew_its_record:
            return not speech.is_out_of_band
    return False


def server_may_remember(speech: Speech, event: Event | None) -> bool:
    """The server announced messages of the conversation."""
    return bool(speech.messages) and not speech.is_out_of_band


def is_awaited(speech: Speech, event: SessionReconciliationAcknowledged | SessionReconciliationRefused) -> bool:
    """The server answers a request that was made and not yet answered."""
    return event.message_id in speech.awaited and speech.awaited[event.message_id] == event.operation


def nothing_unheard_is_left(speech: Speech, event: SessionReconciliationRefused) -> bool:
    """The refusal means that the server remembers no more than was heard (T8, T10)."""
    return event.refusal == "unknown_message" or (event.refusal == "already_shorter" and event.operation == "truncate")


def is_reconciled(speech: Speech, event: Event | None) -> bool:
    """The server has answered everything, its response has ended, and it is known what it remembers."""
    return speech.response_has_ended and not speech.awaited and not speech.awaits_resumption


def has_failed(speech: Speech, event: Event | None) -> bool:
    """The output, the source or the watchdog stopped it, or the server says that its response failed."""
    return speech.cause in FAILURES or (speech.cause is None and speech.response_has_failed)


def is_stopped(speech: Speech, event: Event | None) -> bool:
    """It was stopped before its end."""
    return speech.cause is not None
