"""What history says (H), and what a text is worth that nobody saw or that nobody can have heard (N14, N23)."""

from __future__ import annotations

from speech_lifecycle.fsm import events as ev
from speech_lifecycle.fsm.values import Capabilities, Policy

from .story import (
    CANCELLED,
    ENDED,
    MS,
    Story,
    arrived,
    cut,
    handed_over,
    interrupted,
    kept,
    played,
    removed,
    speaking,
    waiting,
)

_ESTIMATES = Policy(estimate_heard_text=True)

STORIES = (
    Story(
        "H1",
        "part_of_the_words",
        "Words enter history that nobody spoke.",
        (*interrupted("A"), cut("A", 500, "These are"), CANCELLED, kept("A")),
    ),
    Story(
        "H2",
        "no_word_yet",
        "The empty transcript is taken for a missing one, and the whole text is committed.",
        (*interrupted("A"), cut("A", 500, "")),
        policy=_ESTIMATES,
    ),
    Story(
        "H3",
        "without_a_transcript",
        "What was heard is dropped from history because its words are not known.",
        (*interrupted("A"), cut("A", 500)),
    ),
    Story(
        "H4",
        "held_before_the_first_frame",
        "A reply that was heard is not recorded.",
        (*waiting("A", ended=True), ev.Pause(), ev.Resume(), *played("A")),
    ),
    Story(
        "H4",
        "the_first_frame_comes_while_it_is_held",
        "The agent never counts as speaking, and the reply is not recorded.",
        (
            *handed_over("A", ended=True),
            ev.Pause(),
            ev.OutputPlaybackStarted("A"),
            ev.Resume(),
            ev.OutputPlaybackFinished("A", MS),
        ),
    ),
    Story(
        "H5",
        "no_start_was_reported",
        "An interrupted reply is dropped although its position shows that it was heard.",
        (*handed_over("A"), ev.Interrupt(), cut("A", 300)),
    ),
    Story(
        "H5",
        "the_finish_is_the_first_evidence",
        "The agent never counts as speaking.",
        (*handed_over("A", ended=True), ev.OutputPlaybackFinished("A", MS)),
    ),
    Story(
        "H6",
        "closed_while_playing",
        "The last turn of a call is lost.",
        (*speaking("A", "B"), ev.Close(), cut("A", 600), CANCELLED),
    ),
    Story(
        "H7",
        "not_interrupted_says_the_output",
        "An interrupted reply enters history in full.",
        (*speaking("A", ended=True), ev.Interrupt(), ev.OutputPlaybackFinished("A", 400), kept("A")),
    ),
    Story(
        "H8",
        "a_transcript_of_another",
        "The words of one message are committed as those of the next.",
        (
            *speaking("A", "B", ended=True),
            ev.OutputPlaybackFinished("A", MS, transcript="the words of A"),
            ev.OutputAudioHandedOver("B", MS),
            ev.OutputPlaybackStarted("B"),
            ev.Interrupt(),
            cut("A", MS, "the words of A"),
            cut("B", 200, "of B"),
        ),
    ),
    Story(
        "H9",
        "a_start_of_another",
        "A message counts as heard because another one began.",
        (
            *speaking("A", "B", ended=True),
            ev.OutputPlaybackFinished("A", MS),
            ev.OutputAudioHandedOver("B", MS),
            ev.OutputPlaybackStarted("A"),
            ev.Interrupt(),
            cut("B", None),
        ),
    ),
    Story(
        "H10",
        "two_texts",
        "What the model generated is lost with what was cut.",
        (*interrupted("A"), cut("A", 500, "These")),
    ),
    Story(
        "H11",
        "not_before_it_is_final",
        "A text is in history before it is heard, and stays when it is not.",
        (*speaking("A", ended=True), ev.OutputPlaybackFinished("A", MS)),
    ),
    Story(
        "H12",
        "the_output_breaks",
        "A message counts as played in full although the output broke.",
        (
            *speaking("A", "B"),
            ev.OutputPlaybackProgressed("A", 300),
            ev.OutputFailed("A", "gone"),
            ev.TimerFired("stop"),
        ),
    ),
    Story(
        "H13",
        "cleared_by_somebody_else",
        "A message counts as played in full although somebody cleared the output.",
        (*speaking("A", "B", ended=True), cut("A", 400), *played("B"), kept("A")),
    ),
    Story(
        "N14",
        "no_screen",
        "What nobody could see is in history as heard.",
        (ev.SessionResponseCreated("r"), ev.Authorize(), *arrived("A", modality="text"), ENDED),
        capabilities=Capabilities(shows_text=False),
    ),
    Story(
        "N23",
        "the_transcript_runs_ahead",
        "More words are taken for heard than anybody can say in that time.",
        (
            ev.SessionResponseCreated("r"),
            ev.SessionMessageAdded("r", "A"),
            ev.SessionTextReceived("A", "one two three four five six seven eight nine ten"),
            ev.SessionAudioReceived("A", 500),
            ev.Authorize(),
            ev.OutputAudioHandedOver("A", 500),
            ev.OutputPlaybackStarted("A"),
            ev.Interrupt(),
            cut("A", 450),
        ),
        policy=_ESTIMATES,
    ),
    Story(
        "H5",
        "a_text_is_not_spoken",
        "The agent counts as speaking though nobody hears anything.",
        (ev.SessionResponseCreated("r"), ev.Authorize(), *arrived("A", modality="text"), ENDED),
    ),
    Story(
        "H7",
        "at_its_word_for_what_was_flushed",
        "A message that was played is cut at 0 and removed, because its finish has no position.",
        (*interrupted("A", ended=True), ev.OutputPlaybackFinished("A", None)),
    ),
    Story(
        "H7",
        "not_at_its_word_for_what_was_not_flushed",
        "A message that was cut enters history in full, because its finish has no position.",
        (*interrupted("A"), ev.OutputPlaybackFinished("A", None), CANCELLED, *removed("A")),
    ),
    Story(
        "H7",
        "a_flush_that_is_not_the_end",
        "A message ends with the finish of an earlier flush, and the rest of it is never heard.",
        (
            *speaking("A"),
            ev.SessionMessageEnded("A"),
            ev.SessionAudioReceived("A", 1500),
            ev.OutputPlaybackFinished("A", None),
            ev.Interrupt(),
            cut("A", None),
        ),
    ),
    Story(
        "H8",
        "the_last_finish_has_no_transcript",
        "The words of the first part are committed as all that was heard of both.",
        (
            *speaking("A"),
            ev.OutputPlaybackFinished("A", MS, transcript="These are"),
            ev.SessionAudioReceived("A", 2 * MS),
            ev.OutputAudioHandedOver("A", 2 * MS),
            ev.Interrupt(),
            cut("A", 1400),
        ),
    ),
    Story(
        "H10",
        "more_of_a_text_that_was_read_in_part",
        "The server keeps what came of a text after it was stopped, and nobody is told.",
        (
            ev.SessionResponseCreated("r"),
            ev.Authorize(),
            *arrived("A", modality="text"),
            ev.Interrupt(),
            ev.SessionMessageEnded("A"),
            ev.SessionTextReceived("A", " Nobody read this."),
            CANCELLED,
            ev.SessionReconciliationAcknowledged("replace", "A"),
        ),
    ),
)
