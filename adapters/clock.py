"""Clocks: the event loop's monotonic time, and a virtual time that moves only when told to.

Wall-clock time is not used anywhere: it jumps (field bug T7).
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import math
from collections.abc import Callable
from typing import Protocol


class ScheduledCall(Protocol):
    """A callback that is due later."""

    def cancel(self) -> None:
        """Forget the callback. Harmless once it has run."""
        ...


class Clock(Protocol):
    """What the driver, the outputs and the simulated server ask for time."""

    def now_ms(self) -> float:
        """Monotonic time in milliseconds. Its zero is arbitrary."""
        ...

    def call_later(self, delay_ms: float, callback: Callable[[], None]) -> ScheduledCall:
        """Run `callback` once, `delay_ms` from now."""
        ...

    async def sleep(self, delay_ms: float) -> None:
        """Return `delay_ms` from now."""
        ...


class LoopClock:
    """The monotonic clock of the running asyncio event loop."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None

    def now_ms(self) -> float:
        """Return the loop's time in milliseconds. In a thread without a loop: that of the loop where it was last asked.

        Raises:
            RuntimeError: no loop runs, and none did.
        """
        try:
            loop = self._loop = asyncio.get_running_loop()
        except RuntimeError:
            if self._loop is None:
                raise
            loop = self._loop
        return loop.time() * 1000

    def call_later(self, delay_ms: float, callback: Callable[[], None]) -> ScheduledCall:
        """Run `callback` once, `delay_ms` from now."""
        return asyncio.get_running_loop().call_later(delay_ms / 1000, callback)

    async def sleep(self, delay_ms: float) -> None:
        """Return `delay_ms` from now."""
        await asyncio.sleep(delay_ms / 1000)


class _VirtualCall:
    """An entry of the virtual clock's schedule."""

    __slots__ = ("callback", "due_ms")

    def __init__(self, due_ms: float, callback: Callable[[], None]) -> None:
        self.due_ms = due_ms
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        self.callback = None


_FULL = 64
"""So many scheduled calls are looked through for those that were cancelled."""


class VirtualClock:
    """Time that stands still until `advance_to_next` or `advance` moves it.

    Calls that are due at the same time run in the order in which they were scheduled, so a run is
    the same every time.
    """

    def __init__(self) -> None:
        self._now_ms = 0.0
        self._order = itertools.count()
        self._schedule: list[tuple[float, int, _VirtualCall]] = []
        self._full = _FULL

    def now_ms(self) -> float:
        """Return the virtual time in milliseconds since the clock was made."""
        return self._now_ms

    def call_later(self, delay_ms: float, callback: Callable[[], None]) -> ScheduledCall:
        """Run `callback` once, when the time has been advanced by `delay_ms`."""
        if not math.isfinite(delay_ms):
            raise ValueError(f"delay_ms must be a finite number of milliseconds, not {delay_ms!r}")
        if len(self._schedule) >= self._full:
            # What is cancelled would stay until it were due.
            self._schedule = [entry for entry in self._schedule if entry[2].callback is not None]
            heapq.heapify(self._schedule)
            self._full = max(_FULL, 2 * len(self._schedule))
        call = _VirtualCall(self._now_ms + max(delay_ms, 0.0), callback)
        heapq.heappush(self._schedule, (call.due_ms, next(self._order), call))
        return call

    async def sleep(self, delay_ms: float) -> None:
        """Return when the time has been advanced by `delay_ms`."""
        woken = asyncio.get_running_loop().create_future()

        def wake() -> None:
            if not woken.done():
                woken.set_result(None)

        call = self.call_later(delay_ms, wake)
        try:
            await woken
        finally:
            call.cancel()

    @property
    def next_due_ms(self) -> float | None:
        """When the next scheduled call is due, or None if nothing is scheduled."""
        while self._schedule and self._schedule[0][2].callback is None:
            heapq.heappop(self._schedule)
        return self._schedule[0][0] if self._schedule else None

    def advance_to_next(self) -> bool:
        """Move to the next scheduled call and run that one call. False if nothing is scheduled."""
        if self.next_due_ms is None:
            return False
        due_ms, _, call = heapq.heappop(self._schedule)
        self._now_ms = max(self._now_ms, due_ms)
        callback, call.callback = call.callback, None
        if callback is not None:
            callback()
        return True

    def move_to(self, at_ms: float) -> None:
        """Move to an instant, and run nothing, not even what is due then. Never back.

        Raises:
            ValueError: something is due before that instant.
        """
        if (due_ms := self.next_due_ms) is not None and due_ms < at_ms:
            raise ValueError(f"something is due at {due_ms} ms, before {at_ms} ms")
        self._now_ms = max(self._now_ms, at_ms)

    def advance(self, by_ms: float) -> None:
        """Move `by_ms` ahead and run every call that falls due on the way, in order."""
        until_ms = self._now_ms + by_ms
        while (due_ms := self.next_due_ms) is not None and due_ms <= until_ms:
            self.advance_to_next()
        self._now_ms = until_ms
