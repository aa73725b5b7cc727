"""The charts as functions of a language with braces: what is the same in each of them.

A chart has a function for each event, with a branch for each state. What a branch does is said here, and how the
language says it, where the language is written.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import ClassVar

from .model import ChartDefinition, Condition, DefinitionFile, Guard, Neither, RegionDefinition, TransitionDefinition


class ChartWriting(ABC):
    """Writes the branches of one chart."""

    indent: ClassVar[str]
    """Of a line in a block."""
    return_nothing: ClassVar[str]
    """Ends a function that may return an answer, and has none."""

    def __init__(self, name: str, definition: DefinitionFile) -> None:
        """Begin with the chart of this name."""
        self._name = name
        self._definition = definition
        self._chart: ChartDefinition = definition.charts[name]  # type: ignore[index]
        self._data = ["speech", "message"] if name == "message" else [name]

    # What the language says

    @abstractmethod
    def _call(self, function: str, arguments: Sequence[str]) -> str:
        """Return the call of a guard or an action."""

    @abstractmethod
    def _take(self, transition_id: str) -> str:
        """Return the statement that notes a transition."""

    @abstractmethod
    def _enter(self, region: RegionDefinition, state: str) -> str:
        """Return the statement that enters a state."""

    @abstractmethod
    def _answer(self, transition_id: str, transition: TransitionDefinition, blame: str | None) -> str:
        """Return the statement that answers, and ends the function; `blame` is the source that a rejection blames."""

    @abstractmethod
    def _take_eventless(self, given: str) -> str:
        """Return the statement that takes what needs no event."""

    # What a chart does

    def _region_of(self, event: str) -> RegionDefinition:
        return next(each for each in self._chart.regions if any(event in cells for cells in each.cells.values()))

    def _branches_of(
        self, region: RegionDefinition, event: str, given: str, *, is_internal: bool
    ) -> dict[tuple[str, ...], list[str]]:
        """Return the lines of each branch, with the states that have it: alike ones together."""
        branches: dict[tuple[str, ...], list[str]] = {}
        for state, cells in region.cells.items():
            if event in cells:
                branches.setdefault(self._branch(region, state, cells[event], given, is_internal), []).append(state)
        return branches

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
            condition = self._condition(transition.when, given)
            lines += [f"if ({condition}) {{", *(f"{self.indent}{line}" for line in taking), "}"]
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
            yield self._answer(transition_id, transition, source if transition.kind == "rejected" else None)
            return
        yield from self._doing(transition_id, transition, given, region)
        target = transition.enters or state
        if self._name != "conversation" and "" in region.cells[target]:
            yield self._take_eventless(given)
        yield "return;" if is_internal else self.return_nothing

    def _doing(
        self, transition_id: str, transition: TransitionDefinition, given: str, region: RegionDefinition
    ) -> Iterator[str]:
        yield self._take(transition_id)
        for action in transition.actions:
            yield f"{self._call(self._chart.actions[action], [*self._data, given])};"
        if transition.enters is not None:
            yield self._enter(region, transition.enters)

    def _condition(self, condition: Condition, given: str, within: str = "") -> str:
        if isinstance(condition, Guard):
            return self._call(self._chart.guards[condition.name], [*self._data, given])
        if isinstance(condition, Neither):
            return f"!{self._condition(condition.condition, given, 'not')}"
        word = " && " if condition.op == "and" else " || "
        joined = word.join(self._condition(each, given, condition.op) for each in condition.conditions)
        return f"({joined})" if within and within != condition.op else joined
