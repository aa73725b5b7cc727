"""A chart in the language D2.

Transitions between the same two states share one arrow; those without a target stand below the name of their state.
Each stands exactly once, after a comment with its id.
"""

from __future__ import annotations

from speech_lifecycle.fsm.compile.definition import ChartDefinition, ChartName, StateNode, Transition

from . import palette
from .exchange import exchanges
from .marks import Marks, TransitionMark
from .transitions import active_states, arrows, chart_named, mark_of, marked_words, printable, staying

_WIDTH = 32


def d2(chart: ChartDefinition | ChartName, *, highlight: str | None = None, marks: Marks | None = None) -> str:
    """Return the D2 source of a chart; `highlight` is the id of a state to show as active.

    Raises:
        LookupError: there is no such chart or state.
    """
    chart = chart_named(chart)
    lines = [
        f"# Generated from fsm/{chart.name}/chart.py by speech_lifecycle.diagrams; do not edit.",
        *_states(chart, None, active_states(chart, highlight), marks),
    ]
    for arrow in arrows(chart):
        mark = (
            TransitionMark("", palette.swatch(chart.name, arrow.target).line)
            if marks is None
            else mark_of(arrow, marks)
        )
        lines += [f"# {transition.id}" for transition in arrow.transitions]
        label = quoted("\n".join(_words(transition, marks) for transition in arrow.transitions))
        style = f'{{style.stroke: "{mark.colour}"; style.stroke-width: {max(1, round(mark.width))}}}'
        lines.append(f"{_path(chart, arrow.source)} -> {_path(chart, arrow.target)}: {label} {style}")
    return "\n".join([*lines, ""])


def exchange_d2() -> str:
    """Return the D2 source of who says what to whom."""
    lines = ["# Generated from the definition by speech_lifecycle.diagrams; do not edit.", "direction: right"]
    lines += [f"{each.sender} -> {each.receiver}: {quoted(chr(10).join(each.names))}" for each in exchanges()]
    return "\n".join([*lines, ""])


def quoted(text: str) -> str:
    """Return text as a string of D2 in which nothing has a meaning."""
    plain = "\n".join(map(printable, text.split("\n")))
    for each in ("\\", '"', "$"):
        plain = plain.replace(each, f"\\{each}")
    return '"{}"'.format(plain.replace("\n", "\\n"))


def _states(
    chart: ChartDefinition, parent: str | None, active: frozenset[str], marks: Marks | None, indent: str = ""
) -> list[str]:
    lines: list[str] = []
    for node in chart.states:
        if node.parent != parent:
            continue
        if node.is_initial and not (parent is not None and chart.state[parent].is_parallel):
            lines += [
                f'{indent}start: "" {{shape: circle; width: 14; height: 14; style.fill: "{palette.INK}"}}',
                f"{indent}start -> {node.id}",
            ]
        stays = staying(chart, node.id)
        lines += [f"{indent}# {transition.id}" for transition in stays]
        words = [_words(transition, marks) for transition in stays]
        label = quoted("\n".join([node.id, *words]))
        lines += [f"{indent}{node.id}: {label} {{", f"{indent}  {_style(chart, node, node.id in active)}"]
        lines += [*_states(chart, node.id, active, marks, indent + "  "), f"{indent}}}"]
    return lines


def _style(chart: ChartDefinition, node: StateNode, is_active: bool) -> str:
    colours = palette.swatch(chart.name, node.id)
    line = palette.HIGHLIGHT if is_active else colours.line
    return (
        f'style: {{fill: "{colours.fill}"; stroke: "{line}"; stroke-width: {4 if is_active else 1}; '
        f'font-color: "{palette.INK}"; border-radius: 8; double-border: {str(node.is_final).lower()}}}'
    )


def _path(chart: ChartDefinition, state_id: str) -> str:
    return ".".join(reversed(tuple(chart.ancestry(state_id))))


def _words(transition: Transition, marks: Marks | None) -> str:
    event, guard, actions = marked_words(transition, _WIDTH, marks)
    return "\n".join((event, *guard, *actions))
