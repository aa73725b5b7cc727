"""The charts as C: a function for each event, with a branch for each state."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ..chart_writing import ChartWriting
from ..model import DefinitionFile, RegionDefinition, TransitionDefinition
from .functions import FunctionWriter
from .kinds import kind_of
from .names import constant, doc, snake


def transition_constant(name: str) -> str:
    """Return the constant of a transition."""
    return constant("transition", name)


class ChartWriter(ChartWriting):
    """Writes the functions of one chart."""

    indent = "    "
    return_nothing = "return NULL;"

    def __init__(self, name: str, definition: DefinitionFile, functions: FunctionWriter) -> None:
        """Begin."""
        super().__init__(name, definition)
        self._functions = functions
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
        region = self._region_of(event)
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
        yield f"    switch ({self._state(region)}) {{\n"
        for lines, states in self._branches_of(region, event, given, is_internal=is_internal).items():
            yield "".join(f"    case {self._constant_of(region, state)}:\n" for state in states)
            yield "".join(f"        {line}\n" for line in lines)
        yield "    default:\n        break;\n    }\n"
        if not is_internal:
            yield "    ASSERT(false);\n    return NULL;\n"

    def _call(self, function: str, arguments: Sequence[str]) -> str:
        return self._functions.call_with(function, [*arguments])

    def _take(self, transition_id: str) -> str:
        return f"TOOK(run, {transition_constant(transition_id)});"

    def _enter(self, region: RegionDefinition, state: str) -> str:
        return f"SET({self._chart.subject}, {self._data[-1]}, {region.field}, {self._constant_of(region, state)});"

    def _answer(self, transition_id: str, transition: TransitionDefinition, blame: str | None) -> str:
        arguments = [
            constant("reply", transition.kind),
            constant("because", transition.reason),
            constant("source", blame or "none"),
            transition_constant(transition_id),
        ]
        return f"ANSWER({', '.join(arguments)});"

    def _take_eventless(self, given: str) -> str:
        return f"{self._name}_eventless(run, {self._given}, {given});"

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
