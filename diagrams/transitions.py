"""What all pictures of a chart have in common: which transitions go where, and how a transition is worded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from speech_lifecycle.fsm.compile.definition import ChartDefinition, ChartName, Transition, definition

from .marks import NOT_TAKEN, Marks, TransitionMark


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


def active_states(chart: ChartDefinition, highlight: str | Sequence[str] | None) -> frozenset[str]:
    """Return the state to highlight, or the states, and the compounds around it.

    Raises:
        LookupError: the chart has no such state.
    """
    states = [highlight] if isinstance(highlight, str) else highlight or ()
    for state in states:
        if state not in chart.state:
            raise LookupError(f"the {chart.name} chart has no state {state!r}; it has {', '.join(chart.state)}")
    return frozenset(level for state in states for level in chart.ancestry(state) if not chart.state[level].is_parallel)


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


def marked_words(transition: Transition, width: int, marks: Marks | None) -> tuple[str, list[str], list[str]]:
    """Return what `words_of` does, with the words of the transition's mark before its event."""
    event, guard, actions = words_of(transition, width)
    mark = (marks or {}).get(transition.id)
    return (f"({mark.words}) {event}" if mark is not None and mark.words else event), guard, actions


def mark_of(arrow: Arrow, marks: Marks) -> TransitionMark:
    """Return how an arrow is shown: as that of its transitions which stands out most."""
    return max((marks.get(transition.id, NOT_TAKEN) for transition in arrow.transitions), key=lambda mark: mark.width)


def lit_states(chart: ChartDefinition, marks: Marks) -> frozenset[str]:
    """Return the states that taken transitions start from or lead to."""
    taken = [each for each in chart.transitions if marks.get(each.id, NOT_TAKEN).colour != NOT_TAKEN.colour]
    targets = (chart.enter(each.target) for each in taken if each.target is not None)
    return frozenset([*targets, *(each.source for each in taken)])


def around(chart: ChartDefinition, state_id: str) -> ChartDefinition:
    """Return the neighbourhood of a state: it, what leads to it or from it, and the states at the other end.

    Raises:
        LookupError: the chart has no such state.
    """
    if state_id not in chart.state:
        raise LookupError(f"the {chart.name} chart has no state {state_id!r}; it has {', '.join(chart.state)}")
    inside = {node.id for node in chart.states if state_id in chart.ancestry(node.id)}
    own = {*inside, *(level for level in chart.ancestry(state_id) if not chart.state[level].is_parallel)}
    transitions = tuple(
        transition
        for transition in chart.transitions
        if transition.source in own or (transition.target is not None and chart.enter(transition.target) in inside)
    )
    ends = {end for transition in transitions for end in (transition.source, transition.target) if end is not None}
    ends |= {state_id, *(node.id for node in chart.states if node.id in inside)}
    kept = {level for end in (*ends, *map(chart.enter, ends)) for level in chart.ancestry(end)}
    return replace(chart, states=tuple(node for node in chart.states if node.id in kept), transitions=transitions)


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


def printable(text: str) -> str:
    """Return text with all that cannot be shown replaced: no format holds a NUL, and no reader wants an escape."""
    return "".join(character if character.isprintable() else "\ufffd" for character in text)
