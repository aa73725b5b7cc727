"""What becomes of the framework's requests to a realtime session."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Protocol

from livekit.agents import llm


class Gate(Protocol):
    """Stands between the framework and the plugin's session."""

    @property
    def sends_requests(self) -> bool:
        """Whether requests and cancels are sent by the lifecycle, when it says so."""
        ...

    def passes_truncation(self, message_id: str) -> bool:
        """Whether a truncation reaches the server."""
        ...

    def context(
        self, session: llm.RealtimeSession[Any], wanted: llm.ChatContext, known: Collection[str]
    ) -> llm.ChatContext:
        """Return the context that the server is given, if the framework wants `wanted`, and knew of these items."""
        ...

    def item(self, event: llm.RemoteItemAddedEvent) -> llm.RemoteItemAddedEvent:
        """Return what the framework hears of an item of the server's."""
        ...


class OpenGate:
    """Lets everything through as it is: of who watches only."""

    @property
    def sends_requests(self) -> bool:
        """No."""
        return False

    def passes_truncation(self, message_id: str) -> bool:
        """Yes."""
        return True

    def context(
        self, session: llm.RealtimeSession[Any], wanted: llm.ChatContext, known: Collection[str]
    ) -> llm.ChatContext:
        """What is wanted."""
        return wanted

    def item(self, event: llm.RemoteItemAddedEvent) -> llm.RemoteItemAddedEvent:
        """All of it."""
        return event
