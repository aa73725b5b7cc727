"""The simulated realtime server: how a response is paced, how it ends, and what a cancel leaves of it."""

from __future__ import annotations

import base64

import numpy as np
import pytest
from realtime_client import ANSWER, PREAMBLE, error_of, only, running, the, types

from speech_lifecycle.simulation.conversation import RememberedMessage
from speech_lifecycle.simulation.script import (
    AT_ONCE,
    Pacing,
    ScriptedFunctionCall,
    ScriptedMessage,
    ScriptedResponse,
)

pytestmark = pytest.mark.usefixtures("no_handler_fails")


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
