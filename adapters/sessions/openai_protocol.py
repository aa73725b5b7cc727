"""The OpenAI Realtime protocol in our words: server events become facts, effects become client events.

Pure translation, without a connection: the live session and the replay of recordings both use it. It holds what
the protocol leaves implicit (which message an item is, which request an answer belongs to), and no rule of the
lifecycle. Current event names and the older ones that Azure still uses are both understood (spec, section 10).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from speech_lifecycle.fsm.effects import CommitMessage, SessionEffect
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
from speech_lifecycle.fsm.values import Modality

from ..ports import SessionReceiver
from ..whole_samples import WholeSamples
from .audio_format import PCM_24K, AudioFormat, AudioFormatError, said_format
from .fields import FieldError, audio, identifier, mapping, optional, optional_identifier, sound, text
from .openai_answers import OpenAIAnswers, ServerError, status_of
from .openai_client_events import SPEECH_ID_KEY, ClientEvents
from .openai_deltas import AudioDelta, Delta, delta_decoder
from .openai_items import Conversation, OutputItem
from .openai_requests import ResponseRequests
from .resumption import GREETINGS

logger = logging.getLogger(__name__)

_OLDER_NAMES = {
    "response.audio.delta": "response.output_audio.delta",
    "response.audio_transcript.delta": "response.output_audio_transcript.delta",
    "response.audio_transcript.done": "response.output_audio_transcript.done",
    "response.text.delta": "response.output_text.delta",
    "response.text.done": "response.output_text.done",
    "conversation.item.created": "conversation.item.added",
}

_RESPONSES_KEPT = 64
"""Responses of which the end is awaited: far more than one connection has at a time."""

V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class _Response:
    """What the server says of a response when it begins."""

    modalities: tuple[Modality, ...]
    audio_format: AudioFormat | AudioFormatError


class ProtocolError(SpeechLifecycleError, ValueError):
    """A server event is not what the protocol says. The message names the event and the field."""


@dataclass
class OpenAIRealtimeProtocol:
    """The state of a session, as far as translating needs it."""

    receiver: SessionReceiver
    audio_format: AudioFormat = PCM_24K
    """What audio is expected: at its sample rate the receiver gets it."""
    answers: OpenAIAnswers = field(init=False)
    conversation_id: str | None = None
    """What the server calls the conversation, if it says so. It outlives the connection if the server keeps it."""
    _said_format: AudioFormat | AudioFormatError = field(init=False)
    """What the server says that it sends, or why that cannot be played."""
    _refused_format: str = ""
    _items: dict[str, OutputItem] = field(default_factory=dict)
    """The messages of responses that have not ended."""
    _samples: WholeSamples = field(default_factory=WholeSamples)
    _responses: dict[str, _Response] = field(default_factory=dict)
    """Those that have not ended."""
    _conversation: Conversation = field(default_factory=Conversation)

    def __post_init__(self) -> None:
        self.answers = OpenAIAnswers(self.receiver)
        self._client = ClientEvents(self.answers, self._conversation)
        self._said_format = self.audio_format

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
        self._responses.clear()
        self._samples = WholeSamples()
        self._said_format = self.audio_format
        self._client.requests = ResponseRequests()
        self.answers.end_connection()

    # A handler reads all it needs before it reports or changes anything.

    def _on_greeting(self, event: Mapping[str, Any]) -> None:
        self.conversation_id = optional_identifier(event, "conversation", "id") or self.conversation_id
        session = optional(event, "session")
        # Before it was told anything, a server says its own defaults, and the agent has chosen.
        if isinstance(session, Mapping) and self.audio_format == PCM_24K:
            self._said_format = self._format_said_by(session, self._said_format)

    def _on_session_updated(self, event: Mapping[str, Any]) -> None:
        self._said_format = self._format_said_by(mapping(event, "session"), self._said_format)
        if isinstance(self._said_format, AudioFormatError):
            self._refuse_audio(self._said_format)

    def _on_response_created(self, event: Mapping[str, Any]) -> None:
        response_id = identifier(event, "response", "id")
        asked_by = optional_identifier(event, "response", "metadata", SPEECH_ID_KEY)
        response = mapping(event, "response")
        audio_format = self._format_said_by(response, self._said_format)
        _remember(self._responses, response_id, _Response(_modalities_of(response), audio_format))
        is_out_of_band = "conversation_id" in response and response["conversation_id"] is None
        self._client.requests.answered(asked_by)
        self.receiver.report(
            SessionResponseCreated(response_id, asked_by or "", is_out_of_band=is_out_of_band), speech_id=asked_by
        )

    def _on_output_item_added(self, event: Mapping[str, Any]) -> None:
        response_id = identifier(event, "response_id")
        if text(event, "item", "type") == "message":
            item_id = identifier(event, "item", "id")
            response = self._responses.get(response_id) or _Response(("audio",), self._said_format)
            self._items[item_id] = OutputItem(response_id, response.modalities, response.audio_format)
            return
        self.receiver.report(SessionItemAdded(response_id))

    def _on_conversation_item_added(self, event: Mapping[str, Any]) -> None:
        item_id = identifier(event, "item", "id")
        self._conversation.add(item_id, optional_identifier(event, "previous_item_id"))
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
            if isinstance(index, int):
                self._conversation.note_audio(item_id, index)
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

    def _receive_audio(self, item_id: str, data: bytes) -> None:
        item = self._items.get(item_id)
        audio_format = self._said_format if item is None else item.audio_format
        if isinstance(audio_format, AudioFormatError):
            self._refuse_audio(audio_format)
            return
        whole = self._samples.take(item_id, audio_format.decode(data))
        if whole:
            self._announce_content(item_id)
            self.receiver.deliver_audio(item_id, whole)

    def _format_said_by(
        self, settings: Mapping[str, Any], otherwise: AudioFormat | AudioFormatError
    ) -> AudioFormat | AudioFormatError:
        """Return what a session or response says of its audio, or why that cannot be played here."""
        try:
            said = said_format(settings)
        except AudioFormatError as error:
            return error
        if said is None or said.sample_rate == self.audio_format.sample_rate:
            return said or otherwise
        return AudioFormatError(
            f"the server sends {said}, and this session is for {self.audio_format}: what it sends is not played. Make "
            f"the session with audio_format={said.name!r} and give the driver an output of {said.sample_rate} samples "
            f"per second, or ask the server for {self.audio_format} in session.update"
        )

    def _refuse_audio(self, error: AudioFormatError) -> None:
        """Say once why audio cannot be played, and again when the server has said another format that cannot be."""
        if str(error) != self._refused_format:
            self._refused_format = str(error)
            logger.error("%s", error)
            self.answers.note(ServerError("unplayable_audio_format", str(error), None))

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
        self._responses.pop(response_id, None)
        self.receiver.report(SessionResponseEnded(response_id, status))

    def _on_truncated(self, event: Mapping[str, Any]) -> None:
        self.answers.on_truncated(event)

    def _on_deleted(self, event: Mapping[str, Any]) -> None:
        self.answers.on_deleted(event)

    def _on_error(self, event: Mapping[str, Any]) -> None:
        error = mapping(event, "error")
        speech_id = self._client.requests.refused(error.get("event_id"), str(error.get("code")))
        if speech_id is None:
            self.answers.on_error(event)
        else:
            code, words = sound(str(error.get("code") or "")), sound(str(error.get("message") or ""))
            self.receiver.report(SessionRequestRefused(speech_id, code, words))

    def _on_speech_started(self, event: Mapping[str, Any]) -> None:
        self.receiver.user_started_speaking()

    def _on_speech_stopped(self, event: Mapping[str, Any]) -> None:
        self.receiver.user_stopped_speaking()

    def _announce_content(self, item_id: str) -> OutputItem | None:
        item = self._items.get(item_id)
        if item is not None:
            self._announce(item_id, item)
        return item

    def _announce(self, item_id: str, item: OutputItem) -> None:
        if not item.is_announced:
            item.is_announced = True
            self.receiver.report(SessionMessageAdded(item.response_id, item_id, item.modalities))

    def _end(self, item_id: str, item: OutputItem) -> None:
        if not item.has_ended:
            item.has_ended = True
            self._announce(item_id, item)
            self.receiver.report(SessionMessageEnded(item_id))

    # To the server

    def request_response(self, speech_id: str) -> dict[str, Any]:
        """Return the client event that asks for a response."""
        return self._client.request_response(speech_id)

    def restore(self, history: Iterable[CommitMessage]) -> list[dict[str, Any]]:
        """Return the client events that tell a new conversation what was heard, as `ClientEvents.restore` does."""
        return self._client.restore(history)

    def translate(self, effect: SessionEffect) -> list[dict[str, Any]]:
        """Return the client events that perform an effect."""
        return self._client.translate(effect)


def _modalities_of(response: Mapping[str, Any]) -> tuple[Modality, ...]:
    named = response.get("output_modalities") or response.get("modalities") or ("audio",)
    return ("text",) if isinstance(named, list | tuple) and "audio" not in named else ("audio",)


def _remember(latest: dict[str, V], key: str, value: V) -> None:
    """Remember something of a response, and forget the oldest: the ends of some never come."""
    latest[key] = value
    if len(latest) > _RESPONSES_KEPT:
        del latest[next(iter(latest))]


_HANDLERS: dict[str, Callable[[OpenAIRealtimeProtocol, Mapping[str, Any]], None]] = {
    **dict.fromkeys(GREETINGS, OpenAIRealtimeProtocol._on_greeting),
    "session.updated": OpenAIRealtimeProtocol._on_session_updated,
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


def _names_of(handler: Callable[[OpenAIRealtimeProtocol, Mapping[str, Any]], None]) -> list[str]:
    """Return what the events of a handler are called, by current and by older servers."""
    current = [name for name, its_handler in _HANDLERS.items() if its_handler is handler]
    return current + [older for older, name in _OLDER_NAMES.items() if name in current]


delta_in = delta_decoder(
    _names_of(OpenAIRealtimeProtocol._on_audio_delta), _names_of(OpenAIRealtimeProtocol._on_text_delta)
)
"""Return the delta of audio or text that a frame holds, for `receive_delta`; None if it holds something else."""
