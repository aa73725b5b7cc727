"""G.711 mu-law and A-law, by tables of all samples. Needs numpy; decoding, in `audio_format`, does not."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

_Codes = npt.NDArray[np.uint8]

_BIAS = 33
_CLIP = 8_158
"""In 14 bits, in which the standard counts."""


@lru_cache(maxsize=1)
def _mu_law_codes() -> _Codes:
    """Return the code of each 16-bit sample, from -32768 on (ITU-T G.711, table 2a)."""
    samples = np.arange(-32_768, 32_768, dtype=np.int32) >> 2
    magnitude = np.minimum(np.abs(samples), _CLIP) + _BIAS
    segment = np.floor(np.log2(magnitude)).astype(np.int32) - 5
    step = (magnitude >> (segment + 1)) & 0xF
    inverted = np.where(samples < 0, 0x7F, 0xFF)
    codes: _Codes = (((segment << 4) | step) ^ inverted).astype(np.uint8)
    return codes


@lru_cache(maxsize=1)
def _a_law_codes() -> _Codes:
    """Return the code of each 16-bit sample, from -32768 on (ITU-T G.711, table 1a), in 13 bits."""
    samples = np.arange(-32_768, 32_768, dtype=np.int32) >> 3
    magnitude = np.where(samples < 0, ~samples, samples)
    segment = np.maximum(np.floor(np.log2(np.maximum(magnitude, 1))).astype(np.int32) - 4, 0)
    step = (magnitude >> np.maximum(segment, 1)) & 0xF
    inverted = np.where(samples < 0, 0x55, 0xD5)
    codes: _Codes = (((segment << 4) | step) ^ inverted).astype(np.uint8)
    return codes


def _encode(pcm: bytes, codes: _Codes) -> bytes:
    encoded: bytes = codes[np.frombuffer(pcm, dtype="<i2").astype(np.int32) + 32_768].tobytes()
    return encoded


def encode_mu_law(pcm: bytes) -> bytes:
    """Return 16-bit little-endian PCM as mu-law, a byte a sample."""
    return _encode(pcm, _mu_law_codes())


def encode_a_law(pcm: bytes) -> bytes:
    """Return 16-bit little-endian PCM as A-law, a byte a sample."""
    return _encode(pcm, _a_law_codes())
