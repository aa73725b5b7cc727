"""What ports got wrong (R), found by their reviews."""

from __future__ import annotations

from speech_lifecycle.fsm import events as ev

from .story import CANCELLED, MS, Story, cut, interrupted, kept, speaking, waiting

STORIES = (
    Story(
        "R1",
        "nothing_was_skipped",
        "The context of the server is changed after every interruption, though nothing is to be forgotten.",
        (*interrupted("A"), cut("A", 400), CANCELLED, kept("A")),
    ),
    Story(
        "R1",
        "played_to_the_end",
        "A response that was heard causes requests.",
        (*interrupted("A", ended=True), cut("A", MS)),
    ),
    Story(
        "R2",
        "both_ways_out_of_a_stop",
        "A branch of a port can never be reached: what is heard to the end is cut, or what is cut counts as played.",
        (*interrupted("A", "B", ended=True), cut("A", 985), ev.SessionReconciliationAcknowledged("remove", "B")),
    ),
    Story(
        "R3",
        "the_response_fails",
        "A failed response ends the agent, or is only logged, and its messages are never settled.",
        (
            *speaking("A"),
            ev.SessionResponseEnded("r", "failed", "server_error", "no"),
            ev.OutputPlaybackFinished("A", MS),
        ),
    ),
    Story(
        "R3",
        "the_connection_fails",
        "The error of the stream is thrown on, and what was heard is lost.",
        (*speaking("A"), ev.SessionLost(code="1006", text="gone"), cut("A", 500)),
    ),
    Story(
        "R4",
        "ended_without_a_first_frame",
        "Whoever waits for the first frame is never released.",
        (
            *waiting("A", "B", ended=True),
            ev.OutputAudioHandedOver("A", MS),
            ev.OutputPlaybackFinished("A", 0, interrupted=True),
            ev.OutputPlaybackStarted("A"),
        ),
    ),
    Story(
        "R4",
        "played_without_a_first_frame",
        "The same, of a message that was played.",
        (*waiting("A", ended=True), ev.OutputAudioHandedOver("A", MS), ev.OutputPlaybackFinished("A", MS)),
    ),
    Story(
        "R3",
        "the_response_fails_and_is_interrupted",
        "A speech that the user interrupted is reported as failed, and the agent excuses itself.",
        (
            *speaking("A"),
            ev.SessionResponseEnded("r", "failed", "server_error", "no"),
            ev.Interrupt(),
            cut("A", 400),
            kept("A"),
        ),
    ),
)
