"""A server that works on a response, and says so, is not taken for one that has stalled (N15)."""

from __future__ import annotations

import asyncio

import pytest

from speech_lifecycle.fsm import Policy, SpeechMachine
from speech_lifecycle.fsm import effects as fx
from speech_lifecycle.fsm import events as ev
from speech_lifecycle.simulation.report import build_report
from speech_lifecycle.simulation.script import Pacing, ScriptedFunctionCall, ScriptedMessage, ScriptedResponse
from speech_lifecycle.simulation.world import SimulatedWorld

PROGRESSED = ev.SessionResponseProgressed("r")
STALLED = ev.TimerFired("stall")


def told(*events):
    machine = SpeechMachine()
    for event in events:
        reply = machine.send(event)
        assert reply.kind == "handled", f"{event}: {reply}"
    return machine


def working():
    return told(ev.Authorize(), ev.SessionResponseCreated("r"), STALLED)


def test_a_sign_of_life_starts_the_stall_timer_again():
    machine = working()
    for _ in range(3):
        machine.send(PROGRESSED)
        assert machine.send(STALLED).effects == (fx.StartTimer("stall", Policy().stall_timeout_ms),)
    machine.send(STALLED)
    assert machine.speech.cause == "timed_out"


def test_a_sign_of_life_excuses_no_output_that_never_reports_its_end():
    machine = told(
        ev.Authorize(),
        ev.SessionResponseCreated("r"),
        ev.SessionMessageAdded("r", "a"),
        ev.SessionAudioReceived("a", 500),
        ev.OutputAudioHandedOver("a", 500),
        ev.SessionMessageEnded("a"),
    )
    assert machine.speech.timer == "playout"
    assert machine.send(PROGRESSED).kind == "ignored"
    machine.send(ev.TimerFired("playout"))
    assert machine.speech.cause == "timed_out"


def test_a_sign_of_life_of_another_response_or_too_late_means_nothing():
    machine = working()
    assert machine.send(ev.SessionResponseProgressed("other")).reason == "foreign_response"
    machine.send(ev.Interrupt())
    assert machine.send(PROGRESSED).reason == "not_awaited"
    machine.send(ev.SessionResponseEnded("r", "cancelled"))
    assert machine.send(PROGRESSED).reason == "speech_is_over"


# With the real SDK, on a real socket

LOOK_UP = ScriptedMessage("Let me look that up.", 800, message_id="preamble")
ANSWER = ScriptedMessage("It is sunny.", 600, message_id="answer")


@pytest.mark.parametrize("works_ms", [5_000, 29_000])
def test_the_answer_is_heard_after_minutes_of_work_that_the_server_tells_of(works_ms):
    call = ScriptedFunctionCall("search", '{"where": "' + "London" * 20 + '"}')
    response = ScriptedResponse((LOOK_UP, call, ANSWER), pacing=Pacing(text_delta_ms=works_ms))

    async def run() -> None:
        async with SimulatedWorld((response,)) as world:
            speech = world.driver.request_response()
            await world.run_until_over()
            assert world.clock.now_ms() > 40_000
            assert (speech.snapshot.state, world.listener.heard) == ("completed", {"preamble": 800, "answer": 600})
            assert build_report(world).is_equal

    asyncio.run(run())


def test_a_server_that_says_nothing_for_too_long_has_stalled():
    response = ScriptedResponse((LOOK_UP, ANSWER), pacing=Pacing(item_pause_ms=100_000))

    async def run() -> None:
        async with SimulatedWorld((response,)) as world:
            speech = world.driver.request_response()
            await world.run_until_over()
            assert (speech.snapshot.state, world.listener.heard) == ("failed", {"preamble": 800})
            assert build_report(world).is_equal

    asyncio.run(run())
