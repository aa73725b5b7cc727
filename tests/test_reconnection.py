"""A session that connects again by itself: whenever the connection breaks, heard = history = what the new one knows.

The real SDK and a real socket, in virtual time.
"""

from __future__ import annotations

import asyncio
import json

import pytest
import yaml
from openai import AsyncOpenAI
from realtime_client import eventually
from reconnecting_world import FIRST, SECOND, behaviour, facts_in, run
from websockets.asyncio.server import serve

from speech_lifecycle.adapters.clock import VirtualClock
from speech_lifecycle.adapters.driver import Driver
from speech_lifecycle.adapters.sessions.openai_realtime import OpenAIRealtimeSession
from speech_lifecycle.adapters.sessions.reconnection import Reconnection
from speech_lifecycle.fsm.effects import AnnounceConnectionState
from speech_lifecycle.fsm.events import OutputPlaybackFinished, SessionLost, SessionResumed
from speech_lifecycle.simulation.misbehaviour import Late
from speech_lifecycle.simulation.report import build_report
from speech_lifecycle.simulation.scenario import Action, Scenario, play
from speech_lifecycle.simulation.script import ScriptedMessage, ScriptedResponse
from speech_lifecycle.simulation.simulated_speaker import SimulatedSpeaker
from speech_lifecycle.simulation.world import SimulatedWorld


def dropped(after_loss, *actions, **options):
    """Return a scenario whose connection breaks, and in which the agent then asks for another response."""
    rest = {"reconnects": True, "synchronize_text": True, "behaviour": behaviour(after_loss), **options}
    return Scenario("dropped", "", (FIRST, SECOND), (*actions, Action(4_000, "request")), **rest)


def differences(scenario):
    """Play a scenario; return how the accounts differ, after checking that it went on."""
    report, world = asyncio.run(play(scenario))
    assert world.listener.heard["next"] == 400
    assert report.divergences == ()
    assert len(world.server.sessions) == 2
    resumed = [e for e in world.trace.effects if isinstance(e, AnnounceConnectionState) and e.state == "connected"]
    assert resumed == [AnnounceConnectionState("connected", scenario.behaviour.after_loss == "kept")]
    return [*report.differences, *(each for message in report.messages for each in message.differences)]


IN_MID_SPEECH = (1, 60, 590, 600, 610, 1_000, 1_400)


@pytest.mark.parametrize("at_ms", IN_MID_SPEECH)
@pytest.mark.parametrize("after_loss", ["gone", "unsaid", "kept"])
def test_dropped_in_mid_speech_all_accounts_are_the_same(after_loss, at_ms):
    assert differences(dropped(after_loss, Action(at_ms, "drop"))) == []


@pytest.mark.parametrize("after_loss", ["gone", "unsaid", "kept"])
def test_dropped_between_turns_all_accounts_are_the_same(after_loss):
    assert differences(dropped(after_loss, Action(2_000, "drop"))) == []


@pytest.mark.parametrize("at_ms", IN_MID_SPEECH)
@pytest.mark.parametrize("after_loss", ["gone", "unsaid", "kept"])
def test_dropped_before_the_truncation_arrives_all_accounts_are_the_same(after_loss, at_ms):
    assert differences(dropped(after_loss, Action(at_ms, "interrupt_and_drop"))) == []


class AnswersLost(SimulatedWorld):
    """A world whose connection breaks with the first answer to a truncation, which was done."""

    async def __aenter__(self):
        await super().__aenter__()
        session = self.server_session
        session._acknowledge = lambda event, answer: session.drop_connection()
        return self


@pytest.mark.parametrize("at_ms", IN_MID_SPEECH)
@pytest.mark.parametrize("after_loss", ["gone", "unsaid", "kept"])
def test_dropped_before_the_truncation_is_answered_all_accounts_are_the_same(after_loss, at_ms):
    scenario = dropped(after_loss, Action(at_ms, "interrupt"))
    report, world = asyncio.run(play(scenario, make_world=AnswersLost))
    assert report.is_equal
    assert world.listener.heard["next"] == 400


def test_what_the_output_reports_only_when_the_new_connection_is_there_is_told_to_it_too():
    late = Late(800, (OutputPlaybackFinished,))
    scenario = dropped("gone", Action(400, "drop"), misbehaviour=late)
    assert differences(scenario) == []


def test_the_accounts_differ_if_the_new_session_is_told_nothing(monkeypatch):
    """The report can fail."""
    monkeypatch.setattr(OpenAIRealtimeSession, "restore", lambda self, history: None)
    assert differences(dropped("gone", Action(2_000, "drop"))) != []


def test_a_connection_may_be_lost_again_and_again():
    async def test(world):
        for times in range(1, 4):
            world.server_session.drop_connection()
            await world.settle()
            assert world.driver.connection_state == "connected"
            speech = await world.speak()
            assert [record.state for record in speech.records] == ["played"]
            assert len(world.server.sessions) == times + 1
            assert build_report(world).is_equal

    responses = [ScriptedResponse((ScriptedMessage(f"Number {n}.", 300),)) for n in range(3)]
    run(test, *responses, behaviour=behaviour("gone"))


# A recorded session


def connections_in(recording):
    """Return the frames that a server sent on each connection of a recording."""
    connections = [[]]
    for entry in yaml.safe_load(recording.read_text(encoding="utf-8"))["interactions"]:
        if entry["kind"] == "close":
            connections.append([])
        elif entry["direction"] == "received":
            connections[-1].append(json.dumps(entry["data"]))
    return connections


def test_a_recorded_session_that_xai_resumed_goes_on_with_the_same_conversation(captures):
    """The recorded frames over a real socket: the first connection is closed as it was, with 1011."""
    connections = iter(connections_in(captures / "xai_session_resumed.yaml"))
    is_over = asyncio.Event()

    async def speak(connection):
        for frame in next(connections):
            await connection.send(frame)
        if not is_over.is_set():
            is_over.set()
            await connection.close(1011, "test reconnect")
        await connection.wait_closed()

    async def test():
        clock = VirtualClock()
        async with serve(speak, "127.0.0.1", 0, ping_interval=None) as server, AsyncOpenAI(api_key="x") as client:
            port = next(iter(server.sockets)).getsockname()[1]
            client.websocket_base_url = f"ws://127.0.0.1:{port}/v1"
            session = OpenAIRealtimeSession(
                connect=lambda: client.realtime.connect(model="grok-voice-latest"),
                reconnection=Reconnection(lasting_ms=0),
                clock=clock,
            )
            speaker, records = SimulatedSpeaker(clock, synchronize_text=True), []
            async with Driver(session, speaker, clock=clock, trace=records.append) as driver:
                await eventually(lambda: len(driver.speeches) == 2)
                await eventually(lambda: driver.speeches[1].snapshot.response_has_ended)
                clock.advance(60_000)
                states = [record.state for speech in driver.speeches for record in speech.records]
                texts = [commit.text for commit in driver.history]
            return states, texts, facts_in(records)

    states, texts, facts = asyncio.run(test())
    assert facts[:2] == [SessionLost(may_resume=True), SessionResumed(conversation_kept=True)]
    assert states[-1] == "played"
    assert texts[-1] == "Cobalt. The code word you asked me to remember is cobalt."
