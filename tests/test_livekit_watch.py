"""What a watch tells of a running AgentSession, and that it changes nothing by watching."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from livekit.agents import NOT_GIVEN, Agent, AgentSession
from livekit.plugins import openai
from livekit_outcomes import SINGLE, outcome

from speech_lifecycle.adapters import LiveTrace
from speech_lifecycle.adapters.livekit_agents.watch import watch_session
from speech_lifecycle.adapters.livekit_agents.watch_events import MessageStateChanged
from speech_lifecycle.adapters.livekit_agents.watched_model import WatchedRealtimeModel
from speech_lifecycle.adapters.trace_file import TraceFile
from speech_lifecycle.fsm.effects import AnnounceAgentState
from speech_lifecycle.fsm.machine import SpeechMachine
from speech_lifecycle.fsm.state import Speech
from speech_lifecycle.fsm.trace import Record, load_trace
from speech_lifecycle.simulation.livekit_agents.scenarios import LIVEKIT_SCENARIOS
from speech_lifecycle.simulation.livekit_agents.verdict import differences
from speech_lifecycle.simulation.realtime_server import SimulatedRealtimeServer


@pytest.mark.parametrize("name", SINGLE)
def test_watching_changes_nothing(name: str) -> None:
    plain, watched = outcome(name, "plain"), outcome(name, "watched")
    assert watched.heard_ms == plain.heard_ms
    assert watched.server == plain.server
    assert watched.history == plain.history
    assert watched.agent_states == plain.agent_states
    assert watched.server_errors == plain.server_errors


UNSEEN = {
    "next-while-cancelling": "the request itself is refused, and there is no speech",
    "dialect-gateway": "the same",
    "dialect-bare": "the plugin has a response without messages",
}


@pytest.mark.parametrize("name", SINGLE)
def test_every_difference_is_preceded_by_a_forbidden_step(name: str) -> None:
    watched = outcome(name, "watched")
    if differences(watched) and name not in UNSEEN:
        assert watched.forbidden_steps


@pytest.mark.parametrize("name", ["one", "two", "three", "empty", "call-between", "paused-resumed", "text-shown"])
def test_where_nothing_goes_wrong_nothing_is_reported(name: str) -> None:
    assert outcome(name, "watched").forbidden_steps == []
    assert outcome(name, "repaired").forbidden_steps == []


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
    "over-reports": {"truncated_beyond_received"},
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
    machine = SpeechMachine(speech=Speech(begun.capabilities, begun.policy, speech_id=begun.speech))
    for step in trace.steps:
        # The agent's state is the conversation's to announce.
        effects = [each for each in machine.send(step.event).effects if not isinstance(each, AnnounceAgentState)]
        assert effects == [*step.effects]
    assert machine.speech.state == "interrupted"


def test_the_trace_can_be_watched_at_a_port() -> None:
    scenario = LIVEKIT_SCENARIOS["in-second"]
    records: list[Record] = []
    live = LiveTrace(0)

    def trace(record: Record) -> None:
        records.append(record)
        live(record)

    replace(scenario, staging=replace(scenario.staging, trace=trace)).play("watched")
    served = load_trace([line.decode() for line in live._kept.since(None) or ()])
    assert len(served.speeches) == 1
    assert served.records == records
    asyncio.run(live.aclose())


async def test_a_model_that_is_not_wrapped_is_refused() -> None:
    model = openai.realtime.RealtimeModel(api_key="simulated")
    session: AgentSession[None] = AgentSession(llm=model, vad=None)
    with pytest.raises(TypeError, match=r"wrap the realtime model, AgentSession\(llm=WatchedRealtimeModel\(model\)\)"):
        watch_session(session)


async def test_the_former_name_of_repair_still_works() -> None:
    model = WatchedRealtimeModel(openai.realtime.RealtimeModel(api_key="simulated"))
    with pytest.warns(DeprecationWarning, match="repair="):
        watch = watch_session(AgentSession(llm=model, vad=None), mend=True)
    assert watch.repairs


async def test_the_wrapped_model_answers_for_the_plugins() -> None:
    model = openai.realtime.RealtimeModel(api_key="simulated", model="gpt-realtime-2")
    wrapped = WatchedRealtimeModel(model)
    assert (wrapped.model, wrapped.provider, wrapped.label) == (model.model, model.provider, model.label)
    assert wrapped.capabilities is model.capabilities
    assert wrapped.update_options == model.update_options, "names that only the plugin has reach it"


async def test_a_response_that_the_framework_dropped_is_forgotten() -> None:
    """LiveKit skips what the server begins while its scheduling is paused, and leaves it on the server."""
    async with SimulatedRealtimeServer() as server:
        model = WatchedRealtimeModel(openai.realtime.RealtimeModel(base_url=server.base_url, api_key="simulated"))
        session: AgentSession[None] = AgentSession(llm=model, vad=None)
        watch = watch_session(session, repair=True)
        connected, done = asyncio.Event(), asyncio.Event()
        watch.on("speech_state_changed", lambda change: done.set() if change.new_state == "interrupted" else None)
        await session.start(Agent(instructions="You are a voice assistant."), record=False)
        unheard = model.session()  # nobody listens for its responses
        unheard.on("openai_server_event_received", lambda _: connected.set())
        await asyncio.wait_for(connected.wait(), timeout=5)
        server.sessions[-1].owe_response()
        await asyncio.wait_for(done.wait(), timeout=5)
        assert server.sessions[-1].conversation.remembered() == ()
        await unheard.aclose()
        await session.aclose()
        await model.aclose()


async def test_a_model_that_nobody_watches_has_plain_sessions() -> None:
    wrapped = WatchedRealtimeModel(openai.realtime.RealtimeModel(api_key="simulated", base_url="http://127.0.0.1:9/v1"))
    session = wrapped.session()
    assert type(session) is openai.realtime.RealtimeSession
    session._main_atask.cancel()


async def test_what_the_documentation_shows_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    page = (Path(__file__).parent.parent / "docs" / "livekit.md").read_text(encoding="utf-8")
    shown: dict[str, Any] = {}
    exec(page.split("```python\n")[2].split("```")[0], shown)
    told: list[MessageStateChanged] = []
    async with SimulatedRealtimeServer() as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", "simulated")
        session = await shown["start"](NOT_GIVEN, told.append, told.append, None)
        await session.generate_reply()
        await session.aclose()
        await session.llm.aclose()
    assert [change.new_state for change in told] == ["pending", "streaming", "played"]
