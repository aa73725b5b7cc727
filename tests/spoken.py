"""Something that sounds like somebody who speaks: vowels, made by formants."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np

_FORMANTS = ((500, 250, 1.7, 90, 1.0), (1_500, 400, 1.1, 120, 0.6), (2_500, 0, 1.0, 160, 0.3))
"""Of each: its frequency, how far and how often that moves, its width, and its level."""


def voice(ms: int, rate: int = 24_000) -> np.ndarray:
    """Return four syllables a second, at a pitch that rises and falls, as 16-bit samples."""
    at = np.arange(ms * rate // 1000) / rate
    pitch = 120 * (1 + 0.1 * np.sin(2 * np.pi * 2.3 * at))
    phase = np.cumsum(pitch) / rate
    sound = np.zeros(at.size)
    for harmonic in range(1, 30):
        level = sum(
            weight / (1 + ((harmonic * pitch - middle - way * np.sin(2 * np.pi * often * at)) / width) ** 2)
            for middle, way, often, width, weight in _FORMANTS
        )
        sound += level * np.sin(2 * np.pi * harmonic * phase)
    sound *= 0.7 - 0.5 * np.cos(2 * np.pi * 4 * at)
    return (sound / np.abs(sound).max() * 12_000).astype("<i2")


def silence(ms: int, rate: int = 24_000) -> np.ndarray:
    return np.zeros(ms * rate // 1000, "<i2")


def write_wav(path: Path, *sounds: np.ndarray, rate: int = 48_000) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.concatenate(sounds).tobytes())
    return path
