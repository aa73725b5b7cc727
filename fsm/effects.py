"""What goes out (spec, section 6). Effects are performed by the driver, in the order in which they are given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

from speech_lifecycle.fsm.values import (
    AgentState,
    DivergenceCause,
    HeardTextStatus,
    MessageRecord,
    Outcome,
    Timer,
)

# To the output


@dataclass(frozen=True, slots=True)
class StartHandover:
    """Begin to hand this message's audio and text to the output, as it arrives."""

    message_id: str


@dataclass(frozen=True, slots=True)
class FlushOutput:
    """All of this message is handed over: play it out and report the end."""

    message_id: str


@dataclass(frozen=True, slots=True)
class ClearOutput:
    """Stop playing this message at once, throw away the rest, and report how far it got."""

    message_id: str


@dataclass(frozen=True, slots=True)
class PauseOutput:
    """Hold the playback."""


@dataclass(frozen=True, slots=True)
class ResumeOutput:
    """End the hold."""


# To the session


@dataclass(frozen=True, slots=True)
class CancelResponse:
    """Stop generating this response. Given only while it generates, and once (C3)."""

    response_id: str


@dataclass(frozen=True, slots=True)
class TruncateMessage:
    """Keep only the first `audio_end_ms` of this message on the server. At least 1."""

    message_id: str
    audio_end_ms: int


@dataclass(frozen=True, slots=True)
class ReplaceMessage:
    """Put this text in the place of a text message on the server, which cannot be truncated (T2)."""

    message_id: str
    text: str


@dataclass(frozen=True, slots=True)
class RemoveMessages:
    """Remove these messages from the server's context."""

    message_ids: tuple[str, ...]


# To the agent


@dataclass(frozen=True, slots=True)
class AnnounceAgentState:
    """The agent's state as the listener would describe it."""

    state: AgentState


@dataclass(frozen=True, slots=True)
class ReportMessageSettled:
    """A message reached its final state."""

    record: MessageRecord


@dataclass(frozen=True, slots=True)
class CommitMessage:
    """Append what was heard of a message to the local history."""

    message_id: str
    text: str
    text_status: HeardTextStatus
    interrupted: bool


@dataclass(frozen=True, slots=True)
class ReportDivergence:
    """The server cannot be brought in line: what it remembers, and what was heard."""

    message_id: str
    cause: DivergenceCause
    remembered_ms: int
    remembered_text: str
    heard_ms: int
    heard_text: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class ReportSpeechDone:
    """The speech is over and the floor is free."""

    outcome: Outcome
    records: tuple[MessageRecord, ...]


# Timers


@dataclass(frozen=True, slots=True)
class StartTimer:
    """Send `TimerFired(timer)` in `delay_ms`. A speech has one timer: it replaces the one that runs."""

    timer: Timer
    delay_ms: int


@dataclass(frozen=True, slots=True)
class CancelTimer:
    """Stop the timer that runs."""

    timer: Timer


OutputEffect = StartHandover | FlushOutput | ClearOutput | PauseOutput | ResumeOutput
SessionEffect = CancelResponse | TruncateMessage | ReplaceMessage | RemoveMessages
AgentEffect = AnnounceAgentState | ReportMessageSettled | CommitMessage | ReportDivergence | ReportSpeechDone
TimerEffect = StartTimer | CancelTimer
Effect = OutputEffect | SessionEffect | AgentEffect | TimerEffect

EFFECT_TYPES: tuple[type[Effect], ...] = get_args(Effect)
