"""What LiveKit's OpenAI plugin tells beyond `llm.RealtimeSession`: the raw events of its connection.

The plugin's session publishes them as `openai_server_event_received` and `openai_client_event_queued`, and takes
client events in `send_event` (all public, also in the plugins derived from it: Azure, xAI). They name what the
common interface does not: answers to a truncation, refusals with their codes, how a response ended, and the
response that a cancel is for. Other sessions never publish them.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Collection, Mapping
from typing import Any

from livekit.agents import llm

from speech_lifecycle.fsm.events import SessionResponseEnded
from speech_lifecycle.fsm.values import Reconciliation

from ..ports import SessionReceiver
from ..sessions.openai_answers import Deed, OpenAIAnswers, status_of, why_ended


class OpenAIEvents:
    """The raw events of one session, as far as they answer our requests."""

    def __init__(
        self,
        session: llm.RealtimeSession[Any],
        receiver: SessionReceiver,
        on_response_done: Callable[[Mapping[str, Any]], None] = lambda response: None,
        on_server_event: Callable[[Mapping[str, Any]], None] = lambda event: None,
    ) -> None:
        """Listen to the session, until `detach`.

        Args:
            session: the session.
            receiver: is told the answers.
            on_response_done: is given each response that the server has ended, as the server describes it.
            on_server_event: is given every server event.
        """
        self._on_every_event = on_server_event
        self._on_response_done = on_response_done
        self.answers = OpenAIAnswers(receiver)
        self.are_heard = False
        """Whether the session publishes raw events; known before its first response."""
        self.context_lock = asyncio.Lock()
        """Held from when a wanted context is made until the server has it: one that waits for another would undo it."""
        self._session = session
        self._ended: dict[str, SessionResponseEnded] = {}
        self.created_by_client: set[str] = set()
        """Items that LiveKit created on the server. They are texts, whatever they were before a reconnection."""
        self.deleted_unnamed: set[str] = set()
        """Items that the server has deleted without saying which (N21): the plugin believes that they are there."""
        self._being_created: set[str] = set()
        self._was_created = asyncio.Event()
        self._listeners: dict[Any, Callable[..., None]] = {
            "openai_server_event_received": _with_signature(self._on_server_event),
            "openai_client_event_queued": _with_signature(self._on_client_event),
        }
        for name, listener in self._listeners.items():
            session.on(name, listener)

    def detach(self) -> None:
        """Listen no more."""
        for name, listener in self._listeners.items():
            self._session.off(name, listener)

    def cancel(self, response_id: str) -> bool:
        """Cancel a response by its id (C3). False if this session cannot."""
        return self._send({"type": "response.cancel", "response_id": response_id})

    def truncate(self, message_id: str, audio_end_ms: int) -> bool:
        """Truncate with an event id, which names the request in a refusal. False if this session cannot."""
        event_id = f"truncate_{message_id}"
        if not self._send(
            {
                "type": "conversation.item.truncate",
                "event_id": event_id,
                "item_id": message_id,
                "content_index": 0,
                "audio_end_ms": audio_end_ms,
            }
        ):
            return False
        self.answers.expect(event_id, "truncate", message_id)
        return True

    def _send(self, event: dict[str, Any]) -> bool:
        send_event = getattr(self._session, "send_event", None)
        if not self.are_heard or send_event is None:
            return False
        send_event(event)
        return True

    def expect(self, operation: Reconciliation, message_id: str) -> None:
        """Expect the answer to a request that is about to be made."""
        self.answers.expect(f"{operation} {message_id}", operation, message_id)

    async def wait_until_created(self, message_ids: Collection[str]) -> None:
        """Return when none of these is on its way to the server: after a reconnection LiveKit creates them again."""
        while self._being_created.intersection(message_ids):
            self._was_created.clear()
            await self._was_created.wait()

    def take_end(self, response_id: str) -> SessionResponseEnded | None:
        """Return how the response ended on the server; None if the server did not say."""
        return self._ended.pop(response_id, None)

    def _on_server_event(self, event: Mapping[str, Any]) -> None:
        self.are_heard = True
        self._on_every_event(event)
        name = event.get("type")
        if name == "conversation.item.truncated":
            self.answers.on_truncated(event)
        elif name == "conversation.item.deleted":
            item_id = self.answers.on_deleted(event)
            if not event.get("item_id"):
                self.deleted_unnamed.add(item_id)
        elif name in ("conversation.item.added", "conversation.item.created"):
            item_id = event["item"]["id"]
            self._being_created.discard(item_id)
            self._was_created.set()
            self.answers.on_item_added(item_id)
        elif name == "error":
            self.answers.on_error(event)
        elif name == "response.done":
            response = event["response"]
            response_id, status = response["id"], status_of(response)
            self._ended[response_id] = SessionResponseEnded(response_id, status, *why_ended(response))
            self._on_response_done(response)

    def _on_client_event(self, event: Mapping[str, Any]) -> None:
        """Learn by which event id the server will name a request that LiveKit made for us."""
        name, event_id = event.get("type", ""), event.get("event_id")
        item_id = event.get("item_id") or (event.get("item") or {}).get("id")
        if not event_id or not item_id:
            return
        if name == "conversation.item.create":
            self._being_created.add(item_id)
            self.created_by_client.add(item_id)
            self.deleted_unnamed.discard(item_id)
        deed, operations = _ASKED_BY.get(name, (None, ()))
        for operation in operations:
            if self.answers.is_expected(operation, item_id):
                # What was expected until now without its event's id is this.
                self.answers.forget(f"{operation} {item_id}")
                self.answers.expect(event_id, operation, item_id, deed)
                return


_ASKED_BY: dict[str, tuple[Deed, tuple[Reconciliation, ...]]] = {
    "conversation.item.delete": ("delete", ("replace", "remove")),
    "conversation.item.create": ("create", ("replace",)),
}


def _with_signature(listener: Callable[[Mapping[str, Any]], None]) -> Callable[..., None]:
    """Return a listener that says its signature. LiveKit asks for it at every event, and finding it out is slow."""

    def listen(*events: Mapping[str, Any]) -> None:
        listener(*events)

    listen.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [inspect.Parameter("events", inspect.Parameter.VAR_POSITIONAL)]
    )
    return listen
