"""A saved counterexample, judged again."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import get_args

from speech_lifecycle.fsm.events import Close, Event, TimerFired
from speech_lifecycle.fsm.exploration.bounds import Bounds
from speech_lifecycle.fsm.exploration.counterexample import Counterexample
from speech_lifecycle.fsm.exploration.judge import names_for
from speech_lifecycle.fsm.exploration.search import MOST_TIMERS, Found, Search
from speech_lifecycle.fsm.machine import SpeechMachine
from speech_lifecycle.fsm.values import Timer


def recheck(
    counterexample: Counterexample, bounds: Bounds, machine_type: type[SpeechMachine] = SpeechMachine
) -> str | None:
    """Follow the events of a counterexample; return what is still wrong with its property, or None.

    `bounds` are those in which it was found: a faithful world may do something between two events.
    """
    bounds = replace(bounds, options=(counterexample.options,))
    search = Search(bounds, machine_type, names_for(bounds.mode), repeat_every=1)
    here = [search.waiting.popleft()]
    for event in counterexample.events:
        here = _follow(search, here, event)
    # What brings a speech to its end: the timers, and a close if the agent is awaited.
    way_out: list[Event] = [Close(), *(TimerFired(timer) for timer in get_args(Timer))]
    for _ in range(MOST_TIMERS + 1):
        here = _expand(search, here, way_out)
    search.find_dead_ends()
    flaw = search.flaws.get(counterexample.violated)
    return None if flaw is None else flaw.complaint


def _follow(search: Search, here: list[Found], event: Event) -> list[Found]:
    """Return the configurations after an event, whatever a faithful world does before it."""
    reached, edge = [*here], [*here]
    while edge:
        edge = _expand(search, edge, ())
        reached += edge
    # An event that is not handled leads nowhere.
    return _expand(search, reached, (event,)) or reached


def _expand(search: Search, here: list[Found], only: Collection[Event]) -> list[Found]:
    search.waiting.extend(here)
    for _ in here:
        search.expand(only)
    found = [*search.waiting]
    search.waiting.clear()
    return found
