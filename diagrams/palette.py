"""The colours of the states, the same in every picture.

The hues are near those of Okabe and Ito, so that people with any colour blindness can tell the states apart; fills
are light enough for dark text. tests/test_diagrams.py measures both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from speech_lifecycle.fsm.compile.definition import ChartName

INK = "#1b1b1b"
"""Text and arrows."""
ON_FILL = "#1b1b1c"
"""Text on the fill of a state, which stays dark where the page is dark."""
QUIET = "#4d5058"
"""Text of lesser weight: guards, actions, captions."""
PAPER = "#ffffff"
"""The ground of every picture."""
RULE = "#8a8d94"
"""Thin lines: axes, separators."""
HIGHLIGHT = "#c2185b"
"""The border of the active states, and what a call went through."""
LIT = "#fff7d6"
"""The fill of the states that a call was in, where the others have none."""


@dataclass(frozen=True, slots=True)
class Swatch:
    """The colours of one state, as `#rrggbb`."""

    fill: str
    line: str


MESSAGE: Mapping[str, Swatch] = {
    "pending": Swatch("#e4e4e4", "#6f6f6f"),
    "forwarding": Swatch("#f1f7fc", "#0072b2"),
    "streaming": Swatch("#c3e1f5", "#0072b2"),
    "draining": Swatch("#86c1ea", "#0072b2"),
    "stopping": Swatch("#5ba3d6", "#004f7c"),
    "played": Swatch("#64e8a0", "#007a59"),
    "partial": Swatch("#f7d264", "#9a6a00"),
    "skipped": Swatch("#ef9a6a", "#a34200"),
}
SPEECH: Mapping[str, Swatch] = {
    "queued": Swatch("#e4e4e4", "#6f6f6f"),
    "active": Swatch("#f1f7fc", "#0072b2"),
    "waiting": Swatch("#c3e1f5", "#0072b2"),
    "speaking": Swatch("#86c1ea", "#0072b2"),
    "paused": Swatch("#f6ee8e", "#857600"),
    "stopping": Swatch("#5ba3d6", "#004f7c"),
    "reconciling": Swatch("#dd9fc4", "#8c3f6d"),
    "completed": Swatch("#64e8a0", "#007a59"),
    "interrupted": Swatch("#f7c04a", "#9a6a00"),
    "failed": Swatch("#e8795a", "#a34200"),
}
CONVERSATION: Mapping[str, Swatch] = {
    "conversation": Swatch("#ffffff", "#6f6f6f"),
    "connection": Swatch("#f4f4f4", "#6f6f6f"),
    "connected": Swatch("#64e8a0", "#007a59"),
    "disconnected": Swatch("#e8795a", "#a34200"),
    "restoring": Swatch("#c3e1f5", "#0072b2"),
    "closing": Swatch("#f7d264", "#9a6a00"),
    "closed": Swatch("#d6d6d6", "#6f6f6f"),
    "user": Swatch("#fdf6ec", "#9a6a00"),
    "silent": Swatch("#ffffff", "#9a6a00"),
    "talking": Swatch("#f7c04a", "#9a6a00"),
    "floor": Swatch("#f1f7fc", "#0072b2"),
    "free": Swatch("#ffffff", "#0072b2"),
    "held": Swatch("#f6ee8e", "#857600"),
    "taken": Swatch("#86c1ea", "#0072b2"),
    "suspended": Swatch("#dfd24a", "#857600"),
    "generation": Swatch("#fbf1f7", "#8c3f6d"),
    "idle": Swatch("#ffffff", "#8c3f6d"),
    "requested": Swatch("#eecbe0", "#8c3f6d"),
    "generating": Swatch("#dd9fc4", "#8c3f6d"),
    "agent": Swatch("#eefaf5", "#007a59"),
    "listening": Swatch("#ffffff", "#007a59"),
    "thinking": Swatch("#b5ecd3", "#007a59"),
    "speaking": Swatch("#64e8a0", "#007a59"),
}
_OF_CHART: Mapping[str, Mapping[str, Swatch]] = {"conversation": CONVERSATION, "speech": SPEECH, "message": MESSAGE}

LINES = frozenset(swatch.line for colours in _OF_CHART.values() for swatch in colours.values())
"""The colours of borders and arrows."""


def swatch(chart: ChartName, state: str) -> Swatch:
    """Return the colours of a state.

    Raises:
        LookupError: the chart has a state without colours.
    """
    colours = _OF_CHART[chart]
    if state not in colours:
        raise LookupError(f"{chart}.{state} has no colours; add them in diagrams/palette.py")
    return colours[state]
