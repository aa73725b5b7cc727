"""Hears when somebody speaks, by WebRTC's detector: the ears of a simulated server."""

from __future__ import annotations

from collections import deque
from typing import Literal

from speech_lifecycle.adapters.outputs.resampler import Resampler

try:
    import webrtcvad
except ImportError as error:
    raise ImportError("to hear the user needs webrtcvad-wheels: pip install 'speech-lifecycle[talk]'") from error

Heard = Literal["started", "stopped"]

_RATE = 16_000
_FRAME_MS = 20
_FRAME_BYTES = _RATE * _FRAME_MS // 1000 * 2
_STRICTEST = 3
"""Of the detector's four modes, the one that takes least for speech."""
_STARTED_MS, _STARTED_OF_MS = 160, 240
"""So much voice within so much time is the start of speech: more than a click, a cough or a key."""
_STOPPED_MS = 600
"""The silence that ends a turn, and not a breath between two words."""


class VoiceActivity:
    """Takes 16-bit mono PCM as it comes, and says when speech starts and stops in it."""

    def __init__(self, sample_rate: int = 24_000) -> None:
        self._detector = webrtcvad.Vad(_STRICTEST)
        self._resampler = Resampler(sample_rate, _RATE)
        self._pcm = bytearray()
        self._recent: deque[bool] = deque(maxlen=_STARTED_OF_MS // _FRAME_MS)
        self._silent_ms = 0
        self.is_speech = False

    def take(self, pcm: bytes) -> list[Heard]:
        """Return what is heard in this piece, after those before it."""
        self._pcm += self._resampler.take(pcm)
        heard: list[Heard] = []
        while len(self._pcm) >= _FRAME_BYTES:
            frame = bytes(self._pcm[:_FRAME_BYTES])
            del self._pcm[:_FRAME_BYTES]
            if self._changes_with(self._detector.is_speech(frame, _RATE)):
                heard.append("started" if self.is_speech else "stopped")
        return heard

    def _changes_with(self, is_voice: bool) -> bool:
        self._recent.append(is_voice)
        self._silent_ms = 0 if is_voice else self._silent_ms + _FRAME_MS
        if self.is_speech:
            self.is_speech = self._silent_ms < _STOPPED_MS
            return not self.is_speech
        self.is_speech = sum(self._recent) * _FRAME_MS >= _STARTED_MS
        if self.is_speech:
            self._recent.clear()
        return self.is_speech
