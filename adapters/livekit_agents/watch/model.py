"""A realtime model and its sessions, wrapped: what the framework asks of them is reported, and passes a gate.

Both are subclasses of LiveKit's public base classes and delegate to the plugin's own objects; names that only the
plugin knows reach it too. What the model says is read in `generations`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, get_args

from livekit import rtc
from livekit.agents import NOT_GIVEN, NotGivenOr, llm
from livekit.agents.llm.realtime import EventTypes

from ..request import Answer
from .facts import (
    CancelRequested,
    ConnectionLost,
    ContextRequested,
    ContextUpdated,
    ItemAppeared,
    Modalities,
    ResponseAnnounced,
    SessionClosed,
    TruncationRequested,
)
from .generations import Generations
from .observer import Observer

_EVENTS: frozenset[str] = frozenset(get_args(EventTypes))


class WatchedRealtimeModel(llm.RealtimeModel):
    """Give it to `AgentSession(llm=...)` in the place of the model it wraps, and the session to `watch`."""

    def __init__(self, model: llm.RealtimeModel) -> None:
        super().__init__(capabilities=model.capabilities)
        self._label = model.label
        self.wrapped = model
        self.observer: Observer | None = None

    @property
    def model(self) -> str:
        """The wrapped model's."""
        return self.wrapped.model

    @property
    def provider(self) -> str:
        """The wrapped model's."""
        return self.wrapped.provider

    @property
    def capabilities(self) -> llm.RealtimeCapabilities:
        """The wrapped model's."""
        return self.wrapped.capabilities

    def session(self, *, turn_detection_disabled: bool = False) -> llm.RealtimeSession[Any]:
        """Begin a session of the wrapped model, wrapped if somebody watches."""
        session = self.wrapped.session(turn_detection_disabled=turn_detection_disabled)
        return session if self.observer is None else WatchedRealtimeSession(self, session, self.observer)

    async def aclose(self) -> None:
        """Close the wrapped model."""
        await self.wrapped.aclose()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["wrapped"], name)


class WatchedRealtimeSession(llm.RealtimeSession[Any]):
    """A session of the wrapped model."""

    def __init__(self, model: WatchedRealtimeModel, session: llm.RealtimeSession[Any], observer: Observer) -> None:
        super().__init__(model)
        self.wrapped = session
        self._observer = observer
        self._generations = Generations(session, observer)
        self._requested: set[Answer] = set()
        for name in _EVENTS - {"generation_created", "remote_item_added"}:
            session.on(name, self._forward(name))
        session.on("generation_created", self._on_generation)
        session.on("remote_item_added", self._on_remote_item)
        session.on("session_reconnected", lambda *_: self._on_lost(is_replaced=True))
        session.on("error", self._on_error)

    # Events

    def on(self, event: Any, callback: Callable[..., Any] | None = None) -> Callable[..., Any]:
        """Register a callback; for the plugin's own events, with the plugin."""
        return super().on(event, callback) if event in _EVENTS else self.wrapped.on(event, callback)

    def off(self, event: Any, callback: Callable[..., Any]) -> None:
        """Take a callback back."""
        if event in _EVENTS:
            super().off(event, callback)
        else:
            self.wrapped.off(event, callback)

    def _forward(self, name: str) -> Callable[..., None]:
        def forward(*arguments: Any) -> None:
            self.emit(name, *arguments)

        return forward

    def _on_generation(self, event: llm.GenerationCreatedEvent) -> None:
        response = self._generations.begin(event)
        self.emit("generation_created", event)
        self._observer.report(ResponseAnnounced(), response)

    def _on_remote_item(self, event: llm.RemoteItemAddedEvent) -> None:
        self._observer.report(ItemAppeared(event.item))
        self.emit("remote_item_added", self._observer.gate.item(event))

    def _on_error(self, error: llm.RealtimeModelError) -> None:
        if not error.recoverable:
            self._on_lost(is_replaced=False)

    def _on_lost(self, *, is_replaced: bool) -> None:
        took_a_response = self._generations.lose()
        self._observer.report(ConnectionLost(self.wrapped, is_replaced, took_a_response))

    # What the framework asks for

    def interrupt(self) -> None:
        """Cancel what is being generated."""
        self._observer.report(CancelRequested(self.wrapped, may_be_for_a_request=bool(self._requested)))
        if not self._observer.gate.sends_requests:
            self.wrapped.interrupt()

    def truncate(
        self,
        *,
        message_id: str,
        modalities: Modalities,
        audio_end_ms: int,
        audio_transcript: NotGivenOr[str] = NOT_GIVEN,
    ) -> None:
        """Have the server keep the beginning of a message."""
        self._observer.report(TruncationRequested(message_id, modalities, audio_end_ms))
        if self._observer.gate.passes_truncation(message_id):
            self._generations.raw_events.expect("truncate" if "audio" in modalities else "replace", message_id)
            self.wrapped.truncate(
                message_id=message_id,
                modalities=modalities,
                audio_end_ms=audio_end_ms,
                audio_transcript=audio_transcript,
            )

    async def update_chat_ctx(self, chat_ctx: llm.ChatContext) -> None:
        """Bring the server's context in line with `chat_ctx`."""
        self._observer.report(ContextRequested(self.wrapped, chat_ctx))
        known = {item.id for item in self.wrapped.chat_ctx.items}
        async with self._generations.raw_events.context_lock:
            await self.wrapped.update_chat_ctx(self._observer.gate.context(self.wrapped, chat_ctx, known))
        self._observer.report(ContextUpdated(self.wrapped))

    async def aclose(self) -> None:
        """Close the wrapped session, and see its streams to their end."""
        await self.wrapped.aclose()
        await self._generations.wait()
        self._observer.report(SessionClosed(self.wrapped))

    # Delegation

    @property
    def capabilities(self) -> llm.RealtimeCapabilities:
        """The wrapped session's."""
        return self.wrapped.capabilities

    @property
    def chat_ctx(self) -> llm.ChatContext:
        """What the wrapped session knows of the server's context."""
        return self.wrapped.chat_ctx

    @property
    def tools(self) -> llm.ToolContext:
        """The wrapped session's."""
        return self.wrapped.tools

    async def update_instructions(self, instructions: str) -> None:
        """Delegate."""
        await self.wrapped.update_instructions(instructions)

    async def update_tools(self, tools: list[llm.Tool]) -> None:
        """Delegate."""
        await self.wrapped.update_tools(tools)

    def update_options(self, *, tool_choice: NotGivenOr[llm.ToolChoice | None] = NOT_GIVEN, **options: Any) -> None:
        """Delegate, with whatever other options the plugin takes."""
        self.wrapped.update_options(tool_choice=tool_choice, **options)

    def push_audio(self, frame: rtc.AudioFrame) -> None:
        """Delegate."""
        self.wrapped.push_audio(frame)

    def push_video(self, frame: rtc.VideoFrame) -> None:
        """Delegate."""
        self.wrapped.push_video(frame)

    def generate_reply(
        self,
        *,
        instructions: NotGivenOr[str] = NOT_GIVEN,
        tool_choice: NotGivenOr[llm.ToolChoice] = NOT_GIVEN,
        tools: NotGivenOr[list[llm.Tool]] = NOT_GIVEN,
    ) -> asyncio.Future[llm.GenerationCreatedEvent]:
        """Delegate, at once or when the lifecycle says so."""
        return self._request(
            lambda: self.wrapped.generate_reply(instructions=instructions, tool_choice=tool_choice, tools=tools)
        )

    def say(self, text: Any) -> asyncio.Future[llm.GenerationCreatedEvent]:
        """Delegate, at once or when the lifecycle says so."""
        return self._request(lambda: self.wrapped.say(text))

    def _request(self, ask: Callable[[], Answer]) -> Answer:
        answer = self._generations.request(ask) if self._observer.gate.sends_requests else ask()
        self._requested.add(answer)
        answer.add_done_callback(self._requested.discard)
        return answer

    def commit_audio(self) -> None:
        """Delegate."""
        self.wrapped.commit_audio()

    def clear_audio(self) -> None:
        """Delegate."""
        self.wrapped.clear_audio()

    def start_user_activity(self) -> None:
        """Delegate."""
        self.wrapped.start_user_activity()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["wrapped"], name)
