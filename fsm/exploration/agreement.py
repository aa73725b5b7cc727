"""The compiled table and python-statemachine's engine, compared in every reachable configuration."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from speech_lifecycle.fsm.copying import copy_speech
from speech_lifecycle.fsm.events import Event
from speech_lifecycle.fsm.exploration.alphabet import Alphabet
from speech_lifecycle.fsm.exploration.bounds import Bounds
from speech_lifecycle.fsm.exploration.explorer import configurations
from speech_lifecycle.fsm.machine import SpeechMachine
from speech_lifecycle.fsm.reference import ReferenceMachine
from speech_lifecycle.fsm.state import Speech


@dataclass(frozen=True)
class Disagreement:
    """One event on which the two engines differ."""

    speech: Speech
    event: Event
    difference: str


@dataclass
class Agreement:
    """What was compared."""

    configurations: int = 0
    steps: int = 0


def disagreements(
    bounds: Bounds,
    agreement: Agreement | None = None,
    *,
    every: int = 1,
    may_ask: Callable[[Speech, Event], bool] = lambda speech, event: True,
) -> Iterator[Disagreement]:
    """Yield every step that the compiled table and the reference take differently: none.

    Args:
        bounds: whose configurations are walked, and whose events are sent in each, hostile ones.
        agreement: counts what was compared.
        every: compare in one of so many configurations only; the reference is a hundred times slower.
        may_ask: which steps to compare.
    """
    counts = agreement or Agreement()
    alphabet = Alphabet(bounds)
    for number, speech in enumerate(configurations(bounds)):
        if number % every:
            continue
        counts.configurations += 1
        for event in alphabet.of(speech):
            if may_ask(speech, event):
                counts.steps += 1
                difference = _difference(speech, event)
                if difference:
                    yield Disagreement(speech, event, difference)


def _difference(speech: Speech, event: Event) -> str:
    compiled = SpeechMachine(speech=copy_speech(speech))
    reference = ReferenceMachine(speech=copy_speech(speech))
    reply, expected = compiled.send(event), reference.send(event)
    if type(reply) is not type(expected) or reply != expected:
        return f"the table answers {reply}, the engine {expected}"
    if compiled.speech != reference.speech:
        return f"the table leads to {compiled.speech}, the engine to {reference.speech}"
    return ""
