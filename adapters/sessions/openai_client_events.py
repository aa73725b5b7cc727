"""What is said to an OpenAI Realtime server: the client events of each effect, request and memory."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from speech_lifecycle.fsm.effects import CancelResponse, CommitMessage, ReplaceMessage, SessionEffect, TruncateMessage
from speech_lifecycle.fsm.values import Reconciliation

from .audio_format import PCM_24K, AudioFormat
from .former_messages import FormerMessages
from .openai_answers import Deed, ErrorEvent, OpenAIAnswers
from .openai_dialects import OPENAI, Dialect, is_about_fields, is_about_place, meaning_of
from .openai_items import Conversation
from .openai_requests import ResponseRequests
from .response_options import SPEECH_ID_KEY, response_of
from .reused_ids import ReusedIds

logger = logging.getLogger(__name__)

_SECOND_TRIES_KEPT = 64
"""Client events that can be sent in another form if they are refused: more than are ever under way."""

SecondTry = Callable[[ErrorEvent], "dict[str, Any] | None"]
"""Gives the client event that is sent in the place of one that was refused; None if that would not help."""

_LONGEST_CLIENT_ID = 32
"""Characters of an item id that a client may choose. Servers choose longer ones."""


@dataclass
class ClientEvents:
    """Makes client events, and expects their answers."""

    answers: OpenAIAnswers
    conversation: Conversation
    requests: ResponseRequests = field(default_factory=ResponseRequests)
    dialect: Dialect = OPENAI
    """What is known of the server by now."""
    audio_format: AudioFormat = PCM_24K
    former: FormerMessages = field(default_factory=FormerMessages)
    message_ids: ReusedIds = field(default_factory=ReusedIds)
    response_ids: ReusedIds = field(default_factory=ReusedIds)
    _second_tries: dict[str, SecondTry] = field(default_factory=dict)
    _next_event_id: int = 0

    def request_response(
        self, speech_id: str, options: Mapping[str, Any] | None = None, *, is_out_of_band: bool = False
    ) -> dict[str, Any]:
        """Return the client event that asks for a response, with checked options."""
        event_id = self._event_id()
        self.requests.expect(event_id, speech_id, is_out_of_band=is_out_of_band)
        event: dict[str, Any] = {"type": "response.create", "event_id": event_id}
        names_speech = self.dialect.takes_metadata
        response = response_of(speech_id, options or {}, is_out_of_band=is_out_of_band, names_speech=names_speech)
        if response:
            event["response"] = response
        if names_speech:
            self._try_again_with(event_id, lambda error: self._request_bare(event, speech_id, error))
        return event

    def second_try(self, error: ErrorEvent) -> dict[str, Any] | None:
        """Return the client event that is to be sent in the place of one that was refused; None if none is."""
        refused = self.requests.refused_by(error) or self.answers.request_refused_by(error)
        second_try = self._second_tries.pop(refused or "", None)
        return None if second_try is None else second_try(error)

    def brings_metadata_back(self, response: Mapping[str, Any]) -> bool:
        """Whether a response that brings no metadata was asked for with none, as far as is known of the server."""
        return self.dialect.echoes_metadata and "metadata" in response

    def _request_bare(self, event: dict[str, Any], speech_id: str, error: ErrorEvent) -> dict[str, Any] | None:
        """Ask again without our metadata, if the server refuses for a field. It will not be asked so again (N17)."""
        if not is_about_fields(error.code, error.text, error.param):
            return None
        self.dialect = replace(self.dialect, takes_metadata=False, echoes_metadata=False)
        is_out_of_band = self.requests.is_out_of_band(speech_id)
        self.requests.speech_of(event["event_id"])
        event_id = self._event_id()
        self.requests.expect(event_id, speech_id, is_out_of_band=is_out_of_band)
        response = {key: value for key, value in event["response"].items() if key != "metadata"}
        others = {key: value for key, value in event["response"]["metadata"].items() if key != SPEECH_ID_KEY}
        if others:
            response["metadata"] = others
        bare = {key: value for key, value in event.items() if key != "response"}
        return {**bare, "event_id": event_id, **({"response": response} if response else {})}

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
            response_id = self.response_ids.id_of(effect.response_id)
            return [{"type": "response.cancel", "event_id": self._event_id(), "response_id": response_id}]
        if isinstance(effect, TruncateMessage):
            return self._truncate(effect)
        if isinstance(effect, ReplaceMessage):
            return [self._delete("replace", effect.message_id), self._create(effect)]
        events = [self._delete("remove", message_id) for message_id in effect.message_ids]
        for event in events:
            self.conversation.remove(event["item_id"])
        return events

    def _truncate(self, effect: TruncateMessage) -> list[dict[str, Any]]:
        """Return the client events that cut what was not heard: one for each part with audio that holds some of it."""
        rate = self.audio_format.sample_rate
        item_id = self._item_id(effect.message_id)
        return [
            self._about_item(
                {
                    "type": "conversation.item.truncate",
                    "item_id": item_id,
                    "content_index": index,
                    "audio_end_ms": effect.audio_end_ms if kept is None else kept * 1000 // (2 * rate),
                },
                ("truncate", effect.message_id, "truncate"),
            )
            for index, kept in self.conversation.cuts(item_id, effect.audio_end_ms * rate // 1000 * 2)
        ]

    def _delete(self, operation: Reconciliation, message_id: str) -> dict[str, Any]:
        event = {"type": "conversation.item.delete", "item_id": self._item_id(message_id)}
        return self._about_item(event, (operation, message_id, "delete"))

    def _create(self, effect: ReplaceMessage) -> dict[str, Any]:
        """Return the client event that puts a text back where the deleted item was.

        If it cannot stand there, because what stood before it is gone meanwhile, it is better at the end than lost.
        """
        request: tuple[Reconciliation, str, Deed] = ("replace", effect.message_id, "create")
        item_id = self._item_id(effect.message_id)
        item = {"id": item_id, **_assistant_text(effect.text)}
        event = {"type": "conversation.item.create", **self.conversation.place_of(item_id), "item": item}

        def without_a_place(error: ErrorEvent) -> dict[str, Any] | None:
            if "previous_item_id" not in event or not is_about_place(error.code, error.text, error.param):
                return None
            return self._about_item({"type": "conversation.item.create", "item": item}, request)

        return self._about_item(event, request, without_a_place)

    def _about_item(
        self,
        event: dict[str, Any],
        request: tuple[Reconciliation, str, Deed],
        second_try: SecondTry | None = None,
    ) -> dict[str, Any]:
        """Return the event with an id, and expect its answer.

        One that is refused because the item is unknown is sent again if the server calls the item otherwise by now.
        """
        operation, message_id, deed = request
        event_id = self._event_id()
        item_id = event["item"]["id"] if deed == "create" else event["item_id"]
        self.answers.expect(event_id, operation, message_id, deed, item_id)

        def under_the_new_name(error: ErrorEvent) -> dict[str, Any] | None:
            new = self._item_id(message_id)
            if new == item_id or deed == "create" or meaning_of(error.code, error.text) != "unknown_message":
                return None
            return self._about_item({**event, "item_id": new}, request)

        def again(error: ErrorEvent) -> dict[str, Any] | None:
            instead = (second_try or under_the_new_name)(error)
            if instead is not None:
                self.answers.forget(event_id)
            return instead

        self._try_again_with(event_id, again)
        return {**event, "event_id": event_id}

    def _item_id(self, message_id: str) -> str:
        """Return what the server calls a message."""
        return self.message_ids.id_of(self.former.name_of(message_id))

    def _try_again_with(self, event_id: str, second_try: SecondTry) -> None:
        self._second_tries[event_id] = second_try
        if len(self._second_tries) > _SECOND_TRIES_KEPT:
            del self._second_tries[next(iter(self._second_tries))]

    def _event_id(self) -> str:
        self._next_event_id += 1
        return f"speech_lifecycle_{self._next_event_id}"


def _assistant_text(words: str) -> dict[str, Any]:
    return {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": words}]}
