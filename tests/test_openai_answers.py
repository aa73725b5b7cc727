"""Which change of the conversation a server confirms or refuses, and in which words (N21)."""

from __future__ import annotations

import pytest
from openai_wire import Wire, error

from speech_lifecycle.fsm.effects import RemoveMessages, ReplaceMessage, TruncateMessage
from speech_lifecycle.fsm.events import (
    SessionReconciliationAcknowledged,
    SessionReconciliationRefused,
)

# N21: answers without an id


@pytest.mark.parametrize("nothing", [{"item_id": ""}, {"item_id": None}, {}], ids=str)
def test_n21_a_deletion_that_is_confirmed_without_an_id_is_the_oldest(nothing):
    wire = Wire()
    wire.protocol.translate(RemoveMessages(("A", "B")))
    deleted = {"type": "conversation.item.deleted", **nothing}
    wire.feed(deleted, deleted, deleted)
    assert wire.told == [
        SessionReconciliationAcknowledged("remove", "A"),
        SessionReconciliationAcknowledged("remove", "B"),
    ]


def test_n21_a_refused_deletion_is_not_confirmed_in_the_place_of_the_next():
    wire = Wire()
    first, _ = wire.protocol.translate(RemoveMessages(("A", "B")))
    wire.feed(error("item_delete_invalid_item_id", "", first["event_id"]))
    wire.feed({"type": "conversation.item.deleted", "item_id": ""})
    assert wire.of(SessionReconciliationAcknowledged) == [SessionReconciliationAcknowledged("remove", "B")]


def test_n21_the_deletion_of_a_replacement_confirms_no_other():
    wire = Wire()
    wire.protocol.translate(ReplaceMessage("A", "Hi"))
    wire.protocol.translate(RemoveMessages(("B",)))
    deleted = {"type": "conversation.item.deleted", "item_id": ""}
    wire.feed(deleted)
    assert wire.told == []
    wire.feed(deleted, {"type": "conversation.item.added", "item": {"id": "A"}})
    assert wire.told == [
        SessionReconciliationAcknowledged("remove", "B"),
        SessionReconciliationAcknowledged("replace", "A"),
    ]


def test_n21_a_truncation_that_is_confirmed_without_an_id_is_the_oldest():
    wire = Wire()
    wire.protocol.translate(TruncateMessage("A", 10))
    wire.feed({"type": "conversation.item.truncated", "item_id": ""})
    assert wire.told == [SessionReconciliationAcknowledged("truncate", "A")]


# Refusals in a server's own words


@pytest.mark.parametrize(
    ("code", "message", "meaning"),
    [
        ("not_found", "Item A not found", "unknown_message"),
        ("item_not_found", "", "unknown_message"),
        (404, "No such item: A", "unknown_message"),
        ("invalid_request", "conversation item 'A' does not exist", "unknown_message"),
        ("bad_request", "Audio is already shorter than that", "already_shorter"),
        ("not_found", "model not found", "other"),
        ("unsupported", "cannot truncate", "other"),
    ],
)
def test_a_refusal_is_understood_in_a_servers_own_words(code, message, meaning):
    for names_event in (True, False):
        wire = Wire()
        (request,) = wire.protocol.translate(TruncateMessage("A", 10))
        wire.feed(error(code, message, request["event_id"] if names_event else None))
        refused = SessionReconciliationRefused("truncate", "A", meaning, str(code), message)
        if names_event or "A" in message or "truncat" in message:
            assert wire.told == [refused]
        else:
            assert [told.code for told in wire.protocol.errors] == [str(code)]


def test_a_refusal_that_names_no_event_is_about_the_item_that_it_names():
    wire = Wire()
    wire.protocol.translate(RemoveMessages(("item_1", "item_2")))
    wire.feed(error("gone", "item_2 not found"))
    assert [fact.message_id for fact in wire.told] == ["item_2"]
