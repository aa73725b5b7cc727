"""The user's side: the input audio buffer, and the turns that the server hears in it."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Any, Literal, Protocol

from . import wire
from .client_events import ClientEvent
from .conversation import Conversation, Item, MessageItem, ServerRefusal
from .generation import CancelReason
from .tone import BYTES_PER_MS

_MINIMUM_COMMIT_MS = 100
_PADDING_MS = 300
"""Of what was before speech was heard, a turn has so much. What is older is forgotten by a server that hears."""


class Ear(Protocol):
    """Hears when somebody speaks."""

    def take(self, pcm: bytes) -> Sequence[Literal["started", "stopped"]]:
        """Take 16-bit mono PCM at 24 kHz, and return what is heard in it."""
        ...


class TurnChannel(Protocol):
    """What the user's turns need of their session."""

    session_object: dict[str, Any]
    conversation: Conversation

    def emit(self, event: wire.WireEvent) -> None:
        """Send an event."""
        ...

    def new_id(self, kind: str) -> str:
        """Return an id that no other thing on the server has."""
        ...

    def announce(self, item: Item) -> None:
        """Tell the client of an item that is complete from the start."""
        ...

    def cancel_active(self, reason: CancelReason) -> ServerRefusal | None:
        """Cancel the response that writes to the conversation."""
        ...

    def owe_response(self) -> None:
        """Start a response to the user's turn, now or when the active one has ended."""
        ...


class UserTurns:
    """Input audio of one session. Speech in it is announced, by `start` and `stop`, or heard by an ear."""

    def __init__(self, channel: TurnChannel, ear: Ear | None = None) -> None:
        """Begin with an empty buffer and a silent user."""
        self._channel = channel
        self._ear = ear
        self._buffer = bytearray()
        self._received_ms = 0
        self._spoken_item_id: str | None = None

    def append(self, event: ClientEvent) -> ServerRefusal | None:
        """Take audio. The real server does not acknowledge it either."""
        try:
            audio = base64.b64decode(event.data["audio"], validate=True)
        except binascii.Error:
            return ServerRefusal("Invalid 'audio'. Expected base64-encoded audio bytes.", "invalid_value", "audio")
        self._buffer += audio
        self._received_ms += len(audio) // BYTES_PER_MS
        if self._ear is not None:
            self._hear(self._ear, audio)
        return None

    def _hear(self, ear: Ear, audio: bytes) -> None:
        for what in ear.take(audio):
            if what == "started":
                self.start()
            else:
                self.stop(None)
        if self._spoken_item_id is None and self._turn_detection() is not None:
            del self._buffer[: -_PADDING_MS * BYTES_PER_MS]

    def commit(self, event: ClientEvent) -> ServerRefusal | None:
        """Make the buffer a user message."""
        buffered_ms = len(self._buffer) / BYTES_PER_MS
        if buffered_ms < _MINIMUM_COMMIT_MS:
            return ServerRefusal(
                "Error committing input audio buffer: buffer too small. Expected at least "
                f"{_MINIMUM_COMMIT_MS}ms of audio, but buffer only has {buffered_ms:.2f}ms of audio.",
                "input_audio_buffer_commit_empty",
            )
        self._commit(self._channel.new_id("item"))
        return None

    def clear(self, event: ClientEvent) -> None:
        """Forget the buffer."""
        self._buffer.clear()
        self._channel.emit({"type": "input_audio_buffer.cleared"})

    def start(self) -> None:
        """Let the user be heard to begin, if the session listens for speech."""
        turn_detection = self._turn_detection()
        if turn_detection is None:
            return
        self._spoken_item_id = self._channel.new_id("item")
        self._channel.emit(
            {
                "type": "input_audio_buffer.speech_started",
                "audio_start_ms": self._received_ms,
                "item_id": self._spoken_item_id,
            }
        )
        if turn_detection.get("interrupt_response", True):
            self._channel.cancel_active("turn_detected")

    def stop(self, transcript: str | None) -> None:
        """Let the user be heard to finish, if they were heard to begin."""
        turn_detection = self._turn_detection()
        if turn_detection is None or self._spoken_item_id is None:
            return
        item_id, self._spoken_item_id = self._spoken_item_id, None
        self._channel.emit(
            {
                "type": "input_audio_buffer.speech_stopped",
                "audio_end_ms": self._received_ms,
                "item_id": item_id,
            }
        )
        duration_ms = len(self._buffer) // BYTES_PER_MS
        item = self._commit(item_id)
        if turn_detection.get("create_response", True):
            self._channel.owe_response()
        if transcript is not None and self._channel.session_object["audio"]["input"]["transcription"]:
            item.text, item.content = transcript, [{"type": "input_audio", "transcript": transcript}]
            self._channel.emit(
                {
                    "type": "conversation.item.input_audio_transcription.completed",
                    "item_id": item_id,
                    "content_index": 0,
                    "transcript": transcript,
                    "usage": {"type": "duration", "seconds": duration_ms / 1000},
                }
            )

    def _turn_detection(self) -> dict[str, Any] | None:
        turn_detection: dict[str, Any] | None = self._channel.session_object["audio"]["input"]["turn_detection"]
        return turn_detection

    def _commit(self, item_id: str) -> MessageItem:
        self._buffer.clear()
        content: list[dict[str, Any]] = [{"type": "input_audio", "transcript": None}]
        item = MessageItem(item_id, "user", "input", "completed", "", content)
        self._channel.conversation.insert(item)
        self._channel.emit(
            {
                "type": "input_audio_buffer.committed",
                "previous_item_id": self._channel.conversation.previous_id(item_id),
                "item_id": item_id,
            }
        )
        self._channel.announce(item)
        return item
