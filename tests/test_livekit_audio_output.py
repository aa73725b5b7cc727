"""Our audio outputs as LiveKit's: by the rules of a real `io.AudioOutput`."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

pytest.importorskip("livekit.plugins.openai", reason="livekit-agents is not installed (extra: livekit)")

from livekit import rtc
from livekit.agents.voice import io
from livekit_world import quiet

from speech_lifecycle.adapters.clock import VirtualClock
from speech_lifecycle.adapters.livekit_agents.audio_output import LiveKitAudioOutput, OutputFailedError
from speech_lifecycle.simulation.listener import Listener
from speech_lifecycle.simulation.misbehaviour import FailsAfter, SurplusFinishes
from speech_lifecycle.simulation.simulated_speaker import SimulatedSpeaker

RATE = 24_000


def frame(ms: int, rate: int = RATE, channels: int = 1) -> rtc.AudioFrame:
    samples = rate * ms // 1000
    return rtc.AudioFrame(bytes(2 * samples * channels), rate, channels, samples)


class Room:
    """Our simulated speaker as LiveKit sees it."""

    def __init__(self, **options) -> None:
        self.clock = VirtualClock()
        self.listener = Listener()
        self.output = LiveKitAudioOutput(
            SimulatedSpeaker(self.clock, listener=self.listener, **options),
            unix_time_s=lambda: 1000 + self.clock.now_ms() / 1000,
        )
        self.events: list[object] = []
        for name in ("playback_started", "playback_progressed", "playback_finished"):
            self.output.on(name, self.events.append)

    @property
    def finished(self) -> list[io.PlaybackFinishedEvent]:
        return [event for event in self.events if isinstance(event, io.PlaybackFinishedEvent)]

    async def wait_for_playout(self) -> io.PlaybackFinishedEvent:
        waiting = asyncio.create_task(self.output.wait_for_playout())
        await quiet()
        while not waiting.done():
            assert self.clock.advance_to_next(), "nothing will happen any more"
            await quiet()
        return waiting.result()


async def test_a_segment_is_played_and_finished_once():
    room = Room()
    await room.output.capture_frame(frame(200))
    await room.output.capture_frame(frame(100))
    room.output.flush()
    assert await room.wait_for_playout() == io.PlaybackFinishedEvent(0.3, interrupted=False)
    assert room.events[0] == io.PlaybackStartedEvent(created_at=1000.0)
    progress = [event for event in room.events if isinstance(event, io.PlaybackProgressedEvent)]
    assert [(event.offset, event.duration) for event in progress] == [
        (0, 0.1),
        (0.1, pytest.approx(0.1)),
        (0.2, pytest.approx(0.1)),
    ]
    assert len(room.finished) == 1
    assert room.listener.heard == {"segment_1": 300}


async def test_a_cleared_segment_is_finished_as_interrupted_where_it_was():
    room = Room()
    await room.output.capture_frame(frame(300))
    room.clock.advance(120)
    room.output.clear_buffer()
    await room.output.capture_frame(frame(300))
    room.output.flush()
    room.output.clear_buffer()
    assert await room.wait_for_playout() == io.PlaybackFinishedEvent(0.12, interrupted=True)
    room.clock.advance(1000)
    assert len(room.finished) == 1
    assert room.listener.heard == {"segment_1": 120}, "what is captured after the clear belongs to what was cleared"


async def test_the_next_segment_waits_for_the_end_of_the_one_before():
    room = Room()
    await room.output.capture_frame(frame(200))
    room.output.flush()
    capturing = asyncio.create_task(room.output.capture_frame(frame(100)))
    await quiet()
    assert not capturing.done()
    await room.wait_for_playout()
    await capturing
    room.output.flush()
    assert await room.wait_for_playout() == io.PlaybackFinishedEvent(0.1, interrupted=False)
    assert room.listener.heard == {"segment_1": 200, "segment_2": 100}


async def test_nothing_is_cleared_or_flushed_where_nothing_plays():
    room = Room()
    room.output.clear_buffer()
    room.output.flush()
    room.clock.advance(1000)
    assert room.events == []


async def test_pause_holds_the_playback():
    room = Room()
    await room.output.capture_frame(frame(200))
    room.output.flush()
    room.clock.advance(50)
    room.output.pause()
    room.clock.advance(1000)
    assert room.listener.heard == {"segment_1": 50}
    room.output.resume()
    assert (await room.wait_for_playout()).playback_position == 0.2
    assert not Room(can_pause=False).output.can_pause


async def test_surplus_finishes_of_our_output_do_not_reach_livekit():
    room = Room(misbehaviour=SurplusFinishes())
    for _ in range(2):
        await room.output.capture_frame(frame(100))
        room.output.flush()
        await room.wait_for_playout()
    room.clock.advance(1000)
    assert [event.playback_position for event in room.finished] == [0.1, 0.1]


async def test_an_output_of_ours_that_fails_ends_its_segment_and_refuses_the_rest():
    room = Room(misbehaviour=FailsAfter(150, "unplugged"))
    await room.output.capture_frame(frame(300))
    room.clock.advance(400)
    with pytest.raises(OutputFailedError, match="unplugged"):
        await room.output.capture_frame(frame(100))
    room.output.flush()
    assert room.finished == [io.PlaybackFinishedEvent(0.1, interrupted=True)], "as far as it was known to be"


@pytest.mark.parametrize("wrong", [frame(20, rate=16_000), frame(20, channels=2)])
async def test_a_frame_of_another_format_is_refused_with_the_remedy(wrong):
    room = Room()
    with pytest.raises(ValueError, match=r"resample it with livekit\.rtc\.AudioResampler"):
        await room.output.capture_frame(wrong)
    with contextlib.suppress(ValueError):
        await room.output.capture_frame(wrong)
    assert room.output.captured_playout_segments == 0
