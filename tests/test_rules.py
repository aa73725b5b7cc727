"""The rules of the specification, sections 2 to 8, that no field bug names. Each test is named after its rule."""

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
    CancelTimer,
    ClearOutput,
    CommitMessage,
    FlushOutput,
    PauseOutput,
    RemoveMessages,
    ReplaceMessage,
    ReportDivergence,
    ReportMessageSettled,
    ReportSpeechDone,
    ResumeOutput,
    StartHandover,
    StartTimer,
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
    SessionTextReceived,
    TimerFired,
)


def stopped_text(**options) -> Transcript:
    """A text of which a part was shown when it was interrupted."""
    speech = Transcript(SessionResponseCreated("r"), Authorize(), *text_message("T"), **options)
    speech.tell(Interrupt())
    return speech


# 2. How messages are played


def test_2_1_one_flush_is_in_flight():
    speech = waiting("A", "B", response_ended=True)
    speech.tell(OutputAudioHandedOver("A", 1000))
    assert speech.of(FlushOutput) == [FlushOutput("A")]
    assert speech.send(OutputAudioHandedOver("B", 500)).kind == "rejected"


def test_2_3_each_heard_message_is_committed_once_with_its_own_id():
    speech = waiting("A", "B", response_ended=True)
    speech.play("A", "B")
    assert [(c.message_id, c.interrupted) for c in speech.of(CommitMessage)] == [("A", False), ("B", False)]


def test_2_4_speaking_is_announced_with_the_first_frame_of_the_speech_only():
    speech = waiting("A", "B", response_ended=True)
    speech.play("A", "B")
    assert speech.of(AnnounceAgentState) == [AnnounceAgentState(s) for s in ("thinking", "speaking", "listening")]


def test_2_5_a_response_played_to_the_end_causes_no_request():
    speech = waiting("A", "B", response_ended=True)
    speech.play("A", "B")
    assert not speech.of(TruncateMessage, ReplaceMessage, RemoveMessages, CancelResponse)


def test_2_6_the_way_out_has_one_order():
    speech = interrupted("A", "B", response_ended=True)
    effects = speech.tell(OutputPlaybackFinished("A", 400, True))
    effects += speech.tell(SessionReconciliationAcknowledged("truncate", "A"))
    effects += speech.tell(SessionReconciliationAcknowledged("remove", "B"))
    assert [type(effect) for effect in effects] == [
        ReportMessageSettled,
        CommitMessage,
        ReportMessageSettled,
        TruncateMessage,
        RemoveMessages,
        StartTimer,
        AnnounceAgentState,
        CancelTimer,
        ReportSpeechDone,
    ]


# 3. The message


def test_3_audio_that_comes_after_the_flush_is_played_too():
    speech = speaking("A", response_ended=True)
    speech.tell(SessionAudioReceived("A", 1500))
    assert speech.states == {"A": "streaming"}
    speech.tell(OutputAudioHandedOver("A", 1500))
    assert speech.of(FlushOutput) == [FlushOutput("A")], "the first flush is not answered yet"
    speech.tell(OutputPlaybackFinished("A", 1000))
    assert speech.of(FlushOutput) == [FlushOutput("A")] * 2
    speech.tell(OutputPlaybackFinished("A", 1500))
    assert (speech.record("A").state, speech.record("A").heard_ms) == ("played", 1500)


def test_3_a_later_message_does_not_end_one_that_has_nothing_yet():
    speech = Transcript(SessionResponseCreated("r"), Authorize())
    speech.tell(SessionMessageAdded("r", "A"), SessionMessageAdded("r", "B"), SessionAudioReceived("A", 500))
    assert speech.states == {"A": "streaming", "B": "pending"}


def test_3_a_text_is_played_when_its_source_ends():
    speech = Transcript(SessionResponseCreated("r"), Authorize(), *text_message("T"))
    assert speech.states == {"T": "streaming"}
    speech.tell(SessionMessageEnded("T"))
    assert speech.of(CommitMessage) == [CommitMessage("T", text_of("T"), "exact", False)]


def test_3_without_an_audio_output_the_text_is_what_reaches_the_user():
    speech = waiting("A", capabilities=Capabilities(plays_audio=False), response_ended=True)
    assert speech.record("A").state == "played"
    assert not speech.of(FlushOutput)
    assert AnnounceAgentState("speaking") not in speech.effects


def test_3_audio_expected_and_none_ever_came_is_skipped_and_its_text_forgotten():
    speech = Transcript(SessionResponseCreated("r"), Authorize())
    speech.tell(SessionMessageAdded("r", "A"), SessionTextReceived("A", "unheard"), SessionResponseEnded("r"))
    assert (speech.record("A").state, speech.record("A").reason) == ("skipped", "no_content")
    assert speech.of(RemoveMessages) == [RemoveMessages(("A",))]


def test_3_an_empty_message_is_skipped_without_a_request():
    speech = Transcript(SessionResponseCreated("r"), Authorize())
    speech.tell(SessionMessageAdded("r", "A"), SessionResponseEnded("r"))
    assert (speech.record("A").state, speech.record("A").reason) == ("skipped", "no_content")
    assert not speech.of(RemoveMessages)
    assert speech.outcome == "completed"


def test_3_a_message_announced_while_queued_waits_for_its_turn():
    speech = queued("A", "B")
    assert speech.states == {"A": "pending", "B": "pending"}
    speech.tell(Authorize())
    assert speech.states == {"A": "streaming", "B": "pending"}


@pytest.mark.parametrize("amounts", [(500, 499), (500, -1)])
def test_3_amounts_do_not_go_backwards(amounts):
    speech = waiting()
    speech.tell(SessionMessageAdded("r", "A"), SessionAudioReceived("A", amounts[0]))
    reply = speech.send(SessionAudioReceived("A", amounts[1]))
    assert (reply.kind, reply.reason, reply.blame) == ("rejected", "audio_went_backwards", "session")


def test_3_two_texts_are_shown_one_after_the_other():
    speech = Transcript(SessionResponseCreated("r"), Authorize(), *text_message("T"), *text_message("U"))
    speech.tell(SessionResponseEnded("r"))
    assert [c.message_id for c in speech.of(CommitMessage)] == ["T", "U"]
    assert speech.outcome == "completed"


# 4. The speech


def test_4_a_pause_holds_the_next_message_until_resume():
    speech = paused("A", "B", response_ended=True)
    speech.tell(OutputPlaybackFinished("A", 1000))
    assert speech.states == {"A": "played", "B": "pending"}
    effects = speech.tell(Resume())
    assert only(effects, ResumeOutput, StartHandover) == [ResumeOutput(), StartHandover("B")]


def test_4_pause_returns_to_where_it_was():
    speech = waiting("A")
    speech.tell(Pause(), Resume())
    assert speech.state == "waiting"
    speech = paused("A")
    speech.tell(Resume())
    assert speech.state == "speaking"
    assert speech.of(AnnounceAgentState)[-2:] == [AnnounceAgentState("listening"), AnnounceAgentState("speaking")]


def test_4_a_frame_that_left_before_the_hold_counts_but_is_not_announced():
    speech = waiting("A")
    speech.tell(OutputAudioHandedOver("A", 1000), Pause())
    assert not only(speech.tell(OutputPlaybackStarted("A")), AnnounceAgentState)
    speech.tell(Resume())
    assert speech.state == "speaking"


def test_4_an_output_that_cannot_pause_is_not_asked_to():
    speech = speaking("A", capabilities=Capabilities(can_pause=False))
    reply = speech.send(Pause())
    assert (reply.kind, reply.reason) == ("rejected", "output_cannot_pause")
    assert not speech.of(PauseOutput)


def test_4_after_an_interruption_no_message_starts():
    speech = interrupted("A", "B")
    speech.tell(SessionMessageAdded("r", "C"), OutputPlaybackFinished("A", 400, True), SessionMessageAdded("r", "D"))
    assert speech.of(StartHandover) == [StartHandover("A")]
    assert speech.of(RemoveMessages) == [RemoveMessages(("B", "C")), RemoveMessages(("D",))]


def test_4_a_message_announced_after_the_end_is_recorded_and_removed():
    speech = interrupted("A", response_ended=True)
    speech.tell(OutputPlaybackFinished("A", 0, True), SessionReconciliationAcknowledged("remove", "A"))
    assert speech.outcome == "interrupted"
    effects = speech.tell(SessionMessageAdded("r", "late"))
    assert [type(effect) for effect in effects] == [ReportMessageSettled, RemoveMessages]


def test_4_the_server_is_waited_for_until_its_response_has_ended():
    speech = interrupted("A")
    speech.tell(OutputPlaybackFinished("A", 1000, True), SessionReconciliationAcknowledged("truncate", "A"))
    assert speech.state == "reconciling"
    speech.tell(SessionResponseEnded("r", "cancelled"))
    assert speech.outcome == "interrupted"


def test_4_between_two_messages_there_is_nothing_to_clear():
    speech = speaking("A")
    speech.tell(SessionMessageEnded("A"), OutputPlaybackFinished("A", 1000))
    effects = speech.tell(Interrupt())
    assert only(effects, CancelResponse, ClearOutput) == [CancelResponse("r")]
    assert speech.states == {"A": "played"}


def test_4_a_paused_speech_whose_last_message_ended_leaves_no_hold_behind():
    speech = paused("A", response_ended=True)
    effects = speech.tell(OutputPlaybackFinished("A", 1000))
    assert ResumeOutput() in effects
    assert speech.outcome == "completed"


def test_4_a_response_without_messages_ends_the_speech():
    speech = Transcript(Authorize(), SessionResponseCreated("r"), SessionResponseEnded("r"))
    assert speech.outcome == "completed"


def test_4_a_stall_ends_the_speech_and_a_fact_prevents_it():
    speech = waiting()
    speech.tell(TimerFired("stall"), SessionResponseEnded("r", "cancelled"))
    assert speech.outcome == "failed"
    speech = waiting("A")
    speech.tell(SessionAudioReceived("A", 2000), TimerFired("stall"))
    assert speech.state == "waiting"


@pytest.mark.parametrize("timer", ["stall", "stop", "reconcile"])
def test_4_a_timer_that_was_replaced_is_stale(timer):
    speech = speaking("A", response_ended=True)
    reply = speech.send(TimerFired(timer))
    assert (reply.kind, reply.reason) == ("ignored", "stale_timer")


def test_4_the_playout_timer_allows_for_what_is_still_to_be_played():
    speech = waiting("A", policy=Policy(playout_margin_ms=700))
    speech.tell(OutputAudioHandedOver("A", 1000), OutputPlaybackProgressed("A", 300), SessionMessageEnded("A"))
    assert speech.of(StartTimer)[-1] == StartTimer("playout", 1400)


# 5. What comes in


def test_5_a_rejection_names_event_state_reason_and_blame():
    reply = waiting("A").send(OutputPlaybackStarted("A"))
    assert (reply.event, reply.state, reply.reason, reply.blame) == (
        "output_playback_started",
        "streaming",
        "nothing_handed_over",
        "output",
    )
    assert reply.row.startswith("message.forwarding.output_playback_started#")
    assert "output_playback_started from the output rejected in streaming" in str(reply)


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        ("authorize", "unknown_event"),
        (None, "unknown_event"),
        (OutputPlaybackStarted("Z"), "unknown_message"),
        (SessionTextReceived("A", 7), "malformed_event"),
        (OutputPlaybackStarted(["A"]), "malformed_event"),
    ],
)
def test_5_what_belongs_to_no_cell_is_rejected(event, reason):
    reply = waiting("A").send(event)
    assert (reply.kind, reply.reason) == ("rejected", reason)


def test_5_authorizing_twice_is_a_race():
    reply = waiting("A").send(Authorize())
    assert (reply.kind, reply.reason) == ("ignored", "already_authorized")


def test_5_the_end_of_another_response_is_foreign():
    reply = waiting("A").send(SessionResponseEnded("other"))
    assert (reply.kind, reply.reason, reply.blame) == ("rejected", "foreign_response", "session")


# 7. What was heard


@pytest.mark.parametrize(
    ("position", "state", "heard_ms"), [(979, "partial", 979), (980, "played", 980), (5000, "played", 1000)]
)
def test_7_interrupted_within_a_frame_of_the_end_is_played(position, state, heard_ms):
    speech = interrupted("A", response_ended=True)
    speech.tell(OutputPlaybackFinished("A", position, True))
    assert (speech.record("A").state, speech.record("A").heard_ms) == (state, heard_ms)


def test_7_the_end_is_the_end_only_if_the_source_has_ended():
    speech = interrupted("A")
    speech.tell(OutputPlaybackFinished("A", 1000, True))
    assert speech.record("A").state == "partial"


def test_7_an_unmeasured_finish_after_a_clear_is_taken_at_its_word_if_flushed():
    speech = speaking("A", response_ended=True)
    speech.tell(Interrupt(), OutputPlaybackFinished("A", None, interrupted=False))
    assert speech.record("A").state == "played"


def test_7_a_finish_without_interruption_is_played_whatever_its_position():
    speech = speaking("A", response_ended=True)
    speech.tell(OutputPlaybackFinished("A", float("nan")))
    assert (speech.record("A").state, speech.record("A").heard_ms) == ("played", 1000)


def test_7_estimated_text_is_the_words_in_proportion_and_marked():
    speech = interrupted("A", policy=Policy(estimate_heard_text=True))
    speech.tell(OutputPlaybackFinished("A", 500, True))
    assert speech.of(CommitMessage) == [CommitMessage("A", "These are the", "estimated", True)]


def test_7_heard_without_any_text_is_committed_as_unknown():
    speech = Transcript(SessionResponseCreated("r"), Authorize())
    speech.tell(SessionMessageAdded("r", "A"), SessionAudioReceived("A", 500), SessionResponseEnded("r"))
    speech.play("A")
    assert speech.of(CommitMessage) == [CommitMessage("A", "", "unknown", False)]


# 8. The server


def test_8_a_text_that_was_cut_is_replaced_by_what_was_shown():
    speech = stopped_text()
    speech.tell(SessionTextReceived("T", " And more."), SessionResponseEnded("r", "cancelled"))
    assert speech.of(ReplaceMessage) == [ReplaceMessage("T", text_of("T"))]
    assert speech.record("T").generated_text == text_of("T") + " And more."
    speech.tell(SessionReconciliationAcknowledged("replace", "T"))
    assert speech.outcome == "interrupted"


def test_8_a_text_that_was_shown_whole_needs_no_request():
    speech = stopped_text()
    speech.tell(SessionResponseEnded("r", "cancelled"))
    assert not speech.of(ReplaceMessage)


def test_8_a_text_that_cannot_be_replaced_diverges():
    speech = stopped_text(capabilities=Capabilities(can_remove=False))
    speech.tell(SessionTextReceived("T", " And more."), SessionResponseEnded("r", "cancelled"))
    (divergence,) = speech.of(ReportDivergence)
    assert (divergence.cause, divergence.heard_text) == ("text_beyond_heard", text_of("T"))


def test_8_a_text_whose_source_never_ends_is_settled_by_the_timer_and_replaced():
    speech = stopped_text()
    speech.tell(TimerFired("stop"))
    assert (speech.record("T").state, speech.record("T").reason) == ("partial", "timed_out")
    assert speech.of(ReplaceMessage) == [ReplaceMessage("T", text_of("T"))]


def test_8_a_server_that_truncates_by_itself_is_not_asked_to():
    speech = interrupted("A", "B", capabilities=Capabilities(truncates_by_itself=True))
    effects = speech.tell(OutputPlaybackFinished("A", 400, True))
    assert only(effects, TruncateMessage, RemoveMessages) == [RemoveMessages(("B",))]


@pytest.mark.parametrize("operation", ["truncate", "remove"])
def test_8_an_unknown_message_leaves_nothing_unheard(operation):
    speech = interrupted("A", "B", response_ended=True)
    speech.tell(OutputPlaybackFinished("A", 400, True))
    message_id = "A" if operation == "truncate" else "B"
    effects = speech.tell(SessionReconciliationRefused(operation, message_id, "unknown_message"))
    assert not only(effects, ReportDivergence)
    assert speech.state == "reconciling"


def test_8_no_answer_in_time_is_a_divergence_for_each_request():
    speech = interrupted("A", "B", response_ended=True)
    speech.tell(OutputPlaybackFinished("A", 400, True))
    effects = speech.tell(TimerFired("reconcile"))
    assert [(d.message_id, d.cause) for d in only(effects, ReportDivergence)] == [
        ("A", "unanswered"),
        ("B", "unanswered"),
    ]
    assert speech.outcome == "interrupted"


def test_8_a_lost_session_remembers_nothing():
    speech = interrupted("A", "B")
    speech.tell(OutputPlaybackFinished("A", 400, True), SessionLost())
    assert not speech.of(ReportDivergence)
    assert speech.outcome == "interrupted"


def test_8_nothing_is_asked_twice():
    speech = interrupted("A", response_ended=True)
    speech.tell(OutputPlaybackFinished("A", 400, True), SessionReconciliationAcknowledged("truncate", "A"))
    again = speech.send(SessionReconciliationAcknowledged("truncate", "A"))
    assert (again.kind, again.reason) == ("ignored", "speech_is_over")


def test_8_an_answer_that_nobody_awaits_is_ignored():
    speech = interrupted("A")
    speech.tell(OutputPlaybackFinished("A", 400, True))
    reply = speech.send(SessionReconciliationAcknowledged("remove", "A"))
    assert (reply.kind, reply.reason) == ("ignored", "not_awaited")


def test_8_closing_a_queued_speech_forgets_its_messages():
    speech = queued("A", response_ended=True)
    effects = speech.tell(Close())
    assert only(effects, RemoveMessages) == [RemoveMessages(("A",))]
    assert speech.record("A").reason == "closed"


def test_8_an_output_that_fails_leaves_the_rest_to_be_forgotten():
    speech = speaking("A", *"BC", response_ended=True)
    effects = speech.tell(OutputPlaybackProgressed("A", 200), OutputFailed("A"))
    assert only(effects, TruncateMessage, RemoveMessages) == [TruncateMessage("A", 200), RemoveMessages(("B", "C"))]
