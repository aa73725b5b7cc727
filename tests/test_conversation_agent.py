"""The agent's state over all speeches: listening, thinking, speaking, announced once each."""

from __future__ import annotations

from conversations import Talk, announced

from speech_lifecycle.fsm import events as ev


def test_each_state_of_a_turn_is_announced_once():
    talk = Talk().speak("a")
    talk.finish("a")
    assert announced(talk.effects) == ["thinking", "speaking", "listening"]


def test_the_agent_thinks_between_two_speeches():
    talk = Talk().speak("a")
    talk.ask("b")
    talk.respond("b")
    talk.arrive("b")
    assert announced(talk.finish("a")) == ["thinking"]
    assert announced(talk.play("b")) == ["speaking"]


def test_the_agent_thinks_of_the_next_as_soon_as_it_is_silent():
    """The speech that was cut keeps the floor until the server has answered."""
    talk = Talk(barge_in="ignore").speak("a")
    talk.ask("b")
    talk.tell(ev.Interrupt(speech_id="a"))
    effects = talk.tell(ev.OutputPlaybackFinished("m-a", 400, interrupted=True))
    assert announced(effects) == ["thinking"]
    assert talk.now.floor_id == "a"


def test_the_agent_listens_while_it_is_held():
    talk = Talk().speak("a")
    assert announced(talk.tell(ev.Pause())) == ["listening"]
    assert announced(talk.tell(ev.Resume())) == ["speaking"]


def test_the_agent_listens_while_what_waits_is_held():
    talk = Talk()
    talk.tell(ev.Pause())
    assert announced(talk.ask("a")) == []
    assert announced(talk.tell(ev.Resume())) == ["thinking"]


def test_the_agent_listens_while_the_user_speaks():
    talk = Talk(barge_in="ignore")
    talk.tell(ev.UserStartedSpeaking())
    assert announced(talk.ask("a")) == []
    assert announced(talk.tell(ev.UserStoppedSpeaking())) == ["thinking"]
    assert announced(talk.tell(ev.SessionRequestRefused("a"))) == ["listening"]


def test_the_agent_speaks_until_the_output_is_silent():
    talk = Talk().speak("a")
    assert announced(talk.tell(ev.Interrupt())) == []
    assert announced(talk.silence("a")) == ["listening"]
