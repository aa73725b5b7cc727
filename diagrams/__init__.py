"""Pictures and tables of the lifecycle, all derived from the Definition or from a trace.

`draw` writes the charts as files; `dot`, `mermaid` and `render` give one chart, `exchanges` how they talk; `refresh`
keeps the tables of a Markdown file up to date; `timeline_of` and `steps_of` read a trace for `timeline_text`,
`timeline_svg` and `sequence`.
"""

from .dot import dot
from .exchange import Exchange, exchanges
from .exchange_dot import exchange_dot
from .extras import MissingExtraError, missing_extra
from .generated import MarkerError, is_stale, refresh, refresh_text
from .mermaid import exchange_mermaid, mermaid
from .overview import overview_dot, overview_of
from .render import FILE_FORMATS, IMAGE_FORMATS, RenderError, draw, render, render_exchange, render_source
from .sequence import sequence
from .tables import tables
from .timeline import HeardInterval, HeardPart, Mark, MessageSpan, Timeline, timeline_svg, timeline_text
from .trace_timeline import steps_of, timeline_of

__all__ = [
    "FILE_FORMATS",
    "IMAGE_FORMATS",
    "Exchange",
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
    "exchange_dot",
    "exchange_mermaid",
    "exchanges",
    "is_stale",
    "mermaid",
    "missing_extra",
    "overview_dot",
    "overview_of",
    "refresh",
    "refresh_text",
    "render",
    "render_exchange",
    "render_source",
    "sequence",
    "steps_of",
    "tables",
    "timeline_of",
    "timeline_svg",
    "timeline_text",
]
