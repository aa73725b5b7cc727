"""The conversation of a watched session: what is asked for and cancelled, who has the floor, which output plays."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from livekit.agents import AgentSession

from speech_lifecycle.adapters.livekit_agents import Watch
from speech_lifecycle.fsm import effects as fx
from speech_lifecycle.fsm.trace import ConversationStep, Record
from speech_lifecycle.simulation.livekit_agents.rehearsed import Rehearsed
from speech_lifecycle.simulation.livekit_agents.scenarios import LIVEKIT_SCENARIOS
from speech_lifecycle.simulation.livekit_agents.verdict import differences
from speech_lifecycle.simulation.scenario import Action
from speech_lifecycle.simulation.scenarios.making import LATER, PREAMBLE
from speech_lifecycle.simulation.script import Pacing, ScriptedResponse

LATE = ScriptedResponse((PREAMBLE,), pacing=Pacing(start_delay_ms=1_500))
NEXT = ScriptedResponse((LATER,))


def play(
    name: str, *, responses: tuple[ScriptedResponse, ...] = (), actions: tuple[Action, ...] = (), **staging: Any
) -> Rehearsed:
    livekit = LIVEKIT_SCENARIOS[name]
    scripted = livekit.scenario
    scripted = replace(scripted, responses=responses or scripted.responses, actions=actions or scripted.actions)
    return replace(livekit, scenario=scripted, staging=replace(livekit.staging, **staging)).play("repaired")


def traced(name: str, **how: Any) -> tuple[Rehearsed, list[Record]]:
    records: list[Record] = []
    return play(name, trace=records.append, **how), records


def test_a_response_whose_request_was_given_up_is_forgotten_and_the_next_is_asked_for_when_it_has_ended() -> None:
    """N27: LiveKit cancels it, announces nothing, and would ask for the next one meanwhile (C1)."""
    actions = (Action(300, "interrupt", "request"), Action(400, "request", "request"))
    played, records = traced("one", responses=(LATE, NEXT), actions=actions)
    assert played.heard_ms == {"later": 1_400}
    assert list(played.server) == ["later"]
    assert not any("already_has_active_response" in error for error in played.server_errors)
    asked = [
        effect.speech_id
        for record in records
        if isinstance(record, ConversationStep)
        for effect in record.effects
        if isinstance(effect, fx.CreateResponse)
    ]
    assert asked == ["speech_1", "speech_2"]


def test_a_request_that_is_given_up_before_it_is_sent_is_never_sent() -> None:
    slow = ScriptedResponse((PREAMBLE,), pacing=Pacing(speed=1.2), late_deltas_after_cancel_ms=400)
    actions = (Action(600, "interrupt"), Action(610, "request"), Action(620, "interrupt"), Action(2_000, "request"))
    played = play("one", responses=(slow, NEXT), actions=actions)
    assert played.responses == 2
    assert differences(played) == []


def test_what_the_application_cancels_twice_is_cancelled_once_and_what_has_come_plays() -> None:
    """C4. No speech is interrupted: the framework itself cancels like this before it asks for the reply to a tool."""

    async def application(session: AgentSession[None]) -> None:
        await asyncio.sleep(1.0)
        session.current_agent.realtime_llm_session.interrupt()
        await asyncio.sleep(0.001)
        session.current_agent.realtime_llm_session.interrupt()

    slow = ScriptedResponse((PREAMBLE,), pacing=Pacing(speed=1.2), late_deltas_after_cancel_ms=400)
    played, records = traced("one", responses=(slow,), on_start=application)
    cancels = [
        effect
        for record in records
        for effect in getattr(record, "effects", ())
        if isinstance(effect, fx.CancelResponse)
    ]
    assert len(cancels) == 1
    assert not any("cancel_not_active" in error for error in played.server_errors)
    assert [step.rule for step in played.forbidden_steps] == ["cancelled_again"]
    assert played.heard_ms["preamble"] == played.sent_ms["preamble"]


def test_an_output_that_is_switched_off_plays_no_later_speech() -> None:
    async def application(session: AgentSession[None]) -> None:
        await asyncio.sleep(3)
        session.output.set_audio_enabled(False)
        session.generate_reply()

    watches: list[Watch] = []
    one = LIVEKIT_SCENARIOS["one"].scenario.responses
    played = play("one", responses=(*one, NEXT), on_start=application, on_watch=watches.append)
    assert [speech.snapshot.capabilities.plays_audio for speech in watches[0].speeches] == [True, False]
    assert [(record.message_id, record.state) for record in played.records] == [
        ("preamble", "played"),
        ("later", "played"),
    ]
    assert played.forbidden_steps == []


def test_a_speech_may_play_while_the_server_is_still_asked_about_the_one_before() -> None:
    """The framework gives the floor as soon as the output is free. The lifecycle would wait, and is told only."""
    played, records = traced("second-interrupted")
    assert differences(played) == []
    assert not any(getattr(record, "reason", "") == "output_busy" for record in records)


@pytest.mark.parametrize("mode", ["watched", "repaired"])
def test_nothing_is_left_of_what_comes_with_every_frame(mode: Any) -> None:
    watches: list[Watch] = []
    scenario = LIVEKIT_SCENARIOS["two-speeches"]
    replace(scenario, staging=replace(scenario.staging, on_watch=watches.append)).play(mode)
    assert [speech.is_over for speech in watches[0].speeches] == [True, True]
    assert all(speech.snapshot.timer is None for speech in watches[0].speeches)
