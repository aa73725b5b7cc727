"""The simulated speaker under an `AgentSession`: it takes text beside the audio, and can break."""

from __future__ import annotations

from typing import Literal

from livekit import rtc
from livekit.agents.voice import io

from speech_lifecycle.adapters.livekit_agents.audio_output import LiveKitAudioOutput
from speech_lifecycle.adapters.livekit_agents.livekit_time import livekit_time_s

from ..simulated_speaker import SimulatedSpeaker

Silent = Literal["never", "always", "after_clear", "first"]


class SpeakerOutput(LiveKitAudioOutput):
    """Plays on a `SimulatedSpeaker`, under the names `segment_1`, `segment_2` and so on.

    with_transcript: report the text that `transcription` takes as synchronized with the audio.
    raise_after_ms: capturing raises RuntimeError when this much audio of a segment was captured.
    silent: which ends of segments it never reports.
    """

    def __init__(
        self,
        speaker: SimulatedSpeaker,
        *,
        with_transcript: bool = True,
        raise_after_ms: int | None = None,
        silent: Silent = "never",
    ) -> None:
        super().__init__(speaker, unix_time_s=livekit_time_s, label="simulated speaker")
        self._speaker = speaker
        self._with_transcript = with_transcript
        self._raise_after_ms = raise_after_ms
        self._silent = silent
        self._is_cleared = False
        self._captured_ms = 0.0
        self._segment = ""
        self._text_before = ""
        self._text_before_has_ended = False
        self._text_is_open = False
        self.transcription = ShownText(self)

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        """Play the frame after what came before it.

        Raises:
            RuntimeError: `raise_after_ms` of the segment were captured.
        """
        segments_before = self.captured_playout_segments
        await super().capture_frame(frame)
        if self.captured_playout_segments > segments_before:
            self._captured_ms = 0.0
            self._is_cleared = False
            self._segment = f"segment_{self.captured_playout_segments}"
            self._speaker.write_text(self._segment, self._text_before)
            self._text_is_open = not self._text_before_has_ended
            self._text_before, self._text_before_has_ended = "", False
        self._captured_ms += frame.duration * 1000
        if self._raise_after_ms is not None and self._captured_ms >= self._raise_after_ms:
            raise RuntimeError("the simulated device is gone")

    def capture_text(self, text: str) -> None:
        """Take text of the segment that has no end of text yet, or else of the one to come."""
        if self._text_is_open:
            self._speaker.write_text(self._segment, text)
            return
        if self._text_before_has_ended:
            self._text_before, self._text_before_has_ended = "", False
        self._text_before += text

    def end_text(self) -> None:
        """The message has no more text."""
        if self._text_is_open:
            self._text_is_open = False
        elif self._text_before:
            self._text_before_has_ended = True

    def on_playback_finished(
        self, *, playback_position: float, interrupted: bool, synchronized_transcript: str | None = None
    ) -> None:
        """Report the end of a segment, unless it is silent about it."""
        self._text_is_open = False
        if self._is_silent():
            return
        super().on_playback_finished(
            playback_position=playback_position,
            interrupted=interrupted,
            synchronized_transcript=synchronized_transcript if self._with_transcript else None,
        )

    def clear_buffer(self) -> None:
        """Stop what is played."""
        self._is_cleared = True
        super().clear_buffer()

    def _is_silent(self) -> bool:
        if self._silent == "after_clear":
            return self._is_cleared
        return self._silent == "always" or (self._silent == "first" and self._segment == "segment_1")


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
