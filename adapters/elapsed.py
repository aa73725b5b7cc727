"""The time since a driver began, by a clock that is other people's and may fail."""

from __future__ import annotations

from numbers import Real

from .clock import Clock
from .faults import Faults


class Elapsed:
    """Counts from its first reading. A clock that fails stands still, and it is a fault."""

    def __init__(self, clock: Clock, faults: Faults) -> None:
        self._clock = clock
        self._faults = faults
        self._began_ms: float | None = None
        self._now_ms = 0.0

    def now_ms(self) -> float:
        """Return the time since the first reading."""
        self._faults.attempt("the clock failed to tell the time", self._read_clock)
        return self._now_ms

    def observed_ms(self, stamp_ms: float | None) -> int:
        """Return when an event became true: by its own word on this clock, if that can be, or else now."""
        now_ms = self.now_ms()
        if not isinstance(stamp_ms, Real) or self._began_ms is None:
            return int(now_ms)
        at_ms = stamp_ms - self._began_ms
        return int(at_ms) if 0 <= at_ms <= now_ms else int(now_ms)

    def _read_clock(self) -> None:
        now_ms = self._clock.now_ms()
        if self._began_ms is None:
            self._began_ms = now_ms
        self._now_ms = now_ms - self._began_ms
