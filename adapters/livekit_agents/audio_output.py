"""One of our outputs as a `livekit.agents.voice.io.AudioOutput`, by LiveKit's rules."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from livekit import rtc
from livekit.agents.voice import io

from speech_lifecycle.fsm.errors import SpeechLifecycleError
from speech_lifecycle.fsm.events import (
    OutputFact,
    OutputFailed,
    OutputPlaybackFinished,
    OutputPlaybackProgressed,
    OutputPlaybackStarted,
)

from ..clock import Clock, LoopClock
from ..ports import AudioOutput


class OutputFailedError(SpeechLifecycleError, RuntimeError):
    """The output broke while it had this segment. Raised by the next `capture_frame` of the segment."""


class LiveKitAudioOutput(io.AudioOutput):
    """Plays LiveKit's segments on an output of ours, and finishes each exactly once.

    A segment begins with its first frame, and its capturing ends with `flush`. What is captured between a clear and
    the flush belongs to what was cleared, and is dropped. The next segment waits until the one before is finished.
    A finish that the output does not report never comes; a surplus one is dropped.
    """

    def __init__(
        self,
        output: AudioOutput,
        *,
        unix_time_s: Callable[[], float],
        segment_id: Callable[[int], str] = "segment_{}".format,
        label: str = "speech-lifecycle",
        clock: Clock | None = None,
    ) -> None:
        """Take the output.

        Args:
            output: any output of speech_lifecycle.adapters.ports, attached to nobody yet.
            unix_time_s: the time that LiveKit's events carry: `time.time`.
            segment_id: makes the message id that the output gets, from the segment's number (1, 2, ...).
            label: LiveKit's name for it.
            clock: the output's, by which its facts say when they became true; the event loop's time by default.
        """
        super().__init__(
            label=label,
            capabilities=io.AudioOutputCapabilities(pause=output.can_pause),
            sample_rate=output.sample_rate,
        )
        self._output = output
        self._unix_time_s = unix_time_s
        self._clock = clock or LoopClock()
        self._segment_id = segment_id
        self._count = 0
        self._id = ""
        """Of the segment that was captured last; "" before the first."""
        self._is_capturing = False
        self._is_dropped = False
        self._failure = ""
        self._progress_ms = 0.0
        self._is_finished = asyncio.Event()
        self._is_finished.set()
        output.attach(self._take)

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        """Play a frame after what was captured before.

        Raises:
            OutputFailedError: the output broke while it had this segment.
            ValueError: the frame is not mono, or of another sample rate.
        """
        if (frame.sample_rate, frame.num_channels) != (self._output.sample_rate, 1):
            raise ValueError(
                f"a frame has {frame.sample_rate} samples per second and {frame.num_channels} channels, the output "
                f"takes {self._output.sample_rate} and 1: resample it with livekit.rtc.AudioResampler"
            )
        if not self._is_capturing:
            await self._is_finished.wait()
        await super().capture_frame(frame)
        if not self._is_capturing:
            self._begin()
        if self._failure:
            raise OutputFailedError(self._failure)
        if not self._is_dropped:
            self._output.write(self._id, bytes(frame.data))

    def _begin(self) -> None:
        self._is_capturing = True
        self._is_dropped = False
        self._failure = ""
        self._progress_ms = 0.0
        self._count += 1
        self._id = self._segment_id(self._count)
        self._is_finished.clear()
        self._output.start(self._id)

    def flush(self) -> None:
        """All of the segment is captured: it is played out, and then finished."""
        super().flush()
        if self._is_capturing:
            self._is_capturing = False
            if not self._is_dropped:
                self._output.flush(self._id)

    def clear_buffer(self) -> None:
        """Stop the segment that is captured or played, if any, and finish it as interrupted."""
        if not self._is_finished.is_set():
            self._is_dropped = True
            self._output.clear(self._id)

    def pause(self) -> None:
        """Hold the playback."""
        self._output.pause()

    def resume(self) -> None:
        """Go on playing."""
        self._output.resume()

    def _take(self, fact: OutputFact) -> None:
        if fact.message_id != self._id or self._is_finished.is_set():
            return
        if isinstance(fact, OutputPlaybackStarted):
            # A loop that lags comes late to it.
            late_ms = 0.0 if fact.observed_ms is None else max(0.0, self._clock.now_ms() - fact.observed_ms)
            self.on_playback_started(created_at=self._unix_time_s() - late_ms / 1000)
        elif isinstance(fact, OutputPlaybackProgressed):
            self._progress(fact.position_ms)
        elif isinstance(fact, OutputPlaybackFinished):
            self._finish(fact.position_ms, fact.interrupted, fact.transcript)
        elif isinstance(fact, OutputFailed):
            self._failure = fact.detail or "the output failed"
            self._finish(self._progress_ms, True, None)

    def _progress(self, position_ms: float | None) -> None:
        if position_ms is not None and position_ms > self._progress_ms:
            offset, self._progress_ms = self._progress_ms / 1000, position_ms
            duration = position_ms / 1000 - offset
            self.on_playback_progressed(started_at=self._unix_time_s() - duration, offset=offset, duration=duration)

    def _finish(self, position_ms: float | None, interrupted: bool, transcript: str | None) -> None:
        self._is_dropped = True
        self._is_finished.set()
        if position_ms is None:
            position_ms = self._progress_ms
        self.on_playback_finished(
            playback_position=position_ms / 1000, interrupted=interrupted, synchronized_transcript=transcript
        )
