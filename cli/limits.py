"""How much time and memory a command may take."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


def used_megabytes() -> float:
    """Return the memory that this process uses now, or at most has used, if the system does not say."""
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
    except OSError:
        return _peak_megabytes()


def _peak_megabytes() -> float:
    try:
        import resource
    except ImportError:  # Windows
        return 0.0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6


class Limits:
    """Says when it is enough: when a limit is exceeded, or at Ctrl-C."""

    def __init__(
        self,
        clock: Callable[[], float],
        max_seconds: float | None,
        max_megabytes: float | None,
        memory: Callable[[], float] = used_megabytes,
    ) -> None:
        """Begin to count now. `clock` gives monotonic seconds, `memory` megabytes: what is added from now on counts."""
        self._clock = clock
        self._memory = memory
        self._max_seconds = max_seconds
        self._max_megabytes = max_megabytes
        self._began = clock()
        self._megabytes_before = memory()
        self.was_interrupted = False
        """Ctrl-C was pressed."""

    def exceeded(self) -> str:
        """Return which limit is exceeded, in words; "" if none is."""
        if self.was_interrupted:
            return "Ctrl-C was pressed"
        if self._max_seconds is not None and self._clock() - self._began > self._max_seconds:
            return f"the {self._max_seconds:g} seconds given are over"
        if self._max_megabytes is not None and self._memory() - self._megabytes_before > self._max_megabytes:
            return f"it needs more than the {self._max_megabytes:g} MB given"
        return ""

    @contextmanager
    def heed_interrupts(self) -> Iterator[None]:
        """Have Ctrl-C exceed the limits, instead of losing what was found; pressed again, it does both."""

        def interrupt(number: int, frame: object) -> None:
            if self.was_interrupted:
                raise KeyboardInterrupt
            self.was_interrupted = True

        before = signal.signal(signal.SIGINT, interrupt)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)
