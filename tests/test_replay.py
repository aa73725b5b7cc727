"""Recorded sessions with real servers, played once more: through the adapter, the machine and a simulated speaker."""

from __future__ import annotations

import asyncio
import json

import pytest
from msgspec.structs import replace

from speech_lifecycle.fsm.events import SessionLost, SessionResumed
from speech_lifecycle.fsm.trace import ConversationStep, dump_record, load_trace
from speech_lifecycle.simulation.replay import Pace, ReplayError, load_source, replay

RECORDINGS = {
    "azure_spoken_turn": ["completed"],
    "azure_voice_live_spoken_turn": ["completed"],
    "openai_preamble_and_tool_call": ["completed", "completed"],
    "openai_spoken_turn": ["completed"],
    "openai_typed_turn_audio_reply": ["completed"],
    "xai_preamble_and_tool_call": ["completed", "completed"],
}
RESUMED = "xai_session_resumed"
"""Its connection is closed while the first answer plays, and the second comes in another."""
INTERRUPTIONS = [0, 1, 55, 100, 101, 250, 399, 400, 700, 1000, 1400, 1500, 2690, 5000]


def run(source, **options):
    return asyncio.run(replay(source, **options))


@pytest.mark.parametrize("name", RECORDINGS)
def test_undisturbed_everything_the_server_said_is_played(captures, name):
    replayed = run(load_source(captures / f"{name}.yaml"))
    assert list(replayed.report.outcomes) == RECORDINGS[name]
    assert {message.record.state for message in replayed.report.messages} == {"played"}
    assert all(message.record.heard_text for message in replayed.report.messages)
    assert replayed.report.is_equal


@pytest.mark.parametrize("interrupt_at_ms", INTERRUPTIONS)
@pytest.mark.parametrize("name", RECORDINGS)
def test_interrupted_anywhere_all_accounts_are_the_same(captures, name, interrupt_at_ms):
    report = run(load_source(captures / f"{name}.yaml"), interrupt_at_ms=interrupt_at_ms).report
    assert report.is_equal, [message.differences for message in report.messages]
    assert not report.divergences


def test_a_recording_has_a_connection_more_for_each_close(captures):
    recording = load_source(captures / f"{RESUMED}.yaml")
    assert [events[0]["type"] for events in recording.connections] == ["session.created", "session.created"]
    assert [events[1]["conversation"]["id"][:4] for events in recording.connections] == ["43f1", "43f1"]


@pytest.mark.parametrize("interrupt_at_ms", INTERRUPTIONS)
def test_interrupted_anywhere_a_session_that_is_resumed_forgets_what_was_not_heard(captures, interrupt_at_ms):
    report = run(load_source(captures / f"{RESUMED}.yaml"), interrupt_at_ms=interrupt_at_ms).report
    assert report.is_equal, [message.differences for message in report.messages]
    assert not report.divergences


def connection_facts(trace):
    events = [record.event for record in trace.records if isinstance(record, ConversationStep)]
    return [
        replace(event, observed_ms=None) if isinstance(event, SessionLost) else event
        for event in events
        if isinstance(event, SessionLost | SessionResumed)
    ]


def test_a_close_loses_the_session_for_the_speech_that_plays_and_for_no_other(captures):
    replayed = run(load_source(captures / f"{RESUMED}.yaml"))
    assert connection_facts(replayed.trace) == [SessionLost(may_resume=True), SessionResumed(conversation_kept=True)]
    lost = [step.speech for step in replayed.trace.steps if isinstance(step.event, SessionLost)]
    assert lost == ["speech_1"]
    assert replayed.report.outcomes == ("failed", "completed")
    first, second = replayed.report.messages
    assert (first.record.state, first.record.reason) == ("partial", "source_failed")
    assert (second.record.state, second.server.audio_ms) == ("played", 900)


def test_a_server_that_kept_the_conversation_forgets_what_was_not_heard_of_the_lost_speech(captures):
    assert run(load_source(captures / f"{RESUMED}.yaml")).report.is_equal


def test_a_server_that_says_another_id_after_the_close_has_forgotten_the_conversation(captures, tmp_path):
    recorded = (captures / f"{RESUMED}.yaml").read_text(encoding="utf-8")
    before, close, after = recorded.partition("- kind: close")
    path = tmp_path / "call.yaml"
    path.write_text(before + close + after.replace("43f1cce0", "00000000"), encoding="utf-8")
    replayed = run(load_source(path))
    assert connection_facts(replayed.trace) == [SessionLost(may_resume=True), SessionResumed()]
    assert replayed.report.messages[0].server is None
    assert replayed.report.is_equal


def test_a_trace_of_a_session_that_was_resumed_is_replayed_as_one(captures):
    first = run(load_source(captures / f"{RESUMED}.yaml"))
    again = run(load_trace([dump_record(record) for record in (first.trace.header, *first.trace.records)]))
    assert connection_facts(again.trace) == connection_facts(first.trace)
    assert [message.server for message in again.report.messages] == [m.server for m in first.report.messages]


def test_a_close_at_the_end_of_a_recording_loses_the_session_too(tmp_path):
    events = [{"type": "response.created", "response": {"id": "r"}}]
    interactions = [{"kind": "message", "direction": "received", "data": event} for event in events]
    path = tmp_path / "call.yaml"
    path.write_text(json.dumps({"interactions": [*interactions, {"kind": "close", "code": 1006}]}), encoding="utf-8")
    assert run(load_source(path)).report.outcomes == ("failed",)


def test_what_was_heard_before_the_close_of_a_played_message_stays_in_history(captures):
    """Events so slow that the first answer is played out before the connection closes."""
    report = run(load_source(captures / f"{RESUMED}.yaml"), pace=Pace(event_interval_ms=100, delta_ms=20)).report
    assert report.outcomes == ("completed", "completed")
    assert None not in [message.server for message in report.messages]
    assert report.is_equal


def test_an_interruption_cuts_where_it_was_asked_to(captures):
    report = run(load_source(captures / "openai_spoken_turn.yaml"), interrupt_at_ms=1000).report
    (message,) = report.messages
    assert (message.record.state, message.record.heard_ms, message.listened_ms) == ("partial", 1000, 1000)
    assert message.server.audio_ms == 1000


def test_the_pace_is_what_a_recording_does_not_say(captures):
    source = load_source(captures / "openai_typed_turn_audio_reply.yaml")
    (message,) = run(source, pace=Pace(event_interval_ms=200, delta_ms=30)).report.messages
    assert message.record.heard_ms == 4 * 30


@pytest.mark.parametrize("interrupt_at_ms", [None, 300])
def test_a_trace_of_a_replay_can_be_replayed(captures, interrupt_at_ms):
    first = run(load_source(captures / "xai_preamble_and_tool_call.yaml"), interrupt_at_ms=300)
    lines = [dump_record(record) for record in (first.trace.header, *first.trace.records)]
    again = run(load_trace(lines), interrupt_at_ms=interrupt_at_ms)
    assert again.report.is_equal
    assert [m.record.heard_ms for m in again.report.messages] == [m.record.heard_ms for m in first.report.messages]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("call.mp3", "", "expected a recording (.yaml) or a trace (.jsonl)"),
        ("call.yaml", "a: [", "line 1, column"),
        ("call.yaml", "a: 1", "field 'interactions' must be a list"),
        ("call.yaml", "interactions: [{data: {}}]", "field 'interactions[0].data.type' is missing"),
        ("call.yaml", "interactions: [{direction: up, data: {type: x}}]", "field 'interactions[0].direction'"),
        ("call.yaml", "interactions: []", "the server says nothing in it"),
        ("call.yaml", "\ud800", ""),
        ("call.jsonl", "{}", "line 1: not a trace of speech-lifecycle"),
    ],
)
def test_a_file_that_cannot_be_replayed_is_refused_by_place(tmp_path, name, content, said):
    path = tmp_path / name
    path.write_text(content, encoding="utf-8", errors="surrogatepass")
    with pytest.raises(ReplayError) as error:
        load_source(path)
    assert str(path) in str(error.value)
    assert said in str(error.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ReplayError, match=r"nothing\.yaml"):
        load_source(tmp_path / "nothing.yaml")


def test_a_recording_without_a_response_is_refused(tmp_path):
    path = tmp_path / "call.yaml"
    path.write_text("interactions: [{direction: received, data: {type: session.created}}]", encoding="utf-8")
    with pytest.raises(ReplayError, match="there is no response in it"):
        run(load_source(path))
