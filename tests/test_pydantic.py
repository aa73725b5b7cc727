"""The values of the lifecycle are pydantic types: of fields, adapters and settings; none of them needs pydantic."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from typing import Annotated

import jsonschema
import pytest
from hypothesis import given
from pydantic import BaseModel, Field, TypeAdapter, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict
from valid_values import any_of

from speech_lifecycle.fsm.codec import EFFECTS, EVENTS
from speech_lifecycle.fsm.effects import EVERY_EFFECT_TYPE, Effect, ReportSpeechDone
from speech_lifecycle.fsm.events import EVERY_EVENT_TYPE, Authorize, Event, OutputPlaybackFinished, name_of
from speech_lifecycle.fsm.replies import Reply
from speech_lifecycle.fsm.trace import Record, Unrouted
from speech_lifecycle.fsm.values import Capabilities, MessageRecord, Policy

ANY_EVENT: TypeAdapter[Event] = TypeAdapter(Event)
ANY_EFFECT: TypeAdapter[Effect] = TypeAdapter(Effect)
BY_TYPE: TypeAdapter[Event] = TypeAdapter(Annotated[Event, Field(discriminator="type")])
EVENT_SCHEMA = ANY_EVENT.json_schema(mode="serialization")


class CallLog(BaseModel):
    records: list[MessageRecord] = []
    policy: Policy = Policy()
    capabilities: Capabilities | None = None


@given(any_of(EVERY_EVENT_TYPE))
def test_every_event_survives_pydantic(event):
    """By repr: NaN is not equal to itself."""
    assert event.type == name_of(type(event))
    for adapter in (ANY_EVENT, BY_TYPE, TypeAdapter(type(event))):
        assert adapter.validate_python(event) is event
        assert repr(adapter.validate_python(adapter.dump_python(event))) == repr(event)
        assert repr(adapter.validate_json(adapter.dump_json(event))) == repr(event)


@given(any_of(EVERY_EFFECT_TYPE))
def test_every_effect_survives_pydantic(effect):
    assert ANY_EFFECT.validate_json(ANY_EFFECT.dump_json(effect)) == effect


@given(any_of([*EVERY_EVENT_TYPE, *EVERY_EFFECT_TYPE]))
def test_pydantic_writes_what_the_codec_writes(value):
    family = EVENTS if isinstance(value, EVERY_EVENT_TYPE) else EFFECTS
    assert json.loads(TypeAdapter(type(value)).dump_json(value)) == family.dump(value)


@given(any_of(EVERY_EVENT_TYPE))
def test_the_json_schema_describes_what_is_written(event):
    written = json.loads(ANY_EVENT.dump_json(event))
    jsonschema.validate(written, EVENT_SCHEMA, jsonschema.Draft202012Validator)


def test_the_json_schema_names_each_type_once_and_says_what_it_is():
    schema = TypeAdapter(Record).json_schema()
    assert {
        kind.__name__ for kind in (*EVERY_EVENT_TYPE, *EVERY_EFFECT_TYPE, Policy, Capabilities, MessageRecord)
    } <= set(schema["$defs"])
    assert schema["$defs"]["Interrupt"]["properties"]["type"] == {
        "const": "interrupt",
        "title": "Type",
        "type": "string",
    }
    assert schema["$defs"]["Interrupt"]["description"].startswith("Stop playing and tell the server")
    assert schema["$defs"]["Policy"]["properties"]["frame_ms"]["default"] == 20
    jsonschema.Draft202012Validator.check_schema(schema)


def test_a_model_has_values_as_fields():
    record = MessageRecord("m", "partial", "interrupted", 3, 9, "ab", "a", "synchronized")
    log = CallLog(records=[record], policy=Policy(frame_ms=10))
    assert log.records[0] is record
    assert CallLog.model_validate_json(log.model_dump_json()) == log
    assert CallLog.model_validate(log.model_dump()) == log
    assert log.model_dump()["policy"]["frame_ms"] == 10


@pytest.mark.parametrize(
    ("data", "place", "kind"),
    [
        ({"records": [{"message_id": "m"} | {"state": "played"}]}, ("records", 0, "reason"), "missing"),
        ({"policy": {"frame": 1}}, ("policy", "frame"), "extra_forbidden"),
        ({"policy": {"frame_ms": 1.5}}, ("policy", "frame_ms"), "int_from_float"),
        ({"policy": "frame"}, ("policy",), "value_error"),
        ({"policy": 7}, ("policy",), "dict_type"),
        ({"capabilities": {"can_pause": "perhaps"}}, ("capabilities", "can_pause"), "bool_parsing"),
    ],
)
def test_what_is_wrong_is_named_by_its_place(data, place, kind):
    with pytest.raises(ValidationError) as error:
        CallLog.model_validate(data)
    assert (place, kind) in {(fault["loc"], fault["type"]) for fault in error.value.errors()}


def test_what_a_value_refuses_by_itself_is_refused():
    with pytest.raises(ValidationError, match="frame_ms"):
        CallLog.model_validate({"policy": {"frame_ms": -1}})


def test_the_bounds_of_a_number_are_known_to_pydantic():
    unrouted: TypeAdapter[Unrouted] = TypeAdapter(Unrouted)
    assert unrouted.json_schema()["properties"]["at_ms"]["maximum"] == 1e15
    data = {"record": "unrouted", "at_ms": 2e15, "event": {"type": "close"}, "reason": "late"}
    with pytest.raises(ValidationError) as error:
        unrouted.validate_python(data)
    (fault,) = error.value.errors()
    assert (fault["loc"], fault["type"]) == (("at_ms",), "less_than_equal")


def test_a_discriminated_union_judges_an_event_by_its_own_type_alone():
    with pytest.raises(ValidationError) as error:
        BY_TYPE.validate_python({"type": "interrupt", "force": 5})
    (fault,) = error.value.errors()
    assert fault["loc"] == ("interrupt", "force")


def test_a_value_of_one_family_is_none_of_another():
    with pytest.raises(ValidationError):
        ANY_EFFECT.validate_python(Authorize())
    with pytest.raises(ValidationError):
        ANY_EVENT.validate_python({})


def test_a_position_that_is_no_number_is_written_as_a_word():
    finish = OutputPlaybackFinished("m", math.nan)
    assert json.loads(ANY_EVENT.dump_json(finish))["position_ms"] == "nan"
    assert math.isnan(ANY_EVENT.dump_python(finish)["position_ms"])


def test_values_within_values_are_values_too():
    record = MessageRecord("m", "skipped", "closed", 0, 0, "", "", "exact")
    data = ANY_EFFECT.dump_python(ReportSpeechDone("interrupted", (record,)))
    assert ANY_EFFECT.validate_python(data) == ReportSpeechDone("interrupted", (record,))


def test_replies_are_types_too():
    assert TypeAdapter(Reply).json_schema()["anyOf"]


def test_a_policy_can_come_from_the_environment(monkeypatch):
    class Settings(BaseSettings):
        model_config = SettingsConfigDict(env_prefix="SPEECH_")

        policy: Policy = Policy()

    assert Settings().policy == Policy()
    monkeypatch.setenv("SPEECH_POLICY", '{"frame_ms": 10, "interruptible": false}')
    assert Settings().policy == Policy(frame_ms=10, interruptible=False)
    monkeypatch.setenv("SPEECH_POLICY", "fast")
    with pytest.raises(ValidationError, match="not JSON"):
        Settings()


def test_pydantic_is_imported_only_when_it_asks():
    code = (
        "import sys\n"
        "from speech_lifecycle.fsm import codec, trace, values, events, effects, machine\n"
        "print('pydantic' in sys.modules, 'pydantic_core' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
