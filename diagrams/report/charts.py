"""The charts of a report: the overviews, as parts of its page that can be lit, state by state."""

from __future__ import annotations

import re
from functools import cache

from speech_lifecycle.fsm.compile.definition import ChartDefinition, ChartName, definition

from ..palette import HIGHLIGHT
from ..render import render
from ..theme import DARK
from ..transitions import active_states

_TITLED = re.compile(r'<g id="\w+" class="(node|cluster)">\n<title>(?:cluster_)?(\w+)</title>')
_UNUSED = re.compile(
    r'<title>.*?</title>\n|<!--.*?-->\n?| id="\w+"| xlink:title="[^"]*"| xmlns:xlink="[^"]*"| xml:space="\w+"',
    re.DOTALL,
)
_ANCHOR = re.compile(r"</?a ?>\n")
_SIZE = re.compile(r'<svg width="(\d+)pt" height="(\d+)pt"')


def charts_html() -> str:
    """Return the charts as HTML: each state is an element with its id in `data-state`.

    Raises:
        MissingExtraError: the renderer is not installed.
        RenderError: the renderer failed.
    """
    return "\n".join(_figure(chart.name) for chart in reversed(definition().every_chart))


def charts_css() -> str:
    """Return the style of the charts: the colours of a dark page, and of what is lit."""
    dark = "".join(
        f'.chart [fill="{old}"]{{fill:{new}}}.chart [stroke="{old}"]{{stroke:{new}}}' for old, new in DARK.items()
    )
    return f":root{{--lit:{HIGHLIGHT}}}@media (prefers-color-scheme:dark){{:root{{--lit:{DARK[HIGHLIGHT]}}}{dark}}}"


def lit_by_state() -> dict[str, dict[str, list[str]]]:
    """Return, by chart and state that it can rest in, what is to be lit: the state and the compounds around it."""
    return {chart.name: {leaf.id: _lit(chart, leaf.id) for leaf in chart.leaves} for chart in definition().every_chart}


def _lit(chart: ChartDefinition, state_id: str) -> list[str]:
    # A region is always active: to light it would say nothing.
    regions = {node.id for node in chart.states if node.parent is not None and chart.state[node.parent].is_parallel}
    return sorted(active_states(chart, state_id) - regions)


@cache
def _figure(name: ChartName) -> str:
    svg = render(name, "svg", detail="overview", theme="light").decode()
    svg = svg[svg.index("<svg") :]
    svg = _TITLED.sub(r'<g class="\1" data-state="\2">', svg)
    svg = _ANCHOR.sub("", _UNUSED.sub("", svg))
    found = _SIZE.match(svg)
    width = int(found[1]) if found else 0
    svg = svg.replace("<svg", f'<svg role="img" aria-labelledby="lit-{name}" style="--width:{width}"', 1)
    return (
        f'<figure class="chart" id="chart-{name}"><figcaption><b>{name}</b> '
        f'<span id="lit-{name}"></span></figcaption>\n'
        f'<div class="scroll" tabindex="0" role="group" aria-label="The {name} chart">{svg.strip()}</div></figure>'
    )
