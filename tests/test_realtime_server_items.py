"""The simulated realtime server: what is remembered once items are created, deleted and truncated."""

from __future__ import annotations

import pytest
from realtime_client import ANSWER, PREAMBLE, error_of, only, running, the, types, user_says

from speech_lifecycle.simulation.conversation import Conversation, MessageItem, RememberedMessage, ServerRefusal
from speech_lifecycle.simulation.script import AT_ONCE, ScriptedMessage, ScriptedResponse

pytestmark = pytest.mark.usefixtures("no_handler_fails")


class TestItems:
    async def test_created_items_are_announced_in_their_place(self):
        async with running() as client:
            create = client.connection.conversation.item.create
            events = await client.do(create(item=user_says("One.", id="u1")))
            assert types(events) == ["conversation.item.added", "conversation.item.done"]
            assert [event.previous_item_id for event in events] == [None, None]
            await client.do(create(item=user_says("Three.", id="u3")))
            events = await client.do(create(item=user_says("Two.", id="u2"), previous_item_id="u1"))
            assert events[0].previous_item_id == "u1"
            system = {"type": "message", "role": "system", "content": user_says("Rules.")["content"]}
            events = await client.do(create(item={**system, "id": "s"}, previous_item_id="root"))
            assert events[0].previous_item_id is None
            said = {"type": "output_text", "text": "Said."}
            assistant = {"type": "message", "role": "assistant", "content": [said], "id": "a"}
            await client.do(create(item=assistant))
            assert [item.id for item in client.session.conversation.items] == ["s", "u1", "u2", "u3", "a"]
            remembered = RememberedMessage("a", None, "Said.", "completed")
            assert client.session.conversation.remembered() == (remembered,)

    @pytest.mark.parametrize(
        ("item", "previous_item_id", "code", "param"),
        [
            (user_says("Again.", id="u1"), None, "invalid_value", "item.id"),
            (user_says("x"), "nowhere", "item_create_invalid_previous_item_id", "previous_item_id"),
            (
                {
                    "type": "message",
                    "role": "assistant",
                    "content": [{"type": "output_audio", "transcript": "x"}],
                },
                None,
                "invalid_value",
                "item.content[0].type",
            ),
            (
                {"type": "message", "role": "user", "content": [{"text": "x"}]},
                None,
                "missing_required_parameter",
                "item.content[0].type",
            ),
            (
                {"type": "mcp_approval_response", "id": "m", "approval_request_id": "r", "approve": True},
                None,
                "invalid_value",
                "item.type",
            ),
        ],
    )
    async def test_items_that_are_refused(self, item, previous_item_id, code, param):
        async with running() as client:
            await client.do(client.connection.conversation.item.create(item=user_says("One.", id="u1")))
            request = {"type": "conversation.item.create", "item": item, "event_id": "mine"}
            if previous_item_id:
                request["previous_item_id"] = previous_item_id
            error = error_of(await client.send(request))
            assert (error.code, error.param, error.event_id) == (code, param, "mine")
            assert [item.id for item in client.session.conversation.items] == ["u1"]

    async def test_delete_and_retrieve(self):
        async with running(ScriptedResponse((PREAMBLE, ANSWER), pacing=AT_ONCE)) as client:
            await client.respond()
            item = client.connection.conversation.item
            retrieved = the(await client.do(item.retrieve(item_id="item_a")), "conversation.item.retrieved")
            assert retrieved.item.content[0].transcript == PREAMBLE.text
            deleted = await client.do(item.delete(item_id="item_a"))
            assert the(deleted, "conversation.item.deleted").item_id == "item_a"
            assert [message.id for message in client.session.conversation.remembered()] == ["item_b"]
            error = error_of(await client.do(item.delete(item_id="item_a", event_id="again")))
            assert (error.code, error.event_id) == ("item_delete_invalid_item_id", "again")
            error = error_of(await client.do(item.retrieve(item_id="item_a")))
            assert error.code == "item_retrieve_invalid_item_id"

    async def test_an_item_deleted_while_it_is_generated_stays_deleted(self):
        async with running(ScriptedResponse((PREAMBLE, ANSWER))) as client:
            await client.do(client.connection.response.create())
            await client.do(client.connection.conversation.item.delete(item_id="item_a"))
            events = await client.finish()
            assert the(events, "conversation.item.done").item.id == "item_b"
            assert [message.id for message in client.session.conversation.remembered()] == ["item_b"]

    async def test_truncation_keeps_the_audio_before_and_deletes_the_transcript(self):
        async with running(ScriptedResponse((PREAMBLE, ANSWER), pacing=AT_ONCE)) as client:
            await client.respond()
            truncate = client.connection.conversation.item.truncate
            (event,) = await client.do(truncate(item_id="item_a", content_index=0, audio_end_ms=300))
            assert event.type == "conversation.item.truncated"
            assert (event.item_id, event.content_index, event.audio_end_ms) == ("item_a", 0, 300)
            assert client.session.conversation.remembered()[0] == RememberedMessage("item_a", 300, None, "completed")
            again = await client.do(truncate(item_id="item_a", content_index=0, audio_end_ms=301))
            assert error_of(again).message == "Audio content of 300ms is already shorter than 301ms"

    async def test_what_is_generated_after_a_truncation_is_not_remembered(self):
        async with running(ScriptedResponse((ANSWER,), late_deltas_after_cancel_ms=50)) as client:
            await client.do(client.connection.response.create())
            await client.do(
                client.connection.response.cancel(),
                client.connection.conversation.item.truncate(item_id="item_b", content_index=0, audio_end_ms=40),
            )
            assert only(await client.finish(), "response.output_audio.delta") != []
            remembered = RememberedMessage("item_b", 40, None, "incomplete")
            assert client.session.conversation.remembered() == (remembered,)

    @pytest.mark.parametrize(
        ("item_id", "content_index", "audio_end_ms", "code", "message"),
        [
            ("item_a", 0, 801, "invalid_value", "Audio content of 800ms is already shorter than 801ms"),
            ("item_a", 0, -1, "integer_below_min_value", None),
            ("item_a", 1, 10, "invalid_value", None),
            ("item_t", 0, 10, "unsupported_content_type", "Only model output audio messages can be truncated"),
            ("item_0", 0, 0, "unsupported_content_type", "Only model output audio messages can be truncated"),
            ("u1", 0, 10, "unsupported_content_type", "Only model output audio messages can be truncated"),
            ("nowhere", 0, 10, "item_truncate_invalid_item_id", None),
        ],
    )
    async def test_truncations_that_are_refused(self, item_id, content_index, audio_end_ms, code, message):
        text = ScriptedMessage("Text.", modality="text", message_id="item_t")
        silent = ScriptedMessage("Nothing yet.", message_id="item_0")
        async with running(ScriptedResponse((PREAMBLE, text, silent), pacing=AT_ONCE)) as client:
            await client.do(client.connection.conversation.item.create(item=user_says("One.", id="u1")))
            await client.respond()
            before = client.session.conversation.remembered()
            truncate = client.connection.conversation.item.truncate(
                item_id=item_id, content_index=content_index, audio_end_ms=audio_end_ms, event_id="mine"
            )
            error = error_of(await client.do(truncate))
            assert (error.type, error.code, error.event_id) == ("invalid_request_error", code, "mine")
            assert message is None or error.message == message
            assert client.session.conversation.remembered() == before
            assert [event["error"]["code"] for event in client.session.errors_sent] == [code]


def test_the_conversation_needs_no_server():
    conversation = Conversation("conv")
    assert conversation.begin_response("r1") is None
    message = MessageItem("a", "assistant", "audio", "in_progress")
    assert conversation.insert(message) is None
    refusal = conversation.truncate("a", 0, 0)
    assert isinstance(refusal, ServerRefusal)
    assert refusal.code == "unsupported_content_type"
    message.add_audio(100)
    message.add_text("Hello.")
    assert conversation.truncate("a", 0, 60) is None
    message.add_text(" More.")
    assert conversation.remembered() == (RememberedMessage("a", 60, None, "in_progress"),)
    assert conversation.cancel("r1") is None
    assert conversation.cancel(None) is not None
    conversation.end_response()
    assert conversation.active_response_id is None
