"""The running conversation: one session with one listener, and all of its speeches.

`step_conversation` is pure: a snapshot and an event give a new snapshot and a reply. `ConversationMachine` does the
same in place.

An event is answered by the chart that it is about: one that names a message, a response or a speech by that speech's
charts, any other by the conversation chart. What names something unknown is rejected, not lost. When a speech has taken
a step, the conversation is told what that means to others, and tries its eventless transitions. All of it is one step.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from types import ModuleType
from typing import Any, ClassVar, cast

from .. import events as ev
from ..copying import copy_conversation, copy_speech
from ..effects import AnnounceAgentState, Effect
from ..events import Event, SpeechEvent
from ..machine import SpeechMachine, compiled_table, is_well_formed
from ..replies import Handled, Reply, SpeechStep, refuse
from ..state import DEFAULT_CAPABILITIES, DEFAULT_CONVERSATION_POLICY, Conversation, Speech
from ..values import Capabilities, ConversationPolicy
from .internal_events import InternalEvent, ResponseOver, SpeechOver, SpeechStopped

Handler = Callable[[Any, Conversation, Any], Reply | None]
Finder = Callable[[Conversation, Any], Handler | None]

_BY_MESSAGE = frozenset(ev.MESSAGE_EVENT_TYPES) | {
    ev.SessionReconciliationAcknowledged,
    ev.SessionReconciliationRefused,
}
_BY_FLOOR = (ev.Pause, ev.Resume)
"""Without a name, they are about the speech that has the floor."""
_BY_NAME = frozenset({ev.Interrupt, ev.Pause, ev.Resume, ev.Close, ev.DropRequest, ev.TimerFired})
"""With a name, they are about that speech."""


class ConversationMachine:
    """One conversation, changed in place."""

    __slots__ = ("_event", "_is_pure", "_raised", "_run", "_steps", "conversation", "effects", "transitions")

    speech_machine: ClassVar[type[SpeechMachine]] = SpeechMachine
    """What runs its speeches."""
    _handlers: ClassVar[dict[type[Any], Handler]]
    _internal: ClassVar[dict[str, Handler]]
    _eventless: ClassVar[tuple[Finder, ...]]

    def __init__(
        self,
        capabilities: Capabilities = DEFAULT_CAPABILITIES,
        policy: ConversationPolicy = DEFAULT_CONVERSATION_POLICY,
        *,
        conversation: Conversation | None = None,
    ) -> None:
        """Begin a conversation, or go on with the one given."""
        self.conversation = Conversation(capabilities, policy) if conversation is None else conversation
        self._run = self.speech_machine()
        self._is_pure = False
        self._event: Event | None = None
        self._raised: deque[tuple[Handler, InternalEvent | None]] = deque()
        self._steps: list[SpeechStep] = []
        # What the conversation chart has caused since the last step of a speech: compiled functions write here.
        self.effects: list[Effect] = []
        self.transitions: list[str] = []

    def send(self, event: Event) -> Reply:
        """Handle one event. A rejected or ignored one leaves the conversation as it was."""
        conversation, about = self.conversation, cast(Any, event)
        kind = type(event)
        try:
            if kind in _BY_MESSAGE:
                speech_id = conversation.by_message.get(about.message_id)
                if speech_id is None:
                    if kind is not ev.SessionMessageAdded:
                        return refuse(event, "unknown_message")
                    return self._announce(event)
            else:
                handler = self._handlers.get(kind)
                speech_id = self._named(event, kind)
                if speech_id is None:
                    if handler is not None:
                        return self._handle(handler, event)
                    return refuse(event, "unknown_event" if kind not in ev.EVERY_EVENT_TYPE else "unknown_response")
            speech = conversation.speeches.get(speech_id)
            if speech is None:
                return refuse(event, "no_speech")
        except TypeError:  # an id that cannot be one
            if is_well_formed(event):
                raise
            return refuse(event, "malformed_event")
        if self._is_pure:
            conversation.speeches[speech_id] = speech = copy_speech(speech)
        run = self._run
        run.speech = speech
        state, has_ended, agent_state = speech.state, speech.response_has_ended, speech.agent_state
        reply = run.send(about)
        if speech.state is state and speech.response_has_ended is has_ended and speech.agent_state is agent_state:
            return reply
        if type(reply) is not Handled:
            return reply
        self._event = None
        self._note_step(speech_id, speech, event, reply, state, has_ended)
        return self._settled(event)

    def _announce(self, event: Any) -> Reply:
        """Have the speech of a response take a message that is announced, and remember whose it is."""
        speech_id = self.conversation.by_response.get(event.response_id)
        if speech_id is None:
            return refuse(event, "unknown_response")
        speech = self.conversation.speeches[speech_id]
        if self._is_pure:
            self.conversation.speeches[speech_id] = speech = copy_speech(speech)
        self._run.speech = speech
        state, has_ended, agent_state = speech.state, speech.response_has_ended, speech.agent_state
        reply = self._run.send(event)
        if type(reply) is not Handled:
            return reply
        self.conversation.by_message[event.message_id] = speech_id
        if speech.state is state and speech.agent_state is agent_state:
            return reply
        self._event = None
        self._note_step(speech_id, speech, event, reply, state, has_ended)
        return self._settled(event)

    def speech_of(self, event: Event) -> str:
        """Return the name of the speech that an event is about, by what it names; "" if it is about none."""
        conversation = self.conversation
        try:
            message_id = getattr(event, "message_id", None)
            if message_id is not None:
                speech_id = conversation.by_message.get(message_id)
                if speech_id is not None:
                    return speech_id
            return (
                conversation.by_response.get(getattr(event, "response_id", "")) or self._named(event, type(event)) or ""
            )
        except TypeError:
            return ""

    def _named(self, event: Any, kind: type[Any]) -> str | None:
        """Return the name of the speech that an event is about, None if it is about the conversation, or nothing."""
        if kind in _BY_NAME:
            if event.speech_id:
                name: str = event.speech_id
                return name
            return self.conversation.floor_id if kind in _BY_FLOOR else None
        if kind is ev.SessionResponseEnded:
            return self.conversation.by_response.get(event.response_id)
        return None

    def _handle(self, handler: Handler, event: Event) -> Reply:
        self._event = event
        reply = handler(self, self.conversation, event)
        return reply if reply is not None else self._settled(event)

    # What an action may do

    def emit(self, effect: Effect) -> None:
        """Give an effect to the driver."""
        self.effects.append(effect)

    def raise_event(self, event: str) -> None:
        """Raise an internal event of the conversation chart: it is handled after the present transition."""
        self._raised.append((self._internal[event], None))

    def tell_speech(self, conversation: Conversation, speech_id: str, event: SpeechEvent) -> None:
        """Have a speech handle an event now, before the next action."""
        speech = conversation.speeches[speech_id]
        if self._is_pure:
            conversation.speeches[speech_id] = speech = copy_speech(speech)
        self._end_own_step()
        run = self._run
        run.speech = speech
        state, has_ended = speech.state, speech.response_has_ended
        reply = run.send(event)
        if type(reply) is Handled:
            self._note_step(speech_id, speech, event, reply, state, has_ended)
        else:
            self._steps.append(SpeechStep(speech_id, event, reply))

    # Steps

    def _note_step(
        self, speech_id: str, speech: Speech, event: Event, reply: Handled, state: str, had_ended: bool
    ) -> None:
        """Note what a speech did, and what the conversation is told of it."""
        # The agent's state is that of the whole conversation.
        effects = tuple([effect for effect in reply.effects if type(effect) is not AnnounceAgentState])
        self._steps.append(SpeechStep(speech_id, event, Handled(reply.transitions, effects)))
        if speech.state == state and speech.response_has_ended == had_ended:
            return
        internal, raised = self._internal, self._raised
        if speech.cause is not None and state in ("queued", "waiting", "speaking", "paused"):
            raised.append((internal["speech_stopped"], SpeechStopped(speech_id)))
        if speech.response_has_ended and not had_ended:
            raised.append((internal["response_over"], ResponseOver(speech_id)))
        if speech.is_over and speech.state != state:
            raised.append((internal["speech_over"], SpeechOver(speech_id)))

    def _end_own_step(self) -> None:
        """Note what the conversation chart itself did until now."""
        if self.transitions or self.effects:
            own = Handled(tuple(self.transitions), tuple(self.effects))
            self._steps.append(SpeechStep("", self._event, own))
            self._event = None
            self.transitions.clear()
            self.effects.clear()

    def _settled(self, event: Event) -> Reply:
        """Try eventless transitions and what was raised, until there is neither; return the reply."""
        conversation, raised = self.conversation, self._raised
        while True:
            found = [taking for find in self._eventless if (taking := find(conversation, None)) is not None]
            if found:
                for taking in found:
                    taking(self, conversation, None)
            elif raised:
                handler, internal = raised.popleft()
                handler(self, conversation, internal)
            else:
                break
        self._end_own_step()
        steps, self._steps = self._steps, []
        return Handled(
            tuple([transition for step in steps for transition in step.reply.transitions]),
            tuple([effect for step in steps for effect in step.reply.effects]),
            tuple(steps),
        )


def _run_table(machine: type[ConversationMachine], table: ModuleType) -> None:
    machine._handlers = {kind: table.CONVERSATION[ev.name_of(kind)] for kind in ev.CONVERSATION_EVENT_TYPES}
    machine._internal = table.TOLD_CONVERSATION
    machine._eventless = table.EVENTLESS


_run_table(ConversationMachine, compiled_table())


def step_conversation(conversation: Conversation, event: Event) -> tuple[Conversation, Reply]:
    """Handle one event without changing `conversation`. If it is not handled, `conversation` itself comes back."""
    after = copy_conversation(conversation)
    machine = ConversationMachine(conversation=after)
    machine._is_pure = True
    reply = machine.send(event)
    return (after if type(reply) is Handled else conversation), reply
