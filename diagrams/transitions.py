"""What all pictures of a chart have in common: which transitions go where, and how a transition is worded."""

from __future__ import annotations

from dataclasses import dataclass

from speech_lifecycle.fsm.compile.definition import ChartDefinition, ChartName, Transition, definition


@dataclass(frozen=True, slots=True)
class Arrow:
    """All transitions that lead from one state to one other, in the order in which they are tried."""

    source: str
    target: str
    transitions: tuple[Transition, ...]


def chart_named(chart: ChartDefinition | ChartName) -> ChartDefinition:
    """Return the chart itself, or the one of this name.

    Raises:
        LookupError: there is no chart of this name.
    """
    if isinstance(chart, ChartDefinition):
        return chart
    for candidate in definition().every_chart:
        if candidate.name == chart:
            return candidate
    raise LookupError(f"no chart {chart!r}; there are {', '.join(c.name for c in definition().every_chart)}")


def arrows(chart: ChartDefinition) -> tuple[Arrow, ...]:
    """Return the handled transitions that lead to a target, gathered by source and target."""
    gathered: dict[tuple[str, str], list[Transition]] = {}
    for transition in chart.transitions:
        if transition.kind == "handled" and transition.target is not None:
            gathered.setdefault((transition.source, transition.target), []).append(transition)
    return tuple(Arrow(source, target, tuple(transitions)) for (source, target), transitions in gathered.items())


def staying(chart: ChartDefinition, state_id: str) -> tuple[Transition, ...]:
    """Return the handled transitions of a state that have no target: they do something and stay."""
    return tuple(
        transition
        for transition in chart.transitions
        if transition.kind == "handled" and transition.target is None and transition.source == state_id
    )


def active_states(chart: ChartDefinition, highlight: str | None) -> frozenset[str]:
    """Return the state to highlight and the compounds around it.

    Raises:
        LookupError: the chart has no such state.
    """
    if highlight is None:
        return frozenset()
    if highlight not in chart.state:
        raise LookupError(f"the {chart.name} chart has no state {highlight!r}; it has {', '.join(chart.state)}")
    return frozenset(level for level in chart.ancestry(highlight) if not chart.state[level].is_parallel)


def words_of(transition: Transition, width: int) -> tuple[str, list[str], list[str]]:
    """Return the event and name of a transition, and the lines of its guard and of its actions."""
    guard = (
        f"[{transition.cond}]".replace(" and ", "\0and ").replace(" or ", "\0or ").split("\0")
        if transition.cond
        else []
    )
    actions = wrap(list(transition.actions), ", ", width)
    name = f"{transition.event}#{transition.name}" if transition.name else transition.event
    return name, wrap(guard, " ", width), [f"/ {actions[0]}", *actions[1:]] if actions else []


def wrap(words: list[str], separator: str, width: int) -> list[str]:
    """Join words into lines of at most `width` characters; a longer word has a line to itself."""
    lines: list[str] = []
    for index, word in enumerate(words):
        piece = word + (separator if index < len(words) - 1 else "")
        if lines and len(lines[-1]) + len(piece.rstrip()) <= width:
            lines[-1] += piece
        else:
            lines.append(piece)
    return [line.rstrip() for line in lines]
