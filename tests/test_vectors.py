"""The vectors: what stands in `vectors/` is what the machines do, and whoever does something else is told where."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mutant_vectors import courses, named

from speech_lifecycle.fsm.conversation.machine import ConversationMachine
from speech_lifecycle.fsm.events import (
    Authorize,
    Interrupt,
    OutputPlaybackProgressed,
    RequestResponse,
    SessionMessageAdded,
    SessionResponseCreated,
)
from speech_lifecycle.fsm.machine import SpeechMachine
from speech_lifecycle.fsm.values import Capabilities, ConversationPolicy, Policy
from speech_lifecycle.verification.replaying import told_apart
from speech_lifecycle.verification.tiers import TIERS
from speech_lifecycle.verification.vectors import (
    Vector,
    VectorError,
    difference_of,
    dump_vector,
    load_vectors,
    merge_patch,
    record,
    renewed,
    vector_schema,
)

FOLDER = Path(__file__).parent.parent / "vectors"


@cache
def vectors_of(tier: str) -> tuple[Vector, ...]:
    path = FOLDER / f"{tier}.jsonl"
    return tuple(load_vectors(path.read_text(encoding="utf-8").splitlines(), path.name))


SPEECH = record("s", (), Capabilities(), Policy(), [Authorize(), Authorize(), SessionResponseCreated("r")])
CONVERSATION = record("c", (), Capabilities(), ConversationPolicy(), [RequestResponse("s1"), Interrupt()])


@pytest.mark.parametrize("tier", TIERS)
def test_every_vector_is_what_the_machines_do(tier):
    stale = [difference for each in vectors_of(tier) if (difference := difference_of(each, renewed(each)))]
    assert not stale, f"{len(stale)} vectors are stale, the first is {stale[0]}: run `make generated`"


@pytest.mark.parametrize("tier", TIERS)
def test_there_are_vectors_of_speeches_and_of_conversations(tier):
    machines = {each.machine for each in vectors_of(tier)}
    assert machines == ({"speech"} if tier == "numbers" else {"speech", "conversation"})


def test_every_vector_has_an_id_of_its_own():
    ids = [each.id for tier in TIERS for each in vectors_of(tier)]
    assert len(set(ids)) == len(ids)
    assert all(each.id.startswith(f"{tier}-") for tier in TIERS for each in vectors_of(tier))


def test_the_events_of_a_vector_of_mutants_give_its_id():
    assert all(each.id == named(each) for each in courses())


@pytest.mark.parametrize("tier", TIERS)
def test_every_line_is_as_the_schema_says(tier):
    schema = json.loads((FOLDER / "vector.schema.json").read_text(encoding="utf-8"))
    schema.pop("$comment")
    assert schema == vector_schema()
    validator = jsonschema.Draft202012Validator(schema)
    for line in (FOLDER / f"{tier}.jsonl").read_text(encoding="utf-8").splitlines()[::20]:
        validator.validate(json.loads(line))


def applied(patch, to):
    """RFC 7396, as its section 2 says it."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(to) if isinstance(to, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = applied(value, merged.get(name))
    return merged


JSON = st.recursive(
    st.booleans() | st.integers() | st.text(max_size=3) | st.lists(st.integers(), max_size=2),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
)
OBJECTS = st.dictionaries(st.sampled_from("abcd"), JSON, max_size=4)


@given(before=OBJECTS, after=OBJECTS)
def test_a_patch_turns_one_state_into_the_next(before, after):
    assert applied(merge_patch(before, after), before) == after


@pytest.mark.parametrize("vector", [SPEECH, CONVERSATION], ids=lambda vector: vector.machine)
def test_a_vector_is_read_as_it_was_written(vector):
    (again,) = load_vectors([dump_vector(vector), ""])
    assert again == vector
    assert type(again.start) is type(vector.start)


def test_a_vector_says_who_answers_why_and_who_is_to_blame():
    events = [SessionResponseCreated("r"), SessionMessageAdded("r", "m"), OutputPlaybackProgressed("m", float("nan"))]
    step = record("s", (), Capabilities(), Policy(), events).steps[-1]
    assert (step.reply, step.reason, step.blame) == ("rejected", "not_forwarding", "output")
    assert step.transitions == ("message.pending.output_playback_progressed#not_forwarding",)
    assert step.state == {}
    assert '"nan"' in step.model_dump_json()


@pytest.mark.parametrize(
    ("told", "reason", "blame"),
    [
        (None, "unknown_event", "agent"),
        ({"type": "request_response", "speech_id": "a"}, "unknown_event", "agent"),
        ({"type": "session_message_ended"}, "malformed_event", "session"),
        ({"type": "interrupt", "force": 1}, "malformed_event", "agent"),
    ],
)
def test_what_is_no_event_is_rejected_and_changes_nothing(told, reason, blame):
    vector = record("s", (), Capabilities(), Policy(), [Authorize(), told, Interrupt()])
    _, step, last = vector.steps
    assert (step.event, step.reply, step.reason, step.blame) == (told, "rejected", reason, blame)
    assert last.reply == "handled"
    (again,) = load_vectors([dump_vector(vector)])
    assert again == vector == renewed(again)


def test_a_state_has_the_names_of_a_conversation_in_their_order():
    assert CONVERSATION.steps[0].state["live"] == ["s1"]


def test_what_differs_is_named_by_vector_step_and_field():
    wrong = SPEECH.steps[1].model_copy(update={"reply": "rejected"})
    said = difference_of(SPEECH.model_copy(update={"steps": (SPEECH.steps[0], wrong, SPEECH.steps[2])}), SPEECH)
    assert said == "s, step 2, authorize: reply is 'ignored', and was 'rejected'"
    wrong = SPEECH.steps[0].model_copy(update={"state": SPEECH.steps[0].state | {"timer": "stop"}})
    said = difference_of(SPEECH.model_copy(update={"steps": (wrong, *SPEECH.steps[1:])}), SPEECH)
    assert said == "s, step 1, authorize: state.timer is 'stall', and was 'stop'"
    assert difference_of(SPEECH, SPEECH) == ""


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("{", "line 2"),
        ('{"id": "a"}', "field 'spec_version'"),
        (dump_vector(SPEECH).replace('"authorize"', '"authorise"', 1), "field 'steps.0.event'"),
        (dump_vector(SPEECH).replace('"can_pause":true', '"can_pause":"x"'), "field 'capabilities.can_pause'"),
    ],
)
def test_a_line_that_is_no_vector_is_named(line, says):
    with pytest.raises(VectorError, match=r"some\.jsonl, line 2") as error:
        list(load_vectors(["", line], "some.jsonl"))
    assert says in str(error.value)


def test_the_machines_themselves_are_not_told_apart():
    for course in courses():
        assert told_apart(course, ConversationMachine if course.is_conversation else SpeechMachine) is None
