"""A call in pieces of time that are each as long as a line is wide, as music is in staves.

A piece holds the messages to which something happens in it, so all pieces together hold what happened once, however
long the call is and whatever its clock says. Where nothing happens there is no piece.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from .call import Call, CallMessage, Span, Stretch
from .words import Word, words_of


@dataclass(slots=True)
class Window:
    """What happened from one instant to another."""

    from_ms: float
    to_ms: float
    messages: dict[int, CallMessage] = field(default_factory=dict)
    """Those to which something happens, by their number in the call."""
    words: dict[int, list[Word]] = field(default_factory=dict)
    """The words of each that are shown here: those heard now, or if it ended here, those never heard, too."""
    is_last_of: set[int] = field(default_factory=set)
    """The messages to which nothing happens later."""


def windows_of(call: Call, length_ms: int) -> list[Window]:
    """Return the pieces of a call. One that is hardly longer is left in one piece."""
    if call.from_ms is None:
        return []
    begin, end = float(call.from_ms), float(max(call.to_ms, call.from_ms + 1))
    length = float(length_ms)
    if end - begin <= 1.25 * length:
        length = max(end - begin, 100.0)
    messages = list(call.messages)
    words = [words_of(message, call.to_ms) for message in messages]
    happened = [sorted(_instants(call, message, said)) for message, said in zip(messages, words, strict=True)]
    found = _pieces(sorted({begin, end, *_of_the_call(call), *(at for each in happened for at in each)}), length)
    begins = [window.from_ms for window in found]
    for index, (message, said, instants) in enumerate(zip(messages, words, happened, strict=True)):
        touched = sorted({_index(begins, found, at) for at in instants})
        for number in touched:
            found[number].messages[index] = message
            found[number].words[index] = []
        last = touched[-1]
        found[last].is_last_of.add(index)
        for word in said:
            number = last if word.from_ms is None else _index(begins, found, word.from_ms)
            found[number].words[index].append(word)
    return found


def spans_in(spans: Sequence[Span], window: Window, end_ms: int) -> Iterator[tuple[str, float, float]]:
    """Yield the states of a lane within a window: what has not ended lasts to the end of the call."""
    first = bisect.bisect_right(spans, window.from_ms, key=lambda span: span.from_ms)
    for span in spans[max(0, first - 1) :]:
        to_ms = end_ms if span.to_ms is None else span.to_ms
        if span.from_ms > window.to_ms:
            return
        if to_ms >= window.from_ms:
            yield span.state, max(span.from_ms, window.from_ms), min(to_ms, window.to_ms)


def ticks_of(window: Window, count: int) -> list[float]:
    """Return at most `count` round instants of a window, evenly apart."""
    rough = (window.to_ms - window.from_ms) / count
    power = 10.0 ** math.floor(math.log10(rough))
    step = max(1.0, next(times * power for times in (1, 2, 5, 10) if times * power >= rough))
    first, last = math.ceil(window.from_ms / step), math.floor(window.to_ms / step)
    return [step * number for number in range(first, min(last, first + count) + 1)]


def time_of(at_ms: float) -> str:
    """Return an instant as people write it."""
    if abs(at_ms) < 120_000:
        return f"{at_ms / 1000:g} s"
    minutes, rest = divmod(at_ms, 60_000)
    return f"{minutes:.0f}:{rest / 1000:04.1f}".removesuffix(".0")


def _pieces(instants: Sequence[float], length: float) -> list[Window]:
    found: list[Window] = []
    for at in instants:
        if not found:
            found.append(Window(at, at + length))
        elif at > found[-1].to_ms:
            # One after the other, or where something happens again.
            end = found[-1].to_ms
            begin = end if at <= end + length else end + length * math.floor((at - end) / length)
            found.append(Window(begin, begin + length))
    return found


def _index(begins: Sequence[float], found: Sequence[Window], at: float) -> int:
    number = bisect.bisect_right(begins, at) - 1
    # What happens where one piece ends and the next begins belongs to the one that it ends.
    if number > 0 and at == begins[number] and found[number - 1].to_ms == at:
        return number - 1
    return max(0, number)


def _of_the_call(call: Call) -> Iterator[float]:
    for spans in (call.user, call.agent, call.connection, call.holds):
        for span in spans:
            yield span.from_ms
            if span.to_ms is not None:
                yield span.to_ms
    yield from (mark.at_ms for mark in call.marks)


def _instants(call: Call, message: CallMessage, words: Sequence[Word]) -> Iterator[float]:
    yield message.announced_ms
    yield message.generated_ms
    spans: list[Span | Stretch] = [*message.states, *message.heard]
    for span in spans:
        yield max(span.from_ms, call.from_ms or 0)
        yield call.to_ms if span.to_ms is None else span.to_ms
    yield from (mark.at_ms for mark in message.output)
    for request in message.server:
        yield request.at_ms
        yield request.at_ms if request.answered_ms is None else request.answered_ms
    if message.settled_ms is not None:
        yield message.settled_ms
    yield from (max(word.from_ms, call.from_ms or 0) for word in words if word.from_ms is not None)
