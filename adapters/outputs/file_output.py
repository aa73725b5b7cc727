"""An output that plays into a sound file, in the time of a clock."""

from __future__ import annotations

import weakref
from pathlib import Path

from speech_lifecycle.fsm.events import OutputFailed

from ..clock import Clock
from ..whole_samples import SAMPLE_BYTES
from .clocked_output import PacedOutput
from .heard import Heard
from .heard_file import HeardFile, WriteError
from .playback import Playback


class FileOutput(PacedOutput[Playback]):
    """Writes what a listener would have heard, cuts and pauses included, as a file that one can listen to.

    The files get their names by `aclose`, however the driver's block is left; if that is never reached, when the
    process ends. A file that cannot be written any more, because the disk is full, fails the message in hand.
    """

    def __init__(
        self,
        path: Path | str,
        clock: Clock | None = None,
        *,
        sample_rate: int = 24_000,
        stereo: bool = False,
        report_progress_every_ms: int | None = 100,
    ) -> None:
        """Begin the files.

        Args:
            path: ends in .wav, .flac, .ogg or .opus (Opus in Ogg); the cut points are beside it, in .json.
            clock: the time; the event loop's by default.
            sample_rate: of the audio that is written.
            stereo: the agent is on the left channel, and the user, by `hear_user`, on the right.
            report_progress_every_ms: progress is reported, and the file written, at the multiples of this position.

        Raises:
            ValueError: an ending or a sample rate that cannot be had.
            OSError: they cannot be written there.
        """
        super().__init__(clock, sample_rate=sample_rate, report_progress_every_ms=report_progress_every_ms)
        self._file = HeardFile(path, sample_rate, stereo=stereo)
        self._fault = ""
        self._close = weakref.finalize(self, self._file.close)

    def hear_user(self, pcm: bytes) -> None:
        """Take what the user has said until now, 16-bit mono PCM at the output's rate: what `send_audio` is given.

        In mono it is left out.

        Raises:
            ValueError: it ends in the middle of a sample.
        """
        if len(pcm) % SAMPLE_BYTES:
            raise ValueError(f"pcm must hold whole 16-bit samples, not {len(pcm)} bytes")
        self._catch_up()
        if self._closed or self._fault:
            return
        try:
            self._file.add_user(self._clock.now_ms(), pcm)
        except WriteError as error:
            self._fault = f"{self._file.path.name} cannot be written: {error}"

    async def aclose(self) -> None:
        """Stop playing, and give the files their names.

        Raises:
            OSError: they cannot be written.
        """
        self._catch_up()
        if (playback := self._playback) is not None:
            self._note(playback, interrupted=True)
        await super().aclose()
        self._close()

    def _begin(self, message_id: str) -> Playback:
        return Playback(message_id, self._sample_rate)

    def _leave(self, heard: Heard, pcm: bytes) -> None:
        try:
            self._file.add(heard, pcm)
        except WriteError as error:
            self._fault = f"{self._file.path.name} cannot be written: {error}"

    def _is_broken_off(self, playback: Playback) -> bool:
        if not self._fault:
            return False
        self._let_go()
        self._tell(playback, OutputFailed(playback.message_id, self._fault))
        return True

    def _finish(self, playback: Playback, *, interrupted: bool) -> None:
        self._note(playback, interrupted=interrupted)
        super()._finish(playback, interrupted=interrupted)

    def _note(self, playback: Playback, *, interrupted: bool) -> None:
        try:
            self._file.end_message(
                playback.message_id, playback.heard_to_ms, playback.written_ms, interrupted=interrupted
            )
        except WriteError as error:
            self._fault = f"{self._file.sidecar_path.name} cannot be written: {error}"
