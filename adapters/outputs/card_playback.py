"""The message that a sound card has in hand: what was written, what the device took, what left it."""

from __future__ import annotations

from collections import deque

from ..whole_samples import SAMPLE_BYTES
from .resampler import Resampler


class CardPlayback:
    """Counts frames of the device. Audio is kept until it is heard, so that what was only taken can be taken again."""

    def __init__(self, message_id: str, sample_rate: int, device_rate: int) -> None:
        self.message_id = message_id
        self.written = 0
        """Samples that were written, at the output's rate."""
        self.flushed = False
        self.started = False
        self.told_ms = 0
        """The position that was reported last."""
        self.heard = 0
        """Frames that left the device."""
        self.taken = 0
        """Frames that the device took."""
        self._sample_rate = sample_rate
        self._device_rate = device_rate
        self._resampler = None if sample_rate == device_rate else Resampler(sample_rate, device_rate)
        self._audio = bytearray()
        """From the first frame that is not known to be heard."""
        self._kept_from = 0
        self._ready = 0
        self._blocks: deque[tuple[float, int, int]] = deque()
        """What the device took: when it leaves, the first frame, and how many."""

    def append(self, pcm: bytes) -> None:
        """Take more audio."""
        self.written += len(pcm) // SAMPLE_BYTES
        self._add(pcm if self._resampler is None else self._resampler.take(pcm))

    def flush(self) -> None:
        """No more comes, as far as is known."""
        self.flushed = True
        if self._resampler is not None:
            self._add(self._resampler.end())

    def _add(self, frames: bytes) -> None:
        self._audio += frames
        self._ready += len(frames) // SAMPLE_BYTES

    def take(self, frames: int, leaves_at_s: float) -> bytes:
        """Give the device at most so many frames, of which the first leaves it at this time."""
        count = min(frames, self._ready - self.taken)
        if not count:
            return b""
        start = (self.taken - self._kept_from) * SAMPLE_BYTES
        self._blocks.append((leaves_at_s, self.taken, count))
        self.taken += count
        return bytes(self._audio[start : start + count * SAMPLE_BYTES])

    def hear(self, now_s: float) -> None:
        """Count what has left the device by now."""
        while self._blocks:
            leaves_at_s, first, count = self._blocks[0]
            left = min(count, int((now_s - leaves_at_s) * self._device_rate))
            if left > 0:
                self.heard = max(self.heard, first + left)
            if left < count:
                break
            self._blocks.popleft()
        del self._audio[: (self.heard - self._kept_from) * SAMPLE_BYTES]
        self._kept_from = self.heard

    def take_back(self) -> None:
        """The device dropped what it had not played: it takes that again."""
        self.taken = self.heard
        self._blocks.clear()

    @property
    def written_ms(self) -> int:
        """How much audio was written, in whole milliseconds."""
        return self.written * 1000 // self._sample_rate

    @property
    def position_ms(self) -> int:
        """How much of it left the device: never more than was written."""
        return self.written_ms if self.is_heard else min(self.written_ms, self.heard * 1000 // self._device_rate)

    @property
    def is_heard(self) -> bool:
        """Whether all that is there has left the device."""
        return self.heard == self._ready
