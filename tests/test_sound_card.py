"""The sound card, played on the real PortAudio and PulseAudio, and compared with what the sink recorded."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
import threading
from contextlib import asynccontextmanager

import pytest
from examples_at_hand import load_example
from interrupted_outputs import INSTANTS, differences, figures, interrupted
from sound_room import missing, sound_room

from speech_lifecycle.adapters import Driver
from speech_lifecycle.testing import OUTPUT_CHECKS, Bench, OutputUnderTest, ScriptedAudio, ScriptedSession

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing())


@pytest.fixture(scope="module")
def room():
    with sound_room() as room:
        yield room


def opener(room, fail=None, **options):
    from speech_lifecycle.adapters.outputs.sound_card import SoundCardOutput

    @asynccontextmanager
    async def open_card():
        card = SoundCardOutput(**options)
        room.listen()

        async def heard_ms():
            await asyncio.sleep(0.3)  # what was recorded is on its way to us
            return room.heard_ms()

        async def have_fail():
            (fail or room.close)()

        try:
            yield OutputUnderTest(card, heard_ms=heard_ms, fail=have_fail)
        finally:
            if fail is not None:
                room.close()
            await card.aclose()

    return open_card


@pytest.fixture
def fresh_room(room):
    """A room that may be broken."""
    yield room
    room.close()
    room.open()


@pytest.mark.parametrize("check", [check for check in OUTPUT_CHECKS if check.needs != "failure"], ids=str)
def test_the_sound_card_keeps_the_contract(check, room):
    assert asyncio.run(check(opener(room))) is None


@pytest.mark.parametrize("check", [check for check in OUTPUT_CHECKS if check.needs == "failure"], ids=str)
@pytest.mark.parametrize("fault", ["close", "freeze"])
def test_a_sound_server_that_dies_or_hangs_is_a_failure(check, fault, fresh_room):
    assert asyncio.run(check(opener(fresh_room, getattr(fresh_room, fault)))) is None


def test_interrupted_at_twenty_instants_heard_is_history_is_server(room):
    from speech_lifecycle.adapters.outputs.sound_card import SoundCardOutput

    async def heard_ms():
        await asyncio.sleep(0.3)
        return room.heard_ms()

    def run(at_ms):
        room.listen()
        return asyncio.run(interrupted(at_ms, SoundCardOutput, heard_ms))

    runs = []
    for at_ms in INSTANTS:
        runs.append(run(at_ms))
        if (
            abs(runs[-1].error_ms) > 20
        ):  # a busy machine may stop us between looking at the clock and stopping the device
            runs[-1] = run(at_ms)
    print(figures(runs))
    assert differences(runs) == []
    assert all(abs(run.error_ms) <= 20 for run in runs), figures(runs)


async def test_a_loop_that_lags_makes_no_liar_of_the_sound_card(room):
    from speech_lifecycle.adapters.outputs import SoundCardOutput

    room.listen()
    session = ScriptedSession([ScriptedAudio("m", [b"\xe8\x03" * 48_000], "some words")])
    async with Driver(session, SoundCardOutput()) as driver:
        speech = driver.request_response()
        loop = asyncio.get_running_loop()
        loop.call_later(0.1, lambda: threading.Event().wait(0.3))  # while it begins
        await asyncio.sleep(0.9)
        driver.interrupt()
        (record,) = await speech.done()
        await asyncio.sleep(0.3)  # what was recorded is on its way to us
    assert record.heard_ms_status == "reported"
    assert record.heard_ms == pytest.approx(room.heard_ms(), abs=20)


@pytest.mark.parametrize("device_rate", [16_000, 44_100])
def test_a_device_of_another_rate_is_resampled_for(device_rate, room):
    checks = (
        "a_message_is_played_to_its_end",
        "a_clear_reports_how_far_the_message_got",
        "a_pause_holds_and_loses_nothing",
    )
    for check in OUTPUT_CHECKS:
        if check.name in checks:
            assert asyncio.run(check(opener(room, device_rate=device_rate))) is None


def test_a_device_that_there_is_not_is_named_with_those_that_there_are(room):
    from speech_lifecycle.adapters.outputs import SoundCardError, SoundCardOutput

    with pytest.raises(SoundCardError, match=r"the sound output 'Bose' cannot be used .*; there are: 'default'"):
        SoundCardOutput(device="Bose")


def test_a_sound_server_that_is_gone_at_the_start_is_said(fresh_room):
    from speech_lifecycle.adapters.outputs import SoundCardError, SoundCardOutput

    fresh_room.close()
    with pytest.raises(SoundCardError, match=r"the default sound output cannot be used at 24000 Hz"):
        SoundCardOutput()


async def test_a_card_that_comes_back_plays_the_next_message(fresh_room):
    from speech_lifecycle.adapters.outputs import SoundCardOutput
    from speech_lifecycle.fsm.events import OutputFailed

    card = SoundCardOutput()
    bench = Bench(OutputUnderTest(card))
    bench.attach()
    bench.say("a", 3_000)
    await bench.started("a")
    fresh_room.close()
    await bench.until(lambda: bool(bench.of(OutputFailed, "a")), "it fails")
    fresh_room.open()
    bench.say("b", 100)
    await bench.finished("b", 100)
    bench.expect_in_order()
    await card.aclose()


@pytest.mark.parametrize(
    ("module", "remedy"),
    [
        ("raise ImportError", "pip install 'speech-lifecycle[soundcard]'"),
        ("raise OSError('PortAudio library not found')", "apt-get install libportaudio2"),
    ],
)
def test_what_is_missing_is_named_with_the_remedy(module, remedy, tmp_path):
    (tmp_path / "sounddevice.py").write_text(module)
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import speech_lifecycle.adapters.outputs.sound_card"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "ImportError" in run.stderr.splitlines()[-1]
    assert remedy in run.stderr


def test_the_example_says_what_was_heard(room, monkeypatch, capsys):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    room.listen()
    asyncio.run(load_example("sound_card").main(interrupt_after_s=0.9))
    printed = capsys.readouterr().out
    heard = [int(ms) for ms in re.findall(r"heard (\d+) of", printed)]
    assert 300 < sum(heard) < 1_000
    assert "interrupted" in printed
    assert abs(sum(heard) - room.heard_ms()) <= 60  # some of it is on its way to us
