"""What a wrapped realtime session tells, and asks, whoever watches it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Literal, Protocol

from livekit.agents import llm

from .speech import WatchedSpeech

if TYPE_CHECKING:
    from .model import WatchedRealtimeSession

Modalities = list[Literal["text", "audio"]]


class SessionObserver(Protocol):
    """What a wrapped session tells."""

    def generation_created(self, session: WatchedRealtimeSession, event: llm.GenerationCreatedEvent) -> WatchedSpeech:
        """The server began a response. The framework has not heard of it yet."""
        ...

    def generation_announced(self, speech: WatchedSpeech) -> None:
        """The framework has heard of it."""
        ...

    def message_added(self, speech: WatchedSpeech, message_id: str, modalities: Modalities) -> None:
        """A message began, and it is known whether it has audio."""
        ...

    def text_received(self, speech: WatchedSpeech, message_id: str, text: str) -> None:
        """More text of a message."""
        ...

    def audio_received(self, speech: WatchedSpeech, message_id: str, received_ms: float) -> None:
        """More audio of a message: its total."""
        ...

    def message_ended(self, speech: WatchedSpeech, message_id: str) -> None:
        """No more of a message will come."""
        ...

    def response_ended(self, speech: WatchedSpeech) -> None:
        """No more of a response will come."""
        ...

    def stream_pulled(self, speech: WatchedSpeech, message_id: str, kind: Literal["text", "audio"]) -> None:
        """The framework asks for more of a message."""
        ...

    def may_cancel(self, session: WatchedRealtimeSession) -> bool:
        """The framework cancels what is being generated. False: it must not reach the server."""
        ...

    def may_request(self, session: WatchedRealtimeSession) -> asyncio.Future[None] | None:
        """The framework requests a response. Returns what it must wait for, or None."""
        ...

    def may_truncate(self, message_id: str, modalities: Modalities, audio_end_ms: int) -> bool:
        """The framework truncates a message. False: it must not reach the server."""
        ...

    def chat_ctx_for_server(self, session: WatchedRealtimeSession, chat_ctx: llm.ChatContext) -> llm.ChatContext:
        """The framework updates the server's context. Returns what the server shall get."""
        ...

    def chat_ctx_updated(self, session: WatchedRealtimeSession) -> None:
        """An update of the server's context is done."""
        ...

    def remote_item(self, event: llm.RemoteItemAddedEvent) -> llm.RemoteItemAddedEvent:
        """The server has an item. Returns what the framework shall hear of it."""
        ...

    def session_lost(self, session: WatchedRealtimeSession) -> None:
        """The connection is gone, and with it what the server remembered."""
        ...
