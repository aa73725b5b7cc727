"""Mutants: the Definition with one thing wrong. What no property notices about them, the properties do not say."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

from speech_lifecycle.fsm.compile.definition import ChartDefinition, ChartName, Definition, Row, definition

_NEVER_ENTERED = ("pending", "queued")
"""Initial states: no row goes back to them, and none is likely to by mistake."""


class Cell(NamedTuple):
    """Where a row stands."""

    chart: ChartName
    source: str
    event: str


@dataclass(frozen=True)
class Mutant:
    """One change to the Definition."""

    id: str
    """The row, and what was done to it."""
    kind: str
    definition: Definition
    cell: Cell | None = None
    """The only cell that is not the original's; None if more than one may be."""


def mutants() -> Iterator[Mutant]:
    """Yield every mutant of every row of both charts, row by row."""
    for chart in definition().charts:
        for index, row in enumerate(chart.rows):
            for kind, detail, rows in _mutations(chart, index, row):
                name = f"{row.id}: {kind}{f' {detail}' if detail else ''}"
                yield Mutant(name, kind, with_rows(chart, rows), Cell(chart.name, row.source, row.event))


def with_rows(chart: ChartDefinition, rows: tuple[Row, ...]) -> Definition:
    """Return the Definition with other rows in one chart."""
    changed = replace(chart, rows=rows)
    whole = definition()
    return Definition(message=changed, speech=whole.speech) if chart is whole.message else (
        Definition(message=whole.message, speech=changed)
    )  # fmt: skip


def _mutations(chart: ChartDefinition, index: int, row: Row) -> Iterator[tuple[str, str, tuple[Row, ...]]]:
    """Yield the kind, the detail and the chart's rows of each mutation of one row."""
    before, after = chart.rows[:index], chart.rows[index + 1 :]
    yield "deleted", "", (*before, *after)
    for kind, detail, changed in (*_guards(row), *_targets(chart, row), *_actions(row), *_answers(row)):
        yield kind, detail, (*before, changed, *after)
    for later, other in enumerate(after):
        if (other.source, other.event) == (row.source, row.event) and other.kind == row.kind:
            swapped = (*before, other, *after[:later], row, *after[later + 1 :])
            yield "order swapped with", other.id.rpartition("#")[2], swapped
            break


def _guards(row: Row) -> Iterator[tuple[str, str, Row]]:
    if not row.cond:
        return
    yield "unguarded", "", replace(row, cond="")
    terms = row.cond.split(" and ") if "(" not in row.cond and " or " not in row.cond else []
    if len(terms) > 1:
        for term in terms:
            yield "guard dropped", term, replace(row, cond=" and ".join(other for other in terms if other != term))
    for name in row.guards:
        negated = re.sub(rf"\b(not )?{name}\b", lambda found: name if found[1] else f"not {name}", row.cond)  # noqa: B023
        yield "guard negated", name, replace(row, cond=negated)


def _targets(chart: ChartDefinition, row: Row) -> Iterator[tuple[str, str, Row]]:
    if row.target is None:
        return
    usual = chart.enter(row.target)
    for leaf in chart.leaves:
        if leaf.id != usual and leaf.id not in _NEVER_ENTERED:
            yield "goes to", leaf.id, replace(row, target=leaf.id)
    if row.event != "always":
        yield "stays", "", replace(row, target=None)


def _actions(row: Row) -> Iterator[tuple[str, str, Row]]:
    actions = row.actions
    for place, action in enumerate(actions):
        yield "action dropped", action, replace(row, actions=(*actions[:place], *actions[place + 1 :]))
    for place in range(len(actions) - 1):
        swapped = (*actions[:place], actions[place + 1], actions[place], *actions[place + 2 :])
        yield "actions swapped", f"{actions[place]}, {actions[place + 1]}", replace(row, actions=swapped)


def _answers(row: Row) -> Iterator[tuple[str, str, Row]]:
    if row.kind == "ignored":
        yield "rejected", "", replace(row, kind="rejected")
    elif row.kind == "rejected":
        yield "ignored", "", replace(row, kind="ignored")
