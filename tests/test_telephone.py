"""A telephone call, over a real WebSocket, to carriers that do what their pages say, with delay and jitter."""

from __future__ import annotations

import asyncio
import base64
import functools
import json
import math
import subprocess
import sys
import tempfile
import warnings
from contextlib import asynccontextmanager

import numpy as np
import pytest
from examples_at_hand import load_example
from interrupted_outputs import INSTANTS, Interrupted, differences, figures, interrupted
from websockets.asyncio.server import unix_serve

from speech_lifecycle.adapters.outputs.telephone import DIALECTS, TWILIO, VONAGE, TelephoneOutput, TelephoneServer
from speech_lifecycle.adapters.sessions.audio_format import AudioFormat
from speech_lifecycle.adapters.sessions.g711 import encode_a_law, encode_mu_law
from speech_lifecycle.fsm.events import OutputFailed, OutputPlaybackFinished
from speech_lifecycle.simulation.simulated_carrier import SimulatedCarrier
from speech_lifecycle.simulation.virtual_loop import run_in_virtual_time
from speech_lifecycle.testing import OUTPUT_CHECKS, Bench, OutputUnderTest

DELAY_MS, JITTER_MS = 30, 20
WAY_MS = 2 * (DELAY_MS + JITTER_MS)


@asynccontextmanager
async def call(dialect=TWILIO, **options):
    """A call that has come in: the output, and the carrier who made it."""
    answered: asyncio.Future = asyncio.get_running_loop().create_future()

    async def answer(socket):
        output = TelephoneOutput(socket.send, dialect)
        answered.set_result(output)
        await output.run(socket)

    options = {"delay_ms": DELAY_MS, "jitter_ms": JITTER_MS, **options}
    # What is written to a Unix socket has arrived: time may be virtual, and no test depends on how busy the machine is.
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/call"
        async with (
            unix_serve(answer, path),
            SimulatedCarrier("ws://localhost/", dialect.name, unix_path=path, **options) as carrier,
        ):
            yield await answered, carrier
        assert carrier.complaints == []


def in_virtual_time(test):
    """Nothing is measured by how fast this machine is."""

    @functools.wraps(test)
    def run(*arguments, **named):
        run_in_virtual_time(test(*arguments, **named))

    return run


def heard_ms(carrier) -> float:
    return float(np.count_nonzero(np.frombuffer(carrier.heard, "<i2"))) * 1000 / carrier.rate


def opener(dialect, **options):
    @asynccontextmanager
    async def open_output():
        async with call(dialect, **options) as (output, carrier):

            async def ask():
                await asyncio.sleep(WAY_MS / 1000)
                return heard_ms(carrier)

            yield OutputUnderTest(
                output,
                tolerance_ms=30,
                behind_ms=dialect.frame_ms + WAY_MS,
                latency_ms=dialect.frame_ms + WAY_MS,
                heard_ms=ask,
                fail=carrier.hang_up,
            )

    return open_output


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
def test_every_carrier_keeps_the_contract(dialect):
    reasons = {run_in_virtual_time(check(opener(dialect))) for check in OUTPUT_CHECKS}
    assert reasons == {None, "the output cannot pause"}


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
def test_interrupted_at_twenty_instants_heard_is_history_is_server(dialect):
    async def at(at_ms):
        async with call(dialect, seed=at_ms) as (output, carrier):

            async def ask():
                await asyncio.sleep(WAY_MS / 1000)
                return len(carrier.heard) / 2 / carrier.rate * 1000

            return await interrupted(at_ms, lambda: output, ask)

    runs: list[Interrupted] = [run_in_virtual_time(at(at_ms)) for at_ms in INSTANTS]
    print(dialect.name, figures(runs))
    assert differences(runs) == []
    behind_ms = 2 * dialect.frame_ms + WAY_MS
    assert all(-behind_ms <= run.error_ms <= 1 for run in runs), figures(runs)


# Marks


async def cut_after(ms, **options):
    """What is reported of a long message that is cut, and what the caller heard of it."""
    async with call(**options) as (output, carrier):
        bench = Bench(OutputUnderTest(output))
        bench.attach()
        bench.output.start("m")
        bench.write("m", 1_500)
        await bench.sleep(ms)
        bench.output.clear("m")
        finish = await bench.finished("m")
        await bench.sleep(WAY_MS + 200)
        bench.expect_in_order()
        await output.aclose()
        return finish.position_ms, heard_ms(carrier), output


@in_virtual_time
async def test_marks_that_come_back_after_a_clear_are_not_evidence():
    position_ms, heard, output = await cut_after(540)
    assert position_ms <= heard + 1 < 1_000
    assert output.faults > 10  # the carrier returned them all


@pytest.mark.parametrize("fault", ["silent about marks", "marks of another stream"])
@in_virtual_time
async def test_without_a_mark_of_its_own_nothing_is_known_to_be_heard(fault):
    position_ms, heard, _ = await cut_after(400, fault=fault)
    assert position_ms == 0
    assert heard > 200


@in_virtual_time
async def test_a_mark_nobody_asked_for_changes_nothing():
    position_ms, heard, output = await cut_after(400, fault="marks nobody asked for")
    assert 0 < position_ms <= heard + 1
    assert output.faults


@in_virtual_time
async def test_a_carrier_that_is_silent_about_marks_gets_all_of_it_all_the_same():
    async with call(fault="silent about marks") as (output, carrier):
        bench = Bench(OutputUnderTest(output))
        bench.attach()
        bench.say("m", 2_600)
        await bench.sleep(2_900)
        assert heard_ms(carrier) > 2_500
        await output.aclose()


@in_virtual_time
async def test_no_silence_comes_into_speech_that_arrives_in_pieces_of_its_own_size():
    """As long as the carrier has something to play, what does not fill a frame waits for more."""
    async with call() as (output, carrier):
        bench = Bench(OutputUnderTest(output))
        bench.attach()
        bench.output.start("m")
        bench.write("m", 297)
        for _ in range(20):
            bench.write("m", 97)
            await bench.sleep(50)
        bench.output.flush("m")
        await bench.finished("m", 2_237)
        gaps = np.flatnonzero(np.frombuffer(carrier.heard, "<i2") == 0)
        assert gaps.size * 1_000 / carrier.rate < output._dialect.frame_ms, "only the last frame is filled up"
        await output.aclose()


@in_virtual_time
async def test_a_carrier_that_freezes_is_settled_by_what_it_acknowledged():
    async with call() as (output, carrier):
        bench = Bench(OutputUnderTest(output))
        bench.attach()
        bench.say("m", 1_000)
        await bench.started("m")
        await bench.sleep(200)
        carrier.freeze()
        await bench.sleep(200)
        output.clear("m")
        finish = await bench.finished("m")
        assert 0 < finish.position_ms <= heard_ms(carrier) + 1
        await output.aclose()


async def test_the_carrier_is_given_no_more_than_fits_its_buffer():
    """Vonage keeps 3,072 frames, and drops the rest."""
    frames = []

    async def send(frame):
        frames.append(frame)

    output = TelephoneOutput(send, VONAGE)
    output.attach(lambda fact: None)
    output.take(json.dumps({"event": "websocket:connected", "content-type": "audio/l16;rate=16000"}))
    output.start("m")
    output.write("m", bytes(48_000 * 60))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert sum(isinstance(frame, bytes) for frame in frames) * 20 == 2_000
    await output.aclose()


# What a carrier, or whoever pretends to be one, may send

START = {"event": "start", "streamSid": "MZ1", "start": {"streamSid": "MZ1"}}
HOSTILE = [
    "",
    "{",
    "null",
    "[]",
    "7",
    '{"event": 5}',
    '{"event": "media"}',
    '{"event": "media", "streamSid": "MZ1", "media": {"payload": "***"}}',
    '{"event": "media", "streamSid": "MZ1", "media": 5}',
    '{"event": "mark", "streamSid": "MZ1", "mark": {"name": {}}}',
    '{"event": "mark", "streamSid": "MZ2", "mark": {"name": "20-1"}}',
    json.dumps(START),
    "[" * 100_000,
    "\ud800",
    b"\xff\xfe",
    b"",
    '{"event": "mark", "streamSid": "MZ1", "mark": {"name": "' + "9" * 100_000 + '"}}',
]


async def sent_to(*frames, dialect=TWILIO):
    async def send(frame):
        pass

    output = TelephoneOutput(send, dialect)
    bench = Bench(OutputUnderTest(output))
    bench.attach()
    for frame in frames:
        output.take(frame)
    return output, bench


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
async def test_no_frame_harms_anything(dialect):
    for early in (True, False):
        output, bench = await sent_to(*([] if early else [json.dumps(START)]), *HOSTILE, dialect=dialect)
        assert output.faults
        output.start("m")
        output.write("m", bytes(960))
        output.clear("m")
        assert (await bench.finished("m")).position_ms == 0
        await output.aclose()


async def test_audio_waits_for_the_start_of_the_stream():
    frames = []

    async def send(frame):
        frames.append(json.loads(frame))

    output = TelephoneOutput(send)
    output.attach(lambda fact: None)
    output.start("m")
    output.write("m", bytes(9_600))
    output.flush("m")
    await asyncio.sleep(0.01)
    assert frames == []
    output.take(json.dumps(START))
    await asyncio.sleep(0.01)
    assert {frame["streamSid"] for frame in frames} == {"MZ1"}
    await output.aclose()


async def test_an_encoding_that_cannot_be_played_is_a_fault_that_names_it(caplog):
    caplog.set_level("DEBUG")
    opus = {"event": "start", "stream_id": "1", "start": {"media_format": {"encoding": "OPUS"}}}
    telnyx = next(dialect for dialect in DIALECTS if dialect.name == "Telnyx")
    output, _ = await sent_to(json.dumps(opus), dialect=telnyx)
    assert output.faults == 1
    assert "'OPUS': ask it for mu-law or linear audio" in caplog.text


async def test_the_end_of_the_stream_fails_what_is_said_and_what_is_said_later():
    output, bench = await sent_to(json.dumps(START))
    output.start("a")
    output.write("a", bytes(9_600))
    output.take('{"event": "stop", "streamSid": "MZ1"}')
    output.start("b")
    output.write("b", bytes(9_600))
    await bench.until(lambda: len(bench.facts) == 2, "both fail")
    assert [(type(fact), fact.message_id) for fact in bench.facts] == [(OutputFailed, "a"), (OutputFailed, "b")]
    assert bench.facts[0].detail == "Twilio has ended the stream"
    await output.aclose()


async def test_the_callers_audio_comes_out_at_the_rate_of_the_output():
    output, _ = await sent_to(json.dumps(START))
    media = {"event": "media", "streamSid": "MZ1", "media": {"payload": base64.b64encode(b"\x80" * 160).decode()}}
    pcm = b"".join(output.take(json.dumps(media)) for _ in range(50))
    samples = np.frombuffer(pcm, "<i2")
    assert 0.9 * 24_000 < samples.size <= 24_000
    assert abs(np.median(samples) - 32_124) < 300
    await output.aclose()


async def test_a_flushed_message_without_audio_finishes_before_the_stream_starts():
    output, bench = await sent_to()
    output.start("m")
    output.flush("m")
    assert (await bench.finished("m")) == OutputPlaybackFinished("m", 0)
    await output.aclose()


# Mu-law


def mu_law_of(sample: int) -> int:
    """By the definition of ITU-T G.711, table 2a: decision values 31, 35, 39 ... 8159, in 14 bits."""
    magnitude, sign = (sample >> 2, 0x80) if sample >= 0 else (-(sample >> 2), 0)
    magnitude = min(magnitude, 8_158) + 33
    segment = int(math.log2(magnitude)) - 5
    step = (magnitude >> (segment + 1)) - 16
    return (0x7F - (segment * 16 + step)) | sign


def test_mu_law_is_exact_on_all_samples():
    samples = np.arange(-32_768, 32_768).astype("<i2")
    encoded = encode_mu_law(samples.tobytes())
    assert list(encoded) == [mu_law_of(int(sample)) for sample in samples]


def test_both_laws_are_those_of_the_standard_library():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        audioop = pytest.importorskip("audioop", reason="audioop left the standard library with Python 3.13")
    samples = np.arange(-32_768, 32_768).astype("<i2").tobytes()
    assert encode_mu_law(samples) == audioop.lin2ulaw(samples, 2)
    assert encode_a_law(samples) == audioop.lin2alaw(samples, 2)


def test_mu_law_there_and_back_stays_what_it_is():
    codes = bytes(range(256))
    again = encode_mu_law(AudioFormat("ulaw", 8_000).decode(codes))
    assert [code for code in codes if again[code] != code] == [0x7F]  # minus nothing is nothing


def test_a_law_there_and_back_stays_what_it_is():
    codes = bytes(range(256))
    assert encode_a_law(AudioFormat("alaw", 8_000).decode(codes)) == codes


def test_without_numpy_the_error_names_the_remedy(tmp_path):
    code = "import sys; sys.modules['soxr'] = None; import speech_lifecycle.adapters.outputs.telephone"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "pip install 'speech-lifecycle[telephone]'" in run.stderr


async def end_of_calls(server: TelephoneServer) -> None:
    """Wait in real time: a call that was hung up is settled first, within the stop timeout."""
    for _ in range(400):
        if not server.calls:
            return
        await asyncio.sleep(0.05)
    raise AssertionError("the call goes on")


async def test_the_example_answers_a_call(capsys):
    example = load_example("telephone")
    async with TelephoneServer(example.answer) as server:
        async with SimulatedCarrier(server.url, "Twilio") as carrier:
            await asyncio.sleep(1.5)
            assert heard_ms(carrier) > 500
            await carrier.hang_up()
        await end_of_calls(server)
    printed = capsys.readouterr().out
    assert "partial, heard" in printed
    assert "history: " in printed
