"""A call as it is shown: who spoke when, and what became of every message.

It is made of a trace by `CallReading`, and grows while that is read. All times are milliseconds on the trace's clock;
what has not ended has no end yet (None).
"""

from __future__ import annotations

import bisect
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, cast

from speech_lifecycle.fsm.effects import ReportDivergence
from speech_lifecycle.fsm.values import MessageRecord, MessageState, Outcome, Reconciliation

MarkKind = Literal["interrupt", "hold", "close", "connection", "failure", "timer", "divergence"]
OutputDeed = Literal["handover", "started", "flushed", "cleared", "finished", "stopped", "failed"]


@dataclass(frozen=True, slots=True)
class Span:
    """Something was in a state from one instant to another, or still is."""

    state: str
    from_ms: int
    to_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of a message that was heard without a break, or still is."""

    from_ms: int
    position_ms: int
    """Where in the message it begins."""
    to_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that happened at an instant, in one speech or, if `speech_id` is "", in the call."""

    at_ms: int
    kind: MarkKind
    label: str
    speech_id: str = ""


@dataclass(frozen=True, slots=True)
class OutputMark:
    """What the output was told about a message (handover, flushed, cleared), or said of it."""

    at_ms: int
    deed: OutputDeed
    position_ms: int | None = None
    """How far it was, if it said so."""


@dataclass(slots=True)
class ServerRequest:
    """What the server was asked to do to its memory of a message, and what it said to that."""

    operation: Reconciliation
    at_ms: int
    audio_end_ms: int | None = None
    """Of a truncation: how much is to be kept."""
    answered_ms: int | None = None
    is_refused: bool = False
    detail: str = ""
    """In the server's own words: why it refused."""


@dataclass(slots=True)
class CallMessage:
    """One message: what was generated of it, when, and what was heard."""

    message_id: str
    speech_id: str
    has_audio: bool
    announced_ms: int
    states: list[Span] = field(default_factory=list)
    """One after the other, until it is final: how it ended is in `record`, and when in `settled_ms`."""
    settled_ms: int | None = None
    record: MessageRecord | None = None
    """How it ended, as it was reported. None while it has not."""
    texts: list[str] = field(default_factory=list)
    """The pieces of its text, while it has no record."""
    received_ms: int = 0
    """Of its audio, from the server."""
    generated_ms: int = 0
    """When the last of it came from the server."""
    handed_over_ms: int = 0
    """Of its audio, to the output."""
    heard: list[Stretch] = field(default_factory=list)
    output: list[OutputMark] = field(default_factory=list)
    server: list[ServerRequest] = field(default_factory=list)
    divergence: ReportDivergence | None = None

    @property
    def state(self) -> MessageState:
        """The state that it is in, as far as the trace tells."""
        if self.record is not None:
            return self.record.state
        return cast(MessageState, self.states[-1].state) if self.states else "pending"

    @property
    def text(self) -> str:
        """All words that were generated, until it ended."""
        return "".join(self.texts) if self.record is None else self.record.generated_text

    @property
    def to_ms(self) -> int | None:
        """When the last thing happened to it; None if it has not ended."""
        if self.settled_ms is None:
            return None
        answers = [each.answered_ms or each.at_ms for each in self.server]
        return max([self.settled_ms, self.generated_ms, *answers])


@dataclass(slots=True)
class CallSpeech:
    """One speech and its messages, in the order of their announcement."""

    speech_id: str
    begun_ms: int
    states: list[Span] = field(default_factory=list)
    messages: dict[str, CallMessage] = field(default_factory=dict)
    done_ms: int | None = None
    outcome: Outcome | None = None
    code: str = ""
    text: str = ""
    """Why its response failed, was cut or refused, in the server's words."""


@dataclass(slots=True)
class Call:
    """All of it, in order of time."""

    definition: str = ""
    """Which definition the trace was made with, as its header says."""
    from_ms: int | None = None
    """When the first thing happened; None if nothing has."""
    to_ms: int = 0
    """When the last thing happened."""
    user: list[Span] = field(default_factory=list)
    """When the user was talking."""
    agent: list[Span] = field(default_factory=list)
    """Its states as they were announced."""
    connection: list[Span] = field(default_factory=list)
    holds: list[Span] = field(default_factory=list)
    """When the output held its playback."""
    speeches: list[CallSpeech] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    """What of the trace could not be read, by file and line, or is not as it should be: the first of it."""
    problem_count: int = 0
    """How many there were in all."""

    @property
    def messages(self) -> Iterator[CallMessage]:
        """The messages of all speeches, speech by speech."""
        for speech in self.speeches:
            yield from speech.messages.values()

    def marks_in(self, from_ms: float, to_ms: float) -> list[Mark]:
        """Return the marks from one instant to another, both included."""
        first = bisect.bisect_left(self.marks, from_ms, key=lambda mark: mark.at_ms)
        return self.marks[first : bisect.bisect_right(self.marks, to_ms, key=lambda mark: mark.at_ms)]

    @property
    def is_empty(self) -> bool:
        """Whether nothing happened that can be shown."""
        return self.from_ms is None
