"""The simulated speaker as a LiveKit `AudioOutput`: one segment of its is one message of the speaker's."""

from __future__ import annotations

import time

from livekit import rtc
from livekit.agents.voice import io

from speech_lifecycle.adapters.outputs.simulated_speaker import SimulatedSpeaker
from speech_lifecycle.fsm import events as ev


class SpeakerOutput(io.AudioOutput):
    """Plays captured frames on a `SimulatedSpeaker`, under the names `segment_1`, `segment_2` and so on.

    `raise_after_ms`: capturing raises RuntimeError when this much audio of a segment was captured.
    """

    def __init__(
        self, speaker: SimulatedSpeaker, *, with_transcript: bool = True, raise_after_ms: int | None = None
    ) -> None:
        super().__init__(
            label="simulated speaker",
            capabilities=io.AudioOutputCapabilities(pause=speaker.can_pause),
            sample_rate=speaker.sample_rate,
        )
        self._speaker = speaker
        self._with_transcript = with_transcript
        self._raise_after_ms = raise_after_ms
        self._segments = 0
        self._open: str | None = None
        self._latest: str | None = None
        self._captured_ms = 0.0
        self._played_s = 0.0
        self._text_before = ""
        self._text_before_has_ended = False
        self._text_is_open = False
        self.transcription = ShownText(self)
        speaker.attach(self._take)

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        """Play the frame after what came before it."""
        await super().capture_frame(frame)
        if self._open is None:
            self._segments += 1
            self._open = self._latest = f"segment_{self._segments}"
            self._captured_ms = 0.0
            self._speaker.start(self._open)
            self._speaker.write_text(self._open, self._text_before)
            self._text_is_open = not self._text_before_has_ended
            self._text_before, self._text_before_has_ended = "", False
        if self._raise_after_ms is not None and self._captured_ms >= self._raise_after_ms:
            raise RuntimeError("the simulated device is gone")
        self._captured_ms += frame.duration * 1000
        self._speaker.write(self._open, bytes(frame.data))

    def capture_text(self, text: str) -> None:
        """Take text of the segment that has no end of text yet, or else of the one to come."""
        if self._latest is not None and self._text_is_open:
            self._speaker.write_text(self._latest, text)
            return
        if self._text_before_has_ended:
            self._text_before, self._text_before_has_ended = "", False
        self._text_before += text

    def end_text(self) -> None:
        """Take it that the message has no more text."""
        if self._text_is_open:
            self._text_is_open = False
        elif self._text_before:
            self._text_before_has_ended = True

    def flush(self) -> None:
        """End the segment: play it out."""
        super().flush()
        if self._open is not None:
            self._speaker.flush(self._open)
            self._open = None

    def clear_buffer(self) -> None:
        """Stop playing at once."""
        if self._latest is not None:
            self._speaker.clear(self._latest)

    def pause(self) -> None:
        """Hold the playback."""
        self._speaker.pause()

    def resume(self) -> None:
        """Go on playing."""
        self._speaker.resume()

    def _take(self, fact: ev.OutputFact) -> None:
        # LiveKit takes wall-clock times here; nothing that is tested depends on them.
        if isinstance(fact, ev.OutputPlaybackStarted):
            self._played_s = 0.0
            self.on_playback_started(created_at=time.time())
        elif isinstance(fact, ev.OutputPlaybackProgressed):
            position_s = _seconds(fact.position_ms)
            self.on_playback_progressed(
                started_at=time.time(), offset=self._played_s, duration=position_s - self._played_s
            )
            self._played_s = position_s
        elif isinstance(fact, ev.OutputPlaybackFinished):
            self._text_is_open = False
            self.on_playback_finished(
                playback_position=_seconds(fact.position_ms),
                interrupted=fact.interrupted,
                synchronized_transcript=fact.transcript if self._with_transcript else None,
            )


class ShownText(io.TextOutput):
    """Takes the text beside the audio, and keeps what was shown."""

    def __init__(self, output: SpeakerOutput) -> None:
        super().__init__(label="simulated transcription", next_in_chain=None)
        self._output = output
        self.texts: list[str] = []
        """What was shown, message by message."""
        self._begins = True

    async def capture_text(self, text: str) -> None:
        """Show more text."""
        if self._begins:
            self.texts.append("")
            self._begins = False
        self.texts[-1] += text
        self._output.capture_text(text)

    def flush(self) -> None:
        """End the message's text."""
        self._begins = True
        self._output.end_text()


def _seconds(position_ms: float | None) -> float:
    return float("nan") if position_ms is None else position_ms / 1000
