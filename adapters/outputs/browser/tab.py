"""One conversation in a browser: its output, its microphone, and what its page shows and asks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

from .output import BrowserOutput

_KEPT_PIECES = 100
"""Of the microphone's sound, 20 ms each: what nobody takes for two seconds is old."""
_KEPT_QUESTIONS = 100


class BrowserTab:
    """A tab, from its first page to its last: a page that is loaded anew goes on with the same conversation."""

    def __init__(self, output: BrowserOutput, key: str) -> None:
        self.output = output
        self.key = key
        """What its pages call themselves; no secret, but as hard to guess as one."""
        self._microphone: asyncio.Queue[bytes] = asyncio.Queue(_KEPT_PIECES)
        self._asked: asyncio.Queue[dict[str, Any]] = asyncio.Queue(_KEPT_QUESTIONS)
        self._state_changed = asyncio.Event()

    async def microphone(self) -> AsyncIterator[bytes]:
        """Yield what the user says, 16-bit mono PCM at the output's sample rate, as it comes; for ever."""
        while True:
            yield await self._microphone.get()

    async def asked(self) -> AsyncIterator[dict[str, Any]]:
        """Yield what the page's own code asks for, by `SpeechPage.ask`; for ever. It may be anything."""
        while True:
            yield await self._asked.get()

    async def plays(self) -> None:
        """Return when the page can be heard: the user has clicked."""
        while not self.output.is_playing:
            self._state_changed.clear()
            await self._state_changed.wait()

    def show(self, view: Mapping[str, Any]) -> None:
        """Give the page's own code something to show, in place of what it was given before: JSON's own types."""
        self.output.show(view)

    # From the server

    def take_microphone(self, pcm: bytes) -> None:
        """Keep what the user says; the oldest goes if nobody takes it."""
        _put(self._microphone, pcm)

    def take_question(self, what: dict[str, Any]) -> None:
        """Keep what the page asks for."""
        _put(self._asked, what)

    def note_state(self) -> None:
        """Something has happened on the page."""
        self._state_changed.set()


def _put(queue: asyncio.Queue[Any], value: object) -> None:
    if queue.full():
        queue.get_nowait()
    queue.put_nowait(value)
