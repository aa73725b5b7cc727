"""A chart as Graphviz source.

Compounds are clusters. Transitions between the same two states share one arrow; those without a target are inside
their state. Each stands exactly once and carries its id as a tooltip.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from speech_lifecycle.fsm.compile.definition import EVENTLESS, ChartDefinition, ChartName, StateNode, Transition

from . import palette
from .marks import NOT_TAKEN, Marks
from .transitions import (
    Arrow,
    active_states,
    arrows,
    chart_named,
    lit_states,
    mark_of,
    marked_words,
    printable,
    staying,
)

_WIDTH = 32
_COLUMNS = 3
_VEIL = f' BGCOLOR="{palette.PAPER}c0"'
EXPLANATION = (
    "event#name [guard] / actions: of several transitions for one event the name tells which; they are tried from top "
    "to bottom. eventless: needs no event."
)
MARKED = " In parentheses: in which order, or how often, it was taken."
_LEFT = '<BR ALIGN="LEFT"/>'


@dataclass(frozen=True, slots=True)
class _Look:
    """What of a chart stands out."""

    active: frozenset[str]
    marks: Marks | None
    lit: frozenset[str]

    def fill(self, chart: ChartDefinition, node: StateNode) -> str:
        """Return the ground of a state. Where transitions are marked it tells only whether a call was there."""
        if self.marks is None:
            return palette.swatch(chart.name, node.id).fill
        return palette.LIT if node.id in self.lit and not node.is_compound else palette.PAPER


def dot(chart: ChartDefinition | ChartName, *, highlight: str | None = None, marks: Marks | None = None) -> str:
    """Return the Graphviz source of a chart; `highlight` is the id of a state to show as active.

    `marks` are those of a trace: what was taken stands out, by number or count, colour and width; the rest recedes.

    Raises:
        LookupError: there is no such chart or state.
    """
    chart = chart_named(chart)
    look = _Look(active_states(chart, highlight), marks, frozenset() if marks is None else lit_states(chart, marks))
    lines = [
        f"// Generated from fsm/{chart.name}/chart.py by speech_lifecycle.diagrams; do not edit.",
        f"digraph {chart.name} {{",
        '  graph [compound=true, rankdir=TB, nodesep=0.6, ranksep=0.45, fontname="Helvetica", fontsize=12,',
        f'    bgcolor="{palette.PAPER}", fontcolor="{palette.INK}", tooltip="{chart.name}", pad=0.2,',
        f'    label="{EXPLANATION if marks is None else EXPLANATION + MARKED}", labelloc=b, labeljust=l]',
        f'  node [fontname="Helvetica", fontsize=12, fontcolor="{palette.INK}", margin="0.12,0.08"]',
        f'  edge [fontname="Helvetica", fontsize=10, fontcolor="{palette.INK}", color="{palette.INK}",',
        "    arrowsize=0.7, labelfloat=false]",
    ]
    root = next(node for node in chart.states if node.parent is None)
    lines += _states(chart, root.id if root.is_parallel else None, look, "  ")
    lines += [_arrow(chart, arrow, marks) for arrow in arrows(chart)]
    return "\n".join([*lines, "}", ""])


def _states(chart: ChartDefinition, parent: str | None, look: _Look, indent: str) -> list[str]:
    lines: list[str] = []
    for node in chart.states:
        if node.parent != parent:
            continue
        if node.is_initial and not (parent is not None and chart.state[parent].is_parallel):
            lines += _initial(chart, node, indent)
        if node.is_compound:
            lines += [
                f"{indent}subgraph cluster_{node.id} {{",
                f"{indent}  graph [{_cluster_style(chart, node, look)}]",
                f"{indent}  label={_box(chart, node, look.marks)}",
                *_states(chart, node.id, look, indent + "  "),
                f"{indent}}}",
            ]
        else:
            lines.append(
                f"{indent}{node.id} [{_state_style(chart, node, look)}, label={_box(chart, node, look.marks)}]"
            )
    return lines


def _initial(chart: ChartDefinition, node: StateNode, indent: str) -> list[str]:
    dot_id = f"initial_{node.parent or chart.name}"
    return [
        f'{indent}{dot_id} [shape=circle, style=filled, fillcolor="{palette.INK}", label="", width=0.14, '
        f'fixedsize=true, tooltip="start"]',
        f"{indent}{dot_id} -> {chart.enter(node.id)}{_ends(lhead=node.id if node.is_compound else None)}",
    ]


def _state_style(chart: ChartDefinition, node: StateNode, look: _Look) -> str:
    colours = palette.swatch(chart.name, node.id)
    is_active = node.id in look.active
    return (
        f'id="{chart.name}.{node.id}", shape=box, style="rounded,filled", fillcolor="{look.fill(chart, node)}", '
        f'color="{palette.HIGHLIGHT if is_active else colours.line}", penwidth={4 if is_active else 1.3}, '
        f'peripheries={2 if node.is_final else 1}, tooltip="{node.id}"'
    )


def _cluster_style(chart: ChartDefinition, node: StateNode, look: _Look) -> str:
    colours = palette.swatch(chart.name, node.id)
    is_active = node.id in look.active
    return (
        f'id="{chart.name}.{node.id}", style="rounded,filled", fillcolor="{look.fill(chart, node)}", '
        f'color="{palette.HIGHLIGHT if is_active else colours.line}", penwidth={3 if is_active else 1.3}, '
        f'labeljust=l, margin=14, tooltip="{node.id}"'
    )


def _box(chart: ChartDefinition, node: StateNode, marks: Marks | None) -> str:
    """Return the label of a state: its name, and the transitions that stay in it."""
    cells = [_cell(transition, palette.INK, palette.INK, marks) for transition in staying(chart, node.id)]
    columns = min(_COLUMNS, len(cells)) if node.is_compound else 1
    align = "LEFT" if cells else "CENTER"
    name = f'<TD ALIGN="{align}" COLSPAN="{max(columns, 1)}"><FONT POINT-SIZE="14"><B>{_html(node.id)}</B></FONT></TD>'
    lines = [cells[start : start + columns] for start in range(0, len(cells), columns)] if cells else []
    return _table([[name], *lines])


def _arrow(chart: ChartDefinition, arrow: Arrow, marks: Marks | None) -> str:
    source, target = chart.state[arrow.source], chart.state[arrow.target]
    mark = None if marks is None else mark_of(arrow, marks)
    colour = palette.swatch(chart.name, target.id).line if mark is None else mark.colour
    cells = [[_cell(transition, colour, palette.QUIET, marks)] for transition in arrow.transitions]
    ends = _ends(
        ltail=source.id if source.is_compound else None,
        lhead=target.id if target.is_compound else None,
        label=_table(cells, ground=_VEIL),
        color=f'"{colour}"',
        **({} if mark is None else {"penwidth": f"{mark.width:.1f}"}),
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


def _cell(transition: Transition, event_colour: str, guard_colour: str, marks: Marks | None) -> str:
    event, guard, actions = marked_words(transition, _WIDTH, marks)
    if marks is not None:
        event_colour = marks.get(transition.id, NOT_TAKEN).colour
    head = f"<I>{_html(event)}</I>" if transition.event == EVENTLESS else f"<B>{_html(event)}</B>"
    lines = [
        f'<FONT POINT-SIZE="10" COLOR="{event_colour}">{head}</FONT>',
        *(f'<FONT POINT-SIZE="9" COLOR="{guard_colour}"><I>{_html(line)}</I></FONT>' for line in guard),
        *(f'<FONT POINT-SIZE="9">{_html(line)}</FONT>' for line in actions),
    ]
    body = "".join(line + _LEFT for line in lines)
    return f'<TD ALIGN="LEFT" VALIGN="TOP" BALIGN="LEFT" ID="{transition.id}" TOOLTIP="{transition.id}">{body}</TD>'


def _html(text: str) -> str:
    return escape(printable(text))
