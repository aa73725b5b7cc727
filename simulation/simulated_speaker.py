"""A loudspeaker that plays against a clock: exact, without a sound card, in virtual or real time."""

from __future__ import annotations

from collections.abc import Iterable

from speech_lifecycle.adapters.clock import Clock
from speech_lifecycle.adapters.outputs.clocked_output import PacedOutput
from speech_lifecycle.adapters.outputs.heard import Heard
from speech_lifecycle.adapters.outputs.queued_output import OutputMisuseError
from speech_lifecycle.fsm.events import OutputFact, OutputFailed, OutputPlaybackStarted

from .listener import Listener
from .misbehaviour import Flaws, Misbehaviour
from .spoken import Spoken

try:
    import numpy as np
except ImportError as error:
    raise ImportError("the simulated speaker needs numpy: pip install 'speech-lifecycle[simulation]'") from error

__all__ = ["OutputMisuseError", "SimulatedSpeaker"]


class SimulatedSpeaker(PacedOutput[Spoken]):
    """Plays written PCM in the time of its clock, and reports it as its misbehaviour lets it.

    What left is on record with the `listener`, to the sample. The options are those of `PacedOutput`, and:

    - `synchronize_text`: the transcript is the words written so far, in proportion to heard and written
      audio. Otherwise it is None.
    - `misbehaviour`: what goes wrong; None: nothing.
    - `listener`: who hears it; None makes a new one.
    - `shows_text`: it has a screen, on which texts are read.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        sample_rate: int = 24_000,
        frame_ms: int = 20,
        latency_ms: float = 0,
        report_progress_every_ms: int | None = 100,
        synchronize_text: bool = False,
        misbehaviour: Misbehaviour | None = None,
        can_pause: bool = True,
        listener: Listener | None = None,
        shows_text: bool = False,
    ) -> None:
        super().__init__(
            clock,
            sample_rate=sample_rate,
            frame_ms=frame_ms,
            latency_ms=latency_ms,
            report_progress_every_ms=report_progress_every_ms,
            can_pause=can_pause,
        )
        self.listener = Listener() if listener is None else listener
        self.listener.listen_to(self._catch_up)
        self._synchronize_text = synchronize_text
        self._shows_text = shows_text
        self._misbehaviour = Misbehaviour() if misbehaviour is None else misbehaviour
        self._count = 0
        self._previous_message_id: str | None = None

    @property
    def shows_text(self) -> bool:
        """Whether the user reads what `write_text` is given."""
        return self._shows_text

    def clear_from_outside(self) -> None:
        """Another party clears or swaps the output: the message in hand, if any, ends interrupted (H13)."""
        self._catch_up()
        if self._playback is not None:
            self._finish(self._playback, interrupted=True)

    def pause(self) -> None:
        """Hold the playback at once and keep the audio, also of a message that has yet to start."""
        was_paused = self._paused
        super().pause()
        if self._paused and not was_paused and (playback := self._playback) is not None:
            lost_ms = self._flaws(playback).lost_on_pause_ms
            playback.take_to(min(playback.position_ms + lost_ms, playback.playable_ms))
            self._catch_up()

    def resume(self) -> None:
        """Go on playing where `pause` held it."""
        playback = self._playback if self._paused else None
        if playback is not None and playback.started and self._flaws(playback).starts_again_on_resume:
            self._tell(playback, OutputPlaybackStarted(playback.message_id))
        super().resume()

    def _flaws(self, playback: Spoken) -> Flaws:
        return self._misbehaviour.flaws(playback.circumstances())

    def _begin(self, message_id: str) -> Spoken:
        spoken = Spoken(message_id, self._sample_rate, index=self._count, previous_message_id=self._previous_message_id)
        self._count += 1
        self._previous_message_id = message_id
        return spoken

    def _take_text(self, playback: Spoken, text: str) -> None:
        playback.text += text

    def _cut(self, playback: Spoken) -> None:
        # A message that is not in hand was only asked for, and is reported as it is.
        playback.cleared = playback is self._playback
        super()._cut(playback)

    def _leave(self, heard: Heard, pcm: bytes) -> None:
        self.listener.record(heard, np.frombuffer(pcm, dtype="<i2").astype(np.int16))

    def _stop_ms(self, playback: Spoken) -> int:
        incident = self._flaws(playback).incident
        return playback.playable_ms if incident is None else min(playback.playable_ms, incident.at_ms)

    def _is_broken_off(self, playback: Spoken) -> bool:
        incident = self._flaws(playback).incident
        if incident is None or playback.position_ms < incident.at_ms:
            return False
        if incident.kind == "clear":
            self._finish(playback, interrupted=True)
        else:
            self._let_go()
            self._tell(playback, OutputFailed(playback.message_id, incident.detail))
        return True

    def _transcript(self, playback: Spoken) -> str | None:
        return playback.synchronized_text() if self._synchronize_text else None

    def _reports(self, playback: Spoken, fact: OutputFact) -> Iterable[tuple[OutputFact, float]]:
        return self._misbehaviour.reports(fact, playback.circumstances())
