"""The reference: the charts of a speech and its messages, run by python-statemachine's own engine.

It shares the charts, guards, actions and answers with the compiled machine, and none of the compiler. So whatever
the two disagree on, the table was read wrongly. It is a hundred times slower, and there to be compared with.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from statemachine import State, StateChart
from statemachine.engines.sync import SyncEngine
from statemachine.event_data import TriggerData
from statemachine.exceptions import TransitionNotAllowed
from statemachine.graph import iterate_states
from statemachine.orderedset import OrderedSet
from statemachine.spec_parser import operator_mapping, parse_boolean_expr
from statemachine.transition import Transition as ChartTransition

from speech_lifecycle.fsm.chart_model import bound
from speech_lifecycle.fsm.compile.definition import EVENTLESS, ChartDefinition, Transition, definition
from speech_lifecycle.fsm.effects import Effect
from speech_lifecycle.fsm.events import (
    EVENT_TYPES,
    MESSAGE_EVENT_TYPES,
    SOURCE_OF,
    Event,
    SessionMessageAdded,
    name_of,
)
from speech_lifecycle.fsm.message.chart import MessageChart
from speech_lifecycle.fsm.replies import Handled, Ignored, Rejected, Reply, refuse
from speech_lifecycle.fsm.speech.chart import SpeechChart
from speech_lifecycle.fsm.state import DEFAULT_CAPABILITIES, DEFAULT_POLICY, Message, Speech
from speech_lifecycle.fsm.validity import is_valid
from speech_lifecycle.fsm.values import Capabilities, Policy


class ReferenceMachine:
    """One speech, changed in place: what `SpeechMachine` is, run by python-statemachine's engine."""

    def __init__(
        self,
        capabilities: Capabilities = DEFAULT_CAPABILITIES,
        policy: Policy = DEFAULT_POLICY,
        *,
        speech: Speech | None = None,
    ) -> None:
        """Begin a speech, or go on with the one given."""
        self.speech = Speech(capabilities, policy) if speech is None else speech
        self.transitions: list[str] = []
        self._effects: list[Effect] = []
        self._raised: list[str] = []
        self._speech_chart = _Chart(definition().speech, SpeechChart, self, self.speech, None)
        self._message_charts: dict[str, _Chart] = {}

    def restart(self, speech: Speech) -> None:
        """Go on with another speech: building python-statemachine's charts takes longer than many steps."""
        self.speech = speech
        self._speech_chart.begin(speech, None)

    def send(self, event: Event) -> Reply:
        """Handle one event. A rejected or ignored one leaves the speech as it was."""
        self.transitions, self._effects, self._raised = [], [], []
        name = name_of(type(event))
        if type(event) not in EVENT_TYPES:
            return refuse(event, "unknown_event")
        if not is_valid(event):
            return refuse(event, "malformed_event")
        chart = self._speech_chart
        if isinstance(event, MESSAGE_EVENT_TYPES):
            message = self.speech.messages.get(event.message_id)
            if message is None:
                if not isinstance(event, SessionMessageAdded):
                    return refuse(event, "unknown_message")
                message = Message(event.message_id)
            chart = self._chart_of(message)
        if not chart.take(name, event):
            refusal = chart.answer(name, event)
            if refusal is not None:
                return refusal
        for raised in self._raised:  # grows while it is read
            self._speech_chart.take(raised, None)
        return Handled(tuple(self.transitions), tuple(self._effects))

    def emit(self, effect: Effect, /) -> None:
        """Give an effect to the driver."""
        self._effects.append(effect)

    def raise_event(self, event: str, /) -> None:
        """Raise an internal event of the speech chart: it is handled after the present transition."""
        self._raised.append(event)

    def tell(self, speech: Speech, message: Message, event: str, /) -> None:
        """Have a message's chart handle an internal event now, before the next action."""
        chart = self._chart_of(message)
        if not chart.take(event, None):
            chart.answer(event, None)

    def _chart_of(self, message: Message) -> _Chart:
        chart = self._message_charts.get(message.message_id)
        if chart is None:
            chart = _Chart(definition().message, MessageChart, self, self.speech, message)
            self._message_charts[message.message_id] = chart
        elif chart.model.message is not message or chart.model.speech is not self.speech:
            chart.begin(self.speech, message)
        return chart


class _Model:
    """What the engine binds a chart's guards and actions to, and keeps its configuration in."""

    def __init__(
        self,
        transitions: dict[tuple[ChartTransition, str], str],
        run: ReferenceMachine,
        speech: Speech,
        message: Message | None,
    ) -> None:
        self.state: Any = None
        self.event: Event | None = None
        self.has_answered = False
        self.transition_ids = transitions
        self.run = run
        self.speech = speech
        self.message = message

    @property
    def subject(self) -> Speech | Message:
        """Whose state the engine's configuration is."""
        return self.speech if self.message is None else self.message

    @property
    def arguments(self) -> tuple[Any, ...]:
        """What a guard is called with; an action gets the run before it."""
        return (self.speech, self.event) if self.message is None else (self.speech, self.message, self.event)

    def before_transition(self, transition: ChartTransition, event: str | None) -> None:
        """Note the transition before its actions cause others."""
        self.has_answered = True
        self.run.transitions.append(self.transition_ids[transition, event or EVENTLESS])

    def after_transition(self, machine: StateChart[Any]) -> None:
        """Mirror the state when the actions are done: they still see the old one."""
        (leaf,) = (state.id for state in machine.configuration if state.is_atomic)
        self.subject.state = leaf  # type: ignore[assignment]


class Engine(SyncEngine):
    """python-statemachine's engine, with SCXML's order: an event comes before the transitions that need none.

    By itself it tries those first whenever it is sent something. That is the same as long as nobody else changes
    what their guards read; but the speech's guards read its messages, which change before they say so. Those of several
    regions are taken in document order.
    """

    def select_eventless_transitions(self, trigger_data: TriggerData) -> OrderedSet[ChartTransition]:
        """Return the transitions to take without an event, in document order."""
        if not self.sm.model.has_answered:
            return OrderedSet()
        selected: OrderedSet[ChartTransition] = super().select_eventless_transitions(trigger_data)
        return OrderedSet(sorted(selected, key=lambda transition: transition.source.document_order))


class _Chart:
    """One instance of a chart, and its engine."""

    def __init__(
        self,
        chart: ChartDefinition,
        chart_class: type[StateChart[Any]],
        run: ReferenceMachine,
        speech: Speech,
        message: Message | None,
    ) -> None:
        self.definition = chart
        self.model = _model_class(chart.name)(transition_ids(chart.name, chart_class), run, speech, message)
        self.model.state = OrderedSet(chart.ancestry(self.model.subject.state))
        self.engine = chart_class(self.model)
        self.begin(speech, message)

    def begin(self, speech: Speech, message: Message | None) -> None:
        """Begin where the speech or its message is, without a step of its own."""
        self.model.speech, self.model.message = speech, message
        self.model.state = OrderedSet(self.definition.ancestry(self.model.subject.state))
        self.engine._engine = Engine(self.engine)

    def take(self, name: str, event: Event | None) -> bool:
        """Have the engine handle an event. False: no transition takes it."""
        self.model.event = event
        self.model.has_answered = False
        try:
            self.engine.send(name)
        except TransitionNotAllowed:
            return False
        return True

    def answer(self, name: str, event: Event | None) -> Ignored | Rejected | None:
        """Return what the Definition answers to an event that no transition takes; None if that is to handle it.

        What a message is told (`event` is None) it may leave unanswered.
        """
        state = self.model.subject.state
        transition = unhandled_answer(self.definition, state, name, self.model)
        if transition is None:
            assert event is None, f"no answer to {event} in {state}"
            return None
        if transition.kind == "handled":
            self.model.run.transitions.append(transition.id)
            for action in transition.actions:
                getattr(self.model, action)()
            return None
        return reply_of(transition, state)


def unhandled_answer(chart: ChartDefinition, state: str, event: str, model: object) -> Transition | None:
    """Return the first answer to an event that no transition takes whose condition holds of a model; None: no such."""
    is_final = chart.state[state].is_final
    for transition in chart.cell(state, event):
        if transition.kind == "handled" and not is_final:
            continue
        if transition.cond == "" or _holds(transition.cond, model):
            return transition
    return None


def reply_of(answer: Transition, state: str) -> Ignored | Rejected:
    """Return the reply that an answer gives in a state."""
    if answer.kind == "ignored":
        return Ignored(answer.id, state, answer.reason)
    return Rejected(answer.event, answer.id, state, answer.reason, SOURCE_OF[answer.event])


def _holds(cond: str, model: object) -> bool:
    holds = parse_boolean_expr(cond, lambda name: getattr(model, name), operator_mapping)  # type: ignore[no-untyped-call]
    return bool(holds())


@cache
def _model_class(chart_name: str) -> type[_Model]:
    chart = getattr(definition(), chart_name)
    return bound(_Model, chart_name, chart.guards, chart.actions)


@cache
def transition_ids(chart_name: str, chart_class: type[StateChart[Any]]) -> dict[tuple[ChartTransition, str], str]:
    """Return the Definition's transition id of each transition and event of a chart."""
    transitions = iter(
        transition for transition in getattr(definition(), chart_name).transitions if transition.kind == "handled"
    )
    ids = {}
    state: State
    for state in iterate_states(chart_class.states):
        for declared in state.transitions:
            if declared.initial:
                continue
            for event in [event.id for event in declared.events] or [EVENTLESS]:
                transition = next(transitions)
                assert (transition.source, transition.event) == (state.id, event), (
                    f"{transition.id} is not where the chart has it"
                )
                ids[declared, event] = transition.id
    return ids
