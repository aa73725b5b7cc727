"""The lanes of a timeline besides the messages': the user, the agent, the server and the output."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from . import palette
from .call import Call, CallMessage, ServerRequest, Span
from .drawing import text_at
from .lanes import BAR, GAP, Place, bar, notes
from .shown import one_line
from .windows import spans_in


def state_lane(place: Place, name: str, spans: list[Span], y: float, words: dict[str, str]) -> tuple[list[str], float]:
    """Draw the states of user or agent."""
    drawn = [text_at(4, y + 12.5, name)]
    for state, from_ms, to_ms in spans_in(spans, place.window, place.end_ms):
        if to_ms > from_ms:
            title = f"{name} {words.get(state, state)}, {from_ms:.0f} to {to_ms:.0f} ms"
            colours = palette.CONVERSATION[state]
            drawn.append(bar(place, from_ms, to_ms, y, colours, words.get(state, state), title))
    return drawn, BAR + GAP


def server_lane(place: Place, call: Call, y: float) -> tuple[list[str], float]:
    """Draw what the server generated, when it was not there, and what it was asked to forget or to cut."""
    drawn = [text_at(4, y + 12.5, "server")]
    said: list[tuple[float, str]] = []
    for message in place.window.messages.values():
        if message.announced_ms <= place.window.to_ms and message.generated_ms >= place.window.from_ms:
            title = f"{message.message_id} generated, {message.announced_ms} to {message.generated_ms} ms"
            colours, words = palette.MESSAGE["streaming"], one_line(message.message_id[:80])
            drawn.append(bar(place, message.announced_ms, message.generated_ms, y, colours, words, title))
        asked = [request for request in message.server if place.has(request.at_ms)]
        said += [(request.at_ms, request_words(message, request)) for request in asked]
    for state, from_ms, to_ms in spans_in(call.connection, place.window, place.end_ms):
        if state != "connected" and to_ms > from_ms:
            drawn.append(bar(place, from_ms, to_ms, y, palette.CONVERSATION[state], state, state))
    noted, height = notes(place, _merged(said), y + BAR + 3)
    return [*drawn, *noted], BAR + GAP + height


def output_lane(place: Place, call: Call, y: float) -> tuple[list[str], float]:
    """Draw what the output had, from the handover to its last word, and what it was told and said."""
    drawn = [text_at(4, y + 12.5, "output")]
    said: list[tuple[float, str]] = []
    for message in place.window.messages.values():
        had = had_by_output(message, place.end_ms)
        if had is not None and had[0] <= place.window.to_ms and had[1] >= place.window.from_ms:
            title = f"{message.message_id} with the output, {had[0]} to {had[1]} ms"
            words = one_line(message.message_id[:80])
            drawn.append(bar(place, *had, y, palette.MESSAGE["draining"], words, title))
        for mark in message.output:
            if place.has(mark.at_ms):
                where = "" if mark.position_ms is None else f" at {mark.position_ms} ms"
                said.append((mark.at_ms, f"{mark.deed}{where}"))
    for _, from_ms, to_ms in spans_in(call.holds, place.window, place.end_ms):
        drawn.append(bar(place, from_ms, to_ms, y, palette.SPEECH["paused"], "held", "held"))
    noted, height = notes(place, _merged(said), y + BAR + 3)
    return [*drawn, *noted], BAR + GAP + height


def request_words(message: CallMessage, request: ServerRequest) -> str:
    """Return in words what the server was asked to do, and whether it did."""
    name = one_line(message.message_id[:24])
    what = {
        "truncate": f"{name} truncated to {request.audio_end_ms} ms",
        "replace": f"text of {name} replaced",
        "remove": f"{name} removed",
    }[request.operation]
    if request.answered_ms is None:
        return f"{what}: no answer"
    return f"{what}: refused" if request.is_refused else what


def had_by_output(message: CallMessage, end_ms: int) -> tuple[int, int] | None:
    """Return from when to when the output had a message; None if it never had it."""
    if not message.output:
        return None
    last = message.output[-1].at_ms if message.record is not None else end_ms
    return message.output[0].at_ms, max(last, message.settled_ms or 0)


def _merged(said: Iterable[tuple[float, str]]) -> Iterator[tuple[float, str]]:
    """Yield what was said at one instant as one note."""
    found: dict[float, list[str]] = {}
    for at_ms, words in said:
        found.setdefault(at_ms, []).append(words)
    for at_ms, together in found.items():
        yield at_ms, ", ".join(together if len(together) <= 6 else [*together[:5], f"{len(together) - 5} more"])
