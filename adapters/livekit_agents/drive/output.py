"""Any `livekit.agents.voice.io.AudioOutput` as the driver's output."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterator

from livekit import rtc
from livekit.agents.voice import io

from speech_lifecycle.fsm.events import (
    OutputFact,
    OutputFailed,
    OutputPlaybackFinished,
    OutputPlaybackProgressed,
    OutputPlaybackStarted,
)

from ..livekit_time import ROUNDED_MS, livekit_time_s
from .segments import Segment, Segments

logger = logging.getLogger(__name__)

_FRAME_MS = 100
"""LiveKit's models deliver frames of this length. An output may cut no finer than its frames."""

_LATE_S = 0.001
"""A start that is reported later than this says when it was."""

_FINISH_AFTER_FAILURE_S = 1.0
"""How long an output that raised may take to say how far it got."""


class _Message:
    """One message on its way to LiveKit's outputs."""

    def __init__(self, message_id: str) -> None:
        self.id = message_id
        self.audio: asyncio.Queue[bytes | None] = asyncio.Queue()
        """None is a flush."""
        self.text: asyncio.Queue[str | None] = asyncio.Queue()
        self.capturing_audio: asyncio.Task[None] | None = None
        self.capturing_text: asyncio.Task[None] | None = None
        self.segment: Segment | None = None
        """The one that the output has now."""
        self.counted_before = 0
        """How many segments the output had accepted before it."""
        self.segment_is_flushed = False
        self.segment_has_finished = asyncio.Event()
        self.has_failed = False
        self.is_over = False


class LiveKitOutput:
    """Plays on a LiveKit audio output, which stays the caller's.

    With a transcript synchronizer, give its `audio_output` and its `text_output`: the transcript of a playback
    that was cut is then taken over from its finish.
    """

    def __init__(
        self,
        output: io.AudioOutput,
        *,
        transcription: io.TextOutput | None = None,
        sample_rate: int = 24_000,
    ) -> None:
        """Take the outputs.

        Args:
            output: where the audio goes.
            transcription: where the text of the messages goes; None: nowhere.
            sample_rate: of the audio that is written. If the output wants another, it is resampled.
        """
        self._output = output
        self._transcription = transcription
        self._sample_rate = sample_rate
        self._report: Callable[[OutputFact], None] | None = None
        self._segments = Segments()
        self._message: _Message | None = None

    @property
    def sample_rate(self) -> int:
        """Samples per second of the audio it takes."""
        return self._sample_rate

    @property
    def shows_text(self) -> bool:
        """Whether LiveKit's own output of text takes it."""
        return self._transcription is not None

    @property
    def can_pause(self) -> bool:
        """Whether `pause` holds the playback."""
        return self._output.can_pause

    def attach(self, report: Callable[[OutputFact], None]) -> None:
        """Take the function that facts are reported to, and listen to the output."""
        self._report = report
        self._output.on("playback_started", self._on_started)
        self._output.on("playback_progressed", self._on_progressed)
        self._output.on("playback_finished", self._on_finished)

    # From the driver

    def start(self, message_id: str) -> None:
        """Expect the audio and the text of this message next."""
        if self._message is not None:
            self._end_text(self._message)
            self._message.is_over = True
            if self._message.capturing_audio is not None:
                self._message.capturing_audio.cancel()
        self._message = _Message(message_id)

    def write(self, message_id: str, pcm: bytes) -> None:
        """Have the audio captured, after what waits."""
        message = self._in_hand(message_id)
        if message is not None:
            message.audio.put_nowait(pcm)
            if message.capturing_audio is None:
                message.capturing_audio = asyncio.create_task(self._capture_audio(message))

    def write_text(self, message_id: str, text: str) -> None:
        """Have the text captured, after what waits."""
        message = self._in_hand(message_id)
        if message is not None and self._transcription is not None:
            message.text.put_nowait(text)
            if message.capturing_text is None:
                message.capturing_text = asyncio.create_task(self._capture_text(message, self._transcription))

    def flush(self, message_id: str) -> None:
        """Flush LiveKit's output when all that waits is captured. It reports the end."""
        message = self._in_hand(message_id)
        if message is None:
            return
        self._end_text(message)
        if message.capturing_audio is None:
            self._tell(OutputPlaybackFinished(message_id, 0, interrupted=False))
        else:
            message.audio.put_nowait(None)

    def clear(self, message_id: str) -> None:
        """Stop now and drop the rest. What LiveKit's output never took, it cannot report: that is reported here."""
        message = self._in_hand(message_id)
        if message is None:
            return
        self._let_go(message)
        segment = message.segment
        if segment is None:
            self._tell(OutputPlaybackFinished(message_id, 0, interrupted=True))
            return
        has_accepted = self._has_accepted(message)
        if not has_accepted:
            self._segments.withdraw(segment)
        awaits_finish = self._segments.is_unfinished(segment)
        # Also if it was not accepted yet: wrappers may count a frame after they have handed it on.
        self._stop(message)
        if not awaits_finish:
            position_ms = None if has_accepted else segment.begins_ms
            self._tell(OutputPlaybackFinished(message_id, position_ms, interrupted=True))

    def pause(self) -> None:
        """Hold the playback."""
        self._output.pause()

    def resume(self) -> None:
        """Go on playing."""
        self._output.resume()

    async def aclose(self) -> None:
        """Stop listening and capturing. LiveKit's outputs stay open."""
        self._output.off("playback_started", self._on_started)
        self._output.off("playback_progressed", self._on_progressed)
        self._output.off("playback_finished", self._on_finished)
        message = self._message
        if message is not None and not message.is_over:
            self._let_go(message)
        if message is not None:
            tasks = [task for task in (message.capturing_audio, message.capturing_text) if task is not None]
            await asyncio.gather(*tasks, return_exceptions=True)

    def _has_accepted(self, message: _Message) -> bool:
        """Whether the output took anything of the message's segment, and so owes a finish."""
        return self._output.captured_playout_segments > message.counted_before

    def _in_hand(self, message_id: str) -> _Message | None:
        message = self._message
        return message if message is not None and message.id == message_id and not message.is_over else None

    def _let_go(self, message: _Message) -> None:
        message.is_over = True
        if message.capturing_audio is not None:
            message.capturing_audio.cancel()
        self._cut_text(message)

    def _cut_text(self, message: _Message) -> None:
        if message.capturing_text is not None and self._transcription is not None:
            message.capturing_text.cancel()
            self._transcription.flush()

    def _stop(self, message: _Message) -> None:
        """Outputs end a segment when it is flushed: a clear alone would leave it open."""
        if not message.segment_is_flushed:
            self._output.flush()
        self._output.clear_buffer()

    def _end_text(self, message: _Message) -> None:
        if message.capturing_text is not None:
            message.text.put_nowait(None)

    # To LiveKit's outputs

    async def _capture_audio(self, message: _Message) -> None:
        resampler = None
        if self._output.sample_rate not in (None, self._sample_rate):
            resampler = rtc.AudioResampler(self._sample_rate, self._output.sample_rate or 0)
        try:
            while True:
                pcm = await message.audio.get()
                for frame in self._frames(pcm) if pcm is not None else ():
                    for resampled in (frame,) if resampler is None else resampler.push(frame):
                        await self._capture(message, resampled)
                if pcm is None:
                    for resampled in () if resampler is None else resampler.flush():
                        await self._capture(message, resampled)
                    message.segment_is_flushed = True
                    self._output.flush()
        except Exception as error:
            await self._fail(message, error)

    async def _capture(self, message: _Message, frame: rtc.AudioFrame) -> None:
        segment = message.segment
        if segment is None or message.segment_is_flushed:
            if segment is not None:
                # More of a message that was flushed: one segment is outstanding at a time.
                await message.segment_has_finished.wait()
                message.segment_has_finished.clear()
            segment = Segment(message.id, 0 if segment is None else segment.end_ms)
            segment.begun_at_s = asyncio.get_running_loop().time()
            message.segment_is_flushed = False
            self._segments.add(segment)
            message.counted_before = self._output.captured_playout_segments
            message.segment = segment
            segment.captured_ms += frame.duration * 1000
            try:
                await self._output.capture_frame(frame)
            finally:
                if not self._has_accepted(message):
                    self._segments.withdraw(segment)
            return
        segment.captured_ms += frame.duration * 1000
        await self._output.capture_frame(frame)

    async def _capture_text(self, message: _Message, transcription: io.TextOutput) -> None:
        try:
            while (text := await message.text.get()) is not None:
                await transcription.capture_text(text)
            transcription.flush()
        except Exception:
            logger.exception("the text of %s did not reach the transcription output", message.id)

    def _frames(self, pcm: bytes) -> Iterator[rtc.AudioFrame]:
        step = 2 * self._sample_rate * _FRAME_MS // 1000
        for begin in range(0, len(pcm), step):
            piece = pcm[begin : begin + step]
            yield rtc.AudioFrame(piece, self._sample_rate, 1, len(piece) // 2)

    async def _fail(self, message: _Message, error: Exception) -> None:
        """Stop what still plays, and let the output say how far it got, before it counts as failed."""
        logger.error("LiveKit's output %s failed", self._output.label, exc_info=error)
        message.has_failed = True
        message.segment_has_finished.clear()
        try:
            self._stop(message)
        except Exception:
            logger.exception("LiveKit's output %s could not be cleared", self._output.label)
        if message.segment is not None and self._segments.is_unfinished(message.segment):
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(message.segment_has_finished.wait(), _FINISH_AFTER_FAILURE_S)
        message.is_over = True
        self._cut_text(message)
        self._tell(OutputFailed(message.id, repr(error)))

    # From LiveKit's output

    def _on_started(self, event: io.PlaybackStartedEvent) -> None:
        segment = self._segments.started()
        if segment is not None:
            # An output may say that it began earlier than it is told: the loop lags. Not before it had audio, though.
            late_s = livekit_time_s() - event.created_at
            began_s = asyncio.get_running_loop().time() - late_s
            says_when = late_s >= _LATE_S and began_s >= segment.begun_at_s - ROUNDED_MS / 1000
            began_s = max(began_s, segment.begun_at_s)
            self._tell(OutputPlaybackStarted(segment.message_id, int(began_s * 1000) if says_when else None))

    def _on_progressed(self, event: io.PlaybackProgressedEvent) -> None:
        segment = self._segments.progressed()
        if segment is not None:
            self._tell(OutputPlaybackProgressed(segment.message_id, segment.position_ms(event.offset + event.duration)))

    def _on_finished(self, event: io.PlaybackFinishedEvent) -> None:
        segment = self._segments.finished()
        if segment is None:
            return
        message = self._message
        if message is not None and message.segment is segment:
            message.segment_has_finished.set()
            if message.has_failed and not message.is_over:
                self._tell(OutputPlaybackProgressed(message.id, segment.position_ms(event.playback_position)))
                return
        position_ms = segment.position_ms(event.playback_position)
        self._tell(
            OutputPlaybackFinished(segment.message_id, position_ms, event.interrupted, event.synchronized_transcript)
        )

    def _tell(self, fact: OutputFact) -> None:
        if self._report is not None:
            self._report(fact)
