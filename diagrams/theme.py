"""What pictures look like on a dark page, and in whatever font is there.

A picture that has no ground of its own is recoloured: its lines and the text on the page become light, while a state
keeps its fill and the dark text on it. An SVG does so by itself where the page is dark (`prefers-color-scheme`); for a
page that chooses among files there is one that is always dark.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

from . import palette

Theme = Literal["auto", "light", "dark"]
FONTS = "Helvetica, Arial, 'Liberation Sans', 'DejaVu Sans Condensed', 'DejaVu Sans', sans-serif"
FIT = 0.88
"""How large text is shown, of the size that it is laid out in: DejaVu Sans is that much wider than Helvetica."""
DARK_PAPER = "#0d1117"
"""A dark page, for which the colours are chosen: GitHub's."""
_WHITENED = 0.5


def _light(colour: str) -> str:
    channels = [int(colour[start : start + 2], 16) for start in (1, 3, 5)]
    return "#" + "".join(f"{round(channel + (255 - channel) * _WHITENED):02x}" for channel in channels)


DARK: Mapping[str, str] = {
    **{colour: _light(colour) for colour in sorted(palette.LINES)},
    palette.INK: "#e6edf3",
    palette.QUIET: "#b1bac4",
    palette.HIGHLIGHT: _light(palette.HIGHLIGHT),
}
"""The colours that lie on the page, as they are where it is dark."""


def darkened(source: str) -> str:
    """Return a Graphviz source in the colours for a dark page."""
    return re.sub("|".join(DARK), lambda match: DARK[match[0]], source)


def finished(svg: bytes, theme: Theme = "light") -> bytes:
    """Return an SVG of Graphviz with text that fits in any of the fonts; "auto" has it follow the page's colours."""
    text = svg.decode()
    text = re.sub(r'font-family="Helvetica[^"]*"', f'font-family="{FONTS}"', text)
    text = re.sub(r'font-size="([\d.]+)"', lambda match: f'font-size="{float(match[1]) * FIT:.2f}"', text)
    if theme == "auto":
        rules = "".join(f'[fill="{old}"]{{fill:{new}}}[stroke="{old}"]{{stroke:{new}}}' for old, new in DARK.items())
        style = f"<style>@media (prefers-color-scheme:dark){{{rules}}}</style>"
        text = re.sub(r"<svg\b[^>]*>", lambda match: f"{match[0]}\n{style}", text, count=1)
    return text.encode()
