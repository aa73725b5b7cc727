"""Interruption and hold: `interrupt` without a name means silence, and a hold lasts until the agent ends it."""

from __future__ import annotations

from conversations import Talk

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
