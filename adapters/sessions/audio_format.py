"""How audio stands on the wire, and what becomes of it: 16-bit PCM, in which everything else here counts.

A server names its format as an object, `{"type": "audio/pcmu"}` or `{"type": "audio/pcm", "rate": 16000}`, and in older
sessions by a word: `g711_ulaw`, `pcm16`, `pcm16_8000hz`. As a media type it is `audio/pcm;rate=16000`.
"""

from __future__ import annotations

import re
import reprlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from speech_lifecycle.fsm.errors import SpeechLifecycleError

Encoding = Literal["pcm", "ulaw", "alaw"]

_TYPES: dict[str, tuple[Encoding, int]] = {
    "audio/pcm": ("pcm", 24_000),
    "audio/pcmu": ("ulaw", 8_000),
    "audio/pcma": ("alaw", 8_000),
    "pcm16": ("pcm", 24_000),
    "pcm24": ("pcm", 24_000),
    "pcm": ("pcm", 24_000),
    "g711_ulaw": ("ulaw", 8_000),
    "g711_alaw": ("alaw", 8_000),
}
"""What formats are called, and the sample rate that they have if none is said."""

_NAMES: dict[Encoding, str] = {"pcm": "audio/pcm", "ulaw": "audio/pcmu", "alaw": "audio/pcma"}
_WITH_RATE = re.compile(r"(?P<type>pcm16)[_-](?P<rate>\d{1,9})hz|(?P<mime>audio/\w+); ?rate=(?P<of>\d{1,9})", re.ASCII)
_HIGHEST_RATE = 384_000
_UNSAID = (None, "", "not specified")
"""What a server says that does not say which format it will send (xAI)."""


class AudioFormatError(SpeechLifecycleError, ValueError):
    """An audio format that cannot be played. The message names it, and those that can."""


@dataclass(frozen=True, slots=True)
class AudioFormat:
    """An encoding of mono audio: 16-bit little-endian PCM, or a byte a sample in G.711 mu-law or A-law."""

    encoding: Encoding = "pcm"
    """`pcm`, or G.711 as `ulaw` or `alaw`."""
    sample_rate: int = 24_000
    """Samples per second."""

    def __post_init__(self) -> None:
        rate = self.sample_rate
        if self.encoding not in _NAMES:
            raise AudioFormatError(f"the encoding of an audio format is none of {', '.join(_NAMES)}: {self.encoding!r}")
        if isinstance(rate, bool) or not isinstance(rate, int) or not 0 < rate <= _HIGHEST_RATE:
            raise AudioFormatError(
                f"the rate of an audio format is no whole number of 1 to {_HIGHEST_RATE}: {reprlib.repr(rate)}"
            )

    @classmethod
    def of(cls, said: object) -> AudioFormat:
        """Return the format that is said: an `AudioFormat`, the protocol's object, or a name.

        Raises:
            AudioFormatError: it is another format, or none.
        """
        if isinstance(said, AudioFormat):
            return said
        kind, rate = _parts_of(said)
        if not isinstance(kind, str) or kind not in _TYPES:
            raise AudioFormatError(f"the audio format {_shown(said)} is none of {', '.join(_TYPES)}")
        encoding, usual_rate = _TYPES[kind]
        return cls(encoding, usual_rate if rate is None else rate)  # type: ignore[arg-type] # it is checked

    def decode(self, data: bytes) -> bytes:
        """Return audio of this format as 16-bit little-endian PCM. PCM that ends in half a sample stays as it is."""
        tables = _TABLES.get(self.encoding)
        if tables is None:
            return data
        pcm = bytearray(2 * len(data))
        pcm[0::2], pcm[1::2] = (data.translate(table) for table in tables)
        return bytes(pcm)

    @property
    def name(self) -> str:
        """The shortest name that `of` takes."""
        name = _NAMES[self.encoding]
        return name if AudioFormat.of(name) == self else f"{name};rate={self.sample_rate}"

    @property
    def on_the_wire(self) -> dict[str, Any]:
        """The protocol's object, as for `audio.output.format` in `session.update`."""
        kind = _NAMES[self.encoding]
        return {"type": kind, "rate": self.sample_rate} if self.encoding == "pcm" else {"type": kind}

    def __str__(self) -> str:
        return f"{_NAMES[self.encoding]} at {self.sample_rate} Hz"


def said_format(settings: Mapping[str, Any], of: Literal["output", "input"] = "output") -> AudioFormat | None:
    """Return the format of the output or the input that a session or response object says; None if it says none.

    Raises:
        AudioFormatError: it says one that is not known here.
    """
    audio = settings.get("audio")
    section = audio.get(of) if isinstance(audio, Mapping) else None
    current = section.get("format") if isinstance(section, Mapping) else None
    for said in (current, settings.get(f"{of}_audio_format")):
        kind, rate = _parts_of(said)
        if kind in _UNSAID and rate is None:
            continue
        if kind in _UNSAID:
            # Only PCM has rates to choose from.
            return AudioFormat.of({"type": "audio/pcm", "rate": rate})
        return AudioFormat.of(said)
    return None


def _parts_of(said: object) -> tuple[object, object]:
    if isinstance(said, Mapping):
        return said.get("type"), said.get("rate")
    if isinstance(said, str) and (match := _WITH_RATE.fullmatch(said)):
        return match["type"] or match["mime"], int(match["rate"] or match["of"])
    return said, None


def _shown(said: object) -> str:
    return reprlib.repr(dict(said) if isinstance(said, Mapping) else said)


def _mulaw(code: int) -> int:
    """Return the value of a mu-law code, of 14 bits in the standard, on the scale of 16 (ITU-T G.711, table 2)."""
    code = ~code & 0xFF
    segment, step = code >> 4 & 7, code & 15
    value = (((2 * step + 33) << segment) - 33) * 4
    return -value if code & 0x80 else value


def _alaw(code: int) -> int:
    """Return the value of an A-law code, of 13 bits in the standard, on the scale of 16 (ITU-T G.711, table 1)."""
    code ^= 0x55
    segment, step = code >> 4 & 7, code & 15
    value = (2 * step + 1 if segment == 0 else (2 * step + 33) << (segment - 1)) * 8
    return value if code & 0x80 else -value


def _low_and_high(values: list[int]) -> tuple[bytes, bytes]:
    return bytes(value & 0xFF for value in values), bytes(value >> 8 & 0xFF for value in values)


_TABLES: dict[Encoding, tuple[bytes, bytes]] = {
    "ulaw": _low_and_high([_mulaw(code) for code in range(256)]),
    "alaw": _low_and_high([_alaw(code) for code in range(256)]),
}
"""The low and the high byte of each code's sample: translating bytes needs no loop."""

PCM_24K = AudioFormat()
"""The protocol's default."""
