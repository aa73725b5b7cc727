"""The simulated server hears when somebody speaks, and does what a real one does then."""

from __future__ import annotations

import base64
import subprocess
import sys

import numpy as np
import pytest
from openai import AsyncOpenAI
from spoken import silence, voice

from speech_lifecycle.simulation.realtime_server import SimulatedRealtimeServer
from speech_lifecycle.simulation.script import Pacing, ScriptedMessage, ScriptedResponse
from speech_lifecycle.simulation.tone import BYTES_PER_MS
from speech_lifecycle.simulation.voice_activity import VoiceActivity

noise = np.random.default_rng(1).normal
QUIET_ROOM = noise(0, 150, 72_000).astype("<i2")
CLICK = noise(0, 9_000, 1_200).astype("<i2")


def heard_in(*sounds, piece_ms=20, sample_rate=24_000):
    """What is heard, and when, in milliseconds."""
    pcm, ear, heard = np.concatenate(sounds).astype("<i2").tobytes(), VoiceActivity(sample_rate), []
    size = piece_ms * sample_rate // 1000 * 2
    for start in range(0, len(pcm), size):
        heard += [(what, (start + size) * 1000 // (2 * sample_rate)) for what in ear.take(pcm[start : start + size])]
    return heard


def test_speech_is_heard_to_start_soon_and_to_stop_when_it_has_been_silent_for_a_while():
    (started, at_ms), (stopped, until_ms) = heard_in(silence(1_000), voice(1_500), silence(1_500))
    assert (started, stopped) == ("started", "stopped")
    assert 1_000 < at_ms < 1_400
    assert 2_500 + 500 < until_ms < 2_500 + 1_000


def test_a_pause_for_breath_ends_no_turn():
    heard = heard_in(voice(800), silence(300), voice(800), silence(1_500))
    assert [what for what, _ in heard] == ["started", "stopped"]


def test_two_turns_are_two():
    heard = heard_in(voice(800), silence(1_500), voice(800), silence(1_500))
    assert [what for what, _ in heard] == ["started", "stopped"] * 2


@pytest.mark.parametrize("sound", [silence(3_000), QUIET_ROOM, np.concatenate([silence(500), CLICK, silence(500)])])
def test_silence_a_quiet_room_and_a_click_are_no_speech(sound):
    assert heard_in(sound) == []


@pytest.mark.parametrize("piece_ms", [1, 7, 100, 5_000])
def test_pieces_may_have_any_size(piece_ms):
    sounds = (silence(500), voice(1_000), silence(1_500))
    assert [what for what, _ in heard_in(*sounds, piece_ms=piece_ms)] == ["started", "stopped"]


def test_without_the_detector_the_error_names_the_remedy():
    code = "import sys; sys.modules['webrtcvad'] = None; import speech_lifecycle.simulation.voice_activity"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "pip install 'speech-lifecycle[talk]'" in run.stderr


class Ear:
    """Hears what a test wrote into the sound: 1 is the start of speech, 2 the end."""

    def take(self, pcm):
        return [{1: "started", 2: "stopped"}[value] for value in np.frombuffer(pcm, "<i2") if value]


SLOW = ScriptedResponse((ScriptedMessage("a long answer", 60_000),), pacing=Pacing(speed=1))


async def test_what_is_heard_interrupts_and_is_answered():
    async with SimulatedRealtimeServer([SLOW], hears=Ear, keeps_events=False) as server:
        client = AsyncOpenAI(api_key="any", base_url=server.base_url, websocket_base_url=server.websocket_base_url)
        async with client.realtime.connect(model="any") as connection:

            async def say(*samples):
                pcm = np.array(samples, "<i2").tobytes()
                await connection.input_audio_buffer.append(audio=base64.b64encode(pcm).decode())

            async def next_of(*names):
                async for event in connection:
                    if event.type in names:
                        return event
                raise AssertionError("the connection has ended")

            await connection.session.update(
                session={"type": "realtime", "audio": {"input": {"turn_detection": {"type": "server_vad"}}}}
            )
            await connection.response.create()
            await next_of("response.created")
            await say(*[0] * 24_000, 1)
            started = await next_of("input_audio_buffer.speech_started")
            assert started.audio_start_ms == 1_000
            done = await next_of("response.done")
            assert (done.response.status, done.response.status_details.reason) == ("cancelled", "turn_detected")
            await say(*[0] * 12_000, 2)
            stopped = await next_of("input_audio_buffer.speech_stopped")
            assert stopped.audio_end_ms == 1_500
            assert (await next_of("input_audio_buffer.committed")).item_id == started.item_id
            await next_of("response.created")
    session = server.sessions[0]
    assert (session.events_received, session.events_sent) == ([], [])
    assert len(session._user_turns._buffer) <= 300 * BYTES_PER_MS


async def test_a_message_may_have_a_voice():
    pcm = voice(250).tobytes()
    spoken = ScriptedMessage("words", 250, pcm=pcm)
    async with SimulatedRealtimeServer([ScriptedResponse((spoken,))]) as server:
        client = AsyncOpenAI(api_key="any", base_url=server.base_url, websocket_base_url=server.websocket_base_url)
        async with client.realtime.connect(model="any") as connection:
            await connection.response.create()
            got = b""
            async for event in connection:
                if event.type == "response.output_audio.delta":
                    got += base64.b64decode(event.delta)
                elif event.type == "response.done":
                    break
    assert got == pcm
    with pytest.raises(ValueError, match="pcm must be audio_ms long, not 250 ms"):
        ScriptedMessage("words", 300, pcm=pcm)
