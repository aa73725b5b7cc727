"""What goes out (spec, section 6). Effects are performed by the driver, in the order in which they are given."""

from __future__ import annotations

from typing import get_args

from .values import (
    AgentState,
    ConnectionState,
    DivergenceCause,
    HeardTextStatus,
    MessageRecord,
    NamedValue,
    Outcome,
    Timer,
    Whole,
)

# To the output


class StartHandover(NamedValue, frozen=True):
    """Begin to hand this message's audio and text to the output, as it arrives."""

    message_id: str


class FlushOutput(NamedValue, frozen=True):
    """All of this message is handed over: play it out and report the end."""

    message_id: str


class ClearOutput(NamedValue, frozen=True):
    """Stop playing this message at once, throw away the rest, and report how far it got."""

    message_id: str


class PauseOutput(NamedValue, frozen=True):
    """Hold the playback."""


class ResumeOutput(NamedValue, frozen=True):
    """End the hold."""


# To the session


class CreateResponse(NamedValue, frozen=True):
    """Ask the model for the response that this speech plays. Given only while the server generates no other (C1)."""

    speech_id: str
    is_out_of_band: bool = False


class CancelResponse(NamedValue, frozen=True):
    """Stop generating this response. Given only while it generates, and once (C3)."""

    response_id: str


class TruncateMessage(NamedValue, frozen=True):
    """Keep only the first `audio_end_ms` of this message on the server. At least 1."""

    message_id: str
    audio_end_ms: Whole


class ReplaceMessage(NamedValue, frozen=True):
    """Put this text in the place of a text message on the server, which cannot be truncated (T2)."""

    message_id: str
    text: str


class RemoveMessages(NamedValue, frozen=True):
    """Remove these messages from the server's context."""

    message_ids: tuple[str, ...]


class RestoreHistory(NamedValue, frozen=True):
    """Tell the new session what was heard: its server does not remember the conversation."""


# To the agent


class ReportSpeechBegun(NamedValue, frozen=True):
    """There is a new speech in the conversation."""

    speech_id: str


class AnnounceAgentState(NamedValue, frozen=True):
    """The agent's state as the listener would describe it."""

    state: AgentState


class AnnounceConnectionState(NamedValue, frozen=True):
    """Whether there is a server to talk to; after a loss, `conversation_kept` says whether it remembers anything."""

    state: ConnectionState
    conversation_kept: bool = True


class ReportMessageSettled(NamedValue, frozen=True):
    """A message reached its final state."""

    record: MessageRecord


class CommitMessage(NamedValue, frozen=True):
    """Append what was heard of a message to the local history."""

    message_id: str
    text: str
    """What was heard; "" if that is unknown."""
    text_status: HeardTextStatus
    interrupted: bool
    """Whether it was cut."""


class ReportDivergence(NamedValue, frozen=True):
    """The server cannot be brought in line: what it remembers, and what was heard."""

    message_id: str
    cause: DivergenceCause
    remembered_ms: Whole
    """How much of its audio the server remembers."""
    remembered_text: str
    heard_ms: Whole
    """How much of it was heard."""
    heard_text: str
    detail: str = ""
    """What the server said, or what it did not answer."""


class ReportSpeechDone(NamedValue, frozen=True):
    """The speech is over and the floor is free.

    `code` and `text` say what is known of why its response failed, was cut or refused, or the connection was lost, in
    the words of the server (N6).
    """

    outcome: Outcome
    records: tuple[MessageRecord, ...]
    speech_id: str = ""
    code: str = ""
    text: str = ""


# Timers


class StartTimer(NamedValue, frozen=True):
    """Send `TimerFired(timer, speech_id)` in `delay_ms`. It replaces the timer of this name's owner that runs.

    Each speech has one timer, and so has the conversation, without a `speech_id`: the user's.
    """

    timer: Timer
    delay_ms: Whole
    speech_id: str = ""


class CancelTimer(NamedValue, frozen=True):
    """Stop the timer that runs."""

    timer: Timer
    speech_id: str = ""


OutputEffect = StartHandover | FlushOutput | ClearOutput | PauseOutput | ResumeOutput
"""What the output has to do."""
SessionEffect = CancelResponse | TruncateMessage | ReplaceMessage | RemoveMessages
"""What a speech has the session do."""
AgentEffect = (
    ReportSpeechBegun
    | AnnounceAgentState
    | AnnounceConnectionState
    | ReportMessageSettled
    | CommitMessage
    | ReportDivergence
    | ReportSpeechDone
)
"""What the agent is told: `Driver.listen` gets these."""
TimerEffect = StartTimer | CancelTimer
"""What a clock has to do."""
Effect = OutputEffect | CreateResponse | RestoreHistory | SessionEffect | AgentEffect | TimerEffect
"""All that goes out."""

EVERY_EFFECT_TYPE: tuple[type[Effect], ...] = get_args(Effect)
"""The effects of a conversation: those of its speeches, and its own."""
CONVERSATION_EFFECT_TYPES: tuple[type[Effect], ...] = (
    CreateResponse,
    RestoreHistory,
    ReportSpeechBegun,
    AnnounceConnectionState,
)
"""The effects that only a conversation gives."""
EFFECT_TYPES: tuple[type[Effect], ...] = tuple(
    effect_type for effect_type in EVERY_EFFECT_TYPE if effect_type not in CONVERSATION_EFFECT_TYPES
)
"""The effects of a speech and its messages."""
