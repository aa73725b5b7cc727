"""A sound card, by sounddevice and PortAudio."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable

from speech_lifecycle.fsm.events import (
    OutputFact,
    OutputFailed,
    OutputPlaybackFinished,
    OutputPlaybackProgressed,
    OutputPlaybackStarted,
)

from .card_device import CardDevice, Job, SoundCardError, rate_taken_by
from .card_playback import CardPlayback
from .queued_output import QueuedOutput

__all__ = ["SoundCardError", "SoundCardOutput"]

_PROGRESS_MS = 100
_IDLE_S = 1.0
"""How long the device goes on with silence when nothing is in hand. Starting it takes time, running it too."""
_PATIENCE_S = 0.8
"""How long the device may take to start or to stop: less than `Policy.stop_timeout_ms`."""
_NO_ANSWER = "the sound card does not answer: its sound server hangs"


class SoundCardOutput(QueuedOutput[CardPlayback]):
    """Plays on a sound card, and knows to within a few milliseconds what has left it.

    Each block that the device takes comes with the time at which its first frame will be heard
    (`outputBufferDacTime`, the device's latency included); a frame whose time has come has been heard. `clear` and
    `pause` have the device drop what it has not played. All facts are reported from the event loop's thread.

    A device that goes away or no longer answers fails the message in hand; the next message tries to open it again.
    """

    def __init__(
        self,
        *,
        device: int | str | None = None,
        sample_rate: int = 24_000,
        device_rate: int | None = None,
        latency_ms: float = 100,
        block_ms: float = 20,
        on_audio: Callable[[bytes], object] | None = None,
    ) -> None:
        """Open the device.

        Args:
            device: its number or a part of its name (`python -m sounddevice` lists them); None: the system's default.
            sample_rate: of the audio that is written.
            device_rate: at which the device runs; by default `sample_rate`, or the device's own if it does not take
                that. Audio is resampled if the two differ.
            latency_ms: how much the device is asked to buffer. Less reacts sooner, more bears a busier machine.
            block_ms: how much the device takes at a time.
            on_audio: is given what the device takes of messages, in the device's thread, to show how loud it is:
                16-bit mono PCM at the device's rate. It must not block, and not raise.

        Raises:
            SoundCardError: the device is missing or busy, or does not take such audio.
        """
        super().__init__(sample_rate, can_pause=True)
        self._device_name = device
        self._device_rate = device_rate or rate_taken_by(device, sample_rate)
        self._latency_ms = latency_ms
        self._block_ms = block_ms
        self._on_audio = on_audio
        self._loop: asyncio.AbstractEventLoop | None = None
        self._outbox: deque[OutputFact] = deque()
        self._lock = threading.Lock()
        """Between the event loop's thread and the device's. Held for moments only."""
        self._is_running = False
        self._is_paused = False
        self._idle_frames = 0
        self._blocks = 0
        """How often the device has asked for audio."""
        self._watching: asyncio.TimerHandle | None = None
        self._device = self._new_device()
        self._device.open()

    @property
    def device_rate(self) -> int:
        """Frames per second at which the device runs."""
        return self._device_rate

    # From the driver

    def start(self, message_id: str) -> None:
        """Expect the audio of this message next."""
        self._loop = asyncio.get_running_loop()
        with self._lock:
            super().start(message_id)

    def write(self, message_id: str, pcm: bytes) -> None:
        """Take 16-bit mono PCM of the message."""
        with self._lock:
            super().write(message_id, pcm)
        self._run()

    def flush(self, message_id: str) -> None:
        """Play the message out, then report the end."""
        with self._lock:
            if (playback := self._expect(message_id, "flushed")) is not None:
                playback.flush()
                if playback.is_heard:
                    self._let_go()
                    self._tell_finish(playback, interrupted=False)
            self._tell_what_was_dropped(message_id)
        self._run()

    def clear(self, message_id: str) -> None:
        """Have the device drop what it has not played, and report how far the message got."""
        with self._lock:
            super().clear(message_id)

    def pause(self) -> None:
        """Have the device drop what it has not played, and keep that for `resume`."""
        with self._lock:
            self._is_paused = True
            if self._playback is not None:
                self._silence(self._playback, lambda: None)

    def resume(self) -> None:
        """Go on where `pause` held it."""
        with self._lock:
            self._is_paused = False
        self._run()

    async def aclose(self) -> None:
        """Fall silent and give the device back."""
        if self._closed:
            return
        with self._lock:
            self._closed = True
            self._is_running = False
            self._outbox.clear()
            self._let_go()
        if self._watching is not None:
            self._watching.cancel()
        self._loop = asyncio.get_running_loop()
        closed = self._loop.create_future()
        self._have_done(self._device.close, lambda: closed.set_result(None))
        self._device.dismiss()
        await closed

    # Playing

    def _begin(self, message_id: str) -> CardPlayback:
        return CardPlayback(message_id, self._sample_rate, self._device_rate)

    def _catch_up(self) -> None:
        """Nothing is due: the device asks for what it needs."""

    def _cut(self, playback: CardPlayback) -> None:
        if playback is self._playback:
            self._let_go()
        self._note_done(playback.message_id)
        self._silence(playback, lambda: self._tell_finish(playback, interrupted=True))

    def _silence(self, playback: CardPlayback, then: Job) -> None:
        """Have the device drop what it has not played, if it has any, and count what was heard until then."""
        if playback.taken == playback.heard:
            then()
            return
        device = self._device
        self._is_running = False

        def stop() -> None:
            stopped_s = device.now_s
            device.abort()
            with self._lock:
                playback.hear(stopped_s)
                playback.take_back()

        self._have_done(stop, then)

    def _run(self) -> None:
        """Have the device ask for audio, if there is some, and see that it does."""
        with self._lock:
            playback = self._playback
            if self._is_paused or playback is None or playback.is_heard:
                return
            must_start, self._is_running = not self._is_running, True
            self._idle_frames = 0
        if must_start:
            self._have_done(self._device.start, lambda: None)
        if self._loop is not None and (must_start or self._watching is None):
            self._watch_from(self._loop)

    def _watch_from(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._watching is not None:
            self._watching.cancel()
        self._watching = loop.call_later(_PATIENCE_S, self._watch, loop, self._blocks)

    def _watch(self, loop: asyncio.AbstractEventLoop, blocks_before: int) -> None:
        """See that the device has asked for audio: a sound server that hangs tells nobody."""
        self._watching = None
        if not self._is_running or self._playback is None:
            return
        if self._blocks == blocks_before:
            self._give_up(self._device, _NO_ANSWER)
        else:
            self._watch_from(loop)

    def _next_block(self, frames: int, now_s: float, leaves_at_s: float) -> bytes | None:
        """Give the device what is to be heard next. Called in its thread."""
        with self._lock:
            self._blocks += 1
            playback = self._playback
            if playback is None or self._is_paused:
                self._idle_frames += frames
                if self._idle_frames <= _IDLE_S * self._device_rate:
                    return b""
                self._is_running = False
                return None
            self._idle_frames = 0
            audio = playback.take(frames, leaves_at_s)
            playback.hear(now_s)
            self._tell_position(playback)
        if self._on_audio is not None:
            self._on_audio(audio)
        return audio

    # The device

    def _new_device(self) -> CardDevice:
        return CardDevice(
            device=self._device_name,
            sample_rate=self._device_rate,
            latency_ms=self._latency_ms,
            block_ms=self._block_ms,
            fill=self._next_block,
            on_lost=self._on_end,
        )

    def _have_done(self, job: Job, then: Job) -> None:
        """Have the device do something, and go on then; if it fails or takes too long, give it up."""
        loop, device = self._loop, self._device
        if loop is None:
            return

        is_over = False

        def go_on(error: str | None) -> None:
            nonlocal is_over
            if is_over:
                return
            is_over = True
            waiting.cancel()
            if error is not None:
                self._give_up(device, error)
            then()

        waiting = loop.call_later(_PATIENCE_S, go_on, _NO_ANSWER)
        device.do(job, lambda error: _soon(loop, lambda: go_on(None if error is None else str(error))))

    def _give_up(self, device: CardDevice, detail: str) -> None:
        with self._lock:
            if device is not self._device or self._closed:
                return
            device.dismiss()
            self._device = self._new_device()
            self._is_running = False
            if (playback := self._let_go()) is not None:
                self._tell(OutputFailed(playback.message_id, detail))

    def _on_end(self) -> None:
        """The device has stopped by itself. Called in its thread."""
        device = self._device
        if self._is_running and self._loop is not None:
            detail = "the sound card is gone: it was unplugged, or its sound server has ended"
            _soon(self._loop, lambda: self._give_up(device, detail))

    # To the driver

    def _tell_position(self, playback: CardPlayback) -> None:
        position_ms = playback.position_ms
        if playback.heard and not playback.started:
            playback.started = True
            # The device asks once a block: the first frame left before.
            self._tell(OutputPlaybackStarted(playback.message_id, observed_ms=int(self._now_ms - position_ms)))
        if playback.flushed and playback.is_heard:
            self._let_go()
            self._tell_finish(playback, interrupted=False)
        elif position_ms - playback.told_ms >= _PROGRESS_MS:
            playback.told_ms = position_ms
            self._tell(OutputPlaybackProgressed(playback.message_id, position_ms, observed_ms=int(self._now_ms)))

    @property
    def _now_ms(self) -> float:
        """The loop's time, in any thread: the loop may come to what is told now much later."""
        return 0.0 if self._loop is None else self._loop.time() * 1000

    def _tell_finish(self, playback: CardPlayback, *, interrupted: bool) -> None:
        self._tell(OutputPlaybackFinished(playback.message_id, playback.position_ms, interrupted))

    def _tell(self, fact: OutputFact) -> None:
        """Report from the loop's thread, in the order in which it became true."""
        if not self._closed and self._loop is not None:
            self._outbox.append(fact)
            _soon(self._loop, self._deliver)

    def _deliver(self) -> None:
        if self._outbox and self._report is not None:
            self._report(self._outbox.popleft())


def _soon(loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> None:
    """Call it in the loop's thread, unless the loop has been closed: then there is nobody to tell."""
    try:
        loop.call_soon_threadsafe(call)
    except RuntimeError:
        if not loop.is_closed():
            raise
