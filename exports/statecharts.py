"""The charts for other tools: SCXML, and configurations of XState, which are Stately's format.

They have the states and the transitions, each leaf with all of its own in the order in which they are tried, and guards
and actions by their names. What those do is not in them, nor what they raise and tell other charts: the files say so.
States that are final in the definition are plain ones here, because they still answer events.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from .model import ChartDefinition, Condition, DefinitionFile, Guard, Neither, TransitionDefinition

_SAID = "States, transitions, guards and actions by name. What guards and actions do is in definition.json."


def scxml_files(definition: DefinitionFile) -> Mapping[str, str]:
    """Return each chart as an SCXML document, by the name of its file.

    Guards are conditions of names. A transition assigns its name to `taken`, those of its actions to `performed`, and
    what an event gets that is not handled to `answered`: whoever runs the chart does there what they stand for.
    """
    return {
        f"{name}.scxml": "".join(_Scxml(name, chart, definition).lines()) for name, chart in definition.charts.items()
    }


class _Scxml:
    def __init__(self, name: str, chart: ChartDefinition, definition: DefinitionFile) -> None:
        self._name = name
        self._chart = chart
        self._definition = definition
        self._cells = {state: cells for region in chart.regions for state, cells in region.cells.items()}

    def lines(self) -> Iterator[str]:
        yield '<?xml version="1.0" encoding="UTF-8"?>\n'
        said = [_SAID, *cannot_say(self._chart, self._definition)]
        yield "<!--\n" + "".join(f"  {line}\n".replace("--", "- -") for line in said) + "-->\n"
        roots = [state for state, node in self._chart.states.items() if node.parent is None]
        initial = next(state for state in roots if self._chart.states[state].initial or len(roots) == 1)
        yield f'<scxml xmlns="http://www.w3.org/2005/07/scxml" version="1.0" name="{self._name}" initial="{initial}">\n'
        yield '  <datamodel><data id="taken"/><data id="performed"/><data id="answered"/></datamodel>\n'
        for state in roots:
            yield from self._state(state, "  ")
        yield "</scxml>\n"

    def _state(self, state: str, indent: str) -> Iterator[str]:
        node = self._chart.states[state]
        children = [child for child, its_node in self._chart.states.items() if its_node.parent == state]
        initial = next((child for child in children if self._chart.states[child].initial), "")
        tag = "parallel" if node.parallel else "state"
        attributes = f' initial="{initial}"' if initial and not node.parallel else ""
        yield f'{indent}<{tag} id="{state}"{attributes}>\n'
        for event, cell in self._cells.get(state, {}).items():
            for transition_id in cell:
                yield from self._transition(transition_id, event, f"{indent}  ")
        for child in children:
            yield from self._state(child, f"{indent}  ")
        yield f"{indent}</{tag}>\n"

    def _transition(self, transition_id: str, event: str, indent: str) -> Iterator[str]:
        transition = self._chart.transitions[transition_id]
        attributes = {"event": event, "cond": transition.condition, "target": transition.target or ""}
        given = "".join(f" {name}={quoteattr(value)}" for name, value in attributes.items() if value)
        yield f"{indent}<transition{given}>\n"
        yield f"{indent}  {_assigned('taken', transition_id)}\n"
        for action in transition.actions:
            yield f"{indent}  {_assigned('performed', action)}\n"
        if transition.kind != "handled":
            yield f"{indent}  {_assigned('answered', answer_of(transition))}\n"
        yield f"{indent}</transition>\n"


def _assigned(location: str, value: str) -> str:
    return f'<assign location="{location}" expr="{escape(repr(value))}"/>'


def answer_of(transition: TransitionDefinition) -> str:
    """Return how an event is answered that is not handled."""
    return f"{transition.kind}: {transition.reason}"


def xstate_files(definition: DefinitionFile) -> Mapping[str, str]:
    """Return each chart as an XState configuration, and a module that says what the composed guards mean."""
    machines = {name: _machine(name, chart, definition) for name, chart in definition.charts.items()}
    conditions = {
        transition.condition: _condition(transition.when)
        for chart in definition.charts.values()
        for transition in chart.transitions.values()
        if transition.when is not None and not isinstance(transition.when, Guard)
    }
    lines = [f"  {json.dumps(text)}: {meaning},\n" for text, meaning in sorted(conditions.items())]
    module = (
        f"// {_SAID}\n"
        'import { and, not, or } from "xstate";\n\n'
        "/** The guards that are composed of others: `setup({ guards: { ...conditions, ...yours } })`. */\n"
        f"export const conditions = {{\n{''.join(lines)}}};\n\n"
        "/** A configuration for `createMachine` of each chart. */\n"
        f"export const charts = {json.dumps(machines, indent=2)};\n"
    )
    return {
        **{f"{name}.json": json.dumps(machine, indent=2) + "\n" for name, machine in machines.items()},
        "charts.mjs": module,
    }


def _condition(condition: Condition) -> str:
    match condition:
        case Guard(name=name):
            return json.dumps(name)
        case Neither(condition=inner):
            return f"not({_condition(inner)})"
        case several:
            return f"{several.op}([{', '.join(map(_condition, several.conditions))}])"


def _machine(name: str, chart: ChartDefinition, definition: DefinitionFile) -> dict[str, Any]:
    said = "\n".join([_SAID, *cannot_say(chart, definition)])
    root = next(state for state, node in chart.states.items() if node.parent is None)
    states = _children(chart, root if chart.states[root].parallel else None)
    kind = {"type": "parallel"} if chart.states[root].parallel else {"initial": _initial(chart, None)}
    return {"id": f"{name}_chart", "description": said, **kind, "states": states}


def _children(chart: ChartDefinition, parent: str | None) -> dict[str, Any]:
    return {state: _node(chart, state) for state, node in chart.states.items() if node.parent == parent}


def _initial(chart: ChartDefinition, parent: str | None) -> str:
    return next(state for state, node in chart.states.items() if node.parent == parent and node.initial)


def _node(chart: ChartDefinition, state: str) -> dict[str, Any]:
    if chart.states[state].compound:
        return {"id": state, "initial": _initial(chart, state), "states": _children(chart, state)}
    cells = next(region.cells[state] for region in chart.regions if state in region.cells)
    on = {event: [_edge(chart, each) for each in cell] for event, cell in cells.items() if event}
    always = {"always": [_edge(chart, each) for each in cells[""]]} if "" in cells else {}
    return {"id": state, "on": on, **always}


def _edge(chart: ChartDefinition, transition_id: str) -> dict[str, Any]:
    transition = chart.transitions[transition_id]
    edge: dict[str, Any] = {"description": transition_id}
    if transition.target is not None:
        edge["target"] = f"#{transition.target}"
    if transition.condition:
        edge["guard"] = transition.condition
    actions: list[Any] = list(transition.actions)
    if transition.kind != "handled":
        actions.append({"type": "answer", "params": {"answer": answer_of(transition)}})
    return {**edge, "actions": actions} if actions else edge


def cannot_say(chart: ChartDefinition, definition: DefinitionFile) -> Iterator[str]:
    """Yield what the chart's actions do that reaches other charts, which no format of single charts can say."""
    for name, function in sorted(chart.actions.items()):
        raised, told = (sorted(each) for each in reached_by(function, definition))
        if raised or told:
            parts = [f"raises {', '.join(raised)}"] if raised else []
            parts += [f"tells {', '.join(told)}"] if told else []
            yield f"{name} {' and '.join(parts)}."


def reached_by(function: str, definition: DefinitionFile) -> tuple[set[str], set[str]]:
    """Return the events that a function raises and tells, whatever it calls included."""
    raised: set[str] = set()
    told: set[str] = set()
    waiting, seen = [function], {function}
    while waiting:
        node = definition.functions[waiting.pop()]
        raised.update(node.raises)
        told.update(node.tells)
        waiting += [each for each in node.calls if each not in seen]
        seen.update(node.calls)
    return raised, told
