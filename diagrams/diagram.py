"""A chart for a notebook."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from speech_lifecycle.fsm.compile.definition import ChartDefinition, ChartName

from .marks import Marks
from .render import Renderer
from .theme import Theme
from .view import EXCHANGE, Detail, view_of

if TYPE_CHECKING:
    from .source import ChartSource


def diagram(
    chart: ChartDefinition | ChartName | Literal["exchange"],
    *,
    detail: Detail = "full",
    highlight: str | None = None,
    marks: Marks | None = None,
    state: str | None = None,
    theme: Theme = "auto",
    renderer: Renderer = "auto",
) -> ChartSource:
    """Return a chart, or how the charts talk to each other, as a `graphviz.Source`: a notebook shows it.

    It has `source`, `pipe` and `render`, and is drawn as `render` draws: by `dot` where that is installed, else by
    graphviz-pure. What else can be asked for is as in `render`.

    Raises:
        MissingExtraError: the package graphviz is not installed.
        LookupError: there is no such chart or state.
        ValueError: marks are asked for at a glance, where transitions are merged.
    """
    from .source import ChartSource

    view = (
        EXCHANGE
        if chart == "exchange"
        else view_of(chart, detail=detail, highlight=highlight, marks=marks, state=state)
    )
    return ChartSource(
        view.sources["dot"](),
        f"{view.name}.gv",
        theme=theme if view.theme == "auto" else view.theme,
        renderer_name=renderer,
    )
