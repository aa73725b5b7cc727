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

from speech_lifecycle.fsm.compile.definition import ChartDefinition, ChartName, definition
from speech_lifecycle.fsm.errors import SpeechLifecycleError

from .dot import dot
from .exchange_dot import NAME as EXCHANGE
from .exchange_dot import exchange_dot
from .extras import missing_extra
from .files import replace_file
from .mermaid import exchange_mermaid, mermaid
from .overview import overview_dot, overview_of
from .theme import Theme, darkened, finished

ImageFormat = Literal["svg", "png", "pdf"]
FileFormat = Literal["svg", "png", "pdf", "dot", "mmd"]
Detail = Literal["overview", "full"]
"""States and events at a glance, or every transition with its guard and actions."""
Renderer = Literal["auto", "dot", "pure"]
IMAGE_FORMATS: tuple[ImageFormat, ...] = get_args(ImageFormat)
FILE_FORMATS: tuple[FileFormat, ...] = get_args(FileFormat)
TIMEOUT_S = 60


class RenderError(SpeechLifecycleError, RuntimeError):
    """The renderer failed. The message is what it said."""


def render(
    chart: ChartDefinition | ChartName,
    image_format: ImageFormat,
    *,
    detail: Detail = "full",
    highlight: str | None = None,
    theme: Theme = "auto",
    renderer: Renderer = "auto",
) -> bytes:
    """Return a picture of a chart.

    An overview has no ground: its `theme` is that of the page, and "auto" lets an SVG follow the page. What is drawn in
    full has a white ground everywhere. `renderer` is "dot" for an installed Graphviz, "pure" for graphviz-pure, which
    draws the same bytes on every machine, or "auto" for the first of them that is there.

    Raises:
        MissingExtraError: the renderer is not installed.
        RenderError: the renderer failed.
        LookupError: there is no such chart or state.
    """
    if detail == "full":
        return render_source(dot(chart, highlight=highlight), image_format, theme="light", renderer=renderer)
    return render_source(overview_dot(chart, highlight=highlight), image_format, theme=theme, renderer=renderer)


def render_exchange(image_format: ImageFormat, *, theme: Theme = "auto", renderer: Renderer = "auto") -> bytes:
    """Return the picture of how the charts talk to each other and to those around them, as `render` does.

    Raises:
        MissingExtraError: the renderer is not installed.
        RenderError: the renderer failed.
    """
    return render_source(exchange_dot(), image_format, theme=theme, renderer=renderer)


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
    renderer: Renderer = "auto",
) -> list[Path]:
    """Write every chart in every format, as `speech.svg` and so on, and return the paths.

    Of an overview, `speech-overview.svg` and so on, there is also `exchange.svg`: how the charts talk to each other.
    `highlight` names the active state of a chart, by the chart's name. A file is replaced as a whole or not at all.

    Raises:
        ValueError: a format is none of `FILE_FORMATS`; nothing is written.
        MissingExtraError: the renderer is not installed.
        RenderError: the renderer failed.
    """
    wanted = tuple(formats)
    for name in wanted:
        if name not in FILE_FORMATS:
            raise ValueError(f"no format {name!r}; there are {', '.join(FILE_FORMATS)}")
    folder = Path(output_dir)
    folder.mkdir(parents=True, exist_ok=True)
    stem = "{}" if detail == "full" else "{}-overview"
    contents = {
        folder / f"{stem.format(chart.name)}.{name}": _content(
            chart, name, detail, (highlight or {}).get(chart.name), renderer
        )
        for chart in definition().every_chart
        for name in wanted
    }
    if detail == "overview":
        contents |= {folder / f"{EXCHANGE}.{name}": _exchange_content(name, renderer) for name in wanted}
    for path, content in contents.items():
        replace_file(path, content)
    return list(contents)


def _content(
    chart: ChartDefinition, file_format: FileFormat, detail: Detail, highlight: str | None, renderer: Renderer
) -> bytes:
    if file_format == "dot":
        return (dot if detail == "full" else overview_dot)(chart, highlight=highlight).encode()
    if file_format == "mmd":
        return mermaid(chart if detail == "full" else overview_of(chart), highlight=highlight).encode()
    return render(chart, file_format, detail=detail, highlight=highlight, renderer=renderer)


def _exchange_content(file_format: FileFormat, renderer: Renderer) -> bytes:
    if file_format == "dot":
        return exchange_dot().encode()
    if file_format == "mmd":
        return exchange_mermaid().encode()
    return render_exchange(file_format, renderer=renderer)


def _installed(program: str) -> str | None:
    return shutil.which(program)


def _pure() -> str | None:
    """Find graphviz-pure, also in a virtual environment that is not activated."""
    return shutil.which("graphviz-pure", path=sysconfig.get_path("scripts")) or _installed("graphviz-pure")
