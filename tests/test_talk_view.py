"""What the page of `talk` is given to show, and what its simulated agent says."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from itertools import islice
from pathlib import Path

import pytest

from speech_lifecycle.cli.talk.script import scripted_responses
from speech_lifecycle.cli.talk.view import View, words_of
from speech_lifecycle.fsm.state import Message
from speech_lifecycle.simulation.scenario import play
from speech_lifecycle.simulation.scenarios import SCENARIOS
from speech_lifecycle.simulation.wire_memory import WireMemory

LOOKS = {"played": {"heard"}, "partial": {"heard", "cut"}, "skipped": {"unheard"}}


@pytest.mark.parametrize(
    "name",
    ["answer-interrupted", "undisturbed", "interrupted-before-second", "user-speaks", "text-shown", "empty-message"],
)
async def test_each_message_shows_what_became_of_its_words(name):
    report, world = await play(SCENARIOS[name])
    view = View(world.driver, WireMemory(), "somewhere")
    now = json.loads(json.dumps(view.now()))
    shown = [message for turn in now["turns"] if turn["who"] == "agent" for message in turn["messages"]]
    assert [message["id"] for message in shown] == [message.record.message_id for message in report.messages]
    for message, its in zip(shown, report.messages, strict=True):
        record = its.record
        words = dict(message["words"])
        assert set(words) <= LOOKS[record.state]
        assert " ".join(words.values()).split() == record.generated_text.split()
        if record.state == "partial":
            assert words.get("heard", "").split() == record.heard_text.split()
        assert (message["state"], message["heard_ms"]) == (record.state, record.heard_ms)
        assert (message["history"] is None) == (record.state == "skipped")
    assert now["floor"] == "nobody"


@pytest.mark.parametrize(
    ("state", "position_ms", "looks"),
    [
        ("pending", 0, [("coming", "one two three four")]),
        ("streaming", 0, [("coming", "one two three four")]),
        ("draining", 1_000, [("heard", "one two"), ("coming", "three four")]),
        ("stopping", 2_000, [("heard", "one two three four")]),
    ],
)
def test_what_plays_shows_how_far_it_is(state, position_ms, looks):
    message = Message("m", state=state, position_ms=position_ms, received_ms=2_000, text="one two three four")
    assert words_of(message) == looks


def test_what_the_user_says_is_shown_and_a_long_conversation_keeps_its_end():
    class Silent:
        history = speeches = ()
        floor, user_is_speaking, agent_state, connection_state = None, True, "listening", "connected"

    view = View(Silent(), WireMemory(), "somewhere")
    for number in range(100):
        item_id = f"item_{number}"
        view.take({"type": "input_audio_buffer.speech_started", "item_id": item_id, "audio_start_ms": 100})
        view.take({"type": "input_audio_buffer.speech_stopped", "item_id": item_id, "audio_end_ms": 1_300})
    heard = {"type": "conversation.item.input_audio_transcription.completed", "item_id": item_id}
    view.take({**heard, "transcript": "Stop!"})
    for nonsense in ({"type": "error"}, {"type": "x", "item_id": 5}, {**heard, "item_id": "item_unknown"}):
        view.take(nonsense)
    now = view.now()
    assert len(now["turns"]) == 30
    assert now["turns"][-1] == {"who": "user", "began_ms": 100, "text": "Stop!", "ms": 1_200}
    assert now["floor"] == "user"


async def test_without_espeak_the_agent_speaks_in_tones(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    responses, voice = await scripted_responses()
    said = list(islice(responses, 8))
    assert voice == "a voice of tones"
    assert said[1] == said[4] != said[0]
    assert all(message.audio_ms > 500 and not message.pcm for response in said for message in response.items)


@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="needs espeak-ng")
async def test_with_espeak_it_speaks():
    responses, voice = await scripted_responses()
    assert voice == "the voice of espeak-ng"
    assert all(len(message.pcm) // 48 == message.audio_ms > 500 for message in next(responses).items)


@pytest.mark.parametrize("missing", ["aiohttp", "webrtcvad"])
def test_what_is_missing_is_named_with_the_remedy(missing, tmp_path):
    (tmp_path / "sitecustomize.py").write_text(f"import sys; sys.modules[{missing!r}] = None")
    command = [str(Path(sys.executable).parent / "speech-lifecycle"), "talk", "--no-open"]
    own = {**os.environ, "PYTHONPATH": str(tmp_path)}
    run = subprocess.run(command, env=own, capture_output=True, text=True, check=False)
    assert run.returncode == 2
    assert "pip install 'speech-lifecycle[talk]'" in run.stderr
    assert len(run.stderr.splitlines()) == 1
