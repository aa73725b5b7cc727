"""What can be drawn of the charts: each in full or at a glance, the neighbourhood of a state, and how they talk."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Literal

from speech_lifecycle.fsm.compile.definition import ChartDefinition, ChartName, definition

from .d2 import d2, exchange_d2
from .dot import dot
from .exchange_dot import exchange_dot
from .marks import Marks
from .mermaid import exchange_mermaid, mermaid
from .overview import overview_dot, overview_of
from .plantuml import exchange_plantuml, plantuml
from .theme import Theme
from .transitions import around, chart_named

Detail = Literal["overview", "full"]
"""States and events at a glance, or every transition with its guard and actions."""
SourceFormat = Literal["dot", "mmd", "puml", "d2"]


@dataclass(frozen=True)
class View:
    """One picture, before it is drawn."""

    name: str
    sources: Mapping[SourceFormat, Callable[[], str]]
    """It as text, by the ending of its file."""
    theme: Theme = "light"
    """How its SVG takes the colours of the page: "auto" if it has no ground of its own."""


EXCHANGE = View(
    "exchange",
    {"dot": exchange_dot, "mmd": exchange_mermaid, "puml": exchange_plantuml, "d2": exchange_d2},
    "auto",
)
"""How the charts talk to each other and to those around them."""


def view_of(
    chart: ChartDefinition | ChartName,
    *,
    detail: Detail = "full",
    highlight: str | None = None,
    marks: Marks | None = None,
    state: str | None = None,
) -> View:
    """Return the view of a chart or, with `state`, of that state and what leads to it and from it.

    `highlight` is the id of a state to show as active; `marks` are those of a trace.

    Raises:
        LookupError: there is no such chart or state.
        ValueError: marks are asked for at a glance, where transitions are merged.
    """
    chart = chart_named(chart)
    name = chart.name if state is None else f"{chart.name}-{state}"
    if state is not None:
        chart = around(chart, state)
    if detail == "full":
        sources: dict[SourceFormat, Callable[[], str]] = {
            "dot": partial(dot, chart, highlight=highlight, marks=marks),
            "mmd": partial(mermaid, chart, highlight=highlight, marks=marks),
            "puml": partial(plantuml, chart, highlight=highlight, marks=marks),
            "d2": partial(d2, chart, highlight=highlight, marks=marks),
        }
        return View(name, sources)
    if marks is not None:
        raise ValueError("an overview merges transitions: what was taken of them is drawn in full only")
    merged = overview_of(chart)
    sources = {
        "dot": partial(overview_dot, chart, highlight=highlight),
        "mmd": partial(mermaid, merged, highlight=highlight),
        "puml": partial(plantuml, merged, highlight=highlight),
        "d2": partial(d2, merged, highlight=highlight),
    }
    return View(f"{name}-overview", sources, "auto")


def views(
    *,
    detail: Detail = "full",
    highlight: Mapping[str, str] | None = None,
    marks: Marks | None = None,
    state: tuple[str, str] | None = None,
) -> list[View]:
    """Return the views of all charts or, with `state`, of the neighbourhood of the state of that chart.

    `highlight` names the active state of a chart, by the chart's name.

    Raises:
        LookupError: there is no such chart or state.
        ValueError: marks are asked for at a glance, where transitions are merged.
    """
    if state is not None:
        around_chart, around_state = state
        chosen: list[tuple[ChartDefinition, str | None]] = [
            (each, around_state) for each in definition().every_chart if each.name == around_chart
        ]
    else:
        chosen = [(each, None) for each in definition().every_chart]
    found = [
        view_of(chart, detail=detail, highlight=(highlight or {}).get(chart.name), marks=marks, state=around_it)
        for chart, around_it in chosen
    ]
    return [*found, EXCHANGE] if detail == "overview" and state is None else found
