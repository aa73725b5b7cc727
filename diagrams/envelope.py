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

from .call import Call, CallMessage

if TYPE_CHECKING:
    from .lanes import Place

BIN_MS = 10
"""Of so much audio the loudest sample is kept."""
_STEP = 2
"""Pixels from one point to the next."""


class SoundError(SpeechLifecycleError, ValueError):
    """A sound file cannot be shown. The message names it and says why."""


Loudness = list[tuple[float, float]]
"""Places in a picture, and how loud it was there, 0 to 1."""


class Envelope:
    """How loud the agent and the user were over time, and where in that each message begins."""

    def __init__(self, peaks: bytes, begins_at_ms: Mapping[str, int], user: bytes = b"") -> None:
        """Take the loudest sample of each `BIN_MS`, 0 to 255, and where each message begins, in milliseconds."""
        self._peaks, self._user = peaks, user
        self._loudest = max([*peaks, *user], default=0) or 255
        self._begins_at_ms = begins_at_ms

    def of(self, message: CallMessage, from_x: float, to_x: float, place: Place) -> Loudness | None:
        """Return the loudness of a message from one place to another; None if it is not known."""
        begin_ms = self._begins_at_ms.get(message.message_id)
        if begin_ms is None or to_x <= from_x:
            return None
        return self._along(self._peaks, from_x, to_x, place, message.heard[0].from_ms - begin_ms)

    def begin_ms(self, call: Call) -> int | None:
        """Return when in a call the sound begins; None if no user is in it, or no message of the call."""
        for message in call.messages if self._user else ():
            begin_ms = self._begins_at_ms.get(message.message_id)
            if begin_ms is not None and message.heard:
                return message.heard[0].from_ms - begin_ms
        return None

    def of_user(self, place: Place, begin_ms: int) -> Loudness:
        """Return the loudness of the user in all of a window, of a sound that begins at `begin_ms` of the call."""
        window = place.window
        return self._along(self._user, place.x(window.from_ms), place.x(window.to_ms), place, begin_ms)

    def _along(self, peaks: bytes, from_x: float, to_x: float, place: Place, begin_ms: int) -> Loudness:
        window, left = place.window, place.x(place.window.from_ms)
        ms_per_pixel = (window.to_ms - window.from_ms) / (place.x(window.to_ms) - left)
        points: Loudness = []
        for step in range(int((to_x - from_x) / _STEP) + 1):
            x = from_x + _STEP * step
            first = int((window.from_ms + (x - left) * ms_per_pixel - begin_ms) // BIN_MS)
            after = first + max(1, int(_STEP * ms_per_pixel / BIN_MS))
            points.append((x, max(peaks[max(0, first) : max(0, after)], default=0) / self._loudest))
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
    except (ValueError, KeyError, TypeError, OverflowError) as error:
        raise SoundError(f"{path.with_suffix('.json')}: not the description of a sound file: {error}") from None
    try:
        with wave.open(str(path), "rb") as sound:
            if sound.getsampwidth() != 2:
                raise SoundError(f"{path}: its samples have {sound.getsampwidth()} bytes, expected 2")
            channels, frames = sound.getnchannels(), max(1, sound.getframerate() * BIN_MS // 1000)
            tracks = [bytearray() for _ in range(min(2, channels))]
            while data := sound.readframes(100 * frames):
                samples = array.array("h", data)
                if sys.byteorder == "big":
                    samples.byteswap()
                for channel, peaks in enumerate(tracks):
                    heard = samples[channel::channels]
                    pieces = (heard[start : start + frames] for start in range(0, len(heard), frames))
                    peaks += bytes(min(255, max(max(piece), -min(piece)) * 255 // 32767) for piece in pieces)
    except (wave.Error, EOFError) as error:
        raise SoundError(f"{path}: not a WAV file: {error}") from None
    return Envelope(bytes(tracks[0]), begins, *map(bytes, tracks[1:]))
