from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from speech_lifecycle.adapters.clock import VirtualClock
from speech_lifecycle.adapters.outputs.listener import Heard
from speech_lifecycle.adapters.outputs.misbehaviour import (
    AllOf,
    ClearedFromOutsideAfter,
    DeniesInterruption,
    FailsAfter,
    Late,
    LosesAudioOnPause,
    Misbehaviour,
    NeverReportsProgress,
    NeverReportsStarted,
    OnlyFor,
    OverReports,
    ReportsPosition,
    ReportsQueuedPosition,
    Silent,
    StartsAgainOnResume,
    SurplusFinishes,
    WrongMessageId,
)
from speech_lifecycle.adapters.outputs.simulated_speaker import OutputMisuseError, SimulatedSpeaker
from speech_lifecycle.adapters.ports import AudioOutput
from speech_lifecycle.fsm.events import (
    OutputFact,
    OutputFailed,
    OutputPlaybackFinished,
    OutputPlaybackProgressed,
    OutputPlaybackStarted,
)

Started, Progressed, Finished = OutputPlaybackStarted, OutputPlaybackProgressed, OutputPlaybackFinished


class BusyClock(VirtualClock):
    """Every call comes 37 ms late, as on an event loop that is kept from its work."""

    def call_later(self, delay_ms, callback):
        return super().call_later(delay_ms + 37, callback)


class Room:
    """A speaker on a virtual clock, with everything it was given and everything it said."""

    def __init__(self, misbehaviour: Misbehaviour | None = None, clock=None, **options) -> None:
        self.clock = clock or VirtualClock()
        self.speaker = SimulatedSpeaker(self.clock, misbehaviour=misbehaviour, **options)
        self.told: list[tuple[float, OutputFact]] = []
        self.speaker.attach(lambda fact: self.told.append((self.clock.now_ms(), fact)))
        self.written: dict[str, np.ndarray] = {}

    def write(self, message_id: str, ms: float) -> None:
        before = self.written.get(message_id, np.empty(0, np.int16))
        count = round(ms * self.speaker.sample_rate / 1000)
        samples = np.arange(before.size + 1, before.size + 1 + count, dtype=np.int64).astype(np.int16)
        self.written[message_id] = np.concatenate([before, samples])
        self.speaker.write(message_id, samples.astype("<i2").tobytes())

    def say(self, message_id: str, ms: float, text: str = "") -> None:
        self.speaker.start(message_id)
        self.speaker.write_text(message_id, text)
        self.write(message_id, ms)
        self.speaker.flush(message_id)

    def run(self, ms: float = 10_000) -> list[OutputFact]:
        self.clock.advance(ms)
        return self.facts

    @property
    def facts(self) -> list[OutputFact]:
        return [fact for _, fact in self.told]

    @property
    def finish(self) -> OutputPlaybackFinished:
        (finish,) = [fact for fact in self.facts if isinstance(fact, Finished)]
        return finish

    def heard(self, message_id: str = "m") -> int:
        return self.speaker.listener.heard_ms(message_id)

    def heard_is_prefix(self, message_id: str) -> bool:
        heard = self.speaker.listener.samples(message_id)
        return bool(np.array_equal(heard, self.written[message_id][: heard.size]))


# An output that behaves


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


def test_clear_stops_at_once_and_reports_what_was_heard():
    room = Room()
    room.say("m", 500)
    room.run(130)
    room.speaker.clear("m")
    room.run()
    assert room.told[-1] == (130, Finished("m", 130, interrupted=True))
    assert room.heard() == 130
    assert room.speaker.listener.samples("m").size == 130 * 24
    assert room.heard_is_prefix("m")


@pytest.mark.parametrize("begun", ["unknown", "started", "written", "written in the same instant"])
def test_clear_before_anything_was_played_reports_0(begun):
    room = Room(latency_ms=0 if begun == "written in the same instant" else 50)
    if begun != "unknown":
        room.speaker.start("m")
    if begun.startswith("written"):
        room.write("m", 100)
    room.speaker.clear("m")
    assert room.run() == [Finished("m", 0, interrupted=True)]
    assert room.heard() == 0


def test_clear_of_an_unknown_message_ends_it():
    room = Room()
    room.speaker.clear("m")
    room.speaker.clear("m")
    room.speaker.write("m", b"")
    assert room.run() == [Finished("m", 0, interrupted=True)]


def test_a_finish_that_is_due_wins_over_a_clear_in_the_same_instant():
    room = Room()
    room.speaker.start("m")
    room.write("m", 100)
    room.speaker.flush("m")
    room.clock.call_later(100, lambda: room.speaker.clear("m"))
    room.run()
    assert room.finish == Finished("m", 100)


def test_clear_after_the_end_reports_nothing_again():
    room = Room()
    room.say("m", 100)
    room.run()
    room.speaker.clear("m")
    room.run()
    assert room.finish == Finished("m", 100)


def test_pause_holds_at_once_and_resume_goes_on():
    room = Room()
    room.say("m", 200)
    room.run(70)
    room.speaker.pause()
    room.run(500)
    assert room.heard() == 70
    room.speaker.resume()
    room.run()
    assert room.told == [
        (0, Started("m")),
        (600, Progressed("m", 100)),
        (700, Progressed("m", 200)),
        (700, Finished("m", 200)),
    ]
    assert room.speaker.listener.timeline == (Heard(0, 70, "m", 0, 70), Heard(570, 700, "m", 70, 200))
    assert np.array_equal(room.speaker.listener.samples("m"), room.written["m"])


def test_paused_before_the_first_frame():
    room = Room()
    room.speaker.pause()
    room.say("m", 50)
    assert room.run(100) == []
    room.speaker.resume()
    room.run()
    assert room.told == [(100, Started("m")), (150, Finished("m", 50))]


def test_clear_while_paused_reports_and_the_hold_stays():
    room = Room()
    room.say("m", 200)
    room.run(70)
    room.speaker.pause()
    room.run(100)
    room.speaker.clear("m")
    assert room.run(0)[-1] == Finished("m", 70, interrupted=True)
    room.say("next", 50)
    room.run(100)
    assert room.heard("next") == 0
    room.speaker.resume()
    room.run()
    assert room.speaker.listener.heard == {"m": 70, "next": 50}


def test_an_output_that_cannot_pause_plays_on():
    room = Room(can_pause=False)
    room.say("m", 200)
    room.run(70)
    room.speaker.pause()
    room.run()
    assert room.told[-1] == (200, Finished("m", 200))


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


def test_clear_from_outside_ends_what_plays():
    room = Room()
    room.speaker.clear_from_outside()
    room.say("m", 200)
    room.run(60)
    room.speaker.clear_from_outside()
    room.write("m", 50)
    room.run()
    assert room.finish == Finished("m", 60, interrupted=True)
    assert room.heard() == 60


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
        code = f"import sys; sys.modules['numpy'] = None; import speech_lifecycle.adapters.outputs.{module}"
        run = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert "pip install 'speech-lifecycle[simulation]'" in run.stderr


# Outputs that misbehave. Each message is 300 ms; what was heard must not depend on what is reported.


def misbehave(misbehaviour: Misbehaviour, *, clear_at_ms: int | None = None, **options) -> Room:
    room = Room(misbehaviour, **options)
    room.say("m", 300)
    if clear_at_ms is not None:
        room.run(clear_at_ms)
        room.speaker.clear("m")
    room.run()
    assert room.heard_is_prefix("m")
    return room


def test_silent_never_reports_the_end():
    assert misbehave(Silent()).facts[-1] == Progressed("m", 300)
    assert misbehave(Silent(), clear_at_ms=120).facts[-1] == Progressed("m", 100)


def test_silent_only_after_a_clear():
    misbehaviour = Silent(only_after_clear=True)
    assert misbehave(misbehaviour).finish == Finished("m", 300)
    room = misbehave(misbehaviour, clear_at_ms=120)
    assert room.facts[-1] == Progressed("m", 100)
    assert room.heard() == 120
    room.say("n", 100)
    room.run()
    assert room.finish == Finished("n", 100)


def test_never_reports_started_or_progress():
    both = AllOf((NeverReportsStarted(), NeverReportsProgress()))
    assert misbehave(NeverReportsStarted()).facts[0] == Progressed("m", 100)
    assert misbehave(NeverReportsProgress()).facts == [Started("m"), Finished("m", 300)]
    assert misbehave(both).facts == [Finished("m", 300)]


def test_late_facts_keep_their_order():
    room = misbehave(Late(1000))
    assert room.told[0] == (1000, Started("m"))
    assert room.told[-1] == (1300, Finished("m", 300))
    room = misbehave(Late(1000, kinds=(Started,)))
    assert room.told[-1] == (1000, Started("m"))
    assert room.finish == Finished("m", 300)


def test_over_reports():
    assert misbehave(OverReports(by_ms=85), clear_at_ms=120).finish.position_ms == 205
    assert misbehave(OverReports(factor=2), clear_at_ms=120).finish.position_ms == 240
    assert misbehave(OverReports(factor=2), clear_at_ms=120).facts[1] == Progressed("m", 200)
    assert misbehave(OverReports(by_ms=85), clear_at_ms=120).heard() == 120
    none = AllOf((ReportsPosition(None), OverReports(by_ms=85)))
    assert misbehave(none).finish.position_ms is None


def test_reports_the_queued_position():
    room = misbehave(ReportsQueuedPosition(), clear_at_ms=120)
    assert room.facts == [Started("m"), Progressed("m", 300), Finished("m", 300, interrupted=True)]
    assert room.heard() == 120


@pytest.mark.parametrize("position_ms", [math.nan, math.inf, -math.inf, None, -40.0, 0])
def test_reports_a_useless_position(position_ms):
    room = misbehave(ReportsPosition(position_ms), clear_at_ms=120)
    assert room.facts[:-1] == [Started("m"), Progressed("m", 100)]
    assert repr(room.finish.position_ms) == repr(position_ms)
    assert room.heard() == 120
    room = misbehave(ReportsPosition(position_ms, kinds=(Progressed, Finished)), clear_at_ms=120)
    assert {repr(fact.position_ms) for fact in room.facts[1:]} == {repr(position_ms)}


def test_denies_the_interruption():
    assert misbehave(DeniesInterruption(), clear_at_ms=120).finish == Finished("m", 120)


def test_surplus_finishes():
    room = misbehave(SurplusFinishes(count=2, every_ms=10), clear_at_ms=120)
    finish = Finished("m", 120, interrupted=True)
    assert room.told[2:] == [(120, finish), (130, finish), (140, finish)]


def test_starts_again_on_resume():
    room = Room(StartsAgainOnResume())
    room.speaker.pause()
    room.speaker.resume()
    room.say("m", 100)
    room.speaker.pause()
    room.speaker.resume()
    room.run(50)
    room.speaker.pause()
    room.speaker.resume()
    room.run()
    assert room.facts.count(Started("m")) == 2


def test_wrong_message_id():
    room = misbehave(WrongMessageId())
    room.say("n", 50)
    assert room.run()[-3:] == [Finished("m", 300), Started("m"), Finished("m", 50)]
    assert room.heard("n") == 50
    room = misbehave(WrongMessageId("foreign", kinds=(Started,)))
    assert room.facts[0] == Started("foreign")
    assert room.finish == Finished("m", 300)


def test_fails_in_mid_message():
    room = misbehave(FailsAfter(170, "unplugged"))
    assert room.told[-1] == (170, OutputFailed("m", "unplugged"))
    assert room.heard() == 170
    room.speaker.clear("m")
    room.run()
    assert room.facts[-1] == OutputFailed("m", "unplugged")


def test_fails_before_the_first_frame():
    room = misbehave(FailsAfter(0))
    assert room.facts == [OutputFailed("m", "the simulated device is gone")]
    assert room.heard() == 0


def test_cleared_from_outside_in_mid_message():
    room = misbehave(ClearedFromOutsideAfter(170))
    assert room.told[-1] == (170, Finished("m", 170, interrupted=True))
    assert room.heard() == 170
    room = misbehave(AllOf((ClearedFromOutsideAfter(170), FailsAfter(200), DeniesInterruption())))
    assert room.finish == Finished("m", 170)


def test_loses_audio_on_pause():
    room = Room(LosesAudioOnPause(50))
    room.say("m", 300)
    room.run(100)
    room.speaker.pause()
    room.speaker.pause()
    room.run(100)
    room.speaker.resume()
    room.run()
    assert room.told[-1] == (350, Finished("m", 300))
    assert room.speaker.listener.intervals("m") == [(0, 100), (150, 300)]
    assert room.heard() == 250
    expected = np.delete(room.written["m"], np.s_[100 * 24 : 150 * 24])
    assert np.array_equal(room.speaker.listener.samples("m"), expected)


def test_only_for_one_message():
    room = misbehave(OnlyFor(1, AllOf((FailsAfter(20), Late(5), LosesAudioOnPause(1)))))
    room.say("n", 50)
    assert room.run()[-2:] == [Started("n"), OutputFailed("n", "the simulated device is gone")]
    room.say("o", 50)
    assert room.run()[-1] == Finished("o", 50)


# Any course of events

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.integers(0, 12_000)),
        st.tuples(st.just("wait"), st.one_of(st.integers(0, 400), st.floats(0, 400))),
        st.tuples(st.sampled_from(["pause", "resume", "flush", "clear", "outside", "read"]), st.none()),
    ),
    max_size=40,
)


def perform(room: Room, steps) -> None:
    """Take the steps; a message that is over is followed by the next."""
    number = 0
    room.speaker.start("0")
    for step, amount in steps:
        message_id = str(number)
        if step == "write":
            room.write(message_id, amount * 1000 / room.speaker.sample_rate)
        elif step == "wait":
            room.clock.advance(amount)
        elif step == "read":
            assert room.speaker.listener.heard_ms(message_id) >= 0
        elif step == "outside":
            room.speaker.clear_from_outside()
        elif step in ("pause", "resume"):
            getattr(room.speaker, step)()
        else:
            getattr(room.speaker, step)(message_id)
        room.clock.advance(0)
        if any(isinstance(fact, Finished) and fact.message_id == message_id for fact in room.facts):
            number += 1
            room.speaker.start(str(number))
    room.speaker.resume()
    room.speaker.flush(str(number))
    room.clock.advance(1_000_000)


@given(
    steps=STEPS,
    rate=st.sampled_from([8000, 22050, 24000]),
    frame_ms=st.sampled_from([1, 20]),
    latency_ms=st.sampled_from([0, 35]),
    every_ms=st.sampled_from([None, 1, 30]),
)
def test_the_listener_and_an_honest_speaker_agree(steps, rate, frame_ms, latency_ms, every_ms):
    room = Room(sample_rate=rate, frame_ms=frame_ms, latency_ms=latency_ms, report_progress_every_ms=every_ms)
    perform(room, steps)
    listener = room.speaker.listener
    finishes = [fact for fact in room.facts if isinstance(fact, Finished)]
    begun = len(finishes)
    assert [fact.message_id for fact in finishes] == [str(number) for number in range(begun)]
    for finish in finishes:
        message_id = finish.message_id
        written = room.written.get(message_id, np.empty(0, np.int16))
        facts = [fact for fact in room.facts if fact.message_id == message_id]
        progress = [fact.position_ms for fact in facts if isinstance(fact, Progressed)]
        assert finish.position_ms == listener.heard_ms(message_id) <= written.size * 1000 // rate
        assert progress == sorted(progress)
        assert max(progress, default=0) <= finish.position_ms
        assert facts[-1] is finish
        heard = listener.samples(message_id)
        assert (facts[0] == Started(message_id)) or heard.size == 0
        assert np.array_equal(heard, written[: heard.size])
        assert finish.interrupted or heard.size == written.size
    for earlier, later in zip(listener.timeline, listener.timeline[1:], strict=False):
        assert earlier.end_clock_ms <= later.start_clock_ms
    for stretch in listener.timeline:
        length_ms = stretch.end_clock_ms - stretch.start_clock_ms
        assert stretch.to_ms - stretch.from_ms <= length_ms + 1e-6
        assert length_ms < stretch.to_ms - stretch.from_ms + 1 + 1e-6


@given(
    steps=STEPS,
    misbehaviour=st.sampled_from(
        [
            Late(250),
            OverReports(by_ms=85, factor=1.5),
            ReportsPosition(math.nan),
            SurplusFinishes(3),
            DeniesInterruption(),
            StartsAgainOnResume(),
        ]
    ),
)
def test_what_is_heard_does_not_depend_on_what_is_reported(steps, misbehaviour):
    steps = [step for step in steps if step[0] not in ("clear", "outside", "flush")]
    honest, spoilt = Room(), Room(misbehaviour)
    perform(honest, steps)
    perform(spoilt, steps)
    assert spoilt.speaker.listener.timeline == honest.speaker.listener.timeline
