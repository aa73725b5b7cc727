"""The reference of a conversation: its chart, run by python-statemachine's own engine.

It shares the chart, its guards, its actions and its answers with `ConversationMachine`, and nothing of the compiler.
What the machine does around the chart (whom an event is about, what the conversation is told of a speech, in which
order) is written here once more, as the specification has it. So whatever the two disagree on is wrong in one of them.
"""

from __future__ import annotations

from collections import deque
from functools import cache
from typing import Any

from statemachine import StateChart
from statemachine.event_data import TriggerData
from statemachine.exceptions import TransitionNotAllowed
from statemachine.orderedset import OrderedSet
from statemachine.transition import Transition as ChartTransition

from speech_lifecycle.fsm.chart_model import bound
from speech_lifecycle.fsm.compile.definition import EVENTLESS, ChartDefinition, definition
from speech_lifecycle.fsm.conversation.chart import ConversationChart
from speech_lifecycle.fsm.conversation.internal_events import (
    InternalEvent,
    ResponseOver,
    SpeechOver,
    SpeechResumed,
    SpeechStopped,
)
from speech_lifecycle.fsm.effects import AnnounceAgentState, Effect
from speech_lifecycle.fsm.errors import SpeechLifecycleError
from speech_lifecycle.fsm.events import (
    CONVERSATION_EVENT_TYPES,
    EVERY_EVENT_TYPE,
    MESSAGE_EVENT_TYPES,
    Event,
    SessionItemAdded,
    SessionMessageAdded,
    SessionReconciliationAcknowledged,
    SessionReconciliationRefused,
    SessionRequestRefused,
    SessionResponseCreated,
    SessionResponseEnded,
    SessionResponseProgressed,
    SpeechEvent,
    name_of,
)
from speech_lifecycle.fsm.machine import SpeechMachine
from speech_lifecycle.fsm.replies import Handled, Reply, SpeechStep, refuse
from speech_lifecycle.fsm.state import Conversation
from speech_lifecycle.fsm.validity import is_valid
from speech_lifecycle.fsm.values import STOPPABLE_SPEECH_STATES, snake_case

from ..reference import Engine, reply_of, transition_ids, unhandled_answer

_ABOUT_MESSAGES = (*MESSAGE_EVENT_TYPES, SessionReconciliationAcknowledged, SessionReconciliationRefused)
_ANSWERED_BY_THE_CHART = (SessionResponseCreated, SessionRequestRefused)
"""They name the speech whose request they answer, and are about all of them."""


class _Unknown(SpeechLifecycleError):  # noqa: N818
    """The event names what nobody knows. The argument is the reason."""


class ReferenceConversation:
    """One conversation, changed in place: what `ConversationMachine` is, run by python-statemachine's engine."""

    def __init__(self, conversation: Conversation) -> None:
        """Go on with a conversation."""
        self.conversation = conversation
        self.transitions: list[str] = []
        """Those of the conversation chart since the last step of a speech."""
        self._effects: list[Effect] = []
        self._event: Event | None = None
        self._raised: deque[tuple[str, InternalEvent | None]] = deque()
        self._steps: list[SpeechStep] = []
        self._speech_machine = SpeechMachine()
        self._chart = _Chart(self)

    def restart(self, conversation: Conversation) -> None:
        """Go on with another conversation: building python-statemachine's charts takes longer than many steps."""
        self.conversation = conversation
        self._chart.begin()

    def send(self, event: Event) -> Reply:
        """Handle one event. A rejected or ignored one leaves the conversation as it was."""
        if type(event) in EVERY_EVENT_TYPE and not is_valid(event):
            return refuse(event, "malformed_event")
        try:
            speech_id = self._speech_of(event)
        except _Unknown as unknown:
            return refuse(event, str(unknown))
        if speech_id is None:
            return self._send_to_chart(event)
        if speech_id not in self.conversation.speeches:
            return refuse(event, "no_speech")
        return self._send_to_speech(speech_id, event)

    def _speech_of(self, event: Any) -> str | None:
        """Return the name of the speech that an event is about; None if the chart answers it."""
        conversation = self.conversation
        if isinstance(event, _ABOUT_MESSAGES):
            speech_id = conversation.by_message.get(event.message_id)
            if speech_id is None and not isinstance(event, SessionMessageAdded):
                raise _Unknown("unknown_message")
            if speech_id is not None:
                return speech_id
        if isinstance(event, SessionMessageAdded | SessionItemAdded | SessionResponseProgressed | SessionResponseEnded):
            if event.response_id not in conversation.by_response:
                raise _Unknown("unknown_response")
            return conversation.by_response[event.response_id]
        name = getattr(event, "speech_id", "")
        is_the_charts = type(event) in CONVERSATION_EVENT_TYPES
        if name and not (is_the_charts and not _is_command_of_a_speech(event)):
            return str(name)
        if not is_the_charts:
            raise _Unknown("no_speech" if type(event) in EVERY_EVENT_TYPE else "unknown_event")
        return None

    def _send_to_chart(self, event: Event) -> Reply:
        self._event = event
        name = name_of(type(event))
        if not self._chart.take(name, event):
            self._event = None
            return self._chart.answer(name, event)
        self._handle_raised()
        return self._reply()

    def _send_to_speech(self, speech_id: str, event: Any) -> Reply:
        before = self._looks(speech_id)
        reply = self._told(speech_id, event)
        if type(reply) is not Handled:
            self._steps = []
            return reply
        if isinstance(event, SessionMessageAdded):
            self.conversation.by_message[event.message_id] = speech_id
        self._chart.follow()
        self._handle_raised()
        whole = self._reply()
        # If it means nothing to others, the reply is the speech's own.
        return reply if before == self._looks(speech_id) and len(whole.steps) == 1 else whole

    def _looks(self, speech_id: str) -> tuple[object, ...]:
        speech = self.conversation.speeches.get(speech_id)
        return () if speech is None else (speech.state, speech.response_has_ended, speech.agent_state)

    def _handle_raised(self) -> None:
        while self._raised:
            self._chart.take(*self._raised.popleft())

    def _reply(self) -> Handled:
        self._end_own_step()
        steps, self._steps = self._steps, []
        return Handled(
            tuple(transition for step in steps for transition in step.reply.transitions),
            tuple(effect for step in steps for effect in step.reply.effects),
            tuple(steps),
        )

    # What an action may do

    def emit(self, effect: Effect, /) -> None:
        """Give an effect to the driver."""
        self._effects.append(effect)

    def raise_event(self, event: str, /) -> None:
        """Raise an internal event of the conversation chart: it is handled after the present transition."""
        self._raised.append((event, None))

    def tell_speech(self, conversation: Conversation, speech_id: str, event: SpeechEvent, /) -> None:
        """Have a speech handle an event now, before the next action."""
        self._end_own_step()
        self._told(speech_id, event)

    def _told(self, speech_id: str, event: SpeechEvent) -> Reply:
        """Have a speech handle an event, note its step, and raise what the conversation is told of it."""
        speech = self.conversation.speeches[speech_id]
        state, had_ended = speech.state, speech.response_has_ended
        self._speech_machine.speech = speech
        reply = self._speech_machine.send(event)
        if type(reply) is not Handled:
            self._steps.append(SpeechStep(speech_id, event, reply))
            return reply
        effects = tuple(effect for effect in reply.effects if not isinstance(effect, AnnounceAgentState))
        self._steps.append(SpeechStep(speech_id, event, Handled(reply.transitions, effects)))
        if state in STOPPABLE_SPEECH_STATES and speech.cause is not None:
            self._raise(SpeechStopped(speech_id))
        elif state == "paused" and speech.state in ("waiting", "speaking"):
            self._raise(SpeechResumed(speech_id))
        if speech.response_has_ended and not had_ended:
            self._raise(ResponseOver(speech_id))
        if speech.is_over and speech.state != state:
            self._raise(SpeechOver(speech_id))
        return reply

    def _raise(self, internal: InternalEvent) -> None:
        self._raised.append((snake_case(type(internal).__name__), internal))

    def _end_own_step(self) -> None:
        if self.transitions or self._effects:
            own = Handled(tuple(self.transitions), tuple(self._effects))
            self._steps.append(SpeechStep("", self._event, own))
            self._event = None
            self.transitions, self._effects = [], []


def _is_command_of_a_speech(event: Event) -> bool:
    """Whether the event, if it names a speech, is answered by that: some say who waits for the floor or an answer."""
    return name_of(type(event)) in _COMMANDS_WITH_A_NAME


_COMMANDS_WITH_A_NAME = frozenset({"interrupt", "pause", "resume", "close", "timer_fired"})


class _Model:
    """What the engine binds the chart's guards and actions to, and keeps its configuration in."""

    transition_ids: dict[tuple[ChartTransition, str], str]

    def __init__(self, run: ReferenceConversation) -> None:
        self.state: Any = None
        self.event: Event | InternalEvent | None = None
        self.has_answered = False
        self.run = run

    @property
    def arguments(self) -> tuple[Any, ...]:
        """What a guard is called with; an action gets the run before it."""
        return self.run.conversation, self.event

    def on_transition(self, transition: ChartTransition, event: str | None) -> None:
        """Note the transition before its actions, and after those of the regions before."""
        self.has_answered = True
        self.run.transitions.append(self.transition_ids[transition, event or EVENTLESS])

    def after_transition(self, machine: StateChart[Any]) -> None:
        """Mirror the states when the actions are done: they still see the old ones."""
        for state in machine.configuration:
            if state.is_atomic and state.parent is not None:
                setattr(self.run.conversation, state.parent.id, state.id)


class _Engine(Engine):
    """An eventless transition is no answer to the event before it."""

    def select_eventless_transitions(self, trigger_data: TriggerData) -> OrderedSet[ChartTransition]:
        """Return the transitions to take without an event, which their guards and actions are not given."""
        selected = super().select_eventless_transitions(trigger_data)
        if selected:
            self.sm.model.event = None
        return selected


class _Chart:
    """The conversation chart, and its engine."""

    def __init__(self, run: ReferenceConversation) -> None:
        self._run = run
        self._definition = definition().conversation
        self._model = _model_class()(run)
        self._model.state = self._configuration()
        self._engine = ConversationChart(self._model)
        self.begin()

    def begin(self) -> None:
        """Begin where the conversation is, without a step of its own."""
        self._model.state = self._configuration()
        self._engine._engine = _Engine(self._engine)

    def _configuration(self) -> OrderedSet[str]:
        active = {
            level for region in self._definition.regions for level in self._definition.ancestry(self._state_of(region))
        }
        return OrderedSet(state.id for state in self._definition.states if state.id in active)

    def _state_of(self, region: ChartDefinition) -> str:
        return str(getattr(self._run.conversation, region.region))

    def take(self, name: str, event: Event | InternalEvent | None) -> bool:
        """Have the engine handle an event, and what needs none after it. False: no transition takes it."""
        self._model.event = event
        self._model.has_answered = False
        try:
            self._engine.send(name)
        except TransitionNotAllowed:
            return False
        return True

    def follow(self) -> None:
        """Have the engine take the transitions that need no event."""
        self._model.event = None
        self._model.has_answered = True
        self._engine._engine.processing_loop()

    def answer(self, name: str, event: Event) -> Reply:
        """Return what the Definition answers to an event that no transition takes."""
        self._model.event = event
        (region,) = (region for region in self._definition.regions if name in region.events)
        state = self._state_of(region)
        answer = unhandled_answer(region, state, name, self._model)
        assert answer is not None, f"no answer to {event} in {state}"
        return reply_of(answer, state)


@cache
def _model_class() -> type[_Model]:
    chart = definition().conversation
    model = bound(_Model, chart.name, chart.guards, chart.actions)
    model.transition_ids = transition_ids("conversation", ConversationChart)
    return model
