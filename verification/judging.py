"""What becomes of a mutant: the lint refuses it, a property fails, or it is compared with the original."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

from speech_lifecycle.fsm.compile.definition import DefinitionError
from speech_lifecycle.fsm.compile.lint import check
from speech_lifecycle.fsm.conversation.machine import ConversationMachine, Handler, conversation_machine_for
from speech_lifecycle.fsm.machine import SpeechMachine, machine_for
from speech_lifecycle.fsm.state import Conversation
from speech_lifecycle.fsm.values import Modality

from .bounds import DEFAULT, EVERY_OPTION, UNCHANGEABLE, Bounds
from .comparing import difference
from .conversation import ConversationBounds, ConversationCounterexample, explore_conversation
from .conversation.comparing import conversation_difference
from .counterexample import Counterexample
from .explorer import Exploration, Progress, explore
from .mutants import Mutant

Fate = Literal["lint", "property", "test", "equivalent", "survived"]
"""What kills it, or that nothing can (`equivalent`), or that nothing does."""

_AUDIO: tuple[tuple[Modality, ...], ...] = (("audio",),)
STAGES: dict[str, Bounds] = {
    "one message": Bounds("hostile", 1, "minimal"),
    "two messages": Bounds("hostile", 2, "minimal", modalities=_AUDIO, texts=0),
    "faithful": Bounds("faithful", 1, "minimal", options=(DEFAULT,)),
    "in parts": Bounds("hostile", 1, "minimal", 2, texts=2, options=(DEFAULT, UNCHANGEABLE)),
    "every class": Bounds("hostile", 1, "coarse"),
    "other options": replace(Bounds("hostile", 1, "minimal"), options=EVERY_OPTION[1:]),
    "faithful, two messages": Bounds("faithful", 2, "minimal", modalities=_AUDIO, texts=0, faults=0),
}
"""The explorations a mutant goes through, until a property fails. The first is quick and finds most."""

CONVERSATION_STAGES: dict[str, ConversationBounds] = {
    "two speeches": ConversationBounds(live=2, messages=0, kept=0).with_every_option(),
    "one speech": ConversationBounds(live=1, detail="coarse", kept=0).with_every_option(),
    "two speeches, remembered": ConversationBounds(live=2, messages=0),
    "two speeches with messages": ConversationBounds(live=2, kept=0, resumes=False),
}
"""The explorations that a mutant of the conversation chart goes through."""

FINDS_MOST = "one message"
COMPARED = (FINDS_MOST, "two messages", "in parts", "other options", "every class")
"""The explorations in whose configurations every step is compared with the original's."""

_MOST_CONFIGURATIONS = 100_000
_MOST_EVENTLESS = 100
"""So many follow each other in a conversation that has no end."""


@dataclass(frozen=True)
class Verdict:
    """What became of one mutant."""

    mutant: str
    kind: str
    fate: Fate
    by: str = ""
    """The rule of the lint, the property or the test that kills it; of a survivor, what differs."""
    place: str = ""
    """In which exploration."""
    events: int = 0
    """How many events it takes to see it."""


Tests = Callable[[str], str]
"""Runs the tests on the mutant of an id, and returns the first that fails, or ""."""


def judge(mutant: Mutant, tests: Tests) -> Verdict:
    """Have one after the other look at a mutant, until something is wrong with it; the quick ones first."""
    breach = refused(mutant)
    if breach:
        return Verdict(mutant.id, mutant.kind, "lint", breach)
    if mutant.chart == "conversation":
        return _judge_conversation(mutant, tests)
    machine_type = machine_for(mutant.definition)
    verdict = _explored(mutant, machine_type, (FINDS_MOST,))
    if verdict is not None:
        return verdict
    differs, place = _differs(machine_type, mutant)
    if differs and place != FINDS_MOST:
        verdict = _explored(mutant, machine_type, (place,))
        if verdict is not None:
            return verdict
    failed = tests(mutant.id)
    if failed:
        return Verdict(mutant.id, mutant.kind, "test", failed)
    if not differs:
        return Verdict(mutant.id, mutant.kind, "equivalent")
    rest = [stage for stage in STAGES if stage not in (FINDS_MOST, place)]
    return _explored(mutant, machine_type, rest) or Verdict(mutant.id, mutant.kind, "survived", differs, place)


def _judge_conversation(mutant: Mutant, tests: Tests) -> Verdict:
    """Do the same with a mutant of the conversation chart: compare, explore where it differs, and run the tests."""
    machine_type = machine_that_ends(mutant)
    differs, place = "", ""
    for stage, bounds in CONVERSATION_STAGES.items():
        differs, place = conversation_difference(machine_type, bounds, mutant.cell), stage
        if differs:
            break
    if not differs:
        failed = tests(mutant.id)
        fate: Fate = "test" if failed else "equivalent"
        return Verdict(mutant.id, mutant.kind, fate, failed)
    for stage in (place, *(stage for stage in CONVERSATION_STAGES if stage != place)):
        verdict = _explored_conversation(mutant, machine_type, stage)
        if verdict is not None:
            return verdict
    failed = tests(mutant.id)
    if failed:
        return Verdict(mutant.id, mutant.kind, "test", failed)
    return Verdict(mutant.id, mutant.kind, "survived", differs, place)


def machine_that_ends(mutant: Mutant) -> type[ConversationMachine]:
    """Return the machine of a mutant of the conversation; it raises if its eventless transitions have no end."""
    machine_type = conversation_machine_for(mutant.definition)
    (find,) = machine_type._eventless
    count = 0

    def find_a_few(conversation: Conversation, event: None) -> list[Handler]:
        nonlocal count
        found = find(conversation, event)
        count = count + 1 if found else 0
        if count > _MOST_EVENTLESS:
            count = 0
            raise RuntimeError(f"{mutant.id}: no end of eventless transitions")
        return found

    machine_type._eventless = (find_a_few,)
    return machine_type


def _explored_conversation(mutant: Mutant, machine_type: type[ConversationMachine], stage: str) -> Verdict | None:
    """Return the verdict of an exploration if a property fails there."""
    result = explore_conversation(
        CONVERSATION_STAGES[stage],
        machine_type=machine_type,
        of=mutant.definition,
        stop_at_first=True,
        watch=_outgrows,
    )
    if result.violations:
        first = result.violations[0]
        return Verdict(mutant.id, mutant.kind, "property", first.violated, stage, len(first.events))
    if result.stopped:
        return Verdict(mutant.id, mutant.kind, "property", "stays_bounded", stage, result.depth)
    transitions = {transition.id for transition in mutant.definition.conversation.transitions}
    if (original_conversation(stage).transitions_taken & transitions) - result.transitions_taken:
        return Verdict(mutant.id, mutant.kind, "property", "every_transition_is_taken", stage, result.depth)
    return None


@cache
def original_conversation(stage: str) -> Exploration[ConversationBounds, ConversationCounterexample]:
    """Return what an exploration of conversations finds in the package's own machine.

    Raises:
        ValueError: a property fails there, so that its failing says nothing about a mutant.
    """
    result = explore_conversation(CONVERSATION_STAGES[stage])
    if result.violations:
        raise ValueError(f"the original itself violates {result.violations[0].title}; repair it before its mutants")
    return result


def _differs(machine_type: type[SpeechMachine], mutant: Mutant) -> tuple[str, str]:
    """Return the first difference from the original, and in which exploration it shows."""
    for stage in COMPARED:
        differs = difference(machine_type, STAGES[stage], mutant.cell)
        if differs:
            return differs, stage
    return "", ""


def judge_field_bug(mutant: Mutant, tests: Tests, stages: Sequence[str] = tuple(STAGES)) -> Verdict:
    """Have the explorations, then the tests look at a bug of the field. That it is none is no possible answer."""
    verdict = _explored(mutant, machine_for(mutant.definition), stages)
    if verdict is not None:
        return verdict
    failed = tests(mutant.id)
    return Verdict(mutant.id, mutant.kind, "test" if failed else "survived", failed)


def refused(mutant: Mutant) -> str:
    """Return why the lint refuses a mutant, or ""."""
    for chart in mutant.definition.every_chart:
        try:
            check(chart)
        except DefinitionError as error:
            return str(error).splitlines()[0].rpartition(": ")[2]
    return ""


def _explored(mutant: Mutant, machine_type: type[SpeechMachine], stages: Sequence[str]) -> Verdict | None:
    """Return the verdict of the first exploration in which a property fails."""
    transitions = {transition.id for chart in mutant.definition.charts for transition in chart.transitions}
    for stage in stages:
        result = explore(
            STAGES[stage], machine_type=machine_type, of=mutant.definition, stop_at_first=True, watch=_outgrows
        )
        if result.violations:
            first = result.violations[0]
            return Verdict(mutant.id, mutant.kind, "property", first.violated, stage, len(first.events))
        if result.stopped:
            return Verdict(mutant.id, mutant.kind, "property", "stays_bounded", stage, result.depth)
        if (original(stage).transitions_taken & transitions) - result.transitions_taken:
            return Verdict(mutant.id, mutant.kind, "property", "every_transition_is_taken", stage, result.depth)
    return None


def _outgrows(progress: Progress) -> str:
    return "has no end" if progress.configurations > _MOST_CONFIGURATIONS else ""


@cache
def original(stage: str) -> Exploration[Bounds, Counterexample]:
    """Return what an exploration finds in the package's own machine.

    Raises:
        ValueError: a property fails there, so that its failing says nothing about a mutant.
    """
    result = explore(STAGES[stage])
    if result.violations:
        raise ValueError(f"the original itself violates {result.violations[0].title}; repair it before its mutants")
    return result
