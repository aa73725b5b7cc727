"""The lines of a trace, so many of them that somebody who comes late can follow it: a whole number of speeches."""

from __future__ import annotations

from speech_lifecycle.fsm.effects import ReportSpeechDone
from speech_lifecycle.fsm.trace import Header, Record, dump_record


class KeptTrace:
    """Takes records, and forgets the oldest speeches that are over when there is too much."""

    def __init__(self, header: Header, max_bytes: int) -> None:
        """Begin with the header, which is never forgotten."""
        self._header = _line(header)
        self._max_bytes = max_bytes
        self._bytes = 0
        self._lines: list[tuple[str, bytes]] = []
        """Of which speech, "" for those of the conversation."""
        self._forgotten = 0
        """How many lines are not kept any more."""
        self._whole_from = 0
        """From this number on all lines are kept."""
        self._over: dict[str, None] = {}

    def take(self, record: Record) -> None:
        """Keep a record."""
        speech, line = getattr(record, "speech", ""), _line(record)
        self._lines.append((speech, line))
        self._bytes += len(line)
        if any(isinstance(effect, ReportSpeechDone) for effect in getattr(record, "effects", ())):
            self._over[speech] = None
        if self._bytes > self._max_bytes:
            self._forget()

    @property
    def end(self) -> int:
        """The number of the next line."""
        return self._forgotten + len(self._lines)

    def since(self, number: int | None) -> list[bytes] | None:
        """Return the lines from that number on; from the header, if it is None; None if one of them is forgotten."""
        if number is None:
            return [self._header, *(line for _, line in self._lines)]
        if number < self._whole_from:
            return None
        return [line for _, line in self._lines[number - self.end :]] if number < self.end else []

    def _forget(self) -> None:
        """Forget the oldest speeches that are over, until half is left; everything, if none is."""
        sizes: dict[str, int] = {}
        for speech, line in self._lines:
            sizes[speech] = sizes.get(speech, 0) + len(line)
        gone: set[str] = set()
        left = self._bytes
        while self._over and left > self._max_bytes // 2:
            speech = next(iter(self._over))
            del self._over[speech]
            gone.add(speech)
            left -= sizes.get(speech, 0)
        end = self.end
        kept: list[tuple[str, bytes]] = []
        for index, (speech, line) in enumerate(self._lines):
            # What the conversation did before the oldest speech that is kept says nothing any more.
            if gone and speech not in gone and (speech or kept):
                kept.append((speech, line))
            else:
                self._whole_from = end - len(self._lines) + index + 1
        self._forgotten = end - len(kept)
        self._lines = kept
        self._bytes = sum(len(line) for _, line in kept)


def _line(record: Record) -> bytes:
    return f"{dump_record(record)}\n".encode()
