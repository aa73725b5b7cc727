"""Pictures and tables of the lifecycle, all derived from the Definition or from a trace.

`diagram` gives a chart as notebooks show it; `draw` writes the charts as files; `dot`, `mermaid`, `plantuml`, `d2` and
`render` give one; `exchanges` how they talk to each other, `path_marks` and `coverage_marks` what traces took of them.
`refresh` keeps the tables of a Markdown file up to date. `read_call`, `call_of` and `CallReading` make a `Call` of a
trace: who spoke when, and what became of every message; `words_of` says which words were heard. `timeline_svg` and
`timeline_text` draw it, with `read_envelope` as loud as it was, `animated_svg` moves; `call_mermaid` and
`call_sequence_svg` say who said what to whom. `png_of` makes a PNG of these. `sequence` draws each step (`steps_of`).
"""

from .animated import animated_svg
from .call import Call, CallMessage, CallSpeech, Mark, OutputMark, ServerRequest, Span, Stretch
from .call_reading import CallReading, call_of, read_call
from .call_sequence import Said, call_mermaid, call_sequence_svg, said_in
from .d2 import d2
from .diagram import diagram
from .dot import dot
from .envelope import Envelope, SoundError, read_envelope
from .exchange import Exchange, exchanges
from .exchange_dot import exchange_dot
from .extras import MissingExtraError, missing_extra
from .generated import MarkerError, is_stale, refresh, refresh_text
from .marks import Marks, TransitionMark, coverage_marks, path_marks, taken_in, unknown_in
from .mermaid import exchange_mermaid, mermaid
from .overview import overview_dot, overview_of
from .plantuml import plantuml
from .raster import png_of
from .render import FILE_FORMATS, IMAGE_FORMATS, RenderError, draw, render, render_exchange, render_source
from .sequence import sequence, steps_of
from .tables import tables
from .timeline_svg import timeline_svg
from .timeline_text import timeline_text
from .transitions import around
from .view import View, view_of, views
from .words import Word, words_of

__all__ = [
    "FILE_FORMATS",
    "IMAGE_FORMATS",
    "Call",
    "CallMessage",
    "CallReading",
    "CallSpeech",
    "Envelope",
    "Exchange",
    "Mark",
    "MarkerError",
    "Marks",
    "MissingExtraError",
    "OutputMark",
    "RenderError",
    "Said",
    "ServerRequest",
    "SoundError",
    "Span",
    "Stretch",
    "TransitionMark",
    "View",
    "Word",
    "animated_svg",
    "around",
    "call_mermaid",
    "call_of",
    "call_sequence_svg",
    "coverage_marks",
    "d2",
    "diagram",
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
    "path_marks",
    "plantuml",
    "png_of",
    "read_call",
    "read_envelope",
    "refresh",
    "refresh_text",
    "render",
    "render_exchange",
    "render_source",
    "said_in",
    "sequence",
    "steps_of",
    "tables",
    "taken_in",
    "timeline_svg",
    "timeline_text",
    "unknown_in",
    "view_of",
    "views",
    "words_of",
]
