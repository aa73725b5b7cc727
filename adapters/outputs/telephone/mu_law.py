"""G.711 mu-law, by a table of all samples."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

_BIAS = 33
_CLIP = 8_158
"""In 14 bits, in which the standard counts."""


@lru_cache(maxsize=1)
def _table() -> npt.NDArray[np.uint8]:
    """Return the code of each 16-bit sample, from -32768 on (ITU-T G.711, table 2a)."""
    samples = np.arange(-32_768, 32_768, dtype=np.int32) >> 2
    magnitude = np.minimum(np.abs(samples), _CLIP) + _BIAS
    segment = np.floor(np.log2(magnitude)).astype(np.int32) - 5
    step = (magnitude >> (segment + 1)) & 0xF
    inverted = np.where(samples < 0, 0x7F, 0xFF)
    codes: npt.NDArray[np.uint8] = (((segment << 4) | step) ^ inverted).astype(np.uint8)
    return codes


def encode_mu_law(pcm: bytes) -> bytes:
    """Return 16-bit little-endian PCM as mu-law, a byte a sample."""
    encoded: bytes = _table()[np.frombuffer(pcm, dtype="<i2").astype(np.int32) + 32_768].tobytes()
    return encoded
