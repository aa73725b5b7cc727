"""A stream on its way from the model's plugin to the framework: read at once, given when it is asked for."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Generic, TypeVar

_T = TypeVar("_T")


class Relay(AsyncIterator[_T], Generic[_T]):
    """An unbounded channel with one reader."""

    def __init__(
        self, on_pull: Callable[[], None] = lambda: None, on_take: Callable[[_T], None] = lambda item: None
    ) -> None:
        """Call `on_pull` whenever the reader asks for the next item, and `on_take` when it is given one."""
        self._on_pull = on_pull
        self._on_take = on_take
        self._items: deque[_T] = deque()
        self._is_closed = False
        self._arrived: asyncio.Future[None] | None = None

    def send(self, item: _T) -> None:
        """Put an item into it."""
        self._items.append(item)
        self._wake()

    def close(self) -> None:
        """End the stream, after what was sent."""
        self._is_closed = True
        self._wake()

    def _wake(self) -> None:
        if self._arrived is not None and not self._arrived.done():
            self._arrived.set_result(None)

    async def __anext__(self) -> _T:
        self._on_pull()
        while not self._items:
            if self._is_closed:
                raise StopAsyncIteration
            self._arrived = asyncio.get_running_loop().create_future()
            await self._arrived
        item = self._items.popleft()
        self._on_take(item)
        return item
