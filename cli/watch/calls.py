"""The calls that are watched: the present one, and the last of those before it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from speech_lifecycle.diagrams.report import CallPages, index_of
from speech_lifecycle.fsm.trace import Header, TraceError, load_record

from .spool import Spool

_MOST_CALLS = 8


@dataclass
class _WatchedCall:
    key: str
    pages: CallPages
    spool: Spool
    lines: int = 0


class WatchedCalls:
    """Takes lines of traces as they come. A header begins another call."""

    def __init__(self, name: str) -> None:
        """Begin without a call; `name` is what they are called."""
        self._name = name
        self._calls: list[_WatchedCall] = []
        self._begun = 0
        self.revision = 0
        """Grows with everything that is new."""
        self.trouble = "nothing has come yet"
        """What keeps more from coming; "" if nothing does."""

    def say(self, trouble: str) -> None:
        """Say what keeps more from coming, or that nothing does any more."""
        if trouble != self.trouble:
            self.trouble = trouble
            self.revision += 1

    def begin(self) -> None:
        """Begin another call: what follows is of another run of the agent."""
        self._begun += 1
        name = self._name if self._begun == 1 else f"{self._name}, run {self._begun}"
        spool = Spool()
        self._calls.append(_WatchedCall(str(self._begun), CallPages(name, spool), spool))
        if len(self._calls) > _MOST_CALLS:
            self._calls.pop(0).spool.close()
        self.revision += 1

    def begin_again(self) -> None:
        """Begin the last call once more: all of it follows."""
        if self._calls:
            self._calls.pop().spool.close()
            self._begun -= 1
        self.begin()

    def take(self, line: bytes) -> None:
        """Take a line of the present call. What cannot be read is noted."""
        if not self._calls:
            self.begin()
        call = self._calls[-1]
        call.lines += 1
        if not line.strip():
            return
        self.revision += 1
        try:
            text = line.decode()
            record = load_record(text, f"{self._name}, line {call.lines}")
        except UnicodeDecodeError as error:
            call.pages.problem(TraceError(f"{self._name}, line {call.lines}: not UTF-8: {error}"))
        except TraceError as error:
            call.pages.problem(error)
        else:
            if not isinstance(record, Header):
                call.pages.take(record, call.lines, text)
            elif call.lines == 1:
                call.pages.begin(record)
            else:
                self.begin()
                self.take(line)

    def index(self) -> dict[str, Any]:
        """Return the index of the page, in JSON's own types."""
        calls = [{**call.pages.index(), "key": call.key} for call in self._calls]
        return {**index_of(calls), "revision": self.revision, "trouble": self.trouble}

    def page(self, call: int, number: int) -> bytes | None:
        """Return a page of steps, packed; None if there is none."""
        found = self._at(call)
        return None if found is None else found.spool.read("page", number) or found.pages.open_page(number)

    def speech(self, call: int, number: int) -> bytes | None:
        """Return a speech, packed; None if there is none."""
        found = self._at(call)
        return None if found is None else found.spool.read("speech", number) or found.pages.open_speech(number)

    def _at(self, call: int) -> _WatchedCall | None:
        return self._calls[call] if 0 <= call < len(self._calls) else None

    def close(self) -> None:
        """Throw all of it away."""
        while self._calls:
            self._calls.pop().spool.close()
