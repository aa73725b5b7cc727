"""The message that a WebRTC connection has in hand. Samples are those of the line: 48 kHz, mono."""

from __future__ import annotations

from collections import deque

from ...whole_samples import SAMPLE_BYTES
from ..resampler import Resampler

LINE_RATE = 48_000
"""Of Opus, whatever it carries (RFC 7587)."""
FRAME_SAMPLES = LINE_RATE // 50


class LinePlayback:
    """Audio is kept until it is heard, so that what was only sent can be sent again."""

    def __init__(self, message_id: str, sample_rate: int) -> None:
        self.message_id = message_id
        self.written = 0
        """Samples that were written, at the output's rate."""
        self.flushed = False
        self.started = False
        self.told_ms = 0
        """The position that was reported last."""
        self.sent = 0
        self.heard = 0
        self.first_sent_ms = 0.0
        self.heard_at_ms = 0.0
        """When the page last said that it has heard more."""
        self._sample_rate = sample_rate
        self._resampler = None if sample_rate == LINE_RATE else Resampler(sample_rate, LINE_RATE)
        self._pcm = bytearray()
        """From the first sample that is not known to be heard."""
        self._ready = 0
        self._runs: deque[tuple[int, int, int]] = deque()
        """What was sent: at which sample of the line, the first sample of the message, and how many."""

    def append(self, pcm: bytes) -> None:
        """Take more audio."""
        self.written += len(pcm) // SAMPLE_BYTES
        self._add(pcm if self._resampler is None else self._resampler.take(pcm))

    def flush(self) -> None:
        """No more comes, as far as is known."""
        self.flushed = True
        if self._resampler is not None:
            self._add(self._resampler.end())

    def _add(self, pcm: bytes) -> None:
        self._pcm += pcm
        self._ready += len(pcm) // SAMPLE_BYTES

    def take(self, at: int) -> bytes:
        """Return a frame to be sent at this sample of the line; only the last may be shorter."""
        count = min(FRAME_SAMPLES, self._ready - self.sent)
        if not count or (count < FRAME_SAMPLES and not self.flushed):
            return b""
        self._runs.append((at, self.sent, count))
        start = (self.sent - self.heard) * SAMPLE_BYTES
        self.sent += count
        return bytes(self._pcm[start : start + count * SAMPLE_BYTES])

    def hear(self, up_to: int) -> bool:
        """Count what was heard before this sample of the line; say whether it is more than before."""
        heard = self.heard
        while self._runs:
            at, first, count = self._runs[0]
            heard = max(heard, first + min(count, up_to - at))
            if at + count > up_to:
                break
            self._runs.popleft()
        del self._pcm[: (heard - self.heard) * SAMPLE_BYTES]
        has_more, self.heard = heard > self.heard, heard
        return has_more

    def take_back(self) -> None:
        """What was sent and not heard is sent again."""
        self.sent = self.heard
        self._runs.clear()

    @property
    def is_on_its_way(self) -> bool:
        """Whether something was sent that is not known to be heard."""
        return self.sent > self.heard

    @property
    def waits(self) -> bool:
        """Whether there is something to be heard that is not known to be heard."""
        return self.heard < self._ready and (
            self.flushed or self.is_on_its_way or self._ready - self.heard >= FRAME_SAMPLES
        )

    @property
    def is_over(self) -> bool:
        """Whether all of it was heard, as far as is known."""
        return self.flushed and self.heard == self._ready

    @property
    def written_ms(self) -> int:
        """How much audio was written, in whole milliseconds."""
        return self.written * 1000 // self._sample_rate

    @property
    def position_ms(self) -> int:
        """How much of it was heard: never more than was written."""
        return self.written_ms if self.is_over else min(self.written_ms, self.heard * 1000 // LINE_RATE)
