"""The simulated realtime server: what it refuses, and how it misbehaves if the script says so."""

from __future__ import annotations

import pytest
from realtime_client import ANSWER, PREAMBLE, error_of, eventually, running, types, user_says
from websockets.exceptions import ConnectionClosedError

from speech_lifecycle.simulation.script import AT_ONCE, ScriptedResponse, ServerBehaviour

pytestmark = pytest.mark.usefixtures("no_handler_fails")


class TestInvalidEvents:
    @pytest.mark.parametrize(
        ("event", "code", "param"),
        [
            ({}, "missing_required_parameter", "type"),
            ({"type": "response.stop"}, "invalid_value", "type"),
            ({"type": "conversation.item.delete"}, "missing_required_parameter", "item_id"),
            (
                {
                    "type": "conversation.item.truncate",
                    "item_id": "a",
                    "content_index": 0,
                    "audio_end_ms": 1.5,
                },
                "invalid_type",
                "audio_end_ms",
            ),
            (
                {
                    "type": "conversation.item.truncate",
                    "item_id": "a",
                    "content_index": 0,
                    "audio_end_ms": "100",
                },
                "invalid_type",
                "audio_end_ms",
            ),
            (
                {
                    "type": "conversation.item.truncate",
                    "item_id": "a",
                    "content_index": 0,
                    "audio_end_ms": None,
                },
                "invalid_type",
                "audio_end_ms",
            ),
            (
                {"type": "conversation.item.create", "item": user_says("x") | {"content": "x"}},
                "invalid_type",
                "item.content",
            ),
            (
                {"type": "session.update", "session": {"type": "realtime", "tools": "none"}},
                "invalid_type",
                "session.tools",
            ),
            ({"type": "session.update", "session": {}}, "missing_required_parameter", "session.type"),
            (
                {"type": "session.update", "session": {"type": "realtime", "output_modalities": ["video"]}},
                "invalid_value",
                "session.output_modalities[0]",
            ),
            (
                {"type": "response.create", "response": {"output_modalities": ["audio", "text"]}},
                "invalid_value",
                "response.output_modalities",
            ),
            ({"type": "output_audio_buffer.clear"}, "invalid_value", "type"),
        ],
    )
    async def test_an_invalid_event_is_refused_by_its_parameter_and_the_session_stays_open(self, event, code, param):
        async with running() as client:
            error = error_of(await client.send({**event, "event_id": "mine"}))
            assert (error.type, error.code, error.param) == ("invalid_request_error", code, param)
            assert error.event_id == "mine"
            assert client.session.events_received == [{**event, "event_id": "mine"}]
            assert types(await client.respond())[-1] == "response.done"

    @pytest.mark.parametrize("frame", ["not json", "[]", '{"type": "response.create", "x": NaN}', b"\xff"])
    async def test_what_is_no_json_object_is_refused(self, frame):
        async with running() as client:
            error = error_of(await client.do(client.connection._connection.send(frame)))
            assert (error.type, error.code) == ("invalid_request_error", "invalid_json")


class TestMisbehaviour:
    async def test_the_server_counts_less_than_it_sent(self):
        script = ScriptedResponse((ANSWER,), server_counts_ms_less=85, pacing=AT_ONCE)
        async with running(script) as client:
            await client.respond()
            assert client.session.audio_sent_ms == {"item_b": 2000}
            truncate = client.connection.conversation.item.truncate
            refused = await client.do(truncate(item_id="item_b", content_index=0, audio_end_ms=2000))
            assert error_of(refused).message == "Audio content of 1915ms is already shorter than 2000ms"
            (event,) = await client.do(truncate(item_id="item_b", content_index=0, audio_end_ms=1915))
            assert event.type == "conversation.item.truncated"

    @pytest.mark.parametrize("after_ms", [0, 300])
    async def test_the_connection_drops_in_the_middle_of_a_response(self, after_ms):
        script = ScriptedResponse((ANSWER,), drop_connection_after_audio_ms=after_ms)
        async with running(script) as client:
            await client.do(client.connection.response.create())
            await client.finish()
            await eventually(lambda: client.closed_by is not None)
            assert isinstance(client.closed_by, ConnectionClosedError)
            assert client.closed_by.rcvd is None, "no closing handshake"
            assert client.session.is_closed
            assert client.session.audio_sent_ms.get("item_b", 0) == after_ms
            assert len(client.events) == client.session.frames_sent, "what was sent before has arrived"
            await client.session.user_starts_speaking()

    async def test_every_truncate_and_delete_is_refused(self):
        behaviour = ServerBehaviour(refuse_truncate="server_error", refuse_delete="not_supported")
        async with running(ScriptedResponse((PREAMBLE,)), behaviour=behaviour) as client:
            await client.respond()
            before = client.session.conversation.remembered()
            item = client.connection.conversation.item
            refused = await client.do(item.truncate(item_id="item_a", content_index=0, audio_end_ms=1))
            assert error_of(refused).code == "server_error"
            assert error_of(await client.do(item.delete(item_id="item_a"))).code == "not_supported"
            assert client.session.conversation.remembered() == before

    @pytest.mark.parametrize(("habit", "remembers"), [("unacknowledged", 0), ("lost", 1)])
    async def test_requests_that_are_never_answered(self, habit, remembers):
        requests = frozenset({"conversation.item.truncate", "conversation.item.delete"})
        behaviour = ServerBehaviour(**{habit: requests})
        async with running(ScriptedResponse((PREAMBLE,)), behaviour=behaviour) as client:
            await client.respond()
            item = client.connection.conversation.item
            assert await client.do(item.truncate(item_id="item_a", content_index=0, audio_end_ms=1)) == []
            assert await client.do(item.delete(item_id="item_a")) == []
            assert len(client.session.conversation.remembered()) == remembers
