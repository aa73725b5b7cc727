"""What all outputs have in common: which message they have in hand, and which they have had."""

from __future__ import annotations

from abc import abstractmethod
from collections import deque
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from msgspec.structs import replace

from speech_lifecycle.fsm.errors import SpeechLifecycleError
from speech_lifecycle.fsm.events import OutputFact, OutputPlaybackFinished

from ..ports import AudioOutput
from ..whole_samples import SAMPLE_BYTES

_REMEMBERED = 256
"""Messages that are over of which the ids are kept: callers are never further behind."""


class OutputMisuseError(SpeechLifecycleError, RuntimeError):
    """The caller broke the contract of `AudioOutput` (docs/outputs.md)."""


class InHand(Protocol):
    """What an output keeps of a message while it has it."""

    message_id: str
    written: int
    """Samples that were written."""
    flushed: bool

    def append(self, pcm: bytes) -> None:
        """Take more audio."""
        ...


P = TypeVar("P", bound=InHand)


class QueuedOutput(AudioOutput, Generic[P]):
    """Has one message in hand, and plays what is written of it as its subclass can.

    `start`, `write`, `write_text` and `flush` raise OutputMisuseError if another message is still in hand or this one
    was not started; what they get after the end of their message is dropped, because its caller may not know of the
    end yet. Who then flushes or clears it is told so: it ended there, interrupted.
    """

    def __init__(self, sample_rate: int, *, can_pause: bool) -> None:
        if not sample_rate >= 1000:
            raise ValueError(f"sample_rate must be a number of at least 1000, not {sample_rate!r}")
        self._sample_rate = sample_rate
        self._can_pause = can_pause
        self._report: Callable[[OutputFact], None] | None = None
        self._playback: P | None = None
        self._done: deque[str] = deque(maxlen=_REMEMBERED)
        self._played_out: OutputPlaybackFinished | None = None
        """The last end that no clear has brought about."""
        self._dropped_of = ""
        """The message of which audio was written after its end."""
        self._closed = False

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
            raise OutputMisuseError("this output reports to somebody already: attach() is called once")

        def note_and_report(fact: OutputFact) -> None:
            if isinstance(fact, OutputPlaybackFinished) and not fact.interrupted:
                self._played_out = fact
            report(fact)

        self._report = note_and_report

    def start(self, message_id: str) -> None:
        """Expect the audio of this message next. One before it that never had audio is dropped without a report.

        Raises OutputMisuseError also if the message was here before, before `attach` and after `aclose`.
        """
        self._catch_up()
        if message_id in self._done:
            raise OutputMisuseError(f"message {message_id!r} was here before and is finished")
        if self._report is None or self._closed:
            raise OutputMisuseError("start() comes after attach() and before aclose()")
        if self._playback is not None and self._playback.message_id != message_id and not self._playback.written:
            self._let_go()
        if self._playback is None:
            self._playback = self._begin(message_id)
        self._expect(message_id, "started")

    def write(self, message_id: str, pcm: bytes) -> None:
        """Take 16-bit mono PCM of the message, and raise ValueError if it ends in the middle of a sample."""
        if len(pcm) % SAMPLE_BYTES:
            raise ValueError(f"pcm must hold whole 16-bit samples, not {len(pcm)} bytes")
        self._catch_up()
        if (playback := self._expect(message_id, "written")) is not None:
            self._take_audio(playback, pcm)
            self._catch_up()
        elif pcm:
            self._dropped_of = message_id

    def write_text(self, message_id: str, text: str) -> None:
        """Take more text of the message."""
        self._catch_up()
        if (playback := self._expect(message_id, "written")) is not None:
            self._take_text(playback, text)

    def flush(self, message_id: str) -> None:
        """Play the message out, then report the end; at once if nothing waits.

        Audio that is written later all the same, while the message plays, is played too.
        """
        self._catch_up()
        if (playback := self._expect(message_id, "flushed")) is not None:
            playback.flushed = True
            self._catch_up()
        self._tell_what_was_dropped(message_id)

    def clear(self, message_id: str) -> None:
        """Stop now, drop what was not played, and report how far the message got.

        A message that was never started is reported at position 0. One that is finished already is not
        reported again, unless audio was written after its end.
        """
        self._catch_up()
        if self._playback is not None and self._playback.message_id == message_id:
            self._cut(self._playback)
        elif message_id not in self._done:
            self._cut(self._begin(message_id))
        self._tell_what_was_dropped(message_id)

    def _tell_what_was_dropped(self, message_id: str) -> None:
        end = self._played_out
        if end is not None and end.message_id == message_id == self._dropped_of and self._report is not None:
            self._dropped_of = ""
            self._report(replace(end, interrupted=True))

    # What a subclass does

    @abstractmethod
    def _begin(self, message_id: str) -> P:
        """Return what is kept of a new message."""

    @abstractmethod
    def _catch_up(self) -> None:
        """Do what has become due since the last call: play, report, finish."""

    @abstractmethod
    def _cut(self, playback: P) -> None:
        """Stop this message, which may be in hand or not, and report how far it got."""

    def _take_audio(self, playback: P, pcm: bytes) -> None:
        playback.append(pcm)

    def _take_text(self, playback: P, text: str) -> None:
        """Take text: by default it goes nowhere, and the transcript of the finish is None."""

    # What a subclass uses

    def _expect(self, message_id: str, verb: str) -> P | None:
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

    def _let_go(self) -> P | None:
        """Have no message in hand any more, and return the one that was."""
        playback, self._playback = self._playback, None
        if playback is not None:
            self._note_done(playback.message_id)
        return playback

    def _note_done(self, message_id: str) -> None:
        if message_id not in self._done:
            self._done.append(message_id)
