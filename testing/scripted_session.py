"""A session without a server, for trying an output with the driver: it says what it is told to say."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from speech_lifecycle.adapters.ports import SessionReceiver
from speech_lifecycle.fsm.effects import SessionEffect
from speech_lifecycle.fsm.events import (
    SessionMessageAdded,
    SessionMessageEnded,
    SessionResponseCreated,
    SessionResponseEnded,
    SessionTextReceived,
)
from speech_lifecycle.fsm.values import Capabilities


@dataclass(frozen=True)
class ScriptedAudio:
    """A message: its id, its audio in the pieces in which it arrives, and its text."""

    message_id: str
    pieces: Sequence[bytes]
    """16-bit mono PCM, little-endian."""
    text: str = ""


class ScriptedSession:
    """Answers each request with the next response, all at once. Its server can forget nothing."""

    def __init__(self, *responses: Sequence[ScriptedAudio], sample_rate: int = 24_000) -> None:
        self.effects: list[SessionEffect] = []
        """What the driver asked the server for."""
        self._responses = list(responses)
        self._sample_rate = sample_rate
        self._count = 0
        self._receiver: SessionReceiver | None = None

    @property
    def sample_rate(self) -> int:
        """Samples per second of its audio."""
        return self._sample_rate

    @property
    def capabilities(self) -> Capabilities:
        """It has no memory that could be changed."""
        return Capabilities(can_truncate=False, can_remove=False)

    def attach(self, receiver: SessionReceiver) -> None:
        """Take the driver."""
        self._receiver = receiver

    def request_response(
        self, speech_id: str, options: Mapping[str, Any] | None = None, *, is_out_of_band: bool = False
    ) -> None:
        """Say the next response, whatever is asked for, as soon as the driver has taken its present step."""
        asyncio.get_running_loop().call_soon(self._respond, speech_id)

    def _respond(self, speech_id: str) -> None:
        receiver = self._receiver
        if receiver is None:
            return
        self._count += 1
        response_id = f"response_{self._count}"
        receiver.report(SessionResponseCreated(response_id), speech_id=speech_id)
        for message in self._responses.pop(0):
            receiver.report(SessionMessageAdded(response_id, message.message_id, ("audio",)))
            if message.text:
                receiver.report(SessionTextReceived(message.message_id, message.text))
            for piece in message.pieces:
                receiver.deliver_audio(message.message_id, piece)
            receiver.report(SessionMessageEnded(message.message_id))
        receiver.report(SessionResponseEnded(response_id, "completed"))

    def perform(self, effect: SessionEffect) -> None:
        """Note it."""
        self.effects.append(effect)

    async def run(self) -> None:
        """Stay connected."""
        await asyncio.Event().wait()
