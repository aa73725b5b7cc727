"""The message that a page has in hand."""

from __future__ import annotations

from ...whole_samples import SAMPLE_BYTES


class TabPlayback:
    """What was written of it, sent to the page, and heard there. Samples are those of the output's rate."""

    def __init__(self, message_id: str, number: int, sample_rate: int) -> None:
        self.message_id = message_id
        self.number = number
        """What the page calls it."""
        self.written = 0
        self.sent = 0
        self.heard = 0
        self.flushed = False
        self.started = False
        self.told_ms = 0
        """The position that was reported last."""
        self.first_sent_ms = 0.0
        self.heard_at_ms = 0.0
        """When the page last said how far it is."""
        self.texts: list[str] = []
        """What waits to be shown."""
        self._waiting = bytearray()
        self._sample_rate = sample_rate

    def append(self, pcm: bytes) -> None:
        """Take more audio."""
        self.written += len(pcm) // SAMPLE_BYTES
        self._waiting += pcm

    def take(self, most_bytes: int, *, ahead_ms: int) -> bytes:
        """Return what is to be sent next, so that no more than `ahead_ms` is on its way."""
        room = ahead_ms * self._sample_rate // 1000 - (self.sent - self.heard)
        pcm = bytes(self._waiting[: max(0, min(most_bytes, room * SAMPLE_BYTES))])
        del self._waiting[: len(pcm)]
        self.sent += len(pcm) // SAMPLE_BYTES
        return pcm

    @property
    def position_ms(self) -> int:
        """How much of it was heard, in whole milliseconds."""
        return self.heard * 1000 // self._sample_rate

    @property
    def is_over(self) -> bool:
        """Whether all of it was heard, as far as is known."""
        return self.flushed and self.heard == self.written and not self.texts
