"""The charts as TypeScript: a function for each event, with a branch for each state."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..chart_writing import ChartWriting
from ..model import DefinitionFile, RegionDefinition, TransitionDefinition
from .functions import FunctionWriter
from .names import camel, doc, pascal, text


class ChartWriter(ChartWriting):
    """Writes the functions of one chart."""

    indent = "  "
    return_nothing = "return null;"

    def __init__(self, name: str, definition: DefinitionFile, functions: FunctionWriter) -> None:
        """Begin."""
        super().__init__(name, definition)
        self._functions = functions
        self._run = "ConversationRun" if name == "conversation" else "Run"
        self._parameters = ", ".join(f"{each}: {pascal(each)}" for each in self._data)

    def functions(self) -> Iterator[str]:
        """Yield the text of each function."""
        for event in self._chart.events:
            yield self._on(event, pascal(event), "Answer | null", is_internal=False)
        for event in self._chart.internal_events:
            has_fields = event in self._definition.internal_events
            yield self._on(event, pascal(event) if has_fields else "", "void", is_internal=True)
        for region in self._chart.regions:
            if any("" in cells for cells in region.cells.values()):
                yield from self._eventless(region)

    def _on(self, event: str, its_type: str, returns: str, *, is_internal: bool) -> str:
        region = self._region_of(event)
        parameters = f"run: {self._run}, {self._parameters}" + (f", event: {its_type}" if its_type else "")
        name = f"{self._name}On{pascal(event)}"
        branches = "".join(self._branches(region, event, "event" if its_type else "null", is_internal=is_internal))
        kind = "export function"
        return f"{kind} {name}({parameters}): {returns} {{\n{branches}}}\n"

    def _branches(self, region: RegionDefinition, event: str, given: str, *, is_internal: bool) -> Iterator[str]:
        yield f"  switch ({self._data[-1]}.{region.field}) {{\n"
        for lines, states in self._branches_of(region, event, given, is_internal=is_internal).items():
            yield "".join(f"    case {text(state)}:\n" for state in states)
            yield "".join(f"      {line}\n" for line in lines)
        yield "  }\n"
        if not is_internal:
            yield f"  throw new Error({text(f'{self._name}: no answer to {event}')});\n"

    def _call(self, function: str, arguments: Sequence[str]) -> str:
        return self._functions.call(function, [*arguments])

    def _take(self, transition_id: str) -> str:
        return f"run.took({text(transition_id)});"

    def _enter(self, region: RegionDefinition, state: str) -> str:
        return f"{self._data[-1]}.{region.field} = {text(state)};"

    def _answer(self, transition_id: str, transition: TransitionDefinition, blame: str | None) -> str:
        return (
            f"return answer({', '.join(map(text, (transition.kind, transition_id, transition.reason, blame or '')))});"
        )

    def _take_eventless(self, given: str) -> str:
        return f"{self._name}Eventless(run, {', '.join(self._data)}, {given});"

    # What needs no event

    def _eventless(self, region: RegionDefinition) -> Iterator[str]:
        if self._name == "conversation":
            yield from self._found(region)
            return
        comment = doc("Take what needs no event, until there is nothing.")
        subject = f"{self._data[-1]}.{region.field}"
        parameters = f"run: Run, {self._parameters}, event: LifecycleEvent | null"
        lines = [f"{comment}function {self._name}Eventless({parameters}): void {{\n"]
        lines.append("  for (;;) {\n")
        lines.append(f"    switch ({subject}) {{\n")
        for state, cells in region.cells.items():
            if "" not in cells:
                continue
            lines.append(f"      case {text(state)}:\n")
            for transition_id in cells[""]:
                transition = self._chart.transitions[transition_id]
                assert transition.when is not None
                lines.append(f"        if ({self._condition(transition.when, 'event')}) {{\n")
                lines += [f"          {line}\n" for line in self._doing(transition_id, transition, "event", region)]
                lines += ["          continue;\n", "        }\n"]
            lines.append("        return;\n")
        lines += ["      default:\n", "        return;\n", "    }\n", "  }\n", "}\n"]
        yield "".join(lines)

    def _found(self, region: RegionDefinition) -> Iterator[str]:
        """Yield the function that finds what a region takes without an event, and one for each that it may find."""
        branches = []
        for state, cells in region.cells.items():
            if "" not in cells:
                continue
            branches.append(f"    case {text(state)}:\n")
            for transition_id in cells[""]:
                transition = self._chart.transitions[transition_id]
                assert transition.when is not None
                branches.append(
                    f"      if ({self._condition(transition.when, 'null')}) return {camel(transition_id)};\n"
                )
                doing = "".join(f"  {line}\n" for line in self._doing(transition_id, transition, "null", region))
                head = "run: ConversationRun, conversation: Conversation"
                yield f"function {camel(transition_id)}({head}): void {{\n{doing}}}\n"
            branches.append("      break;\n")
        yield (
            f"function {region.field}Eventless(conversation: Conversation): Taking | null {{\n"
            f"  switch (conversation.{region.field}) {{\n{''.join(branches)}  }}\n  return null;\n}}\n"
        )
