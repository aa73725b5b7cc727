"""The sound card and the terminal as the place of a conversation."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import sounddevice as sd

from speech_lifecycle.adapters.outputs.resampler import Resampler
from speech_lifecycle.adapters.outputs.sound_card import SoundCardOutput

from .level import Level

try:
    import termios
    import tty
except ImportError:  # Windows: a key is read when Enter is pressed
    termios = tty = None  # type: ignore[assignment]

_KEPT_PIECES = 100
"""Of the microphone's sound, 20 ms each: what nobody takes for two seconds is old."""
_KEPT_KEYS = 100
_PARTING_S = 0.8
"""How long the microphone may take to close: a sound server that hangs takes for ever."""
_END = ("q", "\x04")
_PRESS = (" ", "\n", "\r")


class CardPlace:
    """Used as `with place.open():` around the conversation. Made and used in the event loop's thread."""

    def __init__(self) -> None:
        """Open the sound card.

        Raises:
            SoundCardError: there is none, or it cannot be used.
        """
        self.agent_level = Level()
        self.user_level = Level()
        self.view: Mapping[str, Any] = {}
        self.no_microphone = ""
        """Why nobody hears the user; "" if somebody does."""
        self._output = SoundCardOutput(on_audio=self.agent_level.take)
        self._loop = asyncio.get_running_loop()
        self._sound: asyncio.Queue[bytes] = asyncio.Queue(_KEPT_PIECES)
        self._keys: asyncio.Queue[str] = asyncio.Queue(_KEPT_KEYS)

    @property
    def output(self) -> SoundCardOutput:
        """Where the agent is heard."""
        return self._output

    async def plays(self) -> None:
        """Return at once: a sound card can be heard."""

    async def microphone(self) -> AsyncIterator[bytes]:
        """Yield what the user says, as it comes."""
        while True:
            yield await self._sound.get()

    async def asked(self) -> AsyncIterator[dict[str, Any]]:
        """Yield what the keys mean; it ends with q or the end of the input."""
        while (key := await self._keys.get()) not in _END:
            if key in _PRESS:
                yield {"do": "interrupt" if self.is_busy else "go on"}

    def show(self, view: Mapping[str, Any]) -> None:
        """Keep what is to be shown."""
        self.view = view

    @property
    def is_busy(self) -> bool:
        """Whether there is something of the agent's to interrupt."""
        return bool(self.view.get("floor") == "agent" or self.view.get("agent") != "listening")

    @contextmanager
    def open(self) -> Iterator[None]:
        """Listen to the microphone and the keys."""
        with self._reading_keys():
            stream = self._open_microphone()
            try:
                yield
            finally:
                if stream is not None:
                    closing = threading.Thread(target=stream.close, kwargs={"ignore_errors": True}, daemon=True)
                    closing.start()
                    closing.join(_PARTING_S)

    # The microphone

    def _open_microphone(self) -> sd.RawInputStream | None:
        rate = self._output.sample_rate
        try:
            own_rate = int(sd.query_devices(None, "input")["default_samplerate"])
        except (ValueError, sd.PortAudioError) as error:
            self.no_microphone = str(error)
            return None
        for device_rate in dict.fromkeys((rate, own_rate)):
            try:
                return self._listen_at(device_rate)
            except (ValueError, sd.PortAudioError) as error:
                self.no_microphone = str(error)
        return None

    def _listen_at(self, device_rate: int) -> sd.RawInputStream:
        rate = self._output.sample_rate
        resampler = None if device_rate == rate else Resampler(device_rate, rate)

        def on_block(recorded: Any, frames: int, time: object, status: object) -> None:
            pcm = bytes(recorded)
            self.user_level.take(pcm)
            pcm = pcm if resampler is None else resampler.take(pcm)
            _soon(self._loop, self._sound, pcm)

        stream = sd.RawInputStream(
            samplerate=device_rate, blocksize=device_rate // 50, channels=1, dtype="int16", callback=on_block
        )
        stream.start()
        self.no_microphone = ""
        return stream

    # The keys

    @contextmanager
    def _reading_keys(self) -> Iterator[None]:
        """Have each key come as it is pressed, and not be shown, until the end of the block."""
        fd = sys.stdin.fileno()
        before = None
        if termios is not None and os.isatty(fd):
            before = termios.tcgetattr(fd)
            tty.setcbreak(fd)
        threading.Thread(target=self._read_keys, args=(fd,), name="keys", daemon=True).start()
        try:
            yield
        finally:
            if before is not None:
                termios.tcsetattr(fd, termios.TCSADRAIN, before)

    def _read_keys(self, fd: int) -> None:
        """Read until there is no more. It may wait in there when all is over: a daemon's thread may."""
        while key := os.read(fd, 1):
            _soon(self._loop, self._keys, key.decode(errors="replace"))
        _soon(self._loop, self._keys, _END[0])


def _soon(loop: asyncio.AbstractEventLoop, queue: asyncio.Queue[Any], value: object) -> None:
    """Put it into the queue in the loop's thread, in place of the oldest if it is full."""

    def put() -> None:
        if queue.full():
            queue.get_nowait()
        queue.put_nowait(value)

    try:
        loop.call_soon_threadsafe(put)
    except RuntimeError:  # the loop is closed: there is nobody to tell
        if not loop.is_closed():
            raise
