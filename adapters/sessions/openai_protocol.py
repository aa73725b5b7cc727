"""The OpenAI Realtime protocol in our words: server events become facts, effects become client events.

Pure translation, without a connection: the live session and the replay of recordings both use it. It holds what
the protocol leaves implicit (which message an item is, which request an answer belongs to), and no rule of the
lifecycle. Current event names and the older ones that Azure still uses are both understood (spec, section 10).
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from speech_lifecycle.fsm.effects import CancelResponse, CommitMessage, ReplaceMessage, SessionEffect, TruncateMessage
from speech_lifecycle.fsm.errors import SpeechLifecycleError
from speech_lifecycle.fsm.events import (
    SessionItemAdded,
    SessionMessageAdded,
    SessionMessageEnded,
    SessionRequestRefused,
    SessionResponseCreated,
    SessionResponseEnded,
    SessionTextReceived,
)
from speech_lifecycle.fsm.values import Modality, Reconciliation

from ..ports import SessionReceiver
from ..whole_samples import WholeSamples
from .fields import FieldError, audio, identifier, mapping, optional, optional_identifier, sound, text
from .openai_answers import OpenAIAnswers, ServerError, status_of
from .openai_deltas import AudioDelta, Delta, delta_decoder
from .openai_requests import ResponseRequests

logger = logging.getLogger(__name__)

SAMPLE_RATE = 24_000
"""Samples per second of `audio/pcm`, the protocol's default audio format."""

SPEECH_ID_KEY = "speech_id"
"""The key in a response's metadata that brings a speech's id there and back."""

_OLDER_NAMES = {
    "response.audio.delta": "response.output_audio.delta",
    "response.audio_transcript.delta": "response.output_audio_transcript.delta",
    "response.audio_transcript.done": "response.output_audio_transcript.done",
    "response.text.delta": "response.output_text.delta",
    "response.text.done": "response.output_text.done",
    "conversation.item.created": "conversation.item.added",
}

_ITEMS_KEPT = 1024
"""Items of which is remembered what a later request needs: far more than one response has."""

_LONGEST_CLIENT_ID = 32
"""Characters of an item id that a client may choose. Servers choose longer ones."""

_GREETINGS = frozenset({"session.created", "conversation.created"})
"""What a server begins a connection with, and where it may say which conversation it is."""

V = TypeVar("V")


class ProtocolError(SpeechLifecycleError, ValueError):
    """A server event is not what the protocol says. The message names the event and the field."""


@dataclass(slots=True)
class _Item:
    """An assistant message, as the server builds it."""

    response_id: str
    modalities: tuple[Modality, ...]
    is_announced: bool = False
    has_ended: bool = False
    text: list[str] = field(default_factory=list)
    """In the pieces that came."""


@dataclass
class OpenAIRealtimeProtocol:
    """The state of a session, as far as translating needs it."""

    receiver: SessionReceiver
    answers: OpenAIAnswers = field(init=False)
    conversation_id: str | None = None
    """What the server calls the conversation, if it says so. It outlives the connection if the server keeps it."""
    _items: dict[str, _Item] = field(default_factory=dict)
    """The messages of responses that have not ended."""
    _samples: WholeSamples = field(default_factory=WholeSamples)
    _audio_content_index: dict[str, int] = field(default_factory=dict)
    """Of the latest messages whose audio is not their first content."""
    _modalities: dict[str, tuple[Modality, ...]] = field(default_factory=dict)
    _previous_item_id: dict[str, str | None] = field(default_factory=dict)
    """Where the latest items stand in the conversation."""
    _requests: ResponseRequests = field(default_factory=ResponseRequests)
    _next_event_id: int = 0

    def __post_init__(self) -> None:
        self.answers = OpenAIAnswers(self.receiver)

    @property
    def errors(self) -> list[ServerError]:
        """The latest errors that answer no request of ours. None of them ends the session (T9, C4)."""
        return self.answers.errors

    # From the server

    def receive(self, event: Mapping[str, Any]) -> None:
        """Translate one server event and report what it means. Events that mean nothing here are passed over.

        Raises:
            ProtocolError: a field that the protocol promises is missing or unusable; nothing was reported.
        """
        if not isinstance(event, Mapping):
            raise ProtocolError(f"a server event must be an object, not {type(event).__name__}")
        name = event.get("type")
        if not isinstance(name, str):
            return
        handler = _HANDLERS.get(_OLDER_NAMES.get(name, name))
        if handler is None:
            return
        try:
            handler(self, event)
        except FieldError as error:
            raise ProtocolError(f"server event {name!r}: {error}") from None

    def receive_delta(self, delta: Delta) -> None:
        """Report a delta that `delta_in` has decoded: what `receive` does with the same event."""
        if isinstance(delta, AudioDelta):
            self._receive_audio(delta.item_id, delta.delta)
        else:
            self._receive_text(delta.item_id, delta.delta)

    def end_connection(self) -> None:
        """Expect nothing more of what was under way: responses and answers went down with the connection."""
        self._items.clear()
        self._modalities.clear()
        self._samples = WholeSamples()
        self._requests = ResponseRequests()
        self.answers.end_connection()

    # A handler reads all it needs before it reports or changes anything.

    def _on_greeting(self, event: Mapping[str, Any]) -> None:
        self.conversation_id = optional_identifier(event, "conversation", "id") or self.conversation_id

    def _on_response_created(self, event: Mapping[str, Any]) -> None:
        response_id = identifier(event, "response", "id")
        asked_by = optional_identifier(event, "response", "metadata", SPEECH_ID_KEY)
        response = mapping(event, "response")
        _remember(self._modalities, response_id, _modalities_of(response))
        is_out_of_band = "conversation_id" in response and response["conversation_id"] is None
        self._requests.answered(asked_by)
        self.receiver.report(
            SessionResponseCreated(response_id, asked_by or "", is_out_of_band=is_out_of_band), speech_id=asked_by
        )

    def _on_output_item_added(self, event: Mapping[str, Any]) -> None:
        response_id = identifier(event, "response_id")
        if text(event, "item", "type") == "message":
            item_id = identifier(event, "item", "id")
            self._items[item_id] = _Item(response_id, self._modalities.get(response_id, ("audio",)))
            return
        self.receiver.report(SessionItemAdded(response_id))

    def _on_conversation_item_added(self, event: Mapping[str, Any]) -> None:
        item_id = identifier(event, "item", "id")
        _remember(self._previous_item_id, item_id, optional_identifier(event, "previous_item_id"))
        self.answers.on_item_added(item_id)

    def _on_content_part_added(self, event: Mapping[str, Any]) -> None:
        """A message is announced with its first content: only then is it certain whether it has audio."""
        item_id, kind = identifier(event, "item_id"), text(event, "part", "type")
        index = optional(event, "content_index")
        item = self._items.get(item_id)
        if item is None:
            return
        if kind in ("text", "output_text") and not item.is_announced:
            item.modalities = ("text",)
        elif kind in ("audio", "output_audio"):
            item.modalities = ("audio",)
            if isinstance(index, int) and index > 0:
                _remember(self._audio_content_index, item_id, index)
        self._announce(item_id, item)

    def _on_audio_delta(self, event: Mapping[str, Any]) -> None:
        self._receive_audio(identifier(event, "item_id"), audio(event, "delta"))

    def _on_text_delta(self, event: Mapping[str, Any]) -> None:
        self._receive_text(identifier(event, "item_id"), text(event, "delta"))

    def _on_text_done(self, event: Mapping[str, Any]) -> None:
        """Some servers send the text, or the rest of it, only at the end."""
        item_id = identifier(event, "item_id")
        key = "transcript" if "transcript" in event else "text"
        whole = text(event, key) if optional(event, key) is not None else ""
        item = self._items.get(item_id)
        if item is not None:
            before = "".join(item.text)
            if whole.startswith(before):
                self._receive_text(item_id, whole[len(before) :])

    def _receive_audio(self, item_id: str, pcm: bytes) -> None:
        whole = self._samples.take(item_id, pcm)
        if whole:
            self._announce_content(item_id)
            self.receiver.deliver_audio(item_id, whole)

    def _receive_text(self, item_id: str, words: str) -> None:
        if not words:
            return
        item = self._announce_content(item_id)
        if item is not None:
            item.text.append(words)
        self.receiver.report(SessionTextReceived(item_id, words))

    def _on_output_item_done(self, event: Mapping[str, Any]) -> None:
        item_id = identifier(event, "item", "id")
        item = self._items.get(item_id)
        if item is not None:
            self._end(item_id, item)

    def _on_response_done(self, event: Mapping[str, Any]) -> None:
        response_id, status = identifier(event, "response", "id"), status_of(mapping(event, "response"))
        for item_id, item in list(self._items.items()):
            if item.response_id == response_id:
                self._announce(item_id, item)
                self._samples.forget(item_id)
                del self._items[item_id]
        self._modalities.pop(response_id, None)
        self.receiver.report(SessionResponseEnded(response_id, status))

    def _on_truncated(self, event: Mapping[str, Any]) -> None:
        self.answers.on_truncated(event)

    def _on_deleted(self, event: Mapping[str, Any]) -> None:
        self.answers.on_deleted(event)

    def _on_error(self, event: Mapping[str, Any]) -> None:
        error = mapping(event, "error")
        speech_id = self._requests.refused(error.get("event_id"), str(error.get("code")))
        if speech_id is None:
            self.answers.on_error(event)
        else:
            code, words = sound(str(error.get("code") or "")), sound(str(error.get("message") or ""))
            self.receiver.report(SessionRequestRefused(speech_id, code, words))

    def _on_speech_started(self, event: Mapping[str, Any]) -> None:
        self.receiver.user_started_speaking()

    def _on_speech_stopped(self, event: Mapping[str, Any]) -> None:
        self.receiver.user_stopped_speaking()

    def _announce_content(self, item_id: str) -> _Item | None:
        item = self._items.get(item_id)
        if item is not None:
            self._announce(item_id, item)
        return item

    def _announce(self, item_id: str, item: _Item) -> None:
        if not item.is_announced:
            item.is_announced = True
            self.receiver.report(SessionMessageAdded(item.response_id, item_id, item.modalities))

    def _end(self, item_id: str, item: _Item) -> None:
        if not item.has_ended:
            item.has_ended = True
            self._announce(item_id, item)
            self.receiver.report(SessionMessageEnded(item_id))

    # To the server

    def request_response(self, speech_id: str) -> dict[str, Any]:
        """Return the client event that asks for a response."""
        event_id = self._event_id()
        self._requests.expect(event_id, speech_id)
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
                    "content_index": self._audio_content_index.get(effect.message_id, 0),
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
        place = {}
        if effect.message_id in self._previous_item_id:
            place["previous_item_id"] = self._previous_item_id[effect.message_id] or "root"
        return {
            "type": "conversation.item.create",
            "event_id": self._event_id("replace", effect.message_id),
            **place,
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


def _modalities_of(response: Mapping[str, Any]) -> tuple[Modality, ...]:
    named = response.get("output_modalities") or response.get("modalities") or ("audio",)
    return ("text",) if isinstance(named, list | tuple) and "audio" not in named else ("audio",)


def _remember(latest: dict[str, V], key: str, value: V) -> None:
    """Remember something of an item, and forget the oldest: a connection lasts longer than what is said on it."""
    latest[key] = value
    if len(latest) > _ITEMS_KEPT:
        del latest[next(iter(latest))]


_HANDLERS: dict[str, Callable[[OpenAIRealtimeProtocol, Mapping[str, Any]], None]] = {
    **dict.fromkeys(_GREETINGS, OpenAIRealtimeProtocol._on_greeting),
    "response.created": OpenAIRealtimeProtocol._on_response_created,
    "response.output_item.added": OpenAIRealtimeProtocol._on_output_item_added,
    "conversation.item.added": OpenAIRealtimeProtocol._on_conversation_item_added,
    "response.content_part.added": OpenAIRealtimeProtocol._on_content_part_added,
    "response.output_audio.delta": OpenAIRealtimeProtocol._on_audio_delta,
    "response.output_audio_transcript.delta": OpenAIRealtimeProtocol._on_text_delta,
    "response.output_audio_transcript.done": OpenAIRealtimeProtocol._on_text_done,
    "response.output_text.delta": OpenAIRealtimeProtocol._on_text_delta,
    "response.output_text.done": OpenAIRealtimeProtocol._on_text_done,
    "response.output_item.done": OpenAIRealtimeProtocol._on_output_item_done,
    "response.done": OpenAIRealtimeProtocol._on_response_done,
    "conversation.item.truncated": OpenAIRealtimeProtocol._on_truncated,
    "conversation.item.deleted": OpenAIRealtimeProtocol._on_deleted,
    "input_audio_buffer.speech_started": OpenAIRealtimeProtocol._on_speech_started,
    "input_audio_buffer.speech_stopped": OpenAIRealtimeProtocol._on_speech_stopped,
    "error": OpenAIRealtimeProtocol._on_error,
}


@dataclass(slots=True)
class Resumption:
    """What a new connection is: the same conversation as before, if the server says so by its id, or another one."""

    known: str | None
    """The id of the conversation before the loss, if the server had told it."""
    announced: str | None = None
    """The id that the server gives now."""

    def is_decided_by(self, event: Mapping[str, Any]) -> bool:
        """Take an event of the new connection; whether it is now known which conversation it is.

        If no id comes, it is known with the first event about a conversation, and at once if there never was one.
        """
        name = event.get("type")
        if name in _GREETINGS:
            with contextlib.suppress(FieldError):
                self.announced = optional_identifier(event, "conversation", "id")
            return self.announced is not None or self.known is None
        is_translated = isinstance(name, str) and _OLDER_NAMES.get(name, name) in _HANDLERS
        return is_translated or self.known is None

    @property
    def conversation_is_kept(self) -> bool:
        """Whether the server goes on with the same conversation."""
        return self.known is not None and self.announced == self.known


def _names_of(handler: Callable[[OpenAIRealtimeProtocol, Mapping[str, Any]], None]) -> list[str]:
    """Return what the events of a handler are called, by current and by older servers."""
    current = [name for name, its_handler in _HANDLERS.items() if its_handler is handler]
    return current + [older for older, name in _OLDER_NAMES.items() if name in current]


delta_in = delta_decoder(
    _names_of(OpenAIRealtimeProtocol._on_audio_delta), _names_of(OpenAIRealtimeProtocol._on_text_delta)
)
"""Return the delta of audio or text that a frame holds, for `receive_delta`; None if it holds something else."""
