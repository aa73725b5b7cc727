"""A call over time, as plain text for a terminal: the lanes of the picture, drawn with letters."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from itertools import groupby, islice

from speech_lifecycle.fsm.values import MessageState

from .call import Call, CallMessage, OutputDeed
from .deed_lanes import had_by_output, request_words
from .message_lane import how_it_ended
from .shown import one_line
from .windows import Window, spans_in, ticks_of, time_of, windows_of
from .words import Fate, Word

PIECE_MS = 6_000
"""How much of a long call stands side by side."""
_LONGEST_NAME = 24
_MOST_TOGETHER = 6
_LETTERS: dict[MessageState, str] = {
    "pending": ".",
    "streaming": "s",
    "draining": "d",
    "stopping": "x",
    "played": "P",
    "partial": "/",
    "skipped": "-",
}
_DEEDS: dict[OutputDeed, str] = {
    "handover": "h",
    "flushed": "f",
    "started": ">",
    "finished": "|",
    "cleared": "x",
    "stopped": "]",
    "failed": "!",
}

_FATES: dict[Fate, str] = {
    "heard": "    shown",
    "cut": "    shown",
    "unheard": "  unheard",
    "open": "  to come",
}
"""What stands before the words that have no time."""


def timeline_text(call: Call, *, width: int = 72, piece_ms: int | None = PIECE_MS, most: int | None = None) -> str:
    """Return the timeline of a call as plain text, in which nothing can be obeyed by a terminal.

    Args:
        call: what happened.
        width: of the time axis, in characters.
        piece_ms: how much of a long call stands side by side; None draws all of it at once, and no words.
        most: how many messages are shown of each piece.
    """
    names = [one_line(message.message_id[:_LONGEST_NAME]) for message in call.messages]
    margin = max([_columns(name) for name in names] + [9]) + 2
    whole_ms = max(1, call.to_ms - (call.from_ms or 0))
    lines: list[str] = []
    for window in windows_of(call, piece_ms or whole_ms):
        lines += _Piece(call, window, margin, width).lines(most, with_words=piece_ms is not None)
        lines.append("")
    lines.append(_legend(call, margin + width + 20))
    lines += [one_line(problem) for problem in call.problems]
    return "\n".join([*lines, ""])


class _Piece:
    def __init__(self, call: Call, window: Window, margin: int, width: int) -> None:
        self._call, self._window, self._margin, self._width = call, window, margin, width

    def lines(self, most: int | None, *, with_words: bool) -> Iterator[str]:
        call, window = self._call, self._window
        ticks = ticks_of(window, self._width // 10)
        yield self._line("", self._placed((self._column(at), time_of(at)) for at in ticks)[0])
        for name, spans, words in (("user", call.user, {"talking": "speaking"}), ("agent", call.agent, {})):
            if spans:
                lasting = [each for each in spans_in(spans, window, call.to_ms) if each[2] > each[1]]
                yield self._line(name, self._named(lasting, words))
        for index, message in islice(window.messages.items(), most):
            yield from self._message(index, message, with_words=with_words)
        messages = list(window.messages.values())
        generated = [(each.message_id, each.announced_ms, each.generated_ms) for each in messages]
        yield self._line("server", self._named(self._inside(generated)))
        had = [(each.message_id, had_by_output(each, call.to_ms)) for each in messages]
        yield self._line("output", self._named(self._inside((name, *span) for name, span in had if span is not None)))
        yield self._line("", self._deeds(messages))
        yield from self._marks(messages)

    def _line(self, name: str, drawn: str, beside: str = "") -> str:
        start = name + " " * (self._margin - _columns(name)) + drawn
        return f"{start}{' ' * (self._margin + self._width + 2 - _columns(start))}{beside}".rstrip()

    def _column(self, at_ms: float) -> int:
        length = self._window.to_ms - self._window.from_ms
        return max(0, min(self._width - 1, int((at_ms - self._window.from_ms) * self._width / length)))

    def _inside(self, spans: Iterable[tuple[str, float, float]]) -> Iterator[tuple[str, float, float]]:
        for name, from_ms, to_ms in spans:
            if from_ms <= self._window.to_ms and to_ms >= self._window.from_ms:
                yield name, from_ms, to_ms

    def _cells(self, spans: Iterable[tuple[str, float, float]]) -> Iterator[tuple[str, int, int]]:
        for name, from_ms, to_ms in spans:
            first = self._column(from_ms)
            yield name, first, max(first + 1, self._column(to_ms) + (to_ms >= self._window.to_ms))

    def _named(self, spans: Iterable[tuple[str, float, float]], words: dict[str, str] | None = None) -> str:
        """Draw bars that begin with their names."""
        cells = [" "] * self._width
        for name, first, end in self._cells(spans):
            text = one_line((words or {}).get(name, name)[: end - first])[: end - first]
            cells[first:end] = [*("[" + text)[: end - first].ljust(end - first, "-")]
        return "".join(cells).rstrip()

    def _message(self, index: int, message: CallMessage, *, with_words: bool) -> Iterator[str]:
        call, window = self._call, self._window
        cells = [" "] * self._width
        for state, first, end in self._cells(spans_in(message.states, window, call.to_ms)):
            cells[first:end] = _LETTERS[state] * (end - first)  # type: ignore[index]
        settled = message.settled_ms
        if message.record is not None and settled is not None and window.from_ms <= settled <= window.to_ms:
            cells[self._column(settled)] = _LETTERS[message.record.state]
        how, much = how_it_ended(message) if index in window.is_last_of else ("", "")
        yield self._line(one_line(message.message_id[:_LONGEST_NAME]), "".join(cells), how)
        ends = [(each.from_ms, call.to_ms if each.to_ms is None else each.to_ms) for each in message.heard]
        heard = list(self._cells(self._inside(("", from_ms, to_ms) for from_ms, to_ms in ends)))
        cells = [" "] * self._width
        for _, first, end in heard:
            cells[first:end] = "=" * (end - first)
        if heard or much:
            yield self._line("    heard", "".join(cells), f"heard {much}" if much else "")
        if not with_words:
            return
        words = window.words[index]
        timed = ((self._column(word.from_ms), _shown(word)) for word in words if word.from_ms is not None)
        for line in self._placed(timed):
            yield self._line("", line)
        for fate, name in _FATES.items():
            rest = [_shown(word) for word in words if word.from_ms is None and word.fate == fate]
            for number, line in enumerate(_wrapped(rest, self._width)):
                yield self._line("" if number else name, line)

    def _placed(self, texts: Iterable[tuple[int, str]]) -> list[str]:
        """Write texts at their columns, in as many rows as they need; one at the end is moved to the left."""
        rows: list[str] = []
        for column, text in texts:
            start = max(0, min(column, self._width - _columns(text)))
            row = next((row for row, line in enumerate(rows) if not line or _columns(line) < start), len(rows))
            if row == len(rows):
                rows.append("")
            rows[row] += " " * (start - _columns(rows[row])) + text
        return rows

    def _deeds(self, messages: Iterable[CallMessage]) -> str:
        cells = [" "] * self._width
        order = list(_DEEDS.values())
        for message in messages:
            for mark in message.output:
                if self._window.from_ms <= mark.at_ms <= self._window.to_ms:
                    column, letter = self._column(mark.at_ms), _DEEDS[mark.deed]
                    if cells[column] == " " or order.index(letter) > order.index(cells[column]):
                        cells[column] = letter
        return "".join(cells).rstrip()

    def _marks(self, messages: Iterable[CallMessage]) -> Iterator[str]:
        window = self._window
        said = [(mark.at_ms, mark.label) for mark in self._call.marks_in(window.from_ms, window.to_ms)]
        said += [
            (request.at_ms, request_words(message, request))
            for message in messages
            for request in message.server
            if window.from_ms <= request.at_ms <= window.to_ms
        ]
        for at_ms, together in groupby(sorted(said, key=lambda each: each[0]), key=lambda each: each[0]):
            words = one_line(", ".join(words for _, words in islice(together, _MOST_TOGETHER)))
            column, text = self._margin + self._column(at_ms), f"{at_ms} ms: {words}"
            is_left = _columns(text) < column and column > self._width // 2
            yield f"{text + ' ^':>{column + 1}}" if is_left else f"{'':{column}}^ {text}"


def _shown(word: Word) -> str:
    text = one_line(word.text)
    return f"{text}/" if word.fate == "cut" else text


def _wrapped(words: list[str], width: int, between: str = " ") -> Iterator[str]:
    line = ""
    for word in words:
        if line and _columns(line + between + word) > width:
            yield line
            line = ""
        line = f"{line}{between}{word}" if line else word
    if line:
        yield line


def _columns(text: str) -> int:
    """Return how many columns of a terminal a text takes."""
    return sum(
        0 if unicodedata.combining(each) else 2 if unicodedata.east_asian_width(each) in "WF" else 1 for each in text
    )


def _legend(call: Call, width: int) -> str:
    messages = list(call.messages)
    states = {span.state for message in messages for span in message.states}
    states |= {message.record.state for message in messages if message.record is not None}
    deeds = {mark.deed for message in messages for mark in message.output}
    parts = [f"{letter} {state}" for state, letter in _LETTERS.items() if state in states]
    parts += ["= heard", "word/ cut"] if any(message.heard for message in messages) else []
    parts += [f"{letter} {deed}" for deed, letter in _DEEDS.items() if deed in deeds]
    return "\n".join(_wrapped(parts, width, "  "))
