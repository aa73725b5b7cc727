"""An output of one sample rate for a session of another."""

from __future__ import annotations

from collections.abc import Callable

from speech_lifecycle.fsm.events import OutputFact

from ..ports import AudioOutput
from .resampler import Resampler


class ResampledOutput(AudioOutput):
    """Takes audio at `sample_rate` for an output that takes another, message by message.

    The resampled sound lies where the original does, because soxr's delay is cut off at the front: what it holds back
    comes with the next piece or the flush. So a position of the output is one of the original.
    """

    def __init__(self, output: AudioOutput, sample_rate: int) -> None:
        """Stand in for an output that is attached to nobody yet.

        Raises:
            ValueError: one of the rates is none.
        """
        for whose, rate in (("output", output.sample_rate), ("session", sample_rate)):
            if not isinstance(rate, int) or rate < 1:
                raise ValueError(f"the {whose}'s sample_rate must be a number of samples per second, not {rate!r}")
        self._output = output
        self._sample_rate = sample_rate
        self._message_id: str | None = None
        self._resampler = self._new_resampler()

    @property
    def sample_rate(self) -> int:
        """Samples per second of the audio it takes."""
        return self._sample_rate

    @property
    def can_pause(self) -> bool:
        """Whether `pause` holds the playback."""
        return self._output.can_pause

    @property
    def shows_text(self) -> bool:
        """Whether the user reads what `write_text` is given."""
        return bool(getattr(self._output, "shows_text", False))

    def attach(self, report: Callable[[OutputFact], None]) -> None:
        """Take the function that facts are reported to."""
        self._output.attach(report)

    def start(self, message_id: str) -> None:
        """Expect the audio of this message next."""
        self._message_id, self._resampler = message_id, self._new_resampler()
        self._output.start(message_id)

    def write(self, message_id: str, pcm: bytes) -> None:
        """Take audio of the message. The last few milliseconds wait for what comes next, or for the flush.

        What comes of another message is late, and dropped.
        """
        if message_id == self._message_id:
            self._hand_on(message_id, self._resampler.take(pcm))

    def write_text(self, message_id: str, text: str) -> None:
        """Take more text of the message."""
        self._output.write_text(message_id, text)

    def flush(self, message_id: str) -> None:
        """All audio of the message is written."""
        if message_id == self._message_id:
            self._hand_on(message_id, self._resampler.end())
        self._output.flush(message_id)

    def clear(self, message_id: str) -> None:
        """Stop now, and drop what was not played. What is held back here is dropped there: it was written, too."""
        if message_id == self._message_id:
            self._hand_on(message_id, self._resampler.end())
        self._output.clear(message_id)

    def pause(self) -> None:
        """Hold the playback."""
        self._output.pause()

    def resume(self) -> None:
        """Go on playing."""
        self._output.resume()

    async def aclose(self) -> None:
        """Fall silent, and release what it holds."""
        await self._output.aclose()

    def _new_resampler(self) -> Resampler:
        return Resampler(self._sample_rate, self._output.sample_rate)

    def _hand_on(self, message_id: str, pcm: bytes) -> None:
        if pcm:
            self._output.write(message_id, pcm)
