"""The simulated speaker plays what it is given, in the time of its clock, and says so."""

from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest
from speaker_room import Finished, Progressed, Room, Started

from speech_lifecycle.adapters.clock import VirtualClock
from speech_lifecycle.adapters.ports import AudioOutput
from speech_lifecycle.simulation.listener import Heard
from speech_lifecycle.simulation.misbehaviour import Late
from speech_lifecycle.simulation.simulated_speaker import OutputMisuseError, SimulatedSpeaker


def test_it_is_an_audio_output_of_its_rate():
    output: AudioOutput = SimulatedSpeaker(VirtualClock(), sample_rate=8000, can_pause=False)
    assert (output.sample_rate, output.can_pause) == (8000, False)


def test_a_flushed_message_plays_in_the_time_of_its_clock():
    room = Room()
    room.clock.advance(7)
    room.say("m", 250)
    room.run()
    assert room.told == [
        (7, Started("m")),
        (107, Progressed("m", 100)),
        (207, Progressed("m", 200)),
        (257, Finished("m", 250)),
    ]
    assert room.speaker.listener.timeline == (Heard(7, 257, "m", 0, 250),)
    assert np.array_equal(room.speaker.listener.samples("m"), room.written["m"])


def test_only_what_happens_next_is_scheduled():
    room = Room(report_progress_every_ms=None)
    room.say("m", 60_000)
    steps = 0
    while room.clock.advance_to_next():
        steps += 1
    assert steps == 4  # first frame, its report, the end, its report
    assert room.told[-1] == (60_000, Finished("m", 60_000))


def test_facts_never_come_from_inside_a_call():
    room = Room()
    room.speaker.start("m")
    room.speaker.flush("m")
    assert room.facts == []
    assert room.run(0) == [Finished("m", 0)]


def test_without_audio_a_flushed_message_finishes_at_once_at_0():
    room = Room(synchronize_text=True)
    room.say("m", 0, "only text")
    assert room.run(0) == [Finished("m", 0, transcript="")]
    assert room.speaker.listener.heard == {}


def test_latency_delays_the_first_audio():
    room = Room(latency_ms=80)
    room.say("m", 100)
    room.run()
    assert room.told == [(80, Started("m")), (180, Progressed("m", 100)), (180, Finished("m", 100))]


def test_playback_begins_with_a_whole_frame_or_with_the_flush():
    room = Room(frame_ms=20)
    room.speaker.start("m")
    room.write("m", 15)
    assert room.run(50) == []
    room.write("m", 5)
    assert room.run(20) == [Started("m")]
    room.write("m", 3)
    room.run(50)
    assert room.heard() == 20
    room.speaker.flush("m")
    room.run(3)
    assert room.told[-1] == (123, Finished("m", 23))


def test_an_underrun_waits_and_goes_on():
    room = Room()
    room.speaker.start("m")
    room.write("m", 50)
    room.run(80)
    assert room.heard() == 50
    room.write("m", 50)
    room.speaker.flush("m")
    room.run()
    assert room.told[-1] == (130, Finished("m", 100))
    assert room.speaker.listener.timeline == (Heard(0, 50, "m", 0, 50), Heard(80, 130, "m", 50, 100))
    assert room.speaker.listener.intervals("m") == [(0, 100)]


def test_flush_after_an_underrun_finishes_at_once():
    room = Room()
    room.speaker.start("m")
    room.write("m", 50)
    room.run(80)
    room.speaker.flush("m")
    room.run(0)
    assert room.told[-1] == (80, Finished("m", 50))


def test_audio_after_the_flush_is_played_too():
    room = Room()
    room.say("m", 50)
    room.run(20)
    room.write("m", 50)
    room.run()
    assert room.told[-1] == (100, Finished("m", 100))


SENTENCE = "one two  three four five six seven eight"


@pytest.mark.parametrize(
    ("heard_ms", "transcript"),
    [
        (0, ""),
        (24, ""),
        (25, "one"),
        (75, "one two  three"),
        (199, "one two  three four five six seven"),
        (200, SENTENCE),
    ],
)
def test_synchronized_text_is_a_word_prefix_in_proportion(heard_ms, transcript):
    room = Room(synchronize_text=True, frame_ms=1)
    room.speaker.start("m")
    room.speaker.write_text("m", SENTENCE[:10])
    room.speaker.write_text("m", SENTENCE[10:])
    room.write("m", 200)
    room.run(heard_ms)
    room.speaker.clear("m")
    room.run()
    assert room.finish.transcript == transcript


def test_the_whole_text_is_reported_when_played_to_the_end():
    room = Room(synchronize_text=True)
    room.say("m", 100, "Let me check. \n")
    room.run()
    assert room.finish.transcript == "Let me check. \n"


def test_without_synchronization_there_is_no_transcript():
    room = Room()
    room.say("m", 100, "text")
    room.run()
    assert room.finish.transcript is None


@pytest.mark.parametrize("rate", [8000, 11025, 22050, 44100, 48000])
def test_other_rates_play_every_sample(rate):
    room = Room(sample_rate=rate)
    room.say("m", 123.4)
    room.run(50)
    assert room.heard() == 50
    room.run()
    assert room.finish == Finished("m", 123)
    assert np.array_equal(room.speaker.listener.samples("m"), room.written["m"])


def test_one_message_after_the_other():
    room = Room()
    room.say("a", 50)
    room.run()
    room.say("b", 60)
    room.run()
    assert list(room.speaker.listener.heard.items()) == [("a", 50), ("b", 60)]
    room.write("a", 10)
    room.speaker.flush("a")
    room.speaker.write_text("a", "late")
    room.run()
    assert room.heard("a") == 50


class BusyClock(VirtualClock):
    """Every call comes 37 ms late, as on an event loop that is kept from its work."""

    def call_later(self, delay_ms, callback):
        return super().call_later(delay_ms + 37, callback)


def test_late_timers_do_not_change_what_is_heard():
    room = Room(clock=BusyClock())
    room.speaker.start("m")
    room.write("m", 50)
    room.run(300)
    room.write("m", 50)
    room.speaker.flush("m")
    room.run()
    assert room.finish == Finished("m", 100)
    assert room.speaker.listener.timeline == (Heard(0, 50, "m", 0, 50), Heard(300, 350, "m", 50, 100))
    assert np.array_equal(room.speaker.listener.samples("m"), room.written["m"])


# Misuse


@pytest.mark.parametrize("call", ["start", "write", "write_text", "flush"])
def test_a_second_message_while_the_first_plays_is_an_error_that_names_both(call):
    room = Room()
    room.say("first", 200)
    room.run(50)
    arguments = {"write": ("second", b""), "write_text": ("second", "")}.get(call, ("second",))
    with pytest.raises(OutputMisuseError, match=r"'second'.*'first'"):
        getattr(room.speaker, call)(*arguments)
    room.run()
    assert room.finish == Finished("first", 200)


def test_other_misuse_is_an_error_too():
    room = Room()
    with pytest.raises(OutputMisuseError, match=r"written before start\('m'\)"):
        room.speaker.write("m", b"")
    with pytest.raises(OutputMisuseError, match="attach"):
        room.speaker.attach(print)
    with pytest.raises(OutputMisuseError, match="attach"):
        SimulatedSpeaker(room.clock).start("m")
    room.speaker.start("m")
    room.speaker.start("m")
    with pytest.raises(ValueError, match="whole 16-bit samples"):
        room.speaker.write("m", b"123")
    room.speaker.clear("m")
    with pytest.raises(OutputMisuseError, match="'m' was here before"):
        room.speaker.start("m")


@pytest.mark.parametrize(
    "option",
    [
        {"sample_rate": 0},
        {"frame_ms": 0},
        {"latency_ms": -1},
        {"latency_ms": math.nan},
        {"report_progress_every_ms": 0},
    ],
)
def test_options_out_of_range(option):
    with pytest.raises(ValueError, match=next(iter(option))):
        SimulatedSpeaker(VirtualClock(), **option)


async def test_after_aclose_nothing_is_played_or_reported():
    room = Room(Late(500))
    room.say("m", 200)
    room.run(60)
    await room.speaker.aclose()
    room.speaker.clear("other")
    assert room.run() == []
    assert room.heard() == 60
    with pytest.raises(OutputMisuseError):
        room.speaker.start("n")


def test_without_numpy_the_error_names_the_remedy(tmp_path):
    for module in ("listener", "simulated_speaker"):
        code = f"import sys; sys.modules['numpy'] = None; import speech_lifecycle.simulation.{module}"
        run = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert "pip install 'speech-lifecycle[simulation]'" in run.stderr
