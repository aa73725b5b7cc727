"""The connection to one page, as the output sees it: what waits to be sent, and whether it plays."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any

from .frames import AudioState, audio_frame, command_frame

Send = Callable[[str | bytes], Awaitable[object]]

_PARTING_S = 1.0
"""How long the last frames may take."""


class PageLink:
    """Sends in order, in a task of its own, and drops the audio of a message that is cut before it was sent.

    Must be made and used in the event loop's thread.
    """

    def __init__(self, send: Send, on_broken: Callable[[str], None]) -> None:
        self.state: AudioState = AudioState("suspended")
        self._send = send
        self._on_broken = on_broken
        self._waiting: deque[tuple[int | None, str | bytes]] = deque()
        self._view: Mapping[str, Any] | None = None
        self._has_news = asyncio.Event()
        self._is_idle = asyncio.Event()
        self._is_closed = False
        self._sending = asyncio.get_running_loop().create_task(self._send_all(), name="to the page")

    @property
    def is_playing(self) -> bool:
        """Whether its audio runs."""
        return self.state.state == "running"

    def send_audio(self, number: int, pcm: bytes) -> None:
        """Send audio of a message."""
        self._queue(number, audio_frame(number, pcm))

    def cut(self, number: int) -> None:
        """Have the page drop what it has of a message; what waits here is dropped, too."""
        self._waiting = deque(entry for entry in self._waiting if entry[0] != number)
        self.tell("cut", message=number)

    def tell(self, what: str, **values: int | str) -> None:
        """Have the page do something else."""
        self._queue(None, command_frame(what, **values))

    def show(self, view: Mapping[str, Any]) -> None:
        """Give the page's own code something to show. Only the latest is sent: a slow page shows no old ones."""
        self._view = view
        self._has_news.set()

    def _queue(self, number: int | None, frame: str | bytes) -> None:
        if not self._is_closed:
            self._waiting.append((number, frame))
            self._has_news.set()

    async def drained(self) -> None:
        """Return when all that waits is sent, or when that has taken too long."""
        if not self._is_closed:
            self._has_news.set()
            self._is_idle.clear()
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._is_idle.wait(), _PARTING_S)

    def abandon(self) -> None:
        """Send nothing more: the page is gone."""
        self._is_closed = True
        self._is_idle.set()
        self._sending.cancel()

    async def _send_all(self) -> None:
        try:
            while True:
                while self._waiting or self._view is not None:
                    await self._send(self._next_frame())
                self._is_idle.set()
                self._has_news.clear()
                await self._has_news.wait()
        except Exception as error:
            self._on_broken(f"the page's connection is gone: {error}")

    def _next_frame(self) -> str | bytes:
        if self._waiting:
            return self._waiting.popleft()[1]
        view, self._view = self._view, None
        return command_frame("view", view=view or {})
