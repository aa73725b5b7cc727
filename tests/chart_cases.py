"""What a chart does in each of its cells, for other tools to be compared with: guards are only true or false."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from speech_lifecycle.exports.model import ChartDefinition, Condition, DefinitionFile, Guard, Neither
from speech_lifecycle.exports.statecharts import answer_of

_LONGEST = 5
"""Steps without an event, after which nobody expects an end: no real guards are as these."""


@dataclass(frozen=True)
class Case:
    """One event in one configuration, with the guards that hold, and what comes of it."""

    chart: str
    states: dict[str, str]
    """The state of each region."""
    event: str
    guards: frozenset[str]
    transitions: tuple[str, ...]
    done: tuple[str, ...]
    """Actions and answers, in order."""
    leads_to: dict[str, str]


def cases(definition: DefinitionFile) -> Iterator[Case]:
    """Yield a case for each transition in each cell in which it can be taken by an event."""
    for name, chart in definition.charts.items():
        initial = {region.field: region.initial for region in chart.regions}
        for region in chart.regions:
            for state, cells in region.cells.items():
                for event, cell in cells.items():
                    if event:
                        yield from _of_cell(name, chart, {**initial, region.field: state}, region.field, event, cell)


def _of_cell(
    name: str, chart: ChartDefinition, states: dict[str, str], region: str, event: str, cell: tuple[str, ...]
) -> Iterator[Case]:
    shown = set()
    guards = sorted({guard for each in cell for guard in _guards_of(chart.transitions[each].when)})
    for size in range(len(guards) + 1):
        for some in combinations(guards, size):
            holding = frozenset(some)
            taken = _first(chart, cell, holding)
            if taken is None or taken in shown:
                continue
            case = _case(name, chart, states, region, event, taken, holding)
            if case is not None:
                shown.add(taken)
                yield case
                yield from _with_what_follows(chart, case, region, cell)


def _with_what_follows(chart: ChartDefinition, case: Case, region: str, cell: tuple[str, ...]) -> Iterator[Case]:
    """Yield the same event with guards that hold for what needs no event after it."""
    (cells,) = (each.cells for each in chart.regions if each.field == region)
    for following in cells[case.leads_to[region]].get("", ()):
        needed = case.guards | frozenset(_guards_of(chart.transitions[following].when))
        if _first(chart, cell, needed) == case.transitions[0]:
            more = _case(case.chart, chart, case.states, region, case.event, case.transitions[0], needed)
            if more is not None:
                yield more


def _case(
    name: str,
    chart: ChartDefinition,
    states: dict[str, str],
    region: str,
    event: str,
    taken: str,
    holding: frozenset[str],
) -> Case | None:
    now, transitions, done = dict(states), [], []

    def take(field: str, transition_id: str) -> None:
        transition = chart.transitions[transition_id]
        transitions.append(transition_id)
        done.extend(transition.actions)
        if transition.kind != "handled":
            done.append(answer_of(transition))
        now[field] = transition.enters or now[field]

    def enabled() -> list[tuple[str, str]]:
        """Return what needs no event now."""
        cells = {each.field: each.cells[now[each.field]].get("", ()) for each in chart.regions}
        found = {field: _first(chart, cell, holding) for field, cell in cells.items()}
        return [(field, first) for field, first in found.items() if first is not None]

    if enabled():
        return None  # it would not have stayed there
    take(region, taken)
    for _ in range(_LONGEST):
        found = enabled()
        if not found:
            return Case(name, states, event, holding, tuple(transitions), tuple(done), now)
        for field, transition_id in found:
            take(field, transition_id)
    return None


def _first(chart: ChartDefinition, cell: tuple[str, ...], holding: frozenset[str]) -> str | None:
    return next((each for each in cell if _holds(chart.transitions[each].when, holding)), None)


def _holds(condition: Condition | None, holding: frozenset[str]) -> bool:
    if condition is None:
        return True
    if isinstance(condition, Guard):
        return condition.name in holding
    if isinstance(condition, Neither):
        return not _holds(condition.condition, holding)
    several = all if condition.op == "and" else any
    return several(_holds(each, holding) for each in condition.conditions)


def _guards_of(condition: Condition | None) -> Iterator[str]:
    if isinstance(condition, Guard):
        yield condition.name
    elif isinstance(condition, Neither):
        yield from _guards_of(condition.condition)
    elif condition is not None:
        for each in condition.conditions:
            yield from _guards_of(each)


def ancestry(chart: ChartDefinition, state: str) -> list[str]:
    """Return a state and those around it, from the outside in."""
    parent = chart.states[state].parent
    return [*(ancestry(chart, parent) if parent else []), state]


def state_value(chart: ChartDefinition, states: dict[str, str]) -> Any:
    """Return a configuration as XState writes it: the parallel root of a chart is the machine itself."""
    value: dict[str, Any] = {}
    for state in states.values():
        path = [each for each in ancestry(chart, state) if not chart.states[each].parallel]
        if len(path) == 1:
            return path[0]
        inner: Any = path[-1]
        for each in reversed(path[1:-1]):
            inner = {each: inner}
        value[path[0]] = inner
    return value
