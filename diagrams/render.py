"""Charts as SVG, PNG and PDF files, drawn by Graphviz or, without it, by its port `graphviz-pure`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sysconfig
from collections.abc import Iterable, Mapping
from io import BytesIO
from pathlib import Path
from typing import Literal, get_args

from speech_lifecycle.fsm.compile.definition import ChartDefinition, ChartName
from speech_lifecycle.fsm.errors import SpeechLifecycleError

from .extras import missing_extra
from .files import replace_file
from .marks import Marks
from .theme import Theme, darkened, finished
from .view import EXCHANGE, Detail, SourceFormat, view_of, views

ImageFormat = Literal["svg", "png", "pdf"]
FileFormat = ImageFormat | SourceFormat
Renderer = Literal["auto", "dot", "pure"]
IMAGE_FORMATS: tuple[ImageFormat, ...] = get_args(ImageFormat)
"""The pictures that can be drawn."""
FILE_FORMATS: tuple[FileFormat, ...] = (*IMAGE_FORMATS, *get_args(SourceFormat))
"""These, and the sources as text: dot, Mermaid, PlantUML, D2."""
TIMEOUT_S = 60


class RenderError(SpeechLifecycleError, RuntimeError):
    """The renderer failed. The message is what it said."""


def render(
    chart: ChartDefinition | ChartName,
    image_format: ImageFormat,
    *,
    detail: Detail = "full",
    highlight: str | None = None,
    marks: Marks | None = None,
    state: str | None = None,
    theme: Theme = "auto",
    renderer: Renderer = "auto",
) -> bytes:
    """Return a picture of a chart or, with `state`, of that state and what leads to it and from it.

    `highlight` is the id of a state to show as active; `marks` are those of a trace (`path_marks`, `coverage_marks`).
    An overview has no ground: its `theme` is that of the page, and "auto" lets an SVG follow the page. What is drawn in
    full has a white ground everywhere. `renderer` is "dot" for an installed Graphviz, "pure" for graphviz-pure, which
    draws the same bytes on every machine, or "auto" for the first of them that is there.

    Raises:
        MissingExtraError: the renderer is not installed.
        RenderError: the renderer failed.
        LookupError: there is no such chart or state.
        ValueError: marks are asked for at a glance, where transitions are merged.
    """
    view = view_of(chart, detail=detail, highlight=highlight, marks=marks, state=state)
    return render_source(
        view.sources["dot"](), image_format, theme=theme if view.theme == "auto" else view.theme, renderer=renderer
    )


def render_exchange(image_format: ImageFormat, *, theme: Theme = "auto", renderer: Renderer = "auto") -> bytes:
    """Return the picture of how the charts talk to each other and to those around them, as `render` does.

    Raises:
        MissingExtraError: the renderer is not installed.
        RenderError: the renderer failed.
    """
    return render_source(EXCHANGE.sources["dot"](), image_format, theme=theme, renderer=renderer)


def render_source(
    source: str, image_format: ImageFormat, *, theme: Theme = "light", renderer: Renderer = "auto"
) -> bytes:
    """Return the picture that Graphviz source in the colours of `palette` describes.

    Raises:
        ValueError: the format is none of `IMAGE_FORMATS`.
        MissingExtraError: the renderer is not installed.
        RenderError: the renderer failed.
    """
    if image_format not in IMAGE_FORMATS:
        raise ValueError(f"no format {image_format!r}; there are {', '.join(IMAGE_FORMATS)}")
    program = find_renderer(renderer)
    if theme == "dark":
        source = darkened(source)
    if image_format == "svg":
        return finished(_run(program, source, "svg"), theme)
    if image_format == "pdf" and Path(program).name.startswith("graphviz-pure"):
        return _pdf_of(_run(program, source, "svg"))
    return _run(program, source, image_format)


def _run(program: str, source: str, image_format: ImageFormat) -> bytes:
    try:
        done = subprocess.run(
            [program, f"-T{image_format}"], input=source.encode(), capture_output=True, check=False, timeout=TIMEOUT_S
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise RenderError(f"{program}: {error}") from error
    if done.returncode or not done.stdout:
        raise RenderError(f"{program}: {done.stderr.decode(errors='replace').strip() or 'no output'}")
    return done.stdout


def _pdf_of(svg: bytes) -> bytes:
    """Convert a picture of graphviz-pure, which writes no PDF itself."""
    try:
        from reportlab.graphics.renderPDF import drawToString
        from svglib.svglib import svg2rlg
    except ImportError:
        raise missing_extra("diagrams", "svglib") from None
    drawing = svg2rlg(BytesIO(svg))
    # Without `invariant` the file holds the time at which it was made.
    return bytes(drawToString(drawing, invariant=1))


def find_renderer(renderer: Renderer = "auto") -> str:
    """Return the path of the program that draws.

    Raises:
        MissingExtraError: it is not installed.
    """
    found = {
        "auto": lambda: _installed("dot") or _pure(),
        "dot": lambda: _installed("dot"),
        "pure": _pure,
    }[renderer]()
    if found is None:
        raise (
            missing_extra("diagrams", "graphviz-pure")
            if renderer != "dot"
            else RenderError("Graphviz is not installed: there is no program `dot` on the path; use renderer='pure'")
        )
    return found


def draw(
    output_dir: str | os.PathLike[str],
    formats: Iterable[FileFormat] = FILE_FORMATS,
    *,
    detail: Detail = "full",
    highlight: Mapping[str, str] | None = None,
    marks: Marks | None = None,
    state: tuple[str, str] | None = None,
    renderer: Renderer = "auto",
) -> list[Path]:
    """Write every chart in every format, as `speech.svg` and so on, and return the paths.

    Of an overview, `speech-overview.svg` and so on, there is also `exchange.svg`: how the charts talk to each other.
    With `state`, a chart and a state of it, only that state's neighbourhood is written, as `message-draining.svg`.
    `highlight` names the active state of a chart, by the chart's name. A file is replaced as a whole or not at all.

    Raises:
        ValueError: a format is none of `FILE_FORMATS`, or marks are asked for at a glance; nothing is written.
        LookupError: there is no such state; nothing is written.
        MissingExtraError: the renderer is not installed.
        RenderError: the renderer failed.
    """
    wanted = tuple(formats)
    for name in wanted:
        if name not in FILE_FORMATS:
            raise ValueError(f"no format {name!r}; there are {', '.join(FILE_FORMATS)}")
    drawn = views(detail=detail, highlight=highlight, marks=marks, state=state)
    folder = Path(output_dir)
    folder.mkdir(parents=True, exist_ok=True)
    contents = {
        folder / f"{view.name}.{name}": render_source(view.sources["dot"](), name, theme=view.theme, renderer=renderer)
        if name == "svg" or name == "png" or name == "pdf"
        else view.sources[name]().encode()
        for view in drawn
        for name in wanted
    }
    for path, content in contents.items():
        replace_file(path, content)
    return list(contents)


def _installed(program: str) -> str | None:
    return shutil.which(program)


def _pure() -> str | None:
    """Find graphviz-pure, also in a virtual environment that is not activated."""
    return shutil.which("graphviz-pure", path=sysconfig.get_path("scripts")) or _installed("graphviz-pure")
