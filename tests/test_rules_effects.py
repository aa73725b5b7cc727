"""What goes out, and in which order (spec, section 6)."""

from __future__ import annotations

import pytest
from helpers import Transcript, audio_message, interrupted, only, paused, queued, speaking, text_message, waiting
from msgspec.structs import fields

from speech_lifecycle.fsm import Capabilities, Policy
from speech_lifecycle.fsm.effects import (
    EFFECT_TYPES,
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
    Pause,
    Resume,
    SessionAudioReceived,
    SessionLost,
    SessionMessageAdded,
    SessionMessageEnded,
    SessionResponseCreated,
    SessionResponseEnded,
    SessionTextReceived,
    TimerFired,
)
from speech_lifecycle.fsm.values import LARGEST

STOPS = [Interrupt(), Close(), SessionLost()]


def test_every_effect_is_an_immutable_value():
    for effect_type in EFFECT_TYPES:
        effect = effect_type(*("x" for _ in fields(effect_type)))
        assert effect == effect_type(*("x" for _ in fields(effect_type)))
        for field in fields(effect_type):
            with pytest.raises(AttributeError):
                setattr(effect, field.name, "y")


def test_no_delay_is_longer_than_every_language_can_count():
    """Section 5: integers are at most 2^53 - 1, those that go out included."""
    longest = Policy(playout_margin_ms=LARGEST, stall_timeout_ms=LARGEST)
    transcript = speaking("a", policy=longest, response_ended=True)
    delays = [effect.delay_ms for effect in only(transcript.effects, StartTimer)]
    assert len(delays) > 1
    assert set(delays) == {LARGEST}


@pytest.mark.parametrize("stop", STOPS, ids=lambda stop: type(stop).__name__)
def test_clear_comes_before_resume(stop):
    effects = paused("a").tell(stop)
    assert effects.index(ClearOutput("a")) < effects.index(ResumeOutput())


@pytest.mark.parametrize("stop", STOPS, ids=lambda stop: type(stop).__name__)
def test_a_confirmed_interruption_of_a_paused_speech_never_passes_through_speaking(stop):
    transcript = paused("a")
    effects = transcript.tell(stop, OutputPlaybackFinished("a", 400, interrupted=True))
    assert AnnounceAgentState("speaking") not in effects
    assert transcript.state in ("reconciling", "failed")


def test_a_hold_ends_with_the_output_that_broke_under_it():
    assert ResumeOutput() in paused("a").tell(OutputFailed("a"))


def test_pause_and_resume_are_performed_and_announced_once():
    transcript = speaking("a")
    assert transcript.tell(Pause())[:2] == (PauseOutput(), AnnounceAgentState("listening"))
    assert transcript.tell(Resume())[:2] == (ResumeOutput(), AnnounceAgentState("speaking"))
    assert len(transcript.of(PauseOutput, ResumeOutput)) == 2


def test_generation_is_cancelled_though_nothing_plays():
    transcript = waiting()
    assert CancelResponse("r") in transcript.tell(Interrupt())
    assert transcript.of(ClearOutput) == []


def test_playback_is_stopped_though_generation_is_over():
    transcript = speaking("a", response_ended=True)
    assert ClearOutput("a") in transcript.tell(Interrupt())
    assert transcript.of(CancelResponse) == []


def test_a_response_that_has_no_name_yet_is_cancelled_when_it_gets_one():
    transcript = Transcript(Authorize(), Interrupt())
    assert transcript.of(CancelResponse) == []
    assert CancelResponse("r") in transcript.tell(SessionResponseCreated("r"))


def test_a_response_is_cancelled_once():
    transcript = interrupted("a")
    for event in (Interrupt(), Close(), SessionResponseCreated("r")):
        transcript.send(event)
    assert transcript.of(CancelResponse) == [CancelResponse("r")]


def test_nothing_is_asked_of_a_session_that_is_lost():
    transcript = speaking("a", "b")
    transcript.tell(SessionLost(), OutputPlaybackFinished("a", 400, interrupted=True))
    assert transcript.state == "failed"
    assert transcript.of(CancelResponse, TruncateMessage, ReplaceMessage, RemoveMessages, ReportDivergence) == []


def test_a_message_is_reported_before_it_is_committed():
    effects = interrupted("a").tell(OutputPlaybackFinished("a", 400, interrupted=True))
    assert [type(effect) for effect in effects[:2]] == [ReportMessageSettled, CommitMessage]


def test_speech_done_tells_the_outcome_and_all_records_in_order():
    transcript = waiting("a", "b", response_ended=True)
    transcript.play("a", "b")
    done = ReportSpeechDone("completed", (transcript.record("a"), transcript.record("b")))
    assert transcript.of(ReportSpeechDone) == [done]


def test_an_interruption_asks_for_the_report_within_a_time():
    assert StartTimer("stop", 1000) in speaking("a").tell(Interrupt())


def test_a_queued_speech_touches_nothing_but_the_server():
    transcript = queued("a")
    transcript.tell(SessionResponseEnded("r"), Interrupt())
    wanted = {"ReportMessageSettled", "RemoveMessages", "StartTimer"}
    assert {type(effect).__name__ for effect in transcript.effects} == wanted


def test_a_session_that_is_lost_while_the_server_is_asked_ends_the_speech():
    transcript = interrupted("a")
    transcript.tell(OutputPlaybackFinished("a", 400, interrupted=True))
    assert transcript.state == "reconciling"
    transcript.tell(SessionLost())
    assert transcript.outcome == "interrupted"


def test_a_session_that_is_lost_before_the_speech_has_the_floor_ends_it():
    transcript = queued()
    transcript.tell(SessionLost())
    assert transcript.outcome == "failed"


def test_an_announcement_behind_a_message_that_plays_starts_no_timer():
    transcript = speaking("a", response_ended=False)
    assert transcript.tell(SessionMessageAdded("r", "b")) == (FlushOutput("a"), StartTimer("playout", 1000 + 2000))
    assert transcript.tell(SessionMessageAdded("r", "c")) == ()


def test_the_end_of_a_response_is_no_fact_that_comes_after_the_flush_it_causes():
    transcript = waiting()
    transcript.tell(SessionMessageAdded("r", "a"), SessionMessageAdded("r", "b"), SessionMessageEnded("b"))
    transcript.tell(SessionAudioReceived("a", 100), OutputAudioHandedOver("a", 100))
    assert FlushOutput("a") in transcript.tell(SessionResponseEnded("r"))
    assert ClearOutput("a") in transcript.tell(TimerFired("playout"))


def test_the_source_is_watched_from_the_announcement_of_a_message_and_again_from_its_end():
    transcript = waiting()
    assert transcript.tell(SessionMessageAdded("r", "a")) == (StartHandover("a"), StartTimer("stall", 30_000))
    transcript.tell(SessionAudioReceived("a", 100), SessionMessageEnded("a"), OutputAudioHandedOver("a", 100))
    assert StartTimer("stall", 30_000) in transcript.tell(OutputPlaybackFinished("a", 100))


def test_what_came_to_nothing_is_removed_under_a_hold_too():
    transcript = waiting()
    transcript.tell(SessionMessageAdded("r", "a"), SessionTextReceived("a", "Yes."), Pause())
    assert RemoveMessages(("a",)) in transcript.tell(SessionResponseEnded("r"))


def test_the_server_is_brought_in_line_before_the_agent_listens():
    transcript = waiting(capabilities=Capabilities(can_remove=False))
    transcript.tell(SessionMessageAdded("r", "a"), SessionTextReceived("a", "Yes."))
    effects = only(transcript.tell(SessionResponseEnded("r")), ReportDivergence, AnnounceAgentState)
    assert [type(effect) for effect in effects] == [ReportDivergence, AnnounceAgentState]


@pytest.mark.parametrize("heard", [True, False])
def test_the_end_of_a_hold_is_announced_before_the_next_message_is_taken(heard):
    transcript = paused("a") if heard else waiting()
    transcript.tell(OutputPlaybackFinished("a", 400, interrupted=True) if heard else Pause())
    transcript.tell(*text_message("b"), SessionMessageEnded("b"))
    effects = only(transcript.tell(Resume()), AnnounceAgentState, ReportMessageSettled)
    assert [type(effect) for effect in effects] == [AnnounceAgentState, ReportMessageSettled]


def test_the_floor_is_announced_before_the_first_message_is_taken():
    transcript = queued()
    transcript.tell(*text_message("b"), SessionMessageEnded("b"))
    effects = only(transcript.tell(Authorize()), AnnounceAgentState, ReportMessageSettled)
    assert [type(effect) for effect in effects] == [AnnounceAgentState, ReportMessageSettled]


def test_the_response_is_watched_from_every_message_that_settles_at_once_and_when_none_is_left():
    transcript = queued()
    for message_id in ("a", "b"):
        transcript.tell(*text_message(message_id), SessionMessageEnded(message_id))
    assert only(transcript.tell(Authorize()), StartTimer, CancelTimer) == [StartTimer("stall", 30_000)] * 3


def test_a_message_that_settles_at_once_after_the_response_ends_the_timer_of_the_one_before():
    transcript = speaking("a")
    transcript.tell(*text_message("b"), *audio_message("c"), SessionResponseEnded("r"))
    effects = transcript.tell(OutputPlaybackFinished("a", 1000))
    assert only(effects, StartTimer, CancelTimer) == [CancelTimer("playout"), StartTimer("stall", 30_000)]
