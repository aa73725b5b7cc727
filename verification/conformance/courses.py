"""What ports are asked: courses of events, from files of vectors or at random."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from speech_lifecycle.fsm.codec import EVENTS, json_data
from speech_lifecycle.fsm.conversation.machine import ConversationMachine, step_conversation
from speech_lifecycle.fsm.errors import SpeechLifecycleError
from speech_lifecycle.fsm.events import Close, Event, Interrupt, OutputFailed, SessionLost, TimerFired
from speech_lifecycle.fsm.machine import SpeechMachine, step
from speech_lifecycle.fsm.replies import Reply

from ..alphabet import Alphabet
from ..bounds import EVERY_OPTION, Bounds
from ..conversation.alphabet import events_in
from ..conversation.bounds import EVERY_OPTION as EVERY_CONVERSATION_OPTION
from ..conversation.bounds import ConversationBounds

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
    events: tuple[Data, ...]

    @property
    def commands(self) -> list[Data]:
        """What a port is told, all in all."""
        begin = {"machine": self.machine, "capabilities": self.capabilities, "policy": self.policy}
        return [{"command": "begin", **begin}, *({"command": "step", "event": event} for event in self.events)]

    def with_events(self, events: Iterable[Data]) -> Course:
        """Return the same beginning with other events."""
        return replace(self, events=tuple(events))


def courses_in(path: Path) -> Iterator[Course]:
    """Yield the courses of a file of vectors. What a vector expects is left out: the machines say that.

    Raises:
        CourseError: a line is no vector.
    """
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            try:
                vector = json.loads(line)
                yield Course(
                    vector["id"],
                    vector["machine"],
                    vector["capabilities"],
                    vector["policy"],
                    tuple(step["event"] for step in vector["steps"]),
                )
            except (ValueError, TypeError) as error:
                raise CourseError(f"{path}, line {number}: no vector: {error}") from None
            except KeyError as error:
                raise CourseError(f"{path}, line {number}: no field {error}") from None


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
