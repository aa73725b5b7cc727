"""The speech lifecycle, interpreted from `definition.json` alone. It imports nothing but Python's own modules."""

from __future__ import annotations

from .machine import Machine, load_definition

__all__ = ["Machine", "load_definition"]
