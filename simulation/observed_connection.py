"""A connection of the SDK's with an onlooker: every frame passes it before an adapter has touched it, or after."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .wire_memory import WireMemory

if TYPE_CHECKING:
    from openai.resources.realtime.realtime import AsyncRealtimeConnection


def observe(connection: AsyncRealtimeConnection, memory: WireMemory) -> None:
    """Have `memory` see whatever goes over the socket of a connection from now on, in either direction."""
    connection._connection = _ObservedSocket(connection._connection, memory)  # type: ignore[assignment]


class _ObservedSocket:
    """A WebSocket whose frames are shown to a memory."""

    def __init__(self, socket: Any, memory: WireMemory) -> None:
        self._socket = socket
        self._memory = memory

    def __getattr__(self, name: str) -> Any:
        return getattr(self._socket, name)

    async def recv(self, *args: Any, **options: Any) -> Any:
        """Receive a frame, and show it."""
        frame = await self._socket.recv(*args, **options)
        event = _event_in(frame)
        if event is not None:
            self._memory.receive(event)
        return frame

    async def send(self, message: Any, *args: Any, **options: Any) -> None:
        """Show a frame, and send it."""
        event = _event_in(message)
        if event is not None:
            self._memory.send(event)
        await self._socket.send(message, *args, **options)


def _event_in(frame: str | bytes) -> Mapping[str, Any] | None:
    try:
        event = json.loads(frame)
    except (ValueError, RecursionError):
        return None
    return event if isinstance(event, Mapping) else None
