"""A response beside the conversation is nobody's, or was asked for so: then it is heard, and not remembered (N1)."""

from __future__ import annotations

import asyncio

import pytest
from conversations import Talk, only
from helpers import Transcript

from speech_lifecycle.fsm import Capabilities
from speech_lifecycle.fsm import effects as fx
from speech_lifecycle.fsm import events as ev
from speech_lifecycle.simulation.report import build_report
from speech_lifecycle.simulation.script import AT_ONCE, ScriptedMessage, ScriptedResponse, ServerBehaviour
from speech_lifecycle.simulation.world import SimulatedWorld

ABOUT_MEMORY = (fx.CommitMessage, fx.TruncateMessage, fx.RemoveMessages, fx.ReplaceMessage, fx.ReportDivergence)


def beside(**options) -> Talk:
    """Speech `a` was asked for beside the conversation, and plays."""
    talk = Talk(**options)
    talk.tell(ev.RequestResponse("a", is_out_of_band=True))
    talk.tell(ev.SessionResponseCreated("r-a", "a", is_out_of_band=True))
    return talk


def test_it_is_asked_for_so():
    talk = Talk()
    assert only(talk.tell(ev.RequestResponse("a", True)), fx.CreateResponse) == [fx.CreateResponse("a", True)]


def test_it_waits_for_the_floor_and_for_the_response_before_it():
    talk = Talk().speak("x")
    talk.tell(ev.RequestResponse("a", is_out_of_band=True))
    talk.tell(ev.SessionResponseCreated("r-a", "a", is_out_of_band=True))
    assert (talk.now.floor_id, talk.states()["a"]) == ("x", "queued")
    talk.finish("x")
    assert talk.now.floor_id == "a"


def test_it_is_played_and_told_and_in_nobodys_memory():
    talk = beside()
    talk.arrive("a")
    talk.play("a")
    talk.finish("a")
    assert [effect.record.state for effect in only(talk.effects, fx.ReportMessageSettled)] == ["played"]
    assert only(talk.effects, *ABOUT_MEMORY) == []


@pytest.mark.parametrize("heard_ms", [0, 400])
def test_what_is_cut_of_it_is_neither_truncated_nor_removed(heard_ms):
    talk = beside()
    talk.arrive("a")
    talk.tell(ev.OutputAudioHandedOver("m-a", 1000), ev.Interrupt())
    talk.tell(ev.OutputPlaybackFinished("m-a", heard_ms, interrupted=True))
    assert talk.states() == {"a": "interrupted"}
    assert only(talk.effects, *ABOUT_MEMORY) == []


def test_what_comes_of_it_too_late_is_not_removed():
    talk = beside()
    talk.tell(ev.Interrupt())
    talk.tell(ev.SessionMessageAdded("r-a", "m-a"), ev.SessionResponseEnded("r-a", "cancelled"))
    assert talk.states() == {"a": "interrupted"}
    assert only(talk.effects, *ABOUT_MEMORY) == []


def test_the_servers_own_answer_is_not_taken_for_it():
    talk = Talk()
    talk.tell(ev.RequestResponse("a", is_out_of_band=True))
    talk.own("x")
    assert (talk.speech("a").response_id, talk.speech("x").response_id) == (None, "r-x")
    talk.tell(ev.SessionResponseCreated("r-a", "a", is_out_of_band=True))
    assert talk.speech("a").response_id == "r-a"


def test_a_server_that_answers_it_in_the_conversation_remembers_it():
    talk = Talk()
    talk.tell(ev.RequestResponse("a", is_out_of_band=True))
    talk.respond("a")
    talk.arrive("a")
    talk.play("a")
    talk.finish("a")
    assert [effect.message_id for effect in only(talk.effects, fx.CommitMessage)] == ["m-a"]


@pytest.mark.parametrize("is_stopped", [False, True])
@pytest.mark.parametrize("may_resume", [True, False])
def test_nothing_is_waited_for_when_the_connection_is_lost_for_no_server_remembers_it(may_resume, is_stopped):
    talk = beside()
    talk.arrive("a")
    talk.play("a")
    talk.tell(*([ev.Interrupt()] if is_stopped else []))
    talk.tell(ev.SessionLost(may_resume=may_resume), ev.OutputPlaybackFinished("m-a", 400, interrupted=True))
    assert talk.states() == {"a": "interrupted" if is_stopped else "failed"}
    assert only(talk.effects, *ABOUT_MEMORY) == []


def test_a_request_for_one_of_the_conversation_is_not_answered_by_one_beside_it():
    talk = Talk()
    talk.ask("a")
    answer = talk.answer(ev.SessionResponseCreated("r-x", "a", is_out_of_band=True))
    assert answer == ("ignored", "out_of_band")
    assert talk.now.request_id == "a"


# With the real SDK, on a real socket

ONE = ScriptedMessage("One two three four.", 800, message_id="one")
BESIDE = ScriptedMessage("Please hold the line.", 600, message_id="beside")
TWO = ScriptedMessage("Five six seven.", 500, message_id="two")


@pytest.mark.parametrize("at_ms", [None, 0, 10, 300, 590])
def test_it_is_heard_in_its_turn_and_nobody_remembers_it(at_ms):
    async def run() -> None:
        responses = tuple(ScriptedResponse((message,), pacing=AT_ONCE) for message in (ONE, BESIDE, TWO))
        async with SimulatedWorld(responses) as world:
            world.driver.request_response()
            speech = world.driver.request_response(out_of_band=True, instructions="Ask to wait.")
            world.driver.request_response()
            if at_ms is not None:
                await world.run_until(lambda: speech.snapshot.forwarding_id is not None)
                world.clock.call_later(at_ms, lambda: world.driver.interrupt(speech))
            await world.run_until_over()
            asked = [event for event in world.server_session.events_received if event["type"] == "response.create"]
            assert [event["response"].get("conversation") for event in asked] == [None, "none", None]
            assert list(world.listener.heard) == (["one", "two"] if at_ms == 0 else ["one", "beside", "two"])
            assert [commit.message_id for commit in world.driver.history] == ["one", "two"]
            remembered = [item.id for item in world.server_session.conversation.items]
            assert "beside" not in remembered
            assert [e for e in world.server_session.events_received if e.get("item_id") == "beside"] == []
            assert world.server_session.errors_sent == []

    asyncio.run(run())


def test_a_new_conversation_is_not_told_of_it():
    async def run() -> None:
        responses = tuple(ScriptedResponse((message,), pacing=AT_ONCE) for message in (ONE, BESIDE, TWO))
        behaviour = ServerBehaviour(after_loss="gone")
        async with SimulatedWorld(responses, reconnects=True, behaviour=behaviour, synchronize_text=True) as world:
            world.driver.request_response()
            world.driver.request_response(out_of_band=True)
            await world.run_until_over()
            world.server_session.drop_connection()
            await world.run_until(lambda: world.driver.connection_state == "connected")
            world.driver.request_response()
            await world.run_until_over()
            told = [e["item"]["id"] for e in world.server_session.events_received if "item" in e]
            assert told == ["one"]
            assert dict(world.listener.heard) == {"one": 800, "beside": 600, "two": 500}
            assert build_report(world).divergences == ()

    asyncio.run(run())


def alone(*, modalities=("audio",), **capabilities) -> Transcript:
    """A single speech whose response stands beside the conversation, and whose message is played; more may come."""
    speech = Transcript(
        ev.SessionResponseCreated("r", is_out_of_band=True),
        ev.Authorize(),
        ev.SessionMessageAdded("r", "m", modalities),
        ev.SessionTextReceived("m", "Yes."),
        capabilities=Capabilities(**capabilities),
    )
    if modalities == ("audio",):
        speech.tell(ev.SessionAudioReceived("m", 1000), ev.SessionMessageEnded("m"))
        speech.play("m")
    else:
        speech.tell(ev.SessionMessageEnded("m"))
    return speech


MORE = {
    "audio": ev.SessionAudioReceived("m", 1100),
    "text": ev.SessionTextReceived("m", " And more."),
}


@pytest.mark.parametrize("modality", MORE)
def test_nobody_is_asked_to_cut_what_came_of_it_after_it_was_played(modality):
    speech = alone(modalities=(modality,))
    speech.tell(MORE[modality], ev.SessionResponseEnded("r"))
    assert speech.outcome == "completed"
    assert speech.of(*ABOUT_MEMORY) == []


@pytest.mark.parametrize("modality", MORE)
def test_nothing_is_reported_of_what_came_of_it_if_its_end_never_comes(modality):
    speech = alone(modalities=(modality,))
    speech.tell(MORE[modality], ev.Interrupt(), ev.TimerFired("reconcile"))
    assert speech.outcome == "interrupted"
    assert speech.of(*ABOUT_MEMORY) == []


@pytest.mark.parametrize("end", [ev.SessionResponseEnded("r"), ev.TimerFired("reconcile")])
def test_nobody_is_asked_to_cut_a_text_that_went_on_after_it_was_stopped(end):
    speech = Transcript(
        ev.SessionResponseCreated("r", is_out_of_band=True),
        ev.Authorize(),
        ev.SessionMessageAdded("r", "m", ("text",)),
        ev.SessionTextReceived("m", "Yes."),
    )
    speech.tell(ev.Interrupt(), ev.SessionItemAdded("r"))
    assert speech.record("m").state == "partial"
    speech.tell(MORE["text"], end)
    assert speech.outcome == "interrupted"
    assert speech.of(*ABOUT_MEMORY) == []


@pytest.mark.parametrize("loses", [False, True])
def test_a_message_of_another_response_is_none_of_it_when_it_has_settled(loses):
    speech = alone()
    speech.tell(ev.Interrupt())
    speech.tell(*([ev.SessionLost(may_resume=True)] if loses else []))
    reply = speech.send(ev.SessionMessageAdded("other", "n"))
    assert (reply.kind, reply.reason) == ("rejected", "foreign_response")
