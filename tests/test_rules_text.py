"""What is shown as text: it cannot be truncated, so it is replaced (spec, sections 3 and 8)."""

from __future__ import annotations

from helpers import Transcript, text_message, text_of, waiting

from speech_lifecycle.fsm import Capabilities
from speech_lifecycle.fsm.effects import (
    AnnounceAgentState,
    CommitMessage,
    FlushOutput,
    RemoveMessages,
    ReplaceMessage,
    ReportDivergence,
)
from speech_lifecycle.fsm.events import (
    Authorize,
    Interrupt,
    OutputAudioHandedOver,
    OutputPlaybackFinished,
    SessionAudioReceived,
    SessionMessageAdded,
    SessionMessageEnded,
    SessionReconciliationAcknowledged,
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


def test_a_text_is_played_when_its_source_ends():
    speech = Transcript(SessionResponseCreated("r"), Authorize(), *text_message("T"))
    assert speech.states == {"T": "streaming"}
    speech.tell(SessionMessageEnded("T"))
    assert speech.of(CommitMessage) == [CommitMessage("T", text_of("T"), "exact", False)]


def test_without_an_audio_output_the_text_is_what_reaches_the_user():
    speech = waiting("A", capabilities=Capabilities(plays_audio=False), response_ended=True)
    assert speech.record("A").state == "played"
    assert not speech.of(FlushOutput)
    assert AnnounceAgentState("speaking") not in speech.effects


def test_two_texts_are_shown_one_after_the_other():
    speech = Transcript(SessionResponseCreated("r"), Authorize(), *text_message("T"), *text_message("U"))
    speech.tell(SessionResponseEnded("r"))
    assert [c.message_id for c in speech.of(CommitMessage)] == ["T", "U"]
    assert speech.outcome == "completed"


def test_a_text_that_was_cut_is_replaced_by_what_was_shown():
    speech = stopped_text()
    speech.tell(SessionTextReceived("T", " And more."), SessionResponseEnded("r", "cancelled"))
    assert speech.of(ReplaceMessage) == [ReplaceMessage("T", text_of("T"))]
    assert speech.record("T").generated_text == text_of("T") + " And more."
    speech.tell(SessionReconciliationAcknowledged("replace", "T"))
    assert speech.outcome == "interrupted"


def test_a_text_that_was_shown_whole_needs_no_request():
    speech = stopped_text()
    speech.tell(SessionResponseEnded("r", "cancelled"))
    assert not speech.of(ReplaceMessage)


def test_a_text_that_cannot_be_replaced_diverges():
    speech = stopped_text(capabilities=Capabilities(can_remove=False))
    speech.tell(SessionTextReceived("T", " And more."), SessionResponseEnded("r", "cancelled"))
    (divergence,) = speech.of(ReportDivergence)
    assert (divergence.cause, divergence.heard_text) == ("text_beyond_heard", text_of("T"))


def test_a_text_whose_source_never_ends_is_settled_by_the_timer_and_replaced():
    speech = stopped_text()
    speech.tell(TimerFired("stop"))
    assert (speech.record("T").state, speech.record("T").reason) == ("partial", "timed_out")
    assert speech.of(ReplaceMessage) == [ReplaceMessage("T", text_of("T"))]


# Text and audio of one message

TEXT_FIRST = (
    SessionMessageAdded("r", "T", ("text",)),
    SessionTextReceived("T", "Hello"),
    SessionAudioReceived("T", 500),
)


def test_a_text_that_was_shown_stays_one_though_audio_of_it_arrives():
    speech = Transcript(SessionResponseCreated("r"), Authorize(), *TEXT_FIRST, Interrupt())
    speech.tell(SessionResponseEnded("r", "cancelled"))
    record = speech.record("T")
    assert (record.state, record.heard_text, record.heard_text_status) == ("partial", "Hello", "exact")
    assert speech.of(CommitMessage) == [CommitMessage("T", "Hello", "exact", True)]
    assert not speech.of(RemoveMessages, ReplaceMessage), "the server remembers what was shown"


def test_a_text_that_was_shown_is_played_when_its_source_ends_though_audio_of_it_arrived():
    speech = Transcript(SessionResponseCreated("r"), Authorize(), *TEXT_FIRST, SessionResponseEnded("r"))
    assert speech.of(CommitMessage) == [CommitMessage("T", "Hello", "exact", False)]
    assert not speech.of(FlushOutput)
    assert speech.outcome == "completed"


def test_what_is_shown_after_the_audio_arrived_was_shown_too():
    speech = Transcript(SessionResponseCreated("r"), Authorize(), *TEXT_FIRST, SessionTextReceived("T", ", you."))
    speech.tell(Interrupt(), SessionTextReceived("T", " And more."), SessionResponseEnded("r", "cancelled"))
    assert speech.record("T").heard_text == "Hello, you."
    assert speech.of(ReplaceMessage) == [ReplaceMessage("T", "Hello, you.")]


def test_of_a_text_that_was_shown_no_audio_is_handed_over():
    speech = Transcript(SessionResponseCreated("r"), Authorize(), *TEXT_FIRST)
    speech.send(OutputAudioHandedOver("T", 500))
    assert speech.message("T").handed_over_ms == 0
    assert not speech.message("T").expects_audio


def test_a_text_that_nobody_has_seen_yet_becomes_the_transcript_of_its_audio():
    speech = Transcript(SessionResponseCreated("r"), *TEXT_FIRST, SessionMessageEnded("T"), Authorize())
    speech.tell(OutputAudioHandedOver("T", 500), SessionResponseEnded("r"), OutputPlaybackFinished("T", 500))
    record = speech.record("T")
    assert (record.state, record.heard_ms, record.heard_text) == ("played", 500, "Hello")


def test_a_text_message_of_which_audio_comes_first_is_an_audio_message():
    added, text, audio = TEXT_FIRST
    speech = Transcript(SessionResponseCreated("r"), Authorize(), added, audio, text, Interrupt())
    assert speech.record("T").state == "skipped", "nothing of it was handed over"
    assert speech.of(RemoveMessages) == [RemoveMessages(("T",))]


def test_no_audio_is_no_reason_to_take_a_text_for_an_audio_message():
    added, text, _ = TEXT_FIRST
    speech = Transcript(
        SessionResponseCreated("r"), Authorize(), added, SessionAudioReceived("T", 0), text, Interrupt()
    )
    assert speech.message("T").shown_text == "Hello"


def test_without_an_audio_output_audio_changes_nothing():
    speech = Transcript(
        SessionResponseCreated("r"), Authorize(), *TEXT_FIRST, Interrupt(), capabilities=Capabilities(plays_audio=False)
    )
    speech.tell(SessionResponseEnded("r", "cancelled"))
    assert speech.record("T").heard_text == "Hello"
