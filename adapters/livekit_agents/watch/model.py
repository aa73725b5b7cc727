"""A realtime model and its sessions, wrapped: what goes through them is reported.

Both are subclasses of LiveKit's public base classes and delegate to the plugin's own objects; names that only the
plugin knows reach it too.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, get_args

from livekit import rtc
from livekit.agents import NOT_GIVEN, NotGivenOr, llm
from livekit.agents.llm.realtime import EventTypes

from speech_lifecycle.fsm import events as ev
from speech_lifecycle.fsm.values import Modality

from ..openai_events import OpenAIEvents
from ..response import Response
from .facts import (
    CancelRequested,
    ConnectionLost,
    ContextRequested,
    ContextUpdated,
    ItemAppeared,
    Modalities,
    Report,
    ResponseAnnounced,
    TruncationRequested,
)
from .forwarding import Forwarding
from .gate import Gate
from .relay import Relay

_EVENTS: frozenset[str] = frozenset(get_args(EventTypes))


@dataclass(frozen=True)
class Observer:
    """What the wrapped sessions are given by whoever watches them."""

    report: Report
    gate: Gate
    forwarding: Forwarding
    numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))
    """For the names of responses that have none."""


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
        self._raw_events = OpenAIEvents(session, _Answers(observer.report), self._on_response_done)
        self._pumps: set[asyncio.Task[None]] = set()
        self._requested: set[asyncio.Future[llm.GenerationCreatedEvent]] = set()
        self._in_flight: list[Response] = []
        """Responses that the server has begun and not ended."""
        self._generations: set[str] = set()
        """The ids of the responses that the plugin has announced, until the server has ended them."""
        for name in _EVENTS - {"generation_created", "remote_item_added"}:
            session.on(name, self._forward(name))
        session.on("generation_created", self._on_generation_created)
        session.on("remote_item_added", self._on_remote_item)
        session.on("session_reconnected", lambda *_: self._on_lost())
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

    def _on_remote_item(self, event: llm.RemoteItemAddedEvent) -> None:
        self._observer.report(ItemAppeared(event.item))
        self.emit("remote_item_added", self._observer.gate.item(event))

    def _on_error(self, error: llm.RealtimeModelError) -> None:
        if not error.recoverable:
            self._on_lost()

    def _on_lost(self) -> None:
        self._in_flight.clear()
        self._observer.report(ConnectionLost(self.wrapped))

    # What the model says

    def _begin(self, response_id: str, *, is_requested: bool) -> Response:
        end = asyncio.get_running_loop().create_future()
        response = Response(response_id, self.wrapped, self._raw_events, end, is_requested=is_requested)
        self._in_flight.append(response)
        self._observer.report(ev.SessionResponseCreated(response.id), response)
        return response

    def _on_generation_created(self, event: llm.GenerationCreatedEvent) -> None:
        response_id = event.response_id or f"response_{next(self._observer.numbers)}"
        self._generations.add(response_id)
        response = self._begin(response_id, is_requested=event.user_initiated)
        messages: Relay[llm.MessageGeneration] = Relay()
        self._run(self._pump_messages(response, event.message_stream, messages))
        # The same event reaches the framework here and, for its own requests, as the result of `generate_reply`.
        event.message_stream = messages
        self.emit("generation_created", event)
        self._observer.report(ResponseAnnounced(), response)

    def _on_response_done(self, raw_response: Mapping[str, Any]) -> None:
        """A response has ended that the plugin never announced: it had been given up, and came after all (N27).

        Nobody plays it, and the server remembers it.
        """
        response_id = raw_response["id"]
        if response_id in self._generations:
            self._generations.remove(response_id)
            return
        report = self._observer.report
        response = self._begin(response_id, is_requested=False)
        for item in raw_response.get("output") or ():
            if item.get("type") == "message":
                parts = item.get("content") or ()
                is_text = any(part.get("type") in ("text", "output_text") for part in parts)
                named: tuple[Modality, ...] = ("text",) if is_text else ("audio",)
                report(ev.SessionMessageAdded(response_id, item["id"], named), response)
                for part in parts:
                    text = part.get("text") or part.get("transcript")
                    if text:
                        report(ev.SessionTextReceived(item["id"], text))
                report(ev.SessionMessageEnded(item["id"]))
        self._end(response)
        report(ResponseAnnounced(), response)

    async def _pump_messages(self, response: Response, source: Any, target: Relay[llm.MessageGeneration]) -> None:
        pumps = []
        try:
            async for message in source:
                text: Relay[str] = Relay(lambda: self._on_pull(response))
                audio = self._audio_relay(response, message.message_id)
                pumps.append(self._run(self._pump_message(response, message, text, audio)))
                target.send(llm.MessageGeneration(message.message_id, text, audio, message.modalities))
        finally:
            target.close()
            await asyncio.gather(*pumps, return_exceptions=True)
            self._end(response)

    def _audio_relay(self, response: Response, message_id: str) -> Relay[rtc.AudioFrame]:
        forwarding = self._observer.forwarding

        def on_pull() -> None:
            forwarding.read(message_id)
            self._on_pull(response)

        return Relay(on_pull, lambda frame: forwarding.take(message_id, _duration_ms(frame)))

    def _on_pull(self, response: Response) -> None:
        """The framework plays a response as soon as it asks for its content: the speech has the floor."""
        if not response.was_pulled:
            response.was_pulled = True
            self._observer.report(ev.Authorize(), response)

    def _end(self, response: Response) -> None:
        if response in self._in_flight:
            self._in_flight.remove(response)
        status = self._raw_events.take_status(response.id) or "completed"
        self._observer.report(ev.SessionResponseEnded(response.id, status), response)
        if not response.end.done():
            response.end.set_result(None)

    async def _pump_message(
        self, response: Response, message: llm.MessageGeneration, text: Relay[str], audio: Relay[rtc.AudioFrame]
    ) -> None:
        message_id = message.message_id
        try:
            modalities = await asyncio.shield(asyncio.ensure_future(message.modalities))
            named: tuple[Modality, ...] = ("audio",) if "audio" in modalities else ("text",)
            self._observer.forwarding.announce(message_id)
            self._observer.report(ev.SessionMessageAdded(response.id, message_id, named), response)
            await asyncio.gather(self._pump_text(message, text), self._pump_audio(message, audio))
        finally:
            text.close()
            audio.close()
        self._observer.report(ev.SessionMessageEnded(message_id))

    async def _pump_text(self, message: llm.MessageGeneration, target: Relay[str]) -> None:
        async for delta in message.text_stream:
            self._observer.report(ev.SessionTextReceived(message.message_id, str(delta)))
            target.send(delta)
        target.close()

    async def _pump_audio(self, message: llm.MessageGeneration, target: Relay[rtc.AudioFrame]) -> None:
        received_ms = 0.0
        async for frame in message.audio_stream:
            received_ms += _duration_ms(frame)
            self._observer.report(ev.SessionAudioReceived(message.message_id, int(received_ms)))
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
        generating = self._in_flight
        again = bool(generating) and not self._requested and all(response.is_cancelled for response in generating)
        self._observer.report(CancelRequested(again), generating[-1] if generating else None)
        for response in generating:
            response.is_cancelled = True
        if self._observer.gate.passes_cancel(again):
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
            self._raw_events.expect("truncate" if "audio" in modalities else "replace", message_id)
            self.wrapped.truncate(
                message_id=message_id,
                modalities=modalities,
                audio_end_ms=audio_end_ms,
                audio_transcript=audio_transcript,
            )

    async def update_chat_ctx(self, chat_ctx: llm.ChatContext) -> None:
        """Bring the server's context in line with `chat_ctx`."""
        self._observer.report(ContextRequested(self.wrapped, chat_ctx))
        await self.wrapped.update_chat_ctx(self._observer.gate.context(self.wrapped, chat_ctx))
        self._observer.report(ContextUpdated(self.wrapped))

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
        """Delegate, when nothing is in the way."""

        def request() -> asyncio.Future[llm.GenerationCreatedEvent]:
            return self.wrapped.generate_reply(instructions=instructions, tool_choice=tool_choice, tools=tools)

        obstacle = self._observer.gate.request_waits_for(self._in_flight)
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


class _Answers:
    """Reports the answers that the plugin's raw events hold."""

    def __init__(self, report: Report) -> None:
        self._report = report

    def report(self, fact: ev.SessionFact, *, speech_id: str | None = None) -> None:
        self._report(fact)

    def deliver_audio(self, message_id: str, pcm: bytes) -> None:
        raise NotImplementedError("answers hold no audio")

    def user_started_speaking(self) -> None:
        raise NotImplementedError("answers are not about the user")

    def user_stopped_speaking(self) -> None:
        raise NotImplementedError("answers are not about the user")


def _duration_ms(frame: rtc.AudioFrame) -> float:
    return frame.samples_per_channel * 1000 / frame.sample_rate


def _after(
    obstacle: asyncio.Future[None], request: Callable[[], asyncio.Future[llm.GenerationCreatedEvent]]
) -> asyncio.Future[llm.GenerationCreatedEvent]:
    """Return a future of what `request` returns once the obstacle is gone. Cancelled before, it requests nothing."""

    async def wait() -> llm.GenerationCreatedEvent:
        await asyncio.shield(obstacle)
        return await request()

    return asyncio.ensure_future(wait())
