"""The message that an output has in hand."""

from __future__ import annotations

from collections import deque

from ..whole_samples import SAMPLE_BYTES


class Playback:
    """Its audio that waits, and how far into it the output is.

    Positions are whole milliseconds. Only the last one of a flushed message may be cut short by the end of
    the audio.
    """

    def __init__(self, message_id: str, sample_rate: int) -> None:
        self.message_id = message_id
        self.sample_rate = sample_rate
        self.waiting: deque[bytes] = deque()
        self.written = 0
        """Samples that were written."""
        self.left = 0
        """Samples that left."""
        self.position_ms = 0
        self.flushed = False
        self.started = False

    def append(self, pcm: bytes) -> None:
        """Take more audio."""
        if pcm:
            self.waiting.append(pcm)
            self.written += len(pcm) // SAMPLE_BYTES

    @property
    def written_ms(self) -> int:
        """How much audio was written, in whole milliseconds."""
        return self.written * 1000 // self.sample_rate

    @property
    def playable_ms(self) -> int:
        """The position up to which there is audio. The odd samples at the end wait for the flush."""
        return -(-self.written * 1000 // self.sample_rate) if self.flushed else self.written_ms

    @property
    def heard_to_ms(self) -> int:
        """The position to report: never beyond what was written."""
        return min(self.position_ms, self.written_ms)

    def take_to(self, position_ms: int) -> bytes:
        """Move to the position and return the audio on the way."""
        end = min(-(-position_ms * self.sample_rate // 1000), self.written)
        wanted, pieces = (end - self.left) * SAMPLE_BYTES, []
        while wanted > 0:
            piece = self.waiting.popleft()
            if len(piece) > wanted:
                self.waiting.appendleft(piece[wanted:])
                piece = piece[:wanted]
            pieces.append(piece)
            wanted -= len(piece)
        self.position_ms, self.left = position_ms, end
        return b"".join(pieces)
