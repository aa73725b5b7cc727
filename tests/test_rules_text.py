"""What is shown as text: it cannot be truncated, so it is replaced (spec, sections 3 and 8)."""

from __future__ import annotations

from helpers import Transcript, text_message, text_of, waiting

from speech_lifecycle.fsm import Capabilities
from speech_lifecycle.fsm.effects import (
    AnnounceAgentState,
    CommitMessage,
    FlushOutput,
    ReplaceMessage,
    ReportDivergence,
)
from speech_lifecycle.fsm.events import (
    Authorize,
    Interrupt,
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
