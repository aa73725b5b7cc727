"""The OpenAI Realtime protocol in our words: server events become facts, effects become client events.

Pure translation, without a connection: the live session and the replay of recordings both use it. It holds what
the protocol leaves implicit (which message an item is, which request an answer belongs to), and no rule of the
lifecycle. Current event names and the older ones that Azure still uses are both understood (spec, section 10).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from speech_lifecycle.fsm.effects import CommitMessage, SessionEffect
from speech_lifecycle.fsm.errors import SpeechLifecycleError
from speech_lifecycle.fsm.events import (
    SessionItemAdded,
    SessionRequestRefused,
    SessionResponseEnded,
    SessionResponseProgressed,
)

from ..ports import SessionReceiver
from .audio_format import PCM_24K, AudioFormat, AudioFormatError
from .fields import (
    FieldError,
    audio,
    content_index,
    hint,
    identifier,
    mapping,
    optional,
    optional_identifier,
    text,
)
from .incoming_audio import IncomingAudio
from .openai_answers import ErrorEvent, OpenAIAnswers, ServerError, status_of, why_ended
from .openai_beginnings import ResponseBeginnings
from .openai_client_events import ClientEvents
from .openai_contents import contents_of, messages_in, modalities_in, words_of
from .openai_deltas import AudioDelta, Delta, delta_decoder
from .openai_dialects import OPENAI, Dialect
from .openai_items import Conversation
from .openai_messages import OLDER_NAMES, OutputMessages, is_its_name, present_name
from .openai_requests import ResponseRequests
from .openai_responses import OpenResponses
from .resumption import GREETINGS
from .user_turn import UserTurn

logger = logging.getLogger(__name__)


class ProtocolError(SpeechLifecycleError, ValueError):
    """A server event is not what the protocol says. The message names the event and the field."""


@dataclass
class OpenAIRealtimeProtocol:
    """The state of a session, as far as translating needs it."""

    receiver: SessionReceiver
    audio_format: AudioFormat = PCM_24K
    """What audio is expected: at its sample rate the receiver gets it."""
    dialect: Dialect = OPENAI
    """What is known of the server at the beginning."""
    send: Callable[[dict[str, Any]], None] = lambda event: None
    """Sends a client event that nobody asked for: another form of one that was refused."""
    answers: OpenAIAnswers = field(init=False)
    conversation_id: str | None = None
    """What the server calls the conversation, if it says so. It outlives the connection if the server keeps it."""
    _responses: OpenResponses = field(default_factory=OpenResponses)
    _conversation: Conversation = field(default_factory=Conversation)

    def __post_init__(self) -> None:
        self.answers = OpenAIAnswers(self.receiver)
        self._user_turn = UserTurn(self.receiver)
        self._client = ClientEvents(
            self.answers, self._conversation, dialect=self.dialect, audio_format=self.audio_format
        )
        self.answers.may_be_there = self._client.former.may_be_there
        self._audio = IncomingAudio(self.audio_format, self._note_unplayable)
        self._beginnings = ResponseBeginnings(
            self.receiver, self._client, self._responses, self._audio, self._user_turn
        )
        self._messages = OutputMessages(
            self.receiver, self._client, self._conversation, self._responses, self._beginnings, self._audio
        )

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
        handler = _HANDLERS.get(present_name(name))
        if handler is None:
            self._note_progress(event)
            return
        try:
            handler(self, event)
        except FieldError as error:
            raise ProtocolError(f"server event {name!r}: {error}") from None

    def receive_delta(self, delta: Delta) -> None:
        """Report a delta that `delta_in` has decoded: what `receive` does with the same event."""
        item = self._messages.item(delta.item_id, delta.response_id or "", delta.name)
        if item is not None and not is_its_name(item, delta.name):
            return
        if isinstance(delta, AudioDelta):
            self._messages.receive_audio(delta.item_id, item, delta.delta, delta.content_index)
        else:
            self._messages.receive_text(delta.item_id, item, delta.delta, delta.content_index or 0)

    def end_connection(self) -> None:
        """Expect nothing more of what was under way: responses and answers went down with the connection."""
        for item_id, item in list(self._messages.open.items()):
            self._messages.drop(item_id, item)
        self._client.former.begin_connection()
        self._responses.clear()
        self._audio.end_connection()
        self._client.requests = ResponseRequests()
        self._user_turn.end_connection()
        self.answers.end_connection()

    # A handler reads all it needs before it reports or changes anything.

    def _on_greeting(self, event: Mapping[str, Any]) -> None:
        self.conversation_id = optional_identifier(event, "conversation", "id") or self.conversation_id
        session = optional(event, "session")
        # Before it was told anything, a server says its own defaults, and the agent has chosen.
        if isinstance(session, Mapping) and self.audio_format == PCM_24K:
            self._audio.listen_to(session)

    def _on_session_updated(self, event: Mapping[str, Any]) -> None:
        self._audio.listen_to(mapping(event, "session"))
        self._user_turn.take(event)
        if isinstance(self._audio.said, AudioFormatError):
            self._audio.refuse(self._audio.said)

    def _on_response_created(self, event: Mapping[str, Any]) -> None:
        self._beginnings.announce(identifier(event, "response", "id"), mapping(event, "response"))

    def _on_output_item_added(self, event: Mapping[str, Any]) -> None:
        response_id = identifier(event, "response_id")
        if text(event, "item", "type") == "message":
            item_id = identifier(event, "item", "id")
            if item_id not in self._messages.open:
                self._beginnings.note(response_id, item_id)
                self._messages.begin(item_id, response_id)
            return
        item_id = optional(event, "item", "id")
        self._beginnings.note(response_id, item_id if isinstance(item_id, str) else "")
        response = self._responses.get(response_id)
        if isinstance(item_id, str) and response is not None:
            response.others.append(item_id)
        self.receiver.report(SessionItemAdded(self._name(response_id)))

    def _note_progress(self, event: Mapping[str, Any]) -> None:
        """Report that the server works on a response, if an event names it or an item of it and says nothing more."""
        named, item_id = event.get("response_id"), event.get("item_id")
        if isinstance(named, str) and str(event.get("type")).startswith("response."):
            self._beginnings.note(hint(event, "response_id"), hint(event, "item_id"))
        for response_id, response in self._responses:
            item = self._messages.open.get(item_id) if isinstance(item_id, str) else None
            if response_id == named or item_id in response.others or (item and item.response_id == response_id):
                self.receiver.report(SessionResponseProgressed(self._name(response_id)))
                return

    def _on_conversation_item_added(self, event: Mapping[str, Any]) -> None:
        item_id = identifier(event, "item", "id")
        previous_item_id = optional_identifier(event, "previous_item_id")
        item, former = optional(event, "item"), None
        if optional(event, "item", "role") == "assistant" and optional(event, "item", "status") == "completed":
            former = self._client.former.recognize(item_id, "".join(contents_of(item).texts.values()))
        if former is not None:
            self._conversation.rename(self._client.message_ids.id_of(former), item_id)
        self._conversation.add(item_id, previous_item_id)
        self.answers.on_item_added(item_id)

    def _on_content_part_added(self, event: Mapping[str, Any]) -> None:
        """A message is announced with its first content: only then is it certain whether it has audio."""
        item_id, kind = identifier(event, "item_id"), text(event, "part", "type")
        item = self._messages.item(item_id, hint(event, "response_id"))
        if item is None:
            return
        if kind in ("text", "output_text") and not item.is_announced:
            item.modalities = ("text",)
        elif kind in ("audio", "output_audio"):
            item.modalities = ("audio",)
            item.add_audio(content_index(event), 0)
            self._conversation.note_audio(item_id, item.audio_runs)
        self._messages.announce(item_id, item)

    def _on_audio_delta(self, event: Mapping[str, Any]) -> None:
        item_id, data = identifier(event, "item_id"), audio(event, "delta")
        item = self._messages.item(item_id, hint(event, "response_id"), event["type"])
        if item is None or is_its_name(item, event["type"]):
            self._messages.receive_audio(item_id, item, data, content_index(event))

    def _on_text_delta(self, event: Mapping[str, Any]) -> None:
        item_id, words = identifier(event, "item_id"), text(event, "delta")
        item = self._messages.item(item_id, hint(event, "response_id"), event["type"])
        if item is None or is_its_name(item, event["type"]):
            self._messages.receive_text(item_id, item, words, content_index(event) or 0)

    def _on_text_done(self, event: Mapping[str, Any]) -> None:
        """Some servers send the text, or the rest of it, only at the end, and some sentence by sentence (N20)."""
        item_id = identifier(event, "item_id")
        key = "transcript" if "transcript" in event else "text"
        done = text(event, key) if optional(event, key) is not None else ""
        item = self._messages.item(item_id, hint(event, "response_id"), event["type"])
        index = content_index(event) or 0
        if item is not None and is_its_name(item, event["type"]):
            self._messages.report_text(item_id, item, item.text(index).take_done(done))

    def _on_content_part_done(self, event: Mapping[str, Any]) -> None:
        """The last place but two where a text may be that came nowhere before (N20)."""
        item_id, words = identifier(event, "item_id"), words_of(optional(event, "part"))
        item, index = self._messages.item(item_id, hint(event, "response_id")), content_index(event) or 0
        if item is not None:
            item.modalities = item.modalities or modalities_in(optional(event, "part"))
            self._messages.report_text(item_id, item, item.text(index).take_whole(words))

    def _note_unplayable(self, error: AudioFormatError) -> None:
        self.answers.note(ServerError("unplayable_audio_format", str(error), None))

    def _on_output_item_done(self, event: Mapping[str, Any]) -> None:
        item_id, contents = identifier(event, "item", "id"), contents_of(optional(event, "item"))
        response_id = hint(event, "response_id") if optional(event, "item", "type") == "message" else ""
        item = self._messages.open.get(item_id) if not response_id else self._messages.item(item_id, response_id)
        if item is not None:
            self._messages.receive_rest(item_id, item, contents)
            self._messages.end(item_id, item)
        else:
            self._note_progress(event)

    def _on_response_done(self, event: Mapping[str, Any]) -> None:
        response_id, status = identifier(event, "response", "id"), status_of(mapping(event, "response"))
        code, in_words = why_ended(mapping(event, "response"))
        outputs = messages_in(optional(event, "response", "output"))
        self._beginnings.note_whole(response_id, mapping(event, "response"), outputs)
        for item_id, contents in outputs.items():
            item = self._messages.item(item_id, response_id, is_listed=True)
            if item is not None and item.response_id == response_id:
                self._messages.receive_rest(item_id, item, contents)
        for item_id, item in list(self._messages.open.items()):
            if item.response_id == response_id:
                self._messages.announce(item_id, item)
                self._messages.drop(item_id, item)
        self._responses.end(response_id)
        self.receiver.report(SessionResponseEnded(self._name(response_id), status, code, in_words))

    def _on_truncated(self, event: Mapping[str, Any]) -> None:
        self.answers.on_truncated(event)

    def _on_deleted(self, event: Mapping[str, Any]) -> None:
        item_id = self.answers.on_deleted(event)
        self._conversation.remove(item_id)
        self._client.former.forget(self._client.message_ids.name_of(item_id))

    def _on_error(self, event: Mapping[str, Any]) -> None:
        error = ErrorEvent.of(event)
        instead = self._client.second_try(error)
        if instead is not None:
            logger.info("the server refused (%s): %r is sent once more, in another form", error.code, instead["type"])
            self.send(instead)
            return
        refused = self._client.requests.refused_by(error)
        if refused is None:
            self.answers.take_error(error)
        else:
            speech_id = self._client.requests.speech_of(refused)
            self.receiver.report(SessionRequestRefused(speech_id, error.code, error.text))

    def _on_speech_started(self, event: Mapping[str, Any]) -> None:
        self._client.requests.user_speaks()
        self._user_turn.take(event)

    def _on_user_turn(self, event: Mapping[str, Any]) -> None:
        self._user_turn.take(event)

    def _name(self, response_id: str) -> str:
        """Return what the machine calls a response."""
        return self._client.response_ids.name_of(response_id)

    # To the server

    def request_response(
        self, speech_id: str, options: Mapping[str, Any] | None = None, *, is_out_of_band: bool = False
    ) -> dict[str, Any]:
        """Return the client event that asks for a response."""
        return self._client.request_response(speech_id, options, is_out_of_band=is_out_of_band)

    def note_sent(self, event: Mapping[str, Any]) -> None:
        """Learn of a client event that may not be ours: of a request for a response, that somebody has asked."""
        if event.get("type") == "response.create":
            self._client.requests.note_sent(event.get("event_id"))

    def restore(self, history: Iterable[CommitMessage]) -> list[dict[str, Any]]:
        """Return the client events that tell a new conversation what was heard, as `ClientEvents.restore` does."""
        return self._client.restore(history)

    def translate(self, effect: SessionEffect) -> list[dict[str, Any]]:
        """Return the client events that perform an effect."""
        return self._client.translate(effect)


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
    "response.content_part.done": OpenAIRealtimeProtocol._on_content_part_done,
    "response.output_item.done": OpenAIRealtimeProtocol._on_output_item_done,
    "response.done": OpenAIRealtimeProtocol._on_response_done,
    "conversation.item.truncated": OpenAIRealtimeProtocol._on_truncated,
    "conversation.item.deleted": OpenAIRealtimeProtocol._on_deleted,
    "input_audio_buffer.speech_started": OpenAIRealtimeProtocol._on_speech_started,
    "input_audio_buffer.speech_stopped": OpenAIRealtimeProtocol._on_user_turn,
    "input_audio_buffer.committed": OpenAIRealtimeProtocol._on_user_turn,
    "input_audio_buffer.cleared": OpenAIRealtimeProtocol._on_user_turn,
    "input_audio_buffer.timeout_triggered": OpenAIRealtimeProtocol._on_user_turn,
    "error": OpenAIRealtimeProtocol._on_error,
}


def _names_of(handler: Callable[[OpenAIRealtimeProtocol, Mapping[str, Any]], None]) -> list[str]:
    """Return what the events of a handler are called, by current and by older servers."""
    current = [name for name, its_handler in _HANDLERS.items() if its_handler is handler]
    return current + [older for older, name in OLDER_NAMES.items() if name in current]


delta_in = delta_decoder(
    _names_of(OpenAIRealtimeProtocol._on_audio_delta), _names_of(OpenAIRealtimeProtocol._on_text_delta)
)
"""Return the delta of audio or text that a frame holds, for `receive_delta`; None if it holds something else."""
