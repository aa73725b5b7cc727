"""How the messages of one response are played: one after the other, each with its own end (spec, section 2)."""

from __future__ import annotations

import pytest
from helpers import Transcript, audio_message, interrupted, only, queued, speaking, text_of, waiting

from speech_lifecycle.fsm import Capabilities
from speech_lifecycle.fsm.effects import (
    AnnounceAgentState,
    CommitMessage,
    FlushOutput,
    RemoveMessages,
    StartHandover,
    TruncateMessage,
)
from speech_lifecycle.fsm.events import (
    Authorize,
    Interrupt,
    OutputAudioHandedOver,
    OutputPlaybackFinished,
    OutputPlaybackStarted,
    SessionMessageAdded,
    SessionResponseCreated,
    SessionResponseEnded,
    SessionTextReceived,
)


def test_2_1_messages_are_played_one_after_the_other():
    transcript = waiting("a", "b", "c", response_ended=True)
    assert transcript.states == {"a": "streaming", "b": "pending", "c": "pending"}
    transcript.play("a")
    assert transcript.states == {"a": "played", "b": "streaming", "c": "pending"}
    transcript.play("b", "c")
    assert [effect.message_id for effect in transcript.of(StartHandover)] == ["a", "b", "c"]
    assert transcript.outcome == "completed"


def test_2_1_the_next_flush_waits_for_the_finish_of_the_last():
    transcript = waiting("a", "b", response_ended=True)
    transcript.play("a", "b")
    order = [(type(e).__name__, e.message_id) for e in transcript.of(StartHandover, FlushOutput, CommitMessage)]
    assert order == [
        ("StartHandover", "a"),
        ("FlushOutput", "a"),
        ("CommitMessage", "a"),
        ("StartHandover", "b"),
        ("FlushOutput", "b"),
        ("CommitMessage", "b"),
    ]


def test_2_1_the_next_message_starts_as_soon_as_it_is_announced_if_the_output_is_free():
    transcript = waiting()
    assert only(transcript.tell(SessionMessageAdded("r", "a")), StartHandover) == [StartHandover("a")]
    assert only(transcript.tell(SessionMessageAdded("r", "b")), StartHandover) == []


def test_2_2_a_played_message_is_committed_whole_under_its_own_id():
    transcript = speaking("a", "b", response_ended=True)
    effects = transcript.tell(OutputPlaybackFinished("a", 1000))
    assert only(effects, CommitMessage) == [CommitMessage("a", text_of("a"), "exact", interrupted=False)]


def test_2_2_a_partial_message_is_committed_as_interrupted():
    transcript = interrupted("a", "b")
    effects = transcript.tell(OutputPlaybackFinished("a", 400, interrupted=True, transcript="These are"))
    assert only(effects, CommitMessage) == [CommitMessage("a", "These are", "synchronized", interrupted=True)]


def test_2_2_a_partial_message_is_truncated_at_its_own_position_never_at_a_sum():
    transcript = speaking("a", "b", response_ended=True)
    transcript.tell(OutputPlaybackFinished("a", 1000), OutputAudioHandedOver("b", 1000), OutputPlaybackStarted("b"))
    effects = transcript.tell(Interrupt(), OutputPlaybackFinished("b", 300, interrupted=True))
    assert only(effects, TruncateMessage) == [TruncateMessage("b", 300)]


def test_2_2_a_skipped_message_is_dropped_locally_and_the_server_is_told_to_forget_it():
    transcript = interrupted("a", "b")
    transcript.tell(OutputPlaybackFinished("a", 400, interrupted=True))
    assert [commit.message_id for commit in transcript.of(CommitMessage)] == ["a"]
    assert transcript.of(RemoveMessages) == [RemoveMessages(("b",))]


def test_2_3_the_context_is_not_touched_if_nothing_was_skipped():
    transcript = interrupted("a")
    transcript.tell(OutputPlaybackFinished("a", 400, interrupted=True), SessionResponseEnded("r", "cancelled"))
    assert transcript.of(TruncateMessage) == [TruncateMessage("a", 400)]
    assert transcript.of(RemoveMessages) == []


def test_2_3_the_context_is_not_touched_without_an_interruption():
    transcript = waiting("a", "b", response_ended=True)
    transcript.play("a", "b")
    assert transcript.of(RemoveMessages, TruncateMessage) == []


def test_2_3_the_context_is_not_touched_if_it_cannot_be_changed():
    transcript = interrupted("a", "b", capabilities=Capabilities(can_remove=False))
    transcript.tell(OutputPlaybackFinished("a", 400, interrupted=True))
    assert transcript.of(RemoveMessages) == []


def test_2_4_speaking_is_announced_with_the_first_audible_frame_of_the_speech():
    transcript = waiting("a", "b", response_ended=True)
    assert AnnounceAgentState("speaking") not in transcript.effects
    transcript.tell(OutputAudioHandedOver("a", 1000))
    assert AnnounceAgentState("speaking") not in transcript.effects
    assert transcript.tell(OutputPlaybackStarted("a")) == (AnnounceAgentState("speaking"),)


def test_2_4_the_first_frames_of_later_messages_do_not_announce_it_again():
    transcript = waiting("a", "b", "c", response_ended=True)
    transcript.play("a", "b", "c")
    assert transcript.of(AnnounceAgentState) == [
        AnnounceAgentState("thinking"),
        AnnounceAgentState("speaking"),
        AnnounceAgentState("listening"),
    ]


def test_2_5_the_text_of_an_interrupted_message_is_what_the_output_synchronized():
    transcript = interrupted("a")
    transcript.tell(OutputPlaybackFinished("a", 400, interrupted=True, transcript="These are the"))
    assert transcript.record("a").heard_text == "These are the"


def test_2_5_without_a_synchronized_transcript_it_is_empty_not_the_full_text():
    transcript = interrupted("a")
    transcript.tell(OutputPlaybackFinished("a", 400, interrupted=True, transcript=None))
    assert transcript.record("a").heard_text == ""
    assert transcript.record("a").generated_text == text_of("a")


def test_2_5_without_an_audio_output_the_text_forwarded_so_far_counts():
    transcript = waiting("a", capabilities=Capabilities(plays_audio=False))
    transcript.tell(Interrupt(), SessionTextReceived("a", " And more."), SessionResponseEnded("r", "cancelled"))
    assert transcript.record("a").heard_text == text_of("a")
    assert transcript.record("a").state == "partial"


@pytest.mark.parametrize("status", ["failed", "incomplete"])
def test_2_6_an_error_of_the_stream_settles_what_was_processed(status):
    transcript = Transcript(SessionResponseCreated("r"), Authorize(), *audio_message("a"))
    transcript.tell(OutputAudioHandedOver("a", 1000), OutputPlaybackStarted("a"), SessionResponseEnded("r", status))
    transcript.tell(OutputPlaybackFinished("a", 1000))
    assert transcript.of(CommitMessage) == [CommitMessage("a", text_of("a"), "exact", interrupted=False)]
    assert transcript.outcome == {"failed": "failed", "incomplete": "completed"}[status]


def test_2_7_a_message_whose_first_frame_never_came_ends_all_the_same():
    transcript = queued("a", response_ended=True)
    transcript.tell(Authorize(), OutputAudioHandedOver("a", 1000), OutputPlaybackFinished("a", 1000))
    assert not transcript.message("a").has_started
    assert transcript.record("a").state == "played"
    assert transcript.outcome == "completed"
