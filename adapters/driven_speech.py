"""One speech, and one message, in the driver's hands."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from speech_lifecycle.fsm.notebook import mimebundle
from speech_lifecycle.fsm.state import Speech
from speech_lifecycle.fsm.values import MessageRecord

_NO_OPTIONS: Mapping[str, Any] = MappingProxyType({})


class DrivenMessage:
    """A message's audio and text on their way to the output, and how much of it there was."""

    __slots__ = ("audio", "handed_over_bytes", "received_bytes", "text")

    def __init__(self) -> None:
        self.audio = bytearray()
        self.text: list[str] = []
        self.received_bytes = 0
        self.handed_over_bytes = 0

    def drop(self) -> None:
        """Let go of what will not be played."""
        if self.audio or self.text:
            self.audio.clear()
            self.text.clear()


class DrivenSpeech:
    """A speech: its data, and who waits for its end."""

    __slots__ = ("_has_ended", "_over", "id", "options", "snapshot")

    def __init__(self, speech_id: str, snapshot: Speech) -> None:
        self.id = speech_id
        self.snapshot = snapshot
        """The machine's present data. Read it, do not change it."""
        self.options: Mapping[str, Any] = _NO_OPTIONS
        """What its response is asked for with."""
        self._has_ended = False
        self._over: asyncio.Event | None = None

    @property
    def records(self) -> tuple[MessageRecord, ...]:
        """The records of the messages that are final, in the order of their announcement."""
        return self.snapshot.records

    @property
    def why(self) -> tuple[str, str]:
        """Why its response failed, was cut or refused, or the connection was lost: the server's code, and its words."""
        return self.snapshot.code, self.snapshot.text

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        """Return what Jupyter shows: its data."""
        return mimebundle(self.snapshot, repr(self.snapshot))

    @property
    def is_over(self) -> bool:
        """Whether it is completed, interrupted or failed."""
        return self.snapshot.is_over

    async def done(self) -> tuple[MessageRecord, ...]:
        """Wait until the speech is over, and return the records of all its messages."""
        if not self._has_ended:
            if self._over is None:
                self._over = asyncio.Event()
            await self._over.wait()
        return self.records

    def end(self) -> None:
        """Let go of what only a running speech needs."""
        self._has_ended = True
        if self._over is not None:
            self._over.set()
