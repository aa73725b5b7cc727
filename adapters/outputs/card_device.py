"""A PortAudio stream, and the thread that opens, starts and stops it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

from speech_lifecycle.fsm.errors import SpeechLifecycleError

try:
    import sounddevice as sd
except ImportError as error:
    raise ImportError("the sound card needs sounddevice: pip install 'speech-lifecycle[soundcard]'") from error
except OSError as error:
    raise ImportError(
        f"the sound card needs the system library PortAudio ({error}): apt-get install libportaudio2, "
        "dnf install portaudio, or brew install portaudio"
    ) from error

Fill = Callable[[int, float, float], "bytes | None"]
"""Gives the device its next frames: how many, the stream's time now, and when the first of them is heard.
Fewer than asked for: the rest is silence. None: the device may stop."""
Job = Callable[[], None]

_INVALID_SAMPLE_RATE = -9997
"""PortAudio's code for a rate that the device does not take."""


class SoundCardError(SpeechLifecycleError, RuntimeError):
    """A sound card that is missing, busy or gone. The message says which, and what there is."""


class CardDevice:
    """One output device. What it is asked to do it does in order, in a thread of its own: each may take for ever.

    A sound server that has died or hangs keeps whoever starts or stops a stream waiting without end. So the event loop
    never does; who has waited long enough gives the device up, and its thread with it.
    """

    def __init__(
        self,
        *,
        device: int | str | None,
        sample_rate: int,
        latency_ms: float,
        block_ms: float,
        fill: Fill,
        on_lost: Job,
    ) -> None:
        self.sample_rate = sample_rate
        self._device = device
        self._latency_ms = latency_ms
        self._block_ms = block_ms
        self._fill = fill
        self._on_lost = on_lost
        self._stream: Any = None
        self._is_stopping = False
        self._is_dismissed = False
        self._jobs: SimpleQueue[tuple[Job, Callable[[Exception | None], None]] | None] = SimpleQueue()
        self._thread: threading.Thread | None = None

    @property
    def now_s(self) -> float:
        """The stream's time, in which it says when frames are heard."""
        return float(self._stream.time) if self._stream is not None else 0.0

    def do(self, job: Job, done: Callable[[Exception | None], None]) -> None:
        """Have the thread do one of `start`, `abort` and `close`, and tell it of the end, and of what went wrong."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="sound card", daemon=True)
            self._thread.start()
        self._jobs.put((job, done))

    def dismiss(self) -> None:
        """Ask for no more audio, and let the thread end, and the stream with it, when it can."""
        self._is_dismissed = True
        self._jobs.put(None)

    def _work(self) -> None:
        while (asked := self._jobs.get()) is not None:
            job, done = asked
            try:
                job()
            except Exception as error:
                done(error)
            else:
                done(None)
        self.close()

    # Jobs

    def open(self) -> None:
        """Open the stream.

        Raises:
            SoundCardError: the device is missing or busy, or does not take such audio.
        """
        try:
            self._stream = sd.RawOutputStream(
                samplerate=self.sample_rate,
                blocksize=round(self._block_ms * self.sample_rate / 1000),
                device=self._device,
                channels=1,
                dtype="int16",
                latency=self._latency_ms / 1000,
                callback=self._on_block,
                finished_callback=self._on_end,
            )
        except (ValueError, sd.PortAudioError) as error:
            raise refusal(self._device, self.sample_rate, error) from error

    def start(self) -> None:
        """Have the device ask for audio, by a new stream: starting one whose sound server has died waits for ever."""
        self.close()
        self.open()
        try:
            self._stream.start()
        except sd.PortAudioError as error:
            raise refusal(self._device, self.sample_rate, error) from error

    def abort(self) -> None:
        """Drop what the device has not played."""
        self._stop(lambda stream: stream.abort(ignore_errors=True))

    def close(self) -> None:
        """Fall silent and give the device back."""
        self._stop(lambda stream: stream.close(ignore_errors=True))
        self._stream = None

    def _stop(self, stop: Callable[[Any], None]) -> None:
        self._is_stopping = True
        try:
            if self._stream is not None:
                stop(self._stream)
        finally:
            self._is_stopping = False

    # From PortAudio's thread

    def _on_block(self, out: Any, frames: int, time: Any, status: Any) -> None:
        stream = self._stream
        now_s = float(stream.time) if stream is not None else time.currentTime
        leaves_at_s = time.outputBufferDacTime
        if leaves_at_s <= 0:  # some hosts do not say it
            leaves_at_s = now_s + (stream.latency if stream is not None else 0)
        audio = None if self._is_dismissed else self._fill(frames, now_s, leaves_at_s)
        out[:] = (audio or b"") + bytes(len(out) - len(audio or b""))
        if audio is None:
            raise sd.CallbackStop

    def _on_end(self) -> None:
        if not self._is_stopping and not self._is_dismissed:
            self._on_lost()


def rate_taken_by(device: int | str | None, sample_rate: int) -> int:
    """Return the rate at which to run a device: the one that is asked for, or else the device's own.

    Raises:
        SoundCardError: there is no such device.
    """
    try:
        own_rate = int(sd.query_devices(device, "output")["default_samplerate"])
    except (ValueError, sd.PortAudioError) as error:
        raise refusal(device, sample_rate, error) from error
    try:
        sd.check_output_settings(device=device, channels=1, dtype="int16", samplerate=sample_rate)
    except (ValueError, sd.PortAudioError) as error:
        if _INVALID_SAMPLE_RATE not in error.args:
            raise refusal(device, sample_rate, error) from error
        return own_rate
    return sample_rate


def refusal(device: int | str | None, sample_rate: int, error: Exception) -> SoundCardError:
    """Return what a person is told of a device that cannot be used."""
    name = "the default sound output" if device is None else f"the sound output {device!r}"
    found = [repr(known["name"]) for known in sd.query_devices() if known["max_output_channels"] > 0]
    there_is = f"there are: {', '.join(found)}" if found else "this machine has none"
    return SoundCardError(
        f"{name} cannot be used at {sample_rate} Hz ({error}): it is missing, or another program holds it; {there_is}"
    )
