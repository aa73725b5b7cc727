"""Courses of events on a mutant: at which step it does something else than the original, and what that violates."""

from __future__ import annotations

import signal
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Any

from speech_lifecycle.fsm.conversation.machine import ConversationMachine, Handler, conversation_machine_for
from speech_lifecycle.fsm.copying import copy_speech
from speech_lifecycle.fsm.effects import (
    AgentEffect,
    CreateResponse,
    Effect,
    OutputEffect,
    RestoreHistory,
    SessionEffect,
    TimerEffect,
)
from speech_lifecycle.fsm.errors import SpeechLifecycleError
from speech_lifecycle.fsm.events import Event
from speech_lifecycle.fsm.machine import SpeechMachine, machine_for
from speech_lifecycle.fsm.replies import Handled, Reply
from speech_lifecycle.fsm.state import Conversation, Speech
from speech_lifecycle.fsm.values import Capabilities, ConversationPolicy, Policy

from .conversation.declaring import StepTaken as ConversationStepTaken
from .conversation.properties import CONVERSATION_PROPERTIES, ConversationJudge
from .conversation.search import copy_of as copy_conversation
from .ledger import Ledger
from .mutants import Mutant
from .property import PROPERTIES, Judge, StepTaken
from .search import MachineType

Machine = SpeechMachine | ConversationMachine
State = Speech | Conversation

_SECONDS = 2.0
"""A mutant that has not answered by then has no end."""


class NoEndError(SpeechLifecycleError, RuntimeError):
    """A mutant does not answer."""


@contextmanager
def an_end() -> Iterator[None]:
    """Raise in a mutant that does not answer. It needs a main thread on a POSIX system."""

    def stop(signal_number: int, frame: FrameType | None) -> None:
        raise NoEndError("it does not answer")

    usual = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, _SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, usual)


@dataclass(frozen=True)
class Course:
    """A course of events, and what the original makes of it."""

    id: str
    capabilities: Capabilities
    policy: Policy | ConversationPolicy
    events: tuple[Event, ...]
    replies: tuple[Reply, ...]
    states: tuple[State, ...]
    """After each event."""

    @property
    def is_conversation(self) -> bool:
        """Whether it is one of a conversation, or of a single speech."""
        return isinstance(self.policy, ConversationPolicy)


def course_of(
    course_id: str, capabilities: Capabilities, policy: Policy | ConversationPolicy, events: Iterable[Event]
) -> Course:
    """Return a course of events with what the package's own machine makes of it."""
    events = tuple(events)
    machine = begin(_ORIGINAL[isinstance(policy, ConversationPolicy)], capabilities, policy)
    replies: list[Reply] = []
    states: list[State] = []
    for event in events:
        reply = machine.send(event)
        replies.append(reply)
        states.append(copied(state_of(machine)) if reply.kind == "handled" or not states else states[-1])
    return Course(course_id, capabilities, policy, events, tuple(replies), tuple(states))


_ORIGINAL: tuple[type[SpeechMachine], type[ConversationMachine]] = SpeechMachine, ConversationMachine


_MOST_EVENTLESS = 100
"""So many follow each other in a conversation that has no end."""


def machine_of(mutant: Mutant) -> MachineType:
    """Return the machine of a mutant. One of a conversation raises if its eventless transitions have no end."""
    if not mutant.is_of_conversations:
        return machine_for(mutant.definition)
    machine_type = conversation_machine_for(mutant.definition)
    (find,) = machine_type._eventless
    count = 0

    def find_a_few(conversation: Conversation, event: None) -> tuple[Handler, ...]:
        nonlocal count
        found = find(conversation, event)
        count = count + 1 if found else 0
        if count > _MOST_EVENTLESS:
            count = 0
            raise NoEndError(f"{mutant.id}: no end of eventless transitions")
        return found

    machine_type._eventless = (find_a_few,)
    return machine_type


def begin(machine_type: Any, capabilities: Capabilities, policy: Policy | ConversationPolicy) -> Machine:
    """Return a machine at its beginning."""
    machine: Machine = machine_type(capabilities, policy)
    return machine


def state_of(machine: Machine) -> State:
    """Return the state that a machine changes."""
    return machine.speech if isinstance(machine, SpeechMachine) else machine.conversation


def copied(state: State) -> State:
    """Return a state that shares nothing that may change."""
    return copy_speech(state) if isinstance(state, Speech) else copy_conversation(state)


def told_apart(course: Course, machine_type: MachineType) -> int | None:
    """Return the place of the first event to which a machine does something else than the original, or None.

    Different are another kind of answer, another reason, other effects, another state. Not different are steps that
    only cite another transition, or give the effects to different receivers in another order: output, session, agent
    and timer each get the same then.
    """
    with an_end():
        machine = begin(machine_type, course.capabilities, course.policy)
        for place, (event, reply, state) in enumerate(zip(course.events, course.replies, course.states, strict=True)):
            if difference_in_step(machine, event, reply, state):
                return place
    return None


def difference_in_step(machine: Machine, event: Event, expected: Reply, after: State) -> str:
    """Send an event, and return what is different from what the original does, or ""."""
    try:
        reply = machine.send(event)
    except Exception as error:
        return f"raises {error!r}"
    if reply is not expected:
        told = replies_told_apart(expected, reply)
        if told:
            return told
    now = state_of(machine)
    if now != after:
        return "another state"
    return ""


def replies_told_apart(expected: Reply, reply: Reply) -> str:
    """Return how a reply differs from the expected one, or ""."""
    for name in ("kind", "reason"):
        wanted, given = getattr(expected, name, None), getattr(reply, name, None)
        if wanted != given:
            return f"{name} {given} instead of {wanted}"
    if reply.effects != expected.effects and _by_receiver(reply.effects) != _by_receiver(expected.effects):
        return f"effects {reply.effects} instead of {expected.effects}"
    return ""


def _by_receiver(effects: tuple[Effect, ...]) -> list[list[Effect]]:
    return [
        [effect for effect in effects if isinstance(effect, receives)]
        for receives in (OutputEffect, SessionEffect | CreateResponse | RestoreHistory, AgentEffect, TimerEffect)
    ]


# What is violated


def violated_in(course: Course, machine_type: MachineType) -> str:
    """Return the first property that a machine violates in a course of events, or ""."""
    with an_end():
        machine = begin(machine_type, course.capabilities, course.policy)
        if isinstance(machine, SpeechMachine):
            return next(_speech_violations(machine, course.events), "")
        return next(_conversation_violations(machine, course.events), "")


_JUDGE = Judge([name for name, each in PROPERTIES.items() if not each.needs_world])
_CONVERSATION_JUDGE = ConversationJudge(CONVERSATION_PROPERTIES)


def _speech_violations(machine: SpeechMachine, events: Iterable[Event]) -> Iterator[str]:
    ledger = Ledger()
    for event in events:
        before = copy_speech(machine.speech)
        try:
            reply = machine.send(event)
        except Exception:
            yield "every_event_is_answered"
            return
        if not isinstance(reply, Handled):
            if machine.speech != before:
                yield "rejected_changes_nothing"
            continue
        yield from (name for name, _ in _JUDGE.step(ledger, StepTaken(event, reply.effects, machine.speech), False))
        yield from (name for name, _ in _JUDGE.configuration(ledger, machine.speech))


def _conversation_violations(machine: ConversationMachine, events: Iterable[Event]) -> Iterator[str]:
    for event in events:
        before = copy_conversation(machine.conversation)
        try:
            reply = machine.send(event)
        except Exception:
            yield "every_event_has_its_answer"
            return
        after = machine.conversation
        if not isinstance(reply, Handled):
            if after != before:
                yield "nothing_changes_unless_handled"
            continue
        yield from (name for name, _ in _CONVERSATION_JUDGE.step(ConversationStepTaken(before, event, reply, after)))
        yield from (name for name, _ in _CONVERSATION_JUDGE.configuration(after))
