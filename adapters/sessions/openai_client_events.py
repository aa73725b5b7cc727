"""What is said to an OpenAI Realtime server: the client events of each effect, request and memory."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from speech_lifecycle.fsm.effects import CancelResponse, CommitMessage, ReplaceMessage, SessionEffect, TruncateMessage
from speech_lifecycle.fsm.values import Reconciliation

from .openai_answers import OpenAIAnswers
from .openai_items import Conversation
from .openai_requests import ResponseRequests

logger = logging.getLogger(__name__)

SPEECH_ID_KEY = "speech_id"
"""The key in a response's metadata that brings a speech's id there and back."""

_LONGEST_CLIENT_ID = 32
"""Characters of an item id that a client may choose. Servers choose longer ones."""


@dataclass
class ClientEvents:
    """Makes client events, and expects their answers."""

    answers: OpenAIAnswers
    conversation: Conversation
    requests: ResponseRequests = field(default_factory=ResponseRequests)
    _next_event_id: int = 0

    def request_response(self, speech_id: str) -> dict[str, Any]:
        """Return the client event that asks for a response."""
        event_id = self._event_id()
        self.requests.expect(event_id, speech_id)
        return {
            "type": "response.create",
            "event_id": event_id,
            "response": {"metadata": {SPEECH_ID_KEY: speech_id}},
        }

    def restore(self, history: Iterable[CommitMessage]) -> list[dict[str, Any]]:
        """Return the client events that tell a new conversation what was heard, in this order.

        A message keeps its id, unless that is longer than the protocol allows a client's ids to be. One whose heard
        text is unknown or empty cannot be told, and is logged.
        """
        events = []
        for message in history:
            if not message.text:
                logger.warning("the new conversation cannot be told of %s: its text is unknown", message.message_id)
                continue
            item = _assistant_text(message.text)
            if len(message.message_id) <= _LONGEST_CLIENT_ID:
                item["id"] = message.message_id
            events.append({"type": "conversation.item.create", "event_id": self._event_id(), "item": item})
        return events

    def translate(self, effect: SessionEffect) -> list[dict[str, Any]]:
        """Return the client events that perform an effect."""
        if isinstance(effect, CancelResponse):
            return [{"type": "response.cancel", "event_id": self._event_id(), "response_id": effect.response_id}]
        if isinstance(effect, TruncateMessage):
            return [
                {
                    "type": "conversation.item.truncate",
                    "event_id": self._event_id("truncate", effect.message_id),
                    "item_id": effect.message_id,
                    "content_index": self.conversation.audio_content_index(effect.message_id),
                    "audio_end_ms": effect.audio_end_ms,
                }
            ]
        if isinstance(effect, ReplaceMessage):
            return [self._delete("replace", effect.message_id), self._create(effect)]
        return [self._delete("remove", message_id) for message_id in effect.message_ids]

    def _delete(self, operation: Reconciliation, item_id: str) -> dict[str, Any]:
        return {
            "type": "conversation.item.delete",
            "event_id": self._event_id(operation, item_id),
            "item_id": item_id,
        }

    def _create(self, effect: ReplaceMessage) -> dict[str, Any]:
        """Return the client event that puts a text back where the deleted item was."""
        return {
            "type": "conversation.item.create",
            "event_id": self._event_id("replace", effect.message_id),
            **self.conversation.place_of(effect.message_id),
            "item": {"id": effect.message_id, **_assistant_text(effect.text)},
        }

    def _event_id(self, operation: Reconciliation | None = None, message_id: str = "") -> str:
        self._next_event_id += 1
        event_id = f"speech_lifecycle_{self._next_event_id}"
        if operation is not None:
            self.answers.expect(event_id, operation, message_id)
        return event_id


def _assistant_text(words: str) -> dict[str, Any]:
    return {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": words}]}
