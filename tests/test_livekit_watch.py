"""What a watch tells of a running AgentSession, and that it changes nothing by watching."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from livekit.agents import AgentSession
from livekit.plugins import openai
from livekit_outcomes import SINGLE, outcome

from speech_lifecycle.adapters.livekit_agents.scenarios import LIVEKIT_SCENARIOS
from speech_lifecycle.adapters.livekit_agents.verdict import differences
from speech_lifecycle.adapters.livekit_agents.watch import watch_session
from speech_lifecycle.adapters.livekit_agents.watched_model import WatchedRealtimeModel
from speech_lifecycle.adapters.trace_file import TraceFile
from speech_lifecycle.fsm.machine import SpeechMachine
from speech_lifecycle.fsm.trace import load_trace


@pytest.mark.parametrize("name", SINGLE)
def test_watching_changes_nothing(name: str) -> None:
    plain, watched = outcome(name, "plain"), outcome(name, "watched")
    assert watched.heard_ms == plain.heard_ms
    assert watched.server == plain.server
    assert watched.history == plain.history
    assert watched.agent_states == plain.agent_states
    assert watched.server_errors == plain.server_errors


@pytest.mark.parametrize("name", SINGLE)
def test_every_difference_is_preceded_by_a_forbidden_step(name: str) -> None:
    watched = outcome(name, "watched")
    if differences(watched) and name != "next-while-cancelling":
        assert watched.forbidden_steps


@pytest.mark.parametrize("name", ["one", "two", "three", "empty", "call-between", "paused-resumed", "text-shown"])
def test_where_nothing_goes_wrong_nothing_is_reported(name: str) -> None:
    assert outcome(name, "watched").forbidden_steps == []
    assert outcome(name, "mended").forbidden_steps == []


def test_the_states_of_a_message_are_told_with_what_was_heard() -> None:
    changes = [change for change in outcome("in-second", "watched").changes if change.message_id == "answer"]
    assert [(change.old_state, change.new_state) for change in changes] == [
        (None, "pending"),
        ("pending", "streaming"),
        ("streaming", "draining"),
        ("draining", "stopping"),
        ("stopping", "partial"),
    ]
    last = changes[-1]
    assert (last.heard_ms, last.text, last.reason) == (1_400, "It is sunny in London today,", "interrupted")


def test_the_records_are_those_of_the_listener() -> None:
    for name in ("two", "in-first", "in-second", "queued", "paused-interrupted"):
        watched = outcome(name, "watched")
        assert {r.message_id: r.heard_ms for r in watched.records if r.heard_ms} == watched.heard_ms, name


RULES = {
    "in-first": {"left_on_server", "history_has_unheard"},
    "between": {"truncated_though_not_partial", "left_on_server", "history_has_unheard", "history_has_wrong_flag"},
    "zero": {"truncated_at_0", "left_on_server"},
    "over-reports": {"truncated_beyond_received", "history_lacks_heard"},
    "no-transcript": {"history_has_unheard"},
    "start-never-reported": {"never_spoke"},
    "session-lost-later": {"replayed_unheard"},
    "silent": {"left_speaking", "left_on_server", "history_has_unheard"},
    "protected": {"cancelled_again", "left_on_server", "history_has_unheard"},
}


@pytest.mark.parametrize("name", RULES)
def test_forbidden_steps_are_named_by_their_rule(name: str) -> None:
    assert {step.rule for step in outcome(name, "watched").forbidden_steps} == RULES[name]


def test_a_forbidden_step_says_what_was_done_and_where_it_is_forbidden() -> None:
    steps = [step for step in outcome("zero", "watched").forbidden_steps if step.rule == "truncated_at_0"]
    assert str(steps[0]).startswith("speech_1 answer: truncated at 0 ms, ")
    assert "spec, section 8" in str(steps[0])


def test_the_trace_can_be_taken_once_more(tmp_path: Path) -> None:
    path = tmp_path / "watched.jsonl"
    scenario = LIVEKIT_SCENARIOS["in-second"]
    with TraceFile(path) as file:
        replace(scenario, staging=replace(scenario.staging, trace=file)).play("watched")
    trace = load_trace(path.read_text(encoding="utf-8").splitlines())
    begun = trace.speeches[0]
    machine = SpeechMachine(begun.capabilities, begun.policy)
    for step in trace.steps:
        assert machine.send(step.event).effects == step.effects
    assert machine.speech.state == "interrupted"


async def test_a_model_that_is_not_wrapped_is_refused() -> None:
    model = openai.realtime.RealtimeModel(api_key="simulated")
    session: AgentSession[None] = AgentSession(llm=model, vad=None)
    with pytest.raises(TypeError, match=r"wrap the realtime model, AgentSession\(llm=WatchedRealtimeModel\(model\)\)"):
        watch_session(session)


async def test_the_wrapped_model_answers_for_the_plugins() -> None:
    model = openai.realtime.RealtimeModel(api_key="simulated", model="gpt-realtime-2")
    wrapped = WatchedRealtimeModel(model)
    assert (wrapped.model, wrapped.provider, wrapped.label) == (model.model, model.provider, model.label)
    assert wrapped.capabilities is model.capabilities
    assert wrapped.update_options == model.update_options, "names that only the plugin has reach it"


async def test_a_model_that_nobody_watches_has_plain_sessions() -> None:
    wrapped = WatchedRealtimeModel(openai.realtime.RealtimeModel(api_key="simulated", base_url="http://127.0.0.1:9/v1"))
    session = wrapped.session()
    assert type(session) is openai.realtime.RealtimeSession
    session._main_atask.cancel()
