"""The answers of an OpenAI Realtime server to requests about its memory: done, or refused and why.

Whoever speaks the protocol shares it: our own session, and onlookers of somebody else's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from speech_lifecycle.fsm.events import SessionReconciliationAcknowledged, SessionReconciliationRefused
from speech_lifecycle.fsm.values import Reconciliation, Refusal, ResponseStatus

from ..ports import SessionReceiver
from .fields import mapping, optional_identifier, sound
from .openai_dialects import meaning_of

Deed = Literal["truncate", "delete", "create"]
"""What a client event asks for. Replacing a message takes two."""

_DEED: dict[Reconciliation, Deed] = {"truncate": "truncate", "remove": "delete", "replace": "create"}
_REFUSED_BY: dict[str, Deed] = {
    "item_truncate_invalid_item_id": "truncate",
    "unsupported_content_type": "truncate",
    "invalid_value": "truncate",
    "item_delete_invalid_item_id": "delete",
}
_NAMED_IN_WORDS: tuple[tuple[re.Pattern[str], Deed], ...] = (
    (re.compile(r"truncat"), "truncate"),
    (re.compile(r"delet|remov"), "delete"),
)
"""What an error is about whose code is not known, by what it says."""

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


@dataclass(frozen=True, slots=True)
class ErrorEvent:
    """An `error` of a server, read. Whatever a server calls its errors, none is lost for its form."""

    code: str
    text: str
    param: str
    event_id: str | None

    @classmethod
    def of(cls, event: Mapping[str, Any]) -> ErrorEvent:
        """Read it.

        Raises:
            FieldError: there is no error in it.
        """
        error = mapping(event, "error")
        code, text, param = (sound(str(error.get(name) or "")) for name in ("code", "message", "param"))
        return cls(code, text, param, sound(error["event_id"]) if isinstance(error.get("event_id"), str) else None)


@dataclass(frozen=True, slots=True)
class _Request:
    operation: Reconciliation
    message_id: str
    deed: Deed
    item_id: str
    """What the server calls the message: usually the same."""


@dataclass
class OpenAIAnswers:
    """The requests that are under way on one connection, and what their answers mean."""

    receiver: SessionReceiver
    errors: list[ServerError] = field(default_factory=list)
    """The latest errors that answer no request of ours. None of them ends the session (T9, C4)."""
    may_be_there: Callable[[str], bool] = lambda message_id: False
    """Whether the server may have a message that it does not know by its id."""
    _requests: dict[str, _Request] = field(default_factory=dict)

    def expect(
        self,
        event_id: str,
        operation: Reconciliation,
        message_id: str,
        deed: Deed | None = None,
        item_id: str | None = None,
    ) -> None:
        """Expect the answer to a client event that asks for `operation`, or for a `deed` that is part of it."""
        self._requests[event_id] = _Request(operation, message_id, deed or _DEED[operation], item_id or message_id)

    def is_expected(self, operation: Reconciliation, message_id: str) -> bool:
        """Whether the answer to such a request is still to come."""
        return any((made.operation, made.message_id) == (operation, message_id) for made in self._requests.values())

    def end_connection(self) -> None:
        """Expect no answers any more: the connection that they would come on is gone."""
        self._requests.clear()

    def on_item_added(self, item_id: str) -> None:
        """Learn that an item is in the conversation: the second half of a replacement."""
        created = self._oldest("create", item_id)
        if created is not None:
            self.acknowledge("replace", self._requests[created].message_id)

    def on_truncated(self, event: Mapping[str, Any]) -> None:
        """Take `conversation.item.truncated`. Without an id it answers the oldest request (N21)."""
        self._done("truncate", "truncate", optional_identifier(event, "item_id"))

    def on_deleted(self, event: Mapping[str, Any]) -> str:
        """Take `conversation.item.deleted`, and return which item it is. It may be the first half of a replacement.

        Without an id it answers the oldest request (N21).
        """
        return self._done("delete", "remove", optional_identifier(event, "item_id"))

    def on_error(self, event: Mapping[str, Any]) -> None:
        """Take `error`."""
        self.take_error(ErrorEvent.of(event))

    def take_error(self, error: ErrorEvent) -> None:
        """Take an error that was read."""
        answered = self.request_refused_by(error)
        if answered is None:
            self.note(ServerError(error.code, error.text, error.event_id))
            return
        request = self._requests[answered]
        meaning = meaning_of(error.code, error.text)
        if meaning == "unknown_message" and self.may_be_there(request.message_id):
            meaning = "other"
        self.refuse(request.operation, request.message_id, meaning, error.code, error.text)

    def request_refused_by(self, error: ErrorEvent) -> str | None:
        """Return the client event that an error is the answer to, if it is about the server's memory.

        An error without an event id is the answer to the oldest request that can be refused so: by its code, by the
        item that it names, or by what it says that could not be done.
        """
        if error.event_id is not None:
            return error.event_id if error.event_id in self._requests else None
        deed = _REFUSED_BY.get(error.code)
        if deed is None:
            said = f"{error.code} {error.text}".lower()
            deed = next((named for pattern, named in _NAMED_IN_WORDS if pattern.search(said)), None)
        named = (key for key, made in self._requests.items() if made.item_id in error.text)
        by_deed = (key for key, made in self._requests.items() if made.deed == deed)
        return next((key for key in named if deed in (None, self._requests[key].deed)), next(by_deed, None))

    def request(self, event_id: str) -> tuple[Reconciliation, str, Deed]:
        """Return what a client event asks for that is under way: the operation, the message, and the deed."""
        made = self._requests[event_id]
        return made.operation, made.message_id, made.deed

    def forget(self, event_id: str) -> None:
        """Expect no answer to a client event, if one was expected: another one is sent in its place."""
        self._requests.pop(event_id, None)

    def note(self, error: ServerError) -> None:
        """Remember an error that answers no request."""
        self.errors.append(error)
        del self.errors[:-_ERRORS_KEPT]

    def acknowledge(self, operation: Reconciliation, message_id: str) -> None:
        """Report that the server did it."""
        self._forget_all(operation, message_id)
        self.receiver.report(SessionReconciliationAcknowledged(operation, message_id))

    def refuse(self, operation: Reconciliation, message_id: str, refusal: Refusal, code: str, text: str) -> None:
        """Report that the server did not do it."""
        self._forget_all(operation, message_id)
        self.receiver.report(SessionReconciliationRefused(operation, message_id, refusal, code, text))

    def _done(self, deed: Deed, operation: Reconciliation, item_id: str | None) -> str:
        """Take it that the server did a deed. What it was part of is done when all parts are."""
        event_id = self._oldest(deed, item_id)
        if event_id is None:
            # Nobody asked for it, or an onlooker expects the whole replacement and not its parts.
            if item_id and not (deed == "delete" and self.is_expected("replace", item_id)):
                self.acknowledge(operation, item_id)
            return item_id or ""
        made = self._requests.pop(event_id)
        if not self.is_expected(made.operation, made.message_id):
            self.acknowledge(made.operation, made.message_id)
        return made.item_id

    def _oldest(self, deed: Deed, item_id: str | None) -> str | None:
        """Return the oldest request for a deed; on this item, if one is named."""
        return next(
            (key for key, made in self._requests.items() if made.deed == deed and item_id in (made.item_id, "", None)),
            None,
        )

    def _forget_all(self, operation: Reconciliation, message_id: str) -> None:
        self._requests = {
            event_id: made
            for event_id, made in self._requests.items()
            if (made.operation, made.message_id) != (operation, message_id)
        }


def why_ended(response: Mapping[str, Any]) -> tuple[str, str]:
    """Return why a response failed or was cut: what the server calls it, and its words. Both are "" if it says nothing.

    Servers say it in `status_details`: in its `error` if the response failed, else as its `reason` (N6).
    """
    details = response.get("status_details")
    if not isinstance(details, Mapping):
        return "", ""
    error = details.get("error")
    said = error if isinstance(error, Mapping) else {}
    code = said.get("code") or said.get("type") or details.get("reason")
    return sound(str(code or "")), sound(str(said.get("message") or ""))


def status_of(response: Mapping[str, Any]) -> ResponseStatus:
    """Return how a response ended, from the `response` of its `response.done`.

    One that is done without a word of how, nor why, is complete: some servers say nothing more.
    """
    status: ResponseStatus
    for status in ("completed", "cancelled", "failed", "incomplete"):
        if response.get("status") == status:
            return status
    is_silent = response.get("status") in (None, "") and not response.get("status_details")
    return "completed" if is_silent else "failed"
