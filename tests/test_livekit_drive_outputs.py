"""LiveKit's audio outputs driven by us. The sinks are real `io.AudioOutput`s."""

from __future__ import annotations

import asyncio
import math
import time

import pytest

pytest.importorskip("livekit.plugins.openai", reason="livekit-agents is not installed (extra: livekit)")

from livekit import rtc
from livekit.agents.voice import io
from livekit.agents.voice.transcription import TranscriptSynchronizer
from livekit_world import quiet

from speech_lifecycle.adapters.clock import LoopClock
from speech_lifecycle.adapters.livekit_agents.audio_output import LiveKitAudioOutput
from speech_lifecycle.adapters.livekit_agents.drive import output as output_module
from speech_lifecycle.adapters.livekit_agents.drive.output import LiveKitOutput
from speech_lifecycle.fsm.events import (
    OutputFailed,
    OutputPlaybackFinished,
    OutputPlaybackProgressed,
    OutputPlaybackStarted,
)
from speech_lifecycle.simulation.simulated_speaker import SimulatedSpeaker

RATE = 24_000


def pcm(ms: int) -> bytes:
    return bytes(2 * RATE * ms // 1000)


class Sink(io.AudioOutput):
    """A sink that plays nothing: the test says what it reports."""

    def __init__(self, *, sample_rate: int | None = None, can_pause: bool = True) -> None:
        super().__init__(
            label="sink", capabilities=io.AudioOutputCapabilities(pause=can_pause), sample_rate=sample_rate
        )
        self.calls: list[str] = []
        self.captured_ms = 0.0
        self.raises: Exception | None = None
        self.gate = asyncio.Event()
        self.gate.set()

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        await self.gate.wait()
        if self.raises is not None:
            raise self.raises
        await super().capture_frame(frame)
        self.captured_ms += frame.duration * 1000

    def flush(self) -> None:
        super().flush()
        self.calls.append("flush")

    def clear_buffer(self) -> None:
        self.calls.append("clear")

    def pause(self) -> None:
        self.calls.append("pause")

    def resume(self) -> None:
        self.calls.append("resume")

    def finish(self, seconds: float, interrupted: bool = False, transcript: str | None = None) -> None:
        self.on_playback_finished(
            playback_position=seconds, interrupted=interrupted, synchronized_transcript=transcript
        )


class Bench:
    """A sink, the output over it, and the facts that come."""

    def __init__(self, **options) -> None:
        self.sink = Sink(**options)
        self.output = LiveKitOutput(self.sink)
        self.facts = []
        self.output.attach(self.facts.append)

    async def play(self, message_id: str, ms: int = 300, *, flush: bool = True) -> None:
        self.output.start(message_id)
        self.output.write(message_id, pcm(ms))
        if flush:
            self.output.flush(message_id)
        await quiet()


async def test_each_fact_names_its_message():
    bench = Bench()
    for message_id, seconds in (("a", 0.3), ("b", 0.3)):
        await bench.play(message_id)
        bench.sink.on_playback_started(created_at=0)
        bench.sink.on_playback_progressed(started_at=0, offset=0.1, duration=0.1)
        bench.sink.finish(seconds)
    expected = []
    for message_id in ("a", "b"):
        expected += [
            OutputPlaybackStarted(message_id),
            OutputPlaybackProgressed(message_id, 200.0),
            OutputPlaybackFinished(message_id, 300.0),
        ]
    assert bench.facts == expected


@pytest.mark.parametrize("transcript", ["", None, "These are"])
async def test_h2_an_empty_transcript_is_not_a_missing_one(transcript):
    bench = Bench()
    await bench.play("a")
    bench.output.clear("a")
    bench.sink.finish(0.1, True, transcript)
    assert bench.facts == [OutputPlaybackFinished("a", 100.0, True, transcript)]


async def test_t12_what_is_no_position_is_left_to_the_machine():
    bench = Bench()
    await bench.play("a")
    bench.sink.finish(math.nan)
    await bench.play("b")
    bench.sink.finish(-1.0)
    assert math.isnan(bench.facts[0].position_ms)
    assert bench.facts[1].position_ms == -1000.0


async def test_a_position_is_not_beyond_what_the_output_was_given():
    bench = Bench()
    await bench.play("a", 300)
    bench.sink.finish(3.0)
    assert bench.facts == [OutputPlaybackFinished("a", 300.0)]


async def test_o4_a_surplus_finish_is_about_the_message_that_is_over():
    bench = Bench()
    await bench.play("a")
    bench.sink.finish(0.3)
    bench.output.start("b")
    bench.sink.emit("playback_finished", io.PlaybackFinishedEvent(0.1, True))
    assert [fact.message_id for fact in bench.facts] == ["a", "a"]


async def test_h8_a_late_finish_is_about_the_message_before():
    bench = Bench()
    await bench.play("a")
    bench.output.clear("a")
    await bench.play("b")
    bench.sink.finish(0.2, True)
    bench.sink.finish(0.3)
    assert bench.facts == [OutputPlaybackFinished("a", 200.0, True), OutputPlaybackFinished("b", 300.0)]


async def test_o1_a_finish_that_never_comes_does_not_take_the_next_one():
    bench = Bench()
    await bench.play("a")
    bench.sink.on_playback_started(created_at=0)
    bench.output.clear("a")
    await bench.play("b")
    bench.sink.on_playback_started(created_at=0)
    bench.sink.finish(0.3)
    assert bench.facts == [
        OutputPlaybackStarted("a"),
        OutputPlaybackStarted("b"),
        OutputPlaybackFinished("b", 300.0),
    ]


async def test_h12_a_sink_that_raises_has_failed():
    bench = Bench()
    bench.sink.raises = RuntimeError("no device")
    await bench.play("a")
    assert bench.facts == [OutputFailed("a", "RuntimeError('no device')")]
    assert bench.sink.calls == ["flush", "clear"]


async def raised_in_mid_message() -> Bench:
    bench = Bench()
    await bench.play("a", flush=False)
    bench.sink.raises = RuntimeError("no device")
    bench.output.write("a", pcm(100))
    await quiet()
    bench.sink.raises = None
    assert bench.sink.calls == ["flush", "clear"]
    return bench


async def test_h12_a_sink_that_raises_in_mid_message_says_how_far_it_got_before_it_counts_as_failed():
    bench = await raised_in_mid_message()
    assert bench.facts == []
    bench.sink.finish(0.2, True)
    await quiet()
    assert bench.facts == [OutputPlaybackProgressed("a", 200.0), OutputFailed("a", "RuntimeError('no device')")]
    await bench.play("b")
    bench.sink.finish(0.3)
    assert bench.facts[2:] == [OutputPlaybackFinished("b", 300.0)]


async def test_h12_a_sink_that_raises_and_then_says_nothing_has_failed_all_the_same(monkeypatch):
    monkeypatch.setattr(output_module, "_FINISH_AFTER_FAILURE_S", 0)
    bench = await raised_in_mid_message()
    assert bench.facts == [OutputFailed("a", "RuntimeError('no device')")]


async def test_a_sink_that_raised_can_still_be_cleared():
    bench = await raised_in_mid_message()
    bench.output.clear("a")
    bench.sink.finish(0.2, True)
    await quiet()
    assert bench.facts == [OutputPlaybackFinished("a", 200.0, True)]


async def test_a_segment_is_flushed_before_it_is_cleared():
    """LiveKit's outputs end a segment when it is flushed; cleared alone it stays open for ever (O1)."""
    bench = Bench()
    await bench.play("a", flush=False)
    bench.output.clear("a")
    assert bench.sink.calls == ["flush", "clear"]
    assert bench.facts == [], "the sink says how far it got"


async def test_what_no_frame_was_captured_of_is_reported_at_once():
    bench = Bench()
    bench.output.start("a")
    bench.output.clear("a")
    assert bench.facts == [OutputPlaybackFinished("a", 0, True)]
    assert bench.sink.calls == []


async def test_a_sink_that_has_not_accepted_the_first_frame_owes_nothing():
    bench = Bench()
    bench.sink.gate.clear()
    await bench.play("a")
    bench.output.clear("a")
    bench.sink.gate.set()
    await quiet()
    assert bench.facts == [OutputPlaybackFinished("a", 0, True)]
    assert bench.sink.captured_ms == 0
    await bench.play("b")
    bench.sink.finish(0.3)
    assert bench.facts[1:] == [OutputPlaybackFinished("b", 300.0)]


async def test_more_of_a_message_that_was_flushed_is_another_segment_of_the_same_message():
    bench = Bench()
    await bench.play("a", 300)
    bench.output.write("a", pcm(200))
    await quiet()
    assert bench.sink.captured_ms == 300, "one segment is outstanding at a time"
    bench.sink.finish(0.3)
    await quiet()
    assert bench.sink.captured_ms == 500
    bench.output.flush("a")
    await quiet()
    bench.sink.finish(0.2)
    assert bench.facts == [OutputPlaybackFinished("a", 300.0), OutputPlaybackFinished("a", 500.0)]


async def test_audio_is_resampled_for_a_sink_of_another_rate():
    bench = Bench(sample_rate=16_000)
    await bench.play("a", 500)
    assert bench.sink.captured_ms == pytest.approx(500, abs=2)
    bench.sink.finish(0.25)
    assert bench.facts == [OutputPlaybackFinished("a", 250.0)]


async def test_pause_is_offered_if_the_sink_can():
    assert not Bench(can_pause=False).output.can_pause
    bench = Bench()
    assert bench.output.can_pause
    bench.output.pause()
    bench.output.resume()
    assert bench.sink.calls == ["pause", "resume"]


async def test_after_closing_nothing_is_reported():
    bench = Bench()
    await bench.play("a")
    await bench.output.aclose()
    bench.sink.finish(0.3)
    assert bench.facts == []


async def test_the_transcript_of_livekits_own_synchronizer_is_taken_over():
    """In real time: the synchronizer has no other. What it says depends on its pace, so only its kind is checked."""

    class Text(io.TextOutput):
        async def capture_text(self, text: str) -> None: ...

        def flush(self) -> None: ...

    speaker = SimulatedSpeaker(LoopClock())
    synchronizer = TranscriptSynchronizer(
        next_in_chain_audio=LiveKitAudioOutput(speaker, unix_time_s=time.time),
        next_in_chain_text=Text(label="text", next_in_chain=None),
    )
    output = LiveKitOutput(synchronizer.audio_output, transcription=synchronizer.text_output)
    facts: list[object] = []
    is_far_enough, is_finished = asyncio.Event(), asyncio.Event()

    def take(fact: object) -> None:
        facts.append(fact)
        if isinstance(fact, OutputPlaybackProgressed) and fact.position_ms >= 700:
            is_far_enough.set()
        if isinstance(fact, OutputPlaybackFinished):
            is_finished.set()

    output.attach(take)
    text = "one two three four five six seven eight nine ten eleven twelve"
    output.start("a")
    output.write_text("a", text)
    output.write("a", pcm(4000))
    output.flush("a")
    await is_far_enough.wait()
    output.clear("a")
    await is_finished.wait()
    await output.aclose()
    await synchronizer.aclose()
    assert facts[-1].interrupted
    assert 700 <= facts[-1].position_ms < 4000
    assert text.startswith(facts[-1].transcript)
    assert 0 < len(facts[-1].transcript) < len(text)
