"""Copies of a speech for the pure step."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from .state import Conversation, Message, Speech

# msgspec's types do not list the method; `copy.copy` finds it too, in three times the time.
_copy_message = cast(Callable[[Message], Message], Message.__copy__)  # type: ignore[attr-defined]
_copy_fields = cast(Callable[[Speech], Speech], Speech.__copy__)  # type: ignore[attr-defined]
_copy_conversation = cast(Callable[[Conversation], Conversation], Conversation.__copy__)  # type: ignore[attr-defined]


def copy_speech(speech: Speech) -> Speech:
    """Return a speech with the same data. Final messages are shared: one that outgrows its record is replaced."""
    copy = _copy_fields(speech)
    copy.messages = messages = speech.messages.copy()
    for message_id, message in messages.items():
        if message.record is None:
            messages[message_id] = _copy_message(message)
    copy.awaited = speech.awaited.copy()
    return copy


def copy_conversation(conversation: Conversation) -> Conversation:
    """Return a conversation with the same data. Speeches are shared: one that is told something is copied first."""
    copy = _copy_conversation(conversation)
    copy.speeches = conversation.speeches.copy()
    copy.live = conversation.live.copy()
    copy.over = conversation.over.copy()
    copy.waiting = conversation.waiting.copy()
    copy.requests = conversation.requests.copy()
    copy.by_response = conversation.by_response.copy()
    copy.by_message = conversation.by_message.copy()
    return copy
