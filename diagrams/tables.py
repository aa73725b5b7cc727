"""The charts, events and effects as Markdown tables, for the specification."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Annotated, Any, Literal, get_args, get_origin

import msgspec

from speech_lifecycle.fsm import events
from speech_lifecycle.fsm.compile.definition import EVENTLESS, ChartDefinition, Definition, Transition, definition

from .exchange import EFFECT_FAMILIES
from .mermaid import mermaid


@cache
def tables() -> dict[str, str]:
    """Return every generated text by its name, such as `speech.transitions`, `message.guards` or `events`."""
    return tables_of(definition())


def tables_of(source: Definition) -> dict[str, str]:
    """Return every generated text of a Definition by its name."""
    texts: dict[str, str] = {}
    for chart in source.every_chart:
        texts[f"{chart.name}.diagram"] = f"```mermaid\n{mermaid(chart, actions=False)}```"
        texts[f"{chart.name}.states"] = states(chart)
        texts[f"{chart.name}.transitions"] = "\n\n".join(transitions(chart, node.id) for node in chart.states)
        texts |= {f"{chart.name}.transitions.{node.id}": transitions(chart, node.id) for node in chart.states}
        texts[f"{chart.name}.guards"] = glossary("guard", chart.guards)
        texts[f"{chart.name}.actions"] = glossary("action", chart.actions)
    texts["events"] = event_table()
    texts["effects"] = effect_table()
    return texts


def states(chart: ChartDefinition) -> str:
    """Return the list of a chart's states."""
    return _table(
        ("state", "in", "is"),
        (
            (
                _code(node.id),
                _code(node.parent or ""),
                ", ".join(
                    word
                    for word, holds in (
                        ("initial", node.is_initial),
                        ("parallel", node.is_parallel),
                        ("compound", node.is_compound and not node.is_parallel),
                        ("final", node.is_final),
                    )
                    if holds
                ),
            )
            for node in chart.states
        ),
    )


def transitions(chart: ChartDefinition, state_id: str) -> str:
    """Return what a state itself declares: the transitions it handles, then its answers to all else."""
    own = [transition for transition in chart.transitions if transition.source == state_id]
    handled = [transition for transition in own if transition.kind == "handled"]
    answers = [transition for transition in own if transition.kind != "handled"]
    around = [level for level in chart.ancestry(state_id) if level != state_id]
    parts = [f"**`{chart.name}.{state_id}`**"]
    if around:
        parts.append(f"What this state does not handle, {' and then '.join(map(_code, around))} may.")
    if handled:
        parts.append(
            _table(
                ("transition", "event", "guard", "target", "actions"),
                (
                    (
                        _code(transition.id),
                        "(eventless)" if transition.event == EVENTLESS else _code(transition.event),
                        _code(transition.cond),
                        _code(transition.target) if transition.target else "(stays)",
                        ", ".join(_code(action) for action in transition.actions),
                    )
                    for transition in handled
                ),
            )
        )
    if answers:
        parts.append(
            _table(
                ("transition", "event", "guard", "answer", "reason"), (_answer(transition) for transition in answers)
            )
        )
    if not own:
        parts.append("It declares no transitions of its own.")
    return "\n\n".join(parts)


def _answer(transition: Transition) -> tuple[str, ...]:
    return (
        _code(transition.id),
        _code(transition.event),
        _code(transition.cond),
        transition.kind,
        _code(transition.reason),
    )


def glossary(what: str, functions: Mapping[str, Callable[..., Any]]) -> str:
    """Return what each guard or action means, by the first line of its docstring."""
    return _table(
        (what, "meaning"), ((_code(name), _first_line(function)) for name, function in sorted(functions.items()))
    )


def event_table() -> str:
    """Return the table of events."""
    return _table(
        ("event", "from", "fields", "meaning"),
        (
            (_code(name), events.SOURCE_OF[name], _fields(event_type), _first_line(event_type))
            for event_type in events.EVERY_EVENT_TYPE
            for name in [events.name_of(event_type)]
        ),
    )


def effect_table() -> str:
    """Return the table of effects."""
    return _table(
        ("effect", "to", "fields", "meaning"),
        (
            (_code(events.name_of(effect_type)), receiver, _fields(effect_type), _first_line(effect_type))
            for receiver, family in EFFECT_FAMILIES.items()
            for effect_type in get_args(family)
        ),
    )


def _fields(value_type: type[Any]) -> str:
    return "<br>".join(_field(item) for item in msgspec.structs.fields(value_type))


def _field(item: msgspec.structs.FieldInfo) -> str:
    unit = " (ms)" if item.name.endswith("_ms") else ""
    default = "" if item.required else f", default {_code(json.dumps(item.default))}"
    return f"{_code(item.name)}{unit}: {_type(item.type)}{default}"


def _type(hint: Any) -> str:
    """Word a type for readers of any language."""
    arguments = get_args(hint)
    if get_origin(hint) is Literal:
        return " / ".join(_code(str(value)) for value in arguments)
    if get_origin(hint) is Annotated:
        return _type(arguments[0])
    if get_origin(hint) is tuple:
        return f"list of {_type(arguments[0])}"
    if arguments:
        return " or ".join(_type(argument) for argument in arguments)
    return {str: "text", int: "integer", float: "number", bool: "true / false", type(None): "none"}.get(
        hint, getattr(hint, "__name__", str(hint))
    )


def _first_line(documented: object) -> str:
    lines = (inspect.getdoc(documented) or "").splitlines()
    if not lines:
        raise ValueError(f"{documented!r} has no docstring; the specification says what every name means")
    return lines[0]


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


def _table(head: Iterable[str], body: Iterable[Iterable[str]]) -> str:
    lines = [list(head), *([_cell(cell) for cell in transition] for transition in body)]
    lines.insert(1, ["---"] * len(lines[0]))
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(text: str) -> str:
    # A bar ends a cell of a table even inside code.
    return text.replace("|", "\\|").replace("\n", " ")
