"""Pictures and tables of the lifecycle, all derived from the Definition or from a trace.

`draw` writes the charts as files; `dot`, `mermaid` and `render` give one chart; `refresh` keeps the tables of a
Markdown file up to date; `timeline_of` and `steps_of` read a trace for `timeline_text`, `timeline_svg` and `sequence`.
"""

from .dot import dot
from .extras import MissingExtraError, missing_extra
from .generated import MarkerError, is_stale, refresh, refresh_text
from .mermaid import mermaid
from .render import FILE_FORMATS, IMAGE_FORMATS, RenderError, draw, render, render_source
from .sequence import sequence
from .tables import tables
from .timeline import HeardInterval, HeardPart, Mark, MessageSpan, Timeline, timeline_svg, timeline_text
from .trace_timeline import steps_of, timeline_of

__all__ = [
    "FILE_FORMATS",
    "IMAGE_FORMATS",
    "HeardInterval",
    "HeardPart",
    "Mark",
    "MarkerError",
    "MessageSpan",
    "MissingExtraError",
    "RenderError",
    "Timeline",
    "dot",
    "draw",
    "is_stale",
    "mermaid",
    "missing_extra",
    "refresh",
    "refresh_text",
    "render",
    "render_source",
    "sequence",
    "steps_of",
    "tables",
    "timeline_of",
    "timeline_svg",
    "timeline_text",
]
