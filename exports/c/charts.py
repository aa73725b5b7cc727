"""The charts as C: a function for each event, with a branch for each state."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..model import ChartDefinition, Condition, DefinitionFile, Guard, Neither, RegionDefinition, TransitionDefinition
from .functions import FunctionWriter
from .kinds import kind_of
from .names import constant, doc, snake


def transition_constant(name: str) -> str:
    """Return the constant of a transition."""
    return constant("transition", name)


class ChartWriter:
    """Writes the functions of one chart."""

    def __init__(self, name: str, definition: DefinitionFile, functions: FunctionWriter) -> None:
        """Begin."""
        self._name = name
        self._definition = definition
        self._chart: ChartDefinition = definition.charts[name]  # type: ignore[index]
        self._functions = functions
        self._data = ["speech", "message"] if name == "message" else [name]
        self._parameters = ", ".join(f"sl_{each} *{each}" for each in self._data)
        self._given = ", ".join(self._data)

    def declarations(self) -> Iterator[str]:
        """Yield the head of each function that is called before it is written."""
        for event in self._chart.internal_events:
            yield f"static {self._head_of_internal(event)};\n"
        if self._name != "conversation" and self._has_eventless():
            yield f"static {self._eventless_head()};\n"

    def functions(self) -> Iterator[str]:
        """Yield the text of each function."""
        for event in self._chart.events:
            parameters = f"sl_machine *run, {self._parameters}, const sl_event *event"
            head = f"const sl_answer *{self._name}_on_{event}({parameters})"
            yield self._on(event, head, "event", is_internal=False)
        for event in self._chart.internal_events:
            given = "event" if self._has_fields(event) else "NULL"
            yield self._on(event, self._head_of_internal(event), given, is_internal=True)
        for region in self._chart.regions:
            if any("" in cells for cells in region.cells.values()):
                yield from self._eventless(region)

    def _has_eventless(self) -> bool:
        return any("" in cells for region in self._chart.regions for cells in region.cells.values())

    def _has_fields(self, event: str) -> bool:
        return event in self._definition.internal_events

    def _head_of_internal(self, event: str) -> str:
        told = ", const sl_event *event" if self._has_fields(event) else ""
        return f"void {self._name}_on_{event}(sl_machine *run, {self._parameters}{told})"

    def _eventless_head(self) -> str:
        return f"void {self._name}_eventless(sl_machine *run, {self._parameters}, const sl_event *event)"

    def _on(self, event: str, head: str, given: str, *, is_internal: bool) -> str:
        region = next(each for each in self._chart.regions if any(event in cells for cells in each.cells.values()))
        body = "".join(self._branches(region, event, given, is_internal=is_internal))
        return f"static {head}\n{{\n{self._unused(body, given)}{body}}}\n"

    def _unused(self, body: str, given: str) -> str:
        names = ["run", *self._data, *(["event"] if given == "event" else [])]
        return "".join(f"    (void){name};\n" for name in names if not re.search(rf"\b{name}\b", body))

    def _state(self, region: RegionDefinition) -> str:
        return f"GET({self._chart.subject}, {self._data[-1]}, {region.field})"

    def _constant_of(self, region: RegionDefinition, state: str) -> str:
        (field,) = [each for each in self._definition.structs[self._chart.subject].fields if each.name == region.field]
        return constant(snake(kind_of(field.type).name), state)

    def _branches(self, region: RegionDefinition, event: str, given: str, *, is_internal: bool) -> Iterator[str]:
        """Yield a branch for each state that has a cell, alike ones together."""
        cells: dict[tuple[str, ...], list[str]] = {}
        for state, its_cells in region.cells.items():
            if event in its_cells:
                cells.setdefault(self._branch(region, state, its_cells[event], given, is_internal), []).append(state)
        yield f"    switch ({self._state(region)}) {{\n"
        for lines, states in cells.items():
            yield "".join(f"    case {self._constant_of(region, state)}:\n" for state in states)
            yield "".join(f"        {line}\n" for line in lines)
        yield "    default:\n        break;\n    }\n"
        if not is_internal:
            yield "    ASSERT(false);\n    return NULL;\n"

    def _branch(
        self, region: RegionDefinition, state: str, cell: tuple[str, ...], given: str, is_internal: bool
    ) -> tuple[str, ...]:
        lines: list[str] = []
        for transition_id in cell:
            transition = self._chart.transitions[transition_id]
            taking = self._taking(region, state, transition_id, transition, given, is_internal)
            if transition.when is None:
                lines += taking
                return tuple(lines)
            lines += [f"if ({self._condition(transition.when, given)}) {{", *(f"    {line}" for line in taking), "}"]
        lines.append("return;" if is_internal else "break;")
        return tuple(lines)

    def _taking(
        self,
        region: RegionDefinition,
        state: str,
        transition_id: str,
        transition: TransitionDefinition,
        given: str,
        is_internal: bool,
    ) -> Iterator[str]:
        if transition.kind != "handled":
            source = self._definition.events[transition.event].source
            blame = source if transition.kind == "rejected" else "none"
            arguments = [
                constant("reply", transition.kind),
                constant("because", transition.reason),
                constant("source", blame),
                transition_constant(transition_id),
            ]
            yield f"ANSWER({', '.join(arguments)});"
            return
        yield from self._doing(transition_id, transition, given, region)
        target = transition.enters or state
        if self._name != "conversation" and "" in region.cells[target]:
            yield f"{self._name}_eventless(run, {self._given}, {given});"
        yield "return;" if is_internal else "return NULL;"

    def _doing(
        self, transition_id: str, transition: TransitionDefinition, given: str, region: RegionDefinition
    ) -> Iterator[str]:
        yield f"TOOK(run, {transition_constant(transition_id)});"
        for action in transition.actions:
            yield f"{self._functions.call_with(self._chart.actions[action], [*self._data, given])};"
        if transition.enters is not None:
            entered = self._constant_of(region, transition.enters)
            yield f"SET({self._chart.subject}, {self._data[-1]}, {region.field}, {entered});"

    def _condition(self, condition: Condition, given: str, within: str = "") -> str:
        if isinstance(condition, Guard):
            return self._functions.call_with(self._chart.guards[condition.name], [*self._data, given])
        if isinstance(condition, Neither):
            return f"!{self._condition(condition.condition, given, 'not')}"
        word = " && " if condition.op == "and" else " || "
        joined = word.join(self._condition(each, given, condition.op) for each in condition.conditions)
        return f"({joined})" if within and within != condition.op else joined

    # What needs no event

    def _eventless(self, region: RegionDefinition) -> Iterator[str]:
        if self._name == "conversation":
            yield from self._found(region)
            return
        lines = ["    for (;;) {\n", f"        switch ({self._state(region)}) {{\n"]
        for state, cells in region.cells.items():
            if "" not in cells:
                continue
            lines.append(f"        case {self._constant_of(region, state)}:\n")
            for transition_id in cells[""]:
                transition = self._chart.transitions[transition_id]
                assert transition.when is not None
                lines.append(f"            if ({self._condition(transition.when, 'event')}) {{\n")
                doing = [*self._doing(transition_id, transition, "event", region), "continue;"]
                lines += [*(f"                {line}\n" for line in doing), "            }\n"]
            lines.append("            return;\n")
        lines += ["        default:\n", "            return;\n", "        }\n", "    }\n"]
        body = "".join(lines)
        comment = doc("Takes what needs no event, until there is nothing.")
        yield f"{comment}static {self._eventless_head()}\n{{\n{self._unused(body, 'event')}{body}}}\n"

    def _found(self, region: RegionDefinition) -> Iterator[str]:
        """Yield the function that finds what a region takes without an event, and one for each that it may find."""
        branches = []
        for state, cells in region.cells.items():
            if "" not in cells:
                continue
            branches.append(f"    case {self._constant_of(region, state)}:\n")
            for transition_id in cells[""]:
                transition = self._chart.transitions[transition_id]
                assert transition.when is not None
                name = f"take_{transition_constant(transition_id).removeprefix('SL_TRANSITION_').lower()}"
                condition = self._condition(transition.when, "NULL")
                branches.append(f"        if ({condition}) {{\n            return {name};\n        }}\n")
                done = "".join(f"    {line}\n" for line in self._doing(transition_id, transition, "NULL", region))
                head = f"static void {name}(sl_machine *run, sl_conversation *conversation)"
                yield f"{head}\n{{\n{self._unused(done, '')}{done}}}\n"
            branches.append("        break;\n")
        body = (
            f"    switch ({self._state(region)}) {{\n{''.join(branches)}    default:\n        break;\n    }}\n"
            "    return NULL;\n"
        )
        head = f"static sl_taking {region.field}_eventless(sl_machine *run, sl_conversation *conversation)"
        yield f"{head}\n{{\n{self._unused(body, '')}{body}}}\n"
