"""Where an item stands in the conversation, and as what it goes on after a loss (N37)."""

from __future__ import annotations

from openai_wire import Wire, created, delta, error, item, response_done, words

from speech_lifecycle.fsm.effects import RemoveMessages, ReplaceMessage, TruncateMessage
from speech_lifecycle.fsm.events import (
    SessionReconciliationAcknowledged,
)


def added(item_id, previous=None, **more):
    return {"type": "conversation.item.added", "previous_item_id": previous, "item": {"id": item_id, **more}}


def place(wire, item_id):
    return wire.protocol.translate(ReplaceMessage(item_id, "Hi"))[1].get("previous_item_id")


# N37: predecessors


def test_n37_a_text_is_put_back_behind_what_still_stands_there():
    wire = Wire().feed(added("S"), added("U", "S"), added("A", "U"))
    wire.feed({"type": "conversation.item.deleted", "item_id": "U"})
    assert place(wire, "A") == "S"
    wire.feed({"type": "conversation.item.deleted", "item_id": "S"})
    assert place(wire, "A") == "root"


def test_n37_what_was_asked_to_be_deleted_is_no_place_any_more():
    wire = Wire().feed(added("U"), added("A", "U"), added("B", "A"))
    wire.protocol.translate(RemoveMessages(("A",)))
    assert place(wire, "B") == "U"


def test_n37_where_no_predecessors_are_said_the_order_of_arrival_tells():
    wire = Wire().feed(added("U"), added("A"), added("B"))
    assert (place(wire, "U"), place(wire, "A"), place(wire, "B")) == ("root", "U", "A")


def test_n37_a_text_whose_place_is_gone_is_put_at_the_end_rather_than_lost():
    wire = Wire().feed(added("U"), added("A", "U"))
    _, create = wire.protocol.translate(ReplaceMessage("A", "Hi"))
    wire.feed(error("item_create_invalid_previous_item_id", "", create["event_id"], param="previous_item_id"))
    (again,) = wire.sent
    assert "previous_item_id" not in again
    assert again["item"] == create["item"]
    assert wire.told == []
    wire.feed(added("A"))
    assert wire.told == [SessionReconciliationAcknowledged("replace", "A")]


def test_a_place_behind_something_that_was_there_before_is_kept():
    assert place(Wire().feed(added("A", "unknown")), "A") == "unknown"


def resumed(*announced):
    wire = Wire().feed(created(), item(), delta(), words("One two."), response_done())
    wire.feed(created("s"), item("B", "s"), {**words("Three."), "item_id": "B", "response_id": "s"})
    wire.protocol.end_connection()
    wire.told.clear()
    return wire.feed(*announced)


def copy(item_id, text):
    return added(
        item_id, type="message", role="assistant", status="completed", content=[{"type": "text", "text": text}]
    )


# A conversation that goes on with other ids (xAI)


def test_a_message_that_is_announced_anew_is_known_by_its_text():
    wire = resumed(copy("A2", "One two."), copy("B2", "Three."))
    (request,) = wire.protocol.translate(RemoveMessages(("B",)))
    assert request["item_id"] == "B2"
    wire.feed({"type": "conversation.item.deleted", "item_id": "B2"})
    assert wire.told == [SessionReconciliationAcknowledged("remove", "B")]


def test_what_was_asked_by_the_old_id_is_asked_again_by_the_new_one():
    wire = resumed()
    (request,) = wire.protocol.translate(RemoveMessages(("A",)))
    wire.feed(copy("A2", "One two."), error("not_found", "Item A not found", request["event_id"]))
    assert [event["item_id"] for event in wire.sent] == ["A2"]
    assert wire.told == []
    wire.feed(error("not_found", "Item A2 not found", wire.sent[0]["event_id"]))
    assert [fact.refusal for fact in wire.told] == ["other"], "it is there, whatever its name is"


def test_a_message_that_may_be_there_under_another_name_is_not_taken_for_forgotten():
    wire = resumed(copy("X", "Something else."))
    (request,) = wire.protocol.translate(TruncateMessage("A", 10))
    wire.feed(error("not_found", "Item A not found", request["event_id"]))
    assert [fact.refusal for fact in wire.told] == ["other"]


def test_a_message_that_is_not_announced_anew_is_gone_if_all_that_are_are_known():
    wire = resumed(copy("B2", "Three."))
    (request,) = wire.protocol.translate(RemoveMessages(("A",)))
    wire.feed(error("not_found", "Item A not found", request["event_id"]))
    assert [fact.refusal for fact in wire.told] == ["unknown_message"]
