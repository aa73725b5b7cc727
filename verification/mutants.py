"""Mutants: the Definition with one thing wrong. What no property notices about them, the properties do not say.

A mutant differs from the original in one transition, or in one place of a guard, an action or what these call.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import NamedTuple

from speech_lifecycle.fsm.compile.definition import ChartDefinition, ChartName, Definition, Transition, definition
from speech_lifecycle.fsm.compile.functions import id_of

from .function_mutants import mutations

_NEVER_ENTERED = ("pending", "queued")
"""Initial states: no transition goes back to them, and none is likely to by mistake."""


class Cell(NamedTuple):
    """Where a transition stands."""

    chart: ChartName
    source: str
    event: str


@dataclass(frozen=True)
class Mutant:
    """One change to the Definition."""

    id: str
    """The transition or the function, and what was done to it."""
    kind: str
    definition: Definition
    cell: Cell | None = None
    """The only cell that is not the original's; None if more than one may be."""

    @property
    def chart(self) -> ChartName | None:
        """The chart that was changed, or "conversation" if it was one of that chart's functions; None for others."""
        if self.cell is None:
            return "conversation" if self.id.startswith("conversation.") else None
        return self.cell.chart

    @property
    def is_of_conversations(self) -> bool:
        """Whether it takes a conversation to see it; else a speech does."""
        return self.chart == "conversation" or not _of_speeches().issuperset(self.definition.instead)

    def may_show(self, event: str, is_handled: bool) -> bool:
        """Whether it may do something else with an event of this name.

        Args:
            event: an event from outside.
            is_handled: whether the original handles it. Only then may more come of it than an answer.
        """
        if self.cell is None:
            function = next(iter(self.definition.instead), "")
            return is_handled or not function or event in _asking(function)
        chart = next(each for each in definition().every_chart if each.name == self.cell.chart)
        return self.cell.event == event if self.cell.event in chart.events else is_handled


@cache
def _of_speeches() -> frozenset[str]:
    """Return the ids of the functions that the charts of a speech name or call."""
    whole = definition()
    found: set[str] = set()
    waiting = [id_of(each) for chart in whole.charts for each in (*chart.guards.values(), *chart.actions.values())]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += whole.functions[name].calls if name in whole.functions else ()
    return frozenset(found)


@cache
def _asking(function_id: str) -> frozenset[str]:
    """Return the events for which a guard is asked that is this function, or calls it."""
    whole = definition()
    found = {function_id}
    while callers := {each.id for each in whole.functions.values() if not found.isdisjoint(each.calls)} - found:
        found |= callers
    return frozenset(
        transition.event
        for chart in whole.every_chart
        for transition in chart.transitions
        if any(id_of(chart.guards[name]) in found for name in transition.guards)
    )


def mutants() -> Iterator[Mutant]:
    """Yield every mutant of every transition of the charts, then every one of every function that they name or call."""
    whole = definition()
    for chart in (*whole.charts, whole.conversation):
        for index, transition in enumerate(chart.transitions):
            for kind, detail, transitions in _mutations(chart, index, transition):
                name = f"{transition.id}: {kind}{f' {detail}' if detail else ''}"
                yield Mutant(
                    name,
                    kind,
                    with_transitions(chart, transitions),
                    Cell(chart.name, transition.source, transition.event),
                )
    for function in whole.functions.values():
        for mutation in mutations(function):
            yield Mutant(
                f"{function.id}, line {mutation.line}: {mutation.what}",
                f"function: {mutation.kind}",
                replace(whole, instead={function.id: mutation.tree}),
            )


def with_transitions(chart: ChartDefinition, transitions: tuple[Transition, ...]) -> Definition:
    """Return the Definition with other transitions in one chart."""
    changed = {chart.name: replace(chart, transitions=transitions)}
    return replace(definition(), **changed)  # type: ignore[arg-type]  # a chart stands in the field of its name


def _mutations(
    chart: ChartDefinition, index: int, transition: Transition
) -> Iterator[tuple[str, str, tuple[Transition, ...]]]:
    """Yield the kind, the detail and the chart's transitions of each mutation of one transition."""
    before, after = chart.transitions[:index], chart.transitions[index + 1 :]
    yield "deleted", "", (*before, *after)
    for kind, detail, changed in (
        *_guards(transition),
        *_targets(_region_of(chart, transition), transition),
        *_actions(transition),
        *_answers(transition),
    ):
        yield kind, detail, (*before, changed, *after)
    for later, other in enumerate(after):
        if (other.source, other.event) == (transition.source, transition.event) and other.kind == transition.kind:
            swapped = (*before, other, *after[:later], transition, *after[later + 1 :])
            yield "order swapped with", other.name or other.id, swapped
            break


def _region_of(chart: ChartDefinition, transition: Transition) -> ChartDefinition:
    """Return the region that a transition belongs to; the chart itself if it has none."""
    return next(region for region in chart.regions if transition.source in region.state)


def _guards(transition: Transition) -> Iterator[tuple[str, str, Transition]]:
    if not transition.cond:
        return
    yield "unguarded", "", replace(transition, cond="")
    terms = transition.cond.split(" and ") if "(" not in transition.cond and " or " not in transition.cond else []
    if len(terms) > 1:
        for term in terms:
            yield (
                "guard dropped",
                term,
                replace(transition, cond=" and ".join(other for other in terms if other != term)),
            )
    for name in transition.guards:
        negated = re.sub(rf"\b(not )?{name}\b", lambda found: name if found[1] else f"not {name}", transition.cond)  # noqa: B023
        yield "guard negated", name, replace(transition, cond=negated)


def _targets(chart: ChartDefinition, transition: Transition) -> Iterator[tuple[str, str, Transition]]:
    if transition.target is None:
        return
    usual = chart.enter(transition.target)
    for leaf in chart.leaves:
        if leaf.id != usual and leaf.id not in _NEVER_ENTERED:
            yield "goes to", leaf.id, replace(transition, target=leaf.id)
    if transition.event != "eventless":
        yield "stays", "", replace(transition, target=None)


def _actions(transition: Transition) -> Iterator[tuple[str, str, Transition]]:
    actions = transition.actions
    for place, action in enumerate(actions):
        yield "action dropped", action, replace(transition, actions=(*actions[:place], *actions[place + 1 :]))
    for place in range(len(actions) - 1):
        swapped = (*actions[:place], actions[place + 1], actions[place], *actions[place + 2 :])
        yield "actions swapped", f"{actions[place]}, {actions[place + 1]}", replace(transition, actions=swapped)


def _answers(transition: Transition) -> Iterator[tuple[str, str, Transition]]:
    if transition.kind == "ignored":
        yield "rejected", "", replace(transition, kind="rejected")
    elif transition.kind == "rejected":
        yield "ignored", "", replace(transition, kind="ignored")
