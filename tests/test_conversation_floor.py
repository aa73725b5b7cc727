"""The floor: at most one speech has the output, and the next gets it when that is free and the user silent."""

from __future__ import annotations

import pytest
from conversations import Talk, announced
from msgspec.structs import replace

from speech_lifecycle.fsm import events as ev


def test_a_speech_that_is_stopped_while_it_waits_never_gets_the_floor():
    """It would keep the next one from playing until the server has answered."""
    talk = Talk()
    talk.tell(ev.Pause())
    talk.ask("a")
    assert announced(talk.tell(ev.Interrupt())) == []
    assert (talk.now.floor, talk.now.floor_id) == ("free", None)
    talk.own("b")
    assert talk.now.floor_id == "b"


def test_an_interruption_gives_the_floor_to_nothing_that_waits():
    talk = Talk(barge_in="ignore").speak("a")
    talk.ask("b", "c")
    talk.tell(ev.Interrupt())
    talk.silence("a")
    assert talk.now.floor_id is None
    assert announced(talk.effects)[-1] == "listening"


def test_the_next_speech_plays_when_the_output_is_free():
    talk = Talk().speak("a")
    talk.ask("b")
    assert (talk.now.floor_id, [*talk.now.waiting]) == ("a", ["b"])
    talk.finish("a")
    assert (talk.now.floor_id, [*talk.now.waiting]) == ("b", [])


def test_the_next_speech_waits_until_the_user_is_silent():
    talk = Talk(barge_in="ignore").speak("a")
    talk.tell(ev.UserStartedSpeaking())
    talk.ask("b")
    talk.finish("a")
    assert talk.now.floor_id is None
    talk.tell(ev.UserStoppedSpeaking())
    assert talk.now.floor_id == "b"


def test_who_asks_while_the_floor_is_taken_is_told_so():
    talk = Talk().speak("a")
    talk.ask("b")
    assert talk.answer(ev.Authorize("b")) == ("rejected", "output_busy")
    assert talk.answer(ev.Authorize("a")) == ("ignored", "already_authorized")
    assert talk.answer(ev.Authorize("nobody")) == ("rejected", "no_speech")


def test_who_is_stopped_does_not_get_the_floor():
    talk = Talk(authorize_when_free=False)
    talk.ask("a")
    talk.tell(ev.Interrupt(speech_id="a"))
    assert talk.answer(ev.Authorize("a")) == ("ignored", "already_stopping")
    assert talk.answer(ev.Authorize("nobody")) == ("rejected", "no_speech")


def test_the_agent_gives_the_floor_to_whom_it_likes_if_that_is_its_policy():
    talk = Talk(authorize_when_free=False)
    talk.ask("a", "b")
    assert talk.now.floor_id is None
    talk.tell(ev.Authorize("b"))
    assert (talk.now.floor_id, [*talk.now.waiting]) == ("b", ["a"])


def test_the_agent_may_give_the_floor_while_it_is_held():
    talk = Talk()
    talk.tell(ev.Pause())
    talk.ask("a")
    assert talk.answer(ev.Authorize("nobody")) == ("rejected", "no_speech")
    talk.tell(ev.Authorize("a"))
    assert (talk.now.floor, talk.now.floor_id) == ("taken", "a")


def test_a_speech_that_ends_without_the_floor_leaves_it_where_it_is():
    talk = Talk().speak("a")
    talk.ask("b")
    talk.tell(ev.SessionRequestRefused("b"))
    assert talk.now.floor_id == "a"
    assert [*talk.now.over] == ["b"]


def test_what_ends_while_the_floor_is_held_or_free_is_kept_for_late_facts():
    for first in (ev.Pause(), ev.UserStartedSpeaking()):
        talk = Talk()
        talk.tell(first)
        talk.ask("a")
        talk.tell(ev.SessionRequestRefused("a"))
        assert ([*talk.now.live], [*talk.now.over]) == ([], ["a"])


def test_who_is_stopped_or_over_does_not_get_a_floor_that_is_held_or_taken():
    talk = Talk(authorize_when_free=False)
    talk.ask("a", "b")
    talk.tell(ev.Interrupt(speech_id="a"), ev.Pause())
    assert talk.answer(ev.Authorize("a")) == ("ignored", "already_stopping")
    talk.tell(ev.Authorize("b"))
    assert talk.answer(ev.Authorize("a")) == ("ignored", "already_stopping")


def test_where_the_floor_is_given_elsewhere_who_plays_next_has_it():
    """A watcher cannot refuse: what had the floor settles without it, as a server that has not answered yet lets it."""
    talk = Talk(authorize_when_free=False, floor_is_given_elsewhere=True)
    talk.ask("a")
    talk.tell(ev.SessionResponseCreated("r-a", "a"))
    talk.ask("b")
    talk.tell(ev.Authorize("a"), ev.Authorize("b"))
    assert talk.now.floor_id == "b"
    assert talk.states() == {"a": "waiting", "b": "waiting"}
    talk.tell(ev.Interrupt(speech_id="a"), ev.SessionResponseEnded("r-a"))
    assert talk.states()["a"] == "interrupted"
    assert (talk.now.floor, talk.now.floor_id) == ("taken", "b")


def test_another_output_is_that_of_the_speeches_to_come():
    talk = Talk()
    before = talk.now.capabilities
    talk.own("a")
    talk.tell(ev.ChangeOutput(plays_audio=False, can_pause=False, shows_text=False))
    talk.own("b")
    assert talk.speech("a").capabilities == before
    assert talk.speech("b").capabilities == replace(before, plays_audio=False, can_pause=False, shows_text=False)


@pytest.mark.parametrize("before", [(), (ev.Pause(),)], ids=["free", "held"])
@pytest.mark.parametrize("speaks", [False, True])
def test_another_output_may_come_whoever_has_the_floor(before, speaks):
    talk = Talk().speak("a") if speaks else Talk()
    talk.tell(*before)
    talk.tell(ev.ChangeOutput(plays_audio=False, can_pause=False))
    talk.ask("b")
    assert not talk.speech("b").capabilities.plays_audio
    assert not speaks or talk.speech("a").capabilities.plays_audio
