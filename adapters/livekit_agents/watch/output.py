"""An audio output, wrapped: what goes through it is told to a watch, and what it reports can be put right."""

from __future__ import annotations

from collections import deque
from typing import Protocol

from livekit import rtc
from livekit.agents.voice import io

from speech_lifecycle.fsm.values import MessageRecord

from ..livekit_time import livekit_time_s


class OutputObserver(Protocol):
    """What a wrapped output tells. A segment is of the message that is forwarded when it begins."""

    def forwarded_message(self) -> str:
        """Return the message whose audio the framework reads; "" for audio that is no model's."""
        ...

    def audio_captured(self, message_id: str, duration_ms: float) -> None:
        """More audio of a message was given to the output."""
        ...

    def flushed(self, message_id: str) -> None:
        """No more audio of a message will be given to the output."""
        ...

    def clearing(self) -> None:
        """The output is about to be cleared."""
        ...

    def pausing(self) -> None:
        """The output is about to hold its playback."""
        ...

    def resuming(self) -> None:
        """The output is about to go on."""
        ...

    def playback_started(self, message_id: str) -> None:
        """The first frame of a message left the output."""
        ...

    def playback_progressed(self, message_id: str, position_ms: float) -> None:
        """How far into a message the output is."""
        ...

    def playback_finished(self, message_id: str, position_ms: float, interrupted: bool, transcript: str | None) -> bool:
        """The output is done with a message. Returns whether the lifecycle still waits for evidence of it."""
        ...

    def output_failed(self, message_id: str, error: Exception) -> None:
        """The output raised."""
        ...


class WatchedOutput(io.AudioOutput):
    """Stands at the top of the output's chain.

    If `decides`, a finish goes up only when the lifecycle has settled its message, with what the lifecycle says was
    heard; otherwise as the output reports it.
    """

    def __init__(self, output: io.AudioOutput, observer: OutputObserver, *, decides: bool) -> None:
        super().__init__(
            label="speech-lifecycle",
            capabilities=io.AudioOutputCapabilities(pause=True),
            next_in_chain=output,
            sample_rate=output.sample_rate,
        )
        self._observer = observer
        self._decides = decides
        self._segments: deque[str] = deque()
        """The messages of the segments that were begun and not reported as finished, oldest first."""
        self._owed = 0
        """Finishes that went up before the output reported them, until it begins to play something newer."""
        self._reported: set[str] = set()
        self._is_capturing = False
        self._has_started = False
        """The framework was told that the latest segment began to play."""

    @property
    def is_busy(self) -> bool:
        """Whether a segment was begun and not reported as finished."""
        return bool(self._segments)

    @property
    def _below(self) -> io.AudioOutput:
        output = self.next_in_chain
        assert output is not None
        return output

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        """Hand the frame on."""
        await super().capture_frame(frame)
        if not self._is_capturing:
            self._is_capturing = True
            self._has_started = False
            self._segments.append(self._observer.forwarded_message())
        message_id = self._segments[-1] if self._segments else ""
        self._observer.audio_captured(message_id, frame.samples_per_channel * 1000 / frame.sample_rate)
        try:
            await self._below.capture_frame(frame)
        except Exception as error:
            self._observer.output_failed(message_id, error)
            raise

    def flush(self) -> None:
        """Hand it on."""
        super().flush()
        if self._is_capturing and self._segments:
            self._observer.flushed(self._segments[-1])
        self._is_capturing = False
        self._below.flush()

    def clear_buffer(self) -> None:
        """Hand it on."""
        self._observer.clearing()
        self._below.clear_buffer()

    def pause(self) -> None:
        """Hand it on."""
        self._observer.pausing()
        super().pause()

    def resume(self) -> None:
        """Hand it on."""
        self._observer.resuming()
        super().resume()

    def on_playback_started(self, *, created_at: float) -> None:
        """Take it from below."""
        self._owed = 0
        self._has_started = True
        super().on_playback_started(created_at=created_at)
        if self._segments:
            self._observer.playback_started(self._segments[0])

    def announce_start(self) -> None:
        """Have the framework know that something is heard, if the output never said so (H5)."""
        if self._decides and not self._has_started:
            self._has_started = True
            super().on_playback_started(created_at=livekit_time_s())

    def on_playback_progressed(self, *, started_at: float, offset: float, duration: float) -> None:
        """Take it from below."""
        super().on_playback_progressed(started_at=started_at, offset=offset, duration=duration)
        if self._segments:
            self._observer.playback_progressed(self._segments[0], (offset + duration) * 1000)

    def on_playback_finished(
        self, *, playback_position: float, interrupted: bool, synchronized_transcript: str | None = None
    ) -> None:
        """Take it from below."""
        if self._owed:
            self._owed -= 1
            return
        message_id = self._segments[0] if self._segments else ""
        if message_id:
            self._reported.add(message_id)
            waits = self._observer.playback_finished(
                message_id, playback_position * 1000, interrupted, synchronized_transcript
            )
            if self._decides and (waits or message_id not in self._segments):
                return
        if self._segments:
            self._segments.popleft()
        super().on_playback_finished(
            playback_position=playback_position,
            interrupted=interrupted,
            synchronized_transcript=synchronized_transcript,
        )

    def settle(self, record: MessageRecord) -> None:
        """Have the framework know what was heard of a message, if it is still waiting for it.

        If the output itself has not reported the end, its report comes late, should it come at all.
        """
        if not self._decides or record.message_id not in self._segments:
            return
        self._segments.remove(record.message_id)
        if record.message_id not in self._reported:
            self._owed += 1
        super().on_playback_finished(
            playback_position=record.heard_ms / 1000,
            interrupted=record.state != "played",
            synchronized_transcript=record.heard_text,
        )
