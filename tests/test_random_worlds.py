"""The whole stack at random: real SDK, real socket, simulated server and speaker, whatever people and parts do.

Heard is measured at the listener and the server's memory at the server. Where an output is known to lie, its reports
count as heard: nothing better can be known.
"""

from __future__ import annotations

import asyncio

from hypothesis import event, given, settings
from hypothesis import strategies as st

from speech_lifecycle.fsm import Capabilities, Policy
from speech_lifecycle.fsm.trace import dump_record, load_trace
from speech_lifecycle.simulation import misbehaviour as bad
from speech_lifecycle.simulation.scenario import Action, Scenario, play
from speech_lifecycle.simulation.script import (
    Pacing,
    ScriptedFunctionCall,
    ScriptedMessage,
    ScriptedResponse,
    ServerBehaviour,
)
from speech_lifecycle.simulation.server_dialects import AZURE

EXAMPLES = 100
WORDS = "These are the words of this message, and a few more."
LENGTHS_MS = st.sampled_from([0, 1, 19, 20, 21, 100, 333, 600, 1500])
TIMES_MS = st.sampled_from([0, 1, 20, 99, 100, 101]) | st.integers(0, 3000)
TRUTHFUL = (
    None,
    bad.NeverReportsStarted(),
    bad.SurplusFinishes(2, 30),
    bad.StartsAgainOnResume(),
    bad.OnlyFor(0, bad.ClearedFromOutsideAfter(60)),
    bad.ClearedFromOutsideAfter(130),
)
LYING = (
    bad.Silent(),
    bad.Silent(only_after_clear=True),
    bad.NeverReportsProgress(),
    bad.AllOf((bad.NeverReportsProgress(), bad.ReportsPosition(float("nan")))),
    bad.ReportsPosition(float("inf")),
    bad.ReportsPosition(None),
    bad.ReportsPosition(-5.0),
    bad.ReportsPosition(0),
    bad.ReportsPosition(1e308, bad.ALL_KINDS),
    bad.OverReports(by_ms=85, factor=1.5),
    bad.ReportsQueuedPosition(),
    bad.DeniesInterruption(),
    bad.WrongMessageId(),
    bad.OnlyFor(1, bad.WrongMessageId("nobody")),
    bad.FailsAfter(70),
    bad.OnlyFor(1, bad.FailsAfter(0)),
    bad.LosesAudioOnPause(50),
    bad.Late(700),
    bad.AllOf((bad.Late(1500, (bad.OutputPlaybackFinished,)), bad.SurplusFinishes(1))),
)
"""What is reported is not what was heard, or comes when nobody waits for it any more."""


@st.composite
def items(draw):
    if draw(st.integers(0, 5)) == 0:
        return ScriptedFunctionCall("get_weather", '{"city": "London"}')
    if draw(st.integers(0, 3)) == 0:
        return ScriptedMessage(draw(st.sampled_from(["", WORDS])), modality="text")
    audio_ms = draw(LENGTHS_MS)
    late_ms = draw(st.sampled_from([0, 0, 0, 400])) if audio_ms else 0
    return ScriptedMessage(draw(st.sampled_from(["", WORDS, WORDS])), audio_ms, late_audio_ms=late_ms)


pacings = st.builds(
    Pacing,
    speed=st.sampled_from([None, 1.0, 1.1, 8.0]),
    chunk_ms=st.sampled_from([20, 100, 333]),
    start_delay_ms=st.sampled_from([0, 40, 400]),
    first_item_delay_ms=st.sampled_from([0, 300]),
    item_pause_ms=st.sampled_from([0, 250]),
    transcript_lead_ms=st.sampled_from([None, -200, 0, 400]),
    done_events=st.sampled_from(["end_of_response", "end_of_item"]),
)
responses = st.builds(
    ScriptedResponse,
    st.lists(items(), min_size=1, max_size=5).map(tuple),
    status=st.sampled_from(["completed", "completed", "completed", "failed", "incomplete"]),
    pacing=pacings,
    late_deltas_after_cancel_ms=st.sampled_from([0, 0, 200]),
    server_counts_ms_less=st.sampled_from([0, 0, 85]),
    drop_connection_after_audio_ms=st.sampled_from([None] * 7 + [200]),
)
behaviours = st.sampled_from(
    [ServerBehaviour()] * 6
    + [
        ServerBehaviour(dialect=AZURE),
        ServerBehaviour(refuse_truncate="some_code"),
        ServerBehaviour(refuse_delete="some_code"),
        ServerBehaviour(unacknowledged=frozenset({"conversation.item.truncate", "conversation.item.delete"})),
        ServerBehaviour(lost=frozenset({"conversation.item.truncate"})),
        ServerBehaviour(lost=frozenset({"conversation.item.delete"})),
    ]
)
deeds = st.sampled_from(
    [
        "interrupt",
        "force_interrupt",
        "pause",
        "resume",
        "user_speaks",
        "user_is_silent",
        "clear_from_outside",
        "request",
        "close",
    ]
)
actions = st.lists(st.builds(Action, TIMES_MS, deeds, st.sampled_from(["request", "first_sound"])), max_size=5)
AT_LAST = tuple(
    action
    for at_ms in (20_000, 30_000, 40_000)
    for action in (Action(at_ms, "user_is_silent", "request"), Action(at_ms + 1, "resume", "request"))
)
"""Who holds a speech lets it go again: without a command, it waits for ever. Not once, because the first sound, and
what is done at it, may have waited for the user's silence."""


@st.composite
def scenarios(draw):
    is_lying = draw(st.booleans())
    capabilities = st.builds(Capabilities, st.sampled_from([True] * 3 + [False]), st.sampled_from([True] * 3 + [False]))
    policies = st.builds(Policy, st.sampled_from([True] * 3 + [False]), st.booleans())
    return Scenario(
        "random",
        "",
        tuple(draw(st.lists(responses, min_size=1, max_size=3))),
        (*draw(actions), *AT_LAST),
        behaviour=draw(behaviours),
        misbehaviour=draw(st.sampled_from(LYING if is_lying else TRUTHFUL)),
        policy=draw(policies),
        capabilities=draw(capabilities),
        barge_in=draw(st.sampled_from(["interrupt", "pause", "ignore"])),
        has_output=draw(st.sampled_from([True] * 5 + [False])),
        synchronize_text=draw(st.booleans()),
        output_latency_ms=draw(st.sampled_from([0, 0, 150])),
        requests=draw(st.integers(1, 2)),
        evidence="output" if is_lying else "listener",
    )


@settings(max_examples=EXAMPLES if settings().derandomize else settings().max_examples)
@given(scenarios())
def test_heard_history_and_server_are_the_same_or_a_divergence_names_the_difference(scenario):
    report, world = asyncio.run(play(scenario))
    told = {divergence.message_id for divergence in report.divergences}
    event(f"{len(report.messages)} messages")
    for message in report.messages:
        event(f"{message.record.state}, {message.record.reason}")
    assert {m.record.message_id: m.differences for m in report.messages if m.differences}.keys() <= told, report
    assert report.differences == ()
    assert set(report.outcomes) <= {"completed", "interrupted", "failed"}
    assert world.driver.agent_state == "listening"
    holds = sum(action.deed in ("pause", "user_speaks") for action in scenario.actions)
    assert report.speaking_announced <= len(world.speeches) * (1 + holds)
    if not any(action.deed == "user_speaks" for action in scenario.actions):
        # At the end of the user's turn the server begins a response by itself, and refuses what is asked for just then.
        assert not any("already_has_active_response" in error for error in report.server_errors), "C1"
    lines = [dump_record(record) for record in (world.trace.header, *world.trace.records)]
    again = load_trace(lines)
    assert [dump_record(record) for record in (again.header, *again.records)] == lines
