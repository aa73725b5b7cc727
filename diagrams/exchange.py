"""Who says what to whom: the charts among themselves, and with those around them. All read from the definition.

An event comes from its source to the chart that it is routed to. What an action tells another machine, what it raises
for another chart and what it gives out is read from the syntax trees of the actions and of all that they call.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, get_args

from speech_lifecycle.fsm import effects
from speech_lifecycle.fsm import events as ev
from speech_lifecycle.fsm.compile.definition import ChartDefinition, Definition, definition
from speech_lifecycle.fsm.compile.functions import FunctionDefinition, id_of
from speech_lifecycle.fsm.conversation.internal_events import NOTICES
from speech_lifecycle.fsm.conversation.routing import ROUTES

EFFECT_FAMILIES: Mapping[str, Any] = {
    "output": effects.OutputEffect,
    "session": effects.CreateResponse | effects.RestoreHistory | effects.SessionEffect,
    "agent": effects.AgentEffect,
    "timer": effects.TimerEffect,
}
"""The kinds of effect by whom they are for."""
_EVENT_NAMES = {event_type.__name__: ev.name_of(event_type) for event_type in ev.EVENT_TYPES}
_NAME_OF = {effect_type.__name__: ev.name_of(effect_type) for effect_type in effects.EVERY_EFFECT_TYPE}
_RECEIVER_OF = {
    effect_type.__name__: receiver for receiver, family in EFFECT_FAMILIES.items() for effect_type in get_args(family)
}


@dataclass(frozen=True, slots=True)
class Exchange:
    """All that one says to another."""

    sender: str
    """A chart, or a source of events: agent, user, session, output, timer."""
    receiver: str
    """A chart, or whom an effect is for: agent, session, output, timer."""
    names: tuple[str, ...]
    """The events or effects, in the order of their declaration."""


def exchanges(of: Definition | None = None) -> tuple[Exchange, ...]:
    """Return who says what to whom; what one says to itself is left out."""
    known = of or definition()
    said: dict[tuple[str, str], dict[str, None]] = {}
    for sender, receiver, name in _said(known):
        if sender != receiver:
            said.setdefault((sender, receiver), {})[name] = None
    order = {name: place for place, name in enumerate(_names_in_order(known))}
    return tuple(
        Exchange(sender, receiver, tuple(sorted(names, key=order.__getitem__)))
        for (sender, receiver), names in said.items()
    )


def _names_in_order(known: Definition) -> Iterator[str]:
    for chart in known.every_chart:
        yield from chart.internal_events
    for value_type in (
        *ev.EVERY_EVENT_TYPE,
        *(each for family in EFFECT_FAMILIES.values() for each in get_args(family)),
    ):
        yield ev.name_of(value_type)


def _said(known: Definition) -> Iterator[tuple[str, str, str]]:
    routed = {ev.name_of(event_type) for event_type in ROUTES}
    for chart in known.every_chart:
        for event in chart.events:
            if chart is known.conversation or event in routed:
                yield ev.SOURCE_OF[event], chart.name, event
    taken_by = {event: chart.name for chart in known.every_chart for event in chart.internal_events}
    for chart in known.every_chart:
        for function in _reached(known, chart):
            for name in (*function.raises, *function.tells):
                yield chart.name, taken_by[name], name
            for name in function.emits:
                yield chart.name, _RECEIVER_OF[name], _NAME_OF[name]
            if chart is known.conversation:
                for event in _events_made_by(function):
                    yield chart.name, known.speech.name, event
    for event_type in NOTICES:
        yield known.speech.name, known.conversation.name, ev.name_of(event_type)


def _reached(known: Definition, chart: ChartDefinition) -> Iterator[FunctionDefinition]:
    """Yield the functions that a chart's actions are and call."""
    used = {action for transition in chart.transitions for action in transition.actions}
    waiting = [id_of(chart.actions[name]) for name in chart.actions if name in used]
    seen: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in seen or name not in known.functions:
            continue
        seen.add(name)
        yield known.functions[name]
        waiting += known.functions[name].calls


def _events_made_by(function: FunctionDefinition) -> Iterator[str]:
    """Yield the events that an action of the conversation makes: it makes them only to tell them to a speech."""
    for node in ast.walk(function.tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _EVENT_NAMES:
            yield _EVENT_NAMES[node.func.id]
