"""A chart at a glance: its states, and by which events it goes from one to another.

Guards, actions, and what leaves the state as it is are left out; what leads out of a compound starts at its border. The
source is for Graphviz and runs from left to right; on a page of 838 pixels its text is 11 pixels high or more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from speech_lifecycle.fsm.compile.definition import EVENTLESS, ChartDefinition, ChartName, StateNode, Transition

from . import palette
from .transitions import Arrow, active_states, arrows, chart_named, wrap

STATE_SIZE = 13
EVENT_SIZE = 12.5
AT_ONCE = "(at once)"
"""What stands for an eventless transition."""
_WIDTH = 13


def overview_of(chart: ChartDefinition | ChartName) -> ChartDefinition:
    """Return a chart with its states, and one transition for each event that leads from one to another.

    Raises:
        LookupError: there is no such chart.
    """
    chart = chart_named(chart)
    merged: dict[tuple[str, str, str], Transition] = {}
    for arrow in arrows(chart):
        source = _way_out(chart, arrow)
        for transition in arrow.transitions:
            event = AT_ONCE if transition.event == EVENTLESS else transition.event
            merged[source, arrow.target, event] = replace(
                transition, id=f"{chart.name}.{source}.{event}", source=source, event=event, cond="", actions=()
            )
    return replace(chart, transitions=tuple(merged.values()))


def _way_out(chart: ChartDefinition, arrow: Arrow) -> str:
    """Return the outermost compound that an arrow leaves, or the state that it starts at."""
    around = set(chart.ancestry(arrow.target))
    left = [level for level in chart.ancestry(arrow.source) if level not in around]
    return left[-1]


def overview_dot(chart: ChartDefinition | ChartName, *, highlight: str | Sequence[str] | None = None) -> str:
    """Return the Graphviz source of a chart at a glance; `highlight` is the id of an active state, or several.

    Raises:
        LookupError: there is no such chart or state.
    """
    chart = overview_of(chart)
    active = active_states(chart, highlight)
    root = next(node for node in chart.states if node.parent is None)
    lines = [
        *head(chart.name, f"fsm/{chart.name}/chart.py"),
        *_states(chart, root.id if root.is_parallel else None, active),
        *(_arrow(chart, arrow) for arrow in arrows(chart)),
    ]
    return "\n".join([*lines, "}", ""])


def head(name: str, origin: str) -> list[str]:
    """Return how the Graphviz source of an overview begins."""
    return [
        f"// Generated from {origin} by speech_lifecycle.diagrams; do not edit.",
        f"digraph {name} {{",
        "  graph [rankdir=LR, compound=true, nodesep=0.2, ranksep=0.02, bgcolor=transparent, pad=0.05,",
        f'    tooltip="{name}", fontname="Helvetica", fontsize={STATE_SIZE}, fontcolor="{palette.INK}"]',
        f'  node [shape=box, style="rounded,filled", fontname="Helvetica", fontsize={STATE_SIZE}, height=0.3,',
        f'    margin="0.07,0.05", fontcolor="{palette.ON_FILL}"]',
        f'  edge [fontname="Helvetica", fontsize={EVENT_SIZE}, fontcolor="{palette.INK}", color="{palette.INK}",',
        "    arrowsize=0.7]",
    ]


def _states(chart: ChartDefinition, parent: str | None, active: frozenset[str]) -> list[str]:
    lines: list[str] = []
    for node in chart.states:
        if node.parent != parent:
            continue
        if node.is_initial and not (parent is not None and chart.state[parent].is_parallel):
            lines += _initial(chart, node)
        line = palette.HIGHLIGHT if node.id in active else palette.swatch(chart.name, node.id).line
        border = f'color="{line}", penwidth={4 if node.id in active else 1.3}, tooltip="{node.id}"'
        if node.is_compound:
            lines += [
                f"  subgraph cluster_{node.id} {{",
                f'  graph [label="{node.id}", labeljust=l, style=rounded, margin=10, {border}]',
                *_states(chart, node.id, active),
                "  }",
            ]
        else:
            fill = palette.swatch(chart.name, node.id).fill
            lines.append(f'  {node.id} [{border}, fillcolor="{fill}", peripheries={2 if node.is_final else 1}]')
    return lines


def _initial(chart: ChartDefinition, node: StateNode) -> list[str]:
    dot_id = f"initial_{node.parent or chart.name}"
    return [
        f'  {dot_id} [shape=circle, label="", width=0.12, height=0.12, fixedsize=true, fillcolor="{palette.INK}", '
        f'color="{palette.INK}", tooltip="start"]',
        f"  {{rank=same; {dot_id} -> {chart.enter(node.id)}}}",
    ]


def _arrow(chart: ChartDefinition, arrow: Arrow) -> str:
    """Draw the arrow of all events from one state to another; it is dashed if it needs no event."""
    source, target = chart.state[arrow.source], chart.state[arrow.target]
    attributes = [f'color="{palette.swatch(chart.name, target.id).line}"', "penwidth=1.3"]
    events = [transition.event for transition in arrow.transitions]
    if events == [AT_ONCE]:
        attributes.append("style=dashed")
    else:
        lines = [line for event in sorted(events, key=AT_ONCE.__eq__) for line in _lines(event)]
        attributes.append(f'label="{"".join(f"{line}{LEFT}" for line in lines)}"')
    tail = target_of_last(chart, source.id)
    if source.is_compound:
        attributes.append(f"ltail=cluster_{source.id}")
    if target.is_compound:
        attributes.append(f"lhead=cluster_{target.id}")
    return f"  {tail} -> {chart.enter(target.id)} [{', '.join(attributes)}]"


LEFT = "\\l"


def target_of_last(chart: ChartDefinition, state_id: str) -> str:
    """Return the last state in a compound: from there the layout flows on."""
    while chart.state[state_id].is_compound:
        state_id = [node.id for node in chart.states if node.parent == state_id][-1]
    return state_id


def _lines(event: str) -> list[str]:
    """Break the name of an event where it has underscores."""
    *words, last = event.split("_")
    first, *others = wrap([*(f"{word}_" for word in words), last], "", _WIDTH)
    return [first, *(f"\u00a0\u00a0{line}" for line in others)]
