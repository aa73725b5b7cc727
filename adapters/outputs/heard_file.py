"""A sound file of what was heard, and beside it a JSON file that says where each message begins and was cut."""

from __future__ import annotations

import json
import os
import secrets
from contextlib import suppress
from pathlib import Path

from .heard import Heard

try:
    import soundfile as sf
except ImportError as error:
    raise ImportError("sound files need soundfile: pip install 'speech-lifecycle[files]'") from error

_FORMATS = {
    ".wav": ("WAV", "PCM_16"),
    ".flac": ("FLAC", "PCM_16"),
    ".ogg": ("OGG", "OPUS"),
    ".opus": ("OGG", "OPUS"),
}
_SILENCE_FRAMES = 65_536
"""Written at a time: a long silence takes no memory."""

WriteError = (OSError, sf.SoundFileError)
"""What writing raises when it fails, a full disk for one."""


class HeardFile:
    """Audio goes in with the time at which it was heard; pauses become silence of their length.

    Both files are written under other names and get their own by `close`: whoever looks sees them whole or not at all.
    Nothing is kept in memory.
    """

    def __init__(self, path: Path | str, sample_rate: int) -> None:
        """Begin the files. `path` ends in .wav, .flac, .ogg or .opus; the other is the same with .json.

        Raises:
            ValueError: another ending, or a sample rate that the format does not have (Opus: 8, 12, 16, 24, 48 kHz).
            OSError: they cannot be written there.
        """
        self.path = Path(path)
        self.sidecar_path = self.path.with_suffix(".json")
        if self.path.suffix.lower() not in _FORMATS:
            raise ValueError(f"{self.path.name!r} must end in one of {', '.join(_FORMATS)}")
        file_format, subtype = _FORMATS[self.path.suffix.lower()]
        part = f".{secrets.token_hex(4)}.part"
        self._parts = {path: path.with_name(f".{path.name}{part}") for path in (self.path, self.sidecar_path)}
        self._sidecar = self._parts[self.sidecar_path].open("w", encoding="utf-8")
        try:
            self._sound = sf.SoundFile(self._parts[self.path], "w", sample_rate, 1, subtype=subtype, format=file_format)
        except (*WriteError, ValueError) as error:
            self._sidecar.close()
            self._remove()
            if isinstance(error, OSError):
                raise
            raise ValueError(f"{self.path.name!r} cannot be written at {sample_rate} Hz: {error}") from error
        self._sample_rate = sample_rate
        self._frames = 0
        self._begin_clock_ms: float | None = None
        self._message_id: str | None = None
        self._message_frame = 0
        self._separator = "\n"
        self._is_closed = False
        self._sidecar.write(f'{{"sound": {json.dumps(self.path.name)}, "sample_rate": {sample_rate}, "messages": [')

    def add(self, heard: Heard, pcm: bytes) -> None:
        """Write what was heard then."""
        if self._begin_clock_ms is None:
            self._begin_clock_ms = heard.start_clock_ms
        frame = round((heard.start_clock_ms - self._begin_clock_ms) * self._sample_rate / 1000)
        while frame > self._frames:
            silence = min(frame - self._frames, _SILENCE_FRAMES)
            self._write(bytes(2 * silence))
        if heard.message_id != self._message_id:
            self._message_id, self._message_frame = heard.message_id, self._frames
        self._write(pcm)

    def end_message(self, message_id: str, heard_ms: int, written_ms: int, *, interrupted: bool) -> None:
        """Say what became of the message: the last whose audio was added, or one of which nothing was heard."""
        is_in_it = message_id == self._message_id
        entry = {
            "message_id": message_id,
            "begins_at_ms": self._ms(self._message_frame) if is_in_it else None,
            "ends_at_ms": self._ms(self._frames) if is_in_it else None,
            "heard_ms": heard_ms,
            "written_ms": written_ms,
            "interrupted": interrupted,
        }
        self._sidecar.write(f"{self._separator}  {json.dumps(entry)}")
        self._separator = ",\n"

    def close(self) -> None:
        """Give both files their names. A second call does nothing."""
        if self._is_closed:
            return
        self._is_closed = True
        try:
            if not self._frames and self.path.suffix.lower() != ".wav":
                self._write(bytes(2))  # without any frame these formats have no header, and cannot be read
            self._sidecar.write("\n]}\n")
            for close in (self._sidecar.close, self._sound.close):
                close()
            for path, part in self._parts.items():
                os.replace(part, path)
        except BaseException:
            self.discard()
            raise

    def discard(self) -> None:
        """Leave nothing behind."""
        self._is_closed = True
        for close in (self._sidecar.close, self._sound.close):
            with suppress(*WriteError):
                close()
        self._remove()

    def _write(self, pcm: bytes) -> None:
        self._sound.buffer_write(pcm, dtype="int16")
        self._frames += len(pcm) // 2

    def _ms(self, frames: int) -> int:
        return frames * 1000 // self._sample_rate

    def _remove(self) -> None:
        for part in self._parts.values():
            part.unlink(missing_ok=True)


def read_sound(path: Path | str) -> tuple[bytes, int]:
    """Return the audio of a mono sound file as 16-bit PCM, and its sample rate."""
    samples, rate = sf.read(path, dtype="int16")
    pcm: bytes = samples.astype("<i2").tobytes()
    return pcm, rate
