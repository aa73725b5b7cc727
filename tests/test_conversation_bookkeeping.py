"""What a conversation writes down of its speeches: enough to know whom a fact is about, and no more."""

from __future__ import annotations

import pytest
from conversations import Talk, asked

from speech_lifecycle.fsm import events as ev
from speech_lifecycle.fsm.conversation.machine import ConversationMachine, step_conversation
from speech_lifecycle.fsm.conversation.routing import ROUTES
from speech_lifecycle.fsm.validity import hints_of


def test_the_name_of_a_forgotten_speech_can_be_given_again():
    """What it generated is over: another of that name must not be taken for generating."""
    talk = Talk(speeches_kept=1)
    talk.own("a")
    talk.tell(ev.SessionLost())
    talk.ask("b")
    assert "a" not in talk.now.speeches
    talk.tell(ev.SessionResumed())
    talk.ask("c", "a")
    assert asked(talk.tell(ev.SessionRequestRefused("c"))) == ["a"]
    talk.tell(ev.SessionRequestRefused("a"))
    assert talk.now.generation == "idle"
    assert asked(talk.ask("d")) == ["d"]


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (ev.TimerFired("stall"), "no_speech"),
        (ev.TimerFired("stall", "nobody"), "no_speech"),
        (ev.DropRequest(), "no_speech"),
        (ev.DropRequest("nobody"), "no_speech"),
        (ev.Interrupt(speech_id="nobody"), "no_speech"),
        (ev.SessionResponseEnded("nothing"), "unknown_response"),
        (ev.SessionMessageAdded("nothing", "m"), "unknown_response"),
        (ev.SessionItemAdded("nothing"), "unknown_response"),
        (ev.OutputPlaybackStarted("nothing"), "unknown_message"),
        (ev.SessionReconciliationAcknowledged("truncate", "nothing"), "unknown_message"),
    ],
    ids=repr,
)
def test_what_names_something_unknown_is_rejected(event, reason):
    assert Talk().answer(event) == ("rejected", reason)


@pytest.mark.parametrize("event_type", ev.EVENT_TYPES, ids=ev.name_of)
def test_every_fact_of_a_speech_finds_the_speech_that_it_names(event_type):
    """Whatever it answers: a fact about a known response, message or speech is never of nobody."""
    talk = Talk().speak("a")
    names = {"message_id": "m-a", "response_id": "r-a", "speech_id": "a"}
    given = {field: names[field] for field in hints_of(event_type) if field in names}
    needed = {"operation": "truncate", "timer": "stall", "text": "word", "position_ms": 0}
    amounts = {"received_ms": 2000, "handed_over_ms": 1000}
    event = event_type(**{k: v for k, v in (needed | amounts | given).items() if k in hints_of(event_type)})
    reply = talk.send(event)
    assert getattr(reply, "reason", "") not in ("unknown_message", "unknown_response", "no_speech", "unknown_event")
    assert event_type in ROUTES or event_type in ev.CONVERSATION_EVENT_TYPES


def test_an_item_that_is_no_message_ends_the_messages_before_it():
    talk = Talk()
    talk.own("a")
    talk.tell(ev.SessionMessageAdded("r-a", "m-a"), ev.SessionAudioReceived("m-a", 1000), ev.SessionItemAdded("r-a"))
    assert talk.speech("a").messages["m-a"].source_has_ended


def test_a_pure_step_about_a_message_leaves_its_snapshot_alone():
    talk = Talk()
    talk.own("a")
    talk.tell(ev.SessionMessageAdded("r-a", "m-a"))
    after, _ = step_conversation(talk.now, ev.SessionAudioReceived("m-a", 100))
    assert talk.speech("a").messages["m-a"].received_ms == 0
    assert after.speeches["a"].messages["m-a"].received_ms == 100


def test_the_steps_of_a_reply_cite_no_event_of_before():
    machine = ConversationMachine(keep_steps=True)
    for event in (ev.RequestResponse("a"), ev.Authorize("a")):
        machine.send(event)
    reply = machine.send(ev.SessionRequestRefused("a"))
    assert ev.Authorize("a") not in [step.event for step in reply.steps]
    machine.send(ev.RequestResponse("b"))
    assert machine.send(ev.Authorize("b")).kind == "ignored"
    reply = machine.send(ev.Interrupt(speech_id="b"))
    assert [step.event for step in reply.steps] == [ev.Interrupt(speech_id="b"), None]
