"""Pictures that this package lays out itself, as PNG."""

from __future__ import annotations

import re

from .extras import missing_extra
from .render import RenderError

ZOOM = 2.0
"""Pixels of the image to one of the picture, for screens with fine pixels."""
_HIGHEST = 16_000
"""Pixels of the picture: twice as many are what most viewers take."""


def png_of(svg: str) -> bytes:
    """Return an SVG picture as PNG, on the ground and in the colours that it was drawn with.

    Raises:
        MissingExtraError: what draws it is not installed.
        RenderError: it is too high for an image.
    """
    try:
        from resvg_py import svg_to_bytes
    except ImportError:
        raise missing_extra("diagrams", "resvg-py") from None
    size = re.search(r'viewBox="0 0 [\d.]+ ([\d.]+)"', svg)
    if size is None or float(size[1]) > _HIGHEST:
        raise RenderError(f"a picture of more than {_HIGHEST} pixels is too high for a PNG: write it as SVG")
    return bytes(svg_to_bytes(svg_string=svg, zoom=ZOOM))
