"""A WebRTC connection to a page as output."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from speech_lifecycle.fsm.events import (
    OutputFact,
    OutputFailed,
    OutputPlaybackFinished,
    OutputPlaybackProgressed,
    OutputPlaybackStarted,
)

from ..queued_output import QueuedOutput
from .frames import Heard, PageFrameError, mute_frame, read_fact
from .line_playback import FRAME_SAMPLES, LinePlayback
from .track import SpeechTrack

try:
    from aiortc import RTCDataChannel, RTCPeerConnection
except ImportError as error:
    raise ImportError("WebRTC needs aiortc: pip install 'speech-lifecycle[webrtc]'") from error

logger = logging.getLogger(__name__)

CHANNEL = "speech"
"""The label of the data channel on which the page reports. The page opens it."""
_PROGRESS_MS = 100
_MUTE_PATIENCE_S = 0.8
"""How long a page may take to say where it fell silent: less than `Policy.stop_timeout_ms`."""
_SILENT_FRAMES = 3
"""Between what a page is not to play any more and what it is to play: so much time it has to see that."""
_ENDED = ("closed", "failed")


class WebRtcOutput(QueuedOutput[LinePlayback]):
    """Speaks into a track of a peer connection. Its position is what the page says has left its loudspeaker.

    The page knows by the RTP timestamp of what its jitter buffer gives out, and the delay of its playout from there.
    `clear` and `pause` have the page fall silent at once; what its audio system has by then is heard, and counts.
    What was on its way is sent again on `resume`.

    Signalling is the embedder's: make the output before the connection's answer. `WebRtcServer` does both.
    """

    def __init__(self, connection: RTCPeerConnection, *, sample_rate: int = 24_000, patience_ms: float = 3_000) -> None:
        """Add a track to a connection that has not been negotiated, and wait for the page's data channel.

        Args:
            connection: stays the caller's to close.
            sample_rate: of the audio that is written.
            patience_ms: how long audio waits for a page, and a page may report nothing while it has audio to play;
                then the message fails.
        """
        super().__init__(sample_rate, can_pause=True)
        self._connection = connection
        self._patience_ms = patience_ms
        self._channel: RTCDataChannel | None = None
        self._gone = ""
        self._is_paused = False
        self._numbers = 0
        self._muting: dict[int, tuple[LinePlayback, Callable[[], None], asyncio.TimerHandle]] = {}
        self._silent_until = 0
        """The sample of the line before which nothing is said: a page has to see the silence."""
        self._watching: asyncio.TimerHandle | None = None
        self._alive_ms = 0.0
        """When the page last did what it should, or nothing was expected of it."""
        self._opened = asyncio.Event()
        self._ended = asyncio.Event()
        self.faults = 0
        """What the page sent that could not be read, or cannot be true."""
        self._track = SpeechTrack(self._next_frame)
        self._track.is_sent_by(connection.addTrack(self._track))
        connection.on("datachannel", self._take_channel)
        connection.on("connectionstatechange", self._look_at_connection)

    async def opened(self) -> None:
        """Return when the page plays and reports, or is gone."""
        await self._opened.wait()

    async def gone(self) -> None:
        """Return when the page is gone."""
        await self._ended.wait()

    # From the page

    def _take_channel(self, channel: RTCDataChannel) -> None:
        if channel.label != CHANNEL:
            return
        self._channel = channel
        channel.on("message", self._take)
        channel.on("close", lambda: self._lose("the page was closed, or its connection is gone"))

    def _look_at_connection(self) -> None:
        if self._connection.connectionState in _ENDED:
            self._lose(f"the connection to the page is {self._connection.connectionState}")

    def _lose(self, why: str) -> None:
        """Nothing more comes from the page: what it has in hand ends where it was heard to play last."""
        if self._gone:
            return
        self._gone = why
        self._channel = None
        for number in list(self._muting):
            self._end_mute(number)
        if self._playback is not None:
            self._fail(self._playback, why)
        self._opened.set()
        self._ended.set()

    def _take(self, frame: Any) -> None:
        """Take what the page says, whatever it is."""
        try:
            fact = read_fact(frame)
            self._opened.set()
            if isinstance(fact, Heard):
                self._note(self._sample_of(fact.timestamp))
            elif fact.number > self._numbers:
                raise PageFrameError(f"a page has fallen silent, and was not told to: {fact}")
            elif fact.number in self._muting:  # else it was waited for long enough
                if fact.timestamp is not None:
                    self._muting[fact.number][0].hear(self._sample_of(fact.timestamp))
                self._end_mute(fact.number)
        except PageFrameError as error:
            self.faults += 1
            logger.debug("%s", error)
        self._catch_up()

    def _sample_of(self, timestamp: int) -> int:
        sample = self._track.sample_of(timestamp)
        if sample is None:
            raise PageFrameError(f"a page has heard up to {timestamp}, which was not sent")
        return sample

    def _note(self, sample: int) -> None:
        playback = self._playback
        if playback is None or self._muting or not playback.hear(sample):
            return
        playback.heard_at_ms = self._alive_ms = self._now_ms
        if not playback.started:
            playback.started = True
            # The report was a while on its way: it may have been heard as soon as it was sent.
            self._tell(OutputPlaybackStarted(playback.message_id, observed_ms=int(playback.first_sent_ms)))
        if playback.position_ms - playback.told_ms >= _PROGRESS_MS:
            playback.told_ms = playback.position_ms
            self._tell(OutputPlaybackProgressed(playback.message_id, playback.position_ms))

    # From the driver

    def flush(self, message_id: str) -> None:
        """Play the message out, then report the end."""
        if (playback := self._expect(message_id, "flushed")) is not None:
            playback.flush()
            self._catch_up()
        self._tell_what_was_dropped(message_id)

    def pause(self) -> None:
        """Have the page fall silent, and keep what it has not played for `resume`."""
        if self._is_paused:
            return
        self._is_paused = True
        if (playback := self._playback) is not None:
            self._mute(playback, playback.take_back)

    def resume(self) -> None:
        """Go on where `pause` held it."""
        self._is_paused = False
        self._alive_ms = self._now_ms
        self._catch_up()

    async def aclose(self) -> None:
        """Have the page fall silent, and say nothing more. The connection is the embedder's."""
        if self._closed:
            return
        playback = self._let_go()
        self._closed = True
        for timer in (self._watching, *(timer for _, _, timer in self._muting.values())):
            if timer is not None:
                timer.cancel()
        self._muting.clear()
        if playback is not None and playback.is_on_its_way:
            self._have_muted()
        self._track.stop()

    def _begin(self, message_id: str) -> LinePlayback:
        return LinePlayback(message_id, self._sample_rate)

    def _cut(self, playback: LinePlayback) -> None:
        if playback is self._playback:
            self._let_go()
        self._note_done(playback.message_id)
        self._mute(playback, lambda: self._tell_finish(playback, interrupted=True))

    def _mute(self, playback: LinePlayback, then: Callable[[], None]) -> None:
        """Have the page fall silent if it has anything to play, and go on when it has said where it did."""
        if not playback.is_on_its_way or not self._have_muted():
            then()
            return
        timer = asyncio.get_running_loop().call_later(_MUTE_PATIENCE_S, self._end_mute, self._numbers)
        self._muting[self._numbers] = (playback, then, timer)

    def _have_muted(self) -> bool:
        # One frame more, because an encoder holds some of the sound back.
        until = self._track.timestamp_of(self._track.sent + FRAME_SAMPLES)
        self._silent_until = self._track.sent + _SILENT_FRAMES * FRAME_SAMPLES
        if until is None:
            return False
        self._numbers += 1
        return self._send(mute_frame(self._numbers, until))

    def _end_mute(self, number: int) -> None:
        playback, then, timer = self._muting.pop(number)
        timer.cancel()
        self._alive_ms = self._now_ms
        playback.take_back()
        then()

    def _send(self, frame: str) -> bool:
        if self._channel is None or self._channel.readyState != "open":
            return False
        self._channel.send(frame)
        return True

    # Playing

    def _next_frame(self, at: int) -> bytes:
        """Give the line what is to be sent at this sample of it."""
        playback = self._playback
        if playback is None or self._channel is None or self._is_paused or self._muting or at < self._silent_until:
            return b""
        if not playback.sent:
            playback.first_sent_ms = self._now_ms
        return playback.take(at)

    def _catch_up(self) -> None:
        """See whether the message is over, or waits for a page that does nothing."""
        playback = self._playback
        if playback is None or self._closed:
            return
        if playback.is_over:
            self._let_go()
            self._tell_finish(playback, interrupted=False)
        elif self._gone and playback.written:
            self._fail(playback, self._gone)
        elif self._is_paused or not playback.waits:
            self._alive_ms = self._now_ms
        elif self._watching is None:
            left_ms = max(0.0, self._alive_ms + self._patience_ms - self._now_ms)
            self._watching = asyncio.get_running_loop().call_later(left_ms / 1000, self._look)

    def _look(self) -> None:
        self._watching = None
        playback = self._playback
        if playback is None or self._closed or self._is_paused or not playback.waits:
            return
        if self._now_ms < self._alive_ms + self._patience_ms:
            self._catch_up()
        elif self._channel is None:
            self._fail(playback, "no page has been connected")
        else:
            self._fail(playback, f"the page has reported nothing for {self._patience_ms:g} ms")

    def _fail(self, playback: LinePlayback, detail: str) -> None:
        """The message ends where it was last known to be; what came after that is not known."""
        self._let_go()
        if playback.is_on_its_way:
            self._have_muted()
        if playback.started:
            self._tell(OutputPlaybackProgressed(playback.message_id, playback.position_ms))
        observed_ms = int(playback.heard_at_ms) if playback.started else None
        self._tell(OutputFailed(playback.message_id, detail, observed_ms))

    # To the driver

    @property
    def _now_ms(self) -> float:
        return asyncio.get_running_loop().time() * 1000

    def _tell_finish(self, playback: LinePlayback, *, interrupted: bool) -> None:
        self._tell(OutputPlaybackFinished(playback.message_id, playback.position_ms, interrupted))

    def _tell(self, fact: OutputFact) -> None:
        if self._report is not None and not self._closed:
            self._report(fact)
