"""What each effect asks for, how it is answered, and what is kept of it."""

from __future__ import annotations

import pytest
from openai_receiver import base64_of, created, delta, feed, item, part, refused

from speech_lifecycle.adapters.whole_samples import WholeSamples
from speech_lifecycle.fsm.effects import CancelResponse, CommitMessage, RemoveMessages, ReplaceMessage, TruncateMessage
from speech_lifecycle.fsm.events import (
    SessionReconciliationAcknowledged,
    SessionReconciliationRefused,
    SessionResponseEnded,
)

# A connection lasts longer than what is said on it


def test_of_errors_the_latest_are_kept(protocol):
    feed(protocol, *(refused(None, f"error_{number}") for number in range(5_000)))
    assert len(protocol.errors) < 1_000
    assert protocol.errors[-1].code == "error_4999"


def test_of_items_what_a_request_needs_is_kept_of_the_latest(protocol):
    for number in range(5_000):
        item_id = f"item_{number}"
        feed(protocol, {**created(), "response": {"id": f"r_{number}"}})
        feed(protocol, {**item(item_id=item_id), "response_id": f"r_{number}"}, part("audio", item_id, index=1))
        feed(protocol, delta("output_audio", base64_of(b"abc"), item_id))
        feed(protocol, {"type": "response.done", "response": {"id": f"r_{number}"}})
    (latest,) = protocol.translate(TruncateMessage("item_4999", 5))
    (oldest,) = protocol.translate(TruncateMessage("item_0", 5))
    assert (latest["content_index"], oldest["content_index"]) == (1, 0)


def test_of_half_samples_those_of_the_latest_messages_are_kept():
    samples = WholeSamples()
    for number in range(5_000):
        assert samples.take(f"item_{number}", b"abc") == b"ab"
    assert samples.take("item_4999", b"d") == b"cd"
    assert samples.take("item_0", b"de") == b"de"


# Requests


def test_cancel_names_the_response(protocol):
    (event,) = protocol.translate(CancelResponse("r"))
    assert (event["type"], event["response_id"]) == ("response.cancel", "r")


def test_truncate_names_the_audio_part(protocol):
    feed(protocol, created(), item(), part("audio", index=1))
    (event,) = protocol.translate(TruncateMessage("A", 700))
    assert (event["item_id"], event["content_index"], event["audio_end_ms"]) == ("A", 1, 700)


def test_each_message_is_deleted_by_its_own_event(protocol):
    events = protocol.translate(RemoveMessages(("A", "B")))
    assert [(event["type"], event["item_id"]) for event in events] == [
        ("conversation.item.delete", "A"),
        ("conversation.item.delete", "B"),
    ]
    assert len({event["event_id"] for event in events}) == 2


@pytest.mark.parametrize(("previous", "place"), [("U", "U"), (None, "root")])
def test_a_text_is_put_back_where_it_stood(protocol, receiver, previous, place):
    added = {"type": "conversation.item.added", "previous_item_id": previous, "item": {"id": "A"}}
    feed(protocol, added)
    delete, create = protocol.translate(ReplaceMessage("A", "Let me"))
    assert delete["type"] == "conversation.item.delete"
    assert (create["previous_item_id"], create["item"]["id"]) == (place, "A")
    assert create["item"]["content"] == [{"type": "output_text", "text": "Let me"}]
    feed(protocol, {"type": "conversation.item.deleted", "item_id": "A"})
    assert receiver.told == []
    feed(protocol, added)
    assert receiver.told == [SessionReconciliationAcknowledged("replace", "A")]


def refusal(code, message="", event_id=None):
    return {"type": "error", "error": {"code": code, "message": message, "event_id": event_id}}


@pytest.mark.parametrize(
    ("code", "message", "meaning"),
    [
        ("invalid_value", "Audio content of 900ms is already shorter than 1000ms", "already_shorter"),
        ("invalid_value", "Invalid content index 3.", "other"),
        ("item_truncate_invalid_item_id", "no such item", "unknown_message"),
        ("unsupported_content_type", "Only model output audio messages can be truncated", "other"),
        ("server_error", "oops", "other"),
        (None, None, "other"),
    ],
)
def test_what_a_refusal_means(protocol, receiver, code, message, meaning):
    (event,) = protocol.translate(TruncateMessage("A", 1000))
    feed(protocol, refusal(code, message, event["event_id"]))
    assert receiver.told == [SessionReconciliationRefused("truncate", "A", meaning, code or "", message or "")]


def test_refusals_are_told_apart_by_event_id(protocol, receiver):
    events = protocol.translate(RemoveMessages(("A", "B")))
    feed(protocol, refusal("item_delete_invalid_item_id", "", events[1]["event_id"]))
    assert receiver.told[0].message_id == "B"


def test_a_refusal_without_event_id_answers_the_oldest_request_of_its_kind(protocol, receiver):
    protocol.translate(RemoveMessages(("A",)))
    protocol.translate(TruncateMessage("B", 10))
    feed(protocol, refusal("item_truncate_invalid_item_id"), refusal("item_delete_invalid_item_id"))
    assert [(fact.operation, fact.message_id) for fact in receiver.told] == [("truncate", "B"), ("remove", "A")]


def test_a_cancel_that_comes_too_late_is_harmless(protocol, receiver):
    (event,) = protocol.translate(CancelResponse("r"))
    feed(protocol, refusal("response_cancel_not_active", "nothing active", event["event_id"]))
    assert receiver.told == []
    assert [error.code for error in protocol.errors] == ["response_cancel_not_active"]


@pytest.mark.parametrize(
    ("effect", "kind", "operation"),
    [
        (TruncateMessage("A", 5), "conversation.item.truncated", "truncate"),
        (RemoveMessages(("A",)), "conversation.item.deleted", "remove"),
    ],
)
def test_acknowledgements(protocol, receiver, effect, kind, operation):
    protocol.translate(effect)
    feed(protocol, {"type": kind, "item_id": "A"})
    assert receiver.told == [SessionReconciliationAcknowledged(operation, "A")]


# A connection that is lost


def test_a_new_conversation_is_told_what_was_heard_in_order_and_by_the_same_ids(protocol):
    history = [CommitMessage("A", "One two.", "exact", False), CommitMessage("B", "Three", "synchronized", True)]
    told = protocol.restore(history)
    assert [event["type"] for event in told] == ["conversation.item.create"] * 2
    assert [(event["item"]["id"], event["item"]["content"]) for event in told] == [
        ("A", [{"type": "output_text", "text": "One two."}]),
        ("B", [{"type": "output_text", "text": "Three"}]),
    ]
    assert {event["item"]["role"] for event in told} == {"assistant"}
    assert len({event["event_id"] for event in told}) == 2


def test_what_was_heard_without_a_known_text_is_left_out_and_logged(protocol, caplog):
    history = [CommitMessage("A", "", "unknown", True), CommitMessage("B", "", "synchronized", True)]
    assert protocol.restore(history) == []
    assert [record.args for record in caplog.records] == [("A",), ("B",)]


@pytest.mark.parametrize(("item_id", "allowed"), [("i" * 32, True), ("6e48537a-01b2-4311-b6ff-68b41109ca65", False)])
def test_a_message_keeps_its_id_if_a_client_may_choose_it(protocol, item_id, allowed):
    (told,) = protocol.restore([CommitMessage(item_id, "One two.", "exact", False)])
    assert told["item"].get("id") == (item_id if allowed else None)


def test_nothing_of_a_lost_connection_is_awaited(protocol, receiver):
    for event in (created(), item(), part("audio")):
        protocol.receive(event)
    request = protocol.request_response("speech_1")
    (truncation,) = protocol.translate(TruncateMessage("A", 100))
    protocol.end_connection()
    receiver.told.clear()
    for event_id in (request["event_id"], truncation["event_id"]):
        protocol.receive({"type": "error", "error": {"code": "no", "message": "No.", "event_id": event_id}})
    protocol.receive({"type": "response.done", "response": {"id": "r", "status": "completed"}})
    assert receiver.told == [SessionResponseEnded("r", "completed")]
    assert len(protocol.errors) == 2


def test_a_kept_conversation_is_truncated_where_its_audio_is(protocol):
    for event in (created(), item(), part("text"), part("audio", index=1)):
        protocol.receive(event)
    protocol.end_connection()
    (truncation,) = protocol.translate(TruncateMessage("A", 100))
    assert truncation["content_index"] == 1


@pytest.mark.parametrize("name", ["conversation.created", "session.created"])
def test_a_server_may_say_which_conversation_it_is(protocol, name):
    protocol.receive({"type": name, "conversation": {"id": "conv_1"}})
    assert protocol.conversation_id == "conv_1"
    protocol.receive({"type": "session.created", "session": {"id": "sess_1"}})
    assert protocol.conversation_id == "conv_1"
