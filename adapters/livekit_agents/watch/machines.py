"""The machines of a session's speeches: events go in, in order; effects and changes of state come out."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import Protocol, TypeVar

from msgspec.structs import replace

from speech_lifecycle.fsm import effects as fx
from speech_lifecycle.fsm import events as ev
from speech_lifecycle.fsm.replies import Rejected
from speech_lifecycle.fsm.trace import Record, SpeechBegun, Unrouted, step_of

from ...changes import change_of
from ...clock import Clock
from ..response import Response
from ..watch_events import MessageStateChanged, SpeechStateChanged
from .speech import Accrual, WatchedSpeech

E = TypeVar("E", bound=ev.Event)

_TIMED = frozenset(ev.TIMED_EVENT_TYPES)
_KEPT = 64
"""How many finished speeches are remembered."""


class Performer(Protocol):
    """What comes out goes there."""

    def perform(self, speech: WatchedSpeech, effect: fx.Effect) -> None:
        """Perform an effect. Timers are taken care of."""
        ...

    def reject(self, speech: WatchedSpeech, event: ev.Event, reply: Rejected) -> None:
        """Note that an event was a violation."""
        ...

    def change(self, speech: WatchedSpeech, change: MessageStateChanged | SpeechStateChanged) -> None:
        """Note that a message or a speech is in another state."""
        ...

    def forget(self, speech: WatchedSpeech) -> None:
        """Let go of a speech that is long over."""
        ...


class SpeechMachines:
    """The one place that steps machines. Used from the event loop's thread only."""

    def __init__(self, performer: Performer, clock: Clock, trace: Callable[[Record], None] | None) -> None:
        self.speeches: list[WatchedSpeech] = []
        """Those that are not over, and the latest of those that are, in order of creation."""
        self._performer = performer
        self._clock = clock
        self._trace = trace
        self._began_ms: float | None = None
        self._by_message: dict[str, WatchedSpeech] = {}
        self._waiting: deque[tuple[WatchedSpeech, ev.Event]] = deque()
        self._is_stepping = False

    def begin(self, speech: WatchedSpeech) -> None:
        """Take a new speech."""
        settled = [each for each in self.speeches if each.history_is_settled]
        for old in settled[:-_KEPT]:
            self.speeches.remove(old)
            for message_id in old.snapshot.messages:
                self._by_message.pop(message_id, None)
            self._performer.forget(old)
        self.speeches.append(speech)
        self._record(SpeechBegun(self._at_ms(), speech.id, speech.snapshot.capabilities, speech.snapshot.policy))

    def live(self) -> Iterator[WatchedSpeech]:
        """Yield those that are not over."""
        return (speech for speech in list(self.speeches) if not speech.is_over)

    def of_message(self, message_id: str) -> WatchedSpeech | None:
        """Return the speech that a message is of, or None."""
        return self._by_message.get(message_id)

    def of_response(self, response: Response) -> WatchedSpeech | None:
        """Return the speech that plays a response, or None."""
        return next((speech for speech in self.speeches if speech.response is response), None)

    def route(self, event: ev.Event, response: Response | None) -> None:
        """Take an event wherever it belongs: to its message's speech, to its response's, or to all that are not over.

        Of what comes with every frame, the first is taken at once, and more of it before the speech's next event:
        only what there is when something happens counts.
        """
        message_id = getattr(event, "message_id", None)
        if response is not None:
            speech = self.of_response(response)
        elif message_id is not None:
            speech = self._by_message.get(message_id)
        else:
            for each in self.live():
                self.take(each, event)
            return
        if speech is None:
            self._record(Unrouted(self._at_ms(), event, "unknown_response_or_message"))
        elif isinstance(event, Accrual):
            self._note(speech, event)
        else:
            self.take(speech, event)

    def _note(self, speech: WatchedSpeech, event: Accrual) -> None:
        key = (type(event), event.message_id)
        if key not in speech.accruals:
            speech.accruals[key] = None
            self.take(speech, event)
            return
        noted = speech.accruals[key]
        if isinstance(event, ev.SessionTextReceived) and isinstance(noted, ev.SessionTextReceived):
            event = ev.SessionTextReceived(event.message_id, noted.text + event.text)
        if isinstance(event, ev.OutputPlaybackProgressed):
            event = self._timed(event)
        speech.accruals[key] = event

    def take_noted(self, message_id: str) -> None:
        """Take what was noted of the speech that a message is of."""
        speech = self._by_message.get(message_id)
        if speech is not None:
            self._queue_noted(speech)
            self._take_waiting()

    def take(self, speech: WatchedSpeech, event: ev.Event) -> None:
        """Take an event, and whatever it leads to. If a step is under way, it waits its turn."""
        if isinstance(event, ev.SessionMessageAdded):
            self._by_message[event.message_id] = speech
        self._queue_noted(speech)
        self._waiting.append((speech, self._timed(event)))
        self._take_waiting()

    def _queue_noted(self, speech: WatchedSpeech) -> None:
        for key, event in speech.accruals.items():
            if event is not None:
                speech.accruals[key] = None
                self._waiting.append((speech, event))

    def _take_waiting(self) -> None:
        if self._is_stepping:
            return
        self._is_stepping = True
        try:
            while self._waiting:
                self._step(*self._waiting.popleft())
        finally:
            self._is_stepping = False

    def _step(self, speech: WatchedSpeech, event: ev.Event) -> None:
        reply = speech.machine.send(event)
        if self._trace is not None:
            self._record(step_of(self._at_ms(), speech.id, event, reply))
        if isinstance(reply, Rejected):
            self._performer.reject(speech, event, reply)
        elif reply.kind == "handled":
            self._report_changes(speech)
            for effect in reply.effects:
                if isinstance(effect, fx.TimerEffect):
                    self._perform_on_timer(speech, effect)
                else:
                    self._performer.perform(speech, effect)

    def _perform_on_timer(self, speech: WatchedSpeech, effect: fx.TimerEffect) -> None:
        if speech.timer is not None:
            speech.timer.cancel()
            speech.timer = None
        if isinstance(effect, fx.StartTimer):
            fired = ev.TimerFired(effect.timer)
            speech.timer = self._clock.call_later(effect.delay_ms, lambda: self.take(speech, fired))

    def _report_changes(self, speech: WatchedSpeech) -> None:
        snapshot = speech.snapshot
        if snapshot.state != speech.state:
            old_state, speech.state = speech.state, snapshot.state
            self._performer.change(speech, SpeechStateChanged(speech.id, old_state, snapshot.state))
        for message in snapshot.messages.values():
            old_message_state = speech.message_states.get(message.message_id)
            if message.state == old_message_state:
                continue
            speech.message_states[message.message_id] = message.state
            change = change_of(speech.id, message, old_message_state)
            self._performer.change(speech, change)

    def _timed(self, event: E) -> E:
        """Return an event with the time at which it was observed: now. What sums up several hand-overs has none."""
        return replace(event, observed_ms=int(self._at_ms())) if type(event) in _TIMED else event

    def _record(self, record: Record) -> None:
        if self._trace is not None:
            self._trace(record)

    def _at_ms(self) -> float:
        now_ms = self._clock.now_ms()
        if self._began_ms is None:
            self._began_ms = now_ms
        return now_ms - self._began_ms
