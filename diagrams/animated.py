"""A call as a picture that moves: the states of its messages light up as they did, and the words as they were heard.

It is SVG with CSS and without a script, so that a README can show it. Where nothing may move
(`prefers-reduced-motion`), and in programs that draw no animation, it shows how the call ended.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from . import palette
from .call import Call, CallMessage, Span
from .drawing import LINE, WIDTH, document, fitted, line_between, number, text_at, width_of
from .lanes import LEFT, LOOKS, RIGHT
from .message_lane import how_it_ended
from .theme import Theme
from .windows import time_of
from .words import Word, words_of

LONGEST_S = 20.0
"""How long the animation lasts at most: a longer call is shown faster."""
MOST = 12
"""How many messages are shown."""
_REST_S = 2.0
"""How long the end stays, before it begins again."""
_STATES = ("pending", "streaming", "draining", "stopping", "played", "partial", "skipped")
_AGENT = ("listening", "thinking", "speaking")
_BOX, _HEIGHT = 96.0, 19.0

Lit = Sequence[tuple[float, float]]
"""From when to when something is lit, in milliseconds of the call."""


def animated_svg(call: Call, *, theme: Theme = "auto", most: int = MOST) -> str:
    """Return a call as an animated SVG picture; of its messages, the first `most` are shown."""
    stage = _Stage(call)
    body: list[str] = list(stage.head())
    y = 62.0
    messages = list(call.messages)
    for message in messages[:most]:
        y = stage.message(body, message, y)
    if len(messages) > most:
        body.append(text_at(4, y + 11, f"and {len(messages) - most} messages more", fill=palette.QUIET))
        y += LINE
    if stage.speed > 1.05:
        body.append(text_at(RIGHT, y + 11, f"{stage.speed:.1f} times as fast", fill=palette.QUIET, anchor="end"))
        y += LINE
    title = f"A call of {(call.to_ms - stage.from_ms) / 1000:g} s, {len(messages)} messages, animated"
    return document(body, WIDTH, y + 6, title=title, theme=theme, style=stage.style())


class _Stage:
    """Knows when things are lit, and keeps a rule of CSS for each kind of when."""

    def __init__(self, call: Call) -> None:
        self.from_ms, self._call = call.from_ms or 0, call
        lasts_s = max(0.1, (call.to_ms - self.from_ms) / 1000)
        self.speed = max(1.0, lasts_s / LONGEST_S)
        self._whole_s = lasts_s / self.speed + _REST_S
        self._names: dict[str, str] = {}

    def style(self) -> str:
        named = self._names.items()
        rules = "".join(f"@keyframes {name}{{{frames}}}.{name}{{animation-name:{name}}}" for frames, name in named)
        moves = f"[class]{{animation:{self._whole_s:.2f}s infinite}}"
        return f"{moves}{rules}@media(prefers-reduced-motion:reduce){{[class]{{animation:none}}}}"

    def head(self) -> Iterator[str]:
        """Yield what is above the messages: the time, the agent and the user."""
        end = self._share(self._call.to_ms)
        wide = RIGHT - LEFT
        yield line_between(LEFT, 10, RIGHT, 10, palette.RULE)
        yield text_at(4, 14, time_of(self._call.to_ms - self.from_ms), fill=palette.QUIET)
        moving = f"0%{{transform:translateX({-wide}px);animation-timing-function:linear}}{end}%,100%{{transform:none}}"
        yield f'<circle cx="{RIGHT}" cy="10" r="5" fill="{palette.HIGHLIGHT}" class="{self._named(moving)}"/>'
        for mark in self._call.marks:
            if mark.kind in ("interrupt", "failure"):
                x = LEFT + wide * (mark.at_ms - self.from_ms) / max(1, self._call.to_ms - self.from_ms)
                yield line_between(x, 2, x, 18, palette.HIGHLIGHT, extra='stroke-width="2"')
        yield text_at(4, 38, "agent")
        for place, state in enumerate(_AGENT):
            yield from self._lamp(place, 25, state, palette.CONVERSATION[state], self._times(self._call.agent, state))
        if self._call.user:
            talking = self._times(self._call.user, "talking")
            yield from self._lamp(4, 25, "user speaks", palette.CONVERSATION["talking"], talking)
        marks = [mark.at_ms for mark in self._call.marks if mark.kind == "interrupt"]
        if marks:
            kind = self._lit([(at_ms, min(at_ms + 1000 * self.speed, after)) for at_ms, after in _followed(marks)])
            x = LEFT + 6 * (_BOX + 4)
            yield text_at(x, 38, "interrupt", fill=palette.HIGHLIGHT, weight="bold", kind=kind)

    def message(self, body: list[str], message: CallMessage, y: float) -> float:
        """Draw a message; return where the next one begins."""
        body.append(text_at(4, y + 13.5, fitted(message.message_id, LEFT - 10, is_bold=True), weight="bold"))
        for place, state in enumerate(_STATES):
            body += self._lamp(place, y, state, palette.MESSAGE[state], self._times_of(message, state))
        y += _HEIGHT + 3
        if message.record is not None:
            _, much = how_it_ended(message)
            kind = self._lit([(message.settled_ms or 0, float("inf"))])
            body.append(text_at(4, y + 12, fitted(much, LEFT - 10), fill=palette.QUIET, kind=kind))
        return self._words(body, message, y) + 12

    def _words(self, body: list[str], message: CallMessage, y: float) -> float:
        x = float(LEFT)
        for word in islice(words_of(message, self._call.to_ms), 400):
            wide = width_of(word.text, is_bold=word.fate == "cut")
            x += 3.8 if word.follows_space and x > LEFT else 0
            if x + wide > RIGHT and x > LEFT:
                x, y = LEFT, y + LINE
            fill = palette.INK if word.fate in ("heard", "cut") else palette.QUIET
            kind = self._lit(self._when(message, word))
            body.append(text_at(x, y + 12, word.text, fill=fill, style=LOOKS[word.fate], kind=kind))
            x += wide
        return y + LINE

    def _when(self, message: CallMessage, word: Word) -> Lit:
        from_ms = word.from_ms
        if from_ms is None:
            from_ms = message.settled_ms if message.settled_ms is not None else message.announced_ms
        return [(from_ms, float("inf"))]

    def _lamp(self, place: int, y: float, words: str, colours: palette.Swatch, lit: Lit) -> Iterator[str]:
        x = LEFT + place * (_BOX + 4)
        at = f'x="{number(x)}" y="{number(y)}" width="{_BOX:g}" height="{_HEIGHT:g}" rx="4"'
        middle = x + _BOX / 2
        yield f'<rect {at} fill="none" stroke="{palette.RULE}" stroke-opacity="0.6"/>'
        yield text_at(middle, y + 13.5, words, fill=palette.QUIET, anchor="middle")
        if lit:
            box = f'<rect {at} fill="{colours.fill}" stroke="{colours.line}" stroke-width="1.5"/>'
            text = text_at(middle, y + 13.5, words, fill=palette.ON_FILL, anchor="middle")
            is_on = lit[-1][1] == float("inf")
            at_the_end = "" if is_on else ' opacity="0"'
            yield f'<g class="{self._lit(lit)}"{at_the_end}>{box}{text}</g>'

    def _times(self, spans: Iterable[Span], state: str) -> Lit:
        return [
            (span.from_ms, float("inf") if span.to_ms is None else span.to_ms)
            for span in spans
            if span.state == state and span.to_ms != span.from_ms
        ]

    def _times_of(self, message: CallMessage, state: str) -> Lit:
        if message.record is not None and message.record.state == state:
            return [(message.settled_ms or 0, float("inf"))]
        return self._times(message.states, state)

    def _share(self, at_ms: float) -> str:
        """Return when an instant is, in percent of the animation."""
        at_s = (min(max(at_ms, self.from_ms), self._call.to_ms) - self.from_ms) / 1000 / self.speed
        return f"{at_s * 100 / self._whole_s:.2f}"

    def _lit(self, lit: Lit) -> str:
        """Return the class of what is seen then, and at no other time."""
        frames: list[str] = []
        at = "0"
        for from_ms, to_ms in lit:
            on, off = self._share(from_ms), "100" if to_ms == float("inf") else self._share(to_ms)
            if float(on) > float(at) or at == "0" != on:
                frames.append(f"{at}%{{opacity:0;animation-timing-function:step-end}}")
            frames.append(f"{on}%{{opacity:1;animation-timing-function:step-end}}")
            at = off
        frames.append(f"{at}%{{opacity:{int(at == '100')};animation-timing-function:step-end}}")
        if at != "100":
            frames.append("100%{opacity:0}")
        return self._named("".join(frames))

    def _named(self, frames: str) -> str:
        return self._names.setdefault(frames, f"k{len(self._names)}")


def _followed(marks: Sequence[int]) -> Iterator[tuple[float, float]]:
    """Yield each instant with the one after it."""
    yield from zip(marks, [*marks[1:], float("inf")], strict=True)
