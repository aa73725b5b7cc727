"""The floor: at most one speech has the output, and the next gets it when that is free and the user silent."""

from __future__ import annotations

from conversations import Talk, announced

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
