"""What comes in: commands of the agent and facts from the session, the output and the timers (spec, section 5).

Commands are imperatives. Facts are in the past tense, with their source in front. Amounts of audio are totals
since the start of the message, in whole milliseconds, so that a repeated fact does no harm.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, get_args

from speech_lifecycle.fsm.values import Modality, Reconciliation, Refusal, ResponseStatus, Timer

Source = Literal["agent", "session", "output", "timer"]


# Commands of the embedding agent


@dataclass(frozen=True, slots=True)
class Authorize:
    """The speech has the floor: it may play."""


@dataclass(frozen=True, slots=True)
class Interrupt:
    """Stop playing and tell the server what was heard. `force` overrides an uninterruptible policy (C7)."""

    force: bool = False


@dataclass(frozen=True, slots=True)
class Pause:
    """Hold the playback, because it is not yet clear whether the user interrupts."""


@dataclass(frozen=True, slots=True)
class Resume:
    """Go on where `Pause` held it."""


@dataclass(frozen=True, slots=True)
class Close:
    """The agent shuts down: stop playing, but keep the record of what was heard (H6)."""


# Facts from the session


@dataclass(frozen=True, slots=True)
class SessionResponseCreated:
    """The server began the response that this speech plays."""

    response_id: str


@dataclass(frozen=True, slots=True)
class SessionMessageAdded:
    """The server announced a message of the response."""

    response_id: str
    message_id: str
    modalities: tuple[Modality, ...] = ("audio",)


@dataclass(frozen=True, slots=True)
class SessionTextReceived:
    """More text of a message: its text, or the transcript of its audio. `text` is the addition."""

    message_id: str
    text: str


@dataclass(frozen=True, slots=True)
class SessionAudioReceived:
    """Audio of a message arrived. `received_ms` is the total received of this message."""

    message_id: str
    received_ms: int


@dataclass(frozen=True, slots=True)
class SessionMessageEnded:
    """No more of this message will come: its own end, or a later item of the response has begun."""

    message_id: str


@dataclass(frozen=True, slots=True)
class SessionResponseEnded:
    """The server ended the response."""

    response_id: str
    status: ResponseStatus = "completed"


@dataclass(frozen=True, slots=True)
class SessionLost:
    """The connection is gone, and the server's memory of this conversation with it."""


@dataclass(frozen=True, slots=True)
class SessionReconciliationAcknowledged:
    """The server did what was asked for one message."""

    operation: Reconciliation
    message_id: str


@dataclass(frozen=True, slots=True)
class SessionReconciliationRefused:
    """The server refused what was asked for one message.

    `refusal` is what the refusal means, as the session adapter reads it from the server's `code`
    and `text` (spec, section 8).
    """

    operation: Reconciliation
    message_id: str
    refusal: Refusal = "other"
    code: str = ""
    text: str = ""


# Facts from the output


@dataclass(frozen=True, slots=True)
class OutputAudioHandedOver:
    """Audio was given to the output. `handed_over_ms` is the total handed over of this message."""

    message_id: str
    handed_over_ms: int


@dataclass(frozen=True, slots=True)
class OutputPlaybackStarted:
    """The first frame of a message left the output."""

    message_id: str


@dataclass(frozen=True, slots=True)
class OutputPlaybackProgressed:
    """How far into a message the output is. The position is evidence only if it is a usable number."""

    message_id: str
    position_ms: float | None


@dataclass(frozen=True, slots=True)
class OutputPlaybackFinished:
    """The output is done with a message.

    `position_ms` counts from the start of this message. `transcript` is the text that was played, as the
    output synchronized it with playback: "" means that no word was played, None that it does not know.
    """

    message_id: str
    position_ms: float | None
    interrupted: bool = False
    transcript: str | None = None


@dataclass(frozen=True, slots=True)
class OutputFailed:
    """The output broke while it had this message."""

    message_id: str
    detail: str = ""


# Timers


@dataclass(frozen=True, slots=True)
class TimerFired:
    """The time that `StartTimer` asked for is over."""

    timer: Timer


Command = Authorize | Interrupt | Pause | Resume | Close
SessionFact = (
    SessionResponseCreated
    | SessionMessageAdded
    | SessionTextReceived
    | SessionAudioReceived
    | SessionMessageEnded
    | SessionResponseEnded
    | SessionLost
    | SessionReconciliationAcknowledged
    | SessionReconciliationRefused
)
OutputFact = (
    OutputAudioHandedOver | OutputPlaybackStarted | OutputPlaybackProgressed | OutputPlaybackFinished | OutputFailed
)
Event = Command | SessionFact | OutputFact | TimerFired

MessageEvent = (
    SessionMessageAdded
    | SessionTextReceived
    | SessionAudioReceived
    | SessionMessageEnded
    | OutputAudioHandedOver
    | OutputPlaybackStarted
    | OutputPlaybackProgressed
    | OutputPlaybackFinished
    | OutputFailed
)
"""The events that the message chart answers. All others go to the speech chart."""

EVENT_TYPES: tuple[type[Event], ...] = get_args(Event)
MESSAGE_EVENT_TYPES: tuple[type[MessageEvent], ...] = get_args(MessageEvent)
SPEECH_EVENT_TYPES: tuple[type[Event], ...] = tuple(
    event_type for event_type in EVENT_TYPES if event_type not in MESSAGE_EVENT_TYPES
)


def name_of(value_type: type) -> str:
    """Return the name of an event or effect type in charts and files: `Authorize` is `authorize`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", value_type.__name__).lower()


SOURCE_OF: dict[str, Source] = {
    **{name_of(event_type): "agent" for event_type in get_args(Command)},
    **{name_of(event_type): "session" for event_type in get_args(SessionFact)},
    **{name_of(event_type): "output" for event_type in get_args(OutputFact)},
    name_of(TimerFired): "timer",
}
"""Who says it, by the event's name: whom to blame if the event is rejected."""
