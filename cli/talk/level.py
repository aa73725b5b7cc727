"""How loud it is, for a bar that moves."""

from __future__ import annotations

import math

import numpy as np

_FLOOR_DB = -50.0
"""What a bar shows as nothing."""
_FULL = 32_768.0
_FALL = 0.6
"""What is left of a level when the next piece is silent: a bar that jumps cannot be read."""


class Level:
    """Of the latest of a sound. May be read in another thread than it is written in."""

    def __init__(self) -> None:
        self._share = 0.0

    def take(self, pcm: bytes) -> None:
        """Take the next piece, 16-bit mono PCM."""
        samples = np.frombuffer(pcm, dtype="<i2").astype(np.float64)
        power = float(np.mean(samples**2)) if samples.size else 0.0
        db = 10 * math.log10(power / _FULL**2) if power else _FLOOR_DB
        self._share = max(min(1.0, 1 - db / _FLOOR_DB), self._share * _FALL, 0.0)

    def bar(self, width: int) -> str:
        """Return it as a bar."""
        filled = round(self._share * width)
        return "█" * filled + "·" * (width - filled)
