"""The simulated realtime server: what the user says, and what it does to a response."""

from __future__ import annotations

import base64

import pytest
from realtime_client import ANSWER, PREAMBLE, error_of, only, running, the, types

from speech_lifecycle.simulation.script import ScriptedResponse

pytestmark = pytest.mark.usefixtures("no_handler_fails")


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
