"""Events, effects and snapshots survive JSON, and bad data is refused by field."""

from __future__ import annotations

import json
import math
from fractions import Fraction
from itertools import islice

import jsonschema
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from valid_values import any_of

from speech_lifecycle.fsm import Capabilities, Policy, Speech, SpeechMachine
from speech_lifecycle.fsm.codec import EFFECTS, EVENTS, CodecError, dump_speech, load_speech
from speech_lifecycle.fsm.effects import EFFECT_TYPES
from speech_lifecycle.fsm.events import (
    EVENT_TYPES,
    OutputPlaybackFinished,
    OutputPlaybackProgressed,
    SessionAudioReceived,
    SessionMessageAdded,
    SessionResponseCreated,
    SessionTextReceived,
    name_of,
)
from speech_lifecycle.fsm.validity import is_valid
from speech_lifecycle.fsm.values import LARGEST
from speech_lifecycle.verification import SMALL, configurations


@pytest.fixture(scope="module")
def validators():
    """Validators that are none of msgspec's, one for each family."""
    return {family: jsonschema.Draft202012Validator(family.json_schema()) for family in (EVENTS, EFFECTS)}


@given(any_of(EVENT_TYPES))
@settings(deadline=None, derandomize=True)
def test_every_event_survives_json(event):
    data = json.loads(json.dumps(EVENTS.dump(event), allow_nan=False))
    again = EVENTS.load(data)
    assert type(again) is type(event)
    assert repr(again) == repr(event), "NaN is not equal to itself, but reads the same"
    assert is_valid(again)


@given(any_of(EFFECT_TYPES))
@settings(deadline=None, derandomize=True)
def test_every_effect_survives_json(effect):
    assert EFFECTS.load(json.loads(json.dumps(EFFECTS.dump(effect), allow_nan=False))) == effect


def test_every_snapshot_survives_json():
    for speech in islice(configurations(SMALL["hostile-1"]), 0, None, 10):
        data = json.loads(json.dumps(dump_speech(speech)))
        assert load_speech(data) == speech
        assert dump_speech(load_speech(data)) == data


@pytest.mark.parametrize(("position", "written"), [(math.nan, "nan"), (math.inf, "inf"), (-math.inf, "-inf")])
def test_positions_that_json_has_no_word_for_are_written_as_text(position, written):
    assert EVENTS.dump(OutputPlaybackFinished("A", position))["position_ms"] == written


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ([], "event: expected an object, got list"),
        ({}, "field 'type' is None"),
        ({"type": "authorise"}, "field 'type' is 'authorise', expected one of authorize, interrupt"),
        ({"type": "authorize", "now": 1}, "authorize: field 'now'"),
        ({"type": "interrupt", "force": "yes"}, "interrupt: field 'force'"),
        ({"type": "session_audio_received", "message_id": "A"}, "session_audio_received: field 'received_ms'"),
        ({"type": "session_audio_received", "message_id": "A", "received_ms": 1.5}, "field 'received_ms'"),
        ({"type": "timer_fired", "timer": "lunch"}, "timer_fired: field 'timer'"),
        ({"type": "output_playback_finished", "message_id": "A", "position_ms": "far"}, "field 'position_ms'"),
        ({"type": "output_playback_finished", "message_id": "A", "position_ms": 10**400}, "Number out of range"),
        ({"type": "interrupt", "force": object()}, "interrupt: field 'force'"),
    ],
)
def test_bad_events_are_refused_by_field(data, said):
    with pytest.raises(CodecError) as error:
        EVENTS.load(data)
    assert said in str(error.value)


def test_a_bad_snapshot_is_refused_by_field():
    data = dump_speech(Speech())
    data["policy"]["frame_ms"] = "wide"
    with pytest.raises(CodecError, match=r"field 'policy\.frame_ms'"):
        load_speech(data)


@pytest.mark.parametrize("value", [-1, 1.5, True, "20", LARGEST + 1])
def test_a_policy_with_a_bad_duration_names_the_field(value):
    with pytest.raises(ValueError, match=r"Policy\.stop_timeout_ms must be a whole number of milliseconds"):
        Policy(stop_timeout_ms=value)


@pytest.mark.parametrize("family", [EVENTS, EFFECTS], ids=lambda family: family.name)
def test_the_json_schema_describes_every_type(family):
    schema = family.json_schema()
    variants = {name: schema["$defs"][ref.split("/")[-1]] for name, ref in schema["discriminator"]["mapping"].items()}
    assert list(variants) == [name_of(value_type) for value_type in family.types]
    for value_type in family.types:
        variant = variants[name_of(value_type)]
        assert set(variant["properties"]) == {"type", *value_type.__struct_fields__}
        assert variant["additionalProperties"] is False


@pytest.mark.parametrize("family", [EVENTS, EFFECTS], ids=lambda family: family.name)
@given(data=st.data())
@settings(deadline=None, derandomize=True)
def test_the_json_schema_accepts_whatever_is_written(validators, family, data):
    written = json.loads(json.dumps(family.dump(data.draw(any_of(family.types)))))
    validators[family].validate(written)


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"type": "authorise"},
        {"type": "authorize", "now": 1},
        {"type": "interrupt", "force": "yes"},
        {"type": "session_audio_received", "message_id": "A"},
        {"type": "session_audio_received", "message_id": "A", "received_ms": 1.5},
        {"type": "session_audio_received", "message_id": "A", "received_ms": -1},
        {"type": "session_audio_received", "message_id": "A", "received_ms": 2**53},
        {"type": "timer_fired", "timer": "lunch"},
        {"type": "output_playback_finished", "message_id": "A", "position_ms": "far"},
    ],
)
def test_the_json_schema_refuses_what_the_codec_refuses(validators, data):
    with pytest.raises(CodecError):
        EVENTS.load(data)
    assert not validators[EVENTS].is_valid(data)


@pytest.mark.parametrize("position", [np.float32(500), np.float64(500), np.int64(500), Fraction(500)], ids=repr)
def test_a_position_is_written_whatever_computed_it(position):
    assert EVENTS.dump(OutputPlaybackFinished("A", position))["position_ms"] == 500


def test_values_cannot_be_changed():
    for value in (SessionMessageAdded("r", "A"), SessionAudioReceived("A", 1), Capabilities(), Policy()):
        with pytest.raises(AttributeError):
            setattr(value, value.__struct_fields__[0], "B")


@pytest.mark.parametrize(
    ("event", "valid"),
    [
        (SessionTextReceived("m", "words"), True),
        (SessionTextReceived("m", b"words"), False),
        (SessionAudioReceived("m", 100.0), False),
        (SessionAudioReceived("m", True), False),
        (SessionAudioReceived("m", -1), False),
        (SessionAudioReceived("m", LARGEST), True),
        (SessionAudioReceived("m", LARGEST + 1), False),
        (SessionAudioReceived("m", np.int64(100)), False),
        (SessionMessageAdded("r", "m", ["audio"]), False),
        (OutputPlaybackProgressed("m", 100), True),
        (OutputPlaybackProgressed("m", -0.5), True),
        (OutputPlaybackProgressed("m", np.float32(100)), True),
        (OutputPlaybackProgressed("m", True), False),
        (OutputPlaybackProgressed("m", "100"), False),
        ("not an event", False),
    ],
)
def test_an_event_is_valid_if_its_fields_are_of_their_declared_types(event, valid):
    """Strictly: what msgspec would convert, the machine would not."""
    assert is_valid(event) is valid


def test_a_text_of_bytes_is_rejected_and_not_raised():
    machine = SpeechMachine()
    machine.send(SessionResponseCreated("r"))
    machine.send(SessionMessageAdded("r", "m"))
    assert machine.send(SessionTextReceived("m", b"words")).reason == "malformed_event"
