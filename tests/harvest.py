"""The courses of events that the tests have machines go through: what people thought of, and explorations leave out."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from functools import wraps
from typing import Any

import pytest
from one_mutant import CONVERSATION_TESTS, TESTS, paths_of
from pydantic import TypeAdapter

from speech_lifecycle.fsm.conversation.machine import ConversationMachine
from speech_lifecycle.fsm.machine import SpeechMachine
from speech_lifecycle.fsm.state import Conversation, Speech
from speech_lifecycle.fsm.validity import is_valid
from speech_lifecycle.verification.replaying import Course, course_of

LONGEST = 60
"""Longer courses take too long to shorten."""


def harvested() -> list[Course]:
    """Run the tests that say what the machines have to do, and return the courses of events, each once."""
    courses: dict[Any, Course] = {}
    with (
        _recorded(SpeechMachine, "speech") as speeches,
        _recorded(ConversationMachine, "conversation") as conversations,
        open(os.devnull, "w", encoding="utf-8") as nowhere,
        redirect_stdout(nowhere),
    ):
        pytest.main(["-q", "-p", "no:cacheprovider", *paths_of((*TESTS, *CONVERSATION_TESTS))])
    for capabilities, policy, events in [*speeches, *conversations]:
        if 0 < len(events) <= LONGEST and all(map(_is_the_same_in_a_file, events)):
            key = capabilities, policy, tuple(events)
            courses.setdefault(repr(key), course_of("", *key))
    return [*courses.values()]


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
