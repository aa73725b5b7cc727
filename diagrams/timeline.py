"""What happened to each message of a speech, over time.

For each message: its states in the palette's colours, when it was heard, and how much of what was received was
heard. Marks, such as the interruption, go through all messages. All times are milliseconds on one clock.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from xml.sax.saxutils import escape

from speech_lifecycle.fsm.values import MessageState

from . import palette


@dataclass(frozen=True, slots=True)
class MessageSpan:
    """A message was in a state from one instant to another."""

    message_id: str
    state: MessageState
    from_ms: int
    to_ms: int


@dataclass(frozen=True, slots=True)
class HeardInterval:
    """A message was audible from one instant to another."""

    message_id: str
    from_ms: int
    to_ms: int


@dataclass(frozen=True, slots=True)
class HeardPart:
    """How much audio of a message was received, and how much of it was heard."""

    message_id: str
    heard_ms: int
    received_ms: int


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that happened to the whole speech, such as the interruption."""

    at_ms: int
    label: str


@dataclass(frozen=True, slots=True)
class Timeline:
    """A speech over time."""

    spans: tuple[MessageSpan, ...]
    heard: tuple[HeardInterval, ...] = ()
    parts: tuple[HeardPart, ...] = ()
    marks: tuple[Mark, ...] = ()

    @property
    def message_ids(self) -> tuple[str, ...]:
        """The messages, in the order of their first spans."""
        return tuple(dict.fromkeys(span.message_id for span in self.spans))

    @property
    def from_ms(self) -> int:
        """The earliest instant."""
        return min(self._instants(), default=0)

    @property
    def to_ms(self) -> int:
        """The latest instant; later than the earliest."""
        return max([self.from_ms + 1, *self._instants()])

    def only(self, message_ids: Collection[str]) -> Timeline:
        """Return the timeline of these messages."""
        return Timeline(
            tuple(span for span in self.spans if span.message_id in message_ids),
            tuple(interval for interval in self.heard if interval.message_id in message_ids),
            tuple(part for part in self.parts if part.message_id in message_ids),
            self.marks,
        )

    def renamed(self, names: Mapping[str, str]) -> Timeline:
        """Return the same timeline with other names for the messages, for where their ids cannot be shown."""
        return Timeline(
            tuple(replace(span, message_id=names[span.message_id]) for span in self.spans),
            tuple(replace(interval, message_id=names[interval.message_id]) for interval in self.heard),
            tuple(replace(part, message_id=names[part.message_id]) for part in self.parts),
            self.marks,
        )

    def _instants(self) -> Iterable[int]:
        for span in self.spans:
            yield from (span.from_ms, span.to_ms)
        for interval in self.heard:
            yield from (interval.from_ms, interval.to_ms)
        yield from (mark.at_ms for mark in self.marks)


_LETTERS: dict[MessageState, str] = {
    "pending": ".",
    "streaming": "s",
    "draining": "d",
    "stopping": "x",
    "played": "P",
    "partial": "/",
    "skipped": "-",
}


class _Rows:
    """What there is of each message, found once for all of them."""

    def __init__(self, timeline: Timeline) -> None:
        self.from_ms, self.to_ms = timeline.from_ms, timeline.to_ms
        self.spans: dict[str, list[MessageSpan]] = {}
        self.heard: dict[str, list[HeardInterval]] = {}
        self.parts: dict[str, HeardPart] = {}
        for span in timeline.spans:
            self.spans.setdefault(span.message_id, []).append(span)
        for interval in timeline.heard:
            self.heard.setdefault(interval.message_id, []).append(interval)
        for part in timeline.parts:
            self.parts.setdefault(part.message_id, part)


def timeline_text(timeline: Timeline, *, width: int = 72) -> str:
    """Return the timeline as plain text, the time axis `width` characters wide."""
    rows = _Rows(timeline)
    start, length = rows.from_ms, rows.to_ms - rows.from_ms

    def column(at_ms: int) -> int:
        return min(width - 1, (at_ms - start) * width // length)

    def bar(intervals: Iterable[tuple[int, int, str]]) -> str:
        cells = [" "] * width
        for from_ms, to_ms, letter in intervals:
            # What has no length is shown by one character.
            first = column(from_ms)
            last = max(first + 1, column(to_ms) + (to_ms == rows.to_ms))
            cells[first:last] = letter * (last - first)
        return "".join(cells).rstrip()

    margin = max([len(message_id) for message_id in rows.spans] + [5]) + 2
    end = f"{rows.to_ms} ms"
    lines = [f"{'':{margin}}{f'{start} ms':<{width - len(end)}}{end}"]
    for message_id, spans in rows.spans.items():
        lines.append(f"{message_id:{margin}}{bar((s.from_ms, s.to_ms, _LETTERS[s.state]) for s in spans)}")
        heard, part = rows.heard.get(message_id, []), rows.parts.get(message_id)
        if not heard and part is None:
            continue
        said = f"{'heard':>{margin - 2}}  {bar((h.from_ms, h.to_ms, '=') for h in heard)}"
        lines.append(f"{said:{margin + width}}  {_words(part)}".rstrip())
    lines += [
        f"{'':{margin + column(mark.at_ms)}}^ {mark.label}, {mark.at_ms} ms"
        for mark in sorted(timeline.marks, key=lambda mark: mark.at_ms)
    ]
    used = {span.state for span in timeline.spans}
    lines.append("  ".join(f"{letter} {state}" for state, letter in _LETTERS.items() if state in used) + "  = heard")
    return "\n".join([*lines, ""])


_AXIS, _PARTS, _ROW, _TOP = 720, 230, 46, 34
_NOT_XML = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def timeline_svg(timeline: Timeline) -> str:
    """Return the timeline as an SVG picture."""
    rows = _Rows(timeline)
    start, length = rows.from_ms, rows.to_ms - rows.from_ms
    left = 30 + 8 * max([len(message_id) for message_id in rows.spans] + [8])
    bottom = _TOP + _ROW * len(rows.spans)
    marks = sorted(timeline.marks, key=lambda mark: mark.at_ms)
    height = bottom + 26 + 16 * len(marks) + 34

    def x(at_ms: int) -> float:
        return round(left + (at_ms - start) * _AXIS / length, 2)

    def box(from_ms: int, to_ms: int, y: float, tall: float, colour: str, title: str) -> str:
        wide = max(2.0, round(x(to_ms) - x(from_ms), 2))
        return (
            f'<rect x="{x(from_ms)}" y="{y}" width="{wide}" height="{tall}" fill="{colour}">'
            f"<title>{_xml(title)}</title></rect>"
        )

    body = [_text(left, 20, f"{start} ms"), _text(left + _AXIS, 20, f"{rows.to_ms} ms", anchor="end")]
    longest = max([part.received_ms for part in timeline.parts] + [1])
    for index, (message_id, spans) in enumerate(rows.spans.items()):
        y = _TOP + _ROW * index
        body.append(_text(left - 10, y + 15, message_id, anchor="end", weight="bold"))
        for span in spans:
            title = f"{message_id} {span.state}, {span.from_ms} to {span.to_ms} ms"
            body.append(box(span.from_ms, span.to_ms, y, 20, palette.MESSAGE[span.state].fill, title))
        for heard in rows.heard.get(message_id, ()):
            title = f"{message_id} heard, {heard.from_ms} to {heard.to_ms} ms"
            body.append(box(heard.from_ms, heard.to_ms, y + 22, 7, palette.INK, title))
        part, end = rows.parts.get(message_id), spans[-1].state
        if part is None:
            body.append(_text(left + _AXIS + 20, y + 15, end))
        else:
            body += _part(part, end, left + _AXIS + 20, y, (_PARTS - 30) / longest)
    for index, mark in enumerate(marks):
        y = bottom + 12 + 16 * index
        body.append(
            f'<line x1="{x(mark.at_ms)}" y1="{_TOP - 8}" x2="{x(mark.at_ms)}" y2="{y}" '
            f'stroke="{palette.HIGHLIGHT}" stroke-width="1.5"/>'
        )
        late = x(mark.at_ms) > left + _AXIS / 2
        place = x(mark.at_ms) + (-5 if late else 5)
        body.append(_text(place, y, f"{mark.label}, {mark.at_ms} ms", anchor="end" if late else "start"))
    body += _legend(timeline, left, height - 16)
    wide = left + _AXIS + _PARTS + 10
    return "\n".join(
        [
            "<!-- Generated by speech_lifecycle.diagrams. -->",
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {height}" width="{wide}" height="{height}" '
            f'font-family="Helvetica, Arial, sans-serif" font-size="12">',
            f'<rect width="{wide}" height="{height}" fill="{palette.PAPER}"/>',
            *body,
            "</svg>",
            "",
        ]
    )


def _part(part: HeardPart, end: MessageState, left: float, y: float, scale: float) -> list[str]:
    """Draw the received audio of a message in the colour of its end, and on it what was heard."""
    return [
        f'<rect x="{left}" y="{y}" width="{round(part.received_ms * scale, 2)}" height="14" '
        f'fill="{palette.MESSAGE[end].fill}" stroke="{palette.MESSAGE[end].line}"/>',
        f'<rect x="{left}" y="{y + 4}" width="{round(part.heard_ms * scale, 2)}" height="6" fill="{palette.INK}"/>',
        _text(left, y + 29, f"{end}, {_words(part)}"),
    ]


def _legend(timeline: Timeline, left: float, y: float) -> list[str]:
    used = {span.state for span in timeline.spans}
    entries = [(state, palette.MESSAGE[state].fill, 12) for state in _LETTERS if state in used]
    parts: list[str] = []
    for index, (label, colour, tall) in enumerate([*entries, ("heard", palette.INK, 7)]):
        at = left + 100 * index
        parts.append(f'<rect x="{at}" y="{y - tall + 1}" width="12" height="{tall}" fill="{colour}"/>')
        parts.append(_text(at + 17, y, label))
    return parts


def _text(x: float, y: float, text: str, *, anchor: str = "start", weight: str = "normal") -> str:
    attributes = f'x="{x}" y="{y}" text-anchor="{anchor}" font-weight="{weight}" fill="{palette.INK}"'
    return f"<text {attributes}>{_xml(text)}</text>"


def _xml(text: str) -> str:
    """Escape text, and replace what XML cannot hold at all."""
    return escape(_NOT_XML.sub("\ufffd", text))


def _words(part: HeardPart | None) -> str:
    return "" if part is None else f"heard {part.heard_ms} of {part.received_ms} ms"
