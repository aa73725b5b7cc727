"""A chart as Graphviz source.

Compounds are clusters. Transitions between the same two states share one arrow; those without a target are inside
their state. Each stands exactly once and carries its id as a tooltip.
"""

from __future__ import annotations

from html import escape

from speech_lifecycle.fsm.compile.definition import EVENTLESS, ChartDefinition, ChartName, StateNode, Transition

from . import palette
from .transitions import Arrow, active_states, arrows, chart_named, staying, words_of

_WIDTH = 32
_COLUMNS = 3
_VEIL = f' BGCOLOR="{palette.PAPER}c0"'
_LEFT = '<BR ALIGN="LEFT"/>'


def dot(chart: ChartDefinition | ChartName, *, highlight: str | None = None) -> str:
    """Return the Graphviz source of a chart; `highlight` is the id of a state to show as active.

    Raises:
        LookupError: there is no such chart or state.
    """
    chart = chart_named(chart)
    active = active_states(chart, highlight)
    lines = [
        f"// Generated from fsm/{chart.name}/chart.py by speech_lifecycle.diagrams; do not edit.",
        f"digraph {chart.name} {{",
        '  graph [compound=true, rankdir=TB, nodesep=0.6, ranksep=0.45, fontname="Helvetica", fontsize=12,',
        f'    bgcolor="{palette.PAPER}", fontcolor="{palette.INK}", tooltip="{chart.name}", pad=0.2]',
        f'  node [fontname="Helvetica", fontsize=12, fontcolor="{palette.INK}", margin="0.12,0.08"]',
        f'  edge [fontname="Helvetica", fontsize=10, fontcolor="{palette.INK}", color="{palette.INK}",',
        "    arrowsize=0.7, labelfloat=false]",
    ]
    root = next(node for node in chart.states if node.parent is None)
    lines += _states(chart, root.id if root.is_parallel else None, active, "  ")
    lines += [_arrow(chart, arrow) for arrow in arrows(chart)]
    return "\n".join([*lines, "}", ""])


def _states(chart: ChartDefinition, parent: str | None, active: frozenset[str], indent: str) -> list[str]:
    lines: list[str] = []
    for node in chart.states:
        if node.parent != parent:
            continue
        if node.is_initial and not (parent is not None and chart.state[parent].is_parallel):
            lines += _initial(chart, node, indent)
        if node.is_compound:
            lines += [
                f"{indent}subgraph cluster_{node.id} {{",
                f"{indent}  graph [{_cluster_style(chart, node, active)}]",
                f"{indent}  label={_box(chart, node)}",
                *_states(chart, node.id, active, indent + "  "),
                f"{indent}}}",
            ]
        else:
            lines.append(f"{indent}{node.id} [{_state_style(chart, node, active)}, label={_box(chart, node)}]")
    return lines


def _initial(chart: ChartDefinition, node: StateNode, indent: str) -> list[str]:
    dot_id = f"initial_{node.parent or chart.name}"
    return [
        f'{indent}{dot_id} [shape=circle, style=filled, fillcolor="{palette.INK}", label="", width=0.14, '
        f'fixedsize=true, tooltip="start"]',
        f"{indent}{dot_id} -> {chart.enter(node.id)}{_ends(lhead=node.id if node.is_compound else None)}",
    ]


def _state_style(chart: ChartDefinition, node: StateNode, active: frozenset[str]) -> str:
    colours = palette.swatch(chart.name, node.id)
    is_active = node.id in active
    return (
        f'id="{chart.name}.{node.id}", shape=box, style="rounded,filled", fillcolor="{colours.fill}", '
        f'color="{palette.HIGHLIGHT if is_active else colours.line}", penwidth={4 if is_active else 1.3}, '
        f'peripheries={2 if node.is_final else 1}, tooltip="{node.id}"'
    )


def _cluster_style(chart: ChartDefinition, node: StateNode, active: frozenset[str]) -> str:
    colours = palette.swatch(chart.name, node.id)
    is_active = node.id in active
    return (
        f'id="{chart.name}.{node.id}", style="rounded,filled", fillcolor="{colours.fill}", '
        f'color="{palette.HIGHLIGHT if is_active else colours.line}", penwidth={3 if is_active else 1.3}, '
        f'labeljust=l, margin=14, tooltip="{node.id}"'
    )


def _box(chart: ChartDefinition, node: StateNode) -> str:
    """Return the label of a state: its name, and the transitions that stay in it."""
    cells = [_cell(transition, palette.INK, palette.INK) for transition in staying(chart, node.id)]
    columns = min(_COLUMNS, len(cells)) if node.is_compound else 1
    align = "LEFT" if cells else "CENTER"
    name = f'<TD ALIGN="{align}" COLSPAN="{max(columns, 1)}"><FONT POINT-SIZE="14"><B>{escape(node.id)}</B></FONT></TD>'
    lines = [cells[start : start + columns] for start in range(0, len(cells), columns)] if cells else []
    return _table([[name], *lines])


def _arrow(chart: ChartDefinition, arrow: Arrow) -> str:
    source, target = chart.state[arrow.source], chart.state[arrow.target]
    colour = palette.swatch(chart.name, target.id).line
    ends = _ends(
        ltail=source.id if source.is_compound else None,
        lhead=target.id if target.is_compound else None,
        label=_table([[_cell(transition, colour, palette.QUIET)] for transition in arrow.transitions], ground=_VEIL),
        color=f'"{colour}"',
    )
    return f"  {_anchor(chart, source.id)} -> {_entrance(target)}{ends}"


def _entrance(target: StateNode) -> str:
    """Return the node that an arrow ends at: of a compound, its dot, so that the whole compound stands below."""
    return f"initial_{target.id}" if target.is_compound else target.id


def _anchor(chart: ChartDefinition, state_id: str) -> str:
    """Return the node that an arrow starts from: of a compound, its last child, so that the layout flows down."""
    while chart.state[state_id].is_compound:
        state_id = [node.id for node in chart.states if node.parent == state_id][-1]
    return state_id


def _ends(*, ltail: str | None = None, lhead: str | None = None, **others: str) -> str:
    attributes = [
        *([f"ltail=cluster_{ltail}"] if ltail else []),
        *([f"lhead=cluster_{lhead}"] if lhead else []),
        *(f"{name}={value}" for name, value in others.items()),
    ]
    return f" [{', '.join(attributes)}]" if attributes else ""


def _table(lines: list[list[str]], ground: str = "") -> str:
    body = "".join(f"<TR>{''.join(cells)}</TR>" for cells in lines)
    return f'<<TABLE{ground} BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="3">{body}</TABLE>>'


def _cell(transition: Transition, event_colour: str, guard_colour: str) -> str:
    event, guard, actions = words_of(transition, _WIDTH)
    head = f"<I>{escape(event)}</I>" if transition.event == EVENTLESS else f"<B>{escape(event)}</B>"
    lines = [
        f'<FONT POINT-SIZE="10" COLOR="{event_colour}">{head}</FONT>',
        *(f'<FONT POINT-SIZE="9" COLOR="{guard_colour}"><I>{escape(line)}</I></FONT>' for line in guard),
        *(f'<FONT POINT-SIZE="9">{escape(line)}</FONT>' for line in actions),
    ]
    body = "".join(line + _LEFT for line in lines)
    return f'<TD ALIGN="LEFT" VALIGN="TOP" BALIGN="LEFT" ID="{transition.id}" TOOLTIP="{transition.id}">{body}</TD>'
