"""Cancelling (C)."""

from __future__ import annotations

from speech_lifecycle.fsm import events as ev
from speech_lifecycle.fsm.values import Policy

from .story import CANCELLED, MS, Story, arrived, cut, interrupted, kept, queued, removed

_PROTECTED = Policy(interruptible=False)

STORIES = (
    Story(
        "C2",
        "before_the_response_exists",
        "An answer that was called off speaks later.",
        (
            ev.Authorize(),
            ev.Interrupt(),
            ev.SessionResponseCreated("r"),
            ev.SessionMessageAdded("r", "A"),
            CANCELLED,
            *removed("A"),
        ),
    ),
    Story("C3", "by_its_id", "The next response is cancelled in the place of this one.", interrupted("A")),
    Story(
        "C4",
        "not_after_its_end",
        "A cancel comes too late, and the session takes the refusal for fatal.",
        (*interrupted("A", ended=True), cut("A", 400), kept("A")),
    ),
    Story(
        "C5",
        "playback_goes_on_without_generation",
        "The user interrupts, and the agent goes on speaking.",
        (*interrupted("A", ended=True), cut("A", 400)),
    ),
    Story(
        "C6",
        "late_deltas",
        "What comes late of a cancelled response is played.",
        (
            *interrupted("A"),
            cut("A", 400),
            ev.SessionAudioReceived("A", 2 * MS),
            *arrived("B"),
            CANCELLED,
            kept("A"),
            *removed("B"),
        ),
    ),
    Story(
        "C6",
        "a_message_of_another_response",
        "A message of another response is played in this speech.",
        (*queued("A"), ev.SessionMessageAdded("other", "B"), ev.Authorize(), ev.SessionAudioReceived("B", MS)),
    ),
    Story(
        "C7",
        "withdrawn_by_force",
        "A protected speech that has not begun can never be withdrawn.",
        (*queued("A", ended=True), ev.Interrupt(), ev.Interrupt(force=True), *removed("A")),
        policy=_PROTECTED,
    ),
)
