"""What was heard, as sound: the file beside a trace, and where in the call it begins."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import quote

import msgspec

_MOST_EMBEDDED = 24_000_000
"""Bytes. Eight minutes of 16-bit mono at 24 kHz; with more a page would open late, and the file is linked."""
_PIECE = 3 * (1 << 18)


class _Heard(msgspec.Struct):
    message_id: str
    begins_at_ms: float | None = None


class _Sidecar(msgspec.Struct):
    messages: list[_Heard] = []


@dataclass(frozen=True)
class Sound:
    """A sound file, and at which time of the call it begins."""

    path: Path
    at_ms: float

    @property
    def is_embedded(self) -> bool:
        """Whether it is small enough to be taken along."""
        return self.path.stat().st_size <= _MOST_EMBEDDED

    def as_json(self) -> dict[str, Any]:
        """Return what the page has to know of it, in JSON's own types."""
        said: dict[str, Any] = {"name": self.path.name, "at_ms": self.at_ms}
        return said if self.is_embedded else {**said, "href": quote(self.path.name)}

    def write(self, file: BinaryIO) -> None:
        """Write it in base64, piece by piece."""
        with self.path.open("rb") as sound:
            while piece := sound.read(_PIECE):
                file.write(base64.b64encode(piece))


def sound_beside(trace: Path, first_heard: tuple[str, float] | None) -> Sound | None:
    """Return the sound of a call: the WAV file of the trace's name, or `heard.wav`; None if there is none.

    `first_heard` is the message that was heard first, and when. The file says in the JSON beside it where in the sound
    that message begins; if it does not know the message, it is of another call.
    """
    if first_heard is None:
        return None
    message_id, from_ms = first_heard
    for path in (trace.with_suffix(".wav"), trace.with_name("heard.wav")):
        if path.is_file():
            begins = _beginnings(path.with_suffix(".json"))
            if begins is None:
                return Sound(path, from_ms)
            if message_id in begins:
                return Sound(path, from_ms - begins[message_id])
    return None


def _beginnings(sidecar: Path) -> dict[str, float] | None:
    try:
        found = msgspec.json.decode(sidecar.read_bytes(), type=_Sidecar)
    except (OSError, msgspec.MsgspecError, UnicodeError):
        return None
    return {each.message_id: each.begins_at_ms for each in found.messages if each.begins_at_ms is not None}
