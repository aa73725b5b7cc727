"""The conversations of an `AgentSession`, one for each realtime session: events go in, effects and changes come out.

Which realtime session a fact is from is known where it comes from; all else about it, the machine decides.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol, TypeVar

from livekit.agents import llm
from msgspec.structs import replace

from speech_lifecycle.fsm import effects as fx
from speech_lifecycle.fsm import events as ev
from speech_lifecycle.fsm.conversation.machine import ConversationMachine
from speech_lifecycle.fsm.replies import Rejected, Reply
from speech_lifecycle.fsm.trace import Record, SpeechBegun, records_of
from speech_lifecycle.fsm.values import Capabilities, ConversationPolicy

from ...changes import change_of
from ...clock import Clock, ScheduledCall
from ..response import Response
from ..watch_events import MessageStateChanged, SpeechStateChanged
from .speech import Accrual, WatchedSpeech

E = TypeVar("E", bound=ev.Event)

_TIMED = frozenset(ev.TIMED_EVENT_TYPES)
_KEPT = 64
"""How many finished speeches are remembered."""


class Performer(Protocol):
    """What comes out goes there."""

    def begin(self, speech: WatchedSpeech) -> None:
        """Expect effects of a new speech."""
        ...

    def perform(self, session: llm.RealtimeSession[Any], speech: WatchedSpeech | None, effect: fx.Effect) -> None:
        """Perform an effect, about a speech or none. Timers are taken care of."""
        ...

    def reject(self, speech: WatchedSpeech | None, event: ev.Event, reply: Rejected) -> None:
        """Note that an event was a violation."""
        ...

    def change(self, speech: WatchedSpeech, change: MessageStateChanged | SpeechStateChanged) -> None:
        """Note that a message or a speech is in another state."""
        ...

    def forget(self, speech: WatchedSpeech) -> None:
        """Let go of a speech that is long over."""
        ...


class Conversations:
    """All that have begun, and the speeches in them. Used from the event loop's thread only."""

    def __init__(
        self,
        performer: Performer,
        clock: Clock,
        policy: ConversationPolicy,
        trace: Callable[[Record], None] | None,
    ) -> None:
        self.speeches: list[WatchedSpeech] = []
        """Those that are not over, and the latest of those that are, in order of creation."""
        self.performer = performer
        self.clock = clock
        self.policy = policy
        self.trace = trace
        self._began_ms: float | None = None
        self._count = 0
        self._reserved: set[str] = set()
        """Names of speeches that may begin."""
        self._open: dict[llm.RealtimeSession[Any], WatchedConversation] = {}
        self._by_message: dict[str, WatchedSpeech] = {}
        self._by_response: dict[Response, WatchedSpeech] = {}
        self._of: dict[str, WatchedConversation] = {}

    # Who is in them

    def __iter__(self) -> Iterator[WatchedConversation]:
        """Yield those whose sessions are open, oldest first."""
        return iter(list(self._open.values()))

    def live(self) -> Iterator[WatchedSpeech]:
        """Yield the speeches that are not over."""
        return (speech for speech in list(self.speeches) if not speech.is_over)

    def of_session(self, session: llm.RealtimeSession[Any]) -> WatchedConversation | None:
        """Return a session's conversation; None if nothing was said in it."""
        return self._open.get(session)

    def of_message(self, message_id: str) -> WatchedSpeech | None:
        """Return the speech that a message is of, or None."""
        return self._by_message.get(message_id)

    def of_response(self, response: Response) -> WatchedSpeech | None:
        """Return the speech that plays a response, or None."""
        return self._by_response.get(response)

    # Events

    def begin(self, session: llm.RealtimeSession[Any], capabilities: Capabilities) -> WatchedConversation:
        """Return a session's conversation, whose next speech has these capabilities."""
        conversation = self._open.get(session)
        if conversation is None:
            machine = ConversationMachine(capabilities, self.policy, keep_steps=self.trace is not None)
            conversation = self._open[session] = WatchedConversation(session, machine, self)
        elif conversation.machine.conversation.capabilities != capabilities:
            conversation.take(
                ev.ChangeOutput(capabilities.plays_audio, capabilities.can_pause, capabilities.shows_text)
            )
        return conversation

    def end(self, session: llm.RealtimeSession[Any]) -> None:
        """Have what goes on in a session settle: it is closed."""
        conversation = self._open.pop(session, None)
        if conversation is not None:
            conversation.take(ev.Close())

    def take(self, event: ev.Event, response: Response | None) -> None:
        """Take an event of a response, of a message, or of every session."""
        message_id = getattr(event, "message_id", None)
        if response is not None:
            speech = self._by_response.get(response)
        elif message_id is not None:
            speech = self._by_message.get(message_id)
        else:
            for conversation in self:
                conversation.take(event)
            return
        if speech is not None:
            self._of[speech.id].take(event)
        else:
            # Whoever gets it says that it is unknown.
            for conversation in list(self)[-1:]:
                conversation.take(event)

    def take_noted(self, message_id: str) -> None:
        """Have the machine hear of what was noted of a message by now."""
        speech = self._by_message.get(message_id)
        if speech is not None:
            self._of[speech.id].take_noted()

    # For the conversations

    def new_name(self) -> str:
        """Return a name for a speech that may begin. It is kept for it until `add`, or `release`."""
        number = self._count + 1
        while (name := f"speech_{number}") in self._reserved or name in self._of:
            number += 1
        self._reserved.add(name)
        return name

    def release(self, name: str) -> None:
        """Take back the name of a speech that did not begin."""
        self._reserved.discard(name)

    def add(self, speech: WatchedSpeech, conversation: WatchedConversation) -> None:
        """Take a new speech, and forget the oldest of those that are too many."""
        settled = [each for each in self.speeches if each.history_is_settled]
        for old in settled[:-_KEPT]:
            self.speeches.remove(old)
            self._of.pop(old.id).forget(old)
            self._by_response.pop(old.response, None)
            for message_id in old.message_states:
                self._by_message.pop(message_id, None)
            self.performer.forget(old)
        self._count += 1
        self._reserved.discard(speech.id)
        self.speeches.append(speech)
        self._by_response[speech.response] = speech
        self._of[speech.id] = conversation
        self.record(SpeechBegun(self.at_ms(), speech.id, speech.snapshot.capabilities, speech.snapshot.policy))
        self.performer.begin(speech)

    def note_message(self, message_id: str, speech: WatchedSpeech) -> None:
        """Note whose a message is."""
        self._by_message[message_id] = speech

    def record(self, *records: Record) -> None:
        """Write to the trace."""
        if self.trace is not None:
            for record in records:
                self.trace(record)

    def at_ms(self) -> float:
        """Return the time since the first event."""
        now_ms = self.clock.now_ms()
        if self._began_ms is None:
            self._began_ms = now_ms
        return now_ms - self._began_ms


class WatchedConversation:
    """The conversation of one realtime session."""

    def __init__(
        self, session: llm.RealtimeSession[Any], machine: ConversationMachine, conversations: Conversations
    ) -> None:
        self.machine = machine
        self._session = session
        self._all = conversations
        self._begun: dict[str, Response] = {}
        """The responses of speeches that are about to begin."""
        self._speeches: dict[str, WatchedSpeech] = {}
        self._live: dict[str, WatchedSpeech] = {}
        """Those that are not over."""
        self._timers: dict[str, ScheduledCall] = {}
        """Those that run, of speeches by their names; the user's, by no name."""
        self._waiting: deque[ev.Event] = deque()
        self._is_stepping = False
        self._heard_of: set[tuple[type[Accrual], str]] = set()
        """What the machine has heard of."""
        self._noted: dict[tuple[type[Accrual], str], Accrual] = {}
        """What of it the machine has yet to hear."""

    # Events

    def request(self, response: Response) -> None:
        """Ask for a response. It is sent when the machine says so."""
        name = self._all.new_name()
        self._begun[name] = response
        self.take(ev.RequestResponse(name))

    def respond(self, response: Response, event: ev.SessionResponseCreated) -> None:
        """The server has begun a response: one that was asked for, or its own."""
        speech, name = self._all.of_response(response), self._all.new_name()
        self._begun[name] = response
        self.take(ev.SessionResponseCreated(event.response_id, "" if speech is None else speech.id, name))

    def take(self, event: ev.Event) -> Reply | None:
        """Take an event, and whatever it leads to. If a step is under way, it waits its turn, and None is returned.

        Of what comes with every frame, the first is taken at once, and more of it before the next event: only what
        there is when something happens counts.
        """
        if isinstance(event, Accrual) and self._is_more(event):
            return None
        self.take_noted()
        self._waiting.append(self._timed(event))
        return self._take_waiting()

    def take_noted(self) -> None:
        """Take what was noted."""
        self._waiting.extend(self._noted.values())
        self._noted.clear()
        self._take_waiting()

    def _is_more(self, event: Accrual) -> bool:
        key = (type(event), event.message_id)
        if key not in self._heard_of:
            self._heard_of.add(key)
            return False
        noted = self._noted.get(key)
        if isinstance(event, ev.SessionTextReceived) and isinstance(noted, ev.SessionTextReceived):
            event = ev.SessionTextReceived(event.message_id, noted.text + event.text)
        if isinstance(event, ev.OutputPlaybackProgressed):
            event = self._timed(event)
        self._noted[key] = event
        return True

    def _timed(self, event: E) -> E:
        """Return an event with the time at which it was observed: now, if it does not say when it became true."""
        if type(event) not in _TIMED or (isinstance(event, ev.OutputPlaybackStarted) and event.observed_ms is not None):
            return event
        return replace(event, observed_ms=int(self._all.at_ms()))

    def forget(self, speech: WatchedSpeech) -> None:
        """Keep nothing of a speech that is long over."""
        del self._speeches[speech.id]
        for message_id in speech.message_states:
            self._heard_of -= {(kind, message_id) for kind in Accrual.__args__}

    # The loop

    def _take_waiting(self) -> Reply | None:
        if self._is_stepping:
            return None
        self._is_stepping = True
        reply = None
        try:
            while self._waiting:
                reply = self._step(self._waiting.popleft())
        finally:
            self._is_stepping = False
        return reply

    def _step(self, event: ev.Event) -> Reply:
        name = self.machine.speech_of(event)
        reply = self.machine.send(event)
        if self._all.trace is not None:
            self._all.record(*records_of(self._all.at_ms(), name, event, reply))
        if isinstance(reply, Rejected):
            self._all.performer.reject(self._speeches.get(name), event, reply)
        for effect in reply.effects:
            if isinstance(effect, fx.ReportSpeechBegun):
                self._begin(effect.speech_id)
        changed = {name: self._speeches[name]} if name in self._speeches else {}
        if not isinstance(event, Accrual):
            changed |= self._live
        self._report_changes(changed.values())
        for effect in reply.effects:
            self._perform(effect)
        if isinstance(event, ev.SessionResponseCreated):
            self._begun.pop(event.new_speech_id, None)
            self._all.release(event.new_speech_id)
        return reply

    def _begin(self, name: str) -> None:
        speech = WatchedSpeech(name, self.machine.conversation.speeches[name], self._begun.pop(name))
        self._speeches[name] = self._live[name] = speech
        self._all.add(speech, self)

    def _perform(self, effect: fx.Effect) -> None:
        speech = self._speech_of(effect)
        if isinstance(effect, fx.TimerEffect):
            self._perform_on_timer(effect)
        else:
            self._all.performer.perform(self._session, speech, effect)

    def _speech_of(self, effect: fx.Effect) -> WatchedSpeech | None:
        """Return the speech that an effect names, or else the one that has the floor."""
        conversation = self.machine.conversation
        name = getattr(effect, "speech_id", None) or conversation.floor_id
        if isinstance(effect, fx.CancelResponse):
            name = conversation.by_response.get(effect.response_id)
        message_id = _message_named_by(effect)
        if message_id is not None:
            return self._all.of_message(message_id)
        return None if name is None else self._speeches.get(name)

    def _perform_on_timer(self, effect: fx.TimerEffect) -> None:
        running = self._timers.pop(effect.speech_id, None)
        if running is not None:
            running.cancel()
        if isinstance(effect, fx.StartTimer):
            fired = ev.TimerFired(effect.timer, effect.speech_id)
            self._timers[effect.speech_id] = self._all.clock.call_later(effect.delay_ms, lambda: self._on_timer(fired))

    def _on_timer(self, fired: ev.TimerFired) -> None:
        del self._timers[fired.speech_id]
        self.take(fired)

    def _report_changes(self, speeches: Iterable[WatchedSpeech]) -> None:
        for speech in speeches:
            self._report_changes_of(speech)
            if speech.is_over:
                self._live.pop(speech.id, None)

    def _report_changes_of(self, speech: WatchedSpeech) -> None:
        snapshot, change = speech.snapshot, self._all.performer.change
        if snapshot.state != speech.state:
            old_state, speech.state = speech.state, snapshot.state
            change(speech, SpeechStateChanged(speech.id, old_state, snapshot.state))
        for message in snapshot.messages.values():
            old_message_state = speech.message_states.get(message.message_id)
            if message.state == old_message_state:
                continue
            if old_message_state is None:
                self._all.note_message(message.message_id, speech)
            speech.message_states[message.message_id] = message.state
            change(speech, change_of(speech.id, message, old_message_state))


def _message_named_by(effect: fx.Effect) -> str | None:
    if isinstance(effect, fx.ReportMessageSettled):
        return effect.record.message_id
    if isinstance(effect, fx.RemoveMessages):
        return effect.message_ids[0]
    return getattr(effect, "message_id", None)
