"""A sound file of what was heard, and beside it a JSON file that says where each message begins and was cut.

In stereo the agent is on the left, and the user on the right.
"""

from __future__ import annotations

import json
import os
import secrets
from contextlib import suppress
from pathlib import Path

from .heard import Heard

try:
    import numpy as np
    import soundfile as sf
except ImportError as error:
    raise ImportError("sound files need soundfile and numpy: pip install 'speech-lifecycle[files]'") from error

_FORMATS = {
    ".wav": ("WAV", "PCM_16"),
    ".flac": ("FLAC", "PCM_16"),
    ".ogg": ("OGG", "OPUS"),
    ".opus": ("OGG", "OPUS"),
}
_SILENCE_FRAMES = 65_536
"""Written at a time: a long silence takes no memory."""

_LATE_MS = 250
"""What the user says comes in pieces, this late at most: one that comes sooner follows the one before without a gap."""

WriteError = (OSError, sf.SoundFileError)
"""What writing raises when it fails, a full disk for one."""


class HeardFile:
    """Audio goes in with the time at which it was heard; pauses become silence of their length.

    Both files are written under other names and get their own by `close`: whoever looks sees them whole or not at all.
    Nothing is kept in memory, in stereo a quarter of a second.
    """

    def __init__(self, path: Path | str, sample_rate: int, *, stereo: bool = False) -> None:
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
            self._sound = sf.SoundFile(
                self._parts[self.path], "w", sample_rate, 2 if stereo else 1, subtype=subtype, format=file_format
            )
        except (*WriteError, ValueError) as error:
            self._sidecar.close()
            self._remove()
            if isinstance(error, OSError):
                raise
            raise ValueError(f"{self.path.name!r} cannot be written at {sample_rate} Hz: {error}") from error
        self._sample_rate = sample_rate
        self._agent = bytearray()
        self._user = bytearray() if stereo else None
        self._user_has_begun = False
        self._written = 0
        """Frames of the file. What is in the tracks comes behind them."""
        self._begin_clock_ms: float | None = None
        self._message_id: str | None = None
        self._message_frame = 0
        self._separator = "\n"
        self._is_closed = False
        head = {"sound": self.path.name, "sample_rate": sample_rate, "channels": ["agent", "user"][: 1 + stereo]}
        self._sidecar.write(json.dumps(head)[:-1] + ', "messages": [')

    def add(self, heard: Heard, pcm: bytes) -> None:
        """Write what was heard then."""
        self._silence_to(self._agent, self._frame_at(heard.start_clock_ms))
        if heard.message_id != self._message_id:
            self._message_id, self._message_frame = heard.message_id, self._end(self._agent)
        self._agent += pcm
        self._write()

    def add_user(self, end_clock_ms: float, pcm: bytes) -> None:
        """Write what the user said until then; all that was heard until then is here. In mono it is left out."""
        if self._user is None:
            return
        start = self._frame_at(end_clock_ms - len(pcm) // 2 * 1000 / self._sample_rate)
        # Not up to then: the agent's next audio may begin in the same millisecond.
        self._silence_to(self._agent, self._frame_at(end_clock_ms) - self._late_frames)
        if not self._user_has_begun or start - self._end(self._user) > self._late_frames:
            self._silence_to(self._user, start)
        self._user_has_begun = True
        self._user += pcm
        self._write()

    def end_message(self, message_id: str, heard_ms: int, written_ms: int, *, interrupted: bool) -> None:
        """Say what became of the message: the last whose audio was added, or one of which nothing was heard."""
        is_in_it = message_id == self._message_id
        entry = {
            "message_id": message_id,
            "begins_at_ms": self._ms(self._message_frame) if is_in_it else None,
            "ends_at_ms": self._ms(self._end(self._agent)) if is_in_it else None,
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
            if not self._end(self._agent) and self.path.suffix.lower() != ".wav":
                self._agent += bytes(2)  # without any frame these formats have no header, and cannot be read
            self._write(is_last=True)
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

    @property
    def _late_frames(self) -> int:
        return _LATE_MS * self._sample_rate // 1000

    def _frame_at(self, clock_ms: float) -> int:
        if self._begin_clock_ms is None:
            self._begin_clock_ms = clock_ms
        return round((clock_ms - self._begin_clock_ms) * self._sample_rate / 1000)

    def _end(self, track: bytearray) -> int:
        return self._written + len(track) // 2

    def _silence_to(self, track: bytearray, frame: int) -> None:
        while (missing := frame - self._end(track)) > 0:
            track += bytes(2 * min(missing, _SILENCE_FRAMES))
            self._write()

    def _write(self, *, is_last: bool = False) -> None:
        """Write what is complete: in stereo, what the user can no longer say anything to."""
        tracks = [self._agent] if self._user is None else [self._agent, self._user]
        ready = max(len(track) // 2 for track in tracks)
        if self._user is not None and not is_last:
            # The agent is here up to the latest moment that anybody spoke of, the user up to a while before.
            ready = min(len(self._agent) // 2, max(len(self._user) // 2, ready - self._late_frames))
        if not ready:
            return
        taken = [bytes(track[: 2 * ready]).ljust(2 * ready, b"\0") for track in tracks]
        for track in tracks:
            del track[: 2 * ready]
        pcm = taken[0]
        if len(taken) > 1:
            pcm = np.stack([np.frombuffer(each, "<i2") for each in taken], axis=1).tobytes()
        self._sound.buffer_write(pcm, dtype="int16")
        self._written += ready

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
