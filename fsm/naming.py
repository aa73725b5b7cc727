"""Permanent names for the transitions of a cell that has several.

A transition's id is its chart, state and event: `message.pending.forward`. Where a state has several for one event, a
name behind `#` tells them apart: `message.draining.output_playback_finished#heard_whole`. Traces, vectors, pictures and
errors cite it, so it stays what it is when another transition is put in between.
"""

from __future__ import annotations

from weakref import WeakKeyDictionary

from statemachine.transition import Transition
from statemachine.transition_list import TransitionList

_NAMES: WeakKeyDictionary[Transition, str] = WeakKeyDictionary()
"""python-statemachine has no place for them."""


def named(name: str, transitions: TransitionList) -> None:
    """Name transitions within their cells.

    Returns nothing: python-statemachine takes a transition that a class body binds to a name for an event.
    """
    for transition in transitions:
        _NAMES[transition] = name


def name_of_transition(transition: Transition) -> str:
    """Return the name that a transition was given, or ""."""
    return _NAMES.get(transition, "")
