"""A loop that lags must not make an honest output a liar: what it says was heard counts from when that became true."""

from __future__ import annotations

import asyncio

import pytest
from livekit import rtc

from speech_lifecycle.adapters import Driver
from speech_lifecycle.adapters.clock import LoopClock
from speech_lifecycle.adapters.livekit_agents.audio_output import LiveKitAudioOutput
from speech_lifecycle.adapters.livekit_agents.drive.output import LiveKitOutput
from speech_lifecycle.adapters.livekit_agents.watch.forwarding import Forwarding
from speech_lifecycle.adapters.livekit_agents.watch.output import WatchedOutput
from speech_lifecycle.adapters.outputs import ClockedOutput, FileOutput
from speech_lifecycle.fsm.events import (
    OutputPlaybackFinished,
    OutputPlaybackProgressed,
    OutputPlaybackStarted,
)
from speech_lifecycle.simulation.simulated_speaker import SimulatedSpeaker
from speech_lifecycle.simulation.virtual_loop import run_in_virtual_time
from speech_lifecycle.testing import ScriptedAudio, ScriptedSession

LAG_MS = 200
INTERRUPTED_MS = 700


class Device:
    """Somebody's own output: it plays by itself, is told of that in the loop, and says there when that was, or not."""

    sample_rate, can_pause = 24_000, False

    def __init__(self, says_when: bool) -> None:
        self._says_when = says_when
        self._began_ms: float | None = None

    def attach(self, report):
        self._report = report

    def start(self, message_id): ...

    def write(self, message_id, pcm):
        if self._began_ms is None:
            self._began_ms = LoopClock().now_ms()
            stamp_ms = int(self._began_ms) if self._says_when else None
            asyncio.get_running_loop().call_soon(
                lambda: self._report(OutputPlaybackStarted(message_id, observed_ms=stamp_ms))
            )

    def write_text(self, message_id, text): ...

    def flush(self, message_id): ...

    def clear(self, message_id):
        self._report(OutputPlaybackFinished(message_id, LoopClock().now_ms() - self._began_ms, interrupted=True))

    def pause(self): ...

    def resume(self): ...

    async def aclose(self): ...


async def record_of(make_output):
    """Play a message on a loop that is away for a while as soon as the output has the audio, and interrupt it."""
    loop = asyncio.get_running_loop()
    session = ScriptedSession([ScriptedAudio("m", [bytes(48 * 2_000)], "some words")])
    output = make_output()
    device = getattr(output, "device", output)
    write = device.write

    def write_and_be_away(message_id, pcm):
        device.write = write  # once
        loop.call_soon(loop.move_on, LAG_MS / 1000)  # before whatever the device has the loop do
        write(message_id, pcm)

    device.write = write_and_be_away
    async with Driver(session, output) as driver:
        speech = driver.request_response()
        await asyncio.sleep(INTERRUPTED_MS / 1000)
        driver.interrupt()
        return (await speech.done())[0]


@pytest.mark.parametrize(
    "make_output",
    [ClockedOutput, lambda: SimulatedSpeaker(LoopClock()), lambda: Device(says_when=True)],
    ids=["ours", "simulated", "an embedder's"],
)
def test_an_honest_output_is_believed(make_output):
    record = run_in_virtual_time(record_of(make_output))
    assert (record.heard_ms, record.heard_ms_status) == (INTERRUPTED_MS, "reported")


def test_a_file_holds_what_the_record_says(tmp_path):
    record = run_in_virtual_time(record_of(lambda: FileOutput(tmp_path / "heard.wav")))
    assert (record.heard_ms, record.heard_ms_status) == (INTERRUPTED_MS, "reported")


def test_one_that_does_not_say_when_it_began_can_have_been_heard_no_longer_than_it_is_known_to_play():
    record = run_in_virtual_time(record_of(lambda: Device(says_when=False)))
    assert record.heard_ms_status == "estimated"
    assert record.heard_ms < INTERRUPTED_MS - 40


def test_progress_is_of_when_it_was_and_not_of_when_the_loop_came_to_report_it():
    """What an output that falls silent has played since counts from there."""
    told = []

    async def play():
        loop = asyncio.get_running_loop()
        loop.call_at(0.1, loop.call_soon, loop.move_on, LAG_MS / 1000)
        output = ClockedOutput()
        output.attach(lambda fact: told.append((fact, LoopClock().now_ms())))
        output.start("m")
        output.write("m", bytes(48 * 400))
        await asyncio.sleep(1)
        await output.aclose()

    run_in_virtual_time(play())
    assert told[1] == (OutputPlaybackProgressed("m", 100, observed_ms=100), pytest.approx(100 + LAG_MS))


def test_what_livekit_says_of_when_it_began_goes_on_to_the_driver(monkeypatch):
    monkeypatch.setattr(
        "speech_lifecycle.adapters.livekit_agents.drive.output.livekit_time_s", lambda: LoopClock().now_ms() / 1000
    )

    def make_output():
        speaker = SimulatedSpeaker(LoopClock())
        output = LiveKitOutput(LiveKitAudioOutput(speaker, unix_time_s=lambda: LoopClock().now_ms() / 1000))
        output.device = speaker
        return output

    record = run_in_virtual_time(record_of(make_output))
    assert (record.heard_ms, record.heard_ms_status) == (INTERRUPTED_MS, "reported")


@pytest.mark.parametrize(
    ("late_s", "observed_ms"), [(0.25, 750), (0.501, 500), (0.0, 1_000), (-5.0, 1_000), (3_600.0, None)]
)
def test_the_watch_takes_it_from_there_and_no_earlier_than_there_was_audio(late_s, observed_ms, monkeypatch):
    """A wall clock may have been set meanwhile."""
    monkeypatch.setattr("speech_lifecycle.adapters.livekit_agents.watch.output.livekit_time_s", lambda: 10_000.0)
    told, now_ms = [], [500.0]
    forwarding = Forwarding()

    async def play():
        below = LiveKitAudioOutput(SimulatedSpeaker(LoopClock()), unix_time_s=lambda: 0.0)
        watched = WatchedOutput(
            below, lambda fact, response=None: told.append(fact), forwarding, decides=False, at_ms=lambda: now_ms[0]
        )
        forwarding.announce("m")
        forwarding.read("m")
        await watched.capture_frame(rtc.AudioFrame(bytes(960), 24_000, 1, 480))
        now_ms[0] = 1_000.0
        watched.on_playback_started(created_at=10_000.0 - late_s)

    run_in_virtual_time(play())
    assert OutputPlaybackStarted("m", observed_ms=observed_ms) in told
