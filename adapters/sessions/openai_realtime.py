"""A session over the `openai` SDK: any open `AsyncRealtimeConnection`, to OpenAI, Azure, or who else speaks it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import reprlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from speech_lifecycle.fsm.effects import SessionEffect
from speech_lifecycle.fsm.events import SessionLost
from speech_lifecycle.fsm.values import Capabilities

from ..ports import SessionReceiver
from .client_event import as_sent
from .faults import Faults
from .openai_answers import ServerError
from .openai_protocol import SAMPLE_RATE, OpenAIRealtimeProtocol, ProtocolError, delta_in

if TYPE_CHECKING:
    from openai.resources.realtime.realtime import AsyncRealtimeConnection

logger = logging.getLogger(__name__)


class OpenAIRealtimeSession:
    """A session with a server of the OpenAI Realtime protocol.

    The connection stays the caller's: other parts may send on it (audio input, tool results, session updates),
    but only this session reads from it. `listen` hands on every server event, for whatever else the agent does
    with them (function calls, input transcripts).

    Nothing that other code raises ends the session: not a listener, not the receiver, not the connection's `send`.
    It is logged, once for each place that raises, and counted in `faults`.
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
        self._faults = Faults(logger)
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
        """The latest errors of the server that answer no request of ours."""
        return self._attached.errors

    @property
    def faults(self) -> int:
        """How often other code has raised something, which was logged, and the session went on."""
        return self._faults.count

    @property
    def _attached(self) -> OpenAIRealtimeProtocol:
        if self._protocol is None:
            raise RuntimeError("the session is not attached; give it to a Driver first")
        return self._protocol

    def listen(self, listener: Callable[[dict[str, Any]], None]) -> None:
        """Have `listener` called with every server event, after it was translated. What it raises is a fault."""
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
        """Send a client event of the protocol, as it is now, after those sent before.

        Raises:
            UnsendableEventError: JSON has no words for a value in it. The message names the field. Nothing is sent.
        """
        sent = as_sent(event)
        self.frames_sent += 1
        self._outbox.put_nowait(sent)

    async def run(self) -> None:
        """Read until the connection ends, and report `SessionLost` then. Cancelling it leaves the connection open."""
        from websockets.exceptions import ConnectionClosed

        receiver = self._attached.receiver
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
        self._faults.call("the receiver failed on the end of the connection", receiver.report, SessionLost())

    def _receive(self, frame: bytes) -> None:
        self.frames_handled += 1
        delta = delta_in(frame)
        if delta is not None:
            self._faults.call("the receiver failed on a delta", self._attached.receive_delta, delta)
            if not self._listeners:
                return
        event = _event_in(frame)
        if event is None:
            return
        if delta is None:
            self._faults.call("the receiver failed on a server event", self._translate, event)
        for listener in tuple(self._listeners):
            self._faults.call("a listener failed on a server event", listener, event)

    def _translate(self, event: dict[str, Any]) -> None:
        try:
            self._attached.receive(event)
        except ProtocolError as error:
            logger.warning("%s", error)

    async def _send_all(self) -> None:
        from websockets.exceptions import ConnectionClosed

        with contextlib.suppress(ConnectionClosed):
            while True:
                event = await self._outbox.get()
                try:
                    await self._connection.send(event)  # type: ignore[arg-type]
                except ConnectionClosed:
                    raise
                except Exception as error:
                    self.frames_sent -= 1
                    self._faults.note("the connection failed to send a client event", error)


def _event_in(frame: bytes) -> dict[str, Any] | None:
    """Return the event that a frame holds; None, with a warning, if it holds none."""
    try:
        event = json.loads(frame)
    except (ValueError, RecursionError) as error:
        logger.warning("a frame of the server is not JSON: %s", error)
        return None
    if not isinstance(event, dict):
        logger.warning("a frame of the server is not a JSON object: it is %s", reprlib.repr(event))
        return None
    return event
