"""The track that an output speaks into: a frame every 20 ms, silence where there is nothing to say."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from fractions import Fraction

try:
    from aiortc import MediaStreamTrack, RTCRtpSender
    from aiortc.mediastreams import MediaStreamError
    from av import AudioFrame
except ImportError as error:
    raise ImportError("WebRTC needs aiortc: pip install 'speech-lifecycle[webrtc]'") from error

from ...whole_samples import SAMPLE_BYTES
from .line_playback import FRAME_SAMPLES, LINE_RATE

_LATEST_S = 0.2
"""What a loop that lags catches up with. Where it was away for longer, nothing comes in a heap."""
_TIME_BASE = Fraction(1, LINE_RATE)
_WRAP = 2**32
LOOKAHEAD = 312
"""By how much libopus delays what it encodes: 6.5 ms, in any mode but its lowest."""

NextFrame = Callable[[int], bytes]


class SpeechTrack(MediaStreamTrack):
    """Asks for each frame when it is due, by the sample of the line at which it begins."""

    kind = "audio"

    def __init__(self, next_frame: NextFrame) -> None:
        super().__init__()
        self._next_frame = next_frame
        self._began_s: float | None = None
        self._sender: RTCRtpSender | None = None
        self._origin: int | None = None
        self.sent = 0
        """Samples that were given to the sender."""

    def is_sent_by(self, sender: RTCRtpSender) -> None:
        """Take who sends it, for the RTP timestamps of what was sent."""
        self._sender = sender

    async def recv(self) -> AudioFrame:
        """Return the next frame when it is due."""
        if self.readyState != "live":
            raise MediaStreamError
        loop = asyncio.get_running_loop()
        now_s = loop.time()
        if self._began_s is None:
            self._began_s = now_s
        due_s = self._began_s + self.sent / LINE_RATE
        if due_s > now_s:
            await asyncio.sleep(due_s - now_s)
        elif now_s - due_s > _LATEST_S:
            self._began_s += now_s - due_s
        self._learn_origin()
        pcm = self._next_frame(self.sent)
        frame = AudioFrame(format="s16", layout="mono", samples=FRAME_SAMPLES)
        frame.planes[0].update(pcm + bytes(FRAME_SAMPLES * SAMPLE_BYTES - len(pcm)))
        frame.sample_rate, frame.time_base, frame.pts = LINE_RATE, _TIME_BASE, self.sent
        self.sent += FRAME_SAMPLES
        return frame

    def _learn_origin(self) -> None:
        """Learn the random timestamp at which the sender began (RFC 3550): aiortc tells only that of the latest packet.

        A sender takes a frame when it has sent the one before.
        """
        latest = getattr(self._sender, "_RTCRtpSender__rtp_timestamp", 0)
        if self._origin is None and self.sent and latest:
            self._origin = (latest - (self.sent - FRAME_SAMPLES)) % _WRAP

    def timestamp_of(self, sample: int) -> int | None:
        """Return the RTP timestamp of a sample; None as long as nothing was sent."""
        return None if self._origin is None else (self._origin + sample) % _WRAP

    def sample_of(self, timestamp: int) -> int | None:
        """Return up to which sample the line was heard, by the receiver's RTP timestamp; None of what was not sent."""
        if self._origin is None:
            return None
        behind = (self._origin + self.sent - timestamp) % _WRAP
        return None if behind > self.sent else self.sent - behind - LOOKAHEAD
