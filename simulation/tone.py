"""Audio that costs nothing to make and lets a listener tell the messages apart."""

from __future__ import annotations

import base64

import numpy as np
import numpy.typing as npt

from speech_lifecycle.adapters.sessions.audio_format import PCM_24K, AudioFormat

BYTES_PER_MS = 48
"""PCM16, mono, 24 kHz: the input format of the realtime API."""


def tone_base64(number: int, start_ms: int, length_ms: int, audio_format: AudioFormat = PCM_24K) -> str:
    """Return a piece of the message's sine as base64, continuous from piece to piece.

    `number` chooses the pitch: 24 semitones from 220 Hz, a fifth apart for messages that follow each
    other.
    """
    rate_hz = audio_format.sample_rate
    frequency_hz = 220.0 * 2.0 ** ((number * 7 % 24) / 12.0)
    at = np.arange(start_ms * rate_hz // 1000, (start_ms + length_ms) * rate_hz // 1000)
    samples = np.sin(2.0 * np.pi * frequency_hz * at / rate_hz) * 6000.0
    return base64.b64encode(_encoded(samples, audio_format)).decode("ascii")


def _encoded(samples: npt.NDArray[np.float64], audio_format: AudioFormat) -> bytes:
    if audio_format.encoding == "pcm":
        return samples.astype("<i2").tobytes()
    values = np.frombuffer(audio_format.decode(bytes(range(256))), "<i2").astype(float)
    codes = np.argsort(values, kind="stable")
    between = (values[codes][1:] + values[codes][:-1]) / 2
    return codes[np.searchsorted(between, samples)].astype(np.uint8).tobytes()
