"""What the conversation is told of its speeches when one of them has taken a step."""

from __future__ import annotations

from ..values import Value


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
