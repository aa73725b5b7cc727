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
from ..events import Event, SessionMessageAdded, SpeechEvent
from ..machine import OnEvent, OnRaised, compiled_table
from ..notebook import mimebundle
from ..replies import Handled, Reply, SpeechStep, refuse
from ..state import DEFAULT_CAPABILITIES, DEFAULT_CONVERSATION_POLICY, Conversation, Speech
from ..validity import is_valid
from ..values import Capabilities, ConversationPolicy
from .internal_events import InternalEvent
from .routing import speech_named_by, why_unknown

if TYPE_CHECKING:
    from ..compile.definition import Definition

Handler = Callable[["ConversationMachine", Conversation, Any], Reply | None]
Raised = tuple[Handler, InternalEvent | None]
Notices = Callable[[list[Raised], Speech, str, bool], None]
Finder = Callable[[Conversation, None], tuple[Handler, ...]]


class ConversationMachine:
    """One conversation, changed in place."""

    __slots__ = (
        "_event",
        "_is_pure",
        "_keeps_steps",
        "_noted",
        "_raised",
        "_speech_of",
        "_steps",
        "conversation",
        "effects",
        "raised",
        "transitions",
    )

    definition_digest: ClassVar[str]
    """Which definition it runs."""
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
        self._is_pure = False
        self._keeps_steps = keep_steps
        speeches, by_message = self.conversation.speeches, self.conversation.by_message
        # A shorter way to the speech of a message than by its name. It is no part of the snapshot.
        self._speech_of = {each: speeches[of] for each, of in by_message.items() if of in speeches}
        self._event: Event | None = None
        self._raised: list[Raised] = []
        self._steps: list[SpeechStep] = []
        self._noted = (0, 0)
        # What the present event has caused so far: compiled functions write here, those of speeches like those of the
        # conversation. What is raised is that of a speech, and handled before anything else.
        self.effects: list[Effect] = []
        self.raised: list[OnRaised] = []
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
        try:
            reply = handle(self, speech, event)
        except TypeError:
            return self._malformed(event)
        if reply is not None:
            return reply
        if self.raised:
            # Only what a message raises can change more of the speech than the message.
            state, had_ended, agent_state = speech.state, speech.response_has_ended, speech.agent_state
            for handle_raised in self.raised:  # grows while it is read
                handle_raised(self, speech)
            self.raised = []
            if speech.state != state or speech.agent_state != agent_state or speech.response_has_ended != had_ended:
                self._take_over(event, speech, state, had_ended)
                return self._settled()
        reply = Handled(tuple(self.transitions), tuple(self.effects))
        self.transitions = []
        self.effects = []
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
            return self._settled()
        self._event = None
        return reply

    def _ask_speech(self, speech_id: str, speech: Speech, event: Event) -> Reply:
        if self._is_pure:
            self.conversation.speeches[speech_id] = speech = copy_speech(speech)
        state, had_ended, agent_state = speech.state, speech.response_has_ended, speech.agent_state
        try:
            reply = self._of_speech[type(event)](self, speech, event)
            if reply is None:
                for handle_raised in self.raised:  # grows while it is read
                    handle_raised(self, speech)
                self.raised = []
            elif type(reply) is Handled:
                self.transitions += reply.transitions
            else:
                return reply
        except TypeError:
            return self._malformed(event)
        if type(event) is SessionMessageAdded:
            self.conversation.by_message[event.message_id] = speech_id
            if not self._is_pure:
                self._speech_of[event.message_id] = speech
        if speech.state != state or speech.agent_state != agent_state or speech.response_has_ended != had_ended:
            self._take_over(event, speech, state, had_ended)
            return self._settled()
        reply = Handled(tuple(self.transitions), tuple(self.effects))
        self.transitions = []
        self.effects = []
        return reply

    def _malformed(self, event: Event) -> Reply:
        for caused in (self.effects, self.raised, self.transitions, self._raised):
            caused.clear()
        self._event = None
        if is_valid(event):
            raise  # the TypeError that is being handled is one of ours
        return refuse(event, "malformed_event")

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        """Return what Jupyter shows: its conversation."""
        return mimebundle(self.conversation, repr(self.conversation))

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
        state, had_ended, count = speech.state, speech.response_has_ended, len(self.effects)
        reply = self._of_speech[type(event)](self, speech, event)
        if reply is None:
            for handle_raised in self.raised:  # grows while it is read
                handle_raised(self, speech)
            self.raised = []
        elif type(reply) is Handled:
            self.transitions += reply.transitions
        else:
            if self._keeps_steps:
                self._steps.append(SpeechStep(speech_id, event, reply))
            return
        self._take_over(event, speech, state, had_ended, count)

    # Steps

    def _take_over(self, event: Event, speech: Speech, state: str, had_ended: bool, count: int = 0) -> None:
        """Take over what a speech has caused, and what the conversation is told of it.

        Args:
            event: what the speech has handled.
            speech: the speech.
            state: its state before that.
            had_ended: whether its response had ended before that.
            count: how many effects there were before that.
        """
        effects = self.effects
        index = len(effects)
        while index > count:
            index -= 1
            # The agent's state is that of the whole conversation, and announced by its chart.
            if type(effects[index]) is AnnounceAgentState:
                del effects[index]
        if self._keeps_steps:
            self._note_step(speech.speech_id, event)
        if speech.state != state or speech.response_has_ended != had_ended:
            (notices,) = self._notices
            notices(self._raised, speech, state, had_ended)

    def _note_own_step(self) -> None:
        """Note what the conversation chart itself did since the last step."""
        if self._noted != (len(self.transitions), len(self.effects)):
            self._note_step("", self._event)
            self._event = None

    def _note_step(self, speech_id: str, event: Event | None) -> None:
        """Note what was done since the last step, and by whom."""
        transitions, effects = self._noted
        done = Handled(tuple(self.transitions[transitions:]), tuple(self.effects[effects:]))
        self._steps.append(SpeechStep(speech_id, event, done))
        self._noted = len(self.transitions), len(self.effects)

    def _settled(self) -> Reply:
        """Try eventless transitions and what was raised, until there is neither; return the reply."""
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
        self._event = None
        if len(self._speech_of) > len(conversation.by_message):
            self._forget()
        reply = Handled(tuple(self.transitions), tuple(self.effects), tuple(self._steps))
        self.transitions = []
        self.effects = []
        if self._keeps_steps:
            self._steps = []
            self._noted = (0, 0)
        return reply

    def _forget(self) -> None:
        """Keep no way to messages that the conversation has forgotten."""
        known = self.conversation.by_message
        for message_id in [each for each in self._speech_of if each not in known]:
            del self._speech_of[message_id]


def _tables(table: ModuleType) -> dict[str, Any]:
    """Return what a class of machines has of the definition that it runs."""
    of_speech = {kind: table.EVENTS[ev.name_of(kind)] for kind in ev.EVENT_TYPES}
    return {
        "definition_digest": table.DIGEST,
        "_of_speech": of_speech,
        "_of_message": {kind: of_speech[kind] for kind in ev.MESSAGE_EVENT_TYPES},
        "_handlers": {kind: table.CONVERSATION[ev.name_of(kind)] for kind in ev.CONVERSATION_EVENT_TYPES},
        "_internal": table.TOLD_CONVERSATION,
        "_eventless": (table.EVENTLESS,),
        "_notices": (table.NOTICES,),
    }


for _name, _table in _tables(compiled_table()).items():
    setattr(ConversationMachine, _name, _table)


def conversation_machine_for(definition: Definition) -> type[ConversationMachine]:
    """Return the class of machines that run another Definition than the package's own."""
    from ..compile.variants import compile_variant

    tables = _tables(compile_variant(definition))
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
