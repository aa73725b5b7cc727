"""Why a response failed, was cut or refused, or the connection was lost, reaches the agent (N6, N10)."""

from __future__ import annotations

import asyncio

import pytest
from conversations import Talk, only
from helpers import queued, waiting

from speech_lifecycle.adapters.sessions.openai_answers import why_ended
from speech_lifecycle.fsm import effects as fx
from speech_lifecycle.fsm import events as ev
from speech_lifecycle.simulation.script import Pacing, ScriptedMessage, ScriptedResponse
from speech_lifecycle.simulation.world import SimulatedWorld


def why(effects) -> list[tuple[str, str, str]]:
    return [(effect.outcome, effect.code, effect.text) for effect in only(effects, fx.ReportSpeechDone)]


def test_why_a_response_failed_comes_with_the_end_of_its_speech_and_with_the_record():
    talk = Talk()
    talk.ask("a")
    talk.respond("a")
    talk.tell(ev.SessionMessageAdded("r-a", "m-a"), ev.SessionAudioReceived("m-a", 1000))
    talk.play("a")
    talk.tell(ev.SessionResponseEnded("r-a", "failed", "rate_limit_exceeded", "Try again."))
    effects = talk.finish("a")
    assert why(effects) == [("failed", "rate_limit_exceeded", "Try again.")]
    assert [effect.record.code for effect in only(effects, fx.ReportMessageSettled)] == ["rate_limit_exceeded"]


def test_why_a_response_was_cut_comes_with_the_end_of_a_speech_that_is_complete():
    talk = Talk().speak("a")
    talk.ask("b")
    talk.tell(ev.SessionResponseCreated("r-b", "b"), ev.SessionResponseEnded("r-b", "incomplete", "content_filter"))
    talk.finish("a")
    assert why(talk.effects) == [("completed", "", ""), ("completed", "content_filter", "")]


def test_why_a_request_was_refused_comes_with_the_end_of_its_speech():
    for is_stopped in (False, True):
        talk = Talk()
        talk.ask("a")
        talk.tell(*([ev.Interrupt()] if is_stopped else []))
        effects = talk.tell(ev.SessionRequestRefused("a", "invalid_value", "No such voice."))
        assert why(effects) == [("interrupted" if is_stopped else "failed", "invalid_value", "No such voice.")]


@pytest.mark.parametrize("may_resume", [False, True])
def test_why_the_connection_was_lost_comes_with_the_end_of_each_speech(may_resume):
    talk = Talk().speak("a")
    talk.ask("b")
    talk.tell(ev.SessionLost(may_resume, code="session_expired", text="60 minutes"))
    talk.tell(ev.OutputPlaybackFinished("m-a", 400, interrupted=True))
    talk.tell(*([ev.SessionLost(code="1006")] if may_resume else []))
    assert sorted(why(talk.effects)) == [("failed", "session_expired", "60 minutes")] * 2
    (settled,) = only(talk.effects, fx.ReportMessageSettled)
    assert settled.record.code == "session_expired"


def test_who_asks_without_a_connection_is_told_so():
    talk = Talk()
    talk.tell(ev.SessionLost())
    assert why(talk.ask("a")) == [("failed", "not_connected", "")]


@pytest.mark.parametrize(
    ("details", "expected"),
    [
        (
            {"type": "failed", "error": {"type": "tokens", "code": "rate_limit_exceeded", "message": "Wait."}},
            "rate_limit_exceeded",
        ),
        ({"type": "failed", "error": {"type": "server_error"}}, "server_error"),
        ({"type": "incomplete", "reason": "max_output_tokens"}, "max_output_tokens"),
        ({"type": "incomplete", "reason": "content_filter", "error": None}, "content_filter"),
        ({"type": "cancelled", "reason": "turn_detected"}, "turn_detected"),
        ({"error": "oops", "reason": 5}, "5"),
        ({"reason": "\ud800"}, "\ufffd"),
        (None, ""),
        ("oops", ""),
        ([], ""),
    ],
    ids=repr,
)
def test_why_is_read_wherever_servers_say_it(details, expected):
    assert why_ended({"status_details": details})[0] == expected


# With the real SDK, on a real socket

ONE = ScriptedMessage("Let me tell you about it.", 3_000, message_id="one")


@pytest.mark.parametrize(
    ("response", "outcome", "code"),
    [
        (ScriptedResponse((ONE,), "failed", "rate_limit_exceeded"), "failed", "rate_limit_exceeded"),
        (ScriptedResponse((ONE,), "incomplete", "content_filter"), "completed", "content_filter"),
        (ScriptedResponse((ONE,), "incomplete"), "completed", "max_output_tokens"),
        (ScriptedResponse((ONE,)), "completed", ""),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_agent_learns_why_a_response_ended_as_it_did(response, outcome, code):
    async def run() -> None:
        async with SimulatedWorld((response,)) as world:
            speech = world.driver.request_response()
            await world.run_until_over()
            assert why_over(world) == [(outcome, code)]
            assert (speech.why[0], [record.code for record in speech.records]) == (code, [code])

    asyncio.run(run())


@pytest.mark.parametrize("says_so", [True, False])
@pytest.mark.parametrize("reconnects", [True, False])
def test_the_agent_learns_why_the_connection_ended(says_so, reconnects):
    async def run() -> None:
        response = ScriptedResponse((ONE,), pacing=Pacing(speed=1))
        async with SimulatedWorld((response,), reconnects=reconnects) as world:
            world.driver.request_response()
            await world.run_until(lambda: world.listener.heard.get("one", 0) >= 500)
            if says_so:
                error = {"type": "error", "code": "session_expired", "message": "60 minutes", "event_id": None}
                world.server_session.emit({"type": "error", "error": error})
            world.server_session.drop_connection()
            await world.run_until_over()
            ((outcome, code),) = why_over(world)
            assert (outcome, code) == ("failed", "session_expired" if says_so else "1006")

    asyncio.run(run())


def test_an_error_long_before_is_not_why_the_connection_ended():
    async def run() -> None:
        async with SimulatedWorld((ScriptedResponse((ONE,), pacing=Pacing(speed=1)),)) as world:
            error = {"type": "error", "code": "odd", "message": "", "event_id": None}
            world.server_session.emit({"type": "error", "error": error})
            world.driver.request_response()
            await world.run_until(lambda: world.listener.heard.get("one", 0) >= 500)
            world.server_session.drop_connection()
            await world.run_until_over()
            assert why_over(world) == [("failed", "1006")]

    asyncio.run(run())


def why_over(world: SimulatedWorld) -> list[tuple[str, str]]:
    return [(each.outcome, each.code) for each in world.trace.effects if isinstance(each, fx.ReportSpeechDone)]


@pytest.mark.parametrize("may_resume", [False, True])
@pytest.mark.parametrize("state", ["queued", "waiting", "paused"])
def test_why_the_connection_was_lost_is_remembered_in_every_state(state, may_resume):
    speech = queued("m") if state == "queued" else waiting("m")
    speech.tell(*([ev.Pause()] if state == "paused" else []))
    assert speech.state == state
    speech.tell(ev.SessionLost(may_resume, code="1006", text="gone"))
    assert (speech.speech.code, speech.speech.text) == ("1006", "gone")
