"""What was heard, as a file that one can listen to, with the cut points beside it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import tracemalloc
from contextlib import asynccontextmanager
from dataclasses import replace

import numpy as np
import pytest
import soundfile as sf
from examples_at_hand import EXAMPLES, load_example
from interrupted_outputs import INSTANTS, LENGTHS_MS
from sweeps import expected_ms, response

from speech_lifecycle.adapters.clock import LoopClock
from speech_lifecycle.adapters.outputs import FileOutput
from speech_lifecycle.fsm.events import OutputFailed
from speech_lifecycle.simulation.scenario import play
from speech_lifecycle.simulation.virtual_loop import run_in_virtual_time
from speech_lifecycle.simulation.world import SimulatedWorld
from speech_lifecycle.testing import OUTPUT_CHECKS, Bench, OutputUnderTest


def opener(path):
    @asynccontextmanager
    async def open_output():
        output = FileOutput(path)

        async def heard_ms():
            await output.aclose()
            return float(np.count_nonzero(sf.read(path, dtype="int16")[0])) / 24  # of 24 kHz

        yield OutputUnderTest(output, tolerance_ms=1, latency_ms=1, heard_ms=heard_ms)

    return open_output


@pytest.mark.parametrize("check", OUTPUT_CHECKS, ids=str)
@pytest.mark.parametrize("ending", ["wav", "flac"])
def test_the_file_keeps_the_contract(check, ending, tmp_path):
    run_in_virtual_time(check(opener(tmp_path / f"heard.{ending}")))


@pytest.mark.parametrize("at_ms", INSTANTS)
def test_interrupted_heard_is_history_is_server_is_the_file(at_ms, tmp_path):
    path = tmp_path / "heard.wav"

    class World(SimulatedWorld):
        def open_output(self, speaker):
            return FileOutput(path, self.clock)

    scenario = replace(response(*LENGTHS_MS), evidence="output").with_interruption(at_ms)
    report, _ = asyncio.run(play(scenario, make_world=World))
    assert [message.differences for message in report.messages] == [()] * len(report.messages)
    heard = [message.record.heard_ms for message in report.messages]
    assert [*heard, 0][:2] == expected_ms(LENGTHS_MS, at_ms)
    assert sf.info(path).frames == sum(heard) * 24
    noted = json.loads(path.with_suffix(".json").read_text())["messages"]
    assert sum(message["heard_ms"] for message in noted) == sum(heard)


def said(path, *deeds, **options):
    """Have an output do something, in virtual time, and return it."""

    async def run():
        output = FileOutput(path, **options)
        bench = Bench(OutputUnderTest(output))
        bench.attach()
        for deed in deeds:
            await deed(bench)
        await output.aclose()
        return bench

    return run_in_virtual_time(run())


async def whole_then_silence_then_cut(bench):
    bench.say("a", 200)
    await bench.finished("a")
    await bench.sleep(300)
    bench.say("b", 1_000)
    await bench.sleep(150)
    bench.output.clear("b")
    await bench.finished("b")


def test_silence_in_between_is_in_the_file_and_cut_points_are_beside_it(tmp_path):
    path = tmp_path / "heard.wav"
    said(path, whole_then_silence_then_cut)
    samples, rate = sf.read(path, dtype="int16")
    assert (rate, samples.size) == (24_000, 650 * 24)
    assert samples[: 200 * 24].all()
    assert not samples[200 * 24 : 500 * 24].any()
    assert samples[500 * 24 :].all()
    assert json.loads((tmp_path / "heard.json").read_text()) == {
        "sound": "heard.wav",
        "sample_rate": 24_000,
        "channels": ["agent"],
        "messages": [
            {
                "message_id": "a",
                "begins_at_ms": 0,
                "ends_at_ms": 200,
                "heard_ms": 200,
                "written_ms": 200,
                "interrupted": False,
            },
            {
                "message_id": "b",
                "begins_at_ms": 500,
                "ends_at_ms": 650,
                "heard_ms": 150,
                "written_ms": 1000,
                "interrupted": True,
            },
        ],
    }


@pytest.mark.parametrize(("ending", "kind"), [("wav", "WAV"), ("flac", "FLAC"), ("ogg", "OGG"), ("opus", "OGG")])
def test_each_format_can_be_listened_to(ending, kind, tmp_path):
    path = tmp_path / f"heard.{ending}"
    said(path, whole_then_silence_then_cut)
    info = sf.info(path)
    assert info.format == kind
    assert abs(info.duration - 0.65) < 0.01


def piece(ms, value=1_000):
    """What the user says in this time."""
    return np.full(ms * 24, value, "<i2").tobytes()


def channels_of(path):
    samples, rate = sf.read(path, dtype="int16")
    assert rate == 24_000
    assert json.loads(path.with_suffix(".json").read_text())["channels"] == ["agent", "user"]
    return samples.T


def sounds(channel):
    """From which to which ms there is sound, without a break."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], channel != 0, [0]))))
    return [(round(start / 24, 3), round(end / 24, 3)) for start, end in edges.reshape(-1, 2)]


async def both_speak(bench):
    """The agent from 0 to 200 ms and from 500 to 650, cut by the user, who speaks from 100 to 340 and from 900."""
    output = bench.output
    bench.say("a", 200)
    await bench.sleep(100)
    for _ in range(12):
        await bench.sleep(20)
        output.hear_user(piece(20))
    await bench.sleep(160)
    bench.say("b", 1_000)
    await bench.sleep(150)
    output.clear("b")
    await bench.finished("b")
    await bench.sleep(350)
    output.hear_user(piece(100))


@pytest.mark.parametrize("ending", ["wav", "flac"])
def test_in_stereo_the_user_is_on_the_right_when_he_spoke(ending, tmp_path):
    path = tmp_path / f"heard.{ending}"
    said(path, both_speak, stereo=True)
    agent, user = channels_of(path)
    assert sounds(agent) == [(0, 200), (500, 650)]
    assert sounds(user) == [(100, 340), (900, 1_000)]


def test_the_user_may_begin_and_may_come_in_pieces_that_are_late(tmp_path):
    path = tmp_path / "heard.wav"

    async def speak(bench):
        for late_ms in (0, 60, 0, 130, 0):
            await bench.sleep(40)
            bench.output.hear_user(piece(40 + late_ms))
            await bench.sleep(late_ms)
        bench.say("a", 100)
        await bench.finished("a")

    said(path, speak, stereo=True)
    agent, user = channels_of(path)
    assert sounds(user) == [(0, 390)]
    assert sounds(agent) == [(390, 490)]


def test_a_long_silence_takes_no_memory_and_the_user_is_where_he_was(tmp_path):
    path = tmp_path / "heard.wav"

    async def speak(bench):
        bench.output.hear_user(piece(20))
        await bench.sleep(120_000)
        tracemalloc.start()
        bench.output.hear_user(piece(20))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 1_500_000  # two minutes are 5.8 MB on each channel

    said(path, speak, stereo=True)
    _, user = channels_of(path)
    assert sounds(user) == [(0, 20), (120_000, 120_020)]


def test_in_mono_the_user_is_left_out_and_half_a_sample_is_refused(tmp_path):
    async def speak(bench):
        bench.output.hear_user(piece(500))
        with pytest.raises(ValueError, match="whole 16-bit samples"):
            bench.output.hear_user(b"abc")

    said(tmp_path / "heard.wav", speak, whole_then_silence_then_cut)
    samples, _ = sf.read(tmp_path / "heard.wav", dtype="int16")
    assert (samples.ndim, samples.size) == (1, 650 * 24)


@pytest.mark.parametrize("ending", ["wav", "flac", "ogg"])
def test_where_nothing_was_heard_the_file_is_silent_and_can_be_read(ending, tmp_path):
    path = tmp_path / f"heard.{ending}"
    said(path)
    assert not sf.read(path, dtype="int16")[0].any()
    assert json.loads((tmp_path / "heard.json").read_text())["messages"] == []


def test_until_it_is_closed_there_is_no_file_and_then_nothing_else(tmp_path):
    async def look(bench):
        bench.say("a", 200)
        await bench.sleep(100)
        assert not (tmp_path / "heard.wav").exists()

    said(tmp_path / "heard.wav", look)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["heard.json", "heard.wav"]
    assert json.loads((tmp_path / "heard.json").read_text())["messages"][0]["heard_ms"] == 100


@pytest.mark.parametrize(
    ("name", "rate", "words"),
    [("heard.mp3", 24_000, r"must end in one of \.wav"), ("heard.ogg", 22_050, "cannot be written at 22050 Hz")],
)
def test_what_cannot_be_had_is_said(name, rate, words, tmp_path):
    with pytest.raises(ValueError, match=words):
        FileOutput(tmp_path / name, sample_rate=rate)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_there_is_not_is_said(tmp_path):
    with pytest.raises(OSError, match="nowhere"):
        FileOutput(tmp_path / "nowhere" / "heard.wav")


def test_a_full_disk_fails_the_message_and_leaves_nothing_behind(tmp_path):
    if not os.path.exists("/dev/full"):
        pytest.skip("needs /dev/full")

    async def run():
        output = FileOutput(tmp_path / "never.wav", LoopClock())
        output._file._sound.close()
        output._file._sound = sf.SoundFile("/dev/full", "w", 24_000, 1, subtype="PCM_16", format="RAW")
        bench = Bench(OutputUnderTest(output))
        bench.attach()
        bench.say("m", 60_000)
        await bench.until(lambda: bool(bench.of(OutputFailed, "m")), "it fails", 60_000)
        assert "cannot be written" in bench.of(OutputFailed, "m")[0].detail
        bench.expect_in_order()
        output._file.discard()
        await output.aclose()
        assert list(tmp_path.iterdir()) == []

    run_in_virtual_time(run())


def test_ctrl_c_leaves_a_whole_file(tmp_path):
    command = [sys.executable, str(EXAMPLES / "file.py"), str(tmp_path / "heard.wav")]
    agent = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert "the agent is speaking\n" in iter(agent.stdout.readline, "")
    agent.send_signal(signal.SIGINT)
    agent.communicate(timeout=30)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["heard.json", "heard.wav"]
    messages = json.loads((tmp_path / "heard.json").read_text())["messages"]
    assert messages[-1]["interrupted"], "a slow machine may have played one before"
    heard_ms = sum(message["heard_ms"] for message in messages)
    assert abs(sf.info(tmp_path / "heard.wav").frames / 24 - heard_ms) <= len(messages)


def test_the_example_says_what_was_heard(tmp_path, capsys):
    asyncio.run(load_example("file").main(str(tmp_path / "heard.flac"), interrupt_after_s=0.3))
    assert "partial, heard" in capsys.readouterr().out
    assert sf.info(tmp_path / "heard.flac").frames > 0
