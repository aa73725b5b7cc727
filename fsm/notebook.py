"""How a notebook shows a chart, a snapshot, a machine or a trace: as a picture, and as text where none can be drawn.

Pictures are the affair of `speech_lifecycle.diagrams`, which is imported only when a notebook asks.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from .errors import SpeechLifecycleError


def mimebundle(value: object, text: str) -> dict[str, str]:
    """Return what Jupyter shows of a value: the picture, if it can be drawn, and a text.

    The text says why there is no picture, and which command installs what is missing.
    """
    try:
        picture: str = import_module("speech_lifecycle.diagrams.notebook").svg_of(value)
    except SpeechLifecycleError as error:
        return {"text/plain": f"{text}\n({error})"}
    return {"text/plain": text, "image/svg+xml": picture}


def show_itself(self: object, **_: Any) -> dict[str, str]:
    """Return what Jupyter shows of this value. It is the `_repr_mimebundle_` of what can be drawn."""
    return mimebundle(self, repr(self))
