"""Audio that costs nothing to make and lets a listener tell the messages apart."""

from __future__ import annotations

import base64

import numpy as np

SAMPLE_RATE_HZ = 24_000
BYTES_PER_MS = 48
"""PCM16, mono, 24 kHz: the output format of the realtime API."""


def tone_base64(number: int, start_ms: int, length_ms: int) -> str:
    """Return a piece of the message's sine as base64 PCM16, continuous from piece to piece.

    `number` chooses the pitch: 24 semitones from 220 Hz, a fifth apart for messages that follow each
    other.
    """
    frequency_hz = 220.0 * 2.0 ** ((number * 7 % 24) / 12.0)
    samples_per_ms = SAMPLE_RATE_HZ // 1000
    at = np.arange(start_ms * samples_per_ms, (start_ms + length_ms) * samples_per_ms)
    samples = np.sin(2.0 * np.pi * frequency_hz * at / SAMPLE_RATE_HZ) * 6000.0
    return base64.b64encode(samples.astype("<i2").tobytes()).decode("ascii")
