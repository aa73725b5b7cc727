"""The message that the simulated speaker has in hand."""

from __future__ import annotations

import re
from collections import deque

import numpy as np

from .listener import Samples
from .misbehaviour import Circumstances


class Playback:
    """Its audio that waits, and how far into it the output is.

    Positions are whole milliseconds. Only the last one of a flushed message may be cut short by the end of
    the audio.
    """

    def __init__(self, message_id: str, index: int, previous_message_id: str | None, sample_rate: int) -> None:
        self.message_id = message_id
        self.index = index
        self.previous_message_id = previous_message_id
        self.sample_rate = sample_rate
        self.waiting: deque[Samples] = deque()
        self.written = 0
        self.left = 0
        self.position_ms = 0
        self.text = ""
        self.flushed = False
        self.started = False
        self.cleared = False

    def append(self, samples: Samples) -> None:
        """Take more audio."""
        if samples.size:
            self.waiting.append(samples)
            self.written += samples.size

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

    def take_to(self, position_ms: int) -> Samples:
        """Move to the position and return the audio on the way."""
        end = min(-(-position_ms * self.sample_rate // 1000), self.written)
        count, pieces = end - self.left, [np.empty(0, dtype=np.int16)]
        while count > 0:
            piece = self.waiting.popleft()
            if piece.size > count:
                self.waiting.appendleft(piece[count:])
                piece = piece[:count]
            pieces.append(piece)
            count -= piece.size
        self.position_ms, self.left = position_ms, end
        return np.concatenate(pieces)

    def synchronized_text(self) -> str:
        """Return the word prefix in proportion to the audio that left; all words at the end."""
        words = list(re.finditer(r"\S+", self.text))
        count = len(words) * self.left // self.written if self.written else 0
        if not count:
            return ""
        return self.text if count == len(words) else self.text[: words[count - 1].end()]

    def circumstances(self) -> Circumstances:
        """Return what a misbehaviour may know."""
        return Circumstances(
            message_id=self.message_id,
            index=self.index,
            previous_message_id=self.previous_message_id,
            written_ms=self.written_ms,
            cleared=self.cleared,
        )
