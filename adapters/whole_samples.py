"""Audio that was cut in the middle of a sample, joined again."""

from __future__ import annotations

SAMPLE_BYTES = 2
"""Of 16-bit mono PCM."""

_KEPT = 256
"""Messages whose half sample is remembered: more than are ever under way."""


class WholeSamples:
    """Joins the pieces of each message's audio so that every piece has whole samples.

    A server may cut its byte stream anywhere; outputs and positions count samples.
    """

    def __init__(self) -> None:
        self._halves: dict[str, bytes] = {}

    def take(self, message_id: str, pcm: bytes) -> bytes:
        """Return the whole samples that can be made of this piece and what was left of the one before."""
        if not self._halves and not len(pcm) % SAMPLE_BYTES:
            return pcm
        joined = self._halves.pop(message_id, b"") + pcm
        whole = len(joined) - len(joined) % SAMPLE_BYTES
        if whole < len(joined):
            self._halves[message_id] = joined[whole:]
            if len(self._halves) > _KEPT:
                del self._halves[next(iter(self._halves))]
        return joined[:whole]

    def forget(self, message_id: str) -> None:
        """Drop what is left of a message that has ended: half a sample is not heard."""
        self._halves.pop(message_id, None)
