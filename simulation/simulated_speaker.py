"""A loudspeaker that plays against a clock: exact, without a sound card, in virtual or real time."""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Callable

from speech_lifecycle.adapters.clock import Clock, ScheduledCall
from speech_lifecycle.adapters.ports import AudioOutput
from speech_lifecycle.fsm.errors import SpeechLifecycleError
from speech_lifecycle.fsm.events import (
    OutputFact,
    OutputFailed,
    OutputPlaybackFinished,
    OutputPlaybackProgressed,
    OutputPlaybackStarted,
)

from .listener import Heard, Listener
from .misbehaviour import Incident, Misbehaviour
from .playback import Playback

try:
    import numpy as np
except ImportError as error:
    raise ImportError("the simulated speaker needs numpy: pip install 'speech-lifecycle[simulation]'") from error

# Clock times are floats: a call that is due at 20 ms may find the clock at 19.9999999.
_TOLERANCE_MS = 1e-3


class OutputMisuseError(SpeechLifecycleError, RuntimeError):
    """The caller broke the contract of `AudioOutput`."""


class SimulatedSpeaker(AudioOutput):
    """Plays written PCM in the time of its clock, and reports it as its misbehaviour lets it.

    Audio leaves as long as there is some: an underrun waits and goes on when more is written. What left is
    on record with the `listener`, to the sample. Facts are reported from clock callbacks, never from inside
    a call, in the order in which they became true.

    - `frame_ms`: playback begins, and begins again after an underrun, when this much audio waits or the
      message is flushed.
    - `latency_ms`: how long after a write that finds nothing left to play its audio leaves.
    - `report_progress_every_ms`: progress is reported at the multiples of this position; None: never.
    - `synchronize_text`: the transcript is the words written so far, in proportion to heard and written
      audio. Otherwise it is None.
    - `misbehaviour`: what goes wrong; None: nothing.
    - `can_pause`: without it, `pause` and `resume` do nothing.
    - `listener`: who hears it; None makes a new one.

    An argument out of its range is a ValueError. `start`, `write`, `write_text` and `flush` raise
    OutputMisuseError if another message is still in hand or this one was not started; what they get after
    the end of their message is dropped, because its caller may not know of the end yet.
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
    ) -> None:
        for name, value, least in (
            ("sample_rate", sample_rate, 1000),
            ("frame_ms", frame_ms, 1),
            ("latency_ms", latency_ms, 0),
            ("report_progress_every_ms", report_progress_every_ms, 1),
        ):
            if value is not None and not least <= value < math.inf:
                raise ValueError(f"{name} must be a number of at least {least}, not {value!r}")
        self.listener = Listener() if listener is None else listener
        self.listener.listen_to(self._catch_up)
        self._clock = clock
        self._sample_rate = sample_rate
        self._frame_ms = frame_ms
        self._latency_ms = latency_ms
        self._progress_ms = report_progress_every_ms
        self._synchronize_text = synchronize_text
        self._misbehaviour = Misbehaviour() if misbehaviour is None else misbehaviour
        self._can_pause = can_pause
        self._report: Callable[[OutputFact], None] | None = None
        self._outbox: list[tuple[float, int, OutputFact]] = []
        self._order = itertools.count()
        self._playback: Playback | None = None
        self._begun: list[str] = []
        self._done: set[str] = set()
        self._closed = False
        self._paused = False
        self._ready_at_ms = -math.inf
        # While audio leaves: when position 0 would have left, had nothing held it up.
        self._origin_ms: float | None = None
        self._timer: ScheduledCall | None = None

    @property
    def sample_rate(self) -> int:
        """Samples per second of the audio it takes."""
        return self._sample_rate

    @property
    def can_pause(self) -> bool:
        """Whether `pause` holds the playback."""
        return self._can_pause

    def attach(self, report: Callable[[OutputFact], None]) -> None:
        """Take the function that facts are reported to.

        Raises OutputMisuseError if one is attached already.
        """
        if self._report is not None:
            raise OutputMisuseError("this speaker reports to somebody already: attach() is called once")
        self._report = report

    def start(self, message_id: str) -> None:
        """Expect the audio of this message next. One before it that never had audio is dropped without a report.

        Raises OutputMisuseError also if the message was here before, and before `attach`.
        """
        self._catch_up()
        if message_id in self._done:
            raise OutputMisuseError(f"message {message_id!r} was here before and is finished")
        if self._report is None or self._closed:
            raise OutputMisuseError("start() comes after attach() and before aclose()")
        if self._playback is not None and self._playback.message_id != message_id and not self._playback.written:
            self._done.add(self._playback.message_id)
            self._playback = None
        if self._playback is None:
            self._playback = self._begin(message_id)
        self._expect(message_id, "started")

    def write(self, message_id: str, pcm: bytes) -> None:
        """Take 16-bit mono PCM of the message, and raise ValueError if it ends in the middle of a sample."""
        if len(pcm) % 2:
            raise ValueError(f"pcm must hold whole 16-bit samples, not {len(pcm)} bytes")
        self._catch_up()
        if (playback := self._expect(message_id, "written")) is not None:
            if playback.position_ms >= playback.playable_ms:
                self._ready_at_ms = self._clock.now_ms() + self._latency_ms
            playback.append(np.frombuffer(pcm, dtype="<i2").astype(np.int16))
            self._catch_up()

    def write_text(self, message_id: str, text: str) -> None:
        """Take more text of the message, for `synchronize_text`."""
        self._catch_up()
        if (playback := self._expect(message_id, "written")) is not None:
            playback.text += text

    def flush(self, message_id: str) -> None:
        """Play the message out, then report the end; at once if nothing waits.

        Audio that is written later all the same, while the message plays, is played too.
        """
        self._catch_up()
        if (playback := self._expect(message_id, "flushed")) is not None:
            playback.flushed = True
            self._catch_up()

    def clear(self, message_id: str) -> None:
        """Stop now, drop what was not played, and report how far the message got.

        A message that was never started is reported at position 0. One that is finished already is not
        reported again.
        """
        self._catch_up()
        if self._playback is not None and self._playback.message_id == message_id:
            self._playback.cleared = True
            self._finish(interrupted=True)
        elif message_id not in self._done:
            self._report_finish(self._begin(message_id), interrupted=True)

    def clear_from_outside(self) -> None:
        """Another party clears or swaps the output: the message in hand, if any, ends interrupted (H13)."""
        self._catch_up()
        if self._playback is not None:
            self._finish(interrupted=True)

    def pause(self) -> None:
        """Hold the playback at once and keep the audio, also of a message that has yet to start."""
        self._catch_up()
        if not self._can_pause or self._paused:
            return
        self._paused = True
        self._origin_ms = None
        if (playback := self._playback) is not None:
            lost_ms = self._misbehaviour.flaws(playback.circumstances()).lost_on_pause_ms
            playback.take_to(min(playback.position_ms + lost_ms, playback.playable_ms))
            self._catch_up()

    def resume(self) -> None:
        """Go on playing where `pause` held it."""
        if not self._paused:
            return
        self._paused = False
        if (playback := self._playback) is not None:
            about = playback.circumstances()
            if playback.started and self._misbehaviour.flaws(about).starts_again_on_resume:
                self._tell(playback, OutputPlaybackStarted(playback.message_id))
            self._catch_up()

    async def aclose(self) -> None:
        """Stop playing and reporting. What was heard stays on record; nothing more is reported."""
        self._catch_up()
        self._closed = True
        self._outbox.clear()
        self._let_go()

    def _begin(self, message_id: str) -> Playback:
        previous_message_id = self._begun[-1] if self._begun else None
        self._begun.append(message_id)
        return Playback(message_id, len(self._begun) - 1, previous_message_id, self._sample_rate)

    def _expect(self, message_id: str, verb: str) -> Playback | None:
        """Return the message in hand; None if it is over, which its caller may not know yet."""
        if message_id in self._done:
            return None
        if self._playback is None:
            raise OutputMisuseError(f"message {message_id!r} was {verb} before start({message_id!r})")
        if self._playback.message_id != message_id:
            raise OutputMisuseError(
                f"message {message_id!r} was {verb} while {self._playback.message_id!r} still plays"
            )
        return self._playback

    def _catch_up(self) -> None:
        """Do what the clock says has happened since the last call, and plan what comes next."""
        if (playback := self._playback) is None:
            return
        incident = self._misbehaviour.flaws(playback.circumstances()).incident
        if self._origin_ms is not None:
            reached_ms = math.floor(self._clock.now_ms() - self._origin_ms + _TOLERANCE_MS)
            self._play_to(playback, self._origin_ms, min(reached_ms, self._stop_ms(playback, incident)))
        if incident is not None and playback.position_ms >= incident.at_ms:
            self._break_off(playback, incident)
        elif playback.position_ms < playback.playable_ms:
            self._plan(playback, incident)
        elif playback.flushed:
            self._finish(interrupted=False)
        else:
            self._origin_ms = None

    def _play_to(self, playback: Playback, origin_ms: float, position_ms: int) -> None:
        before_ms, heard_from_ms = playback.position_ms, playback.heard_to_ms
        if position_ms <= before_ms:
            return
        self._report_start(playback)
        samples = playback.take_to(position_ms)
        heard_to_ms = playback.heard_to_ms
        start_ms, end_ms = origin_ms + before_ms, origin_ms + position_ms
        self.listener.record(Heard(start_ms, end_ms, playback.message_id, heard_from_ms, heard_to_ms), samples)
        if self._progress_ms and before_ms // self._progress_ms < position_ms // self._progress_ms:
            self._tell(playback, OutputPlaybackProgressed(playback.message_id, heard_to_ms))

    def _plan(self, playback: Playback, incident: Incident | None) -> None:
        """Wake up at the next position at which something happens."""
        if self._timer is not None:
            self._timer.cancel()
        if self._paused:
            return
        position_ms = playback.position_ms
        has_frame = playback.flushed or playback.playable_ms - position_ms >= self._frame_ms
        if self._origin_ms is None and not has_frame:
            return
        now_ms = self._clock.now_ms()
        if self._origin_ms is None:
            self._origin_ms = max(now_ms, self._ready_at_ms) - position_ms
        next_ms = position_ms
        if playback.started:
            next_ms = self._stop_ms(playback, incident)
            if self._progress_ms:
                next_ms = min(next_ms, (position_ms // self._progress_ms + 1) * self._progress_ms)
        self._timer = self._clock.call_later(self._origin_ms + next_ms - now_ms, self._wake_up)

    def _wake_up(self) -> None:
        self._catch_up()
        if (playback := self._playback) is None or self._origin_ms is None or playback.started:
            return
        if self._clock.now_ms() - self._origin_ms + _TOLERANCE_MS >= playback.position_ms:
            self._report_start(playback)
            self._catch_up()

    def _stop_ms(self, playback: Playback, incident: Incident | None) -> int:
        return min(playback.playable_ms, incident.at_ms) if incident is not None else playback.playable_ms

    def _break_off(self, playback: Playback, incident: Incident) -> None:
        if incident.kind == "clear":
            self._finish(interrupted=True)
            return
        self._let_go()
        self._tell(playback, OutputFailed(playback.message_id, incident.detail))

    def _finish(self, *, interrupted: bool) -> None:
        if (playback := self._let_go()) is not None:
            self._report_finish(playback, interrupted=interrupted)

    def _let_go(self) -> Playback | None:
        playback, self._playback, self._origin_ms = self._playback, None, None
        if self._timer is not None:
            self._timer.cancel()
        if playback is not None:
            self._done.add(playback.message_id)
        return playback

    def _report_start(self, playback: Playback) -> None:
        if not playback.started:
            playback.started = True
            self._tell(playback, OutputPlaybackStarted(playback.message_id))

    def _report_finish(self, playback: Playback, *, interrupted: bool) -> None:
        self._done.add(playback.message_id)
        transcript = playback.synchronized_text() if self._synchronize_text else None
        position_ms = playback.heard_to_ms
        self._tell(playback, OutputPlaybackFinished(playback.message_id, position_ms, interrupted, transcript))

    def _tell(self, playback: Playback, fact: OutputFact) -> None:
        if self._closed:
            return
        now_ms = self._clock.now_ms()
        for report in self._misbehaviour.reports(fact, playback.circumstances()):
            heapq.heappush(self._outbox, (now_ms + report.after_ms, next(self._order), report.fact))
            # An event loop may run calls that are due together in any order: each takes the oldest fact.
            self._clock.call_later(report.after_ms, self._deliver)

    def _deliver(self) -> None:
        if self._outbox and self._report is not None:
            self._report(heapq.heappop(self._outbox)[2])
