"""What ports are asked: courses of events, from files of vectors or at random."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import msgspec

from speech_lifecycle.fsm.codec import EVENTS, json_data
from speech_lifecycle.fsm.compile.definition import SPEC_VERSION
from speech_lifecycle.fsm.conversation.machine import ConversationMachine, step_conversation
from speech_lifecycle.fsm.errors import SpeechLifecycleError
from speech_lifecycle.fsm.events import Close, Event, Interrupt, OutputFailed, SessionLost, TimerFired
from speech_lifecycle.fsm.machine import SpeechMachine, step
from speech_lifecycle.fsm.replies import Reply
from speech_lifecycle.fsm.values import Capabilities, ConversationPolicy, Policy

from ..alphabet import Alphabet
from ..bounds import EVERY_OPTION, Bounds
from ..conversation.alphabet import events_in
from ..conversation.bounds import EVERY_OPTION as EVERY_CONVERSATION_OPTION
from ..conversation.bounds import ConversationBounds
from ..tiers.sections import is_section, sections_of

Data = dict[str, Any]

LENGTH = 60
"""Events in a random course."""
_DRAWS = 20
"""So often another event is drawn in the place of one that would not be handled."""
_ENDS = (Close, SessionLost, Interrupt, OutputFailed, TimerFired)
_SPEECH = Bounds(messages=3, detail="fine", texts=2)
_CONVERSATION = ConversationBounds(live=2, messages=1, kept=2, detail="coarse", options=EVERY_CONVERSATION_OPTION)


class CourseError(SpeechLifecycleError, ValueError):
    """A file of vectors cannot be read. The message names the line and the field."""


@dataclass(frozen=True)
class Course:
    """A speech or a conversation, and the events that it is told. What has to come of them is not part of it."""

    id: str
    machine: str
    capabilities: Data
    policy: Data
    events: tuple[Any, ...]
    tier: str = "random"
    """The file of vectors that it stands in."""
    sections: frozenset[str] = frozenset()
    """The sections of the specification that it is about, if it stands in a file."""
    harm: str = ""
    """What a listener suffers from whatever does something else."""

    @property
    def commands(self) -> list[Data]:
        """What a port is told, all in all."""
        begin = {"machine": self.machine, "capabilities": self.capabilities, "policy": self.policy}
        return [{"command": "begin", **begin}, *({"command": "step", "event": event} for event in self.events)]

    def with_events(self, events: Iterable[Data]) -> Course:
        """Return the same beginning with other events."""
        return replace(self, events=tuple(events))


def tier_file(tier: str) -> Path:
    """Return the file of a tier's vectors, as it is installed."""
    return Path(str(files("speech_lifecycle.vectors") / f"{tier}.jsonl"))


def courses_in(path: Path) -> Iterator[Course]:
    """Yield the courses of a file of vectors. What a vector expects is left out: the machines say that.

    Raises:
        CourseError: a line is no vector, or one of another version of the specification.
    """
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            try:
                vector = _read_line(line)
                events = tuple(step["event"] for step in vector.steps)
                sections = frozenset(filter(is_section, vector.tags)) | sections_of(vector.steps)
            except (msgspec.MsgspecError, ValueError, TypeError, RecursionError) as error:
                raise CourseError(f"{path}, line {number}: no vector: {error}") from None
            except KeyError as error:
                raise CourseError(f"{path}, line {number}: no field {error}") from None
            if vector.spec_version != SPEC_VERSION:
                raise CourseError(
                    f"{path}, line {number}: of version {vector.spec_version!r} of the specification; "
                    f"this is {SPEC_VERSION!r}: take the vectors of the same release"
                )
            capabilities, policy = vector.capabilities, vector.policy
            yield Course(vector.id, vector.machine, capabilities, policy, events, path.stem, sections, vector.harm)


class _Line(msgspec.Struct):
    """What is read of a vector."""

    id: str
    spec_version: str
    machine: Literal["speech", "conversation"]
    capabilities: Data
    policy: Data
    steps: list[Data]
    tags: list[str] = []
    harm: str = ""


_read: Callable[[str], _Line] = msgspec.json.Decoder(_Line).decode


def _read_line(line: str) -> _Line:
    vector = _read(line)
    msgspec.convert(vector.capabilities, Capabilities)
    msgspec.convert(vector.policy, ConversationPolicy if vector.machine == "conversation" else Policy)
    return vector


def is_about(course: Course, section: str) -> bool:
    """Whether a course is about a section of the specification, or a part of it: 9.15 is a part of 9."""
    return any(each == section or each.startswith(f"{section}.") for each in course.sections)


def random_courses(seed: int, events: int) -> Iterator[Course]:
    """Yield random courses of so many events in all, speeches and conversations by turns; a seed gives the same."""
    number = 0
    while events > 0:
        course = _random_course(seed, number, min(LENGTH, events))
        yield course
        events -= len(course.events)
        number += 1


def _random_course(seed: int, number: int, length: int) -> Course:
    source = random.Random(f"{seed}-{number}")
    told: list[Data] = []
    if number % 2:
        capabilities, conversation_policy = source.choice(_CONVERSATION.starts)
        conversation = ConversationMachine(capabilities, conversation_policy)
        for _ in range(length):
            now = conversation.conversation
            event = _choose(events_in(now, _CONVERSATION), source, lambda event: step_conversation(now, event)[1])  # noqa: B023
            conversation.send(event)
            told.append(EVENTS.dump(event))
        policy = json_data(conversation_policy)
    else:
        capabilities, speech_policy = source.choice(EVERY_OPTION)
        speech, alphabet = SpeechMachine(capabilities, speech_policy), Alphabet(_SPEECH)
        for _ in range(length):
            event = _choose(alphabet.of(speech.speech), source, lambda event: step(speech.speech, event)[1])
            speech.send(event)
            told.append(EVENTS.dump(event))
        policy = json_data(speech_policy)
    machine = "conversation" if number % 2 else "speech"
    return Course(f"random-{seed}-{number}", machine, json_data(capabilities), policy, tuple(told))


def _choose(events: Sequence[Event], source: random.Random, answer: Callable[[Event], Reply]) -> Event:
    """Take one: mostly one that is handled, and rarely one that ends all that could still come."""
    usual = [event for event in events if not isinstance(event, _ENDS)]
    chosen = source.choice(usual if source.random() < 0.95 else events)
    if source.random() < 0.3:
        return chosen
    for _ in range(_DRAWS):
        if answer(chosen).kind == "handled":
            break
        chosen = source.choice(usual)
    return chosen
