"""The compiled table and python-statemachine's engine, compared in every reachable configuration."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from speech_lifecycle.fsm.copying import copy_speech
from speech_lifecycle.fsm.events import Event
from speech_lifecycle.fsm.machine import SpeechMachine
from speech_lifecycle.fsm.state import Speech

from .alphabet import Alphabet
from .bounds import Bounds
from .explorer import configurations
from .reference import ReferenceMachine

Snapshot = TypeVar("Snapshot")


@dataclass(frozen=True)
class Disagreement(Generic[Snapshot]):
    """One event on which the two engines differ."""

    snapshot: Snapshot
    event: Event
    difference: str


@dataclass
class Agreement:
    """What was compared."""

    configurations: int = 0
    steps: int = 0
    stopped: str = ""
    """Why it ended before all was compared; "" if all was."""


def disagreements(
    bounds: Bounds,
    agreement: Agreement | None = None,
    *,
    watch: Callable[[], str] | None = None,
    machine_type: type[SpeechMachine] = SpeechMachine,
) -> Iterator[Disagreement[Speech]]:
    """Yield every step that the compiled table and the reference take differently: none.

    All events are sent in every configuration of hostile bounds. Both engines call the same guards and actions and
    see nothing of a snapshot but through them, so two configurations that no guard and no action tells apart
    (`keys`) are compared once.

    Args:
        bounds: whose configurations are walked, and whose events are sent in each.
        agreement: counts what was compared.
        watch: is asked now and then; what it returns, unless "", ends the comparison and says why.
        machine_type: what is compared with the reference.
    """
    counts = agreement or Agreement()
    alphabet = Alphabet(bounds)
    reference = ReferenceMachine()
    for speech in configurations(bounds, machine_type):
        if watch is not None and counts.configurations % LOOK_EVERY == 0:
            counts.stopped = watch()
            if counts.stopped:
                return
        counts.configurations += 1
        events = alphabet.of(speech)
        counts.steps += len(events)
        yield from _differences(speech, events, machine_type, reference)


LOOK_EVERY = 16
"""After so many configurations the watcher is asked."""


def _differences(
    speech: Speech, events: tuple[Event, ...], machine_type: type[SpeechMachine], reference: ReferenceMachine
) -> Iterator[Disagreement[Speech]]:
    """Send every event to both engines, from the start again if the last was handled."""
    compiled: SpeechMachine | None = None
    for event in events:
        if compiled is None:
            compiled = machine_type(speech=copy_speech(speech))
            reference.restart(copy_speech(speech))
        reply, expected = compiled.send(event), reference.send(event)
        if type(reply) is not type(expected) or reply != expected:
            yield Disagreement(speech, event, f"the table answers {reply}, the engine {expected}")
        if compiled.speech != reference.speech:
            yield Disagreement(speech, event, f"the table leads to {compiled.speech}, the engine to {reference.speech}")
        if reply.kind == "handled" or expected.kind == "handled":
            compiled = None
