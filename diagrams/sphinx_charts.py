"""Charts on the pages that Sphinx builds: an extension with the directive `lifecycle-chart`.

In `conf.py`:

    extensions = ["speech_lifecycle.diagrams.sphinx_charts"]

On a page, in MyST (in reStructuredText it is `.. lifecycle-chart:: message`):

    ```{lifecycle-chart} message
    :path: call.jsonl
    ```

The argument is `message`, `speech`, `conversation` or `exchange`. The options `detail`, `state`, `highlight`, `path`
and `coverage` are those of the command `draw`; there are `caption`, `alt` and `theme` besides. Traces are files, beside
the page or, with a leading slash, from the folder of the sources; a page is read again when a trace of its has changed.
Where the theme of the pages has a switch for light and dark (Furo, PyData), set `lifecycle_chart_theme = "pair"`: both
pictures are written, and the switch chooses.
"""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

try:
    from docutils import nodes
    from docutils.parsers.rst import directives
    from sphinx.util import logging
    from sphinx.util.docutils import SphinxDirective
except ImportError:
    from .extras import missing_extra

    raise missing_extra("docs", "sphinx") from None

from speech_lifecycle.fsm.errors import SpeechLifecycleError
from speech_lifecycle.fsm.trace import Record, load_trace

from .marks import Marks, coverage_marks, path_marks, taken_in, unknown_in
from .render import render_source
from .theme import Theme
from .view import EXCHANGE, View, view_of

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.util.typing import ExtensionMetadata

CHARTS = ("conversation", "exchange", "message", "speech")
logger = logging.getLogger(__name__)
THEMES = ("auto", "dark", "light", "pair")


def setup(app: Sphinx) -> ExtensionMetadata:
    """Add the directive: Sphinx calls this."""
    app.add_config_value("lifecycle_chart_theme", "auto", "env", (str,))
    app.add_directive("lifecycle-chart", LifecycleChart)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}


class LifecycleChart(SphinxDirective):
    """Draws a chart as a figure, whose picture links to itself in full size."""

    required_arguments = 1
    option_spec: ClassVar[dict[str, Any]] = {
        "alt": directives.unchanged_required,
        "caption": directives.unchanged_required,
        "coverage": directives.unchanged_required,
        "detail": lambda text: directives.choice(text, ("full", "overview")),
        "highlight": directives.unchanged_required,
        "path": directives.unchanged_required,
        "state": directives.unchanged_required,
        "theme": lambda text: directives.choice(text, THEMES),
    }

    def run(self) -> list[nodes.Node]:
        """Return the figure. What cannot be drawn is an error at this place of the page."""
        try:
            view = self._view()
            figure = nodes.figure("", *self._pictures(view), classes=["lifecycle-chart"], align="default")
        except (SpeechLifecycleError, LookupError, ValueError, OSError) as error:
            raise self.error(f"lifecycle-chart: {error.args[0] if isinstance(error, KeyError) else error}") from error
        self.set_source_info(figure)
        if "caption" in self.options:
            inline, messages = self.parse_inline(self.options["caption"])
            figure += nodes.caption(self.options["caption"], "", *inline)
            return [figure, *messages]
        return [figure]

    def _view(self) -> View:
        (chart,) = self.arguments
        if chart not in CHARTS:
            raise LookupError(f"there is no chart {chart!r}; there are {', '.join(CHARTS)}")
        marks = self._marks()
        chosen = {
            "detail": self.options.get("detail", "full"),
            "highlight": self.options.get("highlight"),
            "marks": marks,
            "state": self.options.get("state"),
        }
        if chart != "exchange":
            return view_of(chart, **chosen)
        if given := sorted({"detail", "highlight", "state", "path", "coverage"} & set(self.options)):
            raise ValueError(f"the exchange is drawn in one way only; it has no {', '.join(given)}")
        return EXCHANGE

    def _marks(self) -> Marks | None:
        if "path" in self.options and "coverage" in self.options:
            raise ValueError("a chart shows either the path of a call or the coverage of several")
        if "path" in self.options:
            marks = path_marks(taken_in(self._records(self.options["path"])))
        elif "coverage" in self.options:
            traces = self.options["coverage"].split()
            marks = coverage_marks(taken for trace in traces for taken in taken_in(self._records(trace)))
        else:
            return None
        if unknown := unknown_in(marks):
            logger.warning(
                "lifecycle-chart: %d transitions are of another version, and are not drawn: %s",
                len(unknown),
                ", ".join(unknown),
                location=self.get_location(),
            )
        return marks

    def _records(self, name: str) -> list[Record]:
        relative, path = self.env.relfn2path(name, self.env.docname)
        self.env.note_dependency(relative)
        with open(path, "rb") as lines:
            return list(load_trace(lines, relative).records)

    def _pictures(self, view: View) -> list[nodes.image]:
        theme = self.options.get("theme", self.config.lifecycle_chart_theme)
        if theme not in THEMES:
            raise ValueError(f"lifecycle_chart_theme is {theme!r}; it may be {', '.join(THEMES)}")
        if view.theme == "light":  # it has a white ground on every page
            return [self._picture(view, "light")]
        if theme != "pair":
            return [self._picture(view, theme)]
        return [self._picture(view, "light", "only-light"), self._picture(view, "dark", "only-dark")]

    def _picture(self, view: View, theme: Theme, *classes: str) -> nodes.image:
        drawn = render_source(view.sources["dot"](), "svg", theme=theme, renderer="pure")
        folder = Path(self.env.doctreedir) / "lifecycle-charts"
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{view.name}-{hashlib.sha256(drawn).hexdigest()[:12]}.svg"
        path.write_bytes(drawn)
        place = Path(os.path.relpath(path, self.env.srcdir)).as_posix()
        alt = self.options.get("alt") or self.options.get("caption") or f"The chart {view.name}"
        return nodes.image(uri=f"/{place}", alt=alt, classes=list(classes), width=_width_of(drawn))


def _width_of(svg: bytes) -> str:
    """Return the width that the picture is drawn for: with one, Sphinx links the picture to its file."""
    width = re.search(rb'<svg\b[^>]*?\bwidth="([\d.]+)(?:pt|px)?"', svg)
    return f"{float(width[1]) * 4 / 3:.0f}px" if width else "100%"
