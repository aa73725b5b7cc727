"""What the conversation is told of its speeches when one of them has taken a step, and when it is told that."""

from __future__ import annotations

from collections.abc import Callable

from ..state import Speech
from ..values import STOPPABLE_SPEECH_STATES, SpeechState, Value


class SpeechStopped(Value, frozen=True):
    """Something stops it: it plays nothing more."""

    speech_id: str


class SpeechResumed(Value, frozen=True):
    """It was held, and goes on."""

    speech_id: str


class ResponseOver(Value, frozen=True):
    """The server generates no more of its response, or nobody waits for that any more."""

    speech_id: str


class SpeechOver(Value, frozen=True):
    """It is completed, interrupted or failed."""

    speech_id: str


InternalEvent = SpeechStopped | SpeechResumed | ResponseOver | SpeechOver


def has_been_stopped(speech: Speech, was: SpeechState, had_ended: bool) -> bool:
    """Something has stopped it while it played, or waited to."""
    return speech.cause is not None and was in STOPPABLE_SPEECH_STATES


def has_been_resumed(speech: Speech, was: SpeechState, had_ended: bool) -> bool:
    """It was held, and goes on."""
    return was == "paused" and speech.state in ("waiting", "speaking")


def response_has_just_ended(speech: Speech, was: SpeechState, had_ended: bool) -> bool:
    """Its response had not ended before."""
    return speech.response_has_ended and not had_ended


def is_over_now(speech: Speech, was: SpeechState, had_ended: bool) -> bool:
    """It was not over before."""
    return speech.is_over and speech.state != was


NOTICES: dict[type[InternalEvent], Callable[[Speech, SpeechState, bool], bool]] = {
    SpeechStopped: has_been_stopped,
    SpeechResumed: has_been_resumed,
    ResponseOver: response_has_just_ended,
    SpeechOver: is_over_now,
}
"""When the conversation is told what, in this order.

Asked of a speech that has handled an event, with its state before that, and whether its response had ended then.
"""
