"""A call over time, as an SVG picture: who spoke, what became of each message, and which of its words were heard.

It is as wide as the column of a README. A long call goes on below, as music does.
"""

from __future__ import annotations

from . import palette
from .call import Call, MarkKind
from .deed_lanes import output_lane, server_lane, state_lane
from .drawing import LINE, WIDTH, box, document, fitted, line_between, text_at, width_of
from .envelope import Envelope
from .lanes import GAP, LEFT, LOOKS, RIGHT, STRIP, Place, Rows, sound
from .message_lane import message_lane
from .theme import Theme
from .windows import Window, ticks_of, time_of, windows_of
from .words import Fate

WINDOW_MS = 10_000
"""How much of a long call is shown side by side."""
_LOUD: frozenset[MarkKind] = frozenset({"interrupt", "failure", "divergence"})
_FATES: dict[Fate, str] = {"heard": "word heard", "cut": "cut", "unheard": "never heard", "open": "not known yet"}


def timeline_svg(call: Call, *, envelope: Envelope | None = None, theme: Theme = "auto") -> str:
    """Return the timeline of a call as an SVG picture.

    Args:
        call: what happened.
        envelope: how loud it was, if there is a sound file.
        theme: of the page: "auto" follows it; the others have a ground of their own.
    """
    body: list[str] = []
    y, windows = 4.0, windows_of(call, WINDOW_MS)
    user_ms = envelope.begin_ms(call) if envelope is not None else None
    for window in windows:
        drawn, height = _window(call, window, y, envelope, user_ms)
        where = f'data-from="{window.from_ms:g}" data-to="{window.to_ms:g}" data-left="{LEFT}" data-right="{RIGHT}"'
        body += [f'<g {where} data-top="{y:g}" data-bottom="{y + height:g}">', *drawn, "</g>"]
        y += height + 10
    drawn, y = _legend(windows, y + 2)
    body += drawn
    for problem in [*call.problems, *_more(call)]:
        body.append(text_at(4, y + 11, fitted(problem, WIDTH - 8), fill=palette.HIGHLIGHT))
        y += LINE
    if call.is_empty:
        body.append(text_at(4, y + 11, "nothing happened"))
        y += LINE
    count = sum(1 for _ in call.messages)
    seconds = (call.to_ms - (call.from_ms or 0)) / 1000
    return document(body, WIDTH, y + 6, title=f"Timeline of a call of {seconds:g} s, {count} messages", theme=theme)


def _more(call: Call) -> list[str]:
    left_out = call.problem_count - len(call.problems)
    return [f"and {left_out} problems more"] if left_out else []


def _window(
    call: Call, window: Window, y: float, envelope: Envelope | None, user_ms: int | None
) -> tuple[list[str], float]:
    place, top = Place(window, call.to_ms), y
    marks, height = _marks(call, place, y)
    y += height
    axis_y = y + LINE
    y = axis_y + GAP
    lanes: list[str] = []
    for name, spans, names in (("user", call.user, {"talking": "speaking"}), ("agent", call.agent, {})):
        if spans:
            drawn, height = state_lane(place, name, spans, y, names)
            lanes += drawn
            y += height
            if name == "user" and envelope is not None and user_ms is not None:
                lanes.append(sound(envelope.of_user(place, user_ms), y + STRIP / 2 - 1, "the user's voice"))
                y += STRIP
    y += GAP
    speech_id = ""
    for index, message in window.messages.items():
        if message.speech_id != speech_id and len(call.speeches) > 1:
            lanes.append(text_at(4, y + 11, fitted(message.speech_id, RIGHT), fill=palette.QUIET))
            y += LINE
        speech_id = message.speech_id
        drawn, height = message_lane(place, index, message, y, envelope)
        lanes += drawn
        y += height + GAP
    for draw in (server_lane, output_lane):
        drawn, height = draw(place, call, y)
        lanes += drawn
        y += height + GAP
    return [*_axis(place, axis_y, y), *lanes, *_lines(call, place, marks, axis_y, y), *marks], y - top


def _axis(place: Place, y: float, bottom: float) -> list[str]:
    drawn: list[str] = []
    for at_ms in ticks_of(place.window, 8):
        x = place.x(at_ms)
        words = time_of(at_ms)
        anchor = "start" if x - width_of(words) / 2 < LEFT else "end" if x + width_of(words) / 2 > RIGHT else "middle"
        drawn.append(line_between(x, y, x, bottom, palette.RULE, extra='stroke-opacity="0.3"'))
        drawn.append(text_at(x, y - 3, words, fill=palette.QUIET, anchor=anchor))
    return drawn


def _marks(call: Call, place: Place, y: float) -> tuple[list[str], float]:
    """Write above the axis what happened to the whole call."""
    found: dict[int, list[str]] = {}
    loud: set[int] = set()
    for mark in call.marks_in(place.window.from_ms, place.window.to_ms):
        found.setdefault(mark.at_ms, []).append(mark.label)
        if mark.kind in _LOUD:
            loud.add(mark.at_ms)
    rows, drawn = Rows(), []
    for at_ms, labels in found.items():
        words = fitted(", ".join(dict.fromkeys(labels)), RIGHT - LEFT, is_bold=True)
        weight, fill = ("bold", palette.HIGHLIGHT) if at_ms in loud else ("", palette.QUIET)
        width = width_of(words, is_bold=at_ms in loud)
        row, x = rows.place(place.x(at_ms) - width / 2, width)
        drawn.append(text_at(x, y + 11 + LINE * row, words, fill=fill, weight=weight))
    return drawn, LINE * len(rows.ends)


def _lines(call: Call, place: Place, marks: list[str], top: float, bottom: float) -> list[str]:
    if not marks:
        return []
    drawn: dict[str, None] = {}
    for mark in call.marks_in(place.window.from_ms, place.window.to_ms):
        x, is_loud = place.x(mark.at_ms), mark.kind in _LOUD
        stroke = palette.HIGHLIGHT if is_loud else palette.QUIET
        look = 'stroke-width="1.5"' if is_loud else 'stroke-dasharray="4 3"'
        drawn[line_between(x, top - LINE, x, bottom, stroke, extra=look)] = None
    return list(drawn)


def _legend(windows: list[Window], y: float) -> tuple[list[str], float]:
    """Say what colours and looks mean, of those that there are."""
    messages = [message for window in windows for message in window.messages.values()]
    states = {span.state for message in messages for span in message.states if span.to_ms != span.from_ms}
    states |= {message.record.state for message in messages if message.record is not None}
    fates = {word.fate for window in windows for words in window.words.values() for word in words}
    drawn: list[str] = []
    x = 4.0
    for state, colours in palette.MESSAGE.items():
        if state in states:
            drawn.append(box(x, y + 2, 11, 11, colours.fill, line=colours.line))
            drawn.append(text_at(x + 16, y + 11.5, state))
            x += 16 + width_of(state) + 14
    if any(message.heard for message in messages):
        drawn.append(box(x, y + 5, 11, 6, palette.INK))
        drawn.append(text_at(x + 16, y + 11.5, "audio heard"))
        x += 16 + width_of("audio heard") + 14
    for fate, words in _FATES.items():
        if fate in fates:
            width = width_of(words, is_bold=fate == "cut")
            if x + width > RIGHT:
                x, y = 4.0, y + LINE
            drawn.append(text_at(x, y + 11.5, words, style=LOOKS[fate]))
            x += width + 14
    return drawn, y + (LINE + GAP if drawn else 0)
