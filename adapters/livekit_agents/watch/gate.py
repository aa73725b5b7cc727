"""What becomes of the framework's requests to a realtime session."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any, Protocol

from livekit.agents import llm

from ..response import Response


class Gate(Protocol):
    """Stands between the framework and the plugin's session."""

    def passes_cancel(self, again: bool) -> bool:
        """Whether a cancel reaches the server. `again`: all that is generated was cancelled before."""
        ...

    def passes_truncation(self, message_id: str) -> bool:
        """Whether a truncation reaches the server."""
        ...

    def request_waits_for(self, in_flight: Iterable[Response]) -> asyncio.Future[None] | None:
        """Return what a request for a response has to wait for, or None."""
        ...

    def context(self, session: llm.RealtimeSession[Any], wanted: llm.ChatContext) -> llm.ChatContext:
        """Return the context that the server is given, if the framework wants `wanted`."""
        ...

    def item(self, event: llm.RemoteItemAddedEvent) -> llm.RemoteItemAddedEvent:
        """Return what the framework hears of an item of the server's."""
        ...


class OpenGate:
    """Lets everything through as it is: of who watches only."""

    def passes_cancel(self, again: bool) -> bool:
        """Yes."""
        return True

    def passes_truncation(self, message_id: str) -> bool:
        """Yes."""
        return True

    def request_waits_for(self, in_flight: Iterable[Response]) -> asyncio.Future[None] | None:
        """Nothing."""
        return None

    def context(self, session: llm.RealtimeSession[Any], wanted: llm.ChatContext) -> llm.ChatContext:
        """What is wanted."""
        return wanted

    def item(self, event: llm.RemoteItemAddedEvent) -> llm.RemoteItemAddedEvent:
        """All of it."""
        return event
