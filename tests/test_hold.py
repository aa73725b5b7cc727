"""A hold: nothing begins and nothing goes on until the agent ends it, whatever becomes of what was held (N25)."""

from __future__ import annotations

import asyncio

import pytest
from conversations import Talk, announced, only

from speech_lifecycle.fsm import effects as fx
from speech_lifecycle.fsm import events as ev
from speech_lifecycle.simulation.report import build_report
from speech_lifecycle.simulation.script import AT_ONCE, ScriptedMessage, ScriptedResponse
from speech_lifecycle.simulation.world import SimulatedWorld


def held(**options) -> Talk:
    """Speech `a` is held in mid-play, and `b` waits behind it."""
    talk = Talk(**options).speak("a")
    talk.ask("b")
    talk.respond("b")
    talk.arrive("b")
    talk.tell(ev.Pause())
    return talk


def fail(talk: Talk) -> None:
    talk.tell(ev.OutputPlaybackProgressed("m-a", 400), ev.OutputFailed("m-a"))
    talk.send(ev.OutputPlaybackFinished("m-a", 400, interrupted=True))
    talk.tell(ev.SessionReconciliationAcknowledged("truncate", "m-a"))


def interrupt_by_name(talk: Talk) -> None:
    talk.tell(ev.Interrupt(speech_id="a"))
    talk.silence("a")


def play_to_the_end(talk: Talk) -> None:
    talk.finish("a")


@pytest.mark.parametrize("end", [fail, interrupt_by_name, play_to_the_end])
def test_a_hold_outlives_the_speech_that_it_found(end):
    talk = held()
    end(talk)
    assert talk.speech("a").is_over
    assert (talk.now.floor, talk.states()["b"], talk.now.agent) == ("held", "queued", "listening")
    talk.tell(ev.Resume())
    assert talk.now.floor_id == "b"


def test_a_hold_that_begins_while_a_speech_ends_keeps_the_next_where_it_is():
    talk = Talk().speak("a")
    talk.tell(ev.Interrupt(speech_id="a"))
    talk.ask("b")
    talk.tell(ev.Pause())
    assert announced(talk.silence("a")) == ["listening"]
    assert (talk.now.floor, talk.states()["b"]) == ("held", "queued")


def test_no_timer_runs_for_what_is_held():
    talk = held()
    running = {}
    for effect in talk.effects:
        if isinstance(effect, fx.StartTimer):
            running[effect.speech_id] = effect.timer
        elif isinstance(effect, fx.CancelTimer):
            del running[effect.speech_id]
    assert running == {}


def test_what_was_held_goes_on_and_the_next_plays_after_it():
    talk = held()
    talk.tell(ev.Resume())
    assert talk.states() == {"a": "speaking", "b": "queued"}
    talk.finish("a")
    assert talk.now.floor_id == "b"


def test_a_speech_that_is_resumed_by_its_name_ends_the_hold():
    talk = held()
    talk.tell(ev.Resume("a"))
    assert talk.now.floor == "taken"
    talk.finish("a")
    assert talk.now.floor_id == "b"


def test_a_pause_by_name_holds_that_speech_alone():
    talk = Talk().speak("a")
    talk.ask("b")
    talk.tell(ev.Pause("a"), ev.Interrupt(speech_id="a"))
    talk.silence("a")
    assert talk.now.floor_id == "b"


def test_a_speech_that_was_paused_by_its_name_can_be_held_with_all_others():
    talk = Talk().speak("a")
    talk.tell(ev.Pause("a"), ev.Pause())
    assert (talk.now.floor, talk.answer(ev.Pause())) == ("suspended", ("ignored", "already_held"))


def test_an_interruption_ends_a_hold():
    talk = held()
    talk.tell(ev.Interrupt())
    assert (talk.now.floor, talk.states()) == ("taken", {"a": "stopping", "b": "reconciling"})


def test_an_interruption_ends_a_hold_under_which_all_is_ending():
    talk = Talk().speak("a")
    talk.tell(ev.Interrupt(speech_id="a"), ev.Pause(), ev.Interrupt())
    assert talk.now.floor == "taken"


def test_an_interruption_of_a_held_speech_that_may_not_be_interrupted_changes_nothing():
    talk = held(interruptible=False)
    assert talk.answer(ev.Interrupt()) == ("rejected", "not_interruptible")
    assert (talk.now.floor, talk.states()) == ("suspended", {"a": "paused", "b": "queued"})
    talk.tell(ev.Interrupt(force=True))
    assert (talk.now.floor, talk.states()["a"]) == ("taken", "stopping")


def test_a_user_who_speaks_ends_no_hold():
    """The music that is played to a held call is speech to some detectors."""
    talk = held()
    talk.tell(ev.UserStartedSpeaking(), ev.UserStoppedSpeaking())
    talk.silence("a")
    talk.own("answer to the music")
    assert (talk.now.floor, talk.states()["answer to the music"]) == ("held", "queued")


def test_a_hold_by_barge_in_outlives_the_speech_too():
    talk = Talk(barge_in="pause").speak("a")
    talk.ask("b")
    talk.tell(ev.UserStartedSpeaking(), ev.UserStoppedSpeaking())
    fail(talk)
    assert (talk.now.floor, talk.states()["b"]) == ("held", "queued")


def test_an_output_that_cannot_pause_cannot_be_held_while_it_plays():
    talk = Talk(can_pause=False).speak("a")
    assert talk.answer(ev.Pause()) == ("rejected", "output_cannot_pause")
    talk.tell(ev.Interrupt(speech_id="a"), ev.Pause())
    assert talk.now.floor == "suspended"


# With the real SDK, on a real socket

ONE = ScriptedMessage("Hello there, how are you?", 800, message_id="one")
TWO = ScriptedMessage("And another thing.", 600, message_id="two")
MUSIC_MS = 120_000


@pytest.mark.parametrize("at_ms", [0, 1, 300, 790, 2_000])
@pytest.mark.parametrize("is_dropped", [False, True])
def test_two_minutes_on_hold_nothing_is_heard_and_then_all_of_it(at_ms, is_dropped):
    async def run() -> None:
        responses = (ScriptedResponse((ONE,), pacing=AT_ONCE), ScriptedResponse((TWO,), pacing=AT_ONCE))
        async with SimulatedWorld(responses) as world:
            first = world.driver.request_response()
            await world.settle()
            await pass_ms(world, at_ms)
            world.driver.pause()
            world.driver.request_response()
            before = dict(world.listener.heard)
            await pass_ms(world, MUSIC_MS / 2)
            if is_dropped and not first.is_over:
                world.driver.interrupt(first)
            await pass_ms(world, MUSIC_MS / 2)
            assert dict(world.listener.heard) == before
            world.driver.resume()
            await world.run_until_over()
            assert world.listener.heard["two"] == 600
            assert is_dropped or world.listener.heard["one"] == 800
            assert build_report(world).is_equal

    asyncio.run(run())


async def pass_ms(world: SimulatedWorld, ms: float) -> None:
    is_over: list[bool] = []
    world.clock.call_later(ms, lambda: is_over.append(True))
    await world.run_until(lambda: bool(is_over))


def test_the_agent_that_lets_the_held_speech_go_on_by_its_name_ends_the_hold():
    talk = held()
    assert talk.now.floor == "suspended"
    talk.tell(ev.Resume("a"))
    assert (talk.now.floor, talk.states()["a"]) == ("taken", "speaking")


@pytest.mark.parametrize("is_held", [False, True])
def test_where_the_floor_is_given_elsewhere_only_what_waits_gets_it(is_held):
    talk = held(floor_is_given_elsewhere=True)
    talk.tell(*([] if is_held else [ev.Resume()]))
    assert talk.now.floor == ("suspended" if is_held else "taken")
    assert talk.answer(ev.Authorize("a")) == ("ignored", "already_authorized")
    assert talk.answer(ev.Authorize("nobody")) == ("rejected", "no_speech")
    talk.tell(ev.Authorize("b"))
    assert (talk.now.floor, talk.now.floor_id) == ("taken", "b")


def test_what_is_held_cannot_go_on_when_the_floor_is_given_to_another():
    """Its output plays something else: it is interrupted, whatever the policy says, and settles without the floor."""
    talk = held(floor_is_given_elsewhere=True, interruptible=False)
    told = talk.tell(ev.Authorize("b"))
    assert [type(effect) for effect in only(told, fx.OutputEffect)] == [
        fx.ClearOutput,
        fx.ResumeOutput,
        fx.StartHandover,
    ]
    assert (talk.states()["a"], talk.now.floor, talk.now.floor_id) == ("stopping", "taken", "b")
    talk.silence("a")
    assert (talk.states()["a"], talk.now.floor_id) == ("interrupted", "b")


def test_where_it_is_not_given_elsewhere_a_hold_keeps_it():
    assert held().answer(ev.Authorize("b")) == ("rejected", "output_busy")
