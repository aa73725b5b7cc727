"""Each bug of docs/field-bugs.md that the machine alone can show, by a test named after its id.

The others need a wire or an output: `ELSEWHERE` in test_field_bug_list.py says which scenario or test shows them, and
why. A port that passes these cannot have them.
"""

from __future__ import annotations

import pytest
from helpers import (
    Transcript,
    interrupted,
    only,
    paused,
    queued,
    speaking,
    text_message,
    text_of,
    waiting,
)

from speech_lifecycle.fsm import Capabilities, Policy
from speech_lifecycle.fsm.effects import (
    AnnounceAgentState,
    CancelResponse,
    ClearOutput,
    CommitMessage,
    FlushOutput,
    RemoveMessages,
    ReportDivergence,
    ReportMessageSettled,
    ReportSpeechDone,
    ResumeOutput,
    StartHandover,
    TruncateMessage,
)
from speech_lifecycle.fsm.events import (
    Authorize,
    Close,
    Interrupt,
    OutputAudioHandedOver,
    OutputFailed,
    OutputPlaybackFinished,
    OutputPlaybackProgressed,
    OutputPlaybackStarted,
    Pause,
    Resume,
    SessionAudioReceived,
    SessionLost,
    SessionMessageAdded,
    SessionMessageEnded,
    SessionReconciliationAcknowledged,
    SessionReconciliationRefused,
    SessionResponseCreated,
    SessionResponseEnded,
    TimerFired,
)

# Several messages in one response


def test_m1_the_second_message_is_played_after_the_first():
    speech = waiting("A", "B", response_ended=True)
    assert speech.of(StartHandover) == [StartHandover("A")]
    speech.play("A")
    assert speech.of(StartHandover) == [StartHandover("A"), StartHandover("B")]
    speech.play("B")
    assert speech.of(FlushOutput) == [FlushOutput("A"), FlushOutput("B")]
    assert speech.states == {"A": "played", "B": "played"}
    assert speech.outcome == "completed"


def test_m2_interrupted_before_the_second_was_pulled_it_is_removed():
    speech = interrupted("A", "B")
    effects = speech.tell(OutputPlaybackFinished("A", 400, True))
    assert only(effects, RemoveMessages) == [RemoveMessages(("B",))]
    assert speech.record("B").state == "skipped"


def test_m3_a_never_played_message_does_not_enter_history():
    speech = interrupted("A", "B")
    speech.tell(OutputPlaybackFinished("A", 400, True))
    assert [message.message_id for message in speech.of(CommitMessage)] == ["A"]


def test_m5_the_first_ends_when_the_second_begins():
    speech = waiting("A")
    speech.tell(OutputAudioHandedOver("A", 1000))
    assert not speech.of(FlushOutput)
    speech.tell(SessionMessageAdded("r", "B"))
    assert speech.of(FlushOutput) == [FlushOutput("A")]
    late = speech.send(SessionMessageEnded("A"))
    assert (late.kind, late.reason) == ("ignored", "already_ended")
    assert speech.states == {"A": "draining", "B": "pending"}


def test_m6_the_message_that_is_heard_is_truncated_not_the_last_received():
    speech = interrupted("A", "B")
    effects = speech.tell(OutputPlaybackFinished("A", 400, True))
    assert only(effects, TruncateMessage) == [TruncateMessage("A", 400)]


def test_m7_every_announced_message_has_a_record():
    speech = interrupted("A", "B", "C", "D")
    speech.tell(OutputPlaybackFinished("A", 400, True))
    assert [settled.record.message_id for settled in speech.of(ReportMessageSettled)] == ["A", "B", "C", "D"]


def test_m8_interrupted_while_queued_all_messages_are_skipped_and_removed():
    speech = queued("A", "B", response_ended=True)
    effects = speech.tell(Interrupt())
    assert [effect.record.reason for effect in only(effects, ReportMessageSettled)] == ["never_authorized"] * 2
    assert only(effects, RemoveMessages) == [RemoveMessages(("A", "B"))]
    assert not only(effects, CommitMessage, AnnounceAgentState)


# Where to truncate


def test_t1_below_one_millisecond_the_message_is_removed_not_truncated():
    speech = interrupted("A")
    effects = speech.tell(OutputPlaybackFinished("A", 0.9, True))
    assert speech.record("A").state == "partial"
    assert only(effects, RemoveMessages, TruncateMessage) == [RemoveMessages(("A",))]


def test_t2_a_text_message_is_not_truncated():
    speech = Transcript(SessionResponseCreated("r"), Authorize(), *text_message("T"), Interrupt())
    speech.tell(SessionResponseEnded("r", "cancelled"))
    assert speech.record("T").state == "partial"
    assert not speech.of(TruncateMessage)


def test_t3_heard_to_the_end_is_played_and_not_truncated():
    speech = interrupted("A", response_ended=True)
    speech.tell(OutputPlaybackFinished("A", 981, True))
    assert speech.record("A").state == "played"
    assert not speech.of(TruncateMessage, RemoveMessages)


def test_t4_a_truncation_never_goes_beyond_what_was_received():
    speech = waiting("A")
    speech.tell(OutputAudioHandedOver("A", 1200), Interrupt(), OutputPlaybackFinished("A", 1150, True))
    assert speech.of(TruncateMessage) == [TruncateMessage("A", 1000)]


def test_t5_position_0_is_a_value():
    speech = waiting("A", "B")
    speech.tell(OutputAudioHandedOver("A", 1000), Interrupt())
    speech.tell(OutputPlaybackFinished("A", 0, True))
    assert (speech.record("A").state, speech.record("A").heard_ms) == ("skipped", 0)


def test_t8_refused_as_already_shorter_is_harmless():
    speech = interrupted("A")
    speech.tell(OutputPlaybackFinished("A", 990, True), SessionResponseEnded("r", "cancelled"))
    effects = speech.tell(SessionReconciliationRefused("truncate", "A", "already_shorter", "invalid_value", "..."))
    assert not only(effects, ReportDivergence)
    assert speech.outcome == "interrupted"


def test_t9_a_refusal_never_ends_the_session_loop():
    speech = interrupted("A")
    speech.tell(OutputPlaybackFinished("A", 500, True), SessionResponseEnded("r", "cancelled"))
    speech.tell(SessionReconciliationRefused("truncate", "A", "other", "server_error", "no"))
    assert speech.outcome == "interrupted"


def test_t10_a_refused_truncation_is_reported():
    speech = interrupted("A")
    speech.tell(OutputPlaybackFinished("A", 500, True))
    effects = speech.tell(SessionReconciliationRefused("truncate", "A", "other", "server_error", "no"))
    (divergence,) = only(effects, ReportDivergence)
    assert (divergence.cause, divergence.heard_ms, divergence.remembered_ms) == ("refused", 500, 1000)
    assert divergence.remembered_text == text_of("A")
    assert divergence.detail == "server_error: no"


@pytest.mark.parametrize("nonsense", [float("nan"), float("inf"), None, 10**400])
def test_t12_a_position_that_is_no_number_does_not_reach_the_wire(nonsense):
    speech = speaking("A")
    speech.tell(OutputPlaybackProgressed("A", 320), Interrupt(), OutputPlaybackFinished("A", nonsense, True))
    heard_ms = 1000 if nonsense == 10**400 else 320
    assert speech.of(TruncateMessage) == [TruncateMessage("A", heard_ms)]


def test_t13_a_negative_position_is_none():
    speech = interrupted("A")
    speech.tell(OutputPlaybackFinished("A", -40, True))
    assert speech.record("A").heard_ms == 0
    assert not speech.of(TruncateMessage)


def test_t14_position_0_after_progress_falls_back_to_the_progress():
    speech = speaking("A")
    speech.tell(OutputPlaybackProgressed("A", 320), Interrupt(), OutputPlaybackFinished("A", 0, True))
    assert speech.record("A").heard_ms == 320


def test_t15_the_position_is_local_to_the_message():
    speech = speaking("A", "B", response_ended=True)
    speech.tell(OutputPlaybackFinished("A", 1000))
    speech.tell(OutputAudioHandedOver("B", 1000), OutputPlaybackStarted("B"), Interrupt())
    effects = speech.tell(OutputPlaybackFinished("B", 250, True))
    assert only(effects, TruncateMessage) == [TruncateMessage("B", 250)]


# What history says


def test_h1_unspoken_text_is_not_committed():
    speech = interrupted("A")
    speech.tell(OutputPlaybackFinished("A", 500, True, transcript="These are"))
    assert speech.of(CommitMessage) == [CommitMessage("A", "These are", "synchronized", True)]


def test_h2_an_empty_transcript_is_a_report_and_not_a_gap():
    speech = interrupted("A", policy=Policy(estimate_heard_text=True))
    speech.tell(OutputPlaybackFinished("A", 500, True, transcript=""))
    assert speech.of(CommitMessage) == [CommitMessage("A", "", "synchronized", True)]


def test_h3_a_heard_message_without_transcript_is_recorded_as_unknown():
    speech = interrupted("A")
    speech.tell(OutputPlaybackFinished("A", 500, True))
    assert speech.of(CommitMessage) == [CommitMessage("A", "", "unknown", True)]


def test_h4_paused_before_the_first_frame_and_resumed_it_is_recorded():
    speech = waiting("A", response_ended=True)
    speech.tell(Pause(), Resume())
    speech.play("A")
    assert speech.record("A").state == "played"
    assert AnnounceAgentState("speaking") in speech.effects


def test_h5_a_position_above_0_is_evidence_without_a_start():
    speech = waiting("A")
    speech.tell(OutputAudioHandedOver("A", 1000), Interrupt(), OutputPlaybackFinished("A", 300, True))
    assert (speech.record("A").state, speech.record("A").heard_ms) == ("partial", 300)


def test_h5_a_finish_without_any_start_is_still_heard():
    speech = waiting("A", response_ended=True)
    effects = speech.tell(OutputAudioHandedOver("A", 1000), OutputPlaybackFinished("A", 1000))
    assert only(effects, AnnounceAgentState)[0] == AnnounceAgentState("speaking")


def test_h6_closing_while_playing_commits_the_part_that_was_heard():
    speech = speaking("A", "B")
    speech.tell(Close(), OutputPlaybackFinished("A", 600, True))
    assert speech.of(CommitMessage) == [CommitMessage("A", "", "unknown", True)]
    assert speech.record("A").reason == speech.record("B").reason == "closed"


def test_h7_after_a_clear_the_position_decides_not_the_word_of_the_finish():
    speech = speaking("A", response_ended=True)
    speech.tell(Interrupt(), OutputPlaybackFinished("A", 400, interrupted=False))
    assert speech.record("A").state == "partial"
    assert speech.of(CommitMessage) == [CommitMessage("A", "", "unknown", True)]


def test_h8_a_transcript_belongs_to_the_message_that_its_finish_names():
    speech = speaking("A", "B", response_ended=True)
    speech.tell(OutputPlaybackFinished("A", 1000, transcript="the words of A"))
    speech.tell(OutputAudioHandedOver("B", 1000), OutputPlaybackStarted("B"), Interrupt())
    assert speech.send(OutputPlaybackFinished("A", 1000, True, "the words of A")).kind == "ignored"
    speech.tell(OutputPlaybackFinished("B", 200, True, "of B"))
    assert speech.record("B").heard_text == "of B"


def test_h9_a_start_of_another_message_is_not_taken_as_this_ones():
    speech = speaking("A", "B", response_ended=True)
    speech.tell(OutputPlaybackFinished("A", 1000), OutputAudioHandedOver("B", 1000))
    assert speech.send(OutputPlaybackStarted("A")).kind == "ignored"
    assert not speech.message("B").has_started


def test_h10_generated_and_heard_text_are_two_fields():
    speech = interrupted("A")
    speech.tell(OutputPlaybackFinished("A", 500, True, transcript="These"))
    assert (speech.record("A").generated_text, speech.record("A").heard_text) == (text_of("A"), "These")


def test_h11_nothing_is_committed_before_a_message_is_final():
    speech = speaking("A", response_ended=True)
    assert not speech.of(CommitMessage)
    speech.tell(OutputPlaybackFinished("A", 1000))
    assert speech.of(CommitMessage) == [CommitMessage("A", text_of("A"), "exact", False)]


def test_h12_an_output_that_fails_leaves_what_it_had_reported():
    speech = speaking("A", "B")
    speech.tell(OutputPlaybackProgressed("A", 300), OutputFailed("A", "gone"), TimerFired("stop"))
    assert (speech.record("A").state, speech.record("A").reason) == ("partial", "output_failed")
    assert speech.record("B").state == "skipped"
    assert speech.of(StartHandover) == [StartHandover("A")]


def test_h13_cleared_from_outside_is_partial_and_the_speech_goes_on():
    speech = speaking("A", "B", response_ended=True)
    effects = speech.tell(OutputPlaybackFinished("A", 400, interrupted=True))
    assert (speech.record("A").state, speech.record("A").reason) == ("partial", "cleared")
    assert only(effects, StartHandover) == [StartHandover("B")]
    speech.play("B")
    assert speech.of(TruncateMessage) == [TruncateMessage("A", 400)]


# Cancelling


def test_c2_interrupted_before_the_response_exists_it_is_cancelled_when_it_appears():
    speech = Transcript(Authorize(), Interrupt())
    assert not speech.of(CancelResponse)
    speech.tell(SessionResponseCreated("r"))
    assert speech.of(CancelResponse) == [CancelResponse("r")]
    speech.tell(SessionMessageAdded("r", "A"), SessionResponseEnded("r", "cancelled"))
    assert speech.of(RemoveMessages) == [RemoveMessages(("A",))]
    assert not speech.of(StartHandover)


def test_c3_a_cancel_names_the_response():
    assert interrupted("A").of(CancelResponse) == [CancelResponse("r")]


def test_c4_no_cancel_once_the_response_has_ended():
    assert not interrupted("A", response_ended=True).of(CancelResponse)


def test_c5_playback_is_stopped_though_generation_has_ended():
    assert interrupted("A", response_ended=True).of(ClearOutput) == [ClearOutput("A")]


def test_c6_late_deltas_of_a_cancelled_response_are_not_played():
    speech = interrupted("A")
    speech.tell(OutputPlaybackFinished("A", 400, True))
    assert speech.send(SessionAudioReceived("A", 2000)).kind == "ignored"
    speech.tell(SessionMessageAdded("r", "late"))
    assert speech.send(SessionAudioReceived("late", 500)).kind == "ignored"
    assert speech.of(StartHandover) == [StartHandover("A")]
    assert speech.of(RemoveMessages) == [RemoveMessages(("late",))]


def test_c7_a_protected_speech_that_has_not_begun_can_be_withdrawn_by_force():
    speech = queued("A", policy=Policy(interruptible=False), response_ended=True)
    refused = speech.send(Interrupt())
    assert (refused.kind, refused.reason) == ("rejected", "not_interruptible")
    speech.tell(Interrupt(force=True))
    assert speech.states == {"A": "skipped"}


# Outputs and dead ends


def test_o1_a_clear_that_is_never_answered_is_settled_by_the_timer():
    speech = interrupted("A", "B")
    speech.tell(TimerFired("stop"))
    assert (speech.record("A").state, speech.record("A").reason) == ("partial", "timed_out")
    assert speech.record("B").reason == "interrupted"


def test_o1_nothing_handed_over_needs_no_answer():
    speech = waiting("A")
    effects = speech.tell(Interrupt())
    assert not only(effects, ClearOutput)
    assert speech.states == {"A": "skipped"}


def test_o2_the_watchdog_takes_the_one_way_out():
    speech = speaking("A", response_ended=True)
    speech.tell(TimerFired("playout"), TimerFired("playout"), TimerFired("stop"))
    assert speech.of(ClearOutput) == [ClearOutput("A")]
    assert speech.of(CommitMessage) == [CommitMessage("A", "", "unknown", True)]
    assert speech.of(AnnounceAgentState)[-1] == AnnounceAgentState("listening")


def test_o3_a_finish_that_comes_too_early_does_not_end_the_message():
    speech = speaking("A")
    speech.tell(OutputPlaybackFinished("A", 1000))
    assert speech.states == {"A": "streaming"}
    speech.tell(SessionAudioReceived("A", 1500), OutputAudioHandedOver("A", 1500), SessionMessageEnded("A"))
    assert speech.of(FlushOutput) == [FlushOutput("A")]


def test_o3_a_finish_that_never_comes_is_waited_for_no_longer_than_the_timer():
    speech = speaking("A", response_ended=True)
    speech.tell(TimerFired("playout"))
    assert speech.states == {"A": "draining"}, "facts came since the timer began"
    speech.tell(TimerFired("playout"))
    assert speech.states == {"A": "stopping"}


def test_o4_a_surplus_finish_is_ignored_with_a_reason():
    speech = speaking("A", response_ended=True)
    speech.tell(OutputPlaybackFinished("A", 1000))
    surplus = speech.send(OutputPlaybackFinished("A", 1000))
    assert (surplus.kind, surplus.reason) == ("ignored", "already_final")


@pytest.mark.parametrize("end", [Interrupt(), Close(), SessionLost(), OutputFailed("A")])
def test_o5_however_it_ends_the_floor_is_released(end):
    speech = speaking("A", "B", response_ended=True)
    speech.tell(end)
    for timer in ("stop", "reconcile"):
        speech.send(TimerFired(timer))
    assert len(speech.of(ReportSpeechDone)) == 1


def test_o6_a_lost_session_settles_every_message():
    speech = speaking("A", "B")
    speech.tell(SessionLost(), OutputPlaybackFinished("A", 300, True))
    assert [speech.record(m).reason for m in "AB"] == ["source_failed"] * 2
    assert not speech.of(TruncateMessage, RemoveMessages, ReportDivergence)
    assert speech.outcome == "failed"


def test_o7_what_was_processed_before_the_stream_broke_is_settled():
    speech = speaking("A", "B")
    speech.tell(OutputPlaybackFinished("A", 1000), SessionLost())
    assert speech.states == {"A": "played", "B": "skipped"}
    assert [message.message_id for message in speech.of(CommitMessage)] == ["A"]


# Pause and resume


def test_p1_a_confirmed_interruption_clears_before_it_resumes_and_does_not_speak():
    speech = paused("A")
    effects = speech.tell(Interrupt())
    assert only(effects, ClearOutput, ResumeOutput) == [ClearOutput("A"), ResumeOutput()]
    assert not only(effects, AnnounceAgentState)


def test_p2_playback_started_again_on_resume_is_not_announced_again():
    speech = paused("A")
    speech.tell(Resume())
    again = speech.send(OutputPlaybackStarted("A"))
    assert (again.kind, again.reason) == ("ignored", "already_started")


def test_p3_a_pause_belongs_to_its_speech():
    paused("A")
    speech = speaking("A", response_ended=True)
    assert speech.send(Resume()).kind == "ignored"
    assert not speech.speech.output_is_paused


def test_p4_nothing_is_handed_over_after_the_user_began_to_speak():
    speech = waiting("A")
    assert speech.speech.message_to_hand_over().message_id == "A"
    speech.tell(Pause())
    assert speech.speech.message_to_hand_over() is None
    speech.tell(Interrupt())
    assert speech.states == {"A": "skipped"}


def test_p6_no_timer_ends_a_pause():
    speech = paused("A")
    assert speech.speech.timer is None
    for timer in ("stall", "playout", "stop", "reconcile"):
        assert speech.send(TimerFired(timer)).kind == "ignored"
    assert speech.state == "paused"


# What the port reviews found


def test_r1_the_server_is_not_asked_to_remove_when_nothing_was_skipped():
    speech = interrupted("A")
    speech.tell(OutputPlaybackFinished("A", 400, True))
    assert not speech.of(RemoveMessages)


def test_r3_a_failed_response_is_reported_and_what_came_is_settled():
    speech = speaking("A")
    speech.tell(SessionResponseEnded("r", "failed"), OutputPlaybackFinished("A", 1000))
    assert speech.states == {"A": "played"}
    assert speech.outcome == "failed"


def test_r4_nothing_waits_for_a_first_frame_once_its_message_has_ended():
    speech = waiting("A", "B", response_ended=True)
    speech.tell(OutputAudioHandedOver("A", 1000), OutputPlaybackFinished("A", 0, True))
    assert speech.states == {"A": "skipped", "B": "streaming"}
    assert speech.send(OutputPlaybackStarted("A")).kind == "ignored"


def test_capabilities_are_respected_where_the_server_can_do_less():
    speech = interrupted("A", "B", capabilities=Capabilities(can_truncate=False, can_remove=False))
    speech.tell(OutputPlaybackFinished("A", 400, True))
    assert [divergence.cause for divergence in speech.of(ReportDivergence)] == ["cannot_truncate", "cannot_remove"]
    speech.tell(SessionResponseEnded("r", "cancelled"))
    assert speech.send(SessionReconciliationAcknowledged("truncate", "A")).kind == "ignored"


def test_messages_of_another_response_are_foreign():
    speech = speaking("A")
    foreign = speech.send(SessionMessageAdded("other", "B"))
    assert (foreign.kind, foreign.reason) == ("rejected", "foreign_response")
    assert speech.states == {"A": "streaming"}
