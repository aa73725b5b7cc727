"""Traces are read as they were written, and a broken or foreign one is refused by line and field."""

from __future__ import annotations

import asyncio
import json

import pytest

from speech_lifecycle.adapters.simulation.scenario import play
from speech_lifecycle.adapters.simulation.scenarios import SCENARIOS
from speech_lifecycle.adapters.trace_file import TraceFile
from speech_lifecycle.fsm import SpeechMachine
from speech_lifecycle.fsm.codec import EVENTS
from speech_lifecycle.fsm.events import Authorize, SessionLost
from speech_lifecycle.fsm.trace import (
    Header,
    SpeechBegun,
    TraceError,
    Unrouted,
    definition_digest,
    dump_record,
    load_trace,
    trace_schema,
)


@pytest.fixture(scope="module")
def trace():
    _, world = asyncio.run(play(SCENARIOS["second-response-queued"]))
    return world.trace


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
    machines = {begun.speech: SpeechMachine(begun.capabilities, begun.policy) for begun in trace.speeches}
    assert len(machines) == 2
    for step in trace.steps:
        reply = machines[step.speech].send(step.event)
        assert (reply.kind, reply.rows, reply.effects) == (step.reply, step.rows, step.effects)


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
        (lambda lines: [lines[0].replace('"version": 1', '"version": 9')], "field 'version' is 9"),
        (lambda lines: [lines[0], lines[1].replace("frame_ms", "frames")], "line 2: speech_begun: field 'policy.frame"),
        (lambda lines: [*lines[:2], lines[2].replace("authorize", "obey", 1)], "line 3: step: field 'event'"),
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


def test_the_schema_names_every_record_and_every_event():
    schema = trace_schema()
    assert [variant["properties"]["record"]["const"] for variant in schema["oneOf"]] == [
        "header",
        "speech_begun",
        "step",
        "unrouted",
    ]
    step = schema["oneOf"][2]["properties"]
    assert step["event"] == {"$ref": "#/$defs/event"}
    assert {"event", "effect", "MessageRecord"} <= set(schema["$defs"])
    assert len(schema["$defs"]["event"]["oneOf"]) == len(EVENTS.types)
    json.dumps(schema)


def test_a_trace_holds_the_terms_of_each_speech(trace):
    assert all(isinstance(begun, SpeechBegun) for begun in trace.speeches)
    assert trace.steps[0].event == Authorize()
