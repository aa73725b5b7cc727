"""The driver's loop: an event comes in, the machine takes a step, its effects are performed in order.

Whatever the parts report while that happens waits its turn, so no step is ever taken inside another.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections import deque
from collections.abc import Callable
from numbers import Real

from msgspec.structs import replace

from speech_lifecycle.fsm import events as ev
from speech_lifecycle.fsm.conversation.machine import ConversationMachine
from speech_lifecycle.fsm.replies import Reply
from speech_lifecycle.fsm.trace import Record

from .clock import Clock
from .driven_speeches import DrivenSpeeches
from .elapsed import Elapsed
from .handover import Handover
from .performing import Performer
from .ports import AudioOutput, Session
from .telling import Telling
from .tracing import Tracing

logger = logging.getLogger(__name__)

_NUMBERS = (int, float, type(None))
_TIMED = frozenset(ev.TIMED_EVENT_TYPES)
_CONTENT = (ev.SessionTextReceived, ev.SessionAudioReceived)


class Stepping:
    """Takes events one at a time, from the session, the output, the clock and the agent."""

    def __init__(
        self,
        machine: ConversationMachine,
        session: Session,
        output: AudioOutput | None,
        clock: Clock,
        telling: Telling,
        trace: Callable[[Record], None] | None,
        history_limit: int | None,
    ) -> None:
        """Take steps with this machine, and perform their effects on these parts."""
        self._machine = machine
        self._clock = clock
        self._telling = telling
        self._faults = telling.faults
        self._elapsed = Elapsed(clock, self._faults)
        self._tracing = None if trace is None else Tracing(trace, machine, self._elapsed, self._faults)
        self.waiting: deque[ev.Event] = deque()
        self.speeches = DrivenSpeeches(machine)
        self.handover = Handover(output, session.sample_rate, self.speeches, self.waiting, self._elapsed, self._faults)
        self.performer = Performer(
            session, clock, self.handover, self.speeches, telling, self.waiting, self.take, history_limit
        )
        self._is_stepping = False
        self._thread_id = threading.get_ident()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._bind_to_loop()

    def take(self, event: ev.Event) -> Reply | None:
        """Take an event, and whatever it leads to. None if a step is under way: then it waits its turn."""
        if self._loop is None:
            self._bind_to_loop()
        if type(event) in _TIMED:
            stamp_ms: float | None = event.observed_ms  # type: ignore[union-attr]
            event = replace(event, observed_ms=self._elapsed.observed_ms(stamp_ms))
        self.waiting.append(event)
        if self._is_stepping:
            return None
        self._is_stepping = True
        first: Reply | None = None
        try:
            while self.waiting:
                reply = self._step(self.waiting.popleft())
                first = first or reply
        finally:
            self._is_stepping = False
        self._faults.leave()
        return first

    def take_output_fact(self, fact: ev.OutputFact) -> None:
        """Take a fact of the output, from any thread. A position that is no number at all is a missing one (T12)."""
        if isinstance(fact, ev.OutputPlaybackProgressed | ev.OutputPlaybackFinished):
            position_ms = fact.position_ms
            if type(position_ms) not in _NUMBERS and not isinstance(position_ms, Real):
                fact = replace(fact, position_ms=None)
        if threading.get_ident() == self._thread_id:
            self.take(fact)
        elif self._loop is not None:
            if fact.observed_ms is None:  # it became true now, and not when the loop comes to it
                with contextlib.suppress(Exception):
                    fact = replace(fact, observed_ms=int(self._clock.now_ms()))
            try:
                self._loop.call_soon_threadsafe(self.take, fact)
            except RuntimeError:  # the loop is closed
                logger.debug("after the end of the event loop the output reported %s", fact)

    def _bind_to_loop(self) -> None:
        """Remember the loop to which facts of other threads are passed."""
        with contextlib.suppress(RuntimeError):
            self._loop = asyncio.get_running_loop()
            self._thread_id = threading.get_ident()

    def _step(self, event: ev.Event) -> Reply:
        if isinstance(event, ev.SessionResponseCreated):
            # Also of one that answers nobody who waits: by the server's id it could take the name of a speech to come.
            event = replace(event, new_speech_id=self.speeches.next_id)
        reply = self._machine.send(event)
        if self._tracing is not None:
            self._tracing.record(event, reply)
        for effect in reply.effects:
            self.performer.perform(effect)
        self.handover.hand_over()
        if isinstance(event, _CONTENT):
            self._drop_what_is_not_played(event.message_id)
        if self._telling.wants_changes and reply.kind == "handled":
            self._tell_changes(event)
        return reply

    def _drop_what_is_not_played(self, message_id: str) -> None:
        """Keep nothing of messages that no speech has, and no audio or text of those that are final."""
        speech_id = self._machine.conversation.by_message.get(message_id)
        if speech_id is None:
            self.handover.forget((message_id,))
        elif self.speeches.by_id[speech_id].snapshot.messages[message_id].is_final:
            self.handover.drop((message_id,))

    def _tell_changes(self, event: ev.Event) -> None:
        """Tell of every speech that the event may have changed."""
        speeches = self.speeches.by_id
        speech_ids = dict.fromkeys((*self._telling.open_ids, *self._machine.conversation.live))
        speech_ids[self._machine.speech_of(event)] = None
        self._telling.changes([speeches[speech_id] for speech_id in speech_ids if speech_id in speeches])
