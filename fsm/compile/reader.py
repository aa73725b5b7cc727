"""Reads the Definition from the charts: python-statemachine's own, by introspection, and the answers beside them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

from statemachine import StateChart
from statemachine.graph import iterate_states

from ..answers import Answer
from ..conversation import actions as conversation_actions
from ..conversation import chart as conversation
from ..conversation import guards as conversation_guards
from ..events import CONVERSATION_EVENT_TYPES, MESSAGE_EVENT_TYPES, SPEECH_EVENT_TYPES, name_of
from ..message import actions as message_actions
from ..message import chart as message
from ..message import guards as message_guards
from ..naming import name_of_transition
from ..speech import actions as speech_actions
from ..speech import chart as speech
from ..speech import guards as speech_guards
from .definition import EVENTLESS, ChartDefinition, ChartName, Definition, DefinitionError, StateNode, Transition


def read() -> Definition:
    """Return what the three charts declare.

    Raises:
        DefinitionError: a chart uses what the table cannot say.
    """
    return Definition(
        message=read_chart(
            "message",
            message.MessageChart,
            message.ANSWERS,
            tuple(name_of(event_type) for event_type in MESSAGE_EVENT_TYPES),
            message.INTERNAL_EVENTS,
            _public(message_guards),
            _public(message_actions),
        ),
        speech=read_chart(
            "speech",
            speech.SpeechChart,
            speech.ANSWERS,
            tuple(name_of(event_type) for event_type in SPEECH_EVENT_TYPES),
            speech.INTERNAL_EVENTS,
            _public(speech_guards),
            _public(speech_actions),
        ),
        conversation=read_chart(
            "conversation",
            conversation.ConversationChart,
            conversation.ANSWERS,
            tuple(name_of(event_type) for event_type in CONVERSATION_EVENT_TYPES),
            conversation.INTERNAL_EVENTS,
            _public(conversation_guards),
            _public(conversation_actions),
        ),
    )


def _public(module: ModuleType) -> dict[str, Callable[..., Any]]:
    """Return the public functions that a module defines, by name."""
    return {
        name: function
        for name, function in vars(module).items()
        if inspect.isfunction(function) and not name.startswith("_") and function.__module__ == module.__name__
    }


def read_chart(
    name: ChartName,
    chart: type[StateChart[Any]],
    answers: tuple[Answer, ...],
    events: tuple[str, ...],
    internal_events: tuple[str, ...],
    guards: Mapping[str, Callable[..., bool]],
    actions: Mapping[str, Callable[..., None]],
) -> ChartDefinition:
    """Read a python-statemachine chart, and its answers, into a table.

    Raises:
        DefinitionError: the chart uses what the table cannot say, such as callbacks found by naming convention.
    """
    states = list(iterate_states(chart.states))
    nodes = tuple(
        StateNode(
            id=state.id,
            parent=state.parent.id if state.parent else None,
            is_initial=bool(state.initial),
            is_final=bool(state.final),
            is_compound=bool(state.states),
            is_parallel=bool(state.parallel),
        )
        for state in states
    )
    transitions: list[Transition] = []

    def add(source: str, event: str, which: str, **parts: Any) -> None:
        place = f"{name}.{source}.{event}"
        transitions.append(Transition(f"{place}#{which}" if which else place, source, event, **parts))

    for state in states:
        if list(state.enter) or list(state.exit):
            _refuse_callbacks(name, state.id, [*state.enter, *state.exit])
        for declared in state.transitions:
            if declared.initial:
                continue
            _refuse_callbacks(name, state.id, [*declared.before, *declared.after, *declared.validators])
            if declared.internal:
                raise DefinitionError(
                    f"{name}.{state.id}: internal=True resets a compound; use a transition without target instead"
                )
            for event in [event.id for event in declared.events] or [EVENTLESS]:
                add(
                    state.id,
                    event,
                    name_of_transition(declared),
                    cond=_condition(name, state.id, declared.cond),
                    target=declared.target.id if declared.target is not None else None,
                    actions=_actions(name, state.id, declared.on),
                )
    may_have_transitions = {node.id for node in nodes if not node.is_final}
    for answer in answers:
        for source in answer.states:
            if answer.kind == "handled" and source in may_have_transitions:
                raise DefinitionError(
                    f"{name}.{source}: only a final state handles by an answer; give the chart a transition"
                )
            for event in answer.events:
                add(
                    source,
                    event,
                    answer.name or answer.reason,
                    cond=answer.cond,
                    target=None,
                    actions=answer.actions,
                    kind=answer.kind,
                    reason=answer.reason,
                )
    return ChartDefinition(
        name,
        nodes,
        tuple(transitions),
        events,
        internal_events,
        guards,
        actions,
    )


def _declared(specs: Any) -> list[Any]:
    """Return the callbacks that a chart names itself, without those looked up by naming convention."""
    return [spec for spec in specs if not spec.is_convention]


def _refuse_callbacks(chart: str, state: str, specs: list[Any]) -> None:
    declared = _declared(specs)
    if declared:
        raise DefinitionError(
            f"{chart}.{state}: {declared[0].func!r} is called on enter, exit, before or after; "
            f"name every action in `on` of the transition"
        )


def _condition(chart: str, state: str, specs: Any) -> str:
    terms = []
    for spec in _declared(specs):
        if not isinstance(spec.func, str):
            raise DefinitionError(f"{chart}.{state}: guard {spec.func!r} has no name; give it as a string")
        terms.append(spec.func if spec.expected_value else f"not ({spec.func})")
    return terms[0] if len(terms) == 1 else " and ".join(f"({term})" for term in terms)


def _actions(chart: str, state: str, specs: Any) -> tuple[str, ...]:
    names = []
    for spec in _declared(specs):
        if not isinstance(spec.func, str):
            raise DefinitionError(f"{chart}.{state}: action {spec.func!r} has no name; give it as a string")
        names.append(spec.func)
    return tuple(names)
