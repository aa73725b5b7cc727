"""The courses of events that the tests have machines go through: what people thought of, and explorations leave out."""

from __future__ import annotations

import os
import random
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, redirect_stdout
from functools import wraps
from typing import Any

import pytest
from one_mutant import CONVERSATION_TESTS, TESTS, paths_of
from pydantic import TypeAdapter
from random_speeches import MIXTURES, next_event, some_options

from speech_lifecycle.fsm.conversation.machine import ConversationMachine
from speech_lifecycle.fsm.events import Event
from speech_lifecycle.fsm.machine import SpeechMachine
from speech_lifecycle.fsm.replies import Handled
from speech_lifecycle.fsm.state import Conversation, Speech
from speech_lifecycle.fsm.validity import is_valid
from speech_lifecycle.fsm.values import Capabilities, ConversationPolicy
from speech_lifecycle.verification.replaying import Course, course_of

LONGEST = 150
"""Longer courses take too long to shorten."""
MORE_TESTS = (
    "test_driver*.py",
    "test_hold.py",
    "test_out_of_band.py",
    "test_output_evidence.py",
    "test_reconnection*.py",
    "test_signs_of_life.py",
    "test_user_turns.py",
    "test_why.py",
)
"""Tests of other things that have the machines do what the others do not."""
WALKS = 300
"""So many random speeches are added."""
Told = tuple[Capabilities, Any, list[Event]]
"""What a machine begins with, and is told."""


def harvested() -> list[Course]:
    """Run the tests that say what the machines have to do, and return the courses of events, each once."""
    courses: dict[Any, Course] = {}
    with (
        _recorded(SpeechMachine, "speech") as speeches,
        _recorded(ConversationMachine, "conversation") as conversations,
        open(os.devnull, "w", encoding="utf-8") as nowhere,
        redirect_stdout(nowhere),
    ):
        pytest.main(["-q", "-p", "no:cacheprovider", *paths_of((*TESTS, *CONVERSATION_TESTS, *MORE_TESTS))])
    parts = [part for each in conversations if len(each[2]) <= LONGEST for part in _speeches_in(*each)]
    for capabilities, policy, events in [*speeches, *parts, *map(_walked, range(WALKS)), *conversations]:
        if 0 < len(events) <= LONGEST and all(map(_is_the_same_in_a_file, events)):
            key = capabilities, policy, tuple(events)
            courses.setdefault(repr(key), course_of("", *key))
    return [*courses.values()]


def _speeches_in(capabilities: Capabilities, policy: ConversationPolicy, events: Iterable[Event]) -> Iterator[Told]:
    """Yield what each speech of a conversation was told, as a course of its own."""
    machine = ConversationMachine(capabilities, policy, keep_steps=True)
    told: dict[str, list[Event]] = {}
    for event in events:
        reply = machine.send(event)
        steps = reply.steps if isinstance(reply, Handled) else ()
        for speech_id, own in [(each.speech_id, each.event) for each in steps] or [(machine.speech_of(event), event)]:
            if speech_id and own is not None:
                told.setdefault(speech_id, []).append(own)
    for own_events in told.values():
        yield capabilities, policy.speech, own_events


def _walked(seed: int) -> Told:
    """Return a random speech."""
    source = random.Random(seed)
    capabilities, policy = some_options(source)
    machine = SpeechMachine(capabilities, policy)
    events: list[Event] = []
    kinds = source.choice(MIXTURES)
    while len(events) < LONGEST // 3:
        event = next_event(source.choice(kinds), machine.speech, source.choice)
        if _is_the_same_in_a_file(event):
            machine.send(event)
            events.append(event)
    return capabilities, policy, events


def _is_the_same_in_a_file(event: Any) -> bool:
    """Whether an event has no field of a wrong type, and no number that JSON has not."""
    adapter: TypeAdapter[Any] = TypeAdapter(type(event))
    try:
        data = adapter.dump_json(event)
        return is_valid(event) and adapter.dump_json(adapter.validate_json(data)) == data
    except (ValueError, TypeError):
        return False


@contextmanager
def _recorded(machine_type: Any, state: str) -> Iterator[list[tuple[Any, Any, list[Any]]]]:
    """Write down what machines are told that begin at the beginning, and are told all that their state goes through."""
    begin, send = machine_type.__init__, machine_type.send
    records: list[tuple[Any, Any, list[Any]]] = []
    kept: dict[int, tuple[Any, Any, list[Any]]] = {}

    @wraps(begin)
    def beginning(machine: Any, *arguments: Any, **options: Any) -> None:
        begin(machine, *arguments, **options)
        now = getattr(machine, state)
        fresh = (Speech if state == "speech" else Conversation)(now.capabilities, now.policy)
        if now == fresh:
            events: list[Any] = []
            kept[id(machine)] = machine, now, events
            records.append((now.capabilities, now.policy, events))

    @wraps(send)
    def sending(machine: Any, event: Any) -> Any:
        _, began_with, events = kept.get(id(machine), (None, None, None))
        if events is not None and getattr(machine, state) is began_with:
            events.append(event)
        return send(machine, event)

    machine_type.__init__, machine_type.send = beginning, sending
    try:
        yield records
    finally:
        machine_type.__init__, machine_type.send = begin, send
