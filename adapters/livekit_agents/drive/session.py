"""A session over any `livekit.agents.llm.RealtimeSession`, by its public methods and events.

What the common interface cannot say, and what stands in for it, is listed in docs/livekit.md.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Mapping
from typing import Any

from livekit.agents import APIConnectionError, llm
from livekit.agents.metrics import RealtimeModelMetrics

from speech_lifecycle.fsm.effects import (
    AgentEffect,
    CancelResponse,
    CommitMessage,
    RemoveMessages,
    ReplaceMessage,
    SessionEffect,
    TruncateMessage,
)
from speech_lifecycle.fsm.events import (
    SessionLost,
    SessionRequestRefused,
    SessionResponseCreated,
    SessionResponseEnded,
    SessionResumed,
)
from speech_lifecycle.fsm.values import Capabilities

from ...ports import SessionReceiver
from ...sessions.user_turn import HEARD_BY_THE_SERVER, UserTurn
from ..openai_events import OpenAIEvents
from ..server_context import put_heard_text, remove_messages, replace_message, restore_heard_texts
from ..unnamed_answers import UnnamedAnswers
from .generation import GenerationReader

logger = logging.getLogger(__name__)


class LiveKitSession:
    """A LiveKit realtime session as the driver wants it.

    The realtime session stays the caller's: audio input, tools and instructions are set on it, function calls are
    read from `function_stream` of its generations, and it is closed by the caller. Without an `AgentSession` nobody
    else reads its messages.
    """

    def __init__(
        self,
        session: llm.RealtimeSession[Any],
        *,
        sample_rate: int = 24_000,
        plays_every_generation: bool = True,
    ) -> None:
        """Take a realtime session.

        Args:
            session: any realtime session of LiveKit Agents.
            sample_rate: of the audio that is delivered; frames of another rate are resampled.
            plays_every_generation: play whatever the session generates. If False, only what was requested
                through the driver or given to `play`.
        """
        self._session = session
        self._sample_rate = sample_rate
        self._plays_every_generation = plays_every_generation
        self._receiver: SessionReceiver | None = None
        self._readers: dict[str, GenerationReader] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._requested: dict[asyncio.Future[llm.GenerationCreatedEvent], str] = {}
        self._in_order: UnnamedAnswers[str] = UnnamedAnswers()
        self._was_cancelled: set[str] = set()
        self._unnamed = 0
        self._is_reconnecting = False
        self._heard_of_cut: dict[str, str] = {}
        self._context_lock = asyncio.Lock()
        self._is_dead = asyncio.Event()
        self._openai: OpenAIEvents
        self._user_turn: UserTurn

    @property
    def sample_rate(self) -> int:
        """Samples per second of the audio it delivers."""
        return self._sample_rate

    @property
    def capabilities(self) -> Capabilities:
        """What the server can do about its memory, by LiveKit's `RealtimeCapabilities`."""
        of_model = self._session.capabilities
        return Capabilities(can_truncate=of_model.message_truncation, can_remove=of_model.mutable_chat_context)

    @property
    def _attached(self) -> SessionReceiver:
        if self._receiver is None:
            raise RuntimeError("the session is not attached; give it to a Driver first")
        return self._receiver

    def attach(self, receiver: SessionReceiver) -> None:
        """Take the receiver of facts and audio, and listen to the realtime session."""
        self._receiver = receiver
        self._user_turn = UserTurn(receiver)
        self._openai = OpenAIEvents(self._session, receiver, on_server_event=self._on_openai_event)
        self._session.on("generation_created", self._on_generation_created)
        self._session.on("metrics_collected", self._on_metrics_collected)
        self._session.on("error", self._on_error)
        self._session.on("session_reconnected", self._on_session_reconnected)
        self._session.on("input_speech_started", self._on_input_speech_started)
        self._session.on("input_speech_stopped", self._on_input_speech_stopped)

    async def run(self) -> None:
        """Return when the session is beyond recovery. Cancelling it stops all listening and reading."""
        try:
            await self._is_dead.wait()
        finally:
            self._detach()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def _detach(self) -> None:
        self._openai.detach()
        self._session.off("generation_created", self._on_generation_created)
        self._session.off("metrics_collected", self._on_metrics_collected)
        self._session.off("error", self._on_error)
        self._session.off("session_reconnected", self._on_session_reconnected)
        self._session.off("input_speech_started", self._on_input_speech_started)
        self._session.off("input_speech_stopped", self._on_input_speech_stopped)
        for task in self._tasks:
            task.cancel()

    # Generations

    def request_response(
        self, speech_id: str, options: Mapping[str, Any] | None = None, *, is_out_of_band: bool = False
    ) -> None:
        """Ask the model for a response, with what `generate_reply` takes: `instructions`, `tool_choice`, `tools`.

        Raises:
            ConnectionError: LiveKit reconnects, and discards what is asked for meanwhile.
            ValueError: it is to stand beside the conversation, which LiveKit's sessions cannot be asked for.
        """
        if is_out_of_band:
            raise ValueError("a realtime session of LiveKit has no responses out of band")
        if self._is_reconnecting:
            raise ConnectionError("LiveKit is connecting again, and discards requests: ask once more when it has")
        reply = self._session.generate_reply(**(options or {}))
        self._requested[reply] = speech_id
        self._in_order.expect(speech_id)
        reply.add_done_callback(self._on_reply)

    def play(self, generation: llm.GenerationCreatedEvent) -> str:
        """Play a generation, if it is not being played yet, and return the id of its response."""
        return self._read(generation, None)

    def _on_reply(self, reply: asyncio.Future[llm.GenerationCreatedEvent]) -> None:
        speech_id = self._requested.pop(reply, None)
        if speech_id is None:
            reply.cancelled() or reply.exception()  # it was answered without the plugin's knowledge
            return
        self._in_order.forget(speech_id)
        if not reply.cancelled() and reply.exception() is None:
            self._read(reply.result(), speech_id)
            return
        logger.error("no response for %s: %s", speech_id, "cancelled" if reply.cancelled() else reply.exception())
        why = "cancelled" if reply.cancelled() else str(reply.exception())
        self._attached.report(SessionRequestRefused(speech_id, "no_response", why))

    def _on_generation_created(self, generation: llm.GenerationCreatedEvent) -> None:
        speech_id = next((of for reply, of in self._requested.items() if _result_of(reply) is generation), None)
        if speech_id is None and not generation.user_initiated:
            speech_id = self._in_order.take()
            self._requested = {reply: of for reply, of in self._requested.items() if of != speech_id}
        if speech_id is not None or self._plays_every_generation:
            self._read(generation, speech_id)

    def _read(self, generation: llm.GenerationCreatedEvent, speech_id: str | None) -> str:
        known = next((id_ for id_, reader in self._readers.items() if reader.generation is generation), None)
        if known is not None:
            return known
        response_id = generation.response_id or self._new_response_id()
        reader = GenerationReader(generation, response_id, self._attached, self._sample_rate, self._how_it_ended)
        self._readers[response_id] = reader
        if len(self._readers) > _READERS_KEPT:
            del self._readers[next(iter(self._readers))]
        if speech_id is None and not generation.user_initiated:
            self._user_turn.answer()
        self._attached.report(SessionResponseCreated(response_id), speech_id=speech_id)
        self._begin(reader.read())
        return response_id

    def _new_response_id(self) -> str:
        self._unnamed += 1
        return f"livekit_response_{self._unnamed}"

    def _how_it_ended(self, reader: GenerationReader) -> SessionResponseEnded:
        response_id = reader.response_id
        was_cancelled = response_id in self._was_cancelled
        self._was_cancelled.discard(response_id)
        ended = self._openai.take_end(response_id)
        if ended is not None:
            return ended
        if self._openai.are_heard:
            if not reader.is_lost:
                # LiveKit closes the streams of a generation also when the connection was closed or replaced (O6).
                self._attached.report(SessionLost())
            return SessionResponseEnded(response_id, "failed")
        return SessionResponseEnded(response_id, "cancelled" if was_cancelled else "completed")

    def _on_metrics_collected(self, metrics: object) -> None:
        if isinstance(metrics, RealtimeModelMetrics) and metrics.cancelled:
            self._was_cancelled.add(metrics.request_id)

    # The connection and the user

    def _on_error(self, error: llm.RealtimeModelError) -> None:
        if not error.recoverable:
            self._attached.report(_lost(error.error))
            self._is_dead.set()
        elif isinstance(error.error, APIConnectionError):
            # Before its first event a session is not connected yet: LiveKit keeps what is asked for, and tells nothing.
            self._is_reconnecting = self._openai.are_heard
            self._note_broken_connection(why=error.error)

    def _on_session_reconnected(self, _: object) -> None:
        self._note_broken_connection()
        self._is_reconnecting = False
        self._user_turn.end_connection()
        self._attached.report(SessionResumed())
        if self._heard_of_cut:
            self._begin(self._restore_heard_texts())

    def _note_broken_connection(self, why: Exception | None = None) -> None:
        """A connection that breaks takes a response under way with it. LiveKit brings back what was complete."""
        broken = [reader for reader in self._readers.values() if not reader.has_ended.is_set() and not reader.is_lost]
        for reader in broken:
            reader.is_lost = True
        if broken:
            self._attached.report(_lost(why))

    def _on_input_speech_started(self, _: object) -> None:
        self._user_turn.begin()

    def _on_input_speech_stopped(self, _: object) -> None:
        self._user_turn.end()

    def _on_openai_event(self, event: Mapping[str, Any]) -> None:
        """LiveKit tells of the user what the server heard, and nothing of what else ends a turn (N5)."""
        self._in_order.take_event(event)
        if event.get("type") not in HEARD_BY_THE_SERVER:
            self._user_turn.take(event)

    # The server's memory

    def perform(self, effect: SessionEffect) -> None:
        """Ask for what the effect says. The answers come as facts."""
        if isinstance(effect, CancelResponse):
            self._cancel(effect.response_id)
        elif isinstance(effect, TruncateMessage):
            self._truncate(effect)
        else:
            self._begin(self._change_context(effect))

    def _cancel(self, response_id: str) -> None:
        if self._openai.cancel(response_id):
            return
        # `interrupt` names no response: it may be called only while this one is what the session generates (C3).
        latest = next(reversed(self._readers.values()), None)
        if latest is not None and latest.response_id == response_id and not latest.has_ended.is_set():
            self._session.interrupt()

    def keep_heard_text(self, _: object, effect: AgentEffect) -> None:
        """Remember what was heard of a message that was cut. For `Driver.listen`; `drive` does it.

        When LiveKit reconnects, it brings the conversation back as texts, and each message whole.
        """
        if not isinstance(effect, CommitMessage) or not effect.interrupted:
            return
        if effect.text_status == "unknown":
            logger.warning("what was heard of %s is unknown: a reconnection brings it back whole", effect.message_id)
        else:
            self._heard_of_cut[effect.message_id] = effect.text

    async def _restore_heard_texts(self) -> None:
        async with self._context_lock:
            await restore_heard_texts(self._session, self._openai, self._heard_of_cut)

    async def _put_heard_text(self, message_id: str) -> None:
        async with self._context_lock:
            await put_heard_text(self._session, self._openai, message_id, self._heard_of_cut[message_id])

    def _truncate(self, effect: TruncateMessage) -> None:
        """The common interface says nothing of the answer: without raw events the reconcile timer ends the wait."""
        if effect.message_id in self._openai.created_by_client and effect.message_id in self._heard_of_cut:
            self._begin(self._put_heard_text(effect.message_id))
        elif not self._openai.truncate(effect.message_id, effect.audio_end_ms):
            self._session.truncate(
                message_id=effect.message_id, modalities=["audio", "text"], audio_end_ms=effect.audio_end_ms
            )

    async def _change_context(self, effect: SessionEffect) -> None:
        async with self._context_lock:
            if isinstance(effect, ReplaceMessage):
                await self._wait_for_generation_of(effect.message_id)
                await replace_message(self._session, self._openai, effect)
            elif isinstance(effect, RemoveMessages):
                await remove_messages(self._session, self._openai, effect)

    async def _wait_for_generation_of(self, message_id: str) -> None:
        """LiveKit knows the text of a message only when its response has ended, and replaces no other."""
        for reader in list(self._readers.values()):
            if message_id in reader.message_ids:
                await reader.has_ended.wait()

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


_READERS_KEPT = 64
"""How many generations are remembered, so that none is played twice."""


def _lost(why: Exception | None) -> SessionLost:
    return SessionLost() if why is None else SessionLost(code=type(why).__name__, text=str(why))


def _result_of(reply: asyncio.Future[llm.GenerationCreatedEvent]) -> llm.GenerationCreatedEvent | None:
    return reply.result() if reply.done() and not reply.cancelled() and reply.exception() is None else None
