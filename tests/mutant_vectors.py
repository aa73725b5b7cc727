"""The vectors that find mutants: read, added to, and reduced to as few as find them all."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

from msgspec import Struct, structs

from speech_lifecycle.verification.everything import EVERY_PROPERTY
from speech_lifecycle.verification.replaying import Course, course_of
from speech_lifecycle.verification.vectors import Vector, load_vectors, record, text_of

VECTORS = Path(__file__).parent.parent / "vectors" / "mutants.jsonl"


class Finding(NamedTuple):
    """A mutant does something else in the course of a vector."""

    vector: str
    violated: str
    """The first property that it violates there; "" if that is none, or nobody has looked."""


def vectors() -> tuple[Vector, ...]:
    """Return what stands in the file."""
    if not VECTORS.exists():
        return ()
    return tuple(load_vectors(VECTORS.read_text(encoding="utf-8").splitlines(), VECTORS.name))


@cache
def courses() -> tuple[Course, ...]:
    """Return the courses of the vectors, with what the package's own machine makes of them."""
    return tuple(course_of(each.id, each.capabilities, each.policy, each.events) for each in vectors())


def named(course: Course | Vector) -> str:
    """Return the id of a vector: it says nothing, and is the same for the same events, whatever fields they may get."""
    told = [_said(value) for value in (course.capabilities, course.policy, *course.events)]
    return f"mutants-{hashlib.sha256(' '.join(told).encode()).hexdigest()[:10]}"


def _said(value: Struct) -> str:
    fields = {each.name: (getattr(value, each.name), each.default) for each in structs.fields(value)}
    said = {
        name: _said(now) if isinstance(now, Struct) else repr(now)
        for name, (now, usual) in fields.items()
        if now != usual
    }
    return f"{type(value).__name__}{said}"


def save(found: Iterable[Course]) -> None:
    """Add courses of events to the file."""
    known = {each.id: each for each in vectors()}
    for course in found:
        vector = record("new", (), course.capabilities, course.policy, course.events)
        # It is named by what the file says: 0 may be read as 0.0.
        (vector,) = load_vectors(text_of([vector]).splitlines(), VECTORS.name)
        vector = vector.model_copy(update={"id": named(vector)})
        known.setdefault(vector.id, vector)
    _write(known.values())


def keep_what_it_takes(findings: Mapping[str, Sequence[Finding]]) -> None:
    """Keep as few vectors as find every mutant that is found, and tag them with the properties that they show.

    Args:
        findings: by mutant, all that find it.
    """
    finds: dict[str, set[str]] = {}
    for mutant_id, own in findings.items():
        for each in own:
            finds.setdefault(each.vector, set()).add(mutant_id)
    kept: list[str] = []
    left = {mutant_id for mutant_id, own in findings.items() if own}
    while left:
        # Of those that find as many, the first by name: the same again, whatever the order.
        best = min(finds, key=lambda vector_id: (-len(finds[vector_id] & left), vector_id))
        kept.append(best)
        left -= finds[best]
    known = {each.id: each for each in vectors()}
    tags = {vector_id: _tags_of(vector_id, findings) for vector_id in kept}
    _write(known[vector_id].model_copy(update={"tags": tags[vector_id]}) for vector_id in sorted(kept))


def _tags_of(vector_id: str, findings: Mapping[str, Sequence[Finding]]) -> tuple[str, ...]:
    violated = {each.violated for own in findings.values() for each in own if each.vector == vector_id} - {""}
    # The ids of bugs have no dot, and those of other mutants do.
    finds = {mutant_id for mutant_id, own in findings.items() if any(each.vector == vector_id for each in own)}
    bugs = {mutant_id for mutant_id in finds if "." not in mutant_id}
    sections = {EVERY_PROPERTY[name].section for name in violated}
    return (*sorted(sections), *sorted(violated), *sorted(bugs))


def _write(those: Iterable[Vector]) -> None:
    VECTORS.parent.mkdir(exist_ok=True)
    VECTORS.write_text(text_of(those), encoding="utf-8")
    courses.cache_clear()
