"""The simulated realtime server sends its events in the order of the recordings."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
import yaml
from realtime_client import ANSWER, PREAMBLE, only, running, the, types, user_says

from speech_lifecycle.simulation.script import (
    Pacing,
    ScriptedFunctionCall,
    ScriptedMessage,
    ScriptedResponse,
    ServerBehaviour,
)
from speech_lifecycle.simulation.server_dialects import AZURE

pytestmark = pytest.mark.usefixtures("no_handler_fails")


def recorded_types(captures: Path, name: str) -> list[str]:
    """Types of the events that a real server sent in one recording."""
    recording = yaml.safe_load((captures / name).read_text(encoding="utf-8"))
    return [entry["data"]["type"] for entry in recording["interactions"] if entry["direction"] == "received"]


def collapsed(types: list[str]) -> list[str]:
    return [kind for kind, _ in itertools.groupby(types)]


class TestOrder:
    async def test_one_audio_response_has_the_order_of_the_recording(self, captures):
        recorded = recorded_types(captures, "openai_typed_turn_audio_reply.yaml")
        script = ScriptedResponse((ScriptedMessage("Hi there!", 500),), pacing=Pacing(transcript_lead_ms=None))
        async with running(script) as client:
            await client.do(client.connection.session.update(session={"type": "realtime"}))
            await client.do(
                client.connection.conversation.item.create(item=user_says("Say a short greeting.")),
                client.connection.response.create(),
            )
            await client.finish()
            assert collapsed(types(client.events)) == collapsed(recorded)

    async def test_a_message_and_a_function_call_have_the_order_of_the_recording(self, captures):
        recorded = recorded_types(captures, "openai_preamble_and_tool_call.yaml")
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
    async def test_a_spoken_turn_has_the_order_of_the_recordings(self, captures, name):
        recorded = [
            kind
            for kind in recorded_types(captures, f"{name}_spoken_turn.yaml")
            if "input_audio_transcription" not in kind and "delta" not in kind
        ]
        async with running(ScriptedResponse((PREAMBLE,))) as client:
            await client.do(client.connection.session.update(session={"type": "realtime"}))
            await client.session.user_starts_speaking()
            await client.session.user_stops_speaking()
            await client.settle()
            await client.finish()
            assert [kind for kind in types(client.events) if "delta" not in kind] == recorded

    async def test_legacy_names_have_the_order_of_the_recording(self, captures):
        ignored = ("input_audio_transcription", "delta")
        recorded = [
            kind
            for kind in recorded_types(captures, "azure_voice_live_spoken_turn.yaml")
            if not any(part in kind for part in ignored)
        ]
        behaviour = ServerBehaviour(dialect=AZURE)
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
