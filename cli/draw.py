"""`speech-lifecycle draw`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from speech_lifecycle.diagrams.marks import Marks, coverage_marks, path_marks, taken_in, unknown_in
from speech_lifecycle.diagrams.render import FILE_FORMATS, FileFormat, RenderError, draw
from speech_lifecycle.diagrams.view import Detail
from speech_lifecycle.fsm.compile.definition import definition
from speech_lifecycle.fsm.trace import TraceError, TraceReader

from .errors import UsageError
from .printing import print_files
from .terminal import console

_FORMATS: dict[str, tuple[FileFormat, ...]] = {
    "svg": ("svg",),
    "png": ("png",),
    "pdf": ("pdf",),
    "dot": ("dot",),
    "mermaid": ("mmd",),
    "plantuml": ("puml",),
    "d2": ("d2",),
    "all": FILE_FORMATS,
}


def draw_charts(
    file_format: str,
    output: Path,
    detail: Detail,
    highlight: list[str],
    state: str | None,
    path: Path | None,
    coverage: list[Path],
) -> None:
    """Write all charts, or the neighbourhood of a state.

    Raises:
        UsageError: there is no such state, a trace cannot be read, options exclude each other, or the renderer fails.
    """
    if path is not None and coverage:
        raise UsageError("--path shows one call, --coverage how often: give one of them")
    if detail == "overview" and (path is not None or coverage):
        raise UsageError("an overview merges transitions: give --path and --coverage with --detail full")
    chosen = None if state is None else _state(state, "")
    marks = None
    if path is not None:
        marks = _marks([path], path_marks)
    elif coverage:
        marks = _marks(coverage, coverage_marks)
    try:
        highlighted = dict(_state(name, " to highlight") for name in highlight)
        print_files(
            draw(output, _FORMATS[file_format], detail=detail, highlight=highlighted, marks=marks, state=chosen)
        )
    except RenderError as error:
        raise UsageError(str(error)) from None


def _marks(paths: list[Path], mark: Callable[[Iterable[str]], Marks]) -> Marks:
    marks = mark([transition for path in paths for transition in _taken(path)])
    unknown = unknown_in(marks)
    if unknown:
        console.print(
            f"{len(unknown)} transitions are of another version, and are not drawn: {', '.join(unknown)}",
            style="yellow",
            markup=False,
        )
    return marks


def _taken(path: Path) -> list[str]:
    try:
        with path.open("rb") as lines:
            return taken_in(TraceReader(lines, str(path)))
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from None
    except TraceError as error:
        raise UsageError(str(error)) from None


def _state(name: str, what_for: str) -> tuple[str, str]:
    chart_name, _, state = name.partition(".")
    chart = next((chart for chart in definition().every_chart if chart.name == chart_name), None)
    if chart is None or state not in chart.state:
        known = ", ".join(f"{c.name}.{node}" for c in definition().every_chart for node in c.state)
        raise UsageError(f"no state {name!r}{what_for}; there are {known}")
    return chart_name, state
