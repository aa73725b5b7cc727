"""Requests: one response is generated at a time, and every request is answered, refused, dropped or given up."""

from __future__ import annotations

import pytest
from conversations import Talk, asked, done, only

from speech_lifecycle.fsm import effects as fx
from speech_lifecycle.fsm import events as ev


def test_a_request_waits_until_the_response_before_it_has_ended():
    talk = Talk()
    assert asked(talk.ask("a", "b", "c")) == ["a"]
    assert asked(talk.respond("a")) == []
    assert asked(talk.tell(ev.SessionResponseEnded("r-a"))) == ["b"]


def test_a_request_waits_for_the_servers_own_response():
    talk = Talk()
    talk.own("x")
    assert asked(talk.ask("a")) == []
    assert asked(talk.tell(ev.SessionResponseEnded("r-x"))) == ["a"]


def test_the_servers_own_response_at_that_moment_answers_the_request():
    talk = Talk()
    talk.ask("a")
    talk.own("x")
    assert talk.speech("a").response_id == "r-x"
    assert "x" not in talk.now.speeches


def test_the_servers_own_response_answers_no_request_that_was_stopped():
    talk = Talk()
    talk.ask("a")
    talk.tell(ev.Interrupt())
    talk.own("x")
    assert talk.speech("x").response_id == "r-x"
    assert (talk.speech("a").response_id, talk.now.request_id) == (None, "a")
    talk.tell(ev.SessionResponseCreated("r-a", "a"))
    assert talk.speech("a").response_id == "r-a"


def test_a_refused_request_fails_and_the_next_is_sent():
    talk = Talk()
    talk.ask("a", "b")
    effects = talk.tell(ev.SessionRequestRefused("a", "rate_limit_exceeded"))
    assert done(effects) == [("a", "failed")]
    assert asked(effects) == ["b"]


def test_a_refusal_that_names_none_is_that_of_the_request_that_was_sent():
    talk = Talk()
    talk.ask("a")
    assert done(talk.tell(ev.SessionRequestRefused())) == [("a", "failed")]


def test_a_refusal_of_something_else_is_ignored():
    talk = Talk()
    talk.ask("a", "b")
    assert talk.answer(ev.SessionRequestRefused("b")) == ("ignored", "already_answered")
    assert talk.now.request_id == "a"


def test_a_request_that_is_refused_while_another_response_runs_lets_the_next_wait_for_that():
    talk = Talk()
    talk.ask("a", "b")
    talk.tell(ev.Interrupt(speech_id="a"))
    talk.own("x")
    assert asked(talk.tell(ev.SessionRequestRefused("a"))) == []
    assert talk.now.generation == "generating"
    assert asked(talk.tell(ev.SessionResponseEnded("r-x"))) == ["b"]


def test_a_request_that_is_given_up_while_another_response_runs_lets_the_next_wait_for_that():
    talk = Talk()
    talk.ask("a", "b")
    talk.tell(ev.Interrupt(speech_id="a"))
    talk.own("x")
    assert asked(talk.tell(ev.TimerFired("reconcile", "a"))) == []
    assert talk.now.generation == "generating"
    assert asked(talk.tell(ev.SessionResponseEnded("r-x"))) == ["b"]


def test_a_request_that_was_not_sent_is_dropped_with_its_speech():
    talk = Talk()
    talk.ask("a", "b")
    assert done(talk.tell(ev.Interrupt(speech_id="b"))) == [("b", "interrupted")]
    talk.respond("a")
    assert asked(talk.tell(ev.SessionResponseEnded("r-a"))) == []


def test_an_answer_that_does_not_come_is_given_up_and_the_next_request_sent():
    talk = Talk()
    talk.ask("a", "b")
    talk.tell(ev.Interrupt(speech_id="a"))
    effects = talk.tell(ev.TimerFired("reconcile", "a"))
    assert done(effects) == [("a", "interrupted")]
    assert asked(effects) == ["b"]


def test_the_answer_to_a_request_that_was_given_up_is_stopped_before_it_is_heard():
    talk = Talk()
    talk.ask("a")
    talk.tell(ev.Interrupt(), ev.TimerFired("reconcile", "a"))
    effects = talk.tell(ev.SessionResponseCreated("r-a", "a", new_speech_id="late"))
    assert only(effects, fx.CancelResponse) == [fx.CancelResponse("r-a")]
    assert talk.states()["late"] in ("stopping", "reconciling")
    assert "late" not in talk.now.waiting


def test_an_unwanted_response_is_waited_for_like_any_other():
    for asks in (False, True):
        talk = Talk()
        talk.ask(*(["a"] if asks else []))
        talk.tell(ev.SessionResponseCreated("r-late", "gone", new_speech_id="late"))
        assert talk.now.generation == ("requested" if asks else "generating")
        assert only(talk.effects, fx.CancelResponse) == [fx.CancelResponse("r-late")]


def test_two_responses_of_the_server_are_two_speeches():
    talk = Talk()
    talk.own("x")
    talk.own("y")
    talk.tell(ev.SessionResponseCreated("r-late", "gone", new_speech_id="late"))
    assert list(talk.now.speeches) == ["x", "y", "late"]
    talk.tell(ev.SessionResponseEnded("r-x"))
    assert talk.now.generation == "generating"
    talk.tell(ev.SessionResponseEnded("r-y"), ev.SessionResponseEnded("r-late"))
    assert talk.now.generation == "idle"


def test_a_response_out_of_band_is_nobodys_speech():
    talk = Talk()
    talk.ask("a")
    assert talk.answer(ev.SessionResponseCreated("r-x", is_out_of_band=True)) == ("ignored", "out_of_band")
    assert talk.now.request_id == "a"
    talk.respond("a")
    assert talk.answer(ev.SessionResponseCreated("r-x", is_out_of_band=True)) == ("ignored", "out_of_band")
    talk.tell(ev.SessionResponseEnded("r-a"))
    assert talk.answer(ev.SessionResponseCreated("r-x", is_out_of_band=True)) == ("ignored", "out_of_band")


def test_a_name_is_given_once():
    talk = Talk()
    for step in (lambda: talk.ask("a"), lambda: talk.respond("a"), lambda: talk.tell(ev.SessionResponseEnded("r-a"))):
        step()
        assert talk.answer(ev.RequestResponse("a")) == ("rejected", "speech_exists")
        created = ev.SessionResponseCreated("r-x", "" if talk.now.request_id is None else "gone", new_speech_id="a")
        assert talk.answer(created) == ("rejected", "speech_exists")


def test_a_response_is_created_once():
    talk = Talk()
    talk.own("x")
    assert talk.answer(ev.SessionResponseCreated("r-x")) == ("ignored", "already_created")
    talk.tell(ev.SessionResponseEnded("r-x"))
    assert talk.answer(ev.SessionResponseCreated("r-x")) == ("ignored", "already_created")
    talk.ask("a")
    assert talk.answer(ev.SessionResponseCreated("r-x")) == ("ignored", "already_created")


def test_what_is_generated_is_cancelled_once_and_what_has_come_of_it_plays():
    talk = Talk()
    talk.own("a")
    assert talk.tell(ev.CancelGeneration()) == [fx.CancelResponse("r-a")]
    assert talk.answer(ev.CancelGeneration()) == ("ignored", "already_cancelled")
    assert talk.answer(ev.CancelGeneration("a")) == ("ignored", "not_generating")
    assert talk.speech("a").cause is None
    assert fx.CancelResponse("r-a") not in talk.tell(ev.Interrupt(speech_id="a"))


def test_where_nothing_is_generated_there_is_nothing_to_cancel():
    talk = Talk()
    assert talk.answer(ev.CancelGeneration()) == ("ignored", "nothing_generates")
    talk.ask("a")
    assert talk.answer(ev.CancelGeneration()) == ("ignored", "nothing_generates")
    assert talk.now.request_id == "a"


def test_the_servers_own_response_is_cancelled_while_a_request_is_unanswered():
    talk = Talk()
    talk.ask("a")
    talk.tell(ev.Interrupt(speech_id="a"))
    talk.own("b")
    assert talk.now.generation == "requested"
    assert talk.tell(ev.CancelGeneration()) == [fx.CancelResponse("r-b")]
    assert talk.answer(ev.CancelGeneration()) == ("ignored", "already_cancelled")


def test_the_end_of_another_response_gives_no_request_up():
    talk = Talk()
    talk.ask("a")
    talk.tell(ev.Interrupt())  # what the server begins by itself now answers the user
    talk.own("x")
    talk.own("y")
    talk.tell(ev.SessionResponseEnded("r-x"))
    assert (talk.now.request_id, talk.now.generation) == ("a", "requested")


def test_a_response_that_is_announced_again_answers_no_request():
    talk = Talk()
    talk.own("x")
    talk.tell(ev.SessionResponseEnded("r-x"))
    talk.ask("a")
    assert talk.answer(ev.SessionResponseCreated("r-x", "a")) == ("ignored", "already_created")
    assert talk.now.request_id == "a"


def test_a_response_that_nobody_names_a_speech_for_names_it():
    talk = Talk()
    talk.tell(ev.SessionResponseCreated("r-x"))
    assert talk.speech("r-x").response_id == "r-x"
    assert talk.answer(ev.SessionResponseCreated("r-y", new_speech_id="r-x")) == ("rejected", "speech_exists")


def test_a_response_that_nobody_wants_is_named_by_itself_too():
    talk = Talk()
    talk.tell(ev.SessionResponseCreated("r-x", "gone"))
    assert talk.speech("r-x").cause == "never_authorized"
    talk.tell(ev.RequestResponse("r-y"))
    assert talk.answer(ev.SessionResponseCreated("r-y", "gone")) == ("rejected", "speech_exists")


def test_the_servers_own_response_takes_no_name_that_another_speech_has():
    talk = Talk()
    talk.own("x")
    assert talk.answer(ev.SessionResponseCreated("x")) == ("rejected", "speech_exists")


@pytest.mark.parametrize("state", ["idle", "requested", "generating"])
def test_a_response_beside_the_conversation_is_nobodys_even_if_its_name_is_known(state):
    talk = Talk()
    talk.own("x")
    talk.tell(*([] if state == "generating" else [ev.SessionResponseEnded("r-x")]))
    talk.ask(*(["a"] if state == "requested" else []))
    assert talk.now.generation == state
    assert talk.answer(ev.SessionResponseCreated("r-x", is_out_of_band=True)) == ("ignored", "out_of_band")
    assert talk.answer(ev.SessionResponseCreated("r-x")) == ("ignored", "already_created")
