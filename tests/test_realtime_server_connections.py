"""The simulated realtime server: how a connection is opened, lost and closed, and when nothing is in flight."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress

import pytest
from openai import AsyncOpenAI
from realtime_client import ANSWER, PREAMBLE, eventually, running, types
from websockets.asyncio.client import connect as websocket_connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from speech_lifecycle.simulation.realtime_server import SimulatedRealtimeServer
from speech_lifecycle.simulation.script import AT_ONCE, Pacing, ScriptedMessage, ScriptedResponse

pytestmark = pytest.mark.usefixtures("no_handler_fails")


class TestConnecting:
    async def test_the_session_is_greeted_with_its_model(self):
        async with running(model="gpt-realtime-2") as client:
            (created,) = client.events
            assert created.type == "session.created"
            assert created.session.model == "gpt-realtime-2"
            assert created.session.audio.input.turn_detection.interrupt_response is True
            assert client.session.frames_sent == 1

    async def test_a_wrong_key_is_refused_with_401(self):
        async with running(connect=False, api_key="another") as (server, openai):
            with pytest.raises(InvalidStatus) as refused:
                await openai.realtime.connect(model="gpt-realtime").enter()
            assert refused.value.response.status_code == 401
            assert json.loads(refused.value.response.body)["error"]["code"] == "invalid_api_key"
            assert server.sessions == []

    async def test_the_right_key_is_accepted(self):
        async with running(api_key="secret") as client:
            assert types(client.events) == ["session.created"]

    async def test_each_connection_has_its_own_conversation_and_the_script_goes_on(self):
        responses = [ScriptedResponse((message,), pacing=AT_ONCE) for message in (PREAMBLE, ANSWER)]
        async with running(*responses, connect=False) as (server, openai):
            for _ in range(2):
                async with openai.realtime.connect(model="gpt-realtime") as connection:
                    await connection.response.create()
                    while (await connection.recv()).type != "response.done":
                        pass
            remembered = [session.conversation.remembered() for session in server.sessions]
            assert [[message.id for message in messages] for messages in remembered] == [
                ["item_a"],
                ["item_b"],
            ]

    async def test_the_urls_are_there_only_while_it_runs(self):
        server = SimulatedRealtimeServer()
        with pytest.raises(RuntimeError, match="not running"):
            _ = server.base_url
        async with server:
            assert server.base_url == f"http://127.0.0.1:{server.port}/v1"
            assert server.websocket_base_url == f"ws://127.0.0.1:{server.port}/v1"

    @pytest.mark.parametrize("chunk_ms", [100, 120_000])
    async def test_a_client_that_does_not_read_cannot_keep_the_server_open(self, chunk_ms):
        script = ScriptedResponse(
            (ScriptedMessage("Endless.", audio_ms=120_000),), pacing=Pacing(speed=None, chunk_ms=chunk_ms)
        )
        async with SimulatedRealtimeServer([script]) as server:
            openai = AsyncOpenAI(
                base_url=server.base_url, api_key="secret", websocket_base_url=server.websocket_base_url
            )
            connection = await openai.realtime.connect(model="gpt-realtime").enter()
            await connection.response.create()
            await eventually(lambda: bool(server.sessions) and server.sessions[0].frames_handled == 1)
            closing = asyncio.create_task(server.__aexit__(None, None, None))
            await asyncio.wait_for(closing, timeout=5)
        assert server.sessions[0].is_closed
        with suppress(ConnectionClosed):
            while True:
                await connection.recv_bytes()
        await connection.close()
        await openai.close()

    async def test_the_server_closes_in_the_middle_of_a_response(self):
        async with running(ScriptedResponse((ANSWER,))) as client:
            await client.do(client.connection.response.create())
            assert client.clock.next_due_ms is not None

    async def test_any_other_path_is_not_found(self):
        async with running(connect=False) as (server, _):
            with pytest.raises(InvalidStatus) as refused:
                await websocket_connect(f"{server.websocket_base_url}/elsewhere")
            assert refused.value.response.status_code == 404

    async def test_the_script_is_checked(self):
        with pytest.raises(ValueError, match="item_a"):
            SimulatedRealtimeServer([ScriptedResponse((PREAMBLE,)), ScriptedResponse((PREAMBLE,))])
        with pytest.raises(ValueError, match="repeated"):
            SimulatedRealtimeServer(default_response=ScriptedResponse((PREAMBLE,)))
        with pytest.raises(ValueError, match="text message has no audio"):
            ScriptedMessage("Hello.", audio_ms=10, modality="text")
        with pytest.raises(ValueError, match="speed"):
            Pacing(speed=0)


class TestQuiescence:
    async def test_the_counters_are_equal_only_when_nothing_is_in_flight(self):
        async with running(ScriptedResponse((PREAMBLE, ANSWER))) as client:
            session = client.session
            await client.connection.response.create()
            client.frames_sent += 1
            await eventually(lambda: session.frames_handled == client.frames_sent)
            assert session.frames_sent > len(client.events), "the answer is counted before it is handled"
            assert client.clock.next_due_ms is not None, "and the generation waits for the clock"
            await client.settle()
            sent = session.frames_sent
            client.clock.advance_to_next()
            assert session.frames_sent > sent, "what falls due is counted before the clock returns"
            await client.finish()

    async def test_two_runs_are_the_same(self):
        runs = []
        for _ in range(2):
            async with running(ScriptedResponse((PREAMBLE, ANSWER))) as client:
                await client.do(client.connection.response.create())
                await client.advance(70)
                await client.do(client.connection.response.cancel())
                runs.append(client.session.events_sent)
        assert runs[0] == runs[1]
