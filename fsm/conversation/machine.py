"""The running conversation: one session with one listener, and all of its speeches.

`step_conversation` is pure: a snapshot and an event give a new snapshot and a reply. `ConversationMachine` does the
same in place.

An event is answered by the chart that it is about: one that names a message, a response or a speech by that speech's
charts, any other by the conversation chart. What names something unknown is rejected, not lost. When a speech has taken
a step, the conversation is told what that means to others, and tries its eventless transitions. All of it is one step.
"""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import TYPE_CHECKING, Any, ClassVar

from .. import events as ev
from ..copying import copy_conversation, copy_speech
from ..effects import AnnounceAgentState, Effect
from ..events import Event, SpeechEvent
from ..machine import OnEvent, SpeechMachine, compiled_table, machine_with
from ..replies import Handled, Reply, SpeechStep, refuse
from ..state import DEFAULT_CAPABILITIES, DEFAULT_CONVERSATION_POLICY, Conversation, Speech
from ..validity import is_valid
from ..values import Capabilities, ConversationPolicy
from .internal_events import InternalEvent
from .routing import speech_named_by, why_unknown

if TYPE_CHECKING:
    from ..compile.definition import Definition

Handler = Callable[["ConversationMachine", Conversation, Any], Reply | None]
Notices = Callable[[Speech, str, bool], list[tuple[str, type[InternalEvent]]]]
Finder = Callable[[Conversation, None], list[Handler]]


class ConversationMachine:
    """One conversation, changed in place."""

    __slots__ = (
        "_event",
        "_is_pure",
        "_keeps_steps",
        "_noted",
        "_raised",
        "_run",
        "_speech_of",
        "_steps",
        "conversation",
        "effects",
        "transitions",
    )

    definition_digest: ClassVar[str]
    """Which definition it runs."""
    _speech_machine: ClassVar[type[SpeechMachine]]
    _of_message: ClassVar[dict[type[Any], OnEvent]]
    _of_speech: ClassVar[dict[type[Any], OnEvent]]
    _handlers: ClassVar[dict[type[Any], Handler]]
    _internal: ClassVar[dict[str, Handler]]
    _eventless: ClassVar[tuple[Finder]]
    _notices: ClassVar[tuple[Notices]]

    def __init__(
        self,
        capabilities: Capabilities = DEFAULT_CAPABILITIES,
        policy: ConversationPolicy = DEFAULT_CONVERSATION_POLICY,
        *,
        conversation: Conversation | None = None,
        keep_steps: bool = False,
    ) -> None:
        """Begin a conversation, or go on with the one given.

        Args:
            capabilities: what server and output can do.
            policy: what the embedding agent wants.
            conversation: one to go on with, instead of a new one.
            keep_steps: have replies say what each speech did, in `steps`; a trace needs that.
        """
        self.conversation = Conversation(capabilities, policy) if conversation is None else conversation
        self._run = self._speech_machine()
        self._is_pure = False
        self._keeps_steps = keep_steps
        speeches, by_message = self.conversation.speeches, self.conversation.by_message
        # A shorter way to the speech of a message than by its name. It is no part of the snapshot.
        self._speech_of = {each: speeches[of] for each, of in by_message.items() if of in speeches}
        self._event: Event | None = None
        self._raised: list[tuple[Handler, InternalEvent | None]] = []
        self._steps: list[SpeechStep] = []
        self._noted = (0, 0)
        # What the present event has caused so far: compiled functions write here what the conversation chart causes.
        self.effects: list[Effect] = []
        self.transitions: list[str] = []

    def send(self, event: Event) -> Reply:
        """Handle one event. A rejected or ignored one leaves the conversation as it was."""
        handle = self._of_message.get(type(event))
        if handle is None:
            return self._send_otherwise(event)
        try:
            speech = self._speech_of.get(event.message_id)  # type: ignore[union-attr]
        except TypeError:
            return self._malformed(event)
        if speech is None:
            return self._send_otherwise(event)
        run = self._run
        try:
            reply = handle(run, speech, event)
        except TypeError:
            return self._malformed(event)
        if reply is not None:
            return reply
        raised = run.raised
        if raised:
            # Only what a message raises can change more of the speech than the message.
            before = speech.state, speech.response_has_ended, speech.agent_state
            for handle_raised in raised:  # grows while it is read
                handle_raised(run, speech)
            run.raised = []
            if before != (speech.state, speech.response_has_ended, speech.agent_state):
                return self._settled(event, speech, before)
        reply = Handled(tuple(run.transitions), tuple(run.effects))
        run.transitions = []
        run.effects = []
        return reply

    def speech_of(self, event: Event) -> str:
        """Return the name of the speech that an event is about, by what it names; "" if it is about none."""
        try:
            return speech_named_by(self.conversation, event) or ""
        except TypeError:
            return ""

    # Who is asked

    def _send_otherwise(self, event: Event) -> Reply:
        """Handle an event that does not name a message of a known speech."""
        try:
            speech_id = speech_named_by(self.conversation, event)
            speech = None if speech_id is None else self.conversation.speeches.get(speech_id)
        except TypeError:
            return self._malformed(event)
        if speech_id is not None and speech is not None:
            return self._ask_speech(speech_id, speech, event)
        handler = self._handlers.get(type(event)) if speech_id is None else None
        if handler is not None:
            return self._ask_conversation(handler, event)
        if type(event) not in ev.EVERY_EVENT_TYPE:
            return refuse(event, "unknown_event")
        if not is_valid(event):
            return refuse(event, "malformed_event")
        return refuse(event, why_unknown(event) if speech_id is None else "no_speech")

    def _ask_conversation(self, handler: Handler, event: Event) -> Reply:
        self._event = event
        try:
            reply = handler(self, self.conversation, event)
        except TypeError:
            return self._malformed(event)
        if reply is None:
            return self._settled(event)
        self._event = None
        return reply

    def _ask_speech(self, speech_id: str, speech: Speech, event: Event) -> Reply:
        if self._is_pure:
            self.conversation.speeches[speech_id] = speech = copy_speech(speech)
        before = speech.state, speech.response_has_ended, speech.agent_state
        try:
            answer = self._have_handled(speech, event)
        except TypeError:
            return self._malformed(event)
        if answer is not None:
            return answer
        if type(event) is ev.SessionMessageAdded:
            self.conversation.by_message[event.message_id] = speech_id
            if not self._is_pure:
                self._speech_of[event.message_id] = speech
        if before != (speech.state, speech.response_has_ended, speech.agent_state):
            return self._settled(event, speech, before)
        run = self._run
        reply = Handled(tuple(run.transitions), tuple(run.effects))
        run.transitions = []
        run.effects = []
        return reply

    def _have_handled(self, speech: Speech, event: Event) -> Reply | None:
        """Have a speech handle an event. Return None if it does: the run has collected what was caused."""
        run = self._run
        reply = self._of_speech[type(event)](run, speech, event)
        if reply is None:
            for handle_raised in run.raised:  # grows while it is read
                handle_raised(run, speech)
            run.raised = []
        elif type(reply) is Handled:
            run.transitions.extend(reply.transitions)
            return None
        return reply

    def _malformed(self, event: Event) -> Reply:
        run = self._run
        for caused in (run.effects, run.raised, run.transitions, self.effects, self.transitions, self._raised):
            caused.clear()
        self._event = None
        if is_valid(event):
            raise  # the TypeError that is being handled is one of ours
        return refuse(event, "malformed_event")

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
        if self._keeps_steps:
            self._note_own_step()
        before = speech.state, speech.response_has_ended, speech.agent_state
        answer = self._have_handled(speech, event)
        if answer is None:
            self._take_over(event, speech, before)
        elif self._keeps_steps:
            self._steps.append(SpeechStep(speech_id, event, answer))

    # Steps

    def _take_over(self, event: Event, speech: Speech, before: tuple[str, bool, str | None]) -> None:
        """Take over what a speech has caused, and what the conversation is told of it."""
        run, effects, transitions = self._run, self.effects, self.transitions
        state, had_ended, _ = before
        # The agent's state is that of the whole conversation, and announced by its chart.
        caused = [effect for effect in run.effects if type(effect) is not AnnounceAgentState]
        if self._keeps_steps:
            step = Handled(tuple(run.transitions), tuple(caused))
            self._steps.append(SpeechStep(speech.speech_id, event, step))
        effects += caused
        transitions += run.transitions
        run.effects = []
        run.transitions = []
        self._noted = len(transitions), len(effects)
        if speech.state == state and speech.response_has_ended == had_ended:
            return
        (notices,) = self._notices
        for name, event_type in notices(speech, state, had_ended):
            self._raised.append((self._internal[name], event_type(speech.speech_id)))

    def _note_own_step(self) -> None:
        """Note what the conversation chart itself did since the last step."""
        transitions, effects = self._noted
        own = Handled(tuple(self.transitions[transitions:]), tuple(self.effects[effects:]))
        if own.transitions or own.effects:
            self._steps.append(SpeechStep("", self._event, own))
            self._event = None
            self._noted = len(self.transitions), len(self.effects)

    def _settled(
        self, event: Event, speech: Speech | None = None, before: tuple[str, bool, str | None] = ("", False, None)
    ) -> Reply:
        """Try eventless transitions and what was raised, until there is neither; return the reply.

        Args:
            event: what was handled.
            speech: the speech that has handled it, if it was one.
            before: what the speech was before.
        """
        if speech is not None:
            self._take_over(event, speech, before)
        conversation, raised = self.conversation, self._raised
        (find,) = self._eventless
        handled = 0
        while True:
            found = find(conversation, None)
            if found:
                for take in found:
                    take(self, conversation, None)
            elif handled < len(raised):
                handler, internal = raised[handled]
                handled += 1
                handler(self, conversation, internal)
            else:
                break
        raised.clear()
        if self._keeps_steps:
            self._note_own_step()
        reply = Handled(tuple(self.transitions), tuple(self.effects), tuple(self._steps))
        self.transitions = []
        self.effects = []
        self._steps = []
        self._noted = (0, 0)
        self._event = None
        if speech is None or speech.is_over:
            self._forget()
        return reply

    def _forget(self) -> None:
        """Keep no way to messages that the conversation has forgotten."""
        if len(self._speech_of) > len(self.conversation.by_message):
            known = self.conversation.by_message
            for message_id in [each for each in self._speech_of if each not in known]:
                del self._speech_of[message_id]


def _tables(table: ModuleType, speech_machine: type[SpeechMachine]) -> dict[str, Any]:
    """Return what a class of machines has of the definition that it runs."""
    of_speech = {kind: table.EVENTS[ev.name_of(kind)] for kind in ev.EVENT_TYPES}
    return {
        "definition_digest": table.DIGEST,
        "_speech_machine": speech_machine,
        "_of_speech": of_speech,
        "_of_message": {kind: of_speech[kind] for kind in ev.MESSAGE_EVENT_TYPES},
        "_handlers": {kind: table.CONVERSATION[ev.name_of(kind)] for kind in ev.CONVERSATION_EVENT_TYPES},
        "_internal": table.TOLD_CONVERSATION,
        "_eventless": (table.EVENTLESS,),
        "_notices": (table.NOTICES,),
    }


for _name, _table in _tables(compiled_table(), SpeechMachine).items():
    setattr(ConversationMachine, _name, _table)


def conversation_machine_for(definition: Definition) -> type[ConversationMachine]:
    """Return the class of machines that run another Definition than the package's own."""
    from ..compile.variants import compile_variant

    compiled = compile_variant(definition)
    tables = _tables(compiled, machine_with(compiled))
    return type("OtherConversationMachine", (ConversationMachine,), {"__slots__": (), **tables})


def step_conversation(conversation: Conversation, event: Event) -> tuple[Conversation, Reply]:
    """Handle one event without changing `conversation`. If it is not handled, `conversation` itself comes back."""
    after = copy_conversation(conversation)
    machine = ConversationMachine(conversation=after)
    machine._is_pure = True
    # Its speeches are still those of `conversation`: each is copied before it is told something.
    machine._speech_of = {}
    reply = machine.send(event)
    return (after if type(reply) is Handled else conversation), reply
