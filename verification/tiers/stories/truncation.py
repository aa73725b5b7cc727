"""Where to truncate (T)."""

from __future__ import annotations

import math

from speech_lifecycle.fsm import events as ev
from speech_lifecycle.fsm.values import Capabilities, Refusal

from .story import (
    CANCELLED,
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

_PROGRESSED = (*speaking("A"), ev.OutputPlaybackProgressed("A", 320), ev.Interrupt())


def _refused(refusal: Refusal, code: str, text: str) -> ev.Event:
    return ev.SessionReconciliationRefused("truncate", "A", refusal, code, text)


STORIES = (
    Story(
        "T1",
        "less_than_a_millisecond",
        "The server refuses a truncation at 0 ms, and remembers all of it.",
        (*interrupted("A"), cut("A", 0.9), CANCELLED, *removed("A")),
    ),
    Story(
        "T2",
        "a_text",
        "The server refuses to truncate a text; the model remembers what nobody read.",
        (
            ev.SessionResponseCreated("r"),
            ev.Authorize(),
            *arrived("A", modality="text"),
            ev.Interrupt(),
            ev.SessionTextReceived("A", " Nobody read this."),
            CANCELLED,
            ev.SessionReconciliationAcknowledged("replace", "A"),
        ),
    ),
    Story(
        "T3",
        "a_frame_before_the_end",
        "What was heard to its end is truncated, and the transcript of the server is erased.",
        (*interrupted("A", ended=True), cut("A", 981)),
    ),
    Story(
        "T4",
        "more_than_was_received",
        "A position beyond the audio is refused by the server, and the whole message stays.",
        (*waiting("A"), ev.OutputAudioHandedOver("A", 1200), ev.Interrupt(), cut("A", 1150)),
    ),
    Story(
        "T5",
        "nothing_was_heard",
        "0 is taken for no position: a message of which nothing was heard counts as played.",
        (*handed_over("A", "B"), ev.Interrupt(), cut("A", 0), CANCELLED, *removed("A", "B")),
    ),
    Story(
        "T6",
        "the_client_truncates",
        "Nobody truncates, and the model remembers the whole answer.",
        (*interrupted("A", ended=True), cut("A", 400), kept("A")),
    ),
    Story(
        "T6",
        "the_server_truncates",
        "Both truncate, and the server refuses the second time.",
        (*interrupted("A", ended=True), cut("A", 400)),
        capabilities=Capabilities(truncates_by_itself=True),
    ),
    Story(
        "T8",
        "already_shorter",
        "A harmless refusal is reported as a difference of memory.",
        (*interrupted("A"), cut("A", 970), CANCELLED, _refused("already_shorter", "invalid_value", "915 ms")),
    ),
    Story(
        "T9",
        "refused",
        "The agent waits for an answer that has come, and is silent for good.",
        (*interrupted("A"), cut("A", 500), CANCELLED, _refused("other", "server_error", "no")),
    ),
    Story(
        "T10",
        "refused_and_reported",
        "The server remembers what nobody heard, and nobody is told.",
        (*interrupted("A"), cut("A", 500), _refused("other", "server_error", "no"), CANCELLED),
    ),
    Story(
        "T10",
        "unknown_to_the_server",
        "The server does not know the message, and the agent is told of a difference that is none.",
        (*interrupted("A"), cut("A", 500), CANCELLED, _refused("unknown_message", "item_not_found", "no such item")),
    ),
    Story(
        "T11",
        "more_than_the_time_since_the_start",
        "An output counts what it queued; the model remembers seconds that nobody heard.",
        (
            *waiting("A"),
            ev.OutputAudioHandedOver("A", MS, observed_ms=4_900),
            ev.OutputPlaybackStarted("A", observed_ms=5_000),
            ev.Interrupt(observed_ms=5_400),
            ev.OutputPlaybackFinished("A", MS, interrupted=True, observed_ms=5_410),
        ),
    ),
    Story("T12", "no_number", "A position that is no number reaches the wire.", (*_PROGRESSED, cut("A", math.nan))),
    Story("T12", "infinite", "A position without an end truncates nothing.", (*_PROGRESSED, cut("A", math.inf))),
    Story("T12", "missing", "A missing position stalls the turn.", (*_PROGRESSED, cut("A", None))),
    Story(
        "T13",
        "negative",
        "A negative position reaches the wire and is refused.",
        (*interrupted("A"), cut("A", -40), CANCELLED, *removed("A")),
    ),
    Story(
        "T14",
        "zero_after_progress",
        "What was heard is removed from history and from the memory of the server.",
        (*_PROGRESSED, cut("A", 0)),
    ),
    Story(
        "T15",
        "the_second_message",
        "The second message is truncated at the position of both together: too late.",
        (
            *speaking("A", "B", ended=True),
            ev.OutputPlaybackFinished("A", MS),
            ev.OutputAudioHandedOver("B", MS),
            ev.OutputPlaybackStarted("B"),
            ev.Interrupt(),
            cut("B", 250),
        ),
    ),
    Story(
        "T3",
        "more_came_after_the_end",
        "A message that was played to a guessed end stays longer on the server than it was heard.",
        (
            *waiting("A"),
            ev.SessionItemAdded("r"),
            *played("A"),
            ev.SessionAudioReceived("A", 1500),
            ev.SessionResponseEnded("r"),
            kept("A"),
        ),
    ),
    Story(
        "T9",
        "an_answer_to_nothing",
        "An answer about a message that nobody knows is taken for the one that is awaited, or ends the session.",
        (
            *speaking("A"),
            ev.SessionReconciliationAcknowledged("truncate", "B"),
            ev.Interrupt(),
            cut("A", 400),
            ev.SessionReconciliationAcknowledged("truncate", "B"),
            ev.SessionReconciliationAcknowledged("remove", "A"),
            CANCELLED,
            kept("A"),
        ),
    ),
    Story(
        "T8",
        "a_removal_is_not_shorter",
        "A message of which nothing was heard stays in the memory of the server, and nobody is told.",
        (
            *waiting("A"),
            ev.Interrupt(),
            CANCELLED,
            ev.SessionReconciliationRefused("remove", "A", "already_shorter", "invalid_value"),
        ),
    ),
)
