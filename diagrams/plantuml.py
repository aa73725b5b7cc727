"""A chart as a PlantUML state diagram.

Transitions between the same two states share one arrow; those without a target stand in their state. Each stands
exactly once, after a comment with its id.
"""

from __future__ import annotations

import re

from speech_lifecycle.fsm.compile.definition import ChartDefinition, ChartName, StateNode, Transition

from . import palette
from .exchange import exchanges
from .marks import Marks
from .transitions import active_states, arrows, chart_named, mark_of, marked_words, printable, staying

_WIDTH = 32
_PLAIN = r"[A-Za-z0-9 _,()\[\]/]"


def plantuml(chart: ChartDefinition | ChartName, *, highlight: str | None = None, marks: Marks | None = None) -> str:
    """Return the PlantUML source of a chart; `highlight` is the id of a state to show as active.

    Raises:
        LookupError: there is no such chart or state.
    """
    chart = chart_named(chart)
    lines = [
        "@startuml",
        f"' Generated from fsm/{chart.name}/chart.py by speech_lifecycle.diagrams; do not edit.",
        "hide empty description",
        *_states(chart, None, active_states(chart, highlight), marks),
    ]
    for arrow in arrows(chart):
        colour = palette.swatch(chart.name, arrow.target).line
        if marks is not None:
            colour = mark_of(arrow, marks).colour
        lines += [f"' {transition.id}" for transition in arrow.transitions]
        label = "\\n".join(_words(transition, marks) for transition in arrow.transitions)
        lines.append(f"{arrow.source} -[{colour}]-> {arrow.target} : {label}")
    return "\n".join([*lines, "@enduml", ""])


def exchange_plantuml() -> str:
    """Return the PlantUML source of who says what to whom."""
    said = exchanges()
    names = dict.fromkeys(name for each in said for name in (each.sender, each.receiver))
    return "\n".join(
        [
            "@startuml",
            "' Generated from the definition by speech_lifecycle.diagrams; do not edit.",
            "left to right direction",
            *(f"rectangle {name}" for name in names),
            *(f"{each.sender} --> {each.receiver} : {_label(each.names)}" for each in said),
            "@enduml",
            "",
        ]
    )


def escape(text: str) -> str:
    """Return text in which nothing has a meaning for PlantUML, its markup and its preprocessor."""
    return re.sub(
        rf"(?!{_PLAIN}).|([_,()\[\]/])(?=\1)|(?<=([_,()\[\]/]))\2",
        lambda match: f"<U+{ord(match[0]):04X}>",
        printable(text),
    )


def _states(
    chart: ChartDefinition, parent: str | None, active: frozenset[str], marks: Marks | None, indent: str = ""
) -> list[str]:
    lines: list[str] = []
    for node in chart.states:
        if node.parent != parent:
            continue
        is_region = parent is not None and chart.state[parent].is_parallel
        if is_region and lines:
            lines.append(f"{indent}--")
        if node.is_initial and not is_region:
            lines.append(f"{indent}[*] --> {node.id}")
        lines.append(f"{indent}state {node.id} {_style(chart, node, node.id in active)}{' {' * node.is_compound}")
        if node.is_compound:
            lines += [*_states(chart, node.id, active, marks, indent + "  "), f"{indent}}}"]
        if node.is_final:
            lines.append(f"{indent}{node.id} --> [*]")
        for transition in staying(chart, node.id):
            lines += [f"{indent}' {transition.id}", f"{indent}{node.id} : {_words(transition, marks)}"]
    return lines


def _style(chart: ChartDefinition, node: StateNode, is_active: bool) -> str:
    colours = palette.swatch(chart.name, node.id)
    line = f"line:{palette.HIGHLIGHT.removeprefix('#')};line.bold" if is_active else f"line:{colours.line[1:]}"
    return f"{colours.fill};{line};text:{palette.INK[1:]}"


def _words(transition: Transition, marks: Marks | None) -> str:
    event, guard, actions = marked_words(transition, _WIDTH, marks)
    return _label((event, *guard, *actions))


def _label(lines: tuple[str, ...]) -> str:
    return "\\n".join(escape(line) for line in lines)
