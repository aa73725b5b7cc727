"""The answers of an OpenAI Realtime server to requests about its memory: done, or refused and why.

Whoever speaks the protocol shares it: our own session, and onlookers of somebody else's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from speech_lifecycle.fsm.events import SessionReconciliationAcknowledged, SessionReconciliationRefused
from speech_lifecycle.fsm.values import Reconciliation, Refusal, ResponseStatus

from ..ports import SessionReceiver
from .fields import identifier, mapping, sound

_UNKNOWN_ITEM_CODES = frozenset({"item_truncate_invalid_item_id", "item_delete_invalid_item_id"})
_REFUSED_BY: dict[str, tuple[Reconciliation, ...]] = {
    "item_truncate_invalid_item_id": ("truncate",),
    "unsupported_content_type": ("truncate",),
    "invalid_value": ("truncate",),
    "item_delete_invalid_item_id": ("remove",),
}


_ERRORS_KEPT = 256
"""The latest errors that are remembered: a connection may last for hours."""


@dataclass(frozen=True, slots=True)
class ServerError:
    """An error that the server reported and that answers none of our requests.

    `unplayable_audio_format` is our own: the server says that it sends audio that this session cannot play.
    """

    code: str
    text: str
    event_id: str | None


@dataclass
class OpenAIAnswers:
    """The requests that are under way on one connection, and what their answers mean."""

    receiver: SessionReceiver
    errors: list[ServerError] = field(default_factory=list)
    """The latest errors that answer no request of ours. None of them ends the session (T9, C4)."""
    _requests: dict[str, tuple[Reconciliation, str]] = field(default_factory=dict)

    def expect(self, event_id: str, operation: Reconciliation, message_id: str) -> None:
        """Expect the answer to a client event that asks for `operation`."""
        self._requests[event_id] = (operation, message_id)

    def is_expected(self, operation: Reconciliation, message_id: str) -> bool:
        """Whether the answer to such a request is still to come."""
        return (operation, message_id) in self._requests.values()

    def end_connection(self) -> None:
        """Expect no answers any more: the connection that they would come on is gone."""
        self._requests.clear()

    def on_item_added(self, item_id: str) -> None:
        """Learn that an item is in the conversation: the second half of a replacement."""
        if self.is_expected("replace", item_id):
            self.acknowledge("replace", item_id)

    def on_truncated(self, event: Mapping[str, Any]) -> None:
        """Take `conversation.item.truncated`."""
        self.acknowledge("truncate", identifier(event, "item_id"))

    def on_deleted(self, event: Mapping[str, Any]) -> None:
        """Take `conversation.item.deleted`. It may be the first half of a replacement."""
        item_id = identifier(event, "item_id")
        if not self.is_expected("replace", item_id):
            self.acknowledge("remove", item_id)

    def on_error(self, event: Mapping[str, Any]) -> None:
        """Take `error`."""
        error = mapping(event, "error")
        # Whatever a server calls its errors, none may be lost for its form: somebody waits for the answer.
        code, text = sound(str(error.get("code") or "")), sound(str(error.get("message") or ""))
        event_id = sound(error["event_id"]) if isinstance(error.get("event_id"), str) else None
        answered = event_id if event_id is not None else self._oldest_request_refused_by(code)
        request = self._requests.get(answered or "")
        if request is None:
            self.note(ServerError(code, text, event_id))
        else:
            self.refuse(*request, _meaning_of(code, text), code, text)

    def note(self, error: ServerError) -> None:
        """Remember an error that answers no request."""
        self.errors.append(error)
        del self.errors[:-_ERRORS_KEPT]

    def acknowledge(self, operation: Reconciliation, message_id: str) -> None:
        """Report that the server did it."""
        self._forget((operation, message_id))
        self.receiver.report(SessionReconciliationAcknowledged(operation, message_id))

    def refuse(self, operation: Reconciliation, message_id: str, refusal: Refusal, code: str, text: str) -> None:
        """Report that the server did not do it."""
        self._forget((operation, message_id))
        self.receiver.report(SessionReconciliationRefused(operation, message_id, refusal, code, text))

    def _forget(self, request: tuple[Reconciliation, str]) -> None:
        self._requests = {event_id: made for event_id, made in self._requests.items() if made != request}

    def _oldest_request_refused_by(self, code: str) -> str | None:
        """An error without event_id is the answer to the oldest request that can be refused with its code."""
        operations = _REFUSED_BY.get(code, ())
        return next((key for key, (operation, _) in self._requests.items() if operation in operations), None)


def status_of(response: Mapping[str, Any]) -> ResponseStatus:
    """Return how a response ended, from the `response` of its `response.done`."""
    status: ResponseStatus
    for status in ("completed", "cancelled", "failed", "incomplete"):
        if response.get("status") == status:
            return status
    return "failed"


def _meaning_of(code: str, text: str) -> Refusal:
    """Return what a refusal means (spec, section 10): the wire has one code for several faults of a value."""
    if code in _UNKNOWN_ITEM_CODES:
        return "unknown_message"
    if code == "invalid_value" and "already shorter" in text:
        return "already_shorter"
    return "other"
