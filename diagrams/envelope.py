"""How loud a call was, from the sound file beside its trace."""

from __future__ import annotations

import array
import json
import sys
import wave
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from speech_lifecycle.fsm.errors import SpeechLifecycleError

from .call import CallMessage

if TYPE_CHECKING:
    from .lanes import Place

BIN_MS = 10
"""Of so much audio the loudest sample is kept."""
_STEP = 2
"""Pixels from one point to the next."""


class SoundError(SpeechLifecycleError, ValueError):
    """A sound file cannot be shown. The message names it and says why."""


class Envelope:
    """The agent's loudness over time, and where in it each message begins."""

    def __init__(self, peaks: bytes, begins_at_ms: Mapping[str, int]) -> None:
        """Take the loudest sample of each `BIN_MS`, 0 to 255, and where each message begins, in milliseconds."""
        self._peaks = peaks
        self._loudest = max(peaks, default=0) or 255
        self._begins_at_ms = begins_at_ms

    def of(self, message: CallMessage, from_x: float, to_x: float, place: Place) -> list[tuple[float, float]] | None:
        """Return points from one place to another, with the loudness there, 0 to 1; None if that is not known."""
        begin_ms = self._begins_at_ms.get(message.message_id)
        if begin_ms is None or to_x <= from_x:
            return None
        window, left = place.window, place.x(place.window.from_ms)
        ms_per_pixel = (window.to_ms - window.from_ms) / (place.x(window.to_ms) - left)
        points: list[tuple[float, float]] = []
        for step in range(int((to_x - from_x) / _STEP) + 1):
            x = from_x + _STEP * step
            in_file_ms = window.from_ms + (x - left) * ms_per_pixel - message.heard[0].from_ms + begin_ms
            first = max(0, int(in_file_ms // BIN_MS))
            after = first + max(1, int(_STEP * ms_per_pixel / BIN_MS))
            points.append((x, max(self._peaks[first:after], default=0) / self._loudest))
        return points


def read_envelope(path: Path) -> Envelope:
    """Read a WAV file of 16-bit samples and the JSON file beside it, as `demo` and `FileOutput` write them.

    Raises:
        SoundError: they are not such files.
        OSError: they cannot be read.
    """
    try:
        sidecar = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        begins = {
            str(each["message_id"]): int(each["begins_at_ms"])
            for each in sidecar["messages"]
            if each["begins_at_ms"] is not None
        }
    except (ValueError, KeyError, TypeError) as error:
        raise SoundError(f"{path.with_suffix('.json')}: not the description of a sound file: {error}") from None
    try:
        with wave.open(str(path), "rb") as sound:
            if sound.getsampwidth() != 2:
                raise SoundError(f"{path}: its samples have {sound.getsampwidth()} bytes, expected 2")
            channels, frames = sound.getnchannels(), max(1, sound.getframerate() * BIN_MS // 1000)
            peaks = bytearray()
            while data := sound.readframes(100 * frames):
                samples = array.array("h", data)
                if sys.byteorder == "big":
                    samples.byteswap()
                agent = samples[::channels]
                for start in range(0, len(agent), frames):
                    piece = agent[start : start + frames]
                    peaks.append(min(255, max(max(piece), -min(piece)) * 255 // 32767))
    except (wave.Error, EOFError) as error:
        raise SoundError(f"{path}: not a WAV file: {error}") from None
    return Envelope(bytes(peaks), begins)
