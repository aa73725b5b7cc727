"""The message that the simulated speaker has in hand, and what a misbehaviour may know of it."""

from __future__ import annotations

import re

from speech_lifecycle.adapters.outputs.playback import Playback

from .misbehaviour import Circumstances


class Spoken(Playback):
    """With its text, and its place among the messages of this output."""

    def __init__(self, message_id: str, sample_rate: int, *, index: int, previous_message_id: str | None) -> None:
        super().__init__(message_id, sample_rate)
        self.index = index
        self.previous_message_id = previous_message_id
        self.text = ""
        self.cleared = False

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
