"""A telephone call, by a carrier's WebSocket media stream."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections import deque
from collections.abc import AsyncIterable, Awaitable, Callable
from contextlib import suppress

from speech_lifecycle.fsm.events import (
    OutputFact,
    OutputFailed,
    OutputPlaybackFinished,
    OutputPlaybackProgressed,
    OutputPlaybackStarted,
)

from ...sessions.audio_format import AudioFormat
from ...whole_samples import SAMPLE_BYTES
from ..queued_output import QueuedOutput
from .dialects import TWILIO, CarrierFact, CarrierFrameError, Dialect, MediaFormat

try:
    from ...sessions.g711 import encode_mu_law
    from ..resampler import Resampler
except ImportError as error:
    raise ImportError("the telephone needs numpy and soxr: pip install 'speech-lifecycle[telephone]'") from error

logger = logging.getLogger(__name__)

Send = Callable[[str | bytes], Awaitable[object]]

_AHEAD_MS = 2_000
"""How much more than was played the carrier is given: it bears a stall of ours, and fits every carrier's buffer."""
_MARGIN_MS = 20
"""So long before the carrier has nothing to play any more it gets what there is, if that is part of a frame."""
_PARTING_S = 1.0
"""How long the last frames may take."""
_SILENCE = {"mulaw": b"\xff", "l16": b"\0"}


class CallPlayback:
    """A message on its way to the carrier. What is sent is counted in whole frames."""

    def __init__(self, message_id: str, sample_rate: int) -> None:
        self.message_id = message_id
        self.written = 0
        self.flushed = False
        self.started = False
        self.pcm = bytearray()
        """What waits to be sent, at the output's rate."""
        self.encoded = bytearray()
        """What waits to be sent, as the carrier takes it."""
        self.sent_ms = 0
        """In frames, with the silence that fills the last of them up."""
        self.sent_samples = 0
        """Without it, on the line."""
        self.first_sent_ms = 0.0
        self.short_since_ms: float | None = None
        """Since when less than a frame waits."""
        self.marked_ms = 0
        """Up to where the last mark asks, in frames."""
        self.played_ms = 0
        """Up to where a mark came back, in frames."""
        self.heard_ms = 0
        """The same, without silence."""
        self._sample_rate = sample_rate
        self.resampler: Resampler | None = None

    def append(self, pcm: bytes) -> None:
        """Take more audio."""
        self.written += len(pcm) // SAMPLE_BYTES
        self.pcm += pcm

    @property
    def written_ms(self) -> int:
        """How much audio was written, in whole milliseconds."""
        return self.written * 1000 // self._sample_rate

    @property
    def position_ms(self) -> int:
        """How much of it was surely played."""
        return min(self.heard_ms, self.written_ms)


class TelephoneOutput(QueuedOutput[CallPlayback]):
    """Plays into a telephone call. Its position is what the carrier acknowledged, which is a lower bound.

    After each frame the carrier is asked to say when it was played. What comes back after a clear is no evidence:
    carriers return all marks then, played or not. So at an interruption the position lies behind by up to a frame and
    the way there and back; `mark_every_ms` and the dialect's frames say how much a frame is.

    The embedder gives it each frame that the carrier sends, by `run` or by `take`, and gets the caller's audio from it.
    """

    def __init__(
        self, send: Send, dialect: Dialect = TWILIO, *, sample_rate: int = 24_000, mark_every_ms: int = 40
    ) -> None:
        """Wait for the carrier's start event.

        Args:
            send: sends a frame, text or bytes, such as the `send` of a connection of websockets.
            dialect: of the carrier.
            sample_rate: of the audio that is written, and of the caller's audio.
            mark_every_ms: how often the carrier is asked, at the most once a frame.
        """
        super().__init__(sample_rate, can_pause=False)
        self._send = send
        self._dialect = dialect
        self._mark_every_ms = mark_every_ms
        self._stream_id: str | None = None
        self._format = dialect.usual
        self._gone = ""
        self._marks: deque[tuple[str, CallPlayback, int, int]] = deque()
        self._names = itertools.count(1)
        self._frames: deque[str | bytes] = deque()
        self._has_frames = asyncio.Event()
        self._sending: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._from_caller: Resampler | None = None
        self.faults = 0
        """Frames of the carrier that could not be read, and marks that nobody asked for."""

    @property
    def has_begun(self) -> bool:
        """Whether the carrier has started its stream."""
        return self._stream_id is not None

    # From the carrier

    async def run(
        self, frames: AsyncIterable[str | bytes], on_caller_audio: Callable[[bytes], Awaitable[object]] | None = None
    ) -> None:
        """Take the carrier's frames until there are no more; then the call is over."""
        try:
            async for frame in frames:
                pcm = self.take(frame)
                if pcm and on_caller_audio is not None:
                    await on_caller_audio(pcm)
        finally:
            self._end_call("the caller has hung up, or the carrier's connection is gone")

    def take(self, frame: str | bytes) -> bytes:
        """Take one frame of the carrier, whatever it is, and return the caller's audio in it, if any."""
        try:
            fact = self._dialect.read(frame)
        except CarrierFrameError as error:
            self._note_fault(str(error))
            return b""
        if fact.kind == "start":
            self._begin_call(fact)
        elif fact.kind == "stop":
            self._end_call(f"{self._dialect.name} has ended the stream")
        elif self._stream_id is None or (fact.stream_id and fact.stream_id != self._stream_id):
            self._note_fault(f"{self._dialect.name} sent something of a stream that is not this one")
        elif fact.kind == "mark":
            self._note_mark(fact.name)
        elif fact.kind == "audio":
            return self._decoded(fact.payload)
        return b""

    def _begin_call(self, fact: CarrierFact) -> None:
        if self._stream_id is not None:
            self._note_fault(f"{self._dialect.name} started a second stream")
            return
        self._stream_id = fact.stream_id
        self._format = fact.media_format or self._dialect.usual
        self._catch_up()

    def _note_mark(self, name: str) -> None:
        if not any(name == known for known, *_ in self._marks):
            self._note_fault(f"{self._dialect.name} returned a mark that does not count: {name[:64]!r}")
            return
        while self._marks:
            known, playback, played_ms, heard_ms = self._marks.popleft()
            playback.played_ms, playback.heard_ms = played_ms, heard_ms
            if known == name:
                break
        self._tell_position(playback)
        self._catch_up()

    def _note_fault(self, what: str) -> None:
        self.faults += 1
        logger.debug("%s", what)

    def _end_call(self, detail: str) -> None:
        self._gone = self._gone or detail
        self._catch_up()

    def _decoded(self, payload: bytes) -> bytes:
        if self._format.encoding == "mulaw":
            payload = AudioFormat("ulaw", self._format.rate).decode(payload)
        payload = payload[: len(payload) - len(payload) % SAMPLE_BYTES]
        if self._format.rate == self._sample_rate:
            return payload
        if self._from_caller is None:
            self._from_caller = Resampler(self._format.rate, self._sample_rate)
        return self._from_caller.take(payload)

    # From the driver

    def pause(self) -> None:
        """Do nothing: no carrier can hold what it has."""

    def resume(self) -> None:
        """Do nothing."""

    async def aclose(self) -> None:
        """Have the carrier drop what it has, and send nothing more. The connection is the embedder's."""
        if self._closed:
            return
        playback = self._let_go()
        if playback is not None and playback.sent_ms:
            self._drop()
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        if self._sending is not None:
            self._sending.cancel()
            await asyncio.gather(self._sending, return_exceptions=True)
        with suppress(Exception):  # the carrier may have gone, or take nothing any more
            await asyncio.wait_for(self._send_rest(), _PARTING_S)

    async def _send_rest(self) -> None:
        while self._frames and not self._gone:
            await self._send(self._frames.popleft())

    def _begin(self, message_id: str) -> CallPlayback:
        return CallPlayback(message_id, self._sample_rate)

    def _cut(self, playback: CallPlayback) -> None:
        if playback is self._playback:
            self._let_go()
        self._note_done(playback.message_id)
        if playback.sent_ms:
            self._drop()
        self._tell(OutputPlaybackFinished(playback.message_id, playback.position_ms, interrupted=True))

    def _drop(self) -> None:
        """Have the carrier forget what it has not played, and believe nothing that it says of it."""
        self._marks.clear()
        self._frames.clear()
        self._queue(self._dialect.clear_frame(self._stream_id or ""))

    def _catch_up(self) -> None:
        """Send what the carrier may have by now, and see whether the message is over."""
        playback = self._playback
        if playback is None or self._closed:
            return
        if self._gone:
            self._let_go()
            self._tell(OutputFailed(playback.message_id, self._gone))
            return
        if self._stream_id is not None:
            self._encode(playback, self._format)
            self._send_frames(playback, self._format)
        if playback.flushed and not playback.pcm and not playback.encoded and playback.played_ms >= playback.sent_ms:
            self._let_go()
            self._tell(OutputPlaybackFinished(playback.message_id, playback.written_ms, interrupted=False))

    def _encode(self, playback: CallPlayback, media_format: MediaFormat) -> None:
        pcm = bytes(playback.pcm)
        playback.pcm.clear()
        if media_format.rate != self._sample_rate:
            if playback.resampler is None:
                playback.resampler = Resampler(self._sample_rate, media_format.rate)
            pcm = playback.resampler.take(pcm) if pcm else b""
            if playback.flushed:
                pcm += playback.resampler.end()
        playback.encoded += encode_mu_law(pcm) if media_format.encoding == "mulaw" else pcm

    def _send_frames(self, playback: CallPlayback, media_format: MediaFormat) -> None:
        frame_ms = self._dialect.frame_ms
        size = frame_ms * media_format.rate * media_format.bytes_per_sample // 1000
        now_ms = asyncio.get_running_loop().time() * 1000
        while playback.encoded:
            # A carrier that acknowledges nothing is believed to play in the time that playing takes.
            elapsed_ms = now_ms - playback.first_sent_ms if playback.sent_ms else 0.0
            ahead_ms = playback.sent_ms - max(playback.played_ms, elapsed_ms)
            if len(playback.encoded) < size and not playback.flushed:
                # Part of a frame waits for the rest of it as long as the carrier has something to play; then no longer
                # than a frame takes: what fills it up is silence, in the middle of the speech.
                playback.short_since_ms = playback.short_since_ms or now_ms
                left_ms = max(playback.short_since_ms + frame_ms - now_ms, ahead_ms - _MARGIN_MS)
                if left_ms > 0:
                    self._wake_up_in(left_ms)
                    return
            if not playback.sent_ms:
                playback.first_sent_ms = now_ms
            if ahead_ms >= _AHEAD_MS:
                self._wake_up_in(ahead_ms - _AHEAD_MS + frame_ms)
                return
            playback.short_since_ms = None
            frame = bytes(playback.encoded[:size])
            del playback.encoded[:size]
            playback.sent_samples += len(frame) // media_format.bytes_per_sample
            frame += _SILENCE[media_format.encoding] * (size - len(frame))
            self._queue(self._dialect.media_frame(self._stream_id or "", frame, media_format))
            playback.sent_ms += frame_ms
            is_first, is_last = playback.sent_ms == frame_ms, len(playback.encoded) < size
            if is_first or is_last or playback.sent_ms - playback.marked_ms >= self._mark_every_ms:
                self._ask(playback)

    def _ask(self, playback: CallPlayback) -> None:
        name = f"{playback.sent_ms}-{next(self._names)}"
        playback.marked_ms = playback.sent_ms
        heard_ms = playback.sent_samples * 1000 // self._format.rate
        self._marks.append((name, playback, playback.sent_ms, heard_ms))
        self._queue(self._dialect.mark_frame(self._stream_id or "", name))

    def _wake_up_in(self, ms: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(ms / 1000, self._catch_up)

    # Sending and telling

    def _queue(self, frame: str | bytes) -> None:
        self._frames.append(frame)
        self._has_frames.set()
        if self._sending is None:
            self._sending = asyncio.get_running_loop().create_task(self._send_all())

    async def _send_all(self) -> None:
        while True:
            await self._has_frames.wait()
            while self._frames:
                try:
                    await self._send(self._frames.popleft())
                except Exception as error:
                    self._end_call(f"the carrier's connection is gone: {error}")
                    return
            self._has_frames.clear()

    def _tell_position(self, playback: CallPlayback) -> None:
        if playback is not self._playback:
            return
        if not playback.started:
            playback.started = True
            # The answer was a while on its way: it may have been heard as soon as it was sent.
            self._tell(OutputPlaybackStarted(playback.message_id, observed_ms=int(playback.first_sent_ms)))
        self._tell(OutputPlaybackProgressed(playback.message_id, playback.position_ms))

    def _tell(self, fact: OutputFact) -> None:
        if self._report is not None and not self._closed:
            self._report(fact)
