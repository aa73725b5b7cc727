"""A private PulseAudio with one sink that nobody hears, and a recorder at its monitor: what PortAudio plays into."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PACKAGES = "libportaudio2 libasound2-plugins pulseaudio pulseaudio-utils"
_ALSA = "pcm.!default { type pulse }\nctl.!default { type pulse }\n"
_RATE = 24_000


def missing() -> str:
    """Say why there can be no sound here; "" if there can."""
    absent = [name for name in ("pulseaudio", "parec", "pactl") if shutil.which(name) is None]
    try:
        import sounddevice  # noqa: F401
    except (ImportError, OSError) as error:
        absent.append(str(error))
    return f"needs {', '.join(absent)}: apt-get install {PACKAGES}" if absent else ""


class SoundRoom:
    """`heard_ms` is what the sink got that was no silence, since `listen` was called."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._server: subprocess.Popen[bytes] | None = None
        self._recorder: subprocess.Popen[bytes] | None = None
        self._recording = folder / "monitor.raw"
        self._from = 0

    def open(self) -> None:
        """Start the sound server and the recorder."""
        socket = f"unix:{self._folder}/native"
        os.environ.update(XDG_RUNTIME_DIR=str(self._folder), PULSE_SERVER=socket)
        # Without norewinds the null sink stalls for a second at the start of a stream.
        modules = (
            f"module-null-sink norewinds=1 sink_name=null rate={_RATE} channels=1",
            f"module-null-sink norewinds=1 sink_name=microphone rate={_RATE} channels=1",
            f"module-native-protocol-unix auth-anonymous=1 socket={self._folder}/native",
        )
        options = ["-n", "--daemonize=no", "--use-pid-file=no", "--exit-idle-time=-1", "--disable-shm=yes"]
        loaded = [word for module in modules for word in ("-L", module)]
        with (self._folder / "log").open("wb") as log:
            self._server = subprocess.Popen(
                ["pulseaudio", *options, "--log-level=error", *loaded], stdout=log, stderr=log
            )
        for _ in range(100):
            if subprocess.run(["pactl", "info"], capture_output=True, check=False).returncode == 0:
                break
            time.sleep(0.05)
        else:
            raise RuntimeError((self._folder / "log").read_text())
        for default in (("set-default-sink", "null"), ("set-default-source", "microphone.monitor")):
            subprocess.run(["pactl", *default], capture_output=True, check=True)
        recorder = [
            "parec",
            "--latency-msec=5",
            "-d",
            "null.monitor",
            "--format=s16le",
            f"--rate={_RATE}",
            "--channels=1",
        ]
        with self._recording.open("wb") as file:
            self._recorder = subprocess.Popen(recorder, stdout=file)
        while not self._recording.stat().st_size:
            time.sleep(0.02)

    def close(self) -> None:
        """End both. What plays loses its device."""
        for process in (self._recorder, self._server):
            if process is not None:
                process.kill()
                process.wait()
        self._recorder = self._server = None

    def freeze(self) -> None:
        """Have the sound server neither play nor answer. Only `close` helps."""
        if self._server is not None:
            self._server.send_signal(signal.SIGSTOP)

    @property
    def is_open(self) -> bool:
        """Whether there is a sound server that answers."""
        return self._server is not None

    def say(self, pcm: bytes) -> None:
        """Speak into the microphone of this room, and return when that is over."""
        speaker = [
            "pacat",
            "--playback",
            "--raw",
            "-d",
            "microphone",
            "--format=s16le",
            f"--rate={_RATE}",
            "--channels=1",
        ]
        subprocess.run(speaker, input=pcm, check=True)

    def listen(self) -> None:
        """Forget what was heard before."""
        self._from = self._recording.stat().st_size // 2 * 2

    def heard(self) -> bytes:
        """Return what was recorded."""
        recorded = self._recording.read_bytes()[self._from :]
        return recorded[: len(recorded) // 2 * 2]

    def heard_ms(self) -> float:
        """Return how much of what was recorded was no silence."""
        import numpy as np

        return float(np.count_nonzero(np.frombuffer(self.heard(), "<i2"))) * 1000 / _RATE


@contextmanager
def sound_room() -> Iterator[SoundRoom]:
    """Open a room, and have this process's PortAudio play into it."""
    import sounddevice as sd

    before = dict(os.environ)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "alsa.conf").write_text(_ALSA)
        os.environ["ALSA_CONFIG_PATH"] = str(folder / "alsa.conf")
        room = SoundRoom(folder)
        try:
            room.open()
            sd._terminate()
            sd._initialize()
            yield room
        finally:
            room.close()
            os.environ.clear()
            os.environ.update(before)
            sd._terminate()
            sd._initialize()
