"""Steps of the explorations, a few of each kind: where a mutant is most likely to do something else.

Steps are of one kind if one event takes the same transitions with effects of the same types, under the same
capabilities and policy; or gets the same answer, in the same states. Where a step is found, the way to it is known.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from operator import attrgetter
from typing import Any, NamedTuple

from speech_lifecycle.fsm.conversation.machine import ConversationMachine
from speech_lifecycle.fsm.copying import copy_speech
from speech_lifecycle.fsm.events import Event
from speech_lifecycle.fsm.machine import SpeechMachine
from speech_lifecycle.fsm.replies import Handled, Reply
from speech_lifecycle.fsm.state import Conversation, Speech
from speech_lifecycle.fsm.values import Capabilities, ConversationPolicy, Policy

from .alphabet import Alphabet
from .bounds import Bounds
from .conversation.alphabet import events_in
from .conversation.bounds import ConversationBounds
from .conversation.search import ConversationSearch, copy_of
from .keys import key_of
from .replaying import Course, State, course_of
from .speech_search import SpeechSearch

EACH = 3
"""So many steps of one kind are kept."""


class Sample(NamedTuple):
    """One step."""

    before: State
    event: Event
    reply: Reply
    after: State
    capabilities: Capabilities
    policy: Policy | ConversationPolicy
    way: tuple[Event, ...]
    """The events that lead to it."""

    @property
    def course(self) -> Course:
        """The course of events that ends with it."""
        return course_of("", self.capabilities, self.policy, (*self.way, self.event))


def samples(bounds: Bounds | ConversationBounds, each: int = EACH) -> Iterator[Sample]:
    """Yield steps, those first that are nearest to a beginning."""
    known: Counter[Any] = Counter()
    for kind, sample in steps(bounds):
        known[kind] += 1
        # Of steps that nothing handles there are many kinds.
        if known[kind] <= (each if isinstance(kind[0], tuple) else (each + 1) // 2):
            yield sample()


def steps(bounds: Bounds | ConversationBounds) -> Iterator[tuple[Any, Callable[[], Sample]]]:
    """Yield the kinds of all steps, each with what makes it a sample, which is good until the next is asked for."""
    return _of_conversations(bounds) if isinstance(bounds, ConversationBounds) else _of_speeches(bounds)


def _of_speeches(bounds: Bounds) -> Iterator[tuple[Any, Callable[[], Sample]]]:
    search = SpeechSearch(bounds, SpeechMachine, ())
    alphabet = Alphabet(bounds)
    known: set[bytes] = set()
    machine = SpeechMachine()
    while search.waiting:
        number, before = search.expand()
        key = key_of(before)
        if key in known:
            continue
        known.add(key)
        options = before.capabilities, before.policy
        messages = tuple([_of_message(message) for message in before.messages.values()])
        states = _in(before), messages
        machine.speech = copy_speech(before)
        for event in alphabet.of(before):
            reply = machine.send(event)
            after = machine.speech

            def sample(event: Event = event, reply: Reply = reply, after: Speech = after) -> Sample:
                return Sample(before, event, reply, after, *options, search.events_to(number))  # noqa: B023

            if isinstance(reply, Handled):
                machine.speech = copy_speech(before)
                yield (_handled(reply), event, messages, id(options[0]), id(options[1])), sample
            else:
                yield (event, reply.answer, states, id(options[0]), id(options[1])), sample


def _of_conversations(bounds: ConversationBounds) -> Iterator[tuple[Any, Callable[[], Sample]]]:
    search = ConversationSearch(bounds, ConversationMachine, ())
    while search.waiting:
        number, before = search.expand()
        options = before.capabilities, before.policy
        states = before.connection, before.user, before.floor, before.generation, before.agent
        machine = ConversationMachine(conversation=copy_of(before))
        for event in events_in(before, bounds):
            reply = machine.send(event)
            after = machine.conversation

            def sample(event: Event = event, reply: Reply = reply, after: Conversation = after) -> Sample:
                return Sample(before, event, reply, after, *options, search.events_to(number))  # noqa: B023

            if isinstance(reply, Handled):
                machine = ConversationMachine(conversation=copy_of(before))
                yield (type(event), _handled(reply), states, id(options[0]), id(options[1])), sample
            else:
                yield (type(event), reply, states, id(options[0]), id(options[1])), sample


_of_message = attrgetter("state", "expects_audio", "received_ms", "handed_over_ms", "source_has_ended", "text")
_FLAGS = attrgetter(
    "state",
    "next_id",
    "growing",
    "response_id",
    "response_has_ended",
    "cancel_was_sent",
    "session_is_lost",
    "awaits_resumption",
    "cause",
    "was_heard",
    "timer",
)


def _in(speech: Speech) -> tuple[Any, ...]:
    """Return what answers may depend on, as far as it is about the speech."""
    return (*_FLAGS(speech), *speech.awaited.items())


def _handled(reply: Handled) -> tuple[Any, ...]:
    return reply.transitions, tuple([type(effect) for effect in reply.effects])
