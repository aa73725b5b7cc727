"""What becomes of a mutant: a property kills it, or only a comparison with the original, or it survives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

from speech_lifecycle.fsm.copying import copy_speech
from speech_lifecycle.fsm.exploration.alphabet import Alphabet
from speech_lifecycle.fsm.exploration.bounds import DEFAULT, EVERY_OPTION, Bounds
from speech_lifecycle.fsm.exploration.explorer import configurations, explore
from speech_lifecycle.fsm.exploration.machines import machine_on
from speech_lifecycle.fsm.exploration.mutants import Mutant
from speech_lifecycle.fsm.machine import SpeechMachine
from speech_lifecycle.fsm.values import Modality

Fate = Literal["killed by a property", "killed by comparison", "survived"]

_AUDIO: tuple[tuple[Modality, ...], ...] = (("audio",),)
STAGES: dict[str, Bounds] = {
    "one message": Bounds("hostile", 1, "minimal"),
    "other options": replace(Bounds("hostile", 1, "minimal"), options=EVERY_OPTION[1:]),
    "two messages": Bounds("hostile", 2, "minimal", modalities=_AUDIO, texts=0),
    "faithful": Bounds("faithful", 1, "minimal", options=(DEFAULT,)),
    "every class": Bounds("hostile", 1, "coarse"),
    "faithful, two messages": Bounds("faithful", 2, "minimal", modalities=_AUDIO, texts=0, faults=0),
}
"""The explorations a mutant goes through, quick ones first, until a property fails."""

ROWS_ARE_TAKEN = "every_row_is_taken"
"""Section 9, last paragraph, in place of a property: a row that the original takes is dead in the mutant."""


@dataclass(frozen=True)
class Verdict:
    """What became of one mutant."""

    mutant: str
    kind: str
    fate: Fate
    by: str = ""
    """The property, or the difference."""
    stage: str = ""
    events: int = 0
    """How many events it takes to see it."""


def judge(mutant: Mutant, stages: Sequence[str] = tuple(STAGES)) -> Verdict:
    """Explore a mutant until a property fails; compare a survivor with the original, step by step."""
    machine_type = machine_on(mutant.definition)
    rows = {row.id for chart in mutant.definition.charts for row in chart.rows}
    for stage in stages:
        result = explore(STAGES[stage], machine_type=machine_type, of=mutant.definition, stop_at_first=True)
        if result.violations:
            first = result.violations[0]
            return Verdict(mutant.id, mutant.kind, "killed by a property", first.violated, stage, len(first.events))
        dead = (taken_by_the_original(stage) & rows) - result.rows_taken
        if dead:
            by = f"{ROWS_ARE_TAKEN}: {min(dead)}"
            return Verdict(mutant.id, mutant.kind, "killed by a property", by, stage, result.depth)
    for stage in stages:
        if STAGES[stage].mode == "hostile":
            difference = compare(machine_type, STAGES[stage])
            if difference:
                return Verdict(mutant.id, mutant.kind, "killed by comparison", difference, stage)
    return Verdict(mutant.id, mutant.kind, "survived")


@cache
def taken_by_the_original(stage: str) -> frozenset[str]:
    """Return the rows that the package's own machine takes."""
    return explore(STAGES[stage]).rows_taken


def compare(machine_type: type[SpeechMachine], bounds: Bounds) -> str:
    """Return the first step that a machine takes differently from the package's own, or ""."""
    alphabet = Alphabet(bounds)
    original, mutant = SpeechMachine(), machine_type()
    for speech in configurations(bounds):
        original.speech, mutant.speech = copy_speech(speech), copy_speech(speech)
        for event in alphabet.of(speech):
            expected, reply = original.send(event), mutant.send(event)
            if reply != expected:
                return f"{event} in {speech.state}: {_told_apart(expected, reply)}"
            if expected.kind == "handled":
                if original.speech != mutant.speech:
                    return f"{event} in {speech.state} leads elsewhere"
                original.speech, mutant.speech = copy_speech(speech), copy_speech(speech)
    return ""


def _told_apart(expected: object, reply: object) -> str:
    for name in ("kind", "reason", "effects", "rows"):
        wanted, given = getattr(expected, name, None), getattr(reply, name, None)
        if wanted != given:
            return f"{name} {given} instead of {wanted}"
    return f"{reply} instead of {expected}"


Progress = Callable[[int, int, Verdict], object]
"""(number, count, verdict) after each mutant."""


def judge_all(mutants: Sequence[Mutant], on_progress: Progress | None = None) -> list[Verdict]:
    """Judge one mutant after the other."""
    verdicts = []
    for number, mutant in enumerate(mutants, 1):
        verdicts.append(judge(mutant))
        if on_progress is not None:
            on_progress(number, len(mutants), verdicts[-1])
    return verdicts
