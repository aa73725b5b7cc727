"""An output that plays in the time of a clock: exact, without a device, in virtual or real time."""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Iterable
from typing import TypeVar

from msgspec.structs import replace

from speech_lifecycle.fsm.events import (
    OutputFact,
    OutputPlaybackFinished,
    OutputPlaybackProgressed,
    OutputPlaybackStarted,
)

from ..clock import Clock, LoopClock, ScheduledCall
from .heard import Heard
from .playback import Playback
from .queued_output import QueuedOutput

# Clock times are floats: a call that is due at 20 ms may find the clock at 19.9999999.
_TOLERANCE_MS = 1e-3
_LATE_MS = 1.0
"""What is reported later than this says when it became true."""
_STAMPED = (OutputPlaybackStarted, OutputPlaybackProgressed)

P = TypeVar("P", bound=Playback)


class PacedOutput(QueuedOutput[P]):
    """The base of what plays in the time of a clock; what leaves it goes to `_leave`.

    Audio leaves as long as there is some: an underrun waits and goes on when more is written. Facts are reported
    from clock callbacks, never from inside a call, in the order in which they became true.
    """

    def __init__(
        self,
        clock: Clock | None = None,
        *,
        sample_rate: int = 24_000,
        frame_ms: int = 20,
        latency_ms: float = 0,
        report_progress_every_ms: int | None = 100,
        can_pause: bool = True,
    ) -> None:
        """Begin silent.

        Args:
            clock: the time; the event loop's by default.
            sample_rate: of the audio it takes.
            frame_ms: playback begins, and begins again after an underrun, when this much audio waits or the message
                is flushed.
            latency_ms: how long after a write that finds nothing left to play its audio leaves.
            report_progress_every_ms: progress is reported at the multiples of this position; None: never.
            can_pause: without it, `pause` and `resume` do nothing.

        Raises:
            ValueError: an argument is out of its range.
        """
        super().__init__(sample_rate, can_pause=can_pause)
        for name, value, least in (
            ("frame_ms", frame_ms, 1),
            ("latency_ms", latency_ms, 0),
            ("report_progress_every_ms", report_progress_every_ms, 1),
        ):
            if value is not None and not least <= value < math.inf:
                raise ValueError(f"{name} must be a number of at least {least}, not {value!r}")
        self._clock = clock or LoopClock()
        self._frame_ms = frame_ms
        self._latency_ms = latency_ms
        self._progress_ms = report_progress_every_ms
        self._outbox: list[tuple[float, int, float, OutputFact]] = []
        """When each is due, in which order they became true, how late that was noticed, and the facts."""
        self._order = itertools.count()
        self._paused = False
        self._ready_at_ms = -math.inf
        # While audio leaves: when position 0 would have left, had nothing held it up.
        self._origin_ms: float | None = None
        self._timer: ScheduledCall | None = None

    def pause(self) -> None:
        """Hold the playback at once and keep the audio, also of a message that has yet to start."""
        self._catch_up()
        if not self._can_pause or self._paused:
            return
        self._paused = True
        self._origin_ms = None

    def resume(self) -> None:
        """Go on playing where `pause` held it."""
        if not self._paused:
            return
        self._paused = False
        self._catch_up()

    async def aclose(self) -> None:
        """Stop playing and reporting. Nothing more is reported."""
        self._catch_up()
        self._closed = True
        self._outbox.clear()
        self._let_go()

    # What a subclass may do in addition

    def _leave(self, heard: Heard, pcm: bytes) -> None:
        """Let the audio go."""

    def _stop_ms(self, playback: P) -> int:
        """Return how far the message may be played now."""
        return playback.playable_ms

    def _is_broken_off(self, playback: P) -> bool:
        """See whether something has ended the message here, and end it."""
        return False

    def _transcript(self, playback: P) -> str | None:
        return None

    def _reports(self, playback: P, fact: OutputFact) -> Iterable[tuple[OutputFact, float]]:
        """Return what is reported of a fact, and how many milliseconds later."""
        return ((fact, 0.0),)

    # Playing

    def _take_audio(self, playback: P, pcm: bytes) -> None:
        if playback.position_ms >= playback.playable_ms:
            self._ready_at_ms = self._clock.now_ms() + self._latency_ms
        playback.append(pcm)

    def _catch_up(self) -> None:
        """Do what the clock says has happened since the last call, and plan what comes next."""
        if (playback := self._playback) is None:
            return
        if self._origin_ms is not None:
            reached_ms = math.floor(self._clock.now_ms() - self._origin_ms + _TOLERANCE_MS)
            self._play_to(playback, self._origin_ms, min(reached_ms, self._stop_ms(playback)))
        if self._is_broken_off(playback):
            return
        if playback.position_ms < playback.playable_ms:
            self._plan(playback)
        elif playback.flushed:
            self._finish(playback, interrupted=False)
        else:
            self._origin_ms = None

    def _play_to(self, playback: P, origin_ms: float, position_ms: int) -> None:
        before_ms, heard_from_ms = playback.position_ms, playback.heard_to_ms
        if position_ms <= before_ms:
            return
        self._report_start(playback)
        pcm = playback.take_to(position_ms)
        heard_to_ms = playback.heard_to_ms
        start_ms, end_ms = origin_ms + before_ms, origin_ms + position_ms
        self._leave(Heard(start_ms, end_ms, playback.message_id, heard_from_ms, heard_to_ms), pcm)
        if self._progress_ms and before_ms // self._progress_ms < position_ms // self._progress_ms:
            self._tell(playback, OutputPlaybackProgressed(playback.message_id, heard_to_ms))

    def _plan(self, playback: P) -> None:
        """Wake up at the next position at which something happens."""
        if self._timer is not None:
            self._timer.cancel()
        if self._paused:
            return
        position_ms = playback.position_ms
        has_frame = playback.flushed or playback.playable_ms - position_ms >= self._frame_ms
        if self._origin_ms is None and not has_frame:
            return
        now_ms = self._clock.now_ms()
        if self._origin_ms is None:
            self._origin_ms = max(now_ms, self._ready_at_ms) - position_ms
        next_ms = position_ms
        if playback.started:
            next_ms = self._stop_ms(playback)
            if self._progress_ms:
                next_ms = min(next_ms, (position_ms // self._progress_ms + 1) * self._progress_ms)
        self._timer = self._clock.call_later(self._origin_ms + next_ms - now_ms, self._wake_up)

    def _wake_up(self) -> None:
        self._catch_up()
        if (playback := self._playback) is None or self._origin_ms is None or playback.started:
            return
        if self._clock.now_ms() - self._origin_ms + _TOLERANCE_MS >= playback.position_ms:
            self._report_start(playback)
            self._catch_up()

    def _cut(self, playback: P) -> None:
        self._finish(playback, interrupted=True)

    def _finish(self, playback: P, *, interrupted: bool) -> None:
        if playback is self._playback:
            self._let_go()
        self._note_done(playback.message_id)
        fact = OutputPlaybackFinished(
            playback.message_id, playback.heard_to_ms, interrupted, self._transcript(playback)
        )
        self._tell(playback, fact)

    def _let_go(self) -> P | None:
        self._origin_ms = None
        if self._timer is not None:
            self._timer.cancel()
        return super()._let_go()

    # Reporting

    def _report_start(self, playback: P) -> None:
        if not playback.started:
            playback.started = True
            self._tell(playback, OutputPlaybackStarted(playback.message_id))

    def _tell(self, playback: P, fact: OutputFact) -> None:
        if self._closed:
            return
        now_ms, late_ms = self._clock.now_ms(), 0.0
        if isinstance(fact, _STAMPED) and self._origin_ms is not None:
            late_ms = now_ms - self._origin_ms - playback.position_ms
        for reported, after_ms in self._reports(playback, fact):
            heapq.heappush(self._outbox, (now_ms + after_ms, next(self._order), late_ms, reported))
            # An event loop may run calls that are due together in any order: each takes the oldest fact.
            self._clock.call_later(after_ms, self._deliver)

    def _deliver(self) -> None:
        if not self._outbox or self._report is None:
            return
        due_ms, _, late_ms, fact = heapq.heappop(self._outbox)
        true_ms = due_ms - late_ms
        if isinstance(fact, _STAMPED) and self._clock.now_ms() - true_ms >= _LATE_MS:
            # The loop came to it late, and nobody has heard more than there was time for since.
            fact = replace(fact, observed_ms=int(true_ms))
        self._report(fact)


class ClockedOutput(PacedOutput[Playback]):
    """Plays to nobody, in the time of its clock: for servers without a device, and for tests.

    Its positions are true of whatever would play at exactly that pace; nothing it says is measured.
    """

    def _begin(self, message_id: str) -> Playback:
        return Playback(message_id, self._sample_rate)
