"""A realtime model and its sessions, wrapped: what goes through them is told to a watch.

Both are subclasses of LiveKit's public base classes and delegate to the plugin's own objects; names that only the
plugin knows reach it too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, get_args

from livekit import rtc
from livekit.agents import NOT_GIVEN, NotGivenOr, llm
from livekit.agents.llm.realtime import EventTypes

from .relay import Relay
from .session_observer import Modalities, SessionObserver
from .speech import WatchedSpeech

_EVENTS: frozenset[str] = frozenset(get_args(EventTypes))


class WatchedRealtimeModel(llm.RealtimeModel):
    """Give it to `AgentSession(llm=...)` in the place of the model it wraps, and the session to `watch`."""

    def __init__(self, model: llm.RealtimeModel) -> None:
        super().__init__(capabilities=model.capabilities)
        self._label = model.label
        self.wrapped = model
        self.observer: SessionObserver | None = None

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

    def __init__(
        self, model: WatchedRealtimeModel, session: llm.RealtimeSession[Any], observer: SessionObserver
    ) -> None:
        super().__init__(model)
        self.wrapped = session
        self._observer = observer
        self._pumps: set[asyncio.Task[None]] = set()
        self._requested: set[asyncio.Future[llm.GenerationCreatedEvent]] = set()
        for name in _EVENTS - {"generation_created", "remote_item_added"}:
            session.on(name, self._forward(name))
        session.on("generation_created", self._on_generation_created)
        session.on("remote_item_added", lambda event: self.emit("remote_item_added", observer.remote_item(event)))
        session.on("session_reconnected", lambda *_: observer.session_lost(self))
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

    def _on_error(self, error: llm.RealtimeModelError) -> None:
        if not error.recoverable:
            self._observer.session_lost(self)

    # What the model says

    def _on_generation_created(self, event: llm.GenerationCreatedEvent) -> None:
        speech = self._observer.generation_created(self, event)
        messages: Relay[llm.MessageGeneration] = Relay()
        self._run(self._pump_messages(speech, event.message_stream, messages))
        # The same event reaches the framework here and, for its own requests, as the result of `generate_reply`.
        event.message_stream = messages
        self.emit("generation_created", event)
        self._observer.generation_announced(speech)

    async def _pump_messages(self, speech: WatchedSpeech, source: Any, target: Relay[llm.MessageGeneration]) -> None:
        pumps = []
        try:
            async for message in source:
                pulled = _Pulled(self._observer, speech, message.message_id)
                text: Relay[str] = Relay(pulled.text)
                audio: Relay[rtc.AudioFrame] = Relay(pulled.audio)
                pumps.append(self._run(self._pump_message(speech, message, text, audio)))
                target.send(llm.MessageGeneration(message.message_id, text, audio, message.modalities))
        finally:
            target.close()
            await asyncio.gather(*pumps, return_exceptions=True)
            self._observer.response_ended(speech)

    async def _pump_message(
        self, speech: WatchedSpeech, message: llm.MessageGeneration, text: Relay[str], audio: Relay[rtc.AudioFrame]
    ) -> None:
        try:
            modalities = await asyncio.shield(asyncio.ensure_future(message.modalities))
            self._observer.message_added(speech, message.message_id, modalities)
            await asyncio.gather(self._pump_text(speech, message, text), self._pump_audio(speech, message, audio))
        finally:
            text.close()
            audio.close()
        self._observer.message_ended(speech, message.message_id)

    async def _pump_text(self, speech: WatchedSpeech, message: llm.MessageGeneration, target: Relay[str]) -> None:
        async for delta in message.text_stream:
            self._observer.text_received(speech, message.message_id, delta)
            target.send(delta)
        target.close()

    async def _pump_audio(
        self, speech: WatchedSpeech, message: llm.MessageGeneration, target: Relay[rtc.AudioFrame]
    ) -> None:
        received_ms = 0.0
        async for frame in message.audio_stream:
            received_ms += frame.samples_per_channel * 1000 / frame.sample_rate
            self._observer.audio_received(speech, message.message_id, received_ms)
            target.send(frame)
        target.close()

    def _run(self, pump: Any) -> asyncio.Task[None]:
        task: asyncio.Task[None] = asyncio.create_task(pump)
        self._pumps.add(task)
        task.add_done_callback(self._pumps.discard)
        return task

    # What the framework asks for

    def interrupt(self) -> None:
        """Cancel what is being generated."""
        if self._observer.may_cancel(self):
            self.wrapped.interrupt()

    @property
    def awaits_response(self) -> bool:
        """Whether the framework requested a response that the server has not begun."""
        return bool(self._requested)

    def truncate(
        self,
        *,
        message_id: str,
        modalities: Modalities,
        audio_end_ms: int,
        audio_transcript: NotGivenOr[str] = NOT_GIVEN,
    ) -> None:
        """Have the server keep the beginning of a message, unless the watch takes care of it."""
        if self._observer.may_truncate(message_id, modalities, audio_end_ms):
            self.wrapped.truncate(
                message_id=message_id,
                modalities=modalities,
                audio_end_ms=audio_end_ms,
                audio_transcript=audio_transcript,
            )

    async def update_chat_ctx(self, chat_ctx: llm.ChatContext) -> None:
        """Bring the server's context in line with `chat_ctx`, as far as the watch lets it."""
        await self.wrapped.update_chat_ctx(self._observer.chat_ctx_for_server(self, chat_ctx))
        self._observer.chat_ctx_updated(self)

    async def aclose(self) -> None:
        """Close the wrapped session, and see its streams to their end."""
        await self.wrapped.aclose()
        await asyncio.gather(*self._pumps, return_exceptions=True)

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
        """Delegate, as soon as the watch lets it."""

        def request() -> asyncio.Future[llm.GenerationCreatedEvent]:
            return self.wrapped.generate_reply(instructions=instructions, tool_choice=tool_choice, tools=tools)

        obstacle = self._observer.may_request(self)
        return self._note_request(request() if obstacle is None else _after(obstacle, request))

    def say(self, text: Any) -> asyncio.Future[llm.GenerationCreatedEvent]:
        """Delegate."""
        return self._note_request(self.wrapped.say(text))

    def _note_request(
        self, request: asyncio.Future[llm.GenerationCreatedEvent]
    ) -> asyncio.Future[llm.GenerationCreatedEvent]:
        self._requested.add(request)
        request.add_done_callback(self._requested.discard)
        return request

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


class _Pulled:
    """Says which message the framework asks for."""

    __slots__ = ("_message_id", "_observer", "_speech")

    def __init__(self, observer: SessionObserver, speech: WatchedSpeech, message_id: str) -> None:
        self._observer = observer
        self._speech = speech
        self._message_id = message_id

    def text(self) -> None:
        self._observer.stream_pulled(self._speech, self._message_id, "text")

    def audio(self) -> None:
        self._observer.stream_pulled(self._speech, self._message_id, "audio")


def _after(
    obstacle: asyncio.Future[None], request: Callable[[], asyncio.Future[llm.GenerationCreatedEvent]]
) -> asyncio.Future[llm.GenerationCreatedEvent]:
    """Return a future of what `request` returns once the obstacle is gone. Cancelled before, it requests nothing."""

    async def wait() -> llm.GenerationCreatedEvent:
        await asyncio.shield(obstacle)
        return await request()

    return asyncio.ensure_future(wait())
