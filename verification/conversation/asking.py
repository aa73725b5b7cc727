"""What several properties ask of a conversation, by the speeches' own states."""

from __future__ import annotations

from collections.abc import Iterator

from speech_lifecycle.fsm.state import Conversation, Speech


def live(conversation: Conversation) -> Iterator[tuple[str, Speech]]:
    """Yield the speeches that are not over, by name."""
    for name in conversation.live:
        yield name, conversation.speeches[name]


def has_no_answer(speech: Speech) -> bool:
    """It has no response, and one may still come."""
    return speech.response_id is None and not speech.response_has_ended


def generates(speech: Speech) -> bool:
    """Its response runs."""
    return speech.response_id is not None and not speech.response_has_ended


def is_on_hold(conversation: Conversation) -> bool:
    """Nothing may begin until the agent says so."""
    return conversation.floor in ("held", "suspended")
