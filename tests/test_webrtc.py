"""WebRTC to a page in a real Chromium as output, and compared with what the sound server recorded."""

from __future__ import annotations

import asyncio
import re
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

import pytest
import pytest_asyncio
from browser_room import open_browser, sound_missing
from examples_at_hand import load_example
from interrupted_outputs import INSTANTS, LENGTHS_MS, differences, figures, interrupted
from sound_room import sound_room
from spoken import voice, write_wav
from webrtc_room import open_call, sweep, sweep_base64, swept_ms

from speech_lifecycle.fsm.events import OutputFailed, OutputPlaybackProgressed
from speech_lifecycle.simulation.voice_activity import VoiceActivity
from speech_lifecycle.testing import OUTPUT_CHECKS, Bench, OutputUnderTest

pytestmark = [
    pytest.mark.skipif(bool(sound_missing()), reason=sound_missing()),
    pytest.mark.asyncio(loop_scope="module"),
]

RECORDED_S = 0.3
"""What was recorded is on its way to us."""
RATE = 24_000


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def room():
    with sound_room() as room:
        yield room


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser(room):
    async with open_browser() as browser:
        yield browser


def opener(browser):
    @asynccontextmanager
    async def open_output():
        async with open_call(browser) as opened:
            yield OutputUnderTest(opened.call.output, tolerance_ms=60, latency_ms=600, fail=opened.page.close)
            assert opened.complaints == []

    return open_output


@pytest.mark.parametrize("part", range(8))
async def test_it_keeps_the_contract_on_several_pages_at_once(part, browser):
    """Against the clock: a jitter buffer stretches, so that how much sound there was says little."""
    reasons = await asyncio.gather(*(check(opener(browser)) for check in OUTPUT_CHECKS[part::8]))
    assert set(reasons) == {None}


async def test_interrupted_at_twenty_instants_heard_is_history_is_server(browser, room, monkeypatch):
    """What is heard says by its pitch where in the response it is."""
    monkeypatch.setattr(
        "speech_lifecycle.simulation.generation.tone_base64", partial(sweep_base64, before_ms=LENGTHS_MS[0])
    )

    async def heard_ms():
        await asyncio.sleep(RECORDED_S)
        return swept_ms(room.heard(), RATE)

    async def run(at_ms, opened):
        room.listen()
        interruption = await interrupted(at_ms, lambda: opened.call.output, heard_ms)
        assert opened.complaints == []
        return interruption

    runs = []
    for group in (INSTANTS[start : start + 4] for start in range(0, len(INSTANTS), 4)):
        async with AsyncExitStack() as stack:
            pages = await asyncio.gather(*(stack.enter_async_context(open_call(browser)) for _ in group))
            for at_ms, opened in zip(group, pages, strict=True):
                runs.append(await run(at_ms, opened))
    for number, at_ms in enumerate(INSTANTS):
        if abs(runs[number].error_ms) > 30:  # a busy machine may have kept the browser from playing what it got
            async with open_call(browser) as opened:
                runs[number] = await run(at_ms, opened)
    print(figures(runs))
    assert differences(runs) == []
    assert all(abs(run.error_ms) <= 30 for run in runs), figures(runs)


@pytest.mark.parametrize("held_ms", [0, 300])
async def test_what_was_held_goes_on_where_it_was_and_nothing_is_lost(held_ms, browser, room):
    async with open_call(browser) as opened:
        bench = Bench(OutputUnderTest(opened.call.output))
        bench.attach()
        room.listen()
        opened.call.output.start("m")
        bench.write_pcm("m", sweep(0, 1_200, RATE).tobytes())
        opened.call.output.flush("m")
        await bench.until(lambda: len(bench.of(OutputPlaybackProgressed, "m")) > 3, "it plays")
        opened.call.output.pause()
        await asyncio.sleep(held_ms / 1000)
        opened.call.output.resume()
        assert (await bench.finished("m", 5_000)).position_ms == 1_200
        bench.expect_in_order()
        await asyncio.sleep(RECORDED_S)
        assert swept_ms(room.heard(), RATE) == pytest.approx(1_200, abs=15)


@pytest.mark.parametrize("leave", ["reload", "close"])
async def test_a_page_that_is_left_in_mid_speech_is_settled_where_it_was(leave, browser):
    async with open_call(browser) as opened:
        bench = Bench(OutputUnderTest(opened.call.output))
        bench.attach()
        bench.output.start("m")
        bench.write("m", 3_000)
        await bench.until(lambda: len(bench.of(OutputPlaybackProgressed, "m")) > 3, "it plays")
        await getattr(opened.page, leave)()
        await bench.until(lambda: bool(bench.of(OutputFailed, "m")), "it fails", 3_000)
        bench.expect_in_order()
        assert "the page" in bench.of(OutputFailed, "m")[0].detail


async def test_the_microphone_is_heard(room, tmp_path):
    said = write_wav(tmp_path / "said.wav", voice(3_000, 48_000))
    async with open_browser(microphone=said) as browser, open_call(browser) as opened:
        ear, pcm = VoiceActivity(), opened.call.microphone()
        while "started" not in ear.take(await asyncio.wait_for(pcm.__anext__(), 10)):
            pass


async def test_the_example_says_what_was_heard(browser, monkeypatch, capsys):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    async with open_call(browser, load_example("webrtc").converse) as opened:
        await Bench(OutputUnderTest(opened.call.output)).sleep(1_500)
        await opened.page.close()
        await opened.server.__aexit__(None, None, None)
    printed = capsys.readouterr().out
    assert sum(int(ms) for ms in re.findall(r"heard (\d+) of", printed)) > 300
    assert "partial" in printed
