"""The connection: nothing is asked without one, a loss ends what it must, and every way out leads to `closed`."""

from __future__ import annotations

import pytest
from conversations import Talk, asked, done, only

from speech_lifecycle.fsm import effects as fx
from speech_lifecycle.fsm import events as ev


def connections(effects) -> list[str]:
    return [effect.state for effect in only(effects, fx.AnnounceConnectionState)]


def test_a_loss_ends_every_speech_and_response():
    talk = Talk(barge_in="ignore").speak("a")
    talk.ask("b", "c")
    effects = talk.tell(ev.SessionLost())
    assert connections(effects) == ["disconnected"]
    assert (talk.now.generation, talk.now.requests, talk.now.request_id) == ("idle", {}, None)
    assert {"b": "failed", "c": "failed"}.items() <= talk.states().items()


def test_nothing_is_asked_for_without_a_connection():
    talk = Talk()
    talk.tell(ev.SessionLost())
    effects = talk.ask("a")
    assert done(effects) == [("a", "failed")]
    assert asked(effects) == []


@pytest.mark.parametrize("kept", [True, False])
def test_a_connection_that_is_there_again_is_announced_and_used(kept):
    talk = Talk()
    talk.tell(ev.SessionLost())
    effects = talk.tell(ev.SessionResumed(kept))
    assert only(effects, fx.AnnounceConnectionState) == [fx.AnnounceConnectionState("connected", kept)]
    assert len(only(effects, fx.RestoreHistory)) == (not kept)
    assert asked(talk.ask("a")) == ["a"]


def test_a_second_loss_is_ignored():
    talk = Talk()
    talk.tell(ev.SessionLost(may_resume=True))
    assert talk.answer(ev.SessionLost(may_resume=True)) == ("ignored", "already_lost")


def test_a_resumption_without_a_loss_is_ignored():
    talk = Talk()
    assert talk.answer(ev.SessionResumed(True)) == ("ignored", "not_lost")


def test_closing_settles_what_was_heard_and_ends_when_nothing_is_left():
    talk = Talk().speak("a")
    assert connections(talk.tell(ev.Close())) == ["closing"]
    assert connections(talk.silence("a")) == ["closed"]
    assert done(talk.effects) == [("a", "interrupted")]


def test_a_server_that_begins_one_response_after_the_other_does_not_hold_up_the_close():
    """Each is cancelled by its id, and nobody waits for its end."""
    talk = Talk()
    talk.speak("a")
    talk.tell(ev.Close())
    for number in range(3):
        effects = talk.tell(ev.SessionResponseCreated(f"r{number}"))
        assert only(effects, fx.CancelResponse) == [fx.CancelResponse(f"r{number}")]
        assert [effect.outcome for effect in only(effects, fx.ReportSpeechDone)] == ["interrupted"]
    assert connections(talk.silence("a")) == ["closed"]


def test_what_comes_of_a_response_that_began_on_the_way_out_is_forgotten():
    talk = Talk()
    talk.speak("a")
    talk.tell(ev.Close(), ev.SessionResponseCreated("late"))
    effects = talk.tell(ev.SessionMessageAdded("late", "m"))
    assert only(effects, fx.RemoveMessages) == [fx.RemoveMessages(("m",))]


def test_closing_without_a_speech_is_closed_at_once():
    assert connections(Talk().tell(ev.Close())) == ["closing", "closed"]


def test_closing_without_a_connection_is_closed_by_the_output_alone():
    talk = Talk().speak("a")
    talk.tell(ev.SessionLost(may_resume=True))
    talk.tell(ev.Close())
    assert talk.now.connection == "closing"
    talk.tell(ev.TimerFired(talk.speech("a").timer, "a"))
    assert talk.now.connection == "closed"


def test_the_server_that_closes_first_does_not_keep_it_open():
    talk = Talk().speak("a")
    talk.tell(ev.Close(), ev.SessionLost())
    talk.tell(ev.OutputPlaybackFinished("m-a", 400, interrupted=True))
    assert talk.now.connection == "closed"


def test_nothing_new_begins_on_the_way_out():
    talk = Talk().speak("a")
    talk.tell(ev.Close())
    assert done(talk.ask("b")) == [("b", "interrupted")]
    talk.own("x")
    assert only(talk.effects, fx.CancelResponse) == [fx.CancelResponse("r-x")]
    assert asked(talk.effects) == ["a"]


def test_a_request_on_the_way_out_ends_at_once_whatever_is_generated():
    talk = Talk()
    talk.ask("a")
    talk.tell(ev.Close())
    assert done(talk.ask("b")) == [("b", "interrupted")]
    talk.respond("a")
    assert done(talk.ask("c")) == [("c", "interrupted")]


def test_a_closed_conversation_answers_that_it_is_closed():
    talk = Talk()
    talk.tell(ev.Close())
    for event in (ev.Close(), ev.SessionLost(), ev.SessionResumed(), ev.SessionResponseCreated("r-x")):
        assert talk.answer(event) == ("ignored", "conversation_is_closed")
    assert done(talk.ask("a")) == [("a", "interrupted")]


def test_closing_twice_is_ignored():
    talk = Talk().speak("a")
    talk.tell(ev.Close())
    assert talk.answer(ev.Close()) == ("ignored", "already_closing")
    assert talk.answer(ev.SessionResumed()) == ("ignored", "not_lost")


def restoring() -> Talk:
    """A conversation whose server begins anew, while it is not settled yet what was heard of the old one."""
    talk = Talk().speak("a")
    talk.tell(ev.SessionLost(may_resume=True), ev.SessionResumed(conversation_kept=False))
    assert talk.now.connection == "restoring"
    return talk


def test_what_is_asked_for_while_history_is_restored_waits():
    talk = restoring()
    assert asked(talk.ask("b")) == []
    assert asked(talk.finish("a")) == ["b"]


def test_what_waits_while_history_is_restored_fails_with_the_new_connection():
    talk = restoring()
    talk.ask("b")
    assert ("b", "failed") in done(talk.tell(ev.SessionLost(may_resume=True)))


def test_what_waits_while_history_is_restored_ends_with_the_conversation():
    talk = restoring()
    talk.ask("b")
    assert done(talk.tell(ev.Close())) == [("b", "interrupted")]
