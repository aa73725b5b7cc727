"""Bringing the server in line: each end state with each capability, and each answer (spec, section 8)."""

from __future__ import annotations

from itertools import product

import pytest
from helpers import Transcript, interrupted, only, speaking, text_message, text_of, waiting

from speech_lifecycle.fsm import Capabilities, step
from speech_lifecycle.fsm.codec import dump_speech
from speech_lifecycle.fsm.effects import RemoveMessages, ReplaceMessage, ReportDivergence, StartTimer, TruncateMessage
from speech_lifecycle.fsm.events import (
    Authorize,
    Event,
    Interrupt,
    OutputAudioHandedOver,
    OutputPlaybackFinished,
    OutputPlaybackStarted,
    SessionAudioReceived,
    SessionLost,
    SessionMessageAdded,
    SessionMessageEnded,
    SessionReconciliationAcknowledged,
    SessionReconciliationRefused,
    SessionResponseCreated,
    SessionResponseEnded,
    SessionResumed,
    SessionTextReceived,
    TimerFired,
)

REQUESTS = (TruncateMessage, RemoveMessages, ReplaceMessage, ReportDivergence)
CAPABILITIES = [
    Capabilities(can_truncate=can_truncate, can_remove=can_remove, truncates_by_itself=by_itself)
    for can_truncate, can_remove, by_itself in product((True, False), repeat=3)
]


def divergence(message_id: str, cause: str, heard_ms: int, detail: str = "") -> ReportDivergence:
    return ReportDivergence(message_id, cause, 1000, text_of(message_id), heard_ms, "", detail)


@pytest.mark.parametrize("capabilities", CAPABILITIES)
def test_played_asks_for_nothing(capabilities):
    transcript = waiting("a", response_ended=True, capabilities=capabilities)
    transcript.play("a")
    assert transcript.of(*REQUESTS) == []


@pytest.mark.parametrize("capabilities", CAPABILITIES)
@pytest.mark.parametrize("heard_ms", [1, 400])
def test_partial_is_truncated_where_it_was_heard(capabilities, heard_ms):
    transcript = interrupted("a", capabilities=capabilities)
    transcript.tell(OutputPlaybackFinished("a", heard_ms, interrupted=True))
    if capabilities.truncates_by_itself:
        assert transcript.of(*REQUESTS) == []
    elif capabilities.can_truncate:
        assert transcript.of(*REQUESTS) == [TruncateMessage("a", heard_ms)]
    else:
        assert transcript.of(*REQUESTS) == [divergence("a", "cannot_truncate", heard_ms)]


def test_audio_that_nothing_can_play_is_removed():
    transcript = waiting(capabilities=Capabilities(plays_audio=False))
    transcript.tell(SessionMessageAdded("r", "a"), SessionAudioReceived("a", 60), SessionResponseEnded("r"))
    assert transcript.states == {"a": "skipped"}
    assert transcript.of(*REQUESTS) == [RemoveMessages(("a",))]


@pytest.mark.parametrize("capabilities", CAPABILITIES)
def test_partial_at_0_and_skipped_are_removed_by_one_request(capabilities):
    transcript = interrupted("a", "b", "c", capabilities=capabilities)
    transcript.tell(OutputPlaybackFinished("a", 0, interrupted=True))
    assert transcript.states == {"a": "partial", "b": "skipped", "c": "skipped"}
    if capabilities.can_remove:
        assert transcript.of(*REQUESTS) == [RemoveMessages(("a", "b", "c"))]
    else:
        assert transcript.of(*REQUESTS) == [divergence(each, "cannot_remove", 0) for each in "abc"]


def test_no_more_is_kept_than_was_received():
    transcript = waiting("a")
    transcript.tell(OutputAudioHandedOver("a", 1500), OutputPlaybackFinished("a", 1200, interrupted=True))
    effects = transcript.tell(SessionResponseEnded("r"))
    assert only(effects, TruncateMessage) == [TruncateMessage("a", 1000)]


def test_truncations_come_before_the_removal():
    transcript = interrupted("a", "b")
    effects = transcript.tell(OutputPlaybackFinished("a", 400, interrupted=True))
    assert only(effects, *REQUESTS) == [TruncateMessage("a", 400), RemoveMessages(("b",))]


def asked() -> Transcript:
    """The response is over; one truncation and one removal are asked for."""
    transcript = interrupted("a", "b")
    transcript.tell(SessionResponseEnded("r", "cancelled"), OutputPlaybackFinished("a", 400, interrupted=True))
    return transcript


@pytest.mark.parametrize(
    ("operation", "message_id", "refusal", "diverges"),
    [
        ("truncate", "a", "already_shorter", False),
        ("truncate", "a", "unknown_message", False),
        ("truncate", "a", "other", True),
        ("remove", "b", "already_shorter", True),
        ("remove", "b", "unknown_message", False),
        ("remove", "b", "other", True),
    ],
)
def test_a_refusal_is_judged_by_what_it_means_and_is_never_fatal(operation, message_id, refusal, diverges):
    transcript = asked()
    transcript.tell(SessionReconciliationRefused(operation, message_id, refusal, "some_code", "in words"))
    heard_ms = transcript.record(message_id).heard_ms
    expected = [divergence(message_id, "refused", heard_ms, "some_code: in words")] if diverges else []
    assert transcript.of(ReportDivergence) == expected
    other = ("remove", "b") if operation == "truncate" else ("truncate", "a")
    transcript.tell(SessionReconciliationAcknowledged(*other))
    assert transcript.outcome == "interrupted"


def test_each_answer_is_awaited():
    transcript = asked()
    transcript.tell(SessionReconciliationAcknowledged("truncate", "a"))
    assert transcript.state == "reconciling"
    transcript.tell(SessionReconciliationAcknowledged("remove", "b"))
    assert transcript.outcome == "interrupted"


def test_no_answer_in_time_is_a_divergence_that_names_the_request():
    transcript = asked()
    transcript.tell(SessionReconciliationAcknowledged("remove", "b"), TimerFired("reconcile"))
    assert transcript.of(ReportDivergence) == [divergence("a", "unanswered", 400, "truncate")]
    assert transcript.outcome == "interrupted"


# What comes late: a later message has begun, so the end of the source was only a guess (spec, section 10: it counts)


def played_and_late(**options: object) -> Transcript:
    """A message was played, the next one is heard, and half a second more of the first came after that."""
    transcript = speaking("a", "b", **options)
    transcript.tell(OutputPlaybackFinished("a", 1000), SessionMessageEnded("b"))
    transcript.tell(OutputAudioHandedOver("b", 1000), OutputPlaybackStarted("b"), SessionAudioReceived("a", 1500))
    return transcript


def shown_and_next(**options: object) -> Transcript:
    """A text was shown whole, as far as is known, for the next message has begun."""
    transcript = waiting(**options)
    transcript.tell(*text_message("a"), SessionMessageAdded("r", "b"))
    assert transcript.states == {"a": "played", "b": "streaming"}
    return transcript


def stopped_and_next(**options: object) -> Transcript:
    """The same, but the text was stopped before the next message began."""
    transcript = waiting(**options)
    transcript.tell(*text_message("a"), Interrupt(), SessionMessageAdded("r", "b"))
    assert transcript.states == {"a": "partial", "b": "skipped"}
    return transcript


LATE = [
    (played_and_late, SessionAudioReceived("a", 1600)),
    (shown_and_next, SessionTextReceived("a", "late")),
    (stopped_and_next, SessionTextReceived("a", "late")),
]
HOW = ["audio played", "text shown", "text stopped"]
CUT = TruncateMessage("a", 1000)


def late_divergence(cause: str, detail: str = "") -> ReportDivergence:
    return ReportDivergence("a", cause, 1500, text_of("a"), 1000, text_of("a"), detail)


def test_late_audio_of_a_played_message_is_cut_when_all_is_played():
    transcript = played_and_late()
    assert transcript.of(*REQUESTS) == []
    transcript.tell(SessionResponseEnded("r"), OutputPlaybackFinished("b", 1000))
    assert transcript.of(*REQUESTS) == [CUT]
    transcript.tell(SessionReconciliationAcknowledged("truncate", "a"))
    assert transcript.outcome == "completed"


def test_late_audio_of_a_played_message_is_cut_when_the_response_of_an_interrupted_speech_ends():
    transcript = played_and_late()
    transcript.tell(Interrupt(), OutputPlaybackFinished("b", 400, interrupted=True))
    assert transcript.of(*REQUESTS) == [TruncateMessage("b", 400)]
    effects = transcript.tell(SessionResponseEnded("r", "cancelled"))
    assert effects == (CUT, StartTimer("reconcile", 5000)), "a new request has all the time there is for its answer"
    transcript.tell(SessionReconciliationAcknowledged("truncate", "b"))
    assert transcript.state == "reconciling"
    transcript.tell(SessionReconciliationAcknowledged("truncate", "a"))
    assert transcript.outcome == "interrupted"


def test_late_audio_counts_while_the_server_is_brought_in_line_and_is_cut_once():
    transcript = interrupted("a", "b")
    transcript.tell(OutputPlaybackFinished("a", 1000))
    transcript.tell(SessionAudioReceived("a", 1200), SessionAudioReceived("a", 1500))
    transcript.tell(SessionResponseEnded("r", "cancelled"))
    assert transcript.of(TruncateMessage) == [CUT]


def test_a_message_that_was_cut_in_its_last_frame_is_kept_as_long_as_it_was_received():
    transcript = interrupted("a", "b")
    transcript.tell(OutputPlaybackFinished("a", 990, interrupted=True), SessionAudioReceived("a", 1500))
    transcript.tell(SessionResponseEnded("r", "cancelled"))
    assert transcript.record("a").heard_ms == 990
    assert transcript.of(TruncateMessage) == [CUT]


@pytest.mark.parametrize("capabilities", CAPABILITIES)
@pytest.mark.parametrize("is_interrupted", [True, False])
def test_late_audio_is_cut_if_the_server_can_truncate(capabilities, is_interrupted):
    transcript = played_and_late(capabilities=capabilities)
    if is_interrupted:
        transcript.tell(Interrupt(), OutputPlaybackFinished("b", 1000, interrupted=True))
    transcript.tell(SessionResponseEnded("r"))
    if not is_interrupted:
        transcript.tell(OutputPlaybackFinished("b", 1000))
    if capabilities.truncates_by_itself:
        assert transcript.of(*REQUESTS) == []
    elif capabilities.can_truncate:
        assert transcript.of(*REQUESTS) == [CUT]
    else:
        assert transcript.of(*REQUESTS) == [late_divergence("cannot_truncate")]


@pytest.mark.parametrize("truncates_by_itself", [True, False])
def test_late_audio_of_a_response_that_does_not_end_is_a_divergence(truncates_by_itself):
    transcript = played_and_late(capabilities=Capabilities(truncates_by_itself=truncates_by_itself))
    transcript.tell(Interrupt(), OutputPlaybackFinished("b", 1000, interrupted=True), TimerFired("reconcile"))
    expected = [] if truncates_by_itself else [late_divergence("unanswered", "end of response")]
    assert transcript.of(*REQUESTS) == expected
    assert transcript.outcome == "interrupted"


def test_a_request_to_cut_late_audio_that_is_not_answered_is_a_divergence():
    transcript = played_and_late()
    transcript.tell(SessionResponseEnded("r"), OutputPlaybackFinished("b", 1000), TimerFired("reconcile"))
    assert transcript.of(ReportDivergence) == [late_divergence("unanswered", "truncate")]


# What comes of a message that had come to nothing: its own end was none


LATE_OF_NOTHING = [SessionAudioReceived("a", 500), SessionTextReceived("a", "These")]


def came_to_nothing(late: Event, **options: object) -> Transcript:
    """A message ends without any content, and content of it comes after that."""
    transcript = waiting(**options)
    transcript.tell(SessionMessageAdded("r", "a"), SessionMessageEnded("a"))
    assert transcript.record("a").reason == "no_content"
    transcript.tell(late)
    return transcript


@pytest.mark.parametrize("late", LATE_OF_NOTHING)
def test_what_comes_of_a_message_that_had_come_to_nothing_is_forgotten_when_the_response_ends(late):
    transcript = came_to_nothing(late)
    assert transcript.of(*REQUESTS) == []
    transcript.tell(SessionResponseEnded("r"))
    assert transcript.of(*REQUESTS) == [RemoveMessages(("a",))]
    transcript.tell(SessionReconciliationAcknowledged("remove", "a"))
    assert transcript.outcome == "completed"


@pytest.mark.parametrize("late", LATE_OF_NOTHING)
def test_what_comes_of_nothing_after_an_interruption_is_forgotten_as_well(late):
    transcript = waiting()
    transcript.tell(SessionMessageAdded("r", "a"), SessionMessageEnded("a"), Interrupt(), late)
    assert transcript.of(*REQUESTS) == []
    assert transcript.tell(SessionResponseEnded("r", "cancelled")) == (
        RemoveMessages(("a",)),
        StartTimer("reconcile", 5000),
    )


@pytest.mark.parametrize("late", LATE_OF_NOTHING)
def test_what_comes_of_nothing_and_stays_is_a_divergence(late):
    for capabilities, end, cause, detail in (
        (Capabilities(can_remove=False), SessionResponseEnded("r"), "cannot_remove", ""),
        (Capabilities(), TimerFired("reconcile"), "unanswered", "end of response"),
    ):
        transcript = came_to_nothing(late, capabilities=capabilities)
        transcript.tell(*(() if isinstance(end, SessionResponseEnded) else (Interrupt(),)), end)
        (said,) = transcript.of(*REQUESTS)
        assert (said.message_id, said.cause, said.detail) == ("a", cause, detail)


@pytest.mark.parametrize("end", [(SessionResponseEnded("r"),), (Interrupt(), TimerFired("reconcile"))])
def test_what_comes_of_nothing_is_in_nobodys_memory_out_of_band(end):
    transcript = Transcript(Authorize(), SessionResponseCreated("r", is_out_of_band=True))
    transcript.tell(SessionMessageAdded("r", "a"), SessionMessageEnded("a"), SessionAudioReceived("a", 500), *end)
    assert transcript.of(*REQUESTS) == []


def test_a_session_that_is_lost_remembers_nothing_late():
    transcript = played_and_late()
    transcript.tell(SessionLost(), OutputPlaybackFinished("b", 1000, interrupted=True))
    assert transcript.of(*REQUESTS) == []
    assert transcript.outcome == "failed"


@pytest.mark.parametrize("kept", [True, False])
def test_what_came_late_is_cut_when_a_session_that_was_lost_resumes_and_has_kept_it(kept):
    transcript = played_and_late()
    transcript.tell(Interrupt(), OutputPlaybackFinished("b", 400, interrupted=True))
    transcript.tell(SessionReconciliationAcknowledged("truncate", "b"), SessionLost(may_resume=True))
    told = transcript.tell(SessionResumed(kept))
    assert only(told, *REQUESTS) == ([CUT] if kept else [])


def test_a_speech_beside_the_conversation_that_is_stopped_waits_for_no_connection():
    transcript = Transcript()
    transcript.tell(Authorize(), SessionResponseCreated("r", is_out_of_band=True), SessionMessageAdded("r", "a"))
    transcript.tell(SessionAudioReceived("a", 1000), OutputAudioHandedOver("a", 1000), OutputPlaybackStarted("a"))
    transcript.tell(Interrupt(), SessionLost(may_resume=True), OutputPlaybackFinished("a", 400, interrupted=True))
    assert transcript.outcome == "interrupted"


def test_late_audio_changes_neither_record_nor_history():
    transcript = speaking("a", "b")
    transcript.tell(OutputPlaybackFinished("a", 1000))
    record = transcript.record("a")
    assert transcript.tell(SessionAudioReceived("a", 1500)) == ()
    assert transcript.record("a") == record
    assert (record.received_ms, transcript.message("a").received_ms) == (1000, 1500)


@pytest.mark.parametrize(("begin", "event"), LATE, ids=HOW)
def test_what_comes_late_leaves_the_snapshot_before_it_alone(begin, event):
    transcript = begin()
    before = dump_speech(transcript.speech)
    after, reply = step(transcript.speech, event)
    assert reply.kind == "handled"
    assert dump_speech(transcript.speech) == before != dump_speech(after)


@pytest.mark.parametrize(("begin", "event"), LATE, ids=HOW)
def test_nothing_counts_after_the_end_of_the_response(begin, event):
    transcript = begin()
    transcript.tell(SessionResponseEnded("r"))
    assert transcript.send(event).kind == "ignored"


def test_the_late_transcript_of_a_played_message_is_no_new_content():
    transcript = waiting("a", "b")
    transcript.play("a")
    assert transcript.send(SessionTextReceived("a", " And more.")).kind == "ignored"


def test_audio_of_a_text_that_was_shown_is_no_new_content():
    assert shown_and_next().send(SessionAudioReceived("a", 500)).kind == "ignored"


def test_no_more_audio_than_before_is_not_late():
    transcript = waiting("a", "b")
    transcript.play("a")
    assert transcript.send(SessionAudioReceived("a", 1000)).kind == "ignored"


@pytest.mark.parametrize("heard_ms", [0, 400])
def test_late_audio_of_what_is_truncated_or_removed_anyway_is_ignored(heard_ms):
    transcript = speaking("a", "b")
    transcript.tell(OutputPlaybackFinished("a", heard_ms, interrupted=True))
    assert transcript.states["a"] == "partial"
    assert transcript.send(SessionAudioReceived("a", 1500)).kind == "ignored"


def test_late_audio_is_a_fact_that_keeps_the_watchdog_waiting():
    transcript = speaking("a", "b")
    transcript.tell(OutputPlaybackFinished("a", 1000), SessionAudioReceived("a", 1500), TimerFired("stall"))
    assert transcript.state == "speaking"


@pytest.mark.parametrize("begin", [shown_and_next, stopped_and_next])
@pytest.mark.parametrize("can_remove", [True, False])
def test_late_text_is_replaced_by_what_was_shown_when_the_response_has_ended(begin, can_remove):
    transcript = begin(capabilities=Capabilities(can_remove=can_remove))
    transcript.tell(SessionTextReceived("a", " And "), SessionTextReceived("a", "more."))
    effects = transcript.tell(SessionResponseEnded("r"))
    if can_remove:
        assert only(effects, *REQUESTS) == [ReplaceMessage("a", text_of("a"))]
    else:
        late_text = text_of("a") + " And more."
        assert only(effects, *REQUESTS) == [ReportDivergence("a", "text_beyond_heard", 0, late_text, 0, text_of("a"))]


@pytest.mark.parametrize("begin", [shown_and_next, stopped_and_next])
def test_without_late_text_there_is_nothing_to_replace(begin):
    transcript = begin()
    transcript.tell(SessionTextReceived("a", ""), SessionResponseEnded("r"))
    assert transcript.of(ReplaceMessage, ReportDivergence) == []


def test_a_text_that_is_replaced_already_is_not_replaced_again():
    transcript = waiting()
    transcript.tell(*text_message("a"), Interrupt(), SessionTextReceived("a", " And more."))
    transcript.tell(SessionMessageAdded("r", "b"), SessionTextReceived("a", " And more still."))
    transcript.tell(SessionResponseEnded("r"))
    assert transcript.of(ReplaceMessage) == [ReplaceMessage("a", text_of("a"))]


def test_a_text_whose_end_never_came_is_not_replaced_again():
    transcript = waiting()
    transcript.tell(*text_message("a"), Interrupt(), TimerFired("stop"))
    assert transcript.of(ReplaceMessage) == [ReplaceMessage("a", text_of("a"))]
    transcript.tell(SessionTextReceived("a", " And more."), SessionResponseEnded("r"))
    assert len(transcript.of(ReplaceMessage)) == 1


@pytest.mark.parametrize(
    ("code", "text", "detail"),
    [("gone", "No such item.", "gone: No such item."), ("gone", "", "gone"), ("", "No.", "No."), ("", "", "")],
)
def test_a_refusal_is_reported_in_the_words_of_the_server(code, text, detail):
    transcript = interrupted("a")
    transcript.tell(OutputPlaybackFinished("a", 400, interrupted=True))
    (effect,) = only(
        transcript.tell(SessionReconciliationRefused("truncate", "a", "other", code, text)), ReportDivergence
    )
    assert (effect.cause, effect.detail) == ("refused", detail)


def test_a_text_that_goes_on_after_it_was_shown_is_reported_if_the_response_never_ends():
    transcript = waiting(capabilities=Capabilities(truncates_by_itself=True))
    transcript.tell(*text_message("a"), SessionMessageEnded("a"), SessionTextReceived("a", " And more."))
    transcript.tell(Interrupt(), TimerFired("reconcile"))
    assert [(effect.message_id, effect.cause) for effect in transcript.of(ReportDivergence)] == [("a", "unanswered")]


@pytest.mark.parametrize("is_lost", [False, True])
def test_a_message_of_another_response_is_foreign_to_a_speech_that_waits_for_the_server(is_lost):
    transcript = interrupted("a")
    transcript.tell(OutputPlaybackFinished("a", 400, interrupted=True), *([SessionLost(may_resume=True)] * is_lost))
    assert transcript.state == "reconciling"
    reply = transcript.send(SessionMessageAdded("other", "b"))
    assert (reply.kind, reply.reason) == ("rejected", "foreign_response")
