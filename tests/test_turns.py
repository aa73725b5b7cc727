"""A turn from the client's side, by the real SDK and a socket: the user's audio, his text, the results of tools."""

from __future__ import annotations

import asyncio
import base64

import numpy as np
import pytest

from speech_lifecycle.adapters import AudioFormat, AudioFormatError, Driver, ToolCall
from speech_lifecycle.adapters.sessions.g711 import encode_a_law, encode_mu_law
from speech_lifecycle.adapters.sessions.outgoing_audio import OutgoingAudio
from speech_lifecycle.adapters.sessions.tool_calls import ToolCalls
from speech_lifecycle.simulation.report import build_report
from speech_lifecycle.simulation.scenarios import WEATHER
from speech_lifecycle.simulation.script import ScriptedFunctionCall, ScriptedMessage, ScriptedResponse
from speech_lifecycle.simulation.world import SimulatedWorld
from speech_lifecycle.testing.scripted_session import ScriptedSession

RATES = {"audio/pcm": 24_000, "audio/pcmu": 8_000, "audio/pcma": 8_000}
ENCODERS = {"audio/pcm": bytes, "audio/pcmu": encode_mu_law, "audio/pcma": encode_a_law}


def tone(rate: int, ms: int = 400) -> bytes:
    """A sine of 440 Hz."""
    seconds = np.arange(rate * ms // 1000) / rate
    return (12_000 * np.sin(2 * np.pi * 440 * seconds)).astype("<i2").tobytes()


def appended(world) -> bytes:
    events = world.server_session.events_received
    return b"".join(base64.b64decode(each["audio"]) for each in events if each["type"] == "input_audio_buffer.append")


def listens_to(kind: str) -> dict:
    audio = {"input": {"format": AudioFormat.of(kind).on_the_wire}}
    return {"type": "session.update", "session": {"type": "realtime", "audio": audio}}


def distance(pcm: bytes, kind: str) -> float:
    """How far audio of the server's is from the tone at its rate, of 12,000, but for both ends."""
    played = np.frombuffer(AudioFormat.of(kind).decode(pcm), "<i2").astype(float)
    wanted = np.frombuffer(tone(RATES[kind]), "<i2").astype(float)[: len(played)]
    inner = slice(RATES[kind] // 20, len(played) - RATES[kind] // 20)
    return float(np.abs(played[inner] - wanted[inner]).max())


# The user's audio


async def test_the_servers_buffer_gets_the_sessions_audio_as_it_is():
    async with SimulatedWorld(WEATHER) as world:
        pcm = tone(24_000)
        for start in range(0, len(pcm), 962):
            world.session.send_audio(pcm[start : start + 962])
        world.session.send_audio(b"")
        await world.settle()
        assert appended(world) == pcm
        assert world.server_session.errors_sent == []


@pytest.mark.parametrize("kind", list(RATES))
@pytest.mark.parametrize("rate", [8_000, 16_000, 24_000, 48_000])
async def test_audio_of_any_rate_comes_in_the_format_that_was_asked_for_in_the_same_breath(kind, rate):
    async with SimulatedWorld(WEATHER) as world:
        world.session.send(listens_to(kind))
        pcm = tone(rate)
        for start in range(0, len(pcm), rate // 25):
            world.session.send_audio(pcm[start : start + rate // 25], rate)
        await world.settle()
        assert world.server_session.errors_sent == []
        heard = appended(world)
        assert 250 <= len(AudioFormat.of(kind).decode(heard)) / RATES[kind] / 2 * 1000 <= 400
        assert distance(heard, kind) < 800
        if rate == RATES[kind]:
            assert heard == ENCODERS[kind](pcm)


async def test_the_format_that_the_server_says_is_believed_if_others_asked_for_it():
    async with SimulatedWorld(WEATHER) as world:
        await world.session._connection.send(listens_to("audio/pcmu"))
        world.session.frames_sent += 1
        await world.settle()
        world.session.send_audio(tone(8_000), 8_000)
        await world.settle()
        assert appended(world) == encode_mu_law(tone(8_000))


def test_a_new_connection_takes_its_own_format_again():
    outgoing = OutgoingAudio()
    outgoing.note_sent(listens_to("audio/pcmu"))
    assert len(outgoing.encode(tone(8_000), 8_000)) == 3_200
    outgoing.begin_connection()
    assert outgoing.encode(tone(24_000), 24_000) == tone(24_000)


def test_what_was_asked_for_counts_more_than_the_servers_defaults_and_less_than_its_word():
    outgoing, pcm = OutgoingAudio(), tone(8_000)
    greeting = {"type": "session.created", "session": {"input_audio_format": "pcm16"}}
    outgoing.note_sent(listens_to("audio/pcmu"))
    outgoing.receive(greeting)
    assert outgoing.encode(pcm, 8_000) == encode_mu_law(pcm)
    outgoing.receive({"type": "session.updated", "session": {"input_audio_format": "g711_alaw"}})
    assert outgoing.encode(pcm, 8_000) == encode_a_law(pcm)
    outgoing.begin_connection()
    outgoing.receive({"type": "session.created", "session": {"input_audio_format": "g711_ulaw"}})
    assert outgoing.encode(pcm, 8_000) == encode_mu_law(pcm)


def test_a_committed_buffer_begins_anew():
    outgoing, pcm = OutgoingAudio(), tone(48_000)
    first = outgoing.encode(pcm, 48_000)
    outgoing.note_sent({"type": "input_audio_buffer.commit"})
    assert outgoing.encode(pcm, 48_000) == first


def test_what_cannot_be_sent_is_said():
    outgoing = OutgoingAudio()
    with pytest.raises(ValueError, match="whole 16-bit samples, not 3 bytes"):
        outgoing.encode(b"abc", 24_000)
    outgoing.receive({"type": "session.updated", "session": {"input_audio_format": "opus"}})
    with pytest.raises(AudioFormatError, match="'opus' is none of"):
        outgoing.encode(b"", 24_000)
    outgoing.receive({"type": "session.updated", "session": 7})
    outgoing.receive(listens_to("audio/pcm") | {"type": "session.updated"})
    assert outgoing.encode(b"ab", 24_000) == b"ab"


# Texts and tools


async def test_a_turn_with_a_tool_is_asked_in_writing_and_goes_on_with_the_result():
    calls = []
    async with SimulatedWorld(WEATHER) as world:
        world.session.on_tool_call(calls.append)
        world.session.on_tool_call(lambda call: world.driver.continue_turn({call.call_id: "Sunny."}))
        world.driver.begin_turn("What is the weather in London?")
        await world.run_until_over()
        assert world.server_session.errors_sent == []
        assert [(call.name, call.arguments) for call in calls] == [("get_weather", '{"city": "London"}')]
        items = [event["item"] for event in world.server_session.events_received if "item" in event]
        assert [item["type"] for item in items] == ["message", "function_call_output"]
        assert items[1] == {"type": "function_call_output", "call_id": calls[0].call_id, "output": "Sunny."}
        sent = [event["type"] for event in world.server_session.events_received]
        assert sent == ["conversation.item.create", "response.create"] * 2
        assert [record.message_id for speech in world.speeches for record in speech.records] == ["preamble", "answer"]
        assert build_report(world).is_equal


async def test_several_tools_are_answered_by_one_response():
    calls = [ScriptedFunctionCall("a"), ScriptedFunctionCall("b")]
    script = (ScriptedResponse(tuple(calls)), ScriptedResponse((ScriptedMessage("Both are done.", 400),)))
    told: list[ToolCall] = []
    async with SimulatedWorld(script) as world:
        world.session.on_tool_call(told.append)
        world.driver.begin_turn("Do both.", instructions="Be brief.")
        await world.run_until_over()
        world.driver.continue_turn({call.call_id: f"{call.name} is done" for call in told})
        await world.run_until_over()
        assert [call.name for call in told] == ["a", "b"]
        asked = [event for event in world.server_session.events_received if event["type"] == "response.create"]
        assert len(asked) == 2
        assert asked[0]["response"]["instructions"] == "Be brief."
        assert world.server_session.errors_sent == []


async def test_what_cannot_be_asked_so_sends_nothing():
    async with SimulatedWorld(WEATHER) as world:
        with pytest.raises(ValueError, match="metadata must be"):
            world.driver.begin_turn("Hello", metadata=7)
        with pytest.raises(ValueError, match="metadata must be"):
            world.driver.continue_turn({"call": "done"}, metadata=7)
        with pytest.raises(ValueError, match="a result"):
            world.driver.continue_turn({})
        await world.settle()
        assert world.server_session.events_received == []
        assert world.driver.speeches == []


async def test_a_session_without_a_conversation_to_write_to_says_so():
    driver = Driver(ScriptedSession(), None)
    with pytest.raises(TypeError, match="ScriptedSession has no send_text"):
        driver.begin_turn("Hello")
    with pytest.raises(TypeError, match="ScriptedSession has no send_text"):
        driver.continue_turn({"call": "done"})


class MayFault(SimulatedWorld):
    may_fault = True


async def test_what_a_listener_of_calls_raises_is_a_fault_and_all_goes_on():
    calls = []

    def raising(call):
        raise KeyError("a mistake in somebody's tool")

    async def coroutine(call):
        await asyncio.sleep(0)

    async with MayFault(WEATHER) as world:
        world.session.on_tool_call(raising)
        world.session.on_tool_call(calls.append)
        with pytest.raises(TypeError):
            world.session.on_tool_call(coroutine)
        world.driver.begin_turn("What is the weather in London?")
        await world.run_until_over()
        assert (world.session.faults, len(calls)) == (1, 1)


def call_item(**changes):
    return {"type": "function_call", "call_id": "c", "name": "n", "arguments": "{}", "status": "completed", **changes}


def item_done(item):
    return {"type": "response.output_item.done", "item": item}


def response_done(*items):
    return {"type": "response.done", "response": {"output": list(items)}}


@pytest.mark.parametrize(
    ("events", "told"),
    [
        ([item_done(call_item()), response_done(call_item())], ["c"]),
        ([response_done(call_item(), call_item(call_id="d"))], ["c", "d"]),
        ([item_done({key: value for key, value in call_item().items() if key != "status"})], ["c"]),
        ([item_done(call_item(status="incomplete")), response_done(call_item(status="incomplete"))], []),
        ([item_done(call_item(call_id=None)), item_done(call_item(arguments={})), item_done(7)], []),
        ([{"type": "response.done", "response": 7}, {"type": "response.done", "response": {"output": "c"}}], []),
        ([item_done({"type": "message", "call_id": "c"})], []),
    ],
)
def test_a_call_is_told_once_whole_wherever_the_server_says_it(events, told):
    heard: list[ToolCall] = []
    calls = ToolCalls(heard.append)
    for event in events:
        calls.receive(event)
    assert [call.call_id for call in heard] == told


def test_another_connection_may_use_the_ids_again():
    heard: list[ToolCall] = []
    calls = ToolCalls(heard.append)
    calls.receive(item_done(call_item()))
    calls.begin_connection()
    calls.receive(item_done(call_item()))
    assert len(heard) == 2
