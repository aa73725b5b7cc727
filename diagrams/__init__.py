"""Pictures of the lifecycle, all derived from the Definition or from a trace."""

from speech_lifecycle.diagrams.dot import dot
from speech_lifecycle.diagrams.extras import MissingExtraError
from speech_lifecycle.diagrams.mermaid import mermaid
from speech_lifecycle.diagrams.render import RenderError, draw, render
from speech_lifecycle.diagrams.sequence import sequence
from speech_lifecycle.diagrams.timeline import Timeline, timeline_svg, timeline_text
from speech_lifecycle.diagrams.trace_timeline import steps_of, timeline_of

__all__ = [
    "MissingExtraError",
    "RenderError",
    "Timeline",
    "dot",
    "draw",
    "mermaid",
    "render",
    "sequence",
    "steps_of",
    "timeline_of",
    "timeline_svg",
    "timeline_text",
]
