"""Traces are read as they were written, and a broken or foreign one is refused by line and field."""

from __future__ import annotations

import dataclasses
import json

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from valid_values import any_of

from speech_lifecycle.adapters.trace_file import TraceFile
from speech_lifecycle.fsm import Capabilities, Policy, SpeechMachine
from speech_lifecycle.fsm.codec import EVENTS
from speech_lifecycle.fsm.effects import EFFECT_TYPES, AnnounceAgentState
from speech_lifecycle.fsm.events import EVENT_TYPES, Authorize, SessionLost, name_of
from speech_lifecycle.fsm.state import Speech
from speech_lifecycle.fsm.trace import (
    Header,
    SpeechBegun,
    Step,
    TraceError,
    TraceReader,
    Unrouted,
    definition_digest,
    dump_record,
    load_trace,
    trace_schema,
)

TIMES = st.floats(0, 1e9)
POLICIES = st.builds(Policy, st.booleans(), st.booleans(), *[st.integers(0, 100_000)] * 5)


@pytest.fixture(scope="module")
def schema_validator():
    """A validator of trace lines that is none of msgspec's."""
    return jsonschema.Draft202012Validator(trace_schema())


def lines_of(trace) -> list[str]:
    return [dump_record(record) for record in (trace.header, *trace.records)]


def test_a_trace_survives_its_file(trace, tmp_path):
    path = tmp_path / "trace.jsonl"
    with TraceFile(path) as trace_file:
        for record in trace.records:
            trace_file(record)
    with path.open(encoding="utf-8") as lines:
        again = load_trace(lines, str(path))
    assert lines_of(again) == lines_of(trace)
    assert again.header.definition == definition_digest()


def test_the_machine_run_again_over_a_trace_gives_the_same_effects(trace):
    speeches = [Speech(begun.capabilities, begun.policy, speech_id=begun.speech) for begun in trace.speeches]
    machines = {speech.speech_id: SpeechMachine(speech=speech) for speech in speeches}
    assert len(machines) == 2
    for step in trace.steps:
        reply = machines[step.speech].send(step.event)
        # The agent's state is that of the whole conversation.
        effects = tuple(effect for effect in reply.effects if not isinstance(effect, AnnounceAgentState))
        assert (reply.kind, reply.transitions, effects) == (step.reply, step.transitions, step.effects)


def test_every_line_is_whole_while_the_trace_is_still_being_written(trace, tmp_path):
    path = tmp_path / "trace.jsonl"
    with TraceFile(path) as trace_file:
        trace_file(trace.records[0])
        assert len(load_trace(path.read_text(encoding="utf-8").splitlines()).records) == 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda lines: [], "line 1: not a trace of speech-lifecycle"),
        (lambda lines: ['{"hello": 1}'], "line 1: not a trace of speech-lifecycle"),
        (lambda lines: lines[1:], "line 1: not a trace of speech-lifecycle"),
        (lambda lines: ["no json"], "line 1, column 1: not JSON"),
        (lambda lines: [lines[0], lines[1][:40]], "line 2, column"),
        (lambda lines: [lines[0], lines[0]], "line 2: a second header"),
        (lambda lines: [lines[0].replace('"version": 2', '"version": 9')], "field 'version' is 9"),
        (lambda lines: [lines[0], lines[1].replace("frame_ms", "frames")], "line 2: speech_begun: field 'policy.frame"),
        (
            lambda lines: [line.replace('"type": "authorize"', '"type": "obey"') for line in lines],
            "line 4: step: field 'event.type': Invalid",
        ),
        (lambda lines: [lines[0], '{"record": "rumour"}'], "line 2: trace: field 'record' is 'rumour'"),
    ],
)
def test_a_broken_trace_is_refused_by_place(trace, change, said):
    with pytest.raises(TraceError) as error:
        load_trace(change(lines_of(trace)), "call.jsonl")
    assert str(error.value).startswith("call.jsonl, ")
    assert said in str(error.value)


def test_empty_lines_are_passed_over(trace):
    lines = lines_of(trace)
    assert lines_of(load_trace([lines[0], "", *lines[1:], "\n"])) == lines


def test_an_event_of_no_speech_is_kept():
    record = Unrouted(3.0, SessionLost(), "unknown_response_or_message")
    assert load_trace([dump_record(Header()), dump_record(record)]).records == [record]


def records() -> st.SearchStrategy:
    return st.one_of(
        st.builds(SpeechBegun, TIMES, st.text(max_size=5), st.from_type(Capabilities), POLICIES),
        st.builds(
            Step,
            TIMES,
            st.text(max_size=5),
            any_of(EVENT_TYPES),
            st.sampled_from(["handled", "ignored", "rejected"]),
            st.lists(st.text(max_size=5), max_size=2).map(tuple),
            st.lists(any_of(EFFECT_TYPES), max_size=2).map(tuple),
            st.text(max_size=5),
            st.text(max_size=5),
        ),
        st.builds(Unrouted, TIMES, any_of(EVENT_TYPES), st.text(max_size=5)),
    )


@given(st.lists(records(), max_size=3))
@settings(deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
def test_every_record_survives_its_line(some):
    lines = [dump_record(record) for record in (Header(definition="d"), *some)]
    assert not any("\n" in line for line in lines)
    again = load_trace(lines)
    assert repr(again.records) == repr(some), "NaN is not equal to itself, but reads the same"
    assert lines_of(again) == lines


@given(records())
@settings(deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
def test_the_schema_accepts_every_line_that_is_written(schema_validator, record):
    schema_validator.validate(json.loads(dump_record(record)))


def test_the_schema_accepts_a_whole_trace_and_refuses_a_foreign_line(schema_validator, trace):
    for line in lines_of(trace):
        schema_validator.validate(json.loads(line))
    step = json.loads(dump_record(trace.steps[0]))
    for broken in ({}, {"record": "rumour"}, step | {"reply": "perhaps"}, step | {"event": {"type": "obey"}}):
        assert not schema_validator.is_valid(broken)


@pytest.mark.parametrize(
    ("field", "value"),
    [("at_ms", "soon"), ("speech", 7), ("reply", "perhaps"), ("transitions", "one"), ("effects", [{"type": "sing"}])],
)
def test_a_bad_field_of_a_step_is_named_with_its_line(trace, field, value):
    lines = lines_of(trace)
    number = next(n for n, line in enumerate(lines, 1) if json.loads(line)["record"] == "step")
    lines[number - 1] = json.dumps(json.loads(lines[number - 1]) | {field: value})
    with pytest.raises(TraceError, match=rf"^call\.jsonl, line {number}: step: field '{field}"):
        load_trace(lines, "call.jsonl")


def test_a_trace_of_another_version_is_refused_with_a_remedy(trace):
    lines = lines_of(trace)
    lines[0] = lines[0].replace('"version": 2', '"version": 9')
    with pytest.raises(TraceError, match="this release reads versions 1 to 2; use the release that wrote it"):
        load_trace(lines)


def test_a_foreign_file_is_told_what_its_first_line_must_be():
    with pytest.raises(TraceError, match="its first line must be a header record"):
        load_trace(['{"hello": 1}'])


def test_the_schema_names_every_record_and_every_event():
    schema = trace_schema()
    assert list(schema["discriminator"]["mapping"]) == [
        "header", "speech_begun", "step", "conversation_step", "unrouted",
    ]  # fmt: skip
    step = schema["$defs"]["Step"]["properties"]
    assert set(step["event"]["discriminator"]["mapping"]) == {name_of(event_type) for event_type in EVENTS.types}
    json.dumps(schema)


def test_a_trace_holds_the_terms_of_each_speech(trace):
    assert all(isinstance(begun, SpeechBegun) for begun in trace.speeches)
    assert trace.steps[0].event == Authorize()


def test_a_trace_of_version_1_is_still_read(trace):
    names = {'"version": 2': '"version": 1', '"transitions":': '"rows":', '"answer":': '"row":'}
    steps = [record for record in trace.records if isinstance(record, Step)]
    trace = dataclasses.replace(trace, records=[*trace.speeches, *steps])
    lines = [dump_record(record) for record in (trace.header, *trace.records)]
    for name, older in names.items():
        lines = [line.replace(name, older) for line in lines]
    assert any('"rows": ["' in line for line in lines)
    assert load_trace(lines).records == trace.records


# What cannot be read, passed over


@pytest.mark.parametrize(
    ("change", "said", "lost"),
    [
        (lambda lines: [*lines[:3], "{oops}\n", *lines[3:]], ["line 4"], 0),
        (lambda lines: [*lines[:3], b"\xff\xfe\n", *lines[3:]], ["line 4: not UTF-8"], 0),
        (lambda lines: [*lines[:3], lines[0], *lines[3:]], ["line 4: a second header"], 0),
        (lambda lines: [lines[0].replace('"version": 2', '"version": 9'), *lines[1:]], ["line 1: field 'version'"], 0),
        (lambda lines: lines[1:], ["line 1: not a trace"], 0),
        (lambda lines: [*lines[:3], *lines[4:-1], lines[-1][:20]], [], 2),
        (lambda lines: [*lines[:3], "a\n", "b\n", *lines[4:]], ["line 4", "line 5"], 1),
        (lambda lines: [], ["line 1: not a trace"], None),
        (lambda lines: ["hello\n", "world\n"], ["line 1", "line 2"], None),
    ],
)
def test_the_lines_that_can_be_read_are_read_and_the_others_named(trace, change, said, lost):
    lines = [f"{line}\n" for line in lines_of(trace)]
    faults: list[TraceError] = []
    reader = TraceReader(change(lines), "call.jsonl", on_fault=faults.append)
    records = list(reader)
    assert len(records) == (0 if lost is None else len(trace.records) - lost)
    assert len(faults) == len(said)
    for fault, words in zip(faults, said, strict=True):
        assert f"call.jsonl, {words}" in str(fault)


def test_a_reader_tells_the_line_that_it_has_read(trace):
    lines = [f"{line}\n" for line in lines_of(trace)]
    reader = TraceReader([lines[0], "\n", *lines[1:]])
    for number, record in enumerate(reader, 3):
        assert (reader.line_number, reader.line) == (number, f"{dump_record(record)}\n")
