"""What must hold (spec, section 9) over random speeches: short and long, plausible and hostile.

`HYPOTHESIS_PROFILE=thorough` looks further, at other speeches in each run.
"""

from __future__ import annotations

from functools import cache
from typing import get_args

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule
from onlooker import Onlooker
from random_speeches import DELAYS, MANY, USUAL, long_walk, next_event, walk

from speech_lifecycle.fsm import Capabilities, Policy
from speech_lifecycle.fsm.effects import EFFECT_TYPES
from speech_lifecycle.fsm.events import Authorize, SessionMessageAdded, SessionResponseCreated
from speech_lifecycle.fsm.values import FINAL_SPEECH_STATES, Reason

WALKS = 800
LONG_WALKS = 12
KINDS = USUAL + ("worst",) * 6 + ("disordered",) * 6


@cache
def walks() -> tuple[Onlooker, ...]:
    return tuple(walk(seed) for seed in range(WALKS))


@cache
def long_walks() -> tuple[Onlooker, ...]:
    return tuple(long_walk(seed) for seed in range(LONG_WALKS))


def test_the_invariants_hold_over_random_speeches():
    assert len(walks()) == WALKS


def test_the_invariants_hold_over_speeches_of_fifty_messages():
    assert len(long_walks()) == LONG_WALKS


def test_most_speeches_come_to_their_end():
    assert sum(onlooker.is_over for onlooker in walks()) > WALKS / 2


def test_long_speeches_are_long():
    assert sum(len(onlooker.announced) >= MANY for onlooker in long_walks()) > LONG_WALKS / 2
    played = [sum(record.state == "played" for record in onlooker.records.values()) for onlooker in long_walks()]
    assert max(played) > MANY / 2


class AnySpeech(RuleBasedStateMachine):
    """The same onlooker, with hypothesis to choose the events and to shorten what it finds."""

    onlooker: Onlooker

    @initialize(
        capabilities=st.from_type(Capabilities),
        interruptible=st.booleans(),
        estimate=st.booleans(),
        frame_ms=st.sampled_from([0, 20]),
        timeout_ms=st.sampled_from(DELAYS),
        messages=st.sampled_from([0, 1, 2, 2, 3, 3, 3, MANY]),
        is_authorized=st.booleans(),
        both_engines=st.booleans(),
    )
    def begin(self, capabilities, interruptible, estimate, frame_ms, timeout_ms, messages, is_authorized, both_engines):
        policy = Policy(interruptible, estimate, frame_ms, stop_timeout_ms=timeout_ms)
        # The reference takes a second to announce fifty messages; it sees them in the long walks.
        self.onlooker = Onlooker(capabilities, policy, both_engines=both_engines and messages < MANY)
        # Left to itself, hypothesis seldom gets as far as a second message.
        self.onlooker.send(SessionResponseCreated("r"))
        for number in range(messages):
            self.onlooker.send(SessionMessageAdded("r", f"m{number}"))
        if is_authorized:
            self.onlooker.send(Authorize())

    @rule(kind=st.sampled_from(KINDS), data=st.data())
    def something_comes(self, kind, data):
        def choose(events):
            return data.draw(st.sampled_from(events))

        self.onlooker.send(next_event(kind, self.onlooker.machine.speech, choose, MANY))

    def teardown(self):
        if hasattr(self, "onlooker"):
            self.onlooker.end_by_timers_alone()


TestAnySpeech = AnySpeech.TestCase


def seen(of):
    return {thing for onlooker in walks() for thing in of(onlooker)}


def test_every_kind_of_effect_is_possible():
    assert seen(lambda onlooker: map(type, onlooker.effects)) == set(EFFECT_TYPES)


def test_every_reason_is_possible():
    assert seen(lambda onlooker: [record.reason for record in onlooker.records.values()]) == set(get_args(Reason))


def test_every_end_is_possible():
    assert seen(lambda onlooker: [onlooker.machine.speech.state]) >= FINAL_SPEECH_STATES


@pytest.mark.parametrize("status", ["exact", "synchronized", "estimated", "unknown"])
def test_every_way_of_knowing_the_heard_text_is_possible(status):
    assert status in seen(lambda onlooker: [record.heard_text_status for record in onlooker.records.values()])
