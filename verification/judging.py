"""What becomes of a mutant: the lint refuses it, a vector or a test tells it from the original, or nothing does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Literal

from speech_lifecycle.fsm.compile.definition import DefinitionError, definition
from speech_lifecycle.fsm.compile.lint import check
from speech_lifecycle.fsm.values import Modality

from .bounds import DEFAULT, EVERY_OPTION, UNCHANGEABLE, Bounds
from .conversation.bounds import ConversationBounds
from .mutants import Mutant
from .replaying import Course, machine_of, told_apart, violated_in
from .search import MachineType

Fate = Literal["lint", "property", "vector", "test", "equivalent", "survived"]
"""What finds it: a property that it violates in the course of a vector, or that it does something else there.

Or that nothing can (`equivalent`), or that nothing does.
"""

_AUDIO: tuple[tuple[Modality, ...], ...] = (("audio",),)
STAGES: dict[str, Bounds] = {
    "one message": Bounds("hostile", 1, "minimal"),
    "two messages": Bounds("hostile", 2, "minimal", modalities=_AUDIO, texts=0),
    "in parts": Bounds("hostile", 1, "minimal", 2, texts=2, options=(DEFAULT, UNCHANGEABLE)),
    "other options": replace(Bounds("hostile", 1, "minimal"), options=EVERY_OPTION[1:]),
    "every class": Bounds("hostile", 1, "coarse"),
}
"""The explorations in whose steps mutants of speeches are hunted, quick ones first."""

CONVERSATION_STAGES: dict[str, ConversationBounds] = {
    "two speeches": ConversationBounds(live=2, messages=0, kept=0).with_every_option(),
    "two speeches, remembered": ConversationBounds(live=2, messages=0),
    "one speech": ConversationBounds(live=1, detail="coarse", kept=0).with_every_option(),
    "two speeches with messages": ConversationBounds(live=2, kept=0, resumes=False),
}
"""Those for mutants of the conversation chart."""

LOOKED_AT = 12
"""In so many vectors that find a mutant a property is looked for that it violates."""


@dataclass(frozen=True)
class Verdict:
    """What became of one mutant."""

    mutant: str
    kind: str
    fate: Fate
    by: str = ""
    """The rule of the lint, the property, the vector or the test that finds it."""
    place: str = ""
    """The vector in which the property is violated."""
    events: int = 0
    """How many events it takes to see it."""


Tests = Callable[[str], str]
"""Runs the tests on the mutant of an id, and returns the first that fails, or ""."""


def judge(mutant: Mutant, courses: Sequence[Course], machine_type: MachineType | None = None) -> Verdict | None:
    """Have the lint and the vectors look at a mutant; None if they find nothing.

    Args:
        mutant: the mutant.
        courses: those of the vectors.
        machine_type: its machine, where it is made already.
    """
    breach = refused(mutant)
    if breach:
        return Verdict(mutant.id, mutant.kind, "lint", breach)
    machine_type = machine_type or machine_of(mutant)
    own = (each for each in courses if each.is_conversation == mutant.is_of_conversations)
    places = ((each, told_apart(each, machine_type)) for each in own)
    found = [(course, place) for course, place in islice(((c, p) for c, p in places if p is not None), LOOKED_AT)]
    if not found:
        return None
    for course, place in found:
        violated = violated_in(course, machine_type)
        if violated:
            return Verdict(mutant.id, mutant.kind, "property", violated, course.id, place + 1)
    course, place = found[0]
    return Verdict(mutant.id, mutant.kind, "vector", course.id, "", place + 1)


def judge_what_no_vector_finds(mutant: Mutant, reason: str, tests: Tests) -> Verdict:
    """Judge a mutant that lint and vectors do not find: if nobody has said why nothing differs, the tests may.

    Args:
        mutant: the mutant.
        reason: why it is said to do what the original does; "" if nobody says so.
        tests: run if there is no reason.
    """
    failed = "" if reason else tests(mutant.id)
    fate: Fate = "equivalent" if reason else "test" if failed else "survived"
    return Verdict(mutant.id, mutant.kind, fate, failed)


def refused(mutant: Mutant) -> str:
    """Return why the lint refuses a mutant, or ""."""
    for chart, original in zip(mutant.definition.every_chart, definition().every_chart, strict=True):
        if chart is original:
            continue
        try:
            check(chart)
        except DefinitionError as error:
            return str(error).splitlines()[0].rpartition(": ")[2]
    return ""
