"""Makes `definition.json` from the Definition."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from functools import cache
from inspect import getdoc
from typing import Any

from speech_lifecycle.fsm import effects as fx
from speech_lifecycle.fsm import events as ev
from speech_lifecycle.fsm import state, values
from speech_lifecycle.fsm.compile import definition as source
from speech_lifecycle.fsm.compile.functions import FunctionDefinition, hints_of, id_of
from speech_lifecycle.fsm.conversation import chart as conversation_chart
from speech_lifecycle.fsm.conversation.internal_events import NOTICES
from speech_lifecycle.fsm.conversation.routing import ROUTES, UNKNOWN
from speech_lifecycle.fsm.message import chart as message_chart
from speech_lifecycle.fsm.speech import chart as speech_chart

from . import trees as t
from .fields import RECEIVERS, doc_of, fields_of, struct_of
from .model import (
    Chart,
    ChartDefinition,
    Condition,
    DefinitionFile,
    EffectDefinition,
    EventDefinition,
    FunctionNode,
    Guard,
    Neither,
    RegionDefinition,
    Several,
    StateDefinition,
    TransitionDefinition,
)
from .translation import body_of, constant_name, parameters
from .types import INTERNAL_EVENT_TYPES, Part, enumerations, type_of

_CHARTS: dict[Chart, Any] = {"conversation": conversation_chart, "speech": speech_chart, "message": message_chart}
_STRUCTS: tuple[type[Any], ...] = (
    values.Capabilities,
    values.Policy,
    values.ConversationPolicy,
    values.MessageRecord,
    state.Message,
    state.Speech,
    state.Conversation,
)
_WHITESPACE = "".join(character for character in map(chr, range(0x3001)) if character.isspace())


@cache
def definition_file() -> DefinitionFile:
    """Return the package's own Definition as data."""
    return file_of(source.definition())


def file_of(definition: source.Definition) -> DefinitionFile:
    """Return a Definition as data.

    Raises:
        DefinitionError: a function does something that the data have no word for.
    """
    return DefinitionFile(
        spec_version=source.SPEC_VERSION,
        transitions_digest=definition.transitions_digest,
        behaviour_digest=definition.behaviour_digest,
        enums=enumerations(),
        structs={struct.__name__: struct_of(struct) for struct in _STRUCTS},
        events={ev.name_of(event_type): _event(event_type) for event_type in ev.EVERY_EVENT_TYPE},
        internal_events={ev.name_of(event_type): struct_of(event_type) for event_type in INTERNAL_EVENT_TYPES},
        effects={
            ev.name_of(effect_type): EffectDefinition(
                doc=doc_of(effect_type), to=RECEIVERS[effect_type], fields=fields_of(effect_type)
            )
            for effect_type in fx.EVERY_EFFECT_TYPE
        },
        effects_of_conversations=tuple(map(ev.name_of, fx.CONVERSATION_EFFECT_TYPES)),
        unknown={**UNKNOWN},
        notices={ev.name_of(event_type): id_of(holds) for event_type, holds in NOTICES.items()},
        constants=_constants(definition.functions.values()),
        whitespace=_WHITESPACE,
        charts={chart.name: _chart(chart) for chart in definition.every_chart},
        functions=_functions(definition),
    )


def _event(event_type: type[Any]) -> EventDefinition:
    name = ev.name_of(event_type)
    chart: Chart = (
        "message"
        if event_type in ev.MESSAGE_EVENT_TYPES
        else "speech"
        if event_type in ev.SPEECH_EVENT_TYPES
        else "conversation"
    )
    return EventDefinition(
        doc=doc_of(event_type),
        source=ev.SOURCE_OF[name],
        fields=fields_of(event_type),
        chart=chart,
        route=ROUTES.get(event_type, ()),
        conversation=event_type in ev.CONVERSATION_EVENT_TYPES,
    )


# Charts


def _chart(chart: source.ChartDefinition) -> ChartDefinition:
    return ChartDefinition(
        doc=doc_of(_CHARTS[chart.name]),
        subject=chart.name.title(),
        states={
            node.id: StateDefinition(
                parent=node.parent,
                initial=node.is_initial,
                final=node.is_final,
                compound=node.is_compound,
                parallel=node.is_parallel,
            )
            for node in chart.states
        },
        regions=tuple(_region(region) for region in chart.regions),
        events=chart.events,
        internal_events=chart.internal_events,
        guards={name: id_of(function) for name, function in chart.guards.items()},
        actions={name: id_of(function) for name, function in chart.actions.items()},
        transitions={each.id: _transition(chart, each) for each in chart.transitions},
    )


def _region(region: source.ChartDefinition) -> RegionDefinition:
    events = (*region.events, *region.internal_events, source.EVENTLESS)
    return RegionDefinition(
        field=region.region or "state",
        initial=region.initial,
        cells={
            leaf.id: {
                _event_name(event): tuple(each.id for each in cell)
                for event in events
                if (cell := region.cell(leaf.id, event))
            }
            for leaf in region.leaves
        },
    )


def _event_name(event: str) -> str:
    return "" if event == source.EVENTLESS else event


def _transition(chart: source.ChartDefinition, transition: source.Transition) -> TransitionDefinition:
    target = transition.target
    return TransitionDefinition(
        source=transition.source,
        event=_event_name(transition.event),
        condition=transition.cond,
        when=_condition(ast.parse(transition.cond, mode="eval").body) if transition.cond else None,
        target=target,
        enters=None if target is None else chart.enter(target),
        actions=transition.actions,
        kind=transition.kind,
        reason=transition.reason,
    )


def _condition(node: ast.expr) -> Condition:
    match node:
        case ast.Name(name):
            return Guard(name=name)
        case ast.UnaryOp(ast.Not(), operand):
            return Neither(condition=_condition(operand))
        case ast.BoolOp(op, values_):
            return Several(op="and" if isinstance(op, ast.And) else "or", conditions=tuple(map(_condition, values_)))
    raise AssertionError(ast.unparse(node))


# Functions


def _functions(definition: source.Definition) -> dict[str, FunctionNode]:
    roles = {
        id_of(function): (chart.name, role)
        for chart in definition.every_chart
        for role, functions in (("guard", chart.guards), ("action", chart.actions))
        for function in functions.values()
    }
    return {name: _function(each, *roles.get(name, (None, "helper"))) for name, each in definition.functions.items()}


def _function(function: FunctionDefinition, chart: Chart | None, role: Any) -> FunctionNode:
    hints = hints_of(function.function)
    body = body_of(function)
    parts = list(_parts(body))
    return FunctionNode(
        doc=getdoc(function.function) or "",
        chart=chart,
        role=role,
        parameters=tuple((name, type_of(hints[name])) for name in parameters(function)),
        returns=type_of(hints.get("return", type(None))),
        body=body,
        calls=function.calls,
        reads=function.reads,
        writes=function.writes,
        emits=_names(
            each.effect.name for each in parts if isinstance(each, t.Emit) and isinstance(each.effect, t.Build)
        ),
        raises=_names(each.event for each in parts if isinstance(each, t.Raise)),
        tells=_names(
            [each.event for each in parts if isinstance(each, t.Tell)]
            + [each.name for each in parts if isinstance(each, t.Build) and each.what == "event"]
        ),
    )


def _names(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(names)))


def _parts(node: object) -> Iterator[Part]:
    """Yield all nodes of a tree."""
    if isinstance(node, Part):
        yield node
        for name in type(node).model_fields:
            yield from _parts(getattr(node, name))
    elif isinstance(node, tuple | dict):
        for each in node.values() if isinstance(node, dict) else node:
            yield from _parts(each)


def _constants(functions: Iterable[FunctionDefinition]) -> dict[str, str | int | tuple[str, ...]]:
    """Return the constants that functions read, by the names that they have here.

    Raises:
        DefinitionError: two modules give one name to two values.
    """
    found: dict[str, str | int | tuple[str, ...]] = {}
    for function in functions:
        for name, value in function.constants.items():
            if _is_type(value) or not isinstance(value, str | int | tuple | frozenset):
                continue
            exported = tuple(sorted(value)) if isinstance(value, frozenset) else value
            known = found.setdefault(constant_name(name), exported)
            if known != exported:
                raise source.DefinitionError(f"{function.path}: {name!r} is something else elsewhere: rename one")
    return dict(sorted(found.items()))


def _is_type(value: object) -> bool:
    return isinstance(value, type) or (isinstance(value, tuple) and any(isinstance(each, type) for each in value))
