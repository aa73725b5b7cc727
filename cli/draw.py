"""`speech-lifecycle draw`."""

from __future__ import annotations

from pathlib import Path

from speech_lifecycle.diagrams.render import FILE_FORMATS, Detail, FileFormat, RenderError, draw
from speech_lifecycle.fsm.compile.definition import definition

from .errors import UsageError
from .printing import print_files

_FORMATS: dict[str, tuple[FileFormat, ...]] = {
    "svg": ("svg",),
    "png": ("png",),
    "pdf": ("pdf",),
    "dot": ("dot",),
    "mermaid": ("mmd",),
    "all": FILE_FORMATS,
}


def draw_charts(file_format: str, output: Path, detail: Detail, highlight: list[str]) -> None:
    """Write all charts.

    Raises:
        UsageError: a state to highlight does not exist, or the renderer fails.
    """
    try:
        print_files(draw(output, _FORMATS[file_format], detail=detail, highlight=_states(highlight)))
    except RenderError as error:
        raise UsageError(str(error)) from None


def _states(highlight: list[str]) -> dict[str, str]:
    states = {}
    for name in highlight:
        chart_name, _, state = name.partition(".")
        chart = next((chart for chart in definition().every_chart if chart.name == chart_name), None)
        if chart is None or state not in chart.state:
            known = ", ".join(f"{c.name}.{node}" for c in definition().every_chart for node in c.state)
            raise UsageError(f"no state {name!r} to highlight; there are {known}")
        states[chart_name] = state
    return states
