"""Interruption and hold: `interrupt` without a name means silence, and a hold lasts until the agent ends it."""

from __future__ import annotations

from conversations import Talk, only

from speech_lifecycle.fsm import effects as fx
from speech_lifecycle.fsm import events as ev


def test_an_interruption_of_what_is_held_and_may_not_be_interrupted_lets_nothing_begin():
    talk = Talk(interruptible=False)
    talk.tell(ev.Pause())
    talk.ask("a")
    assert talk.answer(ev.Interrupt()) == ("rejected", "not_interruptible")
    assert (talk.now.floor, talk.states()) == ("held", {"a": "queued"})
    talk.tell(ev.Interrupt(force=True))
    assert (talk.now.floor, talk.states()) == ("free", {"a": "reconciling"})


def test_an_interruption_ends_a_hold_of_nothing():
    talk = Talk()
    talk.tell(ev.Pause(), ev.Interrupt())
    assert talk.now.floor == "free"


def test_an_interruption_without_a_name_stops_what_plays_waits_and_is_only_requested():
    talk = Talk().speak("a")
    talk.ask("b", "c")
    talk.tell(ev.Interrupt())
    assert talk.states() == {"a": "stopping", "b": "reconciling", "c": "interrupted"}
    assert talk.now.waiting == {}


def test_an_interruption_by_name_stops_one():
    talk = Talk().speak("a")
    talk.ask("b")
    talk.tell(ev.Interrupt(speech_id="b"))
    assert talk.states() == {"a": "speaking", "b": "reconciling"}


def test_who_may_not_be_interrupted_is_not_unless_forced():
    talk = Talk(interruptible=False).speak("a")
    assert talk.answer(ev.Interrupt()) == ("rejected", "not_interruptible")
    talk.tell(ev.Interrupt(force=True))
    assert talk.states() == {"a": "stopping"}


def test_what_waits_while_the_floor_is_free_is_interrupted_too():
    talk = Talk(authorize_when_free=False)
    talk.ask("a")
    talk.tell(ev.Interrupt())
    assert talk.states() == {"a": "reconciling"}
    talk = Talk(authorize_when_free=False, interruptible=False)
    talk.ask("a")
    assert talk.answer(ev.Interrupt()) == ("rejected", "not_interruptible")


def test_there_is_nothing_to_interrupt():
    assert Talk().answer(ev.Interrupt()) == ("rejected", "no_speech")


def test_what_stops_already_is_not_interrupted_again():
    talk = Talk().speak("a")
    talk.tell(ev.Interrupt())
    assert talk.answer(ev.Interrupt()) == ("ignored", "already_stopping")
    talk = Talk(authorize_when_free=False)
    talk.ask("a")
    talk.tell(ev.Interrupt())
    assert talk.answer(ev.Interrupt()) == ("ignored", "already_stopping")


def test_a_user_who_begins_to_speak_interrupts_everything():
    talk = Talk().speak("a")
    talk.ask("b")
    talk.tell(ev.UserStartedSpeaking())
    assert talk.states() == {"a": "stopping", "b": "reconciling"}


def test_a_user_who_begins_once_more_interrupts_what_came_in_between():
    """Not every server says when a user has stopped."""
    talk = Talk()
    talk.tell(ev.UserStartedSpeaking())
    talk.ask("a")
    talk.tell(ev.UserStartedSpeaking())
    assert talk.states() == {"a": "reconciling"}


def test_a_user_who_begins_to_speak_has_everything_held():
    talk = Talk(barge_in="pause").speak("a")
    talk.ask("b")
    talk.tell(ev.UserStartedSpeaking())
    assert talk.states() == {"a": "paused", "b": "queued"}
    talk.tell(ev.UserStoppedSpeaking(), ev.Resume())
    assert talk.states() == {"a": "speaking", "b": "queued"}


def test_a_user_who_begins_once_more_has_held_what_came_in_between():
    talk = Talk(barge_in="pause")
    talk.tell(ev.UserStartedSpeaking())
    assert talk.now.floor == "free"
    talk.ask("a")
    talk.tell(ev.UserStartedSpeaking(), ev.UserStoppedSpeaking())
    assert (talk.now.floor, talk.states()) == ("held", {"a": "queued"})
    talk.tell(ev.Resume())
    assert talk.now.floor_id == "a"


def test_a_user_who_begins_once_more_has_held_what_the_agent_went_on_with():
    talk = Talk(barge_in="pause").speak("a")
    talk.tell(ev.UserStartedSpeaking(), ev.Resume(), ev.UserStartedSpeaking())
    assert talk.states() == {"a": "paused"}


def test_a_user_who_speaks_changes_nothing_if_that_is_the_policy():
    talk = Talk(barge_in="ignore").speak("a")
    assert only(talk.tell(ev.UserStartedSpeaking()), fx.OutputEffect, fx.AgentEffect) == []
    assert only(talk.tell(ev.UserStartedSpeaking()), fx.OutputEffect, fx.AgentEffect) == []
    assert talk.states() == {"a": "speaking"}


def test_an_output_that_cannot_pause_goes_on_and_the_rest_waits():
    talk = Talk(barge_in="pause", can_pause=False).speak("a")
    talk.tell(ev.UserStartedSpeaking())
    assert talk.states() == {"a": "speaking"}


def test_a_silent_user_is_silent():
    assert Talk().answer(ev.UserStoppedSpeaking()) == ("ignored", "already_silent")


def test_holds_are_begun_and_ended_once():
    talk = Talk()
    assert talk.answer(ev.Resume()) == ("ignored", "not_held")
    talk.tell(ev.Pause())
    assert talk.answer(ev.Pause()) == ("ignored", "already_held")
    talk.tell(ev.Resume())
    assert talk.now.floor == "free"
