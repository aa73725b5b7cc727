"""The files of vectors: those that are made at once, and those whose courses are chosen from many."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import msgspec

from speech_lifecycle.fsm.codec import EVENTS
from speech_lifecycle.fsm.events import EVERY_EVENT_TYPE, Event
from speech_lifecycle.fsm.values import Capabilities, ConversationPolicy, Policy

from ..conformance.courses import random_courses
from ..vectors import Vector, record
from .choosing import choose
from .goals import Goals, Guards, Told, Transitions
from .malformed import malformed_vectors
from .numbers import number_vectors
from .sections import in_order, is_section, sections_of
from .stories import STORIES

SEED = 11
"""Which random courses stand in the file."""
EVENTS_AT_RANDOM = 2_400
EVENTS_TO_CHOOSE_FROM = 60_000


def _stories() -> Iterator[Vector]:
    for story in STORIES:
        yield record(story.id, (story.bug,), story.capabilities, story.policy, story.events, story.harm)


def _at_random() -> Iterator[Vector]:
    for number, told in enumerate(told_at_random(SEED, EVENTS_AT_RANDOM)):
        yield record(f"random-{SEED}-{number}", (), told.capabilities, told.policy, told.events)


MADE: dict[str, Callable[[], Iterator[Vector]]] = {
    "stories": _stories,
    "malformed": malformed_vectors,
    "numbers": number_vectors,
    "random": _at_random,
}
"""By tier: what makes its vectors, in seconds."""
CHOSEN: dict[str, Callable[[], Goals]] = {"transitions": Transitions, "guards": Guards}
"""By tier: what its vectors have to reach. Their courses are chosen from those of all others, and random ones."""


def told_at_random(seed: int, events: int) -> Iterator[Told]:
    """Yield random courses, as values."""
    for course in random_courses(seed, events):
        policy: Policy | ConversationPolicy
        if course.machine == "conversation":
            policy = msgspec.convert(course.policy, ConversationPolicy)
        else:
            policy = msgspec.convert(course.policy, Policy)
        yield Told(
            msgspec.convert(course.capabilities, Capabilities),
            policy,
            tuple(EVENTS.load(event) for event in course.events),
        )


def made(tier: str) -> list[Vector]:
    """Return the vectors of a tier that is made at once."""
    return [with_sections(vector) for vector in MADE[tier]()]


def chosen(tier: str, known: Iterable[Vector]) -> list[Vector]:
    """Return the vectors of a tier whose courses are chosen from known vectors and from random courses."""
    candidates = [*filter(None, map(told_of, known)), *told_at_random(SEED, EVENTS_TO_CHOOSE_FROM)]
    found = choose(candidates, CHOSEN[tier]())
    vectors = [
        record(
            f"{tier}-{_id_of(each.goals[0])}", each.goals, each.told.capabilities, each.told.policy, each.told.events
        )
        for each in found
    ]
    return [with_sections(vector) for vector in sorted(vectors, key=lambda vector: vector.id)]


def _id_of(goal: str) -> str:
    return goal.replace(": ", "-").replace(" ", "-")


def told_of(vector: Vector) -> Told | None:
    """Return what a vector tells, if all of it are events."""
    events: list[Event] = [event for event in vector.events if isinstance(event, EVERY_EVENT_TYPE)]
    if len(events) < len(vector.events):
        return None
    return Told(vector.capabilities, vector.policy, tuple(events))


def with_sections(vector: Vector) -> Vector:
    """Return a vector tagged with the sections that it is about, too."""
    sections = sections_of(vector.model_dump(mode="json")["steps"])
    tags = (tag for tag in vector.tags if not is_section(tag))
    return vector.model_copy(update={"tags": (*in_order(sections | {*filter(is_section, vector.tags)}), *tags)})
