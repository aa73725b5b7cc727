"""Compiles the Definition into Python functions, one for each cell: what runs is the table, with its names inlined.

A cell's function takes the run, the speech, for messages the message, and the event. It tries the cell's rows in
order, performs the first one whose condition holds, follows the `always` rows of the state it is in then, and
returns the reply. Whatever else is caused, effects and further rows, is collected by the run.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from speech_lifecycle.fsm.definition import ALWAYS, ChartDefinition, Row
from speech_lifecycle.fsm.events import SOURCE_OF
from speech_lifecycle.fsm.replies import Handled, Ignored, Rejected, Reply

Cell = Callable[..., Reply]
"""(run, speech, event) for the speech chart, (run, speech, message, event) for the message chart.

The cell of an internal event returns None if no row takes it, and nobody asks.
"""

Table = dict[str, dict[str, Cell]]
"""By event name, then by state."""


def compile_table(chart: ChartDefinition) -> Table:
    """Return the functions of all cells of a chart that have rows."""
    namespace: dict[str, Any] = {
        **{f"guard_{name}": guard for name, guard in chart.guards.items()},
        **{f"action_{name}": action for name, action in chart.actions.items()},
    }
    source: list[str] = []
    functions: dict[tuple[str, str], str] = {}
    for event in (ALWAYS, *chart.events, *chart.internal_events):
        for leaf in chart.leaves:
            rows = chart.cell(leaf.id, event)
            if rows:
                name = f"{leaf.id}_on_{event}"
                functions[event, leaf.id] = name
                source += _function(chart, name, leaf.id, rows, namespace)
    exec(compile("\n".join(source), f"<{chart.name} chart>", "exec"), namespace)
    table: Table = {}
    for (event, state), name in functions.items():
        table.setdefault(event, {})[state] = namespace[name]
    return table


def _function(
    chart: ChartDefinition, name: str, state: str, rows: tuple[Row, ...], namespace: dict[str, Any]
) -> list[str]:
    arguments = "run, speech, message, event" if chart.name == "message" else "run, speech, event"
    subject = "message" if chart.name == "message" else "speech"
    lines = [f"def {name}({arguments}):"]
    for row in rows:
        condition = re.sub(
            r"\w+",
            lambda m: m[0] if m[0] in ("and", "or", "not") else f"guard_{m[0]}({arguments[5:]})",
            row.cond,
        )
        indent = "    "
        if condition:
            lines.append(f"    if {condition}:")
            indent = "        "
        reply = f"reply_{len(namespace)}"
        namespace[reply] = _reply(row, state)
        if row.kind == "handled":
            target = chart.target_state(row, state)
            if row.event not in chart.events:
                lines.append(f"{indent}run.rows.append({row.id!r})")
            lines += [f"{indent}action_{action}({arguments})" for action in row.actions]
            if target != state:
                lines.append(f"{indent}{subject}.state = {target!r}")
            if chart.cell(target, ALWAYS):
                lines.append(f"{indent}{target}_on_{ALWAYS}({arguments})")
        lines.append(f"{indent}return {reply}")
        if not condition:
            return lines
    return [*lines, "    return None"]


def _reply(row: Row, state: str) -> Reply:
    if row.kind == "handled":
        return Handled((row.id,))
    if row.kind == "ignored":
        return Ignored(row.id, state, row.reason)
    return Rejected(row.event, row.id, state, row.reason, SOURCE_OF[row.event])
