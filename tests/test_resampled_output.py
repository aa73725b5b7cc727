"""Session and output of different sample rates: the driver resamples; positions are those of the session's audio."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import asynccontextmanager
from functools import partial

import numpy as np
import pytest
import soundfile

from speech_lifecycle.adapters import Driver
from speech_lifecycle.adapters.clock import LoopClock
from speech_lifecycle.adapters.outputs import ClockedOutput, FileOutput
from speech_lifecycle.adapters.outputs.resampled_output import ResampledOutput
from speech_lifecycle.simulation.simulated_speaker import SimulatedSpeaker
from speech_lifecycle.simulation.virtual_loop import run_in_virtual_time
from speech_lifecycle.testing import OUTPUT_CHECKS, OutputUnderTest, ScriptedAudio, ScriptedSession

RATES = [(24_000, 8_000), (24_000, 48_000), (8_000, 24_000), (16_000, 44_100), (24_000, 22_050)]


def clicks(rate: int, ms: int, every_ms: int) -> bytes:
    """Silence with a short sound at each multiple."""
    samples = np.zeros(ms * rate // 1000, dtype="<i2")
    for at in range(0, samples.size, every_ms * rate // 1000):
        samples[at : at + rate // 1000] = 8_000
    return samples.tobytes()


@asynccontextmanager
async def open_resampled(session_rate, output_rate, can_pause=True):
    speaker = SimulatedSpeaker(LoopClock(), sample_rate=output_rate, can_pause=can_pause)

    async def heard_ms():
        return sum(speaker.listener.heard.values())

    output = ResampledOutput(speaker, session_rate)
    # Positions are whole milliseconds: of a rate that has no whole number of samples in one, each message loses a part.
    yield OutputUnderTest(output, tolerance_ms=3, latency_ms=1, heard_ms=heard_ms)


@pytest.mark.parametrize("rates", RATES[::2], ids=str)
@pytest.mark.parametrize("check", OUTPUT_CHECKS, ids=str)
def test_it_keeps_the_contract_of_outputs(check, rates):
    reason = run_in_virtual_time(check(partial(open_resampled, *rates)))
    assert reason is None or check.needs == "failure"


@pytest.mark.parametrize("rates", RATES, ids=str)
def test_what_was_heard_lies_where_it_lay_and_ends_where_the_record_says(rates, tmp_path):
    """In a file of the output's rate: every click where it was in the session's audio, the cut to the millisecond."""
    session_rate, output_rate = rates
    pcm = clicks(session_rate, 2_000, 250)
    pieces = [pcm[start : start + 1_001] for start in range(0, len(pcm), 1_001)]

    async def play():
        output = FileOutput(tmp_path / "heard.wav", sample_rate=output_rate)
        session = ScriptedSession([ScriptedAudio("m", pieces, "words")], sample_rate=session_rate)
        async with Driver(session, output) as driver:
            speech = driver.request_response()
            await LoopClock().sleep(1_130)
            driver.interrupt()
            return (await speech.done())[0]

    record = run_in_virtual_time(play())
    samples, rate = soundfile.read(tmp_path / "heard.wav", dtype="int16")
    assert (rate, record.state) == (output_rate, "partial")
    (cut,) = json.loads((tmp_path / "heard.json").read_text())["messages"]
    assert cut["heard_ms"] == record.heard_ms
    assert record.heard_ms == pytest.approx(samples.size * 1000 / rate, abs=1) == pytest.approx(1_130, abs=1)
    loud = np.flatnonzero(np.abs(samples.astype(int)) > 4_000) * 1000 / rate
    begins = [loud[0], *loud[1:][np.diff(loud) > 100]]
    assert begins == pytest.approx([0, 250, 500, 750, 1_000], abs=0.2)


@pytest.mark.parametrize("rates", RATES, ids=str)
def test_all_of_it_is_played_to_the_end(rates):
    session_rate, output_rate = rates
    audio = [ScriptedAudio(name, [bytes(2 * session_rate * ms // 1000)]) for name, ms in (("a", 733), ("b", 41))]

    async def play():
        speaker = SimulatedSpeaker(LoopClock(), sample_rate=output_rate)
        async with Driver(ScriptedSession(audio, sample_rate=session_rate), speaker) as driver:
            records = await driver.request_response().done()
        return {record.message_id: (record.state, record.heard_ms) for record in records}, speaker.listener.heard

    records, heard = run_in_virtual_time(play())
    assert records == {"a": ("played", 733), "b": ("played", 41)}
    assert heard == {"a": pytest.approx(733, abs=1), "b": pytest.approx(41, abs=1)}


def test_what_an_output_can_do_it_can_do_at_another_rate():
    plain = SimulatedSpeaker(LoopClock(), shows_text=True, can_pause=False)
    resampled = ResampledOutput(plain, 8_000)
    assert (resampled.sample_rate, resampled.can_pause, resampled.shows_text) == (8_000, False, True)
    assert not ResampledOutput(ClockedOutput(), 8_000).shows_text


@pytest.mark.parametrize("rate", [None, 0, -8_000, "24000", 24_000.5])
def test_a_rate_that_is_none_is_said_whose_it_is(rate):
    output = ClockedOutput()
    output._sample_rate = rate
    with pytest.raises(ValueError, match=r"the output's sample_rate must be a number of samples per second, not"):
        Driver(ScriptedSession(), output)
    with pytest.raises(ValueError, match=r"the session's sample_rate must be"):
        Driver(ScriptedSession(sample_rate=rate), ClockedOutput())


def test_what_is_missing_is_named_with_the_remedy_and_only_when_it_is_needed():
    code = (
        "import sys; sys.modules['soxr'] = None\n"
        "from speech_lifecycle.adapters import Driver\n"
        "from speech_lifecycle.adapters.outputs import ClockedOutput\n"
        "from speech_lifecycle.testing import ScriptedSession\n"
        "Driver(ScriptedSession(), ClockedOutput())\n"
        "Driver(ScriptedSession(sample_rate=8_000), ClockedOutput())"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "pip install 'speech-lifecycle[resampling]'" in run.stderr.splitlines()[-1]
