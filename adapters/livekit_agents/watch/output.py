"""An audio output, wrapped: what goes through it is reported, and what it reports can be put right."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from livekit import rtc
from livekit.agents import AgentSession
from livekit.agents.voice import io

from speech_lifecycle.fsm import effects as fx
from speech_lifecycle.fsm import events as ev
from speech_lifecycle.fsm.values import MessageRecord

from ..livekit_time import ROUNDED_MS, livekit_time_s
from .facts import ClearRequested, FlushRequested, Report
from .forwarding import Forwarding

_SPEAKING = fx.AnnounceAgentState("speaking")


class WatchedOutput(io.AudioOutput):
    """Stands at the top of the output's chain.

    If `decides`, the finish of a message that the lifecycle waits for goes up when the lifecycle has settled it, with
    what the lifecycle says was heard; otherwise as the output reports it.
    """

    def __init__(
        self,
        output: io.AudioOutput,
        report: Report,
        forwarding: Forwarding,
        *,
        decides: bool,
        at_ms: Callable[[], float] = lambda: 0.0,
    ) -> None:
        """Wrap an output; `at_ms` is the time in which events say when they became true."""
        super().__init__(
            label="speech-lifecycle",
            capabilities=io.AudioOutputCapabilities(pause=True),
            next_in_chain=output,
            sample_rate=output.sample_rate,
        )
        self._report = report
        self._forwarding = forwarding
        self._decides = decides
        self._at_ms = at_ms
        self._begun_at_ms = 0.0
        """When the latest segment began to be captured."""
        self._segments: deque[str] = deque()
        """The messages of the segments that were begun and not reported as finished, oldest first."""
        self._owed = 0
        """Finishes that went up before the output reported them, until it begins to play something newer."""
        self._reported: set[str] = set()
        """Messages of segments whose finish the output has reported."""
        self._is_capturing = False
        self._is_held = False
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

    # From the framework

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        """Play a frame. The first of a segment says which message the segment is of."""
        await super().capture_frame(frame)
        if not self._is_capturing:
            self._is_capturing = True
            self._has_started = False
            self._begun_at_ms = self._at_ms()
            self._segments.append(self._forwarding.message_id)
        message_id = self._segments[-1] if self._segments else ""
        if message_id:
            self._report_handover(message_id)
        try:
            await self._below.capture_frame(frame)
        except Exception as error:
            if message_id:
                self._report(ev.OutputFailed(message_id, repr(error)))
            raise

    def flush(self) -> None:
        """End the segment."""
        super().flush()
        if self._is_capturing and self._segments and self._segments[-1]:
            message_id = self._segments[-1]
            self._report_handover(message_id)
            self._report(FlushRequested(message_id))
        self._is_capturing = False
        self._below.flush()

    def clear_buffer(self) -> None:
        """Stop what is played."""
        self._report(ClearRequested())
        self._below.clear_buffer()

    def pause(self) -> None:
        """Hold the playback."""
        self._is_held = True
        self._report(ev.Pause())
        super().pause()

    def resume(self) -> None:
        """Go on. LiveKit resumes before every message, held or not."""
        if self._is_held:
            self._is_held = False
            self._report(ev.Resume())
        super().resume()

    def _report_handover(self, message_id: str) -> None:
        self._report(ev.OutputAudioHandedOver(message_id, int(self._forwarding.taken_ms(message_id))))

    # From the output

    def on_playback_started(self, *, created_at: float) -> None:
        """The first frame of a segment left the output."""
        self._owed = 0
        self._has_started = True
        super().on_playback_started(created_at=created_at)
        if self.is_busy and self._segments[0]:
            began_ms = self._at_ms() - max(0.0, (livekit_time_s() - created_at) * 1000)
            # An output may say that it began earlier than it is told: the loop lags. Not before it had audio, though.
            is_possible = began_ms >= self._begun_at_ms - ROUNDED_MS
            began_ms = max(began_ms, self._begun_at_ms)
            self._report(ev.OutputPlaybackStarted(self._segments[0], int(began_ms) if is_possible else None))

    def on_playback_progressed(self, *, started_at: float, offset: float, duration: float) -> None:
        """How far into a segment the output is."""
        super().on_playback_progressed(started_at=started_at, offset=offset, duration=duration)
        if self.is_busy and self._segments[0]:
            self._report(ev.OutputPlaybackProgressed(self._segments[0], (offset + duration) * 1000))

    def on_playback_finished(
        self, *, playback_position: float, interrupted: bool, synchronized_transcript: str | None = None
    ) -> None:
        """The output is done with a segment."""
        if self._owed:
            self._owed -= 1
            return
        message_id = self._segments[0] if self._segments else ""
        if message_id:
            is_the_lifecycles = self._decides and self._forwarding.is_awaited(message_id)
            self._reported.add(message_id)
            self._report(
                ev.OutputPlaybackFinished(message_id, playback_position * 1000, interrupted, synchronized_transcript)
            )
            if is_the_lifecycles:
                return
        if self._segments:
            self._segments.popleft()
        super().on_playback_finished(
            playback_position=playback_position,
            interrupted=interrupted,
            synchronized_transcript=synchronized_transcript,
        )

    # From the lifecycle

    def announce_start(self) -> None:
        """Have the framework know that something is heard, if the output never said so (H5)."""
        if self._decides and not self._has_started:
            self._has_started = True
            super().on_playback_started(created_at=livekit_time_s())

    def settle(self, record: MessageRecord) -> None:
        """Have the framework know what was heard of a message, if it is still waiting for it.

        If the output itself has not reported the end, its report comes late, should it come at all.
        """
        if not self._decides or record.message_id not in self._segments:
            return
        self._segments.remove(record.message_id)
        if record.message_id not in self._reported:
            self._owed += 1
        if record.heard_ms > 0:
            self.announce_start()
        super().on_playback_finished(
            playback_position=record.heard_ms / 1000,
            interrupted=record.state != "played",
            synchronized_transcript=record.heard_text,
        )


class Outputs:
    """The audio outputs that a session has in turn, each with the wrapper at its top."""

    def __init__(
        self,
        session: AgentSession[Any],
        report: Report,
        forwarding: Forwarding,
        *,
        decides: bool,
        at_ms: Callable[[], float],
    ) -> None:
        self._session = session
        self._report = report
        self._forwarding = forwarding
        self._decides = decides
        self._at_ms = at_ms
        self._outputs: list[WatchedOutput] = []

    def top(self) -> WatchedOutput | None:
        """Return the session's output, wrapped; None if it plays no audio.

        Asked before every response, because rooms and consoles set the output when the session starts.
        """
        output = self._session.output.audio
        if output is None:
            return None
        if not isinstance(output, WatchedOutput):
            output = WatchedOutput(output, self._report, self._forwarding, decides=self._decides, at_ms=self._at_ms)
            self._session.output.audio = output
            # One that was replaced may still owe the framework a finish.
            self._outputs = [*(old for old in self._outputs if old.is_busy), output]
        return output if self._session.output.audio_enabled else None

    def perform(self, effect: fx.Effect) -> None:
        """Do what an effect means for the outputs. LiveKit itself starts, flushes and clears them."""
        if isinstance(effect, fx.StartHandover):
            self._forwarding.begin(effect.message_id)
        elif isinstance(effect, fx.ReportMessageSettled):
            self._forwarding.settle(effect.record.message_id)
            for output in self._outputs:
                output.settle(effect.record)
        elif effect == _SPEAKING and self._outputs:
            self._outputs[-1].announce_start()
