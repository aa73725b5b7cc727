"""16-bit mono PCM of one rate, made into that of another, as it comes."""

from __future__ import annotations

from typing import Any

try:
    import numpy as np
    import soxr
except ImportError as error:
    raise ImportError("another sample rate needs soxr and numpy: pip install 'speech-lifecycle[resampling]'") from error


class Resampler:
    """Resamples the audio of one message by soxr.

    The samples that come out are aligned in time with those that went in: sample n of the output is the sound at
    n / to_rate seconds. Some of it stays inside until more comes or `end` is called, so positions must be counted by
    what came out.
    """

    def __init__(self, from_rate: int, to_rate: int) -> None:
        self._rates = (from_rate, to_rate)
        self._stream: Any = None

    def take(self, pcm: bytes) -> bytes:
        """Return what can be made now of this piece and those before it."""
        if self._stream is None:
            self._stream = soxr.ResampleStream(*self._rates, 1, dtype="int16")
        return self._process(pcm, last=False)

    def end(self) -> bytes:
        """Return the rest. What is taken after that begins anew."""
        rest = b"" if self._stream is None else self._process(b"", last=True)
        self._stream = None
        return rest

    def _process(self, pcm: bytes, *, last: bool) -> bytes:
        samples = self._stream.resample_chunk(np.frombuffer(pcm, dtype="<i2").astype(np.int16), last=last)
        resampled: bytes = samples.astype("<i2").tobytes()
        return resampled
