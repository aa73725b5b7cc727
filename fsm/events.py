"""What comes in: commands of the agent and facts from the session, the output and the timers (spec, section 5).

Commands are imperatives. Facts are in the past tense, with their source in front. Amounts of audio are totals
since the start of the message, in whole milliseconds, so that a repeated fact does no harm.

What bounds how much can have been heard carries the time at which it was observed, `observed_ms`: whole milliseconds of
one monotonic clock, the same for all events of a conversation, of any zero; None if nobody knows. The core reads no
clock (spec, section 7).

A speech by itself has no id. In a conversation, what is about one speech names it in `speech_id`; "" leaves it to the
conversation which speech, or speeches, it is about.
"""

from __future__ import annotations

from typing import Literal, get_args

from .values import (
    Modality,
    NamedValue,
    Reconciliation,
    Refusal,
    ResponseStatus,
    Timer,
    Whole,
    snake_case,
)

Source = Literal["agent", "session", "output", "user", "timer"]
"""Who says an event, and is to blame for one that is rejected."""


# Commands of the embedding agent


class RequestResponse(NamedValue, frozen=True):
    """Ask the model for a response. `speech_id` is a new name, for the speech that will play it.

    One that is out of band (`conversation: none`) stands beside the conversation: it is played, and not remembered.
    """

    speech_id: str
    is_out_of_band: bool = False


class Authorize(NamedValue, frozen=True):
    """The speech has the floor: it may play."""

    speech_id: str = ""


class Interrupt(NamedValue, frozen=True):
    """Stop playing and tell the server what was heard. `force` overrides an uninterruptible policy (C7).

    Without a name it means silence: what plays, what is queued and what is only requested (M8).
    """

    force: bool = False
    speech_id: str = ""
    observed_ms: Whole | None = None


class Pause(NamedValue, frozen=True):
    """Hold the playback, because it is not yet clear whether the user interrupts."""

    speech_id: str = ""
    observed_ms: Whole | None = None


class Resume(NamedValue, frozen=True):
    """Go on where `Pause` held it."""

    speech_id: str = ""
    observed_ms: Whole | None = None


class Close(NamedValue, frozen=True):
    """The agent shuts down: stop playing, but keep the record of what was heard (H6)."""

    speech_id: str = ""
    observed_ms: Whole | None = None


class DropRequest(NamedValue, frozen=True):
    """The response of a speech that was stopped was never asked for, and will not be: nobody waits for it."""

    speech_id: str = ""


class CancelGeneration(NamedValue, frozen=True):
    """Have the server stop generating, and play what has come. Without a name: whatever it generates."""

    speech_id: str = ""


class ChangeOutput(NamedValue, frozen=True):
    """Another output plays the speeches to come, or none. Those that have begun keep what they began with."""

    plays_audio: bool = True
    can_pause: bool = True
    shows_text: bool = True


# Facts from the session


class SessionResponseCreated(NamedValue, frozen=True):
    """The server began a response.

    In a conversation, `speech_id` is the speech whose request it answers, "" if it names none. `new_speech_id` is a
    name for its speech if it turns out that nobody asked for it. A response that is out of band (`conversation:
    none`) is no part of the conversation.
    """

    response_id: str
    speech_id: str = ""
    new_speech_id: str = ""
    is_out_of_band: bool = False


class SessionRequestRefused(NamedValue, frozen=True):
    """The server refused to begin the response that was asked for, in its own words."""

    speech_id: str = ""
    code: str = ""
    text: str = ""


class SessionMessageAdded(NamedValue, frozen=True):
    """The server announced a message of the response."""

    response_id: str
    message_id: str
    modalities: tuple[Modality, ...] = ("audio",)


class SessionTextReceived(NamedValue, frozen=True):
    """More text of a message: its text, or the transcript of its audio. `text` is the addition."""

    message_id: str
    text: str


class SessionAudioReceived(NamedValue, frozen=True):
    """Audio of a message arrived. `received_ms` is the total received of this message."""

    message_id: str
    received_ms: Whole


class SessionItemAdded(NamedValue, frozen=True):
    """The server began an item of the response that is no message, such as a function call: those before it end."""

    response_id: str


class SessionResponseProgressed(NamedValue, frozen=True):
    """The server works on the response, and says so: with a tool of its own, with arguments, by thinking (N15)."""

    response_id: str


class SessionMessageEnded(NamedValue, frozen=True):
    """No more of this message will come: its own end, or a later item of the response has begun."""

    message_id: str


class SessionResponseEnded(NamedValue, frozen=True):
    """The server ended the response. `code` and `text` say why it failed or was cut, in the server's own words."""

    response_id: str
    status: ResponseStatus = "completed"
    code: str = ""
    text: str = ""


class SessionLost(NamedValue, frozen=True):
    """The connection is gone.

    With `may_resume`, the session tries to connect again: `SessionResumed` will follow, or `SessionLost()`, for good.
    `code` and `text` say why, in the words of whoever ended it: `session_expired`, or the code of the closing frame.
    """

    may_resume: bool = False
    code: str = ""
    text: str = ""
    observed_ms: Whole | None = None


class SessionResumed(NamedValue, frozen=True):
    """There is a connection again. If the server kept the conversation, it remembers what it did before the loss."""

    conversation_kept: bool = False


class SessionReconciliationAcknowledged(NamedValue, frozen=True):
    """The server did what was asked for one message."""

    operation: Reconciliation
    message_id: str


class SessionReconciliationRefused(NamedValue, frozen=True):
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


class OutputAudioHandedOver(NamedValue, frozen=True):
    """Audio was given to the output. `handed_over_ms` is the total handed over of this message.

    Its time, if it has one, is that of this one piece: before, there was nothing but the total of before to be heard.
    """

    message_id: str
    handed_over_ms: Whole
    observed_ms: Whole | None = None


class OutputPlaybackStarted(NamedValue, frozen=True):
    """The first frame of a message left the output."""

    message_id: str
    observed_ms: Whole | None = None


class OutputPlaybackProgressed(NamedValue, frozen=True):
    """How far into a message the output is. The position is evidence only if it is a usable number."""

    message_id: str
    position_ms: float | None
    observed_ms: Whole | None = None


class OutputPlaybackFinished(NamedValue, frozen=True):
    """The output is done with a message.

    `position_ms` counts from the start of this message. `transcript` is the text that was played, as the
    output synchronized it with playback: "" means that no word was played, None that it does not know.
    """

    message_id: str
    position_ms: float | None
    interrupted: bool = False
    transcript: str | None = None
    observed_ms: Whole | None = None


class OutputFailed(NamedValue, frozen=True):
    """The output broke while it had this message."""

    message_id: str
    detail: str = ""
    observed_ms: Whole | None = None


# Facts about the user


class UserStartedSpeaking(NamedValue, frozen=True):
    """The user begins to speak."""

    observed_ms: Whole | None = None


class UserStoppedSpeaking(NamedValue, frozen=True):
    """The user is silent again."""


# Timers


class TimerFired(NamedValue, frozen=True):
    """The time that `StartTimer` asked for is over."""

    timer: Timer
    speech_id: str = ""
    observed_ms: Whole | None = None


Command = Authorize | Interrupt | Pause | Resume | Close | DropRequest | CancelGeneration
"""What the agent tells a speech."""
SessionFact = (
    SessionResponseCreated
    | SessionRequestRefused
    | SessionItemAdded
    | SessionResponseProgressed
    | SessionMessageAdded
    | SessionTextReceived
    | SessionAudioReceived
    | SessionMessageEnded
    | SessionResponseEnded
    | SessionLost
    | SessionResumed
    | SessionReconciliationAcknowledged
    | SessionReconciliationRefused
)
"""What the session tells."""
OutputFact = (
    OutputAudioHandedOver | OutputPlaybackStarted | OutputPlaybackProgressed | OutputPlaybackFinished | OutputFailed
)
"""What the output tells."""
UserFact = UserStartedSpeaking | UserStoppedSpeaking
"""What is told of the user."""
SpeechEvent = Command | SessionFact | OutputFact | TimerFired
"""The events of a speech and its messages."""
Event = SpeechEvent | RequestResponse | ChangeOutput | UserFact
"""All that comes in."""

TimedEvent = Interrupt | Pause | Resume | Close | SessionLost | OutputFact | UserStartedSpeaking | TimerFired
"""What plays, holds or stops: it bounds how much can have been heard."""

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

EVENT_TYPES: tuple[type[SpeechEvent], ...] = get_args(SpeechEvent)
"""The events of a speech, whether its own chart or a message's answers them."""
MESSAGE_EVENT_TYPES: tuple[type[MessageEvent], ...] = get_args(MessageEvent)
"""The same, as types."""
SPEECH_EVENT_TYPES: tuple[type[SpeechEvent], ...] = tuple(
    event_type for event_type in EVENT_TYPES if event_type not in MESSAGE_EVENT_TYPES
)
"""The events that the speech chart answers."""
CONVERSATION_EVENT_TYPES: tuple[type[Event], ...] = (
    RequestResponse,
    CancelGeneration,
    ChangeOutput,
    Authorize,
    Interrupt,
    Pause,
    Resume,
    Close,
    SessionResponseCreated,
    SessionRequestRefused,
    SessionLost,
    SessionResumed,
    UserStartedSpeaking,
    UserStoppedSpeaking,
    TimerFired,
)
"""The events that the conversation chart answers. Of those that are a speech's too, those that name none."""
EVERY_EVENT_TYPE: tuple[type[Event], ...] = (
    *EVENT_TYPES,
    RequestResponse,
    ChangeOutput,
    UserStartedSpeaking,
    UserStoppedSpeaking,
)
"""The events of a conversation: those of its speeches, and its own."""
TIMED_EVENT_TYPES: tuple[type[TimedEvent], ...] = get_args(TimedEvent)
"""The events that carry the time at which they were observed."""


def name_of(value_type: type) -> str:
    """Return the name of an event or effect type in charts and files: `Authorize` is `authorize`."""
    return snake_case(value_type.__name__)


SOURCE_OF: dict[str, Source] = {
    name_of(RequestResponse): "agent",
    name_of(ChangeOutput): "agent",
    **{name_of(event_type): "agent" for event_type in get_args(Command)},
    **{name_of(event_type): "session" for event_type in get_args(SessionFact)},
    **{name_of(event_type): "output" for event_type in get_args(OutputFact)},
    **{name_of(event_type): "user" for event_type in get_args(UserFact)},
    name_of(TimerFired): "timer",
}
"""Who says it, by the event's name: whom to blame if the event is rejected."""
