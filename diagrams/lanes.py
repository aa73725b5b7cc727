"""What a timeline is drawn with: where an instant lies, and rows of notes and words that do not run into each other."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from . import palette
from .drawing import LINE, WIDTH, box, line_between, number, path, text_at, width_of
from .windows import Window
from .words import Fate, Word

LEFT = 122
"""Where time begins: before it stand the names of the lanes."""
RIGHT = WIDTH - 10
BAR = 17
"""How high a bar is, with a text in it."""
STRIP = 18
"""How high the strip is that shows what was heard."""
GAP = 4
_SPACE = 3.8

LOOKS: dict[Fate, str] = {
    "heard": "",
    "cut": "font-weight:bold;font-style:italic;text-decoration:underline",
    "unheard": "text-decoration:line-through",
    "open": "font-style:italic",
}
"""How a word looks, besides its colour."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a window of time is drawn."""

    window: Window
    end_ms: int
    """The end of the call: what has not ended lasts until then."""

    def x(self, at_ms: float) -> float:
        """Return where an instant lies; one outside of the window at its edge."""
        inside = min(max(at_ms, self.window.from_ms), self.window.to_ms)
        share = (inside - self.window.from_ms) / (self.window.to_ms - self.window.from_ms)
        return LEFT + share * (RIGHT - LEFT)

    def has(self, at_ms: float) -> bool:
        """Whether an instant lies in the window."""
        return self.window.from_ms <= at_ms <= self.window.to_ms


@dataclass(slots=True)
class Rows:
    """Rows of texts: each goes into the first one in which there is room."""

    ends: list[float] = field(default_factory=list)

    def place(self, x: float, width: float) -> tuple[int, float]:
        """Return the row of a text, and where it begins: at `x`, or further left where the picture ends."""
        x = max(LEFT, min(x, RIGHT - width))
        for row, end in enumerate(self.ends):
            if end <= x:
                self.ends[row] = x + width + _SPACE
                return row, x
        self.ends.append(x + width + _SPACE)
        return len(self.ends) - 1, x


def notes(place: Place, at: Iterable[tuple[float, str]], y: float) -> tuple[list[str], float]:
    """Draw notes, each at its instant, in as many rows as they need; return also how high those are."""
    rows, drawn = Rows(), []
    for at_ms, words in sorted(at, key=lambda each: each[0]):
        x, width = place.x(at_ms), width_of(words)
        # Near the end a note stands before its instant.
        is_before = x + 5 + width > RIGHT
        row, start = rows.place(x - 5 - width if is_before else x + 5, width)
        baseline = y + LINE * row + 11
        drawn.append(line_between(x, y - 3, x, baseline + 1, palette.RULE))
        drawn.append(text_at(start, baseline, words, fill=palette.QUIET))
    return drawn, LINE * len(rows.ends)


def said(place: Place, words: list[Word], y: float) -> tuple[list[str], float]:
    """Draw the words of a message: where they were heard, and below, line by line, those that were not."""
    timed = [word for word in words if word.from_ms is not None]
    rest = [word for word in words if word.from_ms is None]
    drawn, height = _at_their_time(place, timed, y)
    if height > 4 * LINE:
        drawn, height = _line_by_line(timed, y)
    more, more_height = _line_by_line(rest, y + height)
    return [*drawn, *more], height + more_height


def _at_their_time(place: Place, words: list[Word], y: float) -> tuple[list[str], float]:
    rows, drawn = Rows(), []
    for word in words:
        row, x = rows.place(place.x(word.from_ms or 0), _width(word))
        drawn.append(_word(word, x, y + LINE * row + 11))
    return drawn, LINE * len(rows.ends)


def _line_by_line(words: list[Word], y: float) -> tuple[list[str], float]:
    drawn: list[str] = []
    x, row = float(LEFT), 0
    for word in words:
        x += _SPACE if word.follows_space and x > LEFT else 0
        if x + _width(word) > RIGHT and x > LEFT:
            x, row = LEFT, row + 1
        drawn.append(_word(word, x, y + LINE * row + 11))
        x += _width(word)
    return drawn, LINE * (row + 1) if words else 0


def _word(word: Word, x: float, baseline: float) -> str:
    fill = palette.INK if word.fate in ("heard", "cut") else palette.QUIET
    return text_at(x, baseline, word.text, fill=fill, style=LOOKS[word.fate])


def _width(word: Word) -> float:
    return width_of(word.text, is_bold=word.fate == "cut")


def bar(place: Place, from_ms: float, to_ms: float, y: float, colours: palette.Swatch, words: str, title: str) -> str:
    """Draw a bar from one instant to another, with words in it if there is room."""
    x, width = place.x(from_ms), place.x(to_ms) - place.x(from_ms)
    drawn = box(x, y, max(1.5, width), BAR, colours.fill, title=title, line=colours.line)
    if words and width_of(words) + 8 <= width:
        drawn += text_at(x + 4, y + 12.5, words, fill=palette.ON_FILL)
    return drawn


def sound(loudness: Iterable[tuple[float, float]], middle: float, title: str) -> str:
    """Draw how loud something was, around a middle line."""
    points = list(loudness)
    half = STRIP / 2 - 1
    around = [(x, middle - half * peak) for x, peak in points] + [(x, middle + half * peak) for x, peak in points[::-1]]
    data = "M" + "L".join(f"{number(x)} {number(y)}" for x, y in around) + "z"
    return path(data, fill=palette.INK, stroke=palette.INK, title=title)
