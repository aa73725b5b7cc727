"""The picture that a notebook shows of a chart, a snapshot or a trace. What is asked for here is in `fsm.notebook`."""

from __future__ import annotations

import re
from functools import singledispatch
from html import escape

from speech_lifecycle.fsm.compile.definition import ChartDefinition, ChartName, Definition
from speech_lifecycle.fsm.state import Conversation, Message, Speech
from speech_lifecycle.fsm.trace import Trace

from . import palette
from .call_reading import call_of
from .overview import overview_dot
from .render import render, render_exchange, render_source
from .theme import FONTS, Theme
from .timeline_svg import timeline_svg
from .transitions import printable

_THEME: Theme = "auto"
_CAPTION_PT = 20


@singledispatch
def svg_of(value: object) -> str:
    """Return the picture of a value, as SVG: charts at a glance, with the present states lit.

    Raises:
        TypeError: there is no picture of such a value.
        MissingExtraError: the renderer is not installed.
        RenderError: the renderer failed.
    """
    raise TypeError(f"there is no picture of {type(value).__name__}")


@svg_of.register
def _(value: ChartDefinition) -> str:
    return render(value, "svg", detail="overview", theme=_THEME).decode()


@svg_of.register
def _(value: Definition) -> str:
    return render_exchange("svg", theme=_THEME).decode()


@svg_of.register
def _(value: Message) -> str:
    return _lit("message", value.state)


@svg_of.register
def _(value: Speech) -> str:
    parts = [("", _lit("speech", value.state))]
    if value.messages:
        # The one that the output has, else the next, else the last: of these something happens.
        shown = value.messages[value.forwarding_id or value.next_id or next(reversed(value.messages))]
        others = len(value.messages) - 1
        caption = f"message {shown.message_id}{f', beside {others} more' if others else ''}"
        parts.append((caption, _lit("message", shown.state)))
    return _one_above_the_other(parts)


@svg_of.register
def _(value: Conversation) -> str:
    return _lit("conversation", value.connection, value.user, value.floor, value.generation, value.agent)


@svg_of.register
def _(value: Trace) -> str:
    return timeline_svg(call_of(value))


def _lit(chart: ChartName, *states: str) -> str:
    return render_source(overview_dot(chart, highlight=states), "svg", theme=_THEME).decode()


def _one_above_the_other(parts: list[tuple[str, str]]) -> str:
    """Put pictures of Graphviz into one, with what is said of each above it. Sizes are in points."""
    inner: list[str] = []
    width = top = 0.0
    for caption, svg in parts:
        if caption:
            text = escape(printable(caption))
            place = f'x="4" y="{top + 14:.0f}" font-family="{FONTS}" font-size="12" fill="{palette.INK}"'
            inner.append(f"<text {place}>{text}</text>")
            top += _CAPTION_PT
        own = re.search(r'<svg width="([\d.]+)pt" height="([\d.]+)pt"', svg)
        if own is None:
            raise ValueError("not a picture of Graphviz")
        body = svg[own.start() :].replace(own[0], f'<svg y="{top:.0f}" width="{own[1]}" height="{own[2]}"', 1)
        inner.append(body)
        width, top = max(width, float(own[1])), top + float(own[2])
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}pt" height="{top:.0f}pt" '
        f'viewBox="0 0 {width:.0f} {top:.0f}">\n' + "\n".join(inner) + "</svg>\n"
    )
