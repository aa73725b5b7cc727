"""Events that may come next in a speech: plausible, dubious, rare, hostile."""

from __future__ import annotations

from collections.abc import Iterable

from speech_lifecycle.fsm import Message, Speech
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

TIMERS = ("stall", "playout", "stop", "reconcile")


def plausible_events(speech: Speech, limit: int = 3) -> list[Event]:
    """What may well come next in a speech of at most `limit` messages; what comes often stands here often."""
    events: list[Event] = [Pause()]
    if speech.state == "queued":
        events += [Authorize()] * 6
    elif speech.messages:
        events.append(Interrupt())
    if speech.state == "paused":
        events += [Resume()] * 4
    if speech.timer is not None:
        events += [TimerFired(speech.timer)] * (1 if speech.state in ("waiting", "speaking") else 4)
    if speech.response_id is None:
        events += [SessionResponseCreated("r")] * 12 + [SessionResponseCreated("r", is_out_of_band=True)] * 4
    elif not speech.response_has_ended:
        if len(speech.messages) < limit:
            new = f"m{len(speech.messages)}"
            events += [SessionMessageAdded("r", new)] * 3
            events += [SessionMessageAdded("r", new, ("audio", "text")), SessionMessageAdded("r", new, ("text",))]
        events += [
            SessionItemAdded("r"),
            SessionResponseProgressed("r"),
            SessionResponseEnded("r"),
            SessionResponseEnded("r", "failed"),
        ]
    for message_id, operation in speech.awaited.items():
        events += [SessionReconciliationAcknowledged(operation, message_id)] * 2
        events += [
            SessionReconciliationRefused(operation, message_id, refusal, "some_code", "in words")
            for refusal in ("already_shorter", "unknown_message", "other")
        ]
    for message in speech.messages.values():
        if not message.is_final:
            events += _plausible_about(message)
        elif not speech.response_has_ended:
            # The end of its source may have been a wrong guess.
            events.append(SessionTextReceived(message.message_id, "late "))
            events.append(SessionAudioReceived(message.message_id, message.received_ms + 100))
    return events


def _plausible_about(message: Message) -> list[Event]:
    message_id, received, handed_over = message.message_id, message.received_ms, message.handed_over_ms
    events: list[Event] = []
    if not message.source_has_ended:
        events += [SessionTextReceived(message_id, "word ")] * 3
        events.append(SessionMessageEnded(message_id))
    if message.expects_audio and (not message.source_has_ended or received > 0):
        events += [SessionAudioReceived(message_id, received + 100)] * (1 if message.source_has_ended else 8)
    if message.state == "streaming" and handed_over < received:
        events += [OutputAudioHandedOver(message_id, received)] * 10
    if message.is_forwarding and handed_over > 0:
        half = (message.position_ms + handed_over) // 2
        events += [OutputPlaybackStarted(message_id)] * (0 if message.has_started else 4)
        events += [OutputPlaybackProgressed(message_id, half)] * 3
        events += [OutputPlaybackProgressed(message_id, handed_over), OutputFailed(message_id)]
        events.append(OutputPlaybackFinished(message_id, half, True))
        if message.state != "streaming":
            events += [OutputPlaybackFinished(message_id, half, True, transcript) for transcript in ("", "word")]
            events += [OutputPlaybackFinished(message_id, handed_over)] * 6
            events += [OutputPlaybackFinished(message_id, 0, True), OutputPlaybackFinished(message_id, None, True)]
            events.append(OutputPlaybackFinished(message_id, handed_over, True))
    return events


def dubious_events(speech: Speech) -> list[Event]:
    """What bad outputs and sessions say of the messages there are: too much, too little, too late, or no number."""
    events: list[Event] = []
    for message in speech.messages.values():
        message_id = message.message_id
        events += [
            SessionAudioReceived(message_id, message.received_ms + 100),
            SessionTextReceived(message_id, "late "),
            SessionMessageEnded(message_id),
        ]
        if message.is_forwarding:
            events += [OutputAudioHandedOver(message_id, message.received_ms + more) for more in (0, 1, 100) * 4]
        for position in (None, float("nan"), -5.0, 0, 0.9, message.handed_over_ms // 2, message.handed_over_ms, 10_000):
            events += [
                OutputPlaybackProgressed(message_id, position),
                OutputPlaybackFinished(message_id, position),
                OutputPlaybackFinished(message_id, position, interrupted=True),
            ]
    if speech.messages:
        events += [Interrupt()] * 3
    return events


def rare_events() -> list[Event]:
    """What may come at any time, but ends a speech."""
    return [Close(), Interrupt(force=True), SessionLost()]


def hostile_events(ids: Iterable[str] = ("m0", "m1", "foreign")) -> list[Event]:
    """Anything at all, in any state: late, early, twice, foreign, and with numbers that mean nothing."""
    events: list[Event] = [Authorize(), Interrupt(), Interrupt(force=True), Pause(), Resume(), Close(), SessionLost()]
    for response_id in ("r", "other"):
        events += [SessionResponseCreated(response_id), SessionItemAdded(response_id)]
        events += [SessionResponseProgressed(response_id)]
        events += [SessionResponseEnded(response_id, status) for status in ("completed", "cancelled", "failed")]
    for message_id in ids:
        events += [
            SessionMessageAdded("r", message_id),
            SessionMessageAdded("r", message_id, ("text",)),
            SessionMessageAdded("r", message_id, ()),
            SessionMessageAdded("other", message_id),
            SessionTextReceived(message_id, ""),
            SessionTextReceived(message_id, "word "),
            SessionMessageEnded(message_id),
            OutputPlaybackStarted(message_id),
            OutputFailed(message_id, "broken"),
        ]
        for ms in (-1, 0, 100, 300):
            events += [SessionAudioReceived(message_id, ms), OutputAudioHandedOver(message_id, ms)]
        for position in (None, float("nan"), float("inf"), -5.0, 0, 60, 99.9, 10_000):
            events += [
                OutputPlaybackProgressed(message_id, position),
                OutputPlaybackFinished(message_id, position),
                OutputPlaybackFinished(message_id, position, interrupted=True),
                OutputPlaybackFinished(message_id, position, interrupted=True, transcript=""),
            ]
        for operation in ("truncate", "replace", "remove"):
            events.append(SessionReconciliationAcknowledged(operation, message_id))
            events += [
                SessionReconciliationRefused(operation, message_id, refusal)
                for refusal in ("already_shorter", "unknown_message", "other")
            ]
    return events + [TimerFired(timer) for timer in TIMERS]
