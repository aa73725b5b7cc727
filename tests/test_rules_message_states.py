"""The states of a message, and the record it ends with (spec, section 3)."""

from __future__ import annotations

from typing import get_args

import pytest
from helpers import (
    Transcript,
    audio_message,
    interrupted,
    paused,
    queued,
    speaking,
    text_message,
    text_of,
    waiting,
)

from speech_lifecycle.fsm import Capabilities, MessageRecord
from speech_lifecycle.fsm.compile.definition import definition
from speech_lifecycle.fsm.effects import ClearOutput, FlushOutput, ReportMessageSettled, StartHandover
from speech_lifecycle.fsm.events import (
    Authorize,
    Close,
    Interrupt,
    OutputAudioHandedOver,
    OutputFailed,
    OutputPlaybackFinished,
    OutputPlaybackProgressed,
    OutputPlaybackStarted,
    SessionAudioReceived,
    SessionItemAdded,
    SessionLost,
    SessionMessageAdded,
    SessionMessageEnded,
    SessionResponseCreated,
    SessionResponseEnded,
    SessionTextReceived,
    TimerFired,
)
from speech_lifecycle.fsm.values import Reason


def test_there_are_five_states_and_forwarding_has_three_substates():
    chart = definition().message
    assert [node.id for node in chart.states if node.parent is None] == [
        "pending",
        "forwarding",
        "played",
        "partial",
        "skipped",
    ]
    assert [node.id for node in chart.states if node.parent == "forwarding"] == ["streaming", "draining", "stopping"]
    assert [node.id for node in chart.states if node.is_final] == ["played", "partial", "skipped"]


def test_a_message_is_pending_until_its_turn():
    assert queued("a", "b").states == {"a": "pending", "b": "pending"}


def test_it_is_streaming_while_its_audio_is_handed_over():
    transcript = waiting("a", response_ended=True)
    assert transcript.of(StartHandover) == [StartHandover("a")]
    transcript.tell(OutputAudioHandedOver("a", 999))
    assert transcript.message("a").state == "streaming"


def test_it_is_draining_when_all_is_handed_over_and_flushed():
    transcript = waiting("a", response_ended=True)
    assert FlushOutput("a") in transcript.tell(OutputAudioHandedOver("a", 1000))
    assert transcript.message("a").state == "draining"


def test_it_is_not_flushed_while_more_may_come():
    transcript = waiting("a")
    transcript.tell(OutputAudioHandedOver("a", 1000))
    assert transcript.message("a").state == "streaming"
    assert FlushOutput("a") in transcript.tell(SessionMessageEnded("a"))


def test_audio_that_arrives_while_it_drains_makes_it_stream_again():
    transcript = waiting("a", response_ended=True)
    transcript.tell(OutputAudioHandedOver("a", 1000), SessionAudioReceived("a", 1200))
    assert transcript.message("a").state == "streaming"


def test_the_second_flush_waits_for_the_finish_of_the_first():
    transcript = waiting("a", response_ended=True)
    transcript.tell(OutputAudioHandedOver("a", 1000), SessionAudioReceived("a", 1200), OutputAudioHandedOver("a", 1200))
    assert transcript.of(FlushOutput) == [FlushOutput("a")]
    transcript.tell(OutputPlaybackFinished("a", 1000))
    assert transcript.of(FlushOutput) == [FlushOutput("a")] * 2
    transcript.tell(OutputPlaybackFinished("a", 1200))
    assert transcript.record("a").heard_ms == 1200


def test_it_is_stopping_while_the_report_after_a_clear_is_awaited():
    transcript = speaking("a")
    assert ClearOutput("a") in transcript.tell(Interrupt())
    assert transcript.message("a").state == "stopping"


def test_a_message_of_which_the_output_had_nothing_needs_no_clear():
    transcript = waiting("a")
    transcript.tell(Interrupt())
    assert transcript.of(ClearOutput) == []
    assert transcript.message("a").state == "skipped"


def test_a_record_says_what_was_generated_and_what_was_heard():
    transcript = interrupted("a")
    transcript.tell(OutputPlaybackFinished("a", 400, interrupted=True, transcript="These are"))
    record = MessageRecord("a", "partial", "interrupted", 400, 1000, text_of("a"), "These are", "synchronized")
    assert transcript.record("a") == record
    assert transcript.of(ReportMessageSettled) == [ReportMessageSettled(record)]


def test_a_played_record_is_heard_in_full():
    transcript = waiting("a", response_ended=True)
    transcript.play("a")
    assert transcript.record("a") == MessageRecord(
        "a", "played", "finished", 1000, 1000, text_of("a"), text_of("a"), "exact"
    )


def test_a_skipped_record_is_exactly_nothing():
    transcript = interrupted("a", "b")
    transcript.tell(OutputPlaybackFinished("a", 400, interrupted=True))
    assert transcript.record("b") == MessageRecord("b", "skipped", "interrupted", 0, 1000, text_of("b"), "", "exact")


def finished() -> Transcript:
    transcript = waiting("a", response_ended=True)
    transcript.play("a")
    return transcript


def stopped() -> Transcript:
    transcript = interrupted("a")
    transcript.tell(OutputPlaybackFinished("a", 400, interrupted=True))
    return transcript


def cleared() -> Transcript:
    transcript = speaking("a")
    transcript.tell(OutputPlaybackFinished("a", 400, interrupted=True))
    return transcript


def closed() -> Transcript:
    transcript = speaking("a")
    transcript.tell(Close(), OutputPlaybackFinished("a", 400, interrupted=True))
    return transcript


def output_failed() -> Transcript:
    transcript = speaking("a")
    transcript.tell(OutputFailed("a"), OutputPlaybackFinished("a", 400, interrupted=True))
    return transcript


def source_failed() -> Transcript:
    transcript = speaking("a")
    transcript.tell(SessionLost(), OutputPlaybackFinished("a", 400, interrupted=True))
    return transcript


def timed_out() -> Transcript:
    transcript = interrupted("a")
    transcript.tell(TimerFired("stop"))
    return transcript


def never_authorized() -> Transcript:
    transcript = queued("a")
    transcript.tell(Interrupt())
    return transcript


def no_content() -> Transcript:
    transcript = waiting()
    transcript.tell(SessionMessageAdded("r", "a"), SessionMessageEnded("a"))
    return transcript


def not_shown() -> Transcript:
    screenless = Capabilities(shows_text=False)
    transcript = Transcript(SessionResponseCreated("r"), Authorize(), *text_message("a"), capabilities=screenless)
    transcript.tell(SessionMessageEnded("a"))
    return transcript


REASONS = [
    finished,
    stopped,
    cleared,
    closed,
    output_failed,
    source_failed,
    timed_out,
    never_authorized,
    no_content,
    not_shown,
]


@pytest.mark.parametrize("end", REASONS, ids=lambda end: end.__name__)
def test_a_record_names_the_reason(end):
    reason = {"stopped": "interrupted"}.get(end.__name__, end.__name__)
    assert end().record("a").reason == reason


def test_every_reason_has_its_test():
    assert {end().record("a").reason for end in REASONS} == set(get_args(Reason))


def test_a_message_that_was_never_pulled_ends():
    transcript = interrupted("a", "b", "c")
    transcript.tell(OutputPlaybackFinished("a", 400, interrupted=True))
    assert transcript.states == {"a": "partial", "b": "skipped", "c": "skipped"}


def test_a_message_announced_after_the_interruption_ends():
    transcript = interrupted("a")
    transcript.tell(*audio_message("late"), OutputPlaybackFinished("a", 400, interrupted=True))
    assert transcript.states == {"a": "partial", "late": "skipped"}


def test_a_message_announced_while_the_server_is_brought_in_line_ends():
    transcript = stopped()
    assert transcript.state == "reconciling"
    transcript.tell(SessionMessageAdded("r", "late"))
    assert transcript.record("late").reason == "interrupted"


def test_a_message_announced_during_shutdown_ends():
    transcript = speaking("a")
    transcript.tell(Close(), SessionMessageAdded("r", "late"), OutputPlaybackFinished("a", 400, interrupted=True))
    assert transcript.record("late").reason == "closed"


def test_a_message_announced_after_the_end_ends():
    transcript = finished()
    transcript.tell(SessionMessageAdded("r", "late"))
    assert transcript.record("late").state == "skipped"


def test_final_states_are_final():
    transcript = finished()
    before = transcript.record("a")
    for event in (
        SessionTextReceived("a", "more"),
        SessionAudioReceived("a", 2000),
        OutputPlaybackProgressed("a", 10),
        OutputPlaybackFinished("a", 10, interrupted=True),
        OutputFailed("a"),
    ):
        assert transcript.send(event).kind == "ignored"
    assert transcript.record("a") == before


def test_a_text_only_message_is_played_when_its_text_is_complete():
    transcript = Transcript(SessionResponseCreated("r"), Authorize(), *text_message("a"))
    assert transcript.message("a").state == "streaming"
    transcript.tell(SessionMessageEnded("a"))
    assert transcript.record("a").state == "played"
    assert transcript.record("a").heard_text == text_of("a")
    assert transcript.of(FlushOutput) == []


def test_a_text_only_message_that_is_interrupted_waits_for_the_end_of_its_source():
    transcript = Transcript(SessionResponseCreated("r"), Authorize(), *text_message("a"))
    transcript.tell(Interrupt())
    assert transcript.message("a").state == "stopping"
    transcript.tell(SessionTextReceived("a", " And more."), SessionResponseEnded("r", "cancelled"))
    assert transcript.record("a").state == "partial"
    assert transcript.record("a").heard_text == text_of("a")
    assert transcript.record("a").generated_text == text_of("a") + " And more."


def test_audio_makes_it_an_audio_message_whatever_was_announced():
    transcript = Transcript(SessionResponseCreated("r"), Authorize(), SessionMessageAdded("r", "a", ("text",)))
    transcript.tell(SessionAudioReceived("a", 500), SessionMessageEnded("a"), OutputAudioHandedOver("a", 500))
    assert transcript.message("a").state == "draining"


def test_no_audio_makes_it_none():
    transcript = Transcript(SessionResponseCreated("r"), Authorize(), *text_message("a"))
    transcript.tell(SessionAudioReceived("a", 0), SessionMessageEnded("a"))
    assert transcript.record("a").state == "played"


def test_audio_that_comes_after_its_text_was_shown_and_stopped_takes_nothing_back():
    transcript = Transcript(SessionResponseCreated("r"), Authorize(), *text_message("a"))
    transcript.tell(Interrupt(), SessionAudioReceived("a", 500), SessionResponseEnded("r", "cancelled"))
    assert transcript.record("a").state == "partial"
    assert transcript.record("a").heard_text == text_of("a")


def test_a_paused_message_ends_too():
    transcript = paused("a", response_ended=True)
    transcript.tell(OutputPlaybackFinished("a", 1000))
    assert transcript.record("a").state == "played"


def test_all_messages_end_in_the_order_of_their_announcement():
    transcript = speaking("a", "b", "c", response_ended=True)
    transcript.tell(OutputPlaybackFinished("a", 1000), OutputAudioHandedOver("b", 500), OutputPlaybackStarted("b"))
    transcript.tell(Interrupt(), OutputPlaybackFinished("b", 200, interrupted=True))
    assert [effect.record.message_id for effect in transcript.of(ReportMessageSettled)] == ["a", "b", "c"]


def test_of_a_message_announced_after_its_response_has_ended_nothing_more_is_awaited():
    transcript = Transcript(SessionResponseCreated("r"), SessionResponseEnded("r"), SessionMessageAdded("r", "a"))
    transcript.tell(Authorize())
    assert transcript.states == {"a": "skipped"}
    assert transcript.speech.state == "completed"


# Another item of the response, which is no message


def test_a_later_item_ends_a_message_that_has_content_and_no_other():
    transcript = waiting("a")
    transcript.tell(SessionMessageAdded("r", "b"), SessionTextReceived("b", "Hi"), SessionItemAdded("r"))
    assert transcript.message("a").source_has_ended
    assert not transcript.message("b").source_has_ended, "of its audio nothing has come yet"


def test_a_message_that_got_its_content_late_is_ended_by_the_next_item():
    transcript = waiting()
    transcript.tell(SessionMessageAdded("r", "a"), SessionItemAdded("r"), SessionAudioReceived("a", 500))
    assert not transcript.message("a").source_has_ended
    transcript.tell(SessionItemAdded("r"))
    assert transcript.message("a").source_has_ended


def test_a_text_that_is_being_stopped_is_settled_by_a_later_item():
    transcript = waiting()
    transcript.tell(*text_message("a"), Interrupt(), SessionItemAdded("r"))
    assert transcript.record("a").state == "partial"


def test_an_item_after_the_end_or_of_another_response_changes_nothing():
    transcript = waiting("a", response_ended=True)
    assert transcript.send(SessionItemAdded("r")).reason == "already_ended"
    assert transcript.send(SessionItemAdded("other")).reason == "foreign_response"
