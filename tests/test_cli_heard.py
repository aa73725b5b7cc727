"""`speech-lifecycle demo` lets one hear what was heard."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
from sound_room import missing, sound_room

from speech_lifecycle.cli.heard import write_heard
from speech_lifecycle.simulation.scenario import play
from speech_lifecycle.simulation.scenarios import SCENARIOS

COMMAND = str(Path(sys.executable).parent / "speech-lifecycle")


def demo(folder, *options) -> subprocess.CompletedProcess[str]:
    command = [COMMAND, "demo", "--output", str(folder), *options]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def test_the_demo_writes_what_was_heard_and_where_it_was_cut(tmp_path):
    done = demo(tmp_path)
    assert done.returncode == 0, done.stderr
    assert "heard.wav" in done.stdout
    samples, rate = sf.read(tmp_path / "heard.wav", dtype="int16")
    assert samples.size == (1800 + 1400) * rate // 1000
    assert [
        (message["message_id"], message["begins_at_ms"], message["ends_at_ms"], message["interrupted"])
        for message in json.loads((tmp_path / "heard.json").read_text())["messages"]
    ] == [("preamble", 0, 1800, False), ("answer", 1800, 3200, True)]


NAMES = [name for name, scenario in SCENARIOS.items() if scenario.has_output]


@pytest.mark.parametrize("name", sorted({*NAMES[::5], "call-user-speaks"}, key=NAMES.index))
def test_of_every_message_the_file_has_what_the_listener_heard(name, tmp_path):
    report, world = asyncio.run(play(SCENARIOS[name]))
    assert write_heard(world, report, tmp_path) == [tmp_path / "heard.wav", tmp_path / "heard.json"]
    noted = json.loads((tmp_path / "heard.json").read_text())["messages"]
    assert {message["message_id"] for message in noted} == {message.record.message_id for message in report.messages}
    samples, rate = sf.read(tmp_path / "heard.wav", dtype="int16")
    pieces = [world.listener.samples(message_id) for message_id in world.listener.heard]
    assert np.count_nonzero(samples) == sum(np.count_nonzero(piece) for piece in pieces)
    for message in noted:
        if message["begins_at_ms"] is not None:
            begins = message["begins_at_ms"] * rate // 1000
            heard = world.listener.samples(message["message_id"])[:240]
            assert np.array_equal(samples[begins : begins + heard.size], heard)


def test_without_an_output_there_is_nothing_to_hear(tmp_path):
    assert demo(tmp_path, "--scenario", "no-output").returncode == 0
    assert not (tmp_path / "heard.wav").exists()
    done = demo(tmp_path, "--scenario", "no-output", "--play")
    assert done.returncode == 2
    assert "there is nothing to play" in done.stderr


def test_without_soundfile_the_demo_says_what_to_install(tmp_path):
    code = (
        "import sys; sys.modules['soundfile'] = None; from speech_lifecycle.cli import main; "
        f"sys.argv = ['speech-lifecycle', 'demo', '--output', {str(tmp_path)!r}]; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "pip install 'speech-lifecycle[files]'" in " ".join(done.stdout.split())


@pytest.mark.skipif(bool(missing()), reason=missing())
def test_the_demo_plays_it_and_shows_the_marks_as_they_pass(tmp_path):
    with sound_room() as room:
        room.listen()
        done = demo(tmp_path, "--play", "--interrupt-at", "2000")
        assert done.returncode == 0, done.stderr
        assert re.findall(r"(\d+) ms  (\S+ \S+(?: cut)?)$", done.stdout, re.M) == [
            ("0", "preamble begins"),
            ("1800", "preamble ends"),
            ("1800", "answer begins"),
            ("2000", "answer is cut"),
        ]
        recorded = np.frombuffer(room.heard(), "<i2")
        assert abs(np.flatnonzero(recorded).size / 24 - 2000) < 100


@pytest.mark.skipif(bool(missing()), reason=missing())
def test_without_a_sound_card_it_says_so(tmp_path):
    with sound_room() as room:
        room.close()
        done = demo(tmp_path, "--play")
    assert done.returncode == 2
    assert "the default sound output cannot be used" in done.stderr
    assert (tmp_path / "heard.wav").exists()
