"""A server that uses ids again: each message and each response is another one all the same."""

from __future__ import annotations

import asyncio
import base64
import json

import pytest
from openai import AsyncOpenAI
from websockets.asyncio.server import serve

from speech_lifecycle.adapters.clock import VirtualClock
from speech_lifecycle.adapters.driver import Driver
from speech_lifecycle.adapters.sessions.openai_protocol import OpenAIRealtimeProtocol
from speech_lifecycle.adapters.sessions.openai_realtime import OpenAIRealtimeSession
from speech_lifecycle.adapters.sessions.reused_ids import ReusedIds
from speech_lifecycle.fsm.effects import CancelResponse
from speech_lifecycle.fsm.events import SessionMessageAdded, SessionResponseCreated, SessionTextReceived
from speech_lifecycle.simulation.simulated_speaker import SimulatedSpeaker

MS = 500
"""The length of each message."""


def response(words, metadata, response_id="resp_1", item_id="item_1"):
    """Return the events of a response of one message, by ids that every other one has, too."""
    where = {"response_id": response_id, "item_id": item_id, "content_index": 0}
    item = {"id": item_id, "type": "message", "role": "assistant"}
    return [
        {"type": "response.created", "response": {"id": response_id, "metadata": metadata}},
        {"type": "response.output_item.added", "response_id": response_id, "item": item},
        {"type": "response.output_audio_transcript.delta", **where, "delta": words},
        {"type": "response.output_audio.delta", **where, "delta": base64.b64encode(bytes(48 * MS)).decode()},
        {"type": "response.output_item.done", "response_id": response_id, "item": item},
        {"type": "response.done", "response": {"id": response_id, "status": "completed"}},
    ]


class SameIdsServer:
    """A server over a real socket whose responses and messages are all called the same."""

    def __init__(self) -> None:
        self.received: list[dict] = []
        self.answered = 0

    async def speak(self, socket) -> None:
        async for frame in socket:
            event = json.loads(frame)
            self.received.append(event)
            if event["type"] == "response.create":
                self.answered += 1
                for each in response(f"Number {self.answered}.", event["response"]["metadata"]):
                    await socket.send(json.dumps(each))

    def of(self, name):
        return [event for event in self.received if event["type"] == name]


async def play(server, test):
    clock = VirtualClock()
    async with serve(server.speak, "127.0.0.1", 0, ping_interval=None) as listening, AsyncOpenAI(api_key="x") as client:
        client.websocket_base_url = f"ws://127.0.0.1:{next(iter(listening.sockets)).getsockname()[1]}/v1"
        session = OpenAIRealtimeSession(connect=lambda: client.realtime.connect(model="m"), clock=clock)
        speaker = SimulatedSpeaker(clock)
        driver = Driver(session, speaker, clock=clock)
        reading = asyncio.create_task(driver.run())
        try:
            await test(driver, speaker, clock)
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)


async def run_until(clock, is_so):
    """Let time pass when nothing else happens."""
    for _ in range(1_000):
        for _ in range(200):
            await asyncio.sleep(0)
            if is_so():
                return
        if clock.next_due_ms is not None:
            clock.advance_to_next()
    raise AssertionError("it never happened")


def test_every_message_is_heard_and_recorded_though_all_have_one_id():
    server = SameIdsServer()

    async def test(driver, speaker, clock):
        for _ in range(3):
            speech = driver.request_response()
            await run_until(clock, lambda speech=speech: speech.is_over)
            assert speech.snapshot.state == "completed"
        assert [message.text for message in driver.history] == ["Number 1.", "Number 2.", "Number 3."]
        assert list(speaker.listener.heard.values()) == [MS] * 3
        assert [message.message_id for message in driver.history] == list(speaker.listener.heard)

    asyncio.run(play(server, test))


def test_what_is_asked_about_a_message_names_it_as_the_server_does():
    server = SameIdsServer()

    async def test(driver, speaker, clock):
        first = driver.request_response()
        await run_until(clock, lambda: first.is_over)
        second = driver.request_response()
        await run_until(clock, lambda: sum(speaker.listener.heard.values()) >= MS + 200)
        driver.interrupt(second)
        await run_until(clock, lambda: server.of("conversation.item.truncate"))
        (cut,) = server.of("conversation.item.truncate")
        assert cut["item_id"] == "item_1"
        assert 200 <= cut["audio_end_ms"] < MS

    asyncio.run(play(server, test))


@pytest.mark.parametrize(("breaks", "ends"), [(False, True), (True, False), (True, True)])
def test_a_server_that_counts_anew_begins_other_responses_and_messages(breaks, ends):
    told = Told()
    protocol = OpenAIRealtimeProtocol(told)
    for _ in range(2):
        for event in response("Hi.", None)[: None if ends else -2]:
            protocol.receive(event)
        if breaks:
            protocol.end_connection()
    first, second = told.of(SessionResponseCreated)
    assert first.response_id != second.response_id
    one, other = told.of(SessionMessageAdded)
    assert (one.response_id, other.response_id) == (first.response_id, second.response_id)
    assert one.message_id != other.message_id
    assert [fact.message_id for fact in told.of(SessionTextReceived)] == [one.message_id, other.message_id]
    assert [message_id for message_id, _ in told.audio] == [one.message_id, other.message_id]
    (cancel,) = protocol.translate(CancelResponse(second.response_id))
    assert cancel["response_id"] == "resp_1"


def test_what_is_repeated_or_comes_late_is_no_other_message():
    """A server may list old messages at the end of a response, or send the last of one without saying of which."""
    told = Told()
    protocol = OpenAIRealtimeProtocol(told)
    for event in response("Hi.", None, "resp_1"):
        protocol.receive(event)
    protocol.receive({"type": "response.created", "response": {"id": "resp_2"}})
    protocol.receive({**response("Late.", None)[2], "response_id": None})
    listed = {"id": "item_1", "type": "message", "role": "assistant", "content": [{"type": "text", "text": "Hi."}]}
    protocol.receive({"type": "response.done", "response": {"id": "resp_2", "status": "completed", "output": [listed]}})
    assert [fact.message_id for fact in told.of(SessionMessageAdded)] == ["item_1"]


class Told:
    """Writes down what it is told."""

    def __init__(self) -> None:
        self.facts: list[object] = []
        self.audio: list[tuple[str, bytes]] = []

    def report(self, fact, *, speech_id=None):
        self.facts.append(fact)

    def deliver_audio(self, message_id, pcm):
        self.audio.append((message_id, pcm))

    def user_started_speaking(self):
        raise AssertionError("nobody speaks")

    def user_stopped_speaking(self):
        raise AssertionError("nobody speaks")

    def of(self, kind):
        return [fact for fact in self.facts if isinstance(fact, kind)]


def test_a_name_is_given_once_whatever_the_server_calls_the_next():
    ids = ReusedIds()
    begun = ["a", "a", "a#2", "a", "a#2", "b", "a#3"]
    names = [ids.begin(each) for each in begun]
    assert len(set(names)) == len(names)
    assert [ids.id_of(name) for name in names] == begun
    assert names[0] == "a"


def test_only_so_many_ids_are_remembered():
    ids = ReusedIds()
    for number in range(5_000):
        ids.begin(f"item_{number}")
        ids.begin("item")
    assert len(ids._counts) <= 1024
    assert len(ids._ids) <= 1024
    assert ids.id_of(ids.name_of("item")) == "item"
