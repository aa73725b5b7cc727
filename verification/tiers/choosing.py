"""Few and short courses that reach all that can be reached: chosen from many that happen to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple

from .goals import Goals, Told


class Chosen(NamedTuple):
    """A course, and what it is kept for."""

    told: Told
    goals: tuple[str, ...]
    """The first is the one that it was chosen for: no other course reaches it."""


def choose(candidates: Iterable[Told], goals: Goals) -> list[Chosen]:
    """Return courses that reach together what any candidate reaches. The same candidates give the same.

    Those that are hardest to reach come first: what lies on the way to them needs no course of its own.
    """
    nearest: dict[str, Told] = {}
    for told in candidates:
        for length, reached in enumerate(goals.reached(told), 1):
            for goal in reached:
                if goal not in nearest or length < len(nearest[goal].events):
                    nearest[goal] = replace(told, events=told.events[:length])
    found: dict[str, tuple[Told, frozenset[str]]] = {}
    left = set(nearest)
    for goal in sorted(nearest, key=lambda each: (-len(nearest[each].events), each)):
        if goal in left:
            told = shortened(nearest[goal], goal, goals)
            reached = frozenset[str]().union(*goals.reached(told))
            found[goal] = told, reached
            left -= reached
    return _without_spare(found)


def shortened(told: Told, goal: str, goals: Goals) -> Told:
    """Return a course without the events that it does not take to reach a goal."""
    place = len(told.events) - 2
    while place >= 0:
        shorter = replace(told, events=told.events[:place] + told.events[place + 1 :])
        if goal in goals.reached(shorter)[-1]:
            told = shorter
            place = len(told.events) - 1  # what was needed for that event may be spare now
        place -= 1
    return told


def _without_spare(found: dict[str, tuple[Told, frozenset[str]]]) -> list[Chosen]:
    """Leave out courses all of whose goals others reach, and say what each of the rest is kept for."""
    for goal in list(found):
        others = frozenset[str]().union(*(reached for each, (_, reached) in found.items() if each != goal))
        if found[goal][1] <= others:
            del found[goal]
    chosen = []
    seen: set[str] = set()
    for goal, (told, reached) in found.items():
        chosen.append(Chosen(told, (goal, *sorted(reached - seen - {goal}))))
        seen |= reached
    return chosen
