"""How real outputs go wrong, as small immutable values.

A misbehaviour changes what the simulated speaker *reports*, or breaks its playback off. What the listener
hears stays exact. The ids are those of the field bugs that show the misbehaviour (`docs/field-bugs.md`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

from msgspec.structs import replace

from speech_lifecycle.fsm.events import (
    OutputFact,
    OutputFailed,
    OutputPlaybackFinished,
    OutputPlaybackProgressed,
    OutputPlaybackStarted,
)

Kinds = tuple[type[OutputFact], ...]
"""Kinds of facts that a misbehaviour is about."""

ALL_KINDS: Kinds = (OutputPlaybackStarted, OutputPlaybackProgressed, OutputPlaybackFinished, OutputFailed)


@dataclass(frozen=True, slots=True)
class Circumstances:
    """The truth about the message that a fact is about, at the moment of the fact."""

    message_id: str
    index: int
    """How many messages this output had before this one."""
    previous_message_id: str | None
    written_ms: int
    cleared: bool
    """Whether the caller asked to clear it."""


class Report(NamedTuple):
    """A fact to report, and how many milliseconds after it became true."""

    fact: OutputFact
    after_ms: float = 0.0


class Incident(NamedTuple):
    """What ends a message's playback when its position reaches `at_ms`, though nobody asked for it."""

    at_ms: int
    kind: Literal["failure", "clear"]
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Flaws:
    """What goes wrong with the playback of a message itself, not only with the reports about it."""

    incident: Incident | None = None
    lost_on_pause_ms: int = 0
    """How much of the audio that waits is thrown away by a pause."""
    starts_again_on_resume: bool = False


class Misbehaviour:
    """The base of all: an output that behaves. Subclasses override what they spoil."""

    __slots__ = ()

    def reports(self, fact: OutputFact, about: Circumstances) -> tuple[Report, ...]:
        """Return what is reported instead of the true `fact`."""
        return (Report(fact),)

    def flaws(self, about: Circumstances) -> Flaws:
        """Return what goes wrong with the playback of this message."""
        return Flaws()


@dataclass(frozen=True, slots=True)
class AllOf(Misbehaviour):
    """Several at once. Each sees the facts that the one before it lets through; the first incident counts."""

    parts: tuple[Misbehaviour, ...]

    def reports(self, fact: OutputFact, about: Circumstances) -> tuple[Report, ...]:
        """Return what is left when every part has spoilt it; delays add up."""
        reports = [Report(fact)]
        for part in self.parts:
            reports = [
                Report(spoilt.fact, report.after_ms + spoilt.after_ms)
                for report in reports
                for spoilt in part.reports(report.fact, about)
            ]
        return tuple(reports)

    def flaws(self, about: Circumstances) -> Flaws:
        """Return the earliest incident, the sum of the losses, and whether any starts again."""
        flaws = [part.flaws(about) for part in self.parts]
        incidents = [flaw.incident for flaw in flaws if flaw.incident is not None]
        return Flaws(
            incident=min(incidents, key=lambda incident: incident.at_ms, default=None),
            lost_on_pause_ms=sum(flaw.lost_on_pause_ms for flaw in flaws),
            starts_again_on_resume=any(flaw.starts_again_on_resume for flaw in flaws),
        )


@dataclass(frozen=True, slots=True)
class OnlyFor(Misbehaviour):
    """A misbehaviour on one message only: the one at `index` (0 is the first) on this output."""

    index: int
    part: Misbehaviour

    def reports(self, fact: OutputFact, about: Circumstances) -> tuple[Report, ...]:
        """Return the part's reports for that message, the truth for others."""
        return self.part.reports(fact, about) if about.index == self.index else (Report(fact),)

    def flaws(self, about: Circumstances) -> Flaws:
        """Return the part's flaws for that message, none for others."""
        return self.part.flaws(about) if about.index == self.index else Flaws()


@dataclass(frozen=True, slots=True)
class Silent(Misbehaviour):
    """The end of playback is never reported; with `only_after_clear`, only not after a clear (O1, O2, O3)."""

    only_after_clear: bool = False

    def reports(self, fact: OutputFact, about: Circumstances) -> tuple[Report, ...]:
        """Return every fact but the finish."""
        is_withheld = isinstance(fact, OutputPlaybackFinished) and (about.cleared or not self.only_after_clear)
        return () if is_withheld else (Report(fact),)


@dataclass(frozen=True, slots=True)
class NeverReportsStarted(Misbehaviour):
    """The start of playback is never reported, as by avatars (H5); what waits for it must not hang (H4)."""

    def reports(self, fact: OutputFact, about: Circumstances) -> tuple[Report, ...]:
        """Return every fact but the start."""
        return () if isinstance(fact, OutputPlaybackStarted) else (Report(fact),)


@dataclass(frozen=True, slots=True)
class NeverReportsProgress(Misbehaviour):
    """No position is reported before the end, so a bad one at the end has nothing to fall back on (T14)."""

    def reports(self, fact: OutputFact, about: Circumstances) -> tuple[Report, ...]:
        """Return every fact but progress."""
        return () if isinstance(fact, OutputPlaybackProgressed) else (Report(fact),)


@dataclass(frozen=True, slots=True)
class Late(Misbehaviour):
    """Facts of these kinds come `by_ms` milliseconds late: a start after a second (H5), a finish (O1, H7)."""

    by_ms: float
    kinds: Kinds = ALL_KINDS

    def reports(self, fact: OutputFact, about: Circumstances) -> tuple[Report, ...]:
        """Return the fact, later."""
        return (Report(fact, self.by_ms if isinstance(fact, self.kinds) else 0.0),)


@dataclass(frozen=True, slots=True)
class OverReports(Misbehaviour):
    """Positions are reported as `position * factor + by_ms`: more than was heard (T10)."""

    by_ms: float = 0.0
    factor: float = 1.0

    def reports(self, fact: OutputFact, about: Circumstances) -> tuple[Report, ...]:
        """Return the fact with too high a position."""
        if isinstance(fact, (OutputPlaybackProgressed, OutputPlaybackFinished)) and fact.position_ms is not None:
            return (Report(replace(fact, position_ms=fact.position_ms * self.factor + self.by_ms)),)
        return (Report(fact),)


@dataclass(frozen=True, slots=True)
class ReportsQueuedPosition(Misbehaviour):
    """Positions count what was written instead of what was played, as on telephone streams (T11)."""

    def reports(self, fact: OutputFact, about: Circumstances) -> tuple[Report, ...]:
        """Return the fact with the written milliseconds as its position."""
        if isinstance(fact, (OutputPlaybackProgressed, OutputPlaybackFinished)):
            return (Report(replace(fact, position_ms=float(about.written_ms))),)
        return (Report(fact),)


@dataclass(frozen=True, slots=True)
class ReportsPosition(Misbehaviour):
    """A fixed, useless position: NaN, infinite or None (T12), negative (T13), 0 though audio was heard (T14).

    `kinds` are the facts that it stands in; by default the finish only, so that progress tells the truth.
    """

    position_ms: float | None
    kinds: Kinds = (OutputPlaybackFinished,)

    def reports(self, fact: OutputFact, about: Circumstances) -> tuple[Report, ...]:
        """Return the fact with the fixed position."""
        if isinstance(fact, self.kinds) and isinstance(fact, (OutputPlaybackProgressed, OutputPlaybackFinished)):
            return (Report(replace(fact, position_ms=self.position_ms)),)
        return (Report(fact),)


@dataclass(frozen=True, slots=True)
class DeniesInterruption(Misbehaviour):
    """A finish after a clear, by whomever, says `interrupted=False` (H7, H13)."""

    def reports(self, fact: OutputFact, about: Circumstances) -> tuple[Report, ...]:
        """Return the finish as if nobody had cut it."""
        return (Report(replace(fact, interrupted=False) if isinstance(fact, OutputPlaybackFinished) else fact),)


@dataclass(frozen=True, slots=True)
class SurplusFinishes(Misbehaviour):
    """The finish is repeated `count` times, `every_ms` milliseconds apart (O4)."""

    count: int = 1
    every_ms: float = 0.0

    def reports(self, fact: OutputFact, about: Circumstances) -> tuple[Report, ...]:
        """Return the finish more than once."""
        count = self.count if isinstance(fact, OutputPlaybackFinished) else 0
        return tuple(Report(fact, repetition * self.every_ms) for repetition in range(count + 1))


@dataclass(frozen=True, slots=True)
class StartsAgainOnResume(Misbehaviour):
    """The start of playback is reported again when a held playback goes on (P2)."""

    def flaws(self, about: Circumstances) -> Flaws:
        """Return the repeated start."""
        return Flaws(starts_again_on_resume=True)


@dataclass(frozen=True, slots=True)
class WrongMessageId(Misbehaviour):
    """Facts name another message: `message_id`, by default the previous one on this output (H8, H9).

    The first message has no previous one: without a `message_id` its facts stay true.
    """

    message_id: str | None = None
    kinds: Kinds = ALL_KINDS

    def reports(self, fact: OutputFact, about: Circumstances) -> tuple[Report, ...]:
        """Return the fact under the wrong id."""
        wrong_id = self.message_id or about.previous_message_id
        if wrong_id is None or not isinstance(fact, self.kinds):
            return (Report(fact),)
        return (Report(replace(fact, message_id=wrong_id)),)


@dataclass(frozen=True, slots=True)
class FailsAfter(Misbehaviour):
    """The output breaks when it has played `ms` milliseconds of a message: `OutputFailed` (H12)."""

    ms: int
    detail: str = "the simulated device is gone"

    def flaws(self, about: Circumstances) -> Flaws:
        """Return the incident."""
        return Flaws(incident=Incident(self.ms, "failure", self.detail))


@dataclass(frozen=True, slots=True)
class ClearedFromOutsideAfter(Misbehaviour):
    """Another party clears or swaps the output when `ms` milliseconds of a message are played (H13)."""

    ms: int

    def flaws(self, about: Circumstances) -> Flaws:
        """Return the incident."""
        return Flaws(incident=Incident(self.ms, "clear"))


@dataclass(frozen=True, slots=True)
class LosesAudioOnPause(Misbehaviour):
    """A pause throws away the next `ms` milliseconds, and positions count them as played (P5)."""

    ms: int

    def flaws(self, about: Circumstances) -> Flaws:
        """Return the loss."""
        return Flaws(lost_on_pause_ms=self.ms)
