"""An asyncio event loop in virtual time, for libraries that take their time from the loop and talk over real sockets.

When nothing is ready to run and no frame is on its way, the loop's time jumps to its next timer. A run takes as long
as its work, and is the same every time.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

_T = TypeVar("_T")

_POLL_S = 0.001
"""How long to wait for a socket while something is on its way."""
_PATIENCE_S = 10.0
"""How long something may be on its way before the run is given up."""


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """Its `time()` is virtual. `is_quiet` says whether nothing is on its way between the parties of the run."""

    def __init__(self) -> None:
        self._now_s = 0.0
        self.is_quiet: Callable[[], bool] = lambda: True
        super().__init__(_Selector(self))

    def time(self) -> float:
        """Return the virtual time in seconds."""
        return self._now_s

    def move_on(self, by_s: float) -> None:
        """Let virtual time pass."""
        self._now_s += by_s


class _Selector(selectors.DefaultSelector):
    def __init__(self, loop: VirtualTimeLoop) -> None:
        super().__init__()
        self._loop = loop
        self._waited_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready or timeout == 0:
            self._waited_s = 0.0
            return ready
        if timeout is not None and self._loop.is_quiet():
            self._loop.move_on(timeout)
            return []
        if self._waited_s > _PATIENCE_S:
            raise RuntimeError(f"something has been on its way for {_PATIENCE_S:.0f} s, or nothing is due any more")
        self._waited_s += _POLL_S
        return super().select(_POLL_S)


def run_in_virtual_time(main: Coroutine[Any, Any, _T]) -> _T:
    """Run a coroutine to its end on a loop of its own, and clean up behind it."""
    loop = VirtualTimeLoop()
    try:
        asyncio.set_event_loop(loop)
        return loop.run_until_complete(main)
    finally:
        try:
            pending = asyncio.all_tasks(loop)
            for task in pending:
                task.cancel()
            if pending:
                loop.run_until_complete(asyncio.gather(*pending, return_exceptions=True))
            loop.run_until_complete(loop.shutdown_asyncgens())
        finally:
            asyncio.set_event_loop(None)
            loop.close()
