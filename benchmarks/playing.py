"""Times a machine that is sent some events, in place."""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from time import perf_counter

from speech_lifecycle.fsm import ConversationMachine, SpeechMachine
from speech_lifecycle.fsm.events import Event

ROUNDS = 9
EVENTS = 10_000
"""So many are sent in each round, at least."""


def seconds_for(make: Callable[[], SpeechMachine | ConversationMachine], events: Sequence[Event]) -> float:
    """Return how long the events take on a new machine, at best, without the garbage collector."""
    best, repeat = float("inf"), max(1, EVENTS // len(events))
    gc.disable()
    for _ in range(ROUNDS):
        machines = [make() for _ in range(repeat)]
        began = perf_counter()
        for machine in machines:
            send = machine.send
            for event in events:
                send(event)
        best = min(best, perf_counter() - began)
    gc.enable()
    return best / repeat
