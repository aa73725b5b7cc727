"""The house rules for charts, checked whenever a Definition is made.

python-statemachine accepts several things that are never meant: transitions that can never be taken, states without a
way out, names that nothing defines.
"""

from __future__ import annotations

import re
from collections import Counter

from .definition import EVENTLESS, ChartDefinition, DefinitionError, Transition


def check(chart: ChartDefinition) -> None:
    """Check one chart.

    Raises:
        DefinitionError: it breaks a rule; the message lists every breach, each with its place.
    """
    breaches = [
        *_unclear_ids(chart),
        *_undefined_names(chart),
        *_unused_names(chart),
        *_unknown_events(chart),
        *_shared_events(chart),
        *(
            breach
            for region in chart.regions
            for rule in (_dead_transitions, _endless_transitions, _traps, _open_cells)
            for breach in rule(region)
        ),
    ]
    if breaches:
        raise DefinitionError("\n".join(f"{chart.name} chart: {breach}" for breach in breaches))


def _unclear_ids(chart: ChartDefinition) -> list[str]:
    """Find transitions that their ids do not tell apart, and names that are none."""
    count = Counter(transition.id for transition in chart.transitions)
    twice = [transition_id for transition_id, times in count.items() if times > 1]
    return [
        f"{each}: two transitions have this name; rename one"
        if "#" in each
        else f'{each}: two transitions have no name; give all but one a name, as in named("...", ...)'
        for each in twice
    ] + [
        f"{transition.id}: {transition.name!r} is no name; write it in small letters, with underscores"
        for transition in chart.transitions
        if "#" in transition.id and not re.fullmatch("[a-z][a-z0-9_]*", transition.name)
    ]


def _undefined_names(chart: ChartDefinition) -> list[str]:
    return [
        f"{transition.id}: {what} {name!r} is not defined; write it in {chart.name}/{what}s.py"
        for transition in chart.transitions
        for what, names, known in (
            ("guard", transition.guards, chart.guards),
            ("action", transition.actions, chart.actions),
        )
        for name in names
        if name not in known
    ]


def _unused_names(chart: ChartDefinition) -> list[str]:
    used = {name for transition in chart.transitions for name in (*transition.guards, *transition.actions)}
    return [
        f"{name!r} is defined, but no transition uses it; delete it"
        for name in (*chart.guards, *chart.actions)
        if name not in used
    ]


def _unknown_events(chart: ChartDefinition) -> list[str]:
    known = {*chart.events, *chart.internal_events, EVENTLESS}
    states = set(chart.state)
    return [
        f"{transition.id}: no such event {transition.event!r}"
        for transition in chart.transitions
        if transition.event not in known
    ] + [
        f"{transition.id}: no such state {transition.source!r}"
        for transition in chart.transitions
        if transition.source not in states
    ]


def _shared_events(chart: ChartDefinition) -> list[str]:
    """Find events that two regions take: which of them goes first would decide what happens."""
    return [
        f"{event}: taken by the regions {first.region} and {second.region}; leave it to one of them"
        for number, first in enumerate(chart.regions)
        for second in chart.regions[number + 1 :]
        for event in (*first.events, *first.internal_events)
        if event in (*second.events, *second.internal_events)
    ]


def _dead_transitions(chart: ChartDefinition) -> list[str]:
    """Find transitions that are never reached, because those before them always take the event."""
    reached: set[str] = set()
    shadowed_by: dict[str, str] = {}
    for leaf in chart.leaves:
        for event in (*chart.events, *chart.internal_events, EVENTLESS):
            taken: dict[str, Transition] = {}
            for transition in chart.cell(leaf.id, event):
                shadow = taken.get("") or taken.get(transition.cond)
                if shadow is None:
                    reached.add(transition.id)
                    taken[transition.cond] = transition
                else:
                    shadowed_by[transition.id] = shadow.id
    return [
        f"{transition.id}: never taken, {shadowed_by.get(transition.id, 'nothing')} comes first; order or delete them"
        for transition in chart.transitions
        if transition.id not in reached
    ]


def _endless_transitions(chart: ChartDefinition) -> list[str]:
    return [
        f"{transition.id}: an eventless transition needs a condition and another state as its target, or it never ends"
        for transition in chart.transitions
        if transition.event == EVENTLESS
        and (not transition.cond or transition.target is None or transition.target == transition.source)
    ]


def _traps(chart: ChartDefinition) -> list[str]:
    """Find finals with ways out, states that are never reached and states that lead to no final one."""
    steps: dict[str, set[str]] = {leaf.id: set() for leaf in chart.leaves}
    for leaf in chart.leaves:
        for level in chart.ancestry(leaf.id):
            for transition in chart.transitions:
                if transition.source == level and transition.kind == "handled":
                    steps[leaf.id].add(chart.target_state(transition, leaf.id))
    finals = {leaf.id for leaf in chart.leaves if leaf.is_final}
    reachable = _closure({chart.initial}, steps)
    return [
        *(
            f"{state}: it is final, but has a way out; give an answer instead"
            for state in finals
            if steps[state] - {state}
        ),
        *(f"{state}: never reached; delete it" for state in steps if state not in reachable),
        *(
            f"{state}: no way to a final state"
            for state in steps
            if (finals or not chart.region) and not _closure({state}, steps) & finals
        ),
    ]


def _closure(start: set[str], steps: dict[str, set[str]]) -> set[str]:
    reached: set[str] = set()
    frontier = list(start)
    while frontier:
        state = frontier.pop()
        if state not in reached:
            reached.add(state)
            frontier.extend(steps[state])
    return reached


def _open_cells(chart: ChartDefinition) -> list[str]:
    """Find cells in which an event might get no answer."""
    return [
        f"{leaf.id} on {event}: no answer if all guards fail; add an unguarded transition or an answer"
        for leaf in chart.leaves
        for event in chart.events
        if not any(not transition.cond for transition in chart.cell(leaf.id, event))
    ]
