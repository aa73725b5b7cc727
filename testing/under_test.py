"""An output on the bench: what it was given, what it said, and whether that is what it must say."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import TypeVar

from speech_lifecycle.adapters.ports import AudioOutput
from speech_lifecycle.fsm.errors import SpeechLifecycleError
from speech_lifecycle.fsm.events import (
    OutputFact,
    OutputFailed,
    OutputPlaybackFinished,
    OutputPlaybackProgressed,
    OutputPlaybackStarted,
)

F = TypeVar("F", bound=OutputFact)

_LEVEL = (1000).to_bytes(2, "little", signed=True)
_PATIENCE_MS = 3_000
"""Beyond what is due: a machine that is busy is no fault of the output's."""
_INSTANT_MS = 0.01
"""Too short a time for a clock of floats to move on by."""
BLOCKED_MS = 250
"""A call of an output that takes longer than this has kept everything else in the process waiting."""


class OutputContractError(SpeechLifecycleError, AssertionError):
    """The output does not keep the contract. The message says which rule, and what it did."""


@dataclass(frozen=True)
class OutputUnderTest:
    """An output that is new and attached to nobody, and what the checks may expect of it."""

    output: AudioOutput
    tolerance_ms: float = 25
    """How far a position may lie beyond what was heard, and from the clock where nobody listens."""
    behind_ms: float = 0
    """How far a position may lie behind, in addition: of an output that knows only a lower bound."""
    latency_ms: float = 300
    """How long after the first write the first frame leaves, at most."""
    heard_ms: Callable[[], Awaitable[float]] | None = None
    """How many milliseconds that were not silence have reached the far end since the output was made.
    Asked when the output has finished. None: nobody listens, and positions are compared with the clock."""
    fail: Callable[[], Awaitable[None]] | None = None
    """Has what the output plays on go away; None: it cannot."""
    reports_progress: bool = True
    """Whether it reports positions while it plays."""


OpenOutput = Callable[[], AbstractAsyncContextManager[OutputUnderTest]]
"""Makes an output for one check, and takes it away again. The check closes the output itself."""


class Bench:
    """Attached to the output; collects its facts on the loop, whichever thread reports them."""

    def __init__(self, under_test: OutputUnderTest) -> None:
        self.under_test = under_test
        self.output = under_test.output
        self.facts: list[OutputFact] = []
        self.written_ms: dict[str, float] = {}
        self._times_ms: list[float] = []
        self._loop = asyncio.get_running_loop()
        self._told = asyncio.Event()

    @property
    def now_ms(self) -> float:
        """The loop's time."""
        return self._loop.time() * 1000

    def attach(self) -> None:
        """Let the output report here."""
        self.output.attach(self._report)

    def _report(self, fact: OutputFact) -> None:
        self._loop.call_soon_threadsafe(self._note, fact)

    def _note(self, fact: OutputFact) -> None:
        self.facts.append(fact)
        self._times_ms.append(self.now_ms)
        self._told.set()

    # What the output is given

    def write(self, message_id: str, ms: float) -> None:
        """Write audio that is nowhere silent."""
        samples = round(ms * self.output.sample_rate / 1000)
        self.write_pcm(message_id, _LEVEL * samples)

    def write_pcm(self, message_id: str, pcm: bytes) -> None:
        """Write 16-bit mono PCM."""
        self.call(self.output.write, message_id, pcm)
        ms = len(pcm) * 1000 / (2 * self.output.sample_rate)
        self.written_ms[message_id] = self.written_ms.get(message_id, 0) + ms

    def say(self, message_id: str, ms: float) -> None:
        """Start, write and flush a message."""
        self.call(self.output.start, message_id)
        self.write(message_id, ms)
        self.call(self.output.flush, message_id)

    def call(self, method: Callable[..., None], *arguments: object) -> None:
        """Call the output, and see that it does not keep the loop waiting."""
        before_ms = self.now_ms
        method(*arguments)
        took_ms = self.now_ms - before_ms
        self.expect(took_ms < BLOCKED_MS, f"{method.__name__}() blocked the event loop for {took_ms:.0f} ms")

    # What it said

    def of(self, fact_type: type[F], message_id: str) -> list[F]:
        """Return the facts of a type about a message, in order."""
        return [fact for fact in self.facts if isinstance(fact, fact_type) and fact.message_id == message_id]

    def at_ms(self, fact: OutputFact) -> float:
        """Return when a fact came."""
        return self._times_ms[self.facts.index(fact)]

    def finish(self, message_id: str) -> OutputPlaybackFinished:
        """Return the one finish of a message."""
        finishes = self.of(OutputPlaybackFinished, message_id)
        self.expect(len(finishes) == 1, f"{message_id!r} finished {len(finishes)} times")
        return finishes[0]

    async def finished(self, message_id: str, within_ms: float = 0) -> OutputPlaybackFinished:
        """Wait for the finish of a message."""
        await self.until(
            lambda: bool(self.of(OutputPlaybackFinished, message_id)), f"{message_id!r} finishes", within_ms
        )
        return self.finish(message_id)

    async def finished_again(self, message_id: str) -> OutputPlaybackFinished:
        """Wait for a second finish of a message, and return it."""
        await self.until(
            lambda: len(self.of(OutputPlaybackFinished, message_id)) > 1, f"{message_id!r} finishes once more"
        )
        return self.of(OutputPlaybackFinished, message_id)[1]

    async def started(self, message_id: str) -> None:
        """Wait until the first frame of a message has left."""
        await self.until(
            lambda: bool(self.of(OutputPlaybackStarted, message_id)),
            f"{message_id!r} starts",
            self.under_test.latency_ms,
        )

    async def until(self, is_so: Callable[[], bool], what: str, within_ms: float = 0) -> None:
        """Wait until the facts say so."""
        limit_ms = self.now_ms + within_ms + self.under_test.latency_ms + self.under_test.behind_ms + _PATIENCE_MS
        while not is_so():
            self._told.clear()
            left_ms = limit_ms - self.now_ms
            self.expect(left_ms > _INSTANT_MS, f"waited in vain until {what}")
            try:
                await asyncio.wait_for(self._told.wait(), left_ms / 1000)
            except asyncio.TimeoutError:
                continue

    async def sleep(self, ms: float) -> None:
        """Let time pass."""
        await asyncio.sleep(ms / 1000)

    async def quiet(self) -> None:
        """Let so much time pass that whatever is still to be said has been said."""
        await self.sleep(self.under_test.latency_ms + self.under_test.behind_ms)

    # Whether it may

    def expect(self, is_so: bool, otherwise: str) -> None:
        """Fail unless it is so."""
        if not is_so:
            raise OutputContractError(f"{otherwise}; it said {self.facts}")

    def expect_in_order(self) -> None:
        """Each message: at most one start, before its progress; positions that never go back; one end, then nothing."""
        over: set[str] = set()
        reached: dict[str, float] = {}
        for fact in self.facts:
            message_id = fact.message_id
            self.expect(message_id not in over, f"{message_id!r} was over, and more was said of it")
            if isinstance(fact, OutputPlaybackStarted):
                self.expect(message_id not in reached, f"{message_id!r} started late or twice")
                reached[message_id] = 0
            elif isinstance(fact, OutputPlaybackProgressed | OutputPlaybackFinished):
                self._expect_position(fact, reached.get(message_id, 0))
                reached[message_id] = fact.position_ms or 0
            if isinstance(fact, OutputPlaybackFinished | OutputFailed):
                over.add(message_id)

    def _expect_position(self, fact: OutputPlaybackProgressed | OutputPlaybackFinished, reached_ms: float) -> None:
        position_ms, message_id = fact.position_ms, fact.message_id
        if position_ms is None:
            self.expect(False, f"{message_id!r} has no position")
            return
        self.expect(position_ms >= reached_ms, f"{message_id!r} went back to {position_ms} ms")
        written_ms = self.written_ms.get(message_id, 0)
        self.expect(position_ms <= written_ms + 1, f"{message_id!r} is at {position_ms} ms of {written_ms:.1f} ms")

    async def expect_heard(self, positions_ms: float, what: str, *, whole: bool = False) -> None:
        """Compare the sum of positions with what reached the far end, if somebody listens there."""
        if self.under_test.heard_ms is None:
            return
        heard_ms = await self.under_test.heard_ms()
        tolerance_ms = self.under_test.tolerance_ms
        behind_ms = 0 if whole else self.under_test.behind_ms
        self.expect(
            -tolerance_ms - behind_ms <= positions_ms - heard_ms <= tolerance_ms,
            f"{what}: reported were {positions_ms:.0f} ms, heard were {heard_ms:.0f} ms",
        )

    def expect_by_clock(self, position_ms: float | None, least_ms: float, most_ms: float, what: str) -> None:
        """Compare a position with the time that the output had."""
        under_test = self.under_test
        least_ms -= under_test.tolerance_ms + under_test.behind_ms + under_test.latency_ms
        self.expect(
            position_ms is not None and max(0, least_ms) <= position_ms <= most_ms + under_test.tolerance_ms,
            f"{what}: {position_ms} ms is not between {max(0, least_ms):.0f} and {most_ms:.0f} ms",
        )
