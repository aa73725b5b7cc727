"""Deciding what was heard: every finish, by what had been heard and what is reported (spec, section 7)."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from helpers import Transcript, interrupted, paused, speaking, text_of, waiting

from speech_lifecycle.fsm import Capabilities, Policy
from speech_lifecycle.fsm.effects import ClearOutput, FlushOutput, StartHandover
from speech_lifecycle.fsm.events import (
    Authorize,
    Event,
    Interrupt,
    OutputAudioHandedOver,
    OutputFailed,
    OutputPlaybackFinished,
    OutputPlaybackProgressed,
    SessionAudioReceived,
    SessionLost,
    SessionMessageAdded,
    SessionMessageEnded,
    SessionResponseCreated,
    TimerFired,
)

UNUSABLE = [None, float("nan"), float("inf"), float("-inf"), -1, -0.5]


def handed_over(message_ms: int = 1000) -> Transcript:
    """All is handed over and flushed; no sign of playback yet."""
    transcript = waiting("a", response_ended=True)
    transcript.tell(OutputAudioHandedOver("a", message_ms))
    return transcript


def flush_overtaken_by_audio() -> list[Event]:
    """More audio comes of a message that has been flushed; then the output is cleared at the very end of it."""
    return [
        SessionResponseCreated("r"),
        Authorize(),
        SessionMessageAdded("r", "a"),
        SessionAudioReceived("a", 60),
        SessionMessageEnded("a"),
        OutputAudioHandedOver("a", 60),
        SessionAudioReceived("a", 100),
        OutputAudioHandedOver("a", 100),
        OutputPlaybackFinished("a", 100, interrupted=True),
    ]


def test_it_is_heard_if_its_playback_started():
    transcript = speaking("a")
    transcript.tell(Interrupt(), OutputPlaybackFinished("a", 0, interrupted=True))
    assert (transcript.record("a").state, transcript.record("a").heard_ms) == ("partial", 0)


@pytest.mark.parametrize("position_ms", [0, 0.9, 0.0])
def test_a_position_of_0_after_progress_is_a_gap_and_what_was_heard_stays_heard(position_ms):
    transcript = handed_over()
    transcript.tell(OutputPlaybackProgressed("a", 400), OutputPlaybackProgressed("a", position_ms))
    transcript.tell(Interrupt(), TimerFired("stop"))
    assert (transcript.record("a").state, transcript.record("a").heard_ms) == ("partial", 400)


def test_of_several_positions_the_last_counts():
    transcript = handed_over()
    transcript.tell(OutputPlaybackProgressed("a", 400), OutputPlaybackProgressed("a", 300))
    transcript.tell(Interrupt(), TimerFired("stop"))
    assert transcript.record("a").heard_ms == 300


def test_it_is_heard_if_its_position_is_above_0():
    transcript = handed_over()
    transcript.tell(Interrupt(), OutputPlaybackFinished("a", 1, interrupted=True))
    assert (transcript.record("a").state, transcript.record("a").heard_ms) == ("partial", 1)


def test_it_is_not_heard_if_it_neither_started_nor_got_beyond_0():
    transcript = handed_over()
    transcript.tell(Interrupt(), OutputPlaybackFinished("a", 0, interrupted=True))
    assert transcript.record("a").state == "skipped"


@pytest.mark.parametrize(("position_ms", "heard_ms"), [(0.9, 0), (400, 400), (400.9, 400), (999, 999), (10**9, 1000)])
def test_the_position_is_whole_milliseconds_of_what_was_handed_over(position_ms, heard_ms):
    transcript = interrupted("a")
    transcript.tell(OutputPlaybackFinished("a", position_ms, interrupted=True))
    assert transcript.record("a").heard_ms == heard_ms


def test_what_was_received_but_not_handed_over_is_no_evidence():
    transcript = waiting("a")
    transcript.tell(SessionAudioReceived("a", 60_000), OutputAudioHandedOver("a", 200))
    transcript.tell(Interrupt(), OutputPlaybackFinished("a", 5000, interrupted=True))
    assert transcript.record("a").heard_ms == 200


@pytest.mark.parametrize("position_ms", UNUSABLE, ids=repr)
def test_without_a_usable_position_the_last_progress_counts(position_ms):
    transcript = speaking("a")
    transcript.tell(OutputPlaybackProgressed("a", 300), Interrupt())
    transcript.tell(OutputPlaybackFinished("a", position_ms, interrupted=True))
    assert transcript.record("a").heard_ms == 300


@pytest.mark.parametrize("position_ms", UNUSABLE, ids=repr)
def test_without_a_usable_position_and_without_progress_it_is_0(position_ms):
    transcript = handed_over()
    transcript.tell(Interrupt(), OutputPlaybackFinished("a", position_ms, interrupted=True))
    assert (transcript.record("a").state, transcript.record("a").heard_ms) == ("skipped", 0)


@pytest.mark.parametrize("position_ms", UNUSABLE, ids=repr)
def test_progress_without_a_usable_position_is_ignored(position_ms):
    reply = speaking("a").send(OutputPlaybackProgressed("a", position_ms))
    assert (reply.kind, reply.reason) == ("ignored", "unusable_position")


@pytest.mark.parametrize("received_ms", [0, 100])
def test_what_was_never_received_is_not_heard(received_ms):
    transcript = waiting()
    transcript.tell(SessionMessageAdded("r", "a"), SessionAudioReceived("a", received_ms))
    transcript.send(OutputAudioHandedOver("a", received_ms + 100))
    transcript.tell(Interrupt())
    transcript.send(OutputPlaybackFinished("a", received_ms + 50, interrupted=True))
    assert transcript.record("a").heard_ms <= received_ms


@pytest.mark.parametrize("number", [np.float32, np.float64, np.int64, Fraction])
def test_a_position_is_usable_whatever_computed_it(number):
    transcript = speaking("a")
    transcript.tell(OutputPlaybackProgressed("a", number(400)), Interrupt())
    transcript.tell(OutputPlaybackFinished("a", None, interrupted=True))
    assert transcript.record("a").heard_ms == 400


def test_what_was_cleared_at_its_very_end_is_played_even_if_audio_overtook_its_flush():
    transcript = Transcript(*flush_overtaken_by_audio())
    assert transcript.states == {"a": "played"}
    record = transcript.record("a")
    assert (record.state, record.reason, record.heard_ms) == ("played", "finished", 100)


def test_an_old_flush_that_is_answered_alone_is_followed_by_one_for_the_rest():
    transcript = Transcript(*flush_overtaken_by_audio()[:-1])
    reply = transcript.send(OutputPlaybackFinished("a", 60, interrupted=False))
    assert FlushOutput("a") in reply.effects
    assert transcript.states == {"a": "draining"}


def test_an_old_flush_that_is_answered_when_all_was_played_is_the_end():
    """The output played what came after the flush, too, as docs/outputs.md has it, and knows of no other."""
    transcript = Transcript(*flush_overtaken_by_audio()[:-1])
    reply = transcript.send(OutputPlaybackFinished("a", 100, interrupted=False))
    assert FlushOutput("a") not in reply.effects
    assert (transcript.record("a").state, transcript.record("a").heard_ms) == ("played", 100)


def test_what_an_output_cannot_play_after_its_end_is_cut_and_the_speech_goes_on():
    """The output had ended before the rest came, and says so when it is flushed again."""
    transcript = Transcript(*flush_overtaken_by_audio()[:-1])
    transcript.tell(OutputPlaybackFinished("a", 60), OutputPlaybackFinished("a", 60, interrupted=True))
    record = transcript.record("a")
    assert (record.state, record.reason, record.heard_ms) == ("partial", "cleared", 60)
    assert transcript.state == "speaking"


def test_an_old_flush_vouches_for_no_more_than_was_flushed():
    transcript = Transcript(*flush_overtaken_by_audio()[:-1], Interrupt())
    transcript.tell(OutputPlaybackFinished("a", None, interrupted=False))
    assert (transcript.record("a").state, transcript.record("a").heard_ms) == ("partial", 60)


def test_of_a_text_no_audio_is_heard():
    transcript = waiting(capabilities=Capabilities(plays_audio=False))
    transcript.tell(SessionMessageAdded("r", "a"), SessionAudioReceived("a", 100), OutputAudioHandedOver("a", 100))
    transcript.tell(SessionLost())
    assert (transcript.record("a").state, transcript.record("a").heard_ms) == ("skipped", 0)


@pytest.mark.parametrize("frame_ms", [0, 20, 100])
def test_the_end_is_reached_within_one_frame(frame_ms):
    policy = Policy(frame_ms=frame_ms)
    for position_ms, state in ((1000 - frame_ms, "played"), (1000 - frame_ms - 1, "partial")):
        transcript = speaking("a", response_ended=True, policy=policy)
        transcript.tell(OutputPlaybackFinished("a", position_ms, interrupted=True))
        assert transcript.record("a").state == state


@pytest.mark.parametrize(("position_ms", "state"), [(400, "partial"), (1000, "played")])
def test_an_interruption_nobody_asked_for_goes_by_the_evidence_and_the_speech_goes_on(position_ms, state):
    transcript = speaking("a", "b", response_ended=True)
    effects = transcript.tell(OutputPlaybackFinished("a", position_ms, interrupted=True))
    assert transcript.record("a").state == state
    assert StartHandover("b") in effects
    assert transcript.state == "speaking"


def test_an_unheard_message_that_was_cleared_from_outside_is_skipped_and_the_speech_goes_on():
    transcript = waiting("a", "b", response_ended=True)
    transcript.tell(OutputAudioHandedOver("a", 1000))
    effects = transcript.tell(OutputPlaybackFinished("a", 0, interrupted=True))
    assert (transcript.record("a").state, transcript.record("a").reason) == ("skipped", "cleared")
    assert StartHandover("b") in effects


@pytest.mark.parametrize(("progress_ms", "state"), [(None, "skipped"), (300, "partial"), (1000, "played")])
def test_an_output_that_does_not_report_in_time_is_settled_by_the_evidence_in_hand(progress_ms, state):
    transcript = handed_over()
    if progress_ms is not None:
        transcript.tell(OutputPlaybackProgressed("a", progress_ms))
    transcript.tell(Interrupt(), TimerFired("stop"))
    assert transcript.record("a").state == state
    assert transcript.record("a").heard_ms == (progress_ms or 0)
    assert transcript.record("a").reason == ("finished" if state == "played" else "timed_out")


@pytest.mark.parametrize(("progress_ms", "state"), [(None, "skipped"), (300, "partial"), (1000, "played")])
def test_an_output_that_fails_is_settled_by_the_evidence_in_hand(progress_ms, state):
    transcript = handed_over()
    if progress_ms is not None:
        transcript.tell(OutputPlaybackProgressed("a", progress_ms))
    transcript.tell(OutputFailed("a"))
    assert transcript.message("a").state == "stopping"
    transcript.tell(TimerFired("stop"))
    assert transcript.record("a").state == state
    assert transcript.record("a").reason == ("finished" if state == "played" else "output_failed")
    assert transcript.outcome == "failed" if state == "played" else transcript.state == "reconciling"


def test_an_output_that_fails_is_asked_to_stop_and_what_it_reports_then_counts():
    transcript = handed_over()
    assert ClearOutput("a") in transcript.tell(OutputPlaybackProgressed("a", 300), OutputFailed("a"))
    transcript.tell(OutputPlaybackFinished("a", 450, interrupted=True))
    assert (transcript.record("a").heard_ms, transcript.record("a").reason) == (450, "output_failed")


def test_an_output_that_fails_while_it_is_stopped_is_still_waited_for():
    transcript = interrupted("a")
    assert transcript.send(OutputFailed("a")).reason == "already_stopping"
    transcript.tell(OutputPlaybackFinished("a", 450, interrupted=True))
    assert (transcript.record("a").heard_ms, transcript.record("a").reason) == (450, "interrupted")


def test_evidence_counts_while_the_speech_is_paused():
    transcript = paused("a")
    transcript.tell(OutputPlaybackProgressed("a", 250), Interrupt(), TimerFired("stop"))
    assert transcript.record("a").heard_ms == 250


@pytest.mark.parametrize(
    ("transcript_reported", "estimate", "text", "status"),
    [
        ("These are", False, "These are", "synchronized"),
        ("", False, "", "synchronized"),
        ("", True, "", "synchronized"),
        (None, True, "These are", "estimated"),
        (None, False, "", "unknown"),
    ],
)
def test_the_heard_text_of_a_partial_message_has_a_status(transcript_reported, estimate, text, status):
    transcript = interrupted("a", policy=Policy(estimate_heard_text=estimate))
    transcript.tell(OutputPlaybackFinished("a", 400, True, transcript_reported))
    record = transcript.record("a")
    assert (record.heard_text, record.heard_text_status) == (text, status)


def test_without_an_audio_output_text_is_exact():
    transcript = waiting("a", response_ended=True, capabilities=Capabilities(plays_audio=False))
    record = transcript.record("a")
    assert (record.state, record.heard_text, record.heard_text_status) == ("played", text_of("a"), "exact")


@pytest.mark.parametrize("progress_ms", [0, 300])
def test_a_played_message_is_recorded_as_heard_whole(progress_ms):
    transcript = handed_over()
    transcript.tell(OutputPlaybackProgressed("a", progress_ms), Interrupt())
    transcript.tell(OutputPlaybackFinished("a", None, interrupted=False))
    assert transcript.record("a").state == "played"
    assert transcript.record("a").heard_ms == 1000
