"""Answers to events that no transition of a chart takes: expected races are ignored, violations rejected.

python-statemachine has no word for them, and its final states may have no transitions at all, so they stand beside the
charts; what a final state still has to do stands here too. The Definition puts them into the cells after the chart's
transitions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Answer:
    """What an event gets in these states if no transition of theirs takes it."""

    kind: Literal["handled", "ignored", "rejected"]
    reason: str
    states: tuple[str, ...]
    events: tuple[str, ...]
    cond: str = ""
    actions: tuple[str, ...] = ()
    """Of a handled event, which leads nowhere."""
    name: str = ""
    """Of a handled event: which of several of its cell it is (see `naming`). Any other is told apart by its reason."""


def handled(states: str, *events: str, cond: str = "", on: str | list[str], name: str = "") -> Answer:
    """Declare the actions of final states: all others have the transitions of their chart for that."""
    return Answer("handled", "", tuple(states.split()), events, cond, (on,) if isinstance(on, str) else tuple(on), name)


def ignored(reason: str, states: str, *events: str, cond: str = "") -> Answer:
    """Declare an expected race: nothing changes, and nobody is to blame."""
    return Answer("ignored", reason, tuple(states.split()), events, cond)


def rejected(reason: str, states: str, *events: str, cond: str = "") -> Answer:
    """Declare a violation: nothing changes, and the event's source is to blame."""
    return Answer("rejected", reason, tuple(states.split()), events, cond)
