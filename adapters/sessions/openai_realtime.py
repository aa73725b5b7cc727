"""A session over the `openai` SDK: any open `AsyncRealtimeConnection`, to OpenAI, Azure, or who else speaks it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from speech_lifecycle.fsm.effects import SessionEffect
from speech_lifecycle.fsm.events import SessionLost
from speech_lifecycle.fsm.values import Capabilities

from ..ports import SessionReceiver
from .openai_answers import ServerError
from .openai_protocol import SAMPLE_RATE, OpenAIRealtimeProtocol, ProtocolError

if TYPE_CHECKING:
    from openai.resources.realtime.realtime import AsyncRealtimeConnection

logger = logging.getLogger(__name__)


class OpenAIRealtimeSession:
    """A session with a server of the OpenAI Realtime protocol.

    The connection stays the caller's: other parts may send on it (audio input, tool results, session updates),
    but only this session reads from it. `listen` hands on every server event, for whatever else the agent does
    with them (function calls, input transcripts).
    """

    sample_rate = SAMPLE_RATE

    def __init__(
        self,
        connection: AsyncRealtimeConnection,
        *,
        capabilities: Capabilities | None = None,
    ) -> None:
        """Take an open connection. The default capabilities are those of OpenAI over WebSocket."""
        self._connection = connection
        self._capabilities = capabilities or Capabilities()
        self._listeners: list[Callable[[dict[str, Any]], None]] = []
        self._protocol: OpenAIRealtimeProtocol | None = None
        self._outbox: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.frames_sent = 0
        """Client events given to the connection or waiting to be."""
        self.frames_handled = 0
        """Server events received, with all that they caused."""

    @property
    def capabilities(self) -> Capabilities:
        """What the server can do about its memory."""
        return self._capabilities

    @property
    def errors(self) -> list[ServerError]:
        """Errors of the server that answer no request of ours."""
        return self._attached.errors

    @property
    def _attached(self) -> OpenAIRealtimeProtocol:
        if self._protocol is None:
            raise RuntimeError("the session is not attached; give it to a Driver first")
        return self._protocol

    def listen(self, listener: Callable[[dict[str, Any]], None]) -> None:
        """Have `listener` called with every server event, after it was translated."""
        self._listeners.append(listener)

    def attach(self, receiver: SessionReceiver) -> None:
        """Take the receiver of facts and audio."""
        self._protocol = OpenAIRealtimeProtocol(receiver)

    def request_response(self, speech_id: str) -> None:
        """Ask the model for a response."""
        self.send(self._attached.request_response(speech_id))

    def perform(self, effect: SessionEffect) -> None:
        """Send what the effect asks for."""
        for event in self._attached.translate(effect):
            self.send(event)

    def send(self, event: dict[str, Any]) -> None:
        """Send a client event of the protocol, after those sent before."""
        self.frames_sent += 1
        self._outbox.put_nowait(event)

    async def run(self) -> None:
        """Read until the connection ends, and report `SessionLost` then. Cancelling it leaves the connection open."""
        from websockets.exceptions import ConnectionClosed

        sender = asyncio.create_task(self._send_all())
        try:
            while True:
                self._receive(await self._connection.recv_bytes())
        except ConnectionClosed as closed:
            logger.info("realtime connection closed: %s", closed)
        finally:
            sender.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await sender
        self._attached.receiver.report(SessionLost())

    def _receive(self, frame: bytes) -> None:
        self.frames_handled += 1
        try:
            event = json.loads(frame)
        except (ValueError, RecursionError) as error:
            logger.warning("a frame of the server is not JSON: %s", error)
            return
        try:
            self._attached.receive(event)
        except ProtocolError as error:
            logger.warning("%s", error)
        for listener in self._listeners:
            listener(event)

    async def _send_all(self) -> None:
        from websockets.exceptions import ConnectionClosed

        with contextlib.suppress(ConnectionClosed):
            while True:
                event = await self._outbox.get()
                await self._connection.send(event)  # type: ignore[arg-type]
