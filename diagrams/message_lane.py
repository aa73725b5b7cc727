"""One message of a timeline: its states, when it was heard, and its words as they were heard, cut or never heard."""

from __future__ import annotations

from . import palette
from .call import CallMessage
from .drawing import LINE, fitted, line_between, path, text_at
from .envelope import Envelope
from .lanes import BAR, GAP, LEFT, STRIP, Place, bar, said, sound
from .windows import spans_in


def message_lane(
    place: Place, index: int, message: CallMessage, y: float, envelope: Envelope | None
) -> tuple[list[str], float]:
    """Draw a message in a window, and return also how high that is."""
    is_last = index in place.window.is_last_of
    drawn = [*_name(message, y, is_last=is_last), *_states(place, message, y)]
    below = y + BAR + GAP
    if message.heard:
        drawn += _heard(place, message, below, envelope)
        below += STRIP
    words, height = said(place, place.window.words[index], below)
    lines = 3 if is_last and message.record is not None else 1
    return [*drawn, *words], max(below + height - y, LINE * lines) + GAP


def how_it_ended(message: CallMessage) -> tuple[str, str]:
    """Return in words how a message ended, and how much of it was heard."""
    record = message.record
    if record is None:
        return message.state, ""
    how = record.state if record.reason == "finished" else f"{record.state}, {record.reason.replace('_', ' ')}"
    if not message.has_audio:
        return how, ""
    about = "~" if record.heard_ms_status == "estimated" and record.heard_ms else ""
    return how, f"{about}{record.heard_ms} of {message.received_ms} ms"


def _name(message: CallMessage, y: float, *, is_last: bool) -> list[str]:
    width = LEFT - 12
    drawn = [text_at(4, y + 12.5, fitted(message.message_id, width, is_bold=True), weight="bold")]
    if is_last and message.record is not None:
        how, much = how_it_ended(message)
        drawn.append(text_at(4, y + 12.5 + LINE, fitted(how, width), fill=palette.QUIET))
        drawn.append(text_at(4, y + 12.5 + 2 * LINE, fitted(much, width), fill=palette.QUIET))
    return drawn


def _states(place: Place, message: CallMessage, y: float) -> list[str]:
    drawn = [
        bar(
            place,
            from_ms,
            to_ms,
            y,
            palette.MESSAGE[state],
            state,
            f"{message.message_id} {state}, {from_ms:.0f} to {to_ms:.0f} ms",
        )
        for state, from_ms, to_ms in spans_in(message.states, place.window, place.end_ms)
        if to_ms > from_ms
    ]
    if message.record is not None and message.settled_ms is not None and place.has(message.settled_ms):
        x, colours = place.x(message.settled_ms), palette.MESSAGE[message.record.state]
        diamond = f"M{x:.1f} {y - 2}l7 {BAR / 2 + 2}l-7 {BAR / 2 + 2}l-7 {-BAR / 2 - 2}z"
        title = f"{message.message_id} {message.record.state}, {message.record.reason}, at {message.settled_ms} ms"
        drawn.append(path(diamond, fill=colours.fill, stroke=colours.line, title=title))
    return drawn


def _heard(place: Place, message: CallMessage, y: float, envelope: Envelope | None) -> list[str]:
    """Draw what was heard as loud as it was, or if that is not known, as a bar."""
    drawn: list[str] = []
    middle, before = y + STRIP / 2 - 1, None
    for stretch in message.heard:
        to_ms = place.end_ms if stretch.to_ms is None else stretch.to_ms
        if to_ms < place.window.from_ms or stretch.from_ms > place.window.to_ms:
            continue
        from_x, to_x = place.x(stretch.from_ms), place.x(to_ms)
        if before is not None:
            drawn.append(line_between(before, middle, from_x, middle, palette.QUIET, extra='stroke-dasharray="1 3"'))
        before = to_x
        title = f"{message.message_id} heard, {stretch.from_ms} to {to_ms} ms"
        loudness = envelope.of(message, from_x, to_x, place) if envelope is not None else None
        if loudness:
            drawn.append(sound(loudness, middle, title))
        else:
            data = f"M{from_x:.1f} {middle - 3:.1f}H{max(to_x, from_x + 1.5):.1f}V{middle + 3:.1f}H{from_x:.1f}z"
            drawn.append(path(data, fill=palette.INK, title=title))
        if stretch is message.heard[-1] and message.record is not None and message.record.state == "partial":
            cut = f"M{to_x + 2:.1f} {y - 1}l-4 6l4 4l-4 6"
            drawn.append(path(cut, stroke=palette.HIGHLIGHT, title="cut here", extra='stroke-width="2"'))
    return drawn
