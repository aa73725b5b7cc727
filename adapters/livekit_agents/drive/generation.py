"""One generation of a LiveKit realtime session: its streams, read to their ends, as facts.

LiveKit announces a message before its content. It is reported when its modalities are known, which is with its
first content, or at the end of the response. All messages are read at once, because their deltas may mix (M5).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterable, Callable, Coroutine, Iterator
from typing import Any

from livekit import rtc
from livekit.agents import llm
from msgspec.structs import replace

from speech_lifecycle.fsm.events import (
    SessionMessageAdded,
    SessionMessageEnded,
    SessionResponseEnded,
    SessionTextReceived,
)
from speech_lifecycle.fsm.values import Modality

from ...ports import SessionReceiver

logger = logging.getLogger(__name__)


class GenerationReader:
    """Reads the streams of one generation. Its function calls are left to the embedder."""

    def __init__(
        self,
        generation: llm.GenerationCreatedEvent,
        response_id: str,
        receiver: SessionReceiver,
        sample_rate: int,
        how_it_ended: Callable[[GenerationReader], SessionResponseEnded],
    ) -> None:
        """Take the generation; `read` reads it. `how_it_ended` is asked when its message stream is at its end."""
        self.generation = generation
        self.response_id = response_id
        self.message_ids: set[str] = set()
        self.has_ended = asyncio.Event()
        self.is_lost = False
        """Whether it was reported that its connection broke."""
        self._receiver = receiver
        self._sample_rate = sample_rate
        self._how_it_ended = how_it_ended
        self._has_failed = False

    async def read(self) -> None:
        """Read to the end. A stream that raises is reported in the log and counts as ended (O7)."""
        messages: set[asyncio.Task[None]] = set()
        try:
            await self._to_the_end(self._read_messages(messages), "its messages")
            if messages:
                await asyncio.wait(messages)
        finally:
            for task in messages:
                task.cancel()
            self.has_ended.set()
        ended = self._how_it_ended(self)
        self._receiver.report(replace(ended, status="failed") if self._has_failed else ended)

    async def _read_messages(self, messages: set[asyncio.Task[None]]) -> None:
        async for message in self.generation.message_stream:
            self.message_ids.add(message.message_id)
            messages.add(asyncio.create_task(self._read_message(message)))

    async def _read_message(self, message: llm.MessageGeneration) -> None:
        message_id = message.message_id
        modalities = await message.modalities
        named: tuple[Modality, ...] = ("audio",) if "audio" in modalities else ("text",)
        self._receiver.report(SessionMessageAdded(self.response_id, message_id, named))
        await asyncio.gather(
            self._to_the_end(self._read_text(message_id, message.text_stream), f"the text of {message_id}"),
            self._to_the_end(self._read_audio(message_id, message.audio_stream), f"the audio of {message_id}"),
        )
        self._receiver.report(SessionMessageEnded(message_id))

    async def _read_text(self, message_id: str, stream: AsyncIterable[str]) -> None:
        async for text in stream:
            self._receiver.report(SessionTextReceived(message_id, str(text)))

    async def _read_audio(self, message_id: str, stream: AsyncIterable[rtc.AudioFrame]) -> None:
        resampler = Resampler(self._sample_rate)
        async for frame in stream:
            for pcm in resampler.push(frame):
                self._receiver.deliver_audio(message_id, pcm)
        for pcm in resampler.flush():
            self._receiver.deliver_audio(message_id, pcm)

    async def _to_the_end(self, reading: Coroutine[Any, Any, None], what: str) -> None:
        try:
            await reading
        except Exception:
            self._has_failed = True
            logger.exception("response %s: cannot read %s any further", self.response_id, what)


class Resampler:
    """Turns LiveKit's frames into mono PCM of one sample rate."""

    def __init__(self, sample_rate: int) -> None:
        self._sample_rate = sample_rate
        self._resampler: rtc.AudioResampler | None = None

    def push(self, frame: rtc.AudioFrame) -> Iterator[bytes]:
        """Yield the PCM that is ready.

        Raises:
            ValueError: the frame is not mono.
        """
        if frame.num_channels != 1:
            raise ValueError(
                f"an audio frame has {frame.num_channels} channels, but a message must be mono: "
                "mix the channels of the realtime session's audio down first"
            )
        if self._resampler is None and frame.sample_rate != self._sample_rate:
            self._resampler = rtc.AudioResampler(frame.sample_rate, self._sample_rate)
        frames = [frame] if self._resampler is None else self._resampler.push(frame)
        for each in frames:
            yield bytes(each.data)

    def flush(self) -> Iterator[bytes]:
        """Yield the PCM that the resampler still holds."""
        for each in self._resampler.flush() if self._resampler is not None else ():
            yield bytes(each.data)
