"""What it takes a conversation to show: requests, the floor, holds, the connection (C1, M8, P1, and those of users)."""

from __future__ import annotations

from typing import get_args

from speech_lifecycle.fsm import events as ev
from speech_lifecycle.fsm.values import ConversationPolicy, Modality

from .story import MS, Events, Story, arrived

_USUAL = ConversationPolicy()
_HOLDS = ConversationPolicy(barge_in="pause")
_IGNORES = ConversationPolicy(barge_in="ignore")


def _answered(name: str) -> Events:
    """The response that was asked for comes, with its message, and ends."""
    return (
        ev.SessionResponseCreated(f"r-{name}", name),
        ev.SessionMessageAdded(f"r-{name}", f"m-{name}"),
        ev.SessionAudioReceived(f"m-{name}", MS),
        ev.SessionResponseEnded(f"r-{name}"),
    )


def _speaks(name: str) -> Events:
    """The first speech is asked for, and plays."""
    return (
        ev.RequestResponse(name),
        *_answered(name),
        ev.OutputAudioHandedOver(f"m-{name}", MS),
        ev.OutputPlaybackStarted(f"m-{name}"),
    )


def _cut(name: str, ms: int = 400) -> Events:
    """The output was cleared, and the server does what it is asked then."""
    return (
        ev.OutputPlaybackFinished(f"m-{name}", ms, interrupted=True),
        ev.SessionReconciliationAcknowledged("truncate", f"m-{name}"),
    )


STORIES = (
    Story(
        "C1",
        "the_request_waits",
        "The next response is asked for too early, and refused.",
        (
            ev.RequestResponse("a"),
            ev.SessionResponseCreated("r-a", "a"),
            ev.Interrupt(),
            ev.RequestResponse("b"),
            ev.SessionResponseEnded("r-a", "cancelled"),
            *_answered("b"),
        ),
        policy=_USUAL,
    ),
    Story(
        "M8",
        "everything_that_waits",
        "A second answer that waits behind the first is heard after the user asked for silence.",
        (*_speaks("a"), ev.RequestResponse("b"), *_answered("b"), ev.RequestResponse("c"), ev.Interrupt(), *_cut("a")),
        policy=_USUAL,
    ),
    Story(
        "P6",
        "the_silence_of_the_user_ends_no_hold",
        "The agent goes on by itself though nobody has said whether the user interrupted.",
        (*_speaks("a"), ev.UserStartedSpeaking(), ev.UserStoppedSpeaking(), ev.Resume()),
        policy=_HOLDS,
    ),
    Story(
        "N1",
        "beside_the_conversation",
        "A classification beside the conversation is read aloud as the answer.",
        (
            ev.RequestResponse("a"),
            ev.SessionResponseCreated("classified", new_speech_id="x", is_out_of_band=True),
            ev.SessionMessageAdded("classified", "label"),
            *_answered("a"),
        ),
        policy=_USUAL,
    ),
    Story(
        "N1",
        "asked_for_beside_the_conversation",
        "What was played beside the conversation is in history, and removed from a memory that has none of it.",
        (
            ev.RequestResponse("a", is_out_of_band=True),
            ev.SessionResponseCreated("r-a", "a", is_out_of_band=True),
            ev.SessionMessageAdded("r-a", "m-a"),
            ev.SessionAudioReceived("m-a", MS),
            ev.OutputAudioHandedOver("m-a", MS),
            ev.OutputPlaybackStarted("m-a"),
            ev.Interrupt(),
            ev.OutputPlaybackFinished("m-a", 400, interrupted=True),
            ev.SessionResponseEnded("r-a", "cancelled"),
        ),
        policy=_USUAL,
    ),
    *(
        Story(
            "N1",
            f"{modality}_beside_the_conversation_without_an_end",
            "A difference of memory is reported of what no memory has.",
            (
                ev.SessionResponseCreated("r", is_out_of_band=True),
                *arrived("A", modality=modality),
                ev.Authorize(),
                *((ev.OutputAudioHandedOver("A", MS), ev.OutputPlaybackStarted("A")) if modality == "audio" else ()),
                ev.Interrupt(),
                ev.TimerFired("stop"),
                ev.SessionTextReceived("A", " and more"),
                ev.TimerFired("reconcile"),
            ),
        )
        for modality in get_args(Modality)
    ),
    Story(
        "N5",
        "a_turn_without_an_end",
        "The user is thought to speak for ever after a reconnect, and the agent is silent.",
        (
            ev.UserStartedSpeaking(),
            ev.SessionLost(may_resume=True),
            ev.SessionResumed(conversation_kept=True),
            ev.RequestResponse("a"),
            *_answered("a"),
        ),
        policy=_IGNORES,
    ),
    Story(
        "N5",
        "closed_while_the_user_speaks",
        "A conversation is never closed, because nobody says that the user has stopped.",
        (ev.UserStartedSpeaking(), ev.Close(), ev.UserStartedSpeaking()),
        policy=_USUAL,
    ),
    Story(
        "N1",
        "lost_beside_the_conversation",
        "What no memory has waits for a connection, and keeps the floor.",
        (
            ev.SessionResponseCreated("r", is_out_of_band=True),
            *arrived("A"),
            ev.Authorize(),
            ev.OutputAudioHandedOver("A", MS),
            ev.OutputPlaybackStarted("A"),
            ev.Interrupt(),
            ev.SessionLost(may_resume=True),
            ev.OutputPlaybackFinished("A", 400, interrupted=True),
        ),
    ),
    Story(
        "N6",
        "why_it_failed",
        "The agent cannot say why there is no answer.",
        (
            ev.RequestResponse("a"),
            ev.SessionResponseCreated("r-a", "a"),
            ev.SessionResponseEnded("r-a", "failed", "rate_limit_exceeded", "Try again in 20 s."),
            ev.RequestResponse("b"),
            ev.SessionRequestRefused("b", "insufficient_quota", "No."),
        ),
        policy=_USUAL,
    ),
    Story(
        "N10",
        "why_the_connection_ended",
        "The agent is told of a closed connection, and not why.",
        (*_speaks("a"), ev.SessionLost(code="session_expired", text="60 minutes"), *_cut("a")),
        policy=_USUAL,
    ),
    Story(
        "N25",
        "a_hold_outlives_its_speech",
        "A caller on hold hears the next answer begin.",
        (
            *_speaks("a"),
            ev.RequestResponse("b"),
            *_answered("b"),
            ev.Pause(),
            ev.OutputPlaybackFinished("m-a", MS),
            ev.UserStartedSpeaking(),
            ev.UserStoppedSpeaking(),
            ev.Resume(),
        ),
        policy=_IGNORES,
    ),
    Story(
        "N27",
        "given_up_and_answered",
        "An answer that nobody waits for any more is heard, and cut in mid-word.",
        (
            ev.RequestResponse("a"),
            ev.Interrupt(),
            ev.TimerFired("reconcile", "a"),
            ev.SessionResponseCreated("r-a", "a", "late"),
            ev.SessionMessageAdded("r-a", "m-a"),
            ev.RequestResponse("b"),
            ev.SessionResponseEnded("r-a", "cancelled"),
            *_answered("b"),
        ),
        policy=_USUAL,
    ),
    Story(
        "O6",
        "the_server_begins_anew",
        "The new session is not told what was heard, or is asked for something before it is.",
        (
            *_speaks("a"),
            ev.SessionLost(may_resume=True),
            ev.SessionResumed(),
            ev.OutputPlaybackFinished("m-a", 400, interrupted=True),
            ev.RequestResponse("b"),
        ),
        policy=_USUAL,
    ),
    Story(
        "O6",
        "the_server_remembers",
        "After a reconnect the server believes what it had said before, though it was cut.",
        (
            *_speaks("a"),
            ev.SessionLost(may_resume=True),
            ev.OutputPlaybackFinished("m-a", 400, interrupted=True),
            ev.SessionResumed(conversation_kept=True),
            ev.SessionReconciliationAcknowledged("truncate", "m-a"),
        ),
        policy=_USUAL,
    ),
)
