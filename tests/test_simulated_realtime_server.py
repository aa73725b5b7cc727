"""The simulated realtime server, driven by the real openai SDK over a real socket.

Time is virtual: a `Client` lets everything in flight arrive before it moves the clock, so each run is
the same and none of them waits.
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import logging
import os
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from openai import AsyncOpenAI
from openai.types.realtime import RealtimeServerEvent
from pydantic import TypeAdapter
from websockets.asyncio.client import connect as websocket_connect
from websockets.exceptions import ConnectionClosed, ConnectionClosedError, InvalidStatus

from speech_lifecycle.adapters.clock import VirtualClock
from speech_lifecycle.adapters.simulation.conversation import (
    Conversation,
    MessageItem,
    Refusal,
    RememberedMessage,
)
from speech_lifecycle.adapters.simulation.realtime_server import SimulatedRealtimeServer
from speech_lifecycle.adapters.simulation.script import (
    AT_ONCE,
    Pacing,
    ScriptedFunctionCall,
    ScriptedMessage,
    ScriptedResponse,
    ServerBehaviour,
)

SERVER_EVENTS: TypeAdapter[Any] = TypeAdapter(RealtimeServerEvent)
PREAMBLE = ScriptedMessage("Let me check that.", audio_ms=800, message_id="item_a")
ANSWER = ScriptedMessage("It is foggy in London today.", audio_ms=2000, message_id="item_b")


def captures_folder() -> Path:
    default = Path(__file__).resolve().parent.parent.parent / "shared" / "captures"
    return Path(os.environ.get("SPEECH_LIFECYCLE_CAPTURES", default))


def recorded_types(name: str) -> list[str]:
    """Types of the events that a real server sent in one recording."""
    path = captures_folder() / name
    if not path.exists():
        pytest.skip(f"no recording at {path}; set SPEECH_LIFECYCLE_CAPTURES")
    recording = yaml.safe_load(path.read_text(encoding="utf-8"))
    return [entry["data"]["type"] for entry in recording["interactions"] if entry["direction"] == "received"]


def collapsed(types: list[str]) -> list[str]:
    return [kind for kind, _ in itertools.groupby(types)]


async def eventually(is_so) -> None:
    """Let the event loop turn until it is so."""
    for _ in range(100_000):
        if is_so():
            return
        await asyncio.sleep(0)
    raise AssertionError("it never happened")


@pytest.fixture(autouse=True)
def _no_handler_fails(caplog):
    yield
    errors = [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]
    assert errors == []


class Client:
    """An SDK connection that knows what is in flight."""

    def __init__(self, connection, session, clock) -> None:
        self.connection, self.session, self.clock = connection, session, clock
        self.events: list[Any] = []
        self.frames_sent = 0
        self.closed_by: Exception | None = None
        self._reader = asyncio.create_task(self._read())

    async def _read(self) -> None:
        try:
            while True:
                self.events.append(await self.connection.recv())
        except ConnectionClosedError as closed:
            self.closed_by = closed

    async def settle(self) -> None:
        """Let every frame arrive and be handled, in both directions."""
        for _ in range(100_000):
            if self.closed_by is not None or (
                len(self.events) == self.session.frames_sent and self.frames_sent == self.session.frames_handled
            ):
                return
            await asyncio.sleep(0)
        raise AssertionError("frames are stuck")

    async def do(self, *requests) -> list[Any]:
        """Send requests; return the events that came in answer, at this instant."""
        before = len(self.events)
        for request in requests:
            await request
            self.frames_sent += 1
        await self.settle()
        return self.events[before:]

    async def send(self, event: dict[str, Any]) -> list[Any]:
        return await self.do(self.connection.send(event))

    async def advance(self, by_ms: float) -> list[Any]:
        """Move the clock call by call, and let the events arrive in between."""
        before = len(self.events)
        until_ms = self.clock.now_ms() + by_ms
        while (due_ms := self.clock.next_due_ms) is not None and due_ms <= until_ms:
            self.clock.advance_to_next()
            await self.settle()
        self.clock.advance(until_ms - self.clock.now_ms() if until_ms != float("inf") else 0)
        return self.events[before:]

    async def finish(self) -> list[Any]:
        return await self.advance(float("inf"))

    async def respond(self) -> list[Any]:
        """Ask for a response and receive all of it."""
        return await self.do(self.connection.response.create()) + await self.finish()

    async def close(self) -> None:
        self._reader.cancel()
        with suppress(asyncio.CancelledError):
            await self._reader
        await self.connection.close()


@asynccontextmanager
async def running(*responses, connect=True, model="gpt-realtime", **options):
    clock = VirtualClock()
    tasks_before = asyncio.all_tasks()
    async with SimulatedRealtimeServer(responses, clock=clock, **options) as server:
        openai = AsyncOpenAI(base_url=server.base_url, api_key="secret", websocket_base_url=server.websocket_base_url)
        async with openai:
            if not connect:
                yield server, openai
            else:
                async with openai.realtime.connect(model=model) as connection:
                    # The session exists once its greeting has arrived.
                    greeting = await connection.recv()
                    client = Client(connection, server.sessions[0], clock)
                    client.events.append(greeting)
                    try:
                        yield client
                    finally:
                        await client.close()
    assert clock.next_due_ms is None
    assert asyncio.all_tasks() == tasks_before
    if server.behaviour.event_names == "ga":
        for event in itertools.chain.from_iterable(session.events_sent for session in server.sessions):
            SERVER_EVENTS.validate_json(json.dumps(event), strict=True)


def types(events: list[Any]) -> list[str]:
    return [event.type for event in events]


def only(events: list[Any], kind: str) -> list[Any]:
    return [event for event in events if event.type == kind]


def the(events: list[Any], kind: str) -> Any:
    (event,) = only(events, kind)
    return event


def user_says(text: str, **fields: Any) -> dict[str, Any]:
    return {
        "type": "message",
        "role": "user",
        "content": [{"type": "input_text", "text": text}],
        **fields,
    }


def error_of(events: list[Any]) -> Any:
    (event,) = events
    assert event.type == "error"
    return event.error


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


class TestOrder:
    async def test_one_audio_response_has_the_order_of_the_recording(self):
        recorded = recorded_types("openai_typed_turn_audio_reply.yaml")
        script = ScriptedResponse((ScriptedMessage("Hi there!", 500),), pacing=Pacing(transcript_lead_ms=None))
        async with running(script) as client:
            await client.do(client.connection.session.update(session={"type": "realtime"}))
            await client.do(
                client.connection.conversation.item.create(item=user_says("Say a short greeting.")),
                client.connection.response.create(),
            )
            await client.finish()
            assert collapsed(types(client.events)) == collapsed(recorded)

    async def test_a_message_and_a_function_call_have_the_order_of_the_recording(self):
        recorded = recorded_types("openai_preamble_and_tool_call.yaml")
        first_response = recorded[recorded.index("response.created") : recorded.index("response.done") + 1]
        script = ScriptedResponse(
            (
                ScriptedMessage("I'll check the current weather in London for you.", modality="text"),
                ScriptedFunctionCall("get_weather", '{"city":"London"}'),
            )
        )
        async with running(script) as client:
            assert collapsed(types(await client.respond())) == collapsed(first_response)

    async def test_the_done_events_of_two_messages_come_together_at_the_end(self):
        async with running(ScriptedResponse((PREAMBLE, ANSWER))) as client:
            events = await client.respond()
        begin = ["response.output_item.added", "conversation.item.added", "response.content_part.added"]
        stream = {"response.output_audio_transcript.delta", "response.output_audio.delta"}
        end = [
            "response.output_audio.done",
            "response.output_audio_transcript.done",
            "response.content_part.done",
            "conversation.item.done",
            "response.output_item.done",
        ]
        order = [kind for kind in types(events) if kind not in stream]
        assert order == ["response.created", *begin, *begin, *end, *end, "response.done"]
        assert [event.output_index for event in only(events, "response.output_item.added")] == [0, 1]
        announced = only(events, "conversation.item.added")
        assert [(event.previous_item_id, event.item.id) for event in announced] == [
            (None, "item_a"),
            ("item_a", "item_b"),
        ]
        assert [(event.item.status, event.item.content) for event in announced] == [("in_progress", [])] * 2
        assert {event.part.type for event in only(events, "response.content_part.added")} == {"audio"}
        kinds_of_a = types(event for event in events if getattr(event, "item_id", "") == "item_a")
        assert len(collapsed([kind for kind in kinds_of_a if kind in stream])) > 2, "interleaved"
        done = the(events, "response.done").response
        assert (done.status, done.status_details) == ("completed", None)
        assert [(item.id, item.status) for item in done.output] == [
            ("item_a", "completed"),
            ("item_b", "completed"),
        ]
        assert done.usage.output_token_details.audio_tokens == (800 + 2000) / 50

    async def test_done_events_with_each_item_if_the_script_says_so(self):
        script = ScriptedResponse((PREAMBLE, ANSWER), pacing=Pacing(done_events="end_of_item"))
        async with running(script) as client:
            kinds = types(await client.respond())
        first_done = kinds.index("response.output_item.done")
        assert first_done < len(kinds) - 1 - kinds[::-1].index("response.output_item.added")

    async def test_audio_of_an_item_may_come_after_a_later_one(self):
        script = ScriptedResponse((ScriptedMessage("Words.", 200, message_id="item_a", late_audio_ms=100), ANSWER))
        async with running(script) as client:
            events = await client.respond()
            assert [event.item_id for event in only(events, "response.output_audio.delta")][-2:] == ["item_b", "item_a"]
            assert client.session.audio_sent_ms == {"item_a": 300, "item_b": 2000}
            assert [message.audio_ms for message in client.session.conversation.remembered()] == [300, 2000]

    @pytest.mark.parametrize(("audio_ms", "late_ms"), [(100, -1), (0, 100)])
    def test_late_audio_needs_audio_that_is_not_late(self, audio_ms, late_ms):
        with pytest.raises(ValueError, match=f"late_audio_ms must be 0, or more after audio, not {late_ms}"):
            ScriptedMessage("", audio_ms, late_audio_ms=late_ms)

    async def test_text_items_are_text_parts(self):
        script = ScriptedResponse((ScriptedMessage(" Two  words ", modality="text"),))
        async with running(script) as client:
            events = await client.respond()
            assert the(events, "response.content_part.added").part.type == "text"
            deltas = [event.delta for event in only(events, "response.output_text.delta")]
            assert deltas == [" Two", "  words", " "]
            assert the(events, "response.output_text.done").text == " Two  words "
            (message,) = client.session.conversation.remembered()
            assert (message.audio_ms, message.text, message.status) == (None, " Two  words ", "completed")

    async def test_a_message_may_have_neither_audio_nor_transcript(self):
        async with running(ScriptedResponse((ScriptedMessage(""), ScriptedMessage("Words.")))) as client:
            events = await client.respond()
            assert only(events, "response.output_audio.delta") == []
            done = [event.transcript for event in only(events, "response.output_audio_transcript.done")]
            assert done == ["", "Words."]
            assert [message.audio_ms for message in client.session.conversation.remembered()] == [0, 0]

    @pytest.mark.parametrize("name", ["openai", "azure"])
    async def test_a_spoken_turn_has_the_order_of_the_recordings(self, name):
        recorded = [
            kind
            for kind in recorded_types(f"{name}_spoken_turn.yaml")
            if "input_audio_transcription" not in kind and "delta" not in kind
        ]
        async with running(ScriptedResponse((PREAMBLE,))) as client:
            await client.do(client.connection.session.update(session={"type": "realtime"}))
            await client.session.user_starts_speaking()
            await client.session.user_stops_speaking()
            await client.settle()
            await client.finish()
            assert [kind for kind in types(client.events) if "delta" not in kind] == recorded

    async def test_legacy_names_have_the_order_of_the_recording(self):
        ignored = ("input_audio_transcription", "delta")
        recorded = [
            kind
            for kind in recorded_types("azure_voice_live_spoken_turn.yaml")
            if not any(part in kind for part in ignored)
        ]
        behaviour = ServerBehaviour(event_names="legacy")
        async with running(ScriptedResponse((PREAMBLE,)), behaviour=behaviour) as client:
            flat = {"modalities": ["text", "audio"], "instructions": "Be brief.", "voice": "echo"}
            await client.send({"type": "session.update", "session": flat})
            await client.session.user_starts_speaking()
            await client.session.user_stops_speaking()
            await client.settle()
            await client.finish()
            sent = client.session.events_sent
            assert [event["type"] for event in sent if "delta" not in event["type"]] == recorded
            kinds = {event["type"] for event in sent}
            assert {"response.audio.delta", "response.audio_transcript.delta"} <= kinds
            assert sent[1]["session"]["instructions"] == "Be brief."
            assert sent[1]["session"]["modalities"] == ["audio", "text"]
            done = sent[-1]["response"]
            assert (done["modalities"], done["voice"]) == (["audio", "text"], "echo")
            assert done["output"][0]["content"] == [{"type": "audio", "transcript": PREAMBLE.text}]
            assert done["output"][0]["object"] == "realtime.item"


class TestAudioAndPacing:
    async def test_the_audio_is_as_long_as_scripted_and_its_pitch_tells_messages_apart(self):
        async with running(ScriptedResponse((PREAMBLE, ANSWER), pacing=AT_ONCE)) as client:
            events = await client.respond()
            audio = {"item_a": b"", "item_b": b""}
            for event in only(events, "response.output_audio.delta"):
                audio[event.item_id] += base64.b64decode(event.delta)
            assert {name: len(samples) / 48 for name, samples in audio.items()} == {
                "item_a": 800,
                "item_b": 2000,
            }
            assert client.session.audio_sent_ms == {"item_a": 800, "item_b": 2000}
            pitches = []
            for samples in audio.values():
                spectrum = np.abs(np.fft.rfft(np.frombuffer(samples, "<i2")))
                pitches.append(np.argmax(spectrum) * 24_000 / (len(samples) / 2))
            assert pitches == pytest.approx([220, 220 * 2 ** (7 / 12)], abs=2)

    async def test_audio_comes_in_chunks_at_a_multiple_of_real_time(self):
        script = ScriptedResponse((ScriptedMessage("One two three.", 250),), pacing=Pacing(speed=10))
        async with running(script) as client:
            first = await client.do(client.connection.response.create())
            assert len(only(first, "response.output_audio.delta")) == 1
            assert only(await client.advance(9), "response.output_audio.delta") == []
            assert len(only(await client.advance(1), "response.output_audio.delta")) == 1
            rest = await client.finish()
            assert client.clock.now_ms() == pytest.approx(25)
            sizes = [
                len(base64.b64decode(event.delta)) / 48 for event in only(first + rest, "response.output_audio.delta")
            ]
            assert sizes == [100, 50]

    async def test_everything_at_once_needs_no_time(self):
        async with running(ScriptedResponse((PREAMBLE, ANSWER), pacing=AT_ONCE)) as client:
            events = await client.do(client.connection.response.create())
            assert types(events)[-1] == "response.done"
            assert client.clock.next_due_ms is None

    async def test_delays_and_pauses(self):
        pacing = Pacing(speed=None, start_delay_ms=50, first_item_delay_ms=20, item_pause_ms=300)
        async with running(ScriptedResponse((PREAMBLE, ANSWER), pacing=pacing)) as client:
            assert await client.do(client.connection.response.create()) == []
            assert types(await client.advance(50)) == ["response.created"]
            assert the(await client.advance(20), "response.output_item.added").item.id == "item_a"
            assert await client.advance(299) == []
            assert the(await client.advance(1), "response.output_item.added").item.id == "item_b"

    @pytest.mark.parametrize(
        ("lead_ms", "words_before_first_audio", "words_after_last_audio"),
        [(None, 10, 0), (0, 1, 0), (300, 4, 0), (-200, 0, 2)],
    )
    async def test_the_transcript_leads_the_audio_or_lags(
        self, lead_ms, words_before_first_audio, words_after_last_audio
    ):
        message = ScriptedMessage("a b c d e f g h i j", audio_ms=1000)
        script = ScriptedResponse((message,), pacing=Pacing(transcript_lead_ms=lead_ms))
        async with running(script) as client:
            kinds = [kind for kind in types(await client.respond()) if kind.endswith("delta")]
        audio = "response.output_audio.delta"
        assert kinds.index(audio) == words_before_first_audio
        assert kinds[::-1].index(audio) == words_after_last_audio

    async def test_the_default_response_when_the_script_is_used_up(self):
        async with running(ScriptedResponse((PREAMBLE,), pacing=AT_ONCE)) as client:
            await client.respond()
            await client.respond()
            last = the(await client.respond(), "response.done").response.output[0]
            assert last.content[0].transcript == "All right."


class TestResponses:
    async def test_metadata_and_parameters_are_echoed(self):
        async with running() as client:
            create = client.connection.response.create(
                response={"metadata": {"step": "7"}, "output_modalities": ["text"], "max_output_tokens": 50}
            )
            events = await client.do(create) + await client.finish()
            for kind in ("response.created", "response.done"):
                response = the(events, kind).response
                assert response.metadata == {"step": "7"}
                assert (response.output_modalities, response.max_output_tokens) == (["text"], 50)
                assert response.conversation_id == client.session.conversation.id

    async def test_a_second_response_is_refused_until_the_first_has_ended(self):
        async with running(ScriptedResponse((PREAMBLE,))) as client:
            created = the(await client.do(client.connection.response.create()), "response.created")
            refused = await client.do(client.connection.response.create(event_id="mine"))
            error = error_of(refused)
            assert error.code == "conversation_already_has_active_response"
            assert error.event_id == "mine"
            assert created.response.id in error.message
            await client.finish()
            assert "response.created" in types(await client.do(client.connection.response.create()))

    @pytest.mark.parametrize(
        ("status", "reason", "details"),
        [
            ("incomplete", None, {"type": "incomplete", "reason": "max_output_tokens"}),
            ("incomplete", "content_filter", {"type": "incomplete", "reason": "content_filter"}),
            ("failed", None, {"type": "failed", "error": {"type": "server_error", "code": "server_error"}}),
        ],
    )
    async def test_a_response_that_breaks_off_leaves_its_last_item_incomplete(self, status, reason, details):
        script = ScriptedResponse((PREAMBLE, ANSWER), status=status, status_reason=reason)
        async with running(script) as client:
            done = the(await client.respond(), "response.done").response
            assert done.status == status
            told = done.status_details.to_dict()
            (told.get("error") or {}).pop("message", None)
            assert told == details
            assert [item.status for item in done.output] == ["completed", "incomplete"]

    async def test_a_function_call_and_its_output(self):
        call = ScriptedFunctionCall("get_weather", '{"city":"London"}')
        async with running(ScriptedResponse((PREAMBLE, call), pacing=AT_ONCE)) as client:
            events = await client.respond()
            done = the(events, "response.function_call_arguments.done")
            deltas = only(events, "response.function_call_arguments.delta")
            assert "".join(event.delta for event in deltas) == done.arguments == call.arguments
            assert done.name == "get_weather"
            output = {"type": "function_call_output", "call_id": done.call_id, "output": "Foggy."}
            answer = await client.do(client.connection.conversation.item.create(item=output))
            assert types(answer) == ["conversation.item.added", "conversation.item.done"]
            assert answer[0].previous_item_id == done.item_id
            unknown = {**output, "call_id": "call_x"}
            error = error_of(await client.do(client.connection.conversation.item.create(item=unknown)))
            assert error.code == "invalid_tool_call_id"

    async def test_an_out_of_band_response_runs_beside_and_leaves_no_trace(self):
        aside = ScriptedResponse((ScriptedMessage("Aside.", audio_ms=900),))
        async with running(ScriptedResponse((PREAMBLE,)), aside) as client:
            await client.do(client.connection.response.create())
            reference = {"type": "item_reference", "id": "item_a"}
            out_of_band = {"conversation": "none", "input": [reference]}
            events = await client.send({"type": "response.create", "response": out_of_band})
            created = the(events, "response.created").response
            assert created.conversation_id is None
            assert only(events, "conversation.item.added") == []
            cancelled = await client.do(client.connection.response.cancel(response_id=created.id))
            assert the(cancelled, "response.done").response.status == "cancelled"
            await client.finish()
            assert [message.id for message in client.session.conversation.remembered()] == ["item_a"]


class TestCancel:
    async def test_the_current_item_keeps_what_was_sent_and_the_rest_never_comes(self):
        async with running(ScriptedResponse((PREAMBLE, ANSWER), pacing=Pacing(speed=10))) as client:
            await client.do(client.connection.response.create())
            await client.advance(120)
            sent_ms = client.session.audio_sent_ms["item_b"]
            assert 0 < sent_ms < ANSWER.audio_ms
            events = await client.do(client.connection.response.cancel())
            assert [kind for kind in types(events) if kind.endswith(".delta")] == []
            assert types(events)[-1] == "response.done"
            done = events[-1].response
            assert (done.status, done.status_details.reason) == ("cancelled", "client_cancelled")
            assert [item.status for item in done.output] == ["completed", "incomplete"]
            assert await client.finish() == []
            heard_words = "".join(
                event.delta
                for event in only(client.events, "response.output_audio_transcript.delta")
                if event.item_id == "item_b"
            )
            transcripts = only(events, "response.output_audio_transcript.done")
            assert transcripts[-1].transcript == heard_words != ANSWER.text
            assert client.session.conversation.remembered() == (
                RememberedMessage("item_a", 800, PREAMBLE.text, "completed"),
                RememberedMessage("item_b", sent_ms, heard_words, "incomplete"),
            )
            assert client.session.conversation.active_response_id is None

    async def test_a_cancel_by_id(self):
        async with running(ScriptedResponse((PREAMBLE,))) as client:
            created = the(await client.do(client.connection.response.create()), "response.created")
            cancel = client.connection.response.cancel
            error = error_of(await client.do(cancel(response_id="resp_other", event_id="e1")))
            assert (error.code, error.event_id) == ("response_cancel_not_active", "e1")
            events = await client.do(cancel(response_id=created.response.id))
            assert the(events, "response.done").response.status == "cancelled"

    async def test_a_cancel_that_comes_too_late(self):
        async with running(ScriptedResponse((PREAMBLE,))) as client:
            await client.respond()
            error = error_of(await client.do(client.connection.response.cancel()))
            assert error.code == "response_cancel_not_active"
            assert error.message == "Cancellation failed: no active response found"
            assert error.event_id is None

    async def test_a_cancel_before_the_response_is_announced(self):
        async with running(ScriptedResponse((PREAMBLE,), pacing=Pacing(start_delay_ms=100))) as client:
            assert await client.do(client.connection.response.create()) == []
            events = await client.do(client.connection.response.cancel())
            assert types(events) == ["response.created", "response.done"]
            assert client.session.conversation.items == ()

    async def test_deltas_and_a_new_item_after_the_cancel(self):
        script = ScriptedResponse((PREAMBLE, ANSWER), pacing=Pacing(speed=10), late_deltas_after_cancel_ms=100)
        async with running(script) as client:
            await client.do(client.connection.response.create())
            await client.advance(40)
            assert await client.do(client.connection.response.cancel()) == []
            error = error_of(await client.do(client.connection.response.create()))
            assert error.code == "conversation_already_has_active_response"
            error = error_of(await client.do(client.connection.response.cancel()))
            assert error.code == "response_cancel_not_active"
            late = await client.advance(99)
            assert the(late, "response.output_item.added").item.id == "item_b"
            assert {event.item_id for event in only(late, "response.output_audio.delta")} == {
                "item_a",
                "item_b",
            }
            done = the(await client.advance(1), "response.done").response
            assert done.status == "cancelled"
            assert [item.status for item in done.output] == ["completed", "incomplete"]
            assert await client.finish() == []

    async def test_a_response_that_ends_within_the_late_deltas_is_cancelled_all_the_same(self):
        script = ScriptedResponse((PREAMBLE,), late_deltas_after_cancel_ms=10_000)
        async with running(script) as client:
            await client.do(client.connection.response.create(), client.connection.response.cancel())
            done = the(await client.finish(), "response.done").response
            assert (done.status, done.output[0].status) == ("cancelled", "completed")
            assert client.clock.now_ms() == PREAMBLE.audio_ms / 8


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


class TestUserTurns:
    async def test_barge_in_cancels_and_the_turn_gets_its_own_response(self):
        async with running(ScriptedResponse((PREAMBLE,)), ScriptedResponse((ANSWER,))) as client:
            await client.do(client.connection.response.create())
            silence = base64.b64encode(bytes(48 * 250)).decode()
            await client.do(client.connection.input_audio_buffer.append(audio=silence))
            before = len(client.events)
            await client.session.user_starts_speaking()
            await client.settle()
            events = client.events[before:]
            assert types(events)[0] == "input_audio_buffer.speech_started"
            assert events[0].audio_start_ms == 250
            done = the(events, "response.done").response
            assert (done.status, done.status_details.reason) == ("cancelled", "turn_detected")
            before = len(client.events)
            await client.session.user_stops_speaking()
            await client.settle()
            kinds = types(client.events[before:])
            assert kinds[:5] == [
                "input_audio_buffer.speech_stopped",
                "input_audio_buffer.committed",
                "conversation.item.added",
                "conversation.item.done",
                "response.created",
            ]
            await client.finish()
            roles = [(item.id, item.role) for item in client.session.conversation.items]
            assert roles == [("item_a", "assistant"), (events[0].item_id, "user"), ("item_b", "assistant")]

    async def test_without_interruption_the_answer_waits_for_the_active_response(self):
        detection = {"type": "server_vad", "interrupt_response": False}
        async with running(ScriptedResponse((PREAMBLE,)), ScriptedResponse((ANSWER,))) as client:
            await client.do(
                client.connection.session.update(
                    session={"type": "realtime", "audio": {"input": {"turn_detection": detection}}}
                ),
                client.connection.response.create(),
            )
            await client.session.user_starts_speaking()
            await client.session.user_stops_speaking()
            await client.settle()
            assert len(only(client.events, "response.created")) == 1
            await client.finish()
            statuses = [event.response.status for event in only(client.events, "response.done")]
            assert statuses == ["completed", "completed"]

    async def test_with_turn_detection_off_the_server_hears_no_speech(self):
        async with running(ScriptedResponse((PREAMBLE,))) as client:
            updated = await client.do(
                client.connection.session.update(
                    session={"type": "realtime", "audio": {"input": {"turn_detection": None}}}
                )
            )
            assert the(updated, "session.updated").session.audio.input.turn_detection is None
            await client.do(client.connection.response.create())
            before = len(client.events)
            await client.session.user_starts_speaking()
            await client.session.user_stops_speaking()
            assert client.session.frames_sent == before
            assert the(await client.finish(), "response.done").response.status == "completed"

    async def test_the_input_is_transcribed_if_the_session_asks_for_it(self):
        transcription = {"input": {"transcription": {"model": "whisper-1"}}}
        async with running() as client:
            await client.do(client.connection.session.update(session={"type": "realtime", "audio": transcription}))
            await client.session.user_starts_speaking()
            await client.session.user_stops_speaking("Hello.")
            await client.settle()
            completed = the(client.events, "conversation.item.input_audio_transcription.completed")
            assert completed.transcript == "Hello."

    async def test_a_manual_turn(self):
        async with running() as client:
            buffer = client.connection.input_audio_buffer
            error = error_of(await client.do(buffer.commit(event_id="early")))
            assert (error.code, error.event_id) == ("input_audio_buffer_commit_empty", "early")
            audio = base64.b64encode(bytes(48 * 100)).decode()
            assert await client.do(buffer.append(audio=audio)) == []
            assert types(await client.do(buffer.clear())) == ["input_audio_buffer.cleared"]
            await client.do(buffer.append(audio=audio))
            assert types(await client.do(buffer.commit())) == [
                "input_audio_buffer.committed",
                "conversation.item.added",
                "conversation.item.done",
            ]
            error = error_of(await client.do(buffer.append(audio="not base64!")))
            assert error.param == "audio"


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


def test_the_conversation_needs_no_server():
    conversation = Conversation("conv")
    assert conversation.begin_response("r1") is None
    message = MessageItem("a", "assistant", "audio", "in_progress")
    assert conversation.insert(message) is None
    refusal = conversation.truncate("a", 0, 0)
    assert isinstance(refusal, Refusal)
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
