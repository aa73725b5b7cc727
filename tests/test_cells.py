"""Every cell answers: each event in each reachable configuration is handled, ignored or rejected, and none raises."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from charts import charts
from helpers import Transcript
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from possible_events import hostile_events

from speech_lifecycle.fsm import Speech, SpeechMachine, step
from speech_lifecycle.fsm.codec import dump_speech, load_speech
from speech_lifecycle.fsm.compile.definition import Transition, definition
from speech_lifecycle.fsm.copying import copy_speech
from speech_lifecycle.fsm.events import (
    EVENT_TYPES,
    MESSAGE_EVENT_TYPES,
    Authorize,
    Event,
    SessionResponseCreated,
)
from speech_lifecycle.verification import SMALL, Bounds, configurations
from speech_lifecycle.verification.alphabet import Alphabet

EVENTS_FOR = {messages: Bounds("hostile", messages + 1, "fine", 2, texts=2) for messages in (1, 2)}
"""By number of messages: which events to try. They announce one more, let texts grow, and have all kinds of numbers."""
HOSTILE = hostile_events(("a", "b", "unknown"))


@cache
def configurations_of_one_message() -> tuple[Speech, ...]:
    """Everything that one message can bring a speech to, with every combination of capabilities and policy."""
    names = ("hostile-1", "hostile-1-parts", "hostile-1-options", "hostile-1-out-of-band")
    return tuple(speech for name in names for speech in configurations(SMALL[name]))


@cache
def configurations_of_two_messages() -> tuple[Speech, ...]:
    """What two messages can bring a speech to, with one amount of audio and one place to cut it."""
    return tuple(configurations(SMALL["hostile-2"]))


TAKEN: set[tuple[str, str]] = set()
"""The states in which events were taken, and by which transitions."""


def answers_given(speeches: tuple[Speech, ...], bounds: Bounds) -> set[str]:
    """Send every event in every configuration, and check each answer; return the transitions of all of them."""
    transitions: set[str] = set()
    alphabet = Alphabet(bounds)
    machine = SpeechMachine()
    for speech in speeches:
        refused = []
        machine.speech = copy_speech(speech)
        for event in alphabet.of(speech):
            reply = machine.send(event)
            if reply.kind == "handled":
                assert reply.transitions
                transitions.update(reply.transitions)
                TAKEN.add((state_asked(speech, event), reply.transitions[0]))
                machine.speech = copy_speech(speech)
            else:
                assert reply.kind in ("ignored", "rejected")
                assert reply.reason
                assert reply.effects == ()
                transitions.add(reply.answer)
                refused.append(event)
        machine.speech = copy_speech(speech)
        for event in refused:
            machine.send(event)
        assert machine.speech == speech, f"one of {refused} changed something"
    return transitions


def state_asked(speech: Speech, event: Event) -> str:
    """Return the state of the chart that an event from outside is about."""
    if not isinstance(event, MESSAGE_EVENT_TYPES):
        return speech.state
    message = speech.messages.get(event.message_id)
    return "pending" if message is None else message.state


@cache
def answers_to_one_message() -> frozenset[str]:
    return frozenset(answers_given(configurations_of_one_message(), EVENTS_FOR[1]))


@cache
def answers_to_two_messages() -> frozenset[str]:
    return frozenset(answers_given(configurations_of_two_messages(), EVENTS_FOR[2]))


def test_every_state_of_both_charts_is_reached():
    speech_states = {speech.state for speech in configurations_of_one_message()}
    message_states = {m.state for speech in configurations_of_one_message() for m in speech.messages.values()}
    assert speech_states == {node.id for node in definition().speech.leaves}
    assert message_states == {node.id for node in definition().message.leaves}


def test_two_messages_reach_every_pair_of_states_that_order_allows():
    pairs = {
        tuple(message.state for message in speech.messages.values())
        for speech in configurations_of_two_messages()
        if len(speech.messages) == 2
    }
    begun = {"streaming", "draining", "stopping"}
    final = {"played", "partial", "skipped"}
    allowed = {(first, "pending") for first in {"pending"} | begun | final}
    allowed |= {(first, second) for first in final for second in begun | final}
    assert pairs == allowed


def test_every_event_gets_an_answer_everywhere_with_one_message():
    assert answers_to_one_message()


def test_every_event_gets_an_answer_everywhere_with_two_messages():
    assert answers_to_two_messages()


def test_every_answer_that_is_declared_is_given_somewhere():
    declared = {
        transition.id
        for chart in definition().charts
        for transition in chart.transitions
        if transition.kind != "handled"
    }
    handled = {
        transition.id
        for chart in definition().charts
        for transition in chart.transitions
        if transition.kind == "handled"
    }
    given_answers = (answers_to_one_message() | answers_to_two_messages()) - handled
    assert given_answers == declared | {""}, "only what belongs to no cell has no transition"


NEVER = {
    ("paused", "speech.active.timer_fired#progressed"): "no timer runs while the speech is held",
    ("paused", "speech.active.timer_fired#silent"): "no timer runs while the speech is held",
    ("paused", "speech.active.timer_fired#silent_while_generating"): "no timer runs while the speech is held",
    ("paused", "speech.active.session_response_progressed"): "no timer runs while the speech is held",
    ("speaking", "speech.active.session_response_created"): "what is heard is of a response that has its name",
    ("speaking", "speech.active.session_request_refused"): "what is heard is of a response that has its name",
    ("draining", "message.forwarding.session_message_ended"): "what is flushed is a message whose source has ended",
    ("draining", "message.forwarding.session_audio_received#first"): "what is flushed has content",
    ("draining", "message.forwarding.session_text_received#first"): "what is flushed has content",
    ("stopping", "message.forwarding.session_audio_received#first"): "only what has content is stopped",
    ("stopping", "message.forwarding.session_text_received#first"): "only what has content is stopped",
}
"""Cells that the charts have because a parent has them, and that no configuration comes to."""


def not_hidden(cell: tuple[Transition, ...]) -> Iterator[Transition]:
    """Yield the transitions of a cell that handle, up to one that always does; those of a parent may be hidden."""
    conds: set[str] = set()
    for transition in cell:
        if transition.kind == "handled" and not {"", transition.cond} & conds:
            yield transition
        conds.add(transition.cond)


def test_every_cell_is_come_to_in_every_state_that_has_it_but_for_those_listed():
    """A transition of a parent may be dead in one of its children: that is found here, and nowhere by its structure."""
    answers_to_one_message()
    answers_to_two_messages()
    declared = {
        (leaf.id, transition.id)
        for chart in definition().charts
        for leaf in chart.leaves
        for event in chart.events
        for transition in not_hidden(chart.cell(leaf.id, event))
    }
    assert declared - TAKEN == NEVER.keys()


def test_the_pure_step_changes_nothing_it_is_given_and_gives_what_in_place_gives():
    for speech in (*configurations_of_one_message()[::160], *configurations_of_two_messages()[::160]):
        before = dump_speech(speech)
        for event in HOSTILE:
            machine = SpeechMachine(speech=copy_speech(speech))
            after, reply = step(speech, event)
            assert machine.send(event) == reply
            assert machine.speech == after
            assert (after is speech) == (reply.kind != "handled")
        assert dump_speech(speech) == before, "step changed its argument"


def test_what_is_refused_leaves_the_snapshot_as_json_had_it():
    for speech in (*configurations_of_one_message()[::800], *configurations_of_two_messages()[::800]):
        data = dump_speech(speech)
        for event in HOSTILE:
            machine = SpeechMachine(speech=load_speech(data))
            if machine.send(event).kind != "handled":
                assert dump_speech(machine.speech) == data


SOME_JUNK = st.one_of(
    st.none(), st.integers(-5, 500), st.floats(), st.text(max_size=3), st.just(["m0"]), st.just({}), st.just("m0")
)


BUILDERS = st.one_of(*(st.builds(kind, *[SOME_JUNK for _ in kind.__struct_fields__]) for kind in EVENT_TYPES))


@given(st.lists(BUILDERS, min_size=1, max_size=12))
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, derandomize=True)
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


@charts
def test_every_cell_ends_with_an_unguarded_transition(chart):
    for region in chart.regions:
        for leaf in region.leaves:
            for event in region.events:
                assert region.cell(leaf.id, event)[-1].cond == "", f"{leaf.id} on {event}"
