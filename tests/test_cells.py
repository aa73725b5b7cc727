"""Every cell answers: each event in each reachable configuration is handled, ignored or rejected, and none raises."""

from __future__ import annotations

from functools import cache

import pytest
from helpers import Configuration, Transcript, explore, fingerprint, hostile_events, is_new_text, one_message_events
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from speech_lifecycle.fsm import Capabilities, Policy, Speech, SpeechMachine, definition, step
from speech_lifecycle.fsm.codec import dump_speech, load_speech
from speech_lifecycle.fsm.copying import copy_speech
from speech_lifecycle.fsm.events import EVENT_TYPES, Authorize, SessionResponseCreated
from speech_lifecycle.fsm.replies import Ignored, Rejected

HOSTILE = hostile_events(("m0", "foreign"))
WORLDS = (
    Speech(),
    Speech(Capabilities(can_truncate=False, can_remove=False, can_pause=False), Policy(interruptible=False)),
    Speech(Capabilities(plays_audio=False)),
)


@cache
def configurations() -> tuple[Configuration, ...]:
    """Everything that one message can bring a speech to, in three worlds."""
    return tuple(here for start in WORLDS for here in explore(start, one_message_events(), is_new_text))


def test_every_state_of_both_charts_is_reached():
    speech_states = {here.speech.state for here in configurations()}
    message_states = {m.state for here in configurations() for m in here.speech.messages.values()}
    assert speech_states == {node.id for node in definition().speech.leaves}
    assert message_states == {node.id for node in definition().message.leaves}


@cache
def answers_given() -> frozenset[str]:
    """Send every event in every configuration; return the ids of the answers. Each is checked on the way."""
    answers: set[str] = set()
    for here in configurations():
        before = fingerprint(here.speech)
        for event in HOSTILE:
            after, reply = step(here.speech, event)
            if isinstance(reply, Ignored | Rejected):
                assert after is here.speech
                assert reply.reason
                assert reply.effects == ()
                answers.add(reply.row)
            else:
                assert reply.rows
        assert fingerprint(here.speech) == before, "step changed its argument"
    return frozenset(answers)


def test_every_event_gets_an_answer_everywhere_and_every_answer_is_given_somewhere():
    declared = {row.id for chart in definition().charts for row in chart.rows if row.kind != "handled"}
    assert answers_given() == declared | {""}, "only what belongs to no cell has no row"


def test_in_place_does_the_same_as_the_pure_step():
    for here in configurations()[::40]:
        data = dump_speech(here.speech)
        for event in HOSTILE:
            after, reply = step(here.speech, event)
            machine = SpeechMachine(speech=load_speech(data))
            assert machine.send(event) == reply
            assert fingerprint(machine.speech) == fingerprint(after)


SOME_JUNK = st.one_of(
    st.none(), st.integers(-5, 500), st.floats(), st.text(max_size=3), st.just(["m0"]), st.just({}), st.just("m0")
)


BUILDERS = st.one_of(*(st.builds(event_type, *[SOME_JUNK for _ in event_type.__slots__]) for event_type in EVENT_TYPES))


@given(st.lists(BUILDERS, min_size=1, max_size=12))
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_wrongly_typed_events_never_raise_and_change_nothing_when_refused(events):
    speech = Transcript(SessionResponseCreated("r"), Authorize()).speech
    for event in events:
        before = repr(speech)
        machine = SpeechMachine(speech=copy_speech(speech))
        after, reply = step(speech, event)
        assert repr(machine.send(event)) == repr(reply)
        assert repr(machine.speech) == repr(after)
        if reply.kind != "handled":
            assert repr(machine.speech) == before, f"{event} left a change behind"
        speech = after


@pytest.mark.parametrize("chart", definition().charts, ids=lambda chart: chart.name)
def test_every_cell_ends_with_an_unguarded_row(chart):
    for leaf in chart.leaves:
        for event in chart.events:
            assert chart.cell(leaf.id, event)[-1].cond == "", f"{leaf.id} on {event}"
