"""The server's model of the conversation: its items in order, and what it remembers of them.

Pure: no I/O, no clock. A refusal is a value with the code and the words of the real server; a refused
request changes nothing. Sources: the published types of the OpenAI SDK, recorded sessions, and for the
refusals pipecat-ai/pipecat#2106, livekit/agents#6249 and openai/openai-agents-python#1466.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

ItemStatus: TypeAlias = Literal["in_progress", "completed", "incomplete"]


@dataclass(frozen=True, slots=True)
class ServerRefusal:
    """Why the server does not do what the client asked: the `error` object without its event id."""

    message: str
    code: str | None = None
    param: str | None = None
    type: str = "invalid_request_error"


@dataclass(slots=True)
class AudioPart:
    """A part of a message's content that is audio."""

    sent_ms: int = 0
    truncated_at_ms: int | None = None


@dataclass(slots=True)
class MessageItem:
    """A message. `text` is the transcript of an audio message, and None once truncation deleted some of it.

    For user and system messages `modality` is "input" and `content` holds the parts as they came. A message that speaks
    in several parts has `transcripts`, one for each.
    """

    id: str
    role: Literal["user", "assistant", "system"]
    modality: Literal["audio", "text", "input"]
    status: ItemStatus
    text: str | None = ""
    content: list[dict[str, Any]] = field(default_factory=list)
    audio: dict[int, AudioPart] = field(default_factory=dict)
    """By the index of the content that each is."""
    transcripts: list[str] = field(default_factory=list)
    counts_ms_less: int = 0
    """So much less of each part does the server believe to have sent."""
    first_id: str | None = None
    """What it was called on an earlier connection, and had audio then; on this one it is a text."""

    @property
    def audio_ms(self) -> int | None:
        """How much audio the server remembers, in milliseconds; None for a message without audio."""
        if self.modality != "audio":
            return None
        return sum(map(self._remembered_ms, self.audio.values()))

    def _remembered_ms(self, part: AudioPart) -> int:
        if part.truncated_at_ms is not None:
            return part.truncated_at_ms
        return max(0, part.sent_ms - self.counts_ms_less)

    def add_audio(self, audio_ms: int, content_index: int = 0) -> None:
        """Count audio that was generated. After a truncation of its part it no longer enters the memory."""
        self.audio.setdefault(content_index, AudioPart()).sent_ms += audio_ms

    def truncate(self, content_index: int, audio_end_ms: int) -> ServerRefusal | None:
        """Keep the audio 0..audio_end_ms of a part, and forget what was said."""
        part = self.audio.get(content_index)
        if part is None:
            return ServerRefusal(f"Invalid content index {content_index}.", "invalid_value", "content_index")
        if audio_end_ms < 0:
            return ServerRefusal(
                "Invalid 'audio_end_ms': integer below minimum value. "
                f"Expected a value >= 0, but got {audio_end_ms} instead.",
                "integer_below_min_value",
                "audio_end_ms",
            )
        there_ms = self._remembered_ms(part)
        if audio_end_ms > there_ms:
            return ServerRefusal(
                f"Audio content of {there_ms}ms is already shorter than {audio_end_ms}ms", "invalid_value"
            )
        part.truncated_at_ms = audio_end_ms
        self.text = None
        return None

    def add_text(self, delta: str) -> None:
        """Add text or transcript that was generated. After a truncation it is forgotten."""
        if self.text is not None:
            self.text += delta


@dataclass(slots=True)
class FunctionCallItem:
    """A function call that the model made, or that the client put into the conversation."""

    id: str
    call_id: str
    name: str
    arguments: str
    status: ItemStatus


@dataclass(slots=True)
class FunctionOutputItem:
    """The answer of the client to a function call."""

    id: str
    call_id: str
    output: str


Item: TypeAlias = MessageItem | FunctionCallItem | FunctionOutputItem


@dataclass(frozen=True, slots=True)
class RememberedMessage:
    """An assistant message as the server remembers it.

    audio_ms is None for a text message; text is None when truncation has deleted the transcript.
    """

    id: str
    audio_ms: int | None
    text: str | None
    status: ItemStatus
    audio_parts: int = 1
    """In how many parts of its content the audio is."""


class Conversation:
    """Items in order, and the one response that may write to them."""

    def __init__(self, conversation_id: str | None) -> None:
        """Begin empty. An out-of-band response writes to a conversation without an id."""
        self.id = conversation_id
        self._items: list[Item] = []
        self._active_response_id: str | None = None
        self._is_cancelling = False

    @property
    def items(self) -> tuple[Item, ...]:
        """All items, first to last."""
        return tuple(self._items)

    @property
    def active_response_id(self) -> str | None:
        """The response that is writing to the conversation, if one is."""
        return self._active_response_id

    def remembered(self) -> tuple[RememberedMessage, ...]:
        """Return the assistant messages in order, as the server remembers them now."""
        return tuple(
            RememberedMessage(item.first_id or item.id, item.audio_ms, item.text, item.status, max(1, len(item.audio)))
            for item in self._items
            if isinstance(item, MessageItem) and item.role == "assistant"
        )

    def find(self, item_id: str) -> Item | None:
        """Return the item with this id, or None."""
        return next((item for item in self._items if item.id == item_id), None)

    def previous_id(self, item_id: str) -> str | None:
        """Return the id of the item before this one; None for the first and for an unknown one."""
        ids = [item.id for item in self._items]
        return ids[index - 1] if item_id in ids and (index := ids.index(item_id)) > 0 else None

    def insert(self, item: Item, previous_item_id: str | None = None) -> ServerRefusal | None:
        """Put the item after `previous_item_id`: at the end without one, first of all after "root"."""
        if self.find(item.id) is not None:
            return ServerRefusal(
                f"Error adding item: the item with id '{item.id}' already exists.", "invalid_value", "item.id"
            )
        if isinstance(item, FunctionOutputItem) and not self._has_call(item.call_id):
            return ServerRefusal(f"Tool call ID '{item.call_id}' not found in conversation.", "invalid_tool_call_id")
        if previous_item_id is None:
            position = len(self._items)
        elif previous_item_id == "root":
            position = 0
        else:
            previous = self.find(previous_item_id)
            if previous is None:
                return ServerRefusal(
                    f"Error adding item: the previous item with id '{previous_item_id}' does not exist.",
                    "item_create_invalid_previous_item_id",
                    "previous_item_id",
                )
            position = self._items.index(previous) + 1
        self._items.insert(position, item)
        return None

    def truncate(self, item_id: str, content_index: int, audio_end_ms: int) -> ServerRefusal | None:
        """Keep the audio 0..audio_end_ms of a part of an assistant message, and delete its transcript."""
        item = self.find(item_id)
        if item is None:
            return ServerRefusal(
                f"Error truncating item: the item with id '{item_id}' does not exist.",
                "item_truncate_invalid_item_id",
                "item_id",
            )
        is_audio = isinstance(item, MessageItem) and item.modality == "audio" and not item.first_id
        if not isinstance(item, MessageItem) or not is_audio or not any(part.sent_ms for part in item.audio.values()):
            return ServerRefusal("Only model output audio messages can be truncated", "unsupported_content_type")
        return item.truncate(content_index, audio_end_ms)

    def delete(self, item_id: str) -> ServerRefusal | None:
        """Forget the item."""
        item = self.find(item_id)
        if item is None:
            return ServerRefusal(
                f"Error deleting item: the item with id '{item_id}' does not exist.",
                "item_delete_invalid_item_id",
                "item_id",
            )
        self._items.remove(item)
        return None

    def begin_response(self, response_id: str) -> ServerRefusal | None:
        """Let a response write to the conversation. Only one may, until it has ended."""
        if self._active_response_id is not None:
            return ServerRefusal(
                "Conversation already has an active response in progress: "
                f"{self._active_response_id}. Wait until the response is finished before creating a new one.",
                "conversation_already_has_active_response",
            )
        self._active_response_id = response_id
        self._is_cancelling = False
        return None

    def cancel(self, response_id: str | None) -> ServerRefusal | None:
        """Cancel the active response, which must be the one named if one is named.

        A cancelled response stays active until `end_response`; a second cancel finds nothing to do.
        """
        active_id = self._active_response_id
        if active_id is None or self._is_cancelling or response_id not in (None, active_id):
            return ServerRefusal("Cancellation failed: no active response found", "response_cancel_not_active")
        self._is_cancelling = True
        return None

    def end_response(self) -> None:
        """Let the next response write."""
        self._active_response_id = None
        self._is_cancelling = False

    def break_off(self) -> None:
        """The connection is gone: the response that was writing is over, and what it wrote stays as it is."""
        self.end_response()
        for item in self._items:
            if not isinstance(item, FunctionOutputItem) and item.status == "in_progress":
                item.status = "incomplete"

    def _has_call(self, call_id: str) -> bool:
        return any(isinstance(item, FunctionCallItem) and item.call_id == call_id for item in self._items)


def item_from_client(data: dict[str, Any], item_id: str, call_id: str) -> Item | ServerRefusal:
    """Make an item of what `conversation.item.create` carries, which has the SDK's types already.

    `item_id` and `call_id` serve where the client gave none. The client cannot create assistant audio.
    """
    item_id = data.get("id") or item_id
    kind = data["type"]
    if kind == "function_call":
        return FunctionCallItem(item_id, data.get("call_id") or call_id, data["name"], data["arguments"], "completed")
    if kind == "function_call_output":
        return FunctionOutputItem(item_id, data["call_id"], data["output"])
    if kind != "message":
        return ServerRefusal(f"Items of type '{kind}' are not simulated.", "invalid_value", "item.type")
    for index, part in enumerate(data["content"]):
        param = f"item.content[{index}].type"
        if part.get("type") is None:
            return ServerRefusal(f"Missing required parameter: '{param}'.", "missing_required_parameter", param)
        if data["role"] == "assistant" and part["type"] != "output_text":
            return ServerRefusal(
                f"Invalid value: '{part['type']}'. Value must be 'output_text'.", "invalid_value", param
            )
    text = "".join(part.get("text") or part.get("transcript") or "" for part in data["content"])
    modality: Literal["text", "input"] = "text" if data["role"] == "assistant" else "input"
    return MessageItem(item_id, data["role"], modality, "completed", text, list(data["content"]))
