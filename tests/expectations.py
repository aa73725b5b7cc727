"""What an onlooker expects: of an event its answer (no fact may be passed over, section 5), and what it proves."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from speech_lifecycle.fsm.events import (
    Authorize,
    Close,
    Event,
    Interrupt,
    OutputAudioHandedOver,
    OutputFailed,
    OutputPlaybackFinished,
    OutputPlaybackProgressed,
    OutputPlaybackStarted,
    Pause,
    Resume,
    SessionAudioReceived,
    SessionItemAdded,
    SessionLost,
    SessionMessageAdded,
    SessionMessageEnded,
    SessionReconciliationAcknowledged,
    SessionReconciliationRefused,
    SessionResponseCreated,
    SessionResponseEnded,
    SessionResponseProgressed,
    SessionTextReceived,
    TimerFired,
)
from speech_lifecycle.fsm.values import LARGEST

if TYPE_CHECKING:
    from onlooker import Onlooker

AGENT_STATES = {"waiting": "thinking", "speaking": "speaking", "paused": "listening"}
"""The agent's state in those of the speech."""

STOPPABLE = ("queued", "waiting", "speaking", "paused")


def cause_of(event: Event, state: str) -> str | None:
    """Return why a speech is being stopped after this event was handled in a state in which it was not."""
    match event:
        case Interrupt():
            return "never_authorized" if state == "queued" else "interrupted"
        case Close():
            return "closed"
        case SessionLost():
            return "source_failed"
        case OutputFailed():
            return "output_failed"
    return None


def outcome_of(cause: str | None, response_has_failed: bool) -> str:
    """Return how a speech must have ended."""
    if cause is None:
        return "failed" if response_has_failed else "completed"
    return "failed" if cause in ("output_failed", "source_failed", "timed_out") else "interrupted"


def expected_answer(onlooker: Onlooker, event: Event) -> str | None:
    """Return "handled", or what else it must be; None if that depends on more than the onlooker knows."""
    speech = onlooker.machine.speech
    match event:
        case SessionAudioReceived(_, ms) | OutputAudioHandedOver(_, ms) if not 0 <= ms <= LARGEST:
            return "rejected"
    if isinstance(event, SessionMessageAdded):
        return _of_announcement(onlooker, event)
    if speech.is_over:
        return None
    match event:
        case Authorize():
            return "handled" if speech.state == "queued" else "ignored"
        case Interrupt(force) if speech.state in STOPPABLE:
            return "handled" if force or speech.policy.interruptible else "rejected"
        case Close() if speech.state in STOPPABLE:
            return "handled"
        case Pause() if speech.state in ("waiting", "speaking"):
            return "handled" if speech.capabilities.can_pause else "rejected"
        case Resume() if speech.state == "paused":
            return "handled"
        case SessionLost() if not onlooker.is_lost:
            return "handled"
        case SessionResponseCreated(response_id):
            return "handled" if speech.response_id is None else _unless(response_id == speech.response_id)
        case SessionItemAdded(response_id):
            if speech.state == "reconciling":
                return _unless(response_id == speech.response_id)
            return "handled" if response_id == onlooker.generating else _unless(response_id == speech.response_id)
        case SessionResponseProgressed(response_id):
            is_watched = speech.state in ("waiting", "speaking") and onlooker.timer == "stall"
            if response_id == onlooker.generating and is_watched:
                return "handled"
            return _unless(response_id == speech.response_id)
        case SessionResponseEnded(response_id):
            return "handled" if response_id == onlooker.generating else _unless(response_id == speech.response_id)
        case SessionReconciliationAcknowledged(operation, message_id) | SessionReconciliationRefused(
            operation, message_id
        ):
            if speech.state != "reconciling":
                return "rejected"
            return "handled" if (operation, message_id) in onlooker.open else "ignored"
        case TimerFired(timer):
            return "handled" if timer == onlooker.timer else "ignored"
        case Interrupt() | Close() | Pause() | Resume() | SessionLost():
            return "ignored"
    return _of_message(onlooker, event)


def _of_announcement(onlooker: Onlooker, event: SessionMessageAdded) -> str | None:
    if event.message_id in onlooker.announced:
        return "ignored"
    return "handled" if event.response_id == onlooker.machine.speech.response_id else "rejected"


def _of_message(onlooker: Onlooker, event: Event) -> str | None:
    message = onlooker.machine.speech.messages.get(event.message_id)
    if message is None:
        return "rejected"
    if message.is_final:
        return "handled" if _is_late_content(onlooker, event) else "ignored"
    match event:
        case SessionTextReceived():
            return "handled"
        case SessionAudioReceived(message_id, received_ms):
            return "handled" if received_ms >= onlooker.received.get(message_id, 0) else "rejected"
        case SessionMessageEnded():
            return "ignored" if message.source_has_ended else "handled"
        case OutputFailed() | OutputPlaybackFinished() if message.state == "pending":
            return "rejected"
        case OutputFailed():
            return "ignored" if message.state == "stopping" else "handled"
        case _ if not message.is_forwarding:
            return "rejected"
        case OutputAudioHandedOver(_, handed_over_ms):
            return "handled" if handed_over_ms >= message.handed_over_ms else "rejected"
        case _ if message.handed_over_ms == 0:
            return "rejected" if not isinstance(event, OutputPlaybackStarted) or not message.has_started else None
        case OutputPlaybackStarted():
            return "ignored" if message.has_started else "handled"
        case OutputPlaybackProgressed(_, position_ms):
            return "handled" if usable(position_ms) else "ignored"
    return None


def _is_late_content(onlooker: Onlooker, event: Event) -> bool:
    """More of what was heard in full, of a text, or of nothing: while the response runs, its end was none."""
    speech = onlooker.machine.speech
    message = speech.messages[event.message_id]
    record = message.record
    is_empty = record.reason == "no_content" and record.received_ms == 0 and not record.generated_text
    if speech.response_has_ended or (message.state == "skipped" and not is_empty):
        return False
    if isinstance(event, SessionAudioReceived):
        is_more = event.received_ms > onlooker.received.get(event.message_id, 0)
        return is_more and (is_empty or (message.state == "played" and message.expects_audio))
    return isinstance(event, SessionTextReceived) and (is_empty or not message.expects_audio)


def _unless(is_own: bool) -> str:
    """A fact about this speech's response that comes again is a race; about another one it is a fault."""
    return "ignored" if is_own else "rejected"


def usable(position_ms) -> bool:
    """Whether a reported position says anything. Integers may be too big for a float."""
    return position_ms is not None and (isinstance(position_ms, int) or math.isfinite(position_ms)) and position_ms >= 0


def is_evidence(event) -> bool:
    """Whether an output fact that was handled says that something of its message was heard."""
    if isinstance(event, OutputPlaybackProgressed | OutputPlaybackFinished):
        return usable(event.position_ms) and event.position_ms >= 1
    return isinstance(event, OutputPlaybackStarted)


def may_be_evidence(event) -> bool:
    """The same, or a finish without interruption: of what was flushed, that says that all of it was heard."""
    return is_evidence(event) or (isinstance(event, OutputPlaybackFinished) and not event.interrupted)
