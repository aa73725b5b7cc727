"""Nobody can have heard more than the time since playback began, without the holds (spec, section 7).

Times are those that the events carry; a speech whose events carry none is settled as before.
"""

from __future__ import annotations

import math

import pytest
from helpers import Transcript, speaking, waiting

from speech_lifecycle.fsm import Capabilities, Policy
from speech_lifecycle.fsm.effects import CommitMessage, RemoveMessages, TruncateMessage
from speech_lifecycle.fsm.events import (
    Close,
    Event,
    Interrupt,
    OutputAudioHandedOver,
    OutputFailed,
    OutputPlaybackFinished,
    OutputPlaybackProgressed,
    OutputPlaybackStarted,
    Pause,
    Resume,
    SessionAudioReceived,
    SessionItemAdded,
    SessionLost,
    SessionMessageAdded,
    SessionMessageEnded,
    SessionResponseEnded,
    TimerFired,
)

BEGAN_MS = 5_000
"""When playback begins; the clock's zero is of no importance."""
UNUSABLE = [None, math.nan, math.inf, -1.0]


def playing(**options: object) -> Transcript:
    """All 1000 ms are handed over, and the first frame is heard at `BEGAN_MS`."""
    transcript = waiting("a", **options)
    transcript.tell(OutputAudioHandedOver("a", 1000, BEGAN_MS - 100), OutputPlaybackStarted("a", observed_ms=BEGAN_MS))
    return transcript


def at(ms: int) -> int:
    """The time at which so much has been heard, if nothing holds it."""
    return BEGAN_MS + ms


def progressed(position_ms: float | None, after_ms: int) -> Event:
    return OutputPlaybackProgressed("a", position_ms, observed_ms=at(after_ms))


def cut(position_ms: float | None, after_ms: int, *, interrupted: bool = True) -> Event:
    return OutputPlaybackFinished("a", position_ms, interrupted, observed_ms=at(after_ms))


def outcome(transcript: Transcript) -> tuple[str, int, str]:
    record = transcript.record("a")
    return record.state, record.heard_ms, record.heard_ms_status


@pytest.mark.parametrize("ms", range(0, 1001, 50))
def test_a_true_position_stays_as_it_is(ms):
    transcript = playing()
    transcript.tell(Interrupt(observed_ms=at(ms)), cut(ms, ms))
    assert transcript.record("a").heard_ms == ms
    assert transcript.record("a").heard_ms_status == "reported"


@pytest.mark.parametrize("late_ms", [1, 20, 40])
def test_a_position_may_be_a_frame_or_two_ahead_of_the_clock(late_ms):
    transcript = playing()
    transcript.tell(Interrupt(observed_ms=at(300)), cut(300 + late_ms, 300))
    assert outcome(transcript) == ("partial", 300 + late_ms, "reported")


@pytest.mark.parametrize("factor", [1.5, 3.0, 1e9])
def test_a_position_that_cannot_be_true_gives_way_to_the_time(factor):
    transcript = playing()
    transcript.tell(progressed(200 * factor, 200), Interrupt(observed_ms=at(400)), cut(400 * factor, 400))
    assert outcome(transcript) == ("partial", 400, "estimated")
    assert transcript.of(TruncateMessage) == [TruncateMessage("a", 400)]


@pytest.mark.parametrize("position_ms", UNUSABLE)
@pytest.mark.parametrize("interrupted", [True, False])
def test_time_stands_in_for_a_missing_position(position_ms, interrupted):
    transcript = playing()
    transcript.tell(Interrupt(observed_ms=at(400)), cut(position_ms, 410, interrupted=interrupted))
    assert outcome(transcript) == ("partial", 400, "estimated")


def test_a_position_of_0_after_progress_is_a_missing_one():
    transcript = playing()
    transcript.tell(progressed(300, 300), Interrupt(observed_ms=at(380)), cut(0, 380))
    assert outcome(transcript) == ("partial", 380, "estimated")


STOPS = [Interrupt(observed_ms=at(400)), Close(observed_ms=at(400)), SessionLost(observed_ms=at(400))]


@pytest.mark.parametrize("stop", STOPS, ids=lambda stop: stop.type)
def test_time_stands_in_for_a_report_that_never_comes(stop):
    transcript = playing()
    transcript.tell(stop, TimerFired("stop", observed_ms=at(1400)))
    assert outcome(transcript) == ("partial", 400, "estimated")


def test_time_stands_in_when_the_output_broke():
    transcript = playing()
    transcript.tell(OutputFailed("a", "gone", observed_ms=at(400)), TimerFired("stop", observed_ms=at(1400)))
    assert outcome(transcript) == ("partial", 400, "estimated")
    assert transcript.of(CommitMessage)[0].message_id == "a"


def test_what_was_played_out_in_all_likelihood_is_played():
    """O3: the output never says that it is done, until long after it must have been."""
    transcript = waiting("a", response_ended=True)
    transcript.tell(OutputAudioHandedOver("a", 1000, at(-100)), OutputPlaybackStarted("a", observed_ms=at(0)))
    transcript.tell(TimerFired("playout", observed_ms=at(3000)), TimerFired("playout", observed_ms=at(6000)))
    transcript.tell(TimerFired("stop", observed_ms=at(7000)))
    assert outcome(transcript) == ("played", 1000, "estimated")


def test_holds_do_not_count():
    transcript = playing()
    transcript.tell(Pause(observed_ms=at(200)), Resume(observed_ms=at(1200)))
    transcript.tell(Pause(observed_ms=at(1300)), Resume(observed_ms=at(9300)))
    transcript.tell(Interrupt(observed_ms=at(9400)), cut(math.nan, 9410))
    assert outcome(transcript) == ("partial", 400, "estimated")


def test_a_position_that_counts_a_hold_cannot_be_true():
    transcript = playing()
    transcript.tell(Pause(observed_ms=at(200)), Interrupt(observed_ms=at(700)), cut(700, 710))
    assert outcome(transcript) == ("partial", 200, "estimated")


def test_what_waited_for_audio_was_not_heard_meanwhile():
    """300 ms are handed over, and the rest a second later: the output had nothing to play in between."""
    transcript = waiting("a")
    transcript.tell(OutputAudioHandedOver("a", 300, at(-10)), OutputPlaybackStarted("a", observed_ms=at(0)))
    transcript.tell(OutputAudioHandedOver("a", 1000, at(1000)), Interrupt(observed_ms=at(1200)), cut(None, 1200))
    assert outcome(transcript) == ("partial", 500, "estimated")


def test_progress_tells_where_the_time_counts_from():
    """An output that stalls says so by its progress."""
    transcript = playing()
    transcript.tell(progressed(100, 700), Interrupt(observed_ms=at(800)), cut(None, 800))
    assert outcome(transcript) == ("partial", 200, "estimated")


def test_progress_after_the_stop_counts():
    """It takes a while until a remote output stops."""
    transcript = playing()
    transcript.tell(Interrupt(observed_ms=at(400)), progressed(480, 480), TimerFired("stop", observed_ms=at(1400)))
    assert outcome(transcript) == ("partial", 480, "estimated")


def test_a_start_that_is_reported_after_progress_bounds_nothing():
    transcript = waiting("a")
    transcript.tell(OutputAudioHandedOver("a", 1000, at(-10)), progressed(300, 300))
    transcript.tell(OutputPlaybackStarted("a", observed_ms=at(400)), Interrupt(observed_ms=at(500)), cut(500, 500))
    assert outcome(transcript) == ("partial", 500, "reported")


@pytest.mark.parametrize(("after_ms", "status"), [(40, "reported"), (41, "estimated")])
def test_an_output_that_has_begun_is_at_its_beginning_for_two_frames(after_ms, status):
    transcript = waiting("a")
    transcript.tell(OutputAudioHandedOver("a", 1000, at(0)), OutputPlaybackStarted("a", observed_ms=at(0)))
    transcript.tell(Interrupt(observed_ms=at(after_ms)), cut(0, after_ms))
    assert outcome(transcript) == ("partial", 0 if status == "reported" else after_ms, status)


@pytest.mark.parametrize("began", [at(0), None])
def test_without_the_time_of_the_start_or_of_the_report_a_position_of_0_is_one(began):
    transcript = waiting("a")
    transcript.tell(OutputAudioHandedOver("a", 1000, began), OutputPlaybackStarted("a", observed_ms=began))
    transcript.tell(Interrupt(), OutputPlaybackFinished("a", 0, True, observed_ms=at(900) if began is None else None))
    assert outcome(transcript) == ("partial", 0, "reported")


def test_without_a_start_the_time_since_the_first_audio_bounds_it():
    transcript = waiting("a")
    transcript.tell(OutputAudioHandedOver("a", 1000, at(0)), Interrupt(observed_ms=at(200)), cut(900, 210))
    assert outcome(transcript) == ("partial", 200, "estimated")


def test_a_message_of_which_only_the_finish_says_a_position_is_in_history():
    transcript = waiting("a")
    transcript.tell(OutputAudioHandedOver("a", 1000, at(0)), Interrupt(observed_ms=at(500)), cut(450, 510))
    assert transcript.of(CommitMessage) == [CommitMessage("a", "", "unknown", interrupted=True)]


def test_time_does_not_make_heard_what_never_began():
    transcript = waiting("a")
    transcript.tell(OutputAudioHandedOver("a", 1000, at(0)), Interrupt(observed_ms=at(500)))
    transcript.tell(TimerFired("stop", observed_ms=at(1500)))
    assert outcome(transcript) == ("skipped", 0, "reported")


def test_no_more_than_was_handed_over_was_heard_however_long_ago_it_began():
    transcript = playing()
    transcript.tell(SessionAudioReceived("a", 5000), Interrupt(observed_ms=at(9000)), cut(None, 9000))
    assert outcome(transcript) == ("partial", 1000, "estimated")


def test_without_times_the_last_progress_counts():
    transcript = speaking("a")
    transcript.tell(OutputPlaybackProgressed("a", 300), Interrupt(), OutputPlaybackFinished("a", None, True))
    assert outcome(transcript) == ("partial", 300, "reported")


@pytest.mark.parametrize(("heard_ms", "words"), [(190, 0), (200, 1), (399, 1), (1000, 5)])
def test_no_more_words_were_heard_than_can_be_spoken_in_that_time(heard_ms, words):
    """N23: the transcript runs ahead of the audio, which makes it no shorter."""
    transcript = playing(policy=Policy(estimate_heard_text=True))
    transcript.speech.messages["a"].text = " ".join(f"word{number}" for number in range(40))
    transcript.tell(Interrupt(observed_ms=at(heard_ms)), cut(heard_ms, heard_ms))
    assert len(transcript.record("a").heard_text.split()) == words


def test_the_words_of_a_whole_transcript_are_estimated_in_proportion():
    transcript = playing(policy=Policy(estimate_heard_text=True))
    transcript.speech.messages["a"].text = "Four words of it."
    transcript.tell(Interrupt(observed_ms=at(500)), cut(500, 500))
    assert transcript.record("a").heard_text == "Four words"


# Where only some of the facts carry a time


def test_a_finish_without_a_time_is_settled_by_the_last_report():
    transcript = playing()
    transcript.tell(progressed(300, 300), OutputPlaybackFinished("a", None, interrupted=True))
    assert outcome(transcript) == ("partial", 300, "reported")
    transcript = playing()
    transcript.tell(OutputPlaybackFinished("a", None, interrupted=True))
    assert outcome(transcript) == ("partial", 0, "estimated")


def test_a_finish_with_a_time_is_settled_by_the_last_report_if_nothing_before_it_carried_one():
    transcript = waiting("a")
    transcript.tell(OutputAudioHandedOver("a", 1000), OutputPlaybackStarted("a"), cut(None, 400))
    assert outcome(transcript) == ("partial", 0, "estimated")


@pytest.mark.parametrize("pause", [Pause(), Pause(observed_ms=BEGAN_MS)])
@pytest.mark.parametrize("resume", [Resume(), Resume(observed_ms=BEGAN_MS + 700)])
def test_a_hold_is_counted_if_both_its_ends_carry_a_time(pause, resume):
    transcript = playing()
    transcript.tell(pause, resume)
    has_both = pause.observed_ms is not None and resume.observed_ms is not None
    assert transcript.speech.held_ms == (700 if has_both else 0)


def test_a_fact_from_before_a_hold_that_comes_during_it_is_taken_at_its_time():
    transcript = playing()
    transcript.tell(Pause(observed_ms=at(600)), cut(None, 400))
    assert outcome(transcript) == ("partial", 400, "estimated")


def test_what_cannot_have_been_heard_at_all_is_skipped_and_nothing_of_it_is_estimated():
    transcript = waiting("a")
    transcript.tell(OutputAudioHandedOver("a", 1000, BEGAN_MS), cut(500, 0))
    assert outcome(transcript) == ("skipped", 0, "reported")


# A millisecond is something


def of_a_millisecond(*, flushed: bool = True) -> Transcript:
    transcript = waiting(response_ended=False)
    transcript.tell(SessionMessageAdded("r", "a"), SessionAudioReceived("a", 1))
    transcript.tell(*([SessionMessageEnded("a")] if flushed else []), OutputAudioHandedOver("a", 1))
    return transcript


@pytest.mark.parametrize("position_ms", [1, None])
def test_a_message_of_a_millisecond_is_played_out(position_ms):
    transcript = of_a_millisecond()
    transcript.tell(OutputPlaybackFinished("a", position_ms))
    assert outcome(transcript) == ("played", 1, "reported")


def test_a_message_of_a_millisecond_is_heard_to_the_end():
    transcript = of_a_millisecond()
    transcript.tell(Interrupt(), OutputPlaybackFinished("a", 1, interrupted=True))
    assert outcome(transcript) == ("played", 1, "reported")


def test_an_output_that_flushed_a_millisecond_is_taken_at_its_word_after_more_has_come():
    transcript = of_a_millisecond(flushed=False)
    transcript.tell(SessionItemAdded("r"), SessionAudioReceived("a", 2), OutputPlaybackFinished("a", None))
    assert transcript.message("a").position_ms == 1


def test_a_progress_of_a_millisecond_is_heard_and_stands():
    transcript = waiting("a")
    transcript.tell(OutputAudioHandedOver("a", 1000), OutputPlaybackProgressed("a", 1))
    assert transcript.state == "speaking"
    transcript.tell(OutputPlaybackFinished("a", 0, interrupted=True))
    assert outcome(transcript) == ("partial", 1, "reported")


def test_a_first_report_of_a_millisecond_is_taken_over_though_less_was_reckoned():
    transcript = waiting("a")
    transcript.tell(OutputAudioHandedOver("a", 1000), OutputPlaybackProgressed("a", 5))
    transcript.tell(OutputPlaybackFinished("a", 1, interrupted=True))
    assert outcome(transcript) == ("partial", 1, "reported")


def test_a_millisecond_of_audio_makes_a_text_an_audio_message():
    transcript = waiting()
    transcript.tell(SessionMessageAdded("r", "a", ("text",)), SessionAudioReceived("a", 1))
    assert transcript.message("a").expects_audio


def test_a_millisecond_of_audio_that_nothing_plays_is_removed():
    transcript = waiting(capabilities=Capabilities(plays_audio=False))
    transcript.tell(SessionMessageAdded("r", "a"), SessionAudioReceived("a", 1))
    assert RemoveMessages(("a",)) in transcript.tell(SessionResponseEnded("r"))


def test_a_report_that_nothing_was_heard_is_a_fact_that_the_watchdog_waits_on_for():
    transcript = waiting("a")
    transcript.tell(OutputAudioHandedOver("a", 500), TimerFired("stall"), OutputPlaybackFinished("a", 0))
    assert transcript.message("a").state == "streaming"
    transcript.tell(TimerFired("stall"))
    assert transcript.state == "waiting"
