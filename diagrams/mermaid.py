"""A chart as a Mermaid state diagram, which GitHub and most editors draw by themselves.

Transitions between the same two states share one arrow; those without a target stand in a note at their state.
Each stands exactly once, after a comment with its id.
"""

from __future__ import annotations

import re
from dataclasses import replace

from speech_lifecycle.fsm.compile.definition import ChartDefinition, ChartName, StateNode, Transition

from . import palette
from .exchange import exchanges
from .marks import Marks
from .transitions import active_states, arrows, chart_named, marked_words, staying

_WIDTH = 26


def mermaid(
    chart: ChartDefinition | ChartName,
    *,
    highlight: str | None = None,
    marks: Marks | None = None,
    actions: bool = True,
) -> str:
    """Return the Mermaid source of a chart; `highlight` is the id of a state to show as active.

    `marks` are those of a trace, which number or count its transitions. Without `actions` the labels are so short that
    Mermaid's own layout keeps most of them apart.

    Raises:
        LookupError: there is no such chart or state.
    """
    chart = chart_named(chart)
    if not actions:
        chart = replace(chart, transitions=tuple(replace(transition, actions=()) for transition in chart.transitions))
    active = active_states(chart, highlight)
    lines = [
        f"%% Generated from fsm/{chart.name}/chart.py by speech_lifecycle.diagrams; do not edit.",
        "stateDiagram-v2",
        *(f"    {line}" for line in _states(chart, None, marks)),
    ]
    for arrow in arrows(chart):
        lines += [f"    %% {transition.id}" for transition in arrow.transitions]
        label = "<br/>".join(
            "•\u00a0" * (len(arrow.transitions) > 1) + _words(transition, marks) for transition in arrow.transitions
        )
        lines.append(f"    {arrow.source} --> {arrow.target} : {label}")
    lines += [f"    {node.id} --> [*]" for node in chart.states if node.is_final]
    lines += [line for node in chart.states for line in _colours(chart, node, node.id in active)]
    return "\n".join([*lines, ""])


def exchange_mermaid() -> str:
    """Return the Mermaid source of who says what to whom."""
    lines = ["%% Generated from the definition by speech_lifecycle.diagrams; do not edit.", "flowchart LR"]
    for each in exchanges():
        words = "<br/>".join(map(escape, each.names))
        lines.append(f'    {each.sender} -->|"{words}"| {each.receiver}')
    return "\n".join([*lines, ""])


def escape(text: str) -> str:
    """Return text in which nothing has a meaning for Mermaid."""
    return re.sub(r"[^\w \-+*/.,()=!?'\[\]]", lambda match: f"#{ord(match[0])};", text, flags=re.ASCII)


def _states(chart: ChartDefinition, parent: str | None, marks: Marks | None) -> list[str]:
    lines: list[str] = []
    for node in chart.states:
        if node.parent != parent:
            continue
        is_region = parent is not None and chart.state[parent].is_parallel
        if is_region and lines:
            lines.append("--")
        if node.is_initial and not is_region:
            lines.append(f"[*] --> {node.id}")
        if node.is_compound:
            lines += [f"state {node.id} {{", *(f"    {line}" for line in _states(chart, node.id, marks)), "}"]
        else:
            lines.append(node.id)
        lines += _note(chart, node, marks)
    return lines


def _note(chart: ChartDefinition, node: StateNode, marks: Marks | None) -> list[str]:
    transitions = staying(chart, node.id)
    if not transitions:
        return []
    return [
        *(f"%% {transition.id}" for transition in transitions),
        f"note right of {node.id}",
        *(f"    •\u00a0{_words(transition, marks)}" for transition in transitions),
        "end note",
    ]


def _words(transition: Transition, marks: Marks | None) -> str:
    event, guard, actions = marked_words(transition, _WIDTH, marks)
    return "<br/>".join(escape(line) for line in (event, *guard, *actions))


def _colours(chart: ChartDefinition, node: StateNode, is_active: bool) -> list[str]:
    colours = palette.swatch(chart.name, node.id)
    border = f"stroke:{palette.HIGHLIGHT},stroke-width:4px" if is_active else f"stroke:{colours.line}"
    return [
        f"    classDef {node.id} fill:{colours.fill},{border},color:{palette.INK}",
        f"    class {node.id} {node.id}",
    ]
