"""What a server must remember, by what went over the wire: the judge of the adapters.

It reads the server's events and the client's, as they are, and shares no code with the adapters, so that what an
adapter overlooks, loses or takes for something else is not overlooked here too. It believes the server: what counts is
what the server said that it generated, cut and deleted, not what it was asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .conversation import AudioPart, Conversation, FunctionCallItem, MessageItem, RememberedMessage, ServerRefusal
from .wire_messages import Generated, Part, WireMessages
from .wire_reading import (
    PCM_BYTES_PER_S,
    bytes_in_base64,
    bytes_per_s,
    content_index,
    index_in,
    present_name,
    sound,
    text_in,
)


class WireMemory:
    """The conversation of a server, kept by an onlooker of the wire."""

    def __init__(self) -> None:
        self._conversation = self._before = Conversation("remembered")
        self._conversation_id: str | None = None
        self._may_be_kept = False
        self._messages = WireMessages()
        self._deleted: dict[str, str] = {}
        """The messages that are gone, by the ids that the server had for them."""
        self._asked: list[Mapping[str, Any]] = []
        """The client's events that the server has not answered."""
        self.output_bytes_per_s = PCM_BYTES_PER_S
        """Of the audio that the server says it sends."""
        self.lost: set[str] = set()
        """The messages that the server knew until its connection was lost."""

    @property
    def conversation(self) -> Conversation:
        """What the server remembers now."""
        for generated in self._messages.by_name.values():
            if generated.item.text is not None:
                generated.item.text = "".join(part.text for _, part in sorted(generated.parts.items()))
        return self._conversation

    @property
    def sent_ms(self) -> dict[str, int]:
        """The audio of each message that the server has sent, in whole milliseconds."""
        return {name: each.sent_ms for name, each in self._messages.by_name.items()}

    @property
    def generating(self) -> set[str]:
        """The responses that have begun and not ended."""
        return self._messages.generating

    def name_of(self, item_id: str) -> str:
        """Return what the latest message that the server calls so is called here."""
        return self._messages.name_of(item_id)

    def name_of_created(self, item_id: str) -> str:
        """Return what an item is called here that the client creates: as the message in whose place it comes."""
        return self._deleted.pop(item_id, item_id)

    def delete(self, item_id: str) -> ServerRefusal | None:
        """Forget the latest item that the server calls so."""
        name = self.name_of(item_id)
        self._deleted[item_id] = name
        return self._conversation.delete(name)

    def remembered(self) -> tuple[RememberedMessage, ...]:
        """Return the assistant's messages as the server remembers them."""
        return self.conversation.remembered()

    # What went by

    def send(self, event: Mapping[str, Any]) -> None:
        """Take an event of the client. It counts when the server has answered it."""
        if event.get("type") in (
            "conversation.item.truncate",
            "conversation.item.delete",
            "conversation.item.create",
        ):
            self._asked.append(event)

    def receive(self, event: Mapping[str, Any]) -> None:
        """Take an event of the server. What cannot be read is passed over: it says nothing."""
        name = event.get("type")
        if not isinstance(name, str):
            return
        self.greet(event)
        handler = _HANDLERS.get(present_name(name))
        if handler is not None:
            handler(self, event)

    def greet(self, event: Mapping[str, Any]) -> None:
        """Learn which conversation a connection goes on with, if the event says it."""
        conversation_id = text_in(event, "conversation", "id")
        if conversation_id is None:
            return
        if conversation_id == self._conversation_id:
            self.keep_conversation()
        self._may_be_kept = False
        self._conversation_id = conversation_id

    def count_audio(self, name: str, size: int) -> None:
        """Take that many bytes of a message's audio."""
        generated = self._messages.by_name.get(name)
        if generated is not None:
            generated.take_audio(None, size)

    def lose_connection(self) -> None:
        """Learn that the connection is gone, and perhaps the conversation with it: the next one tells by its id."""
        self.conversation.break_off()
        self._before = self.conversation
        self.lost |= {message.id for message in self._before.remembered()}
        self._conversation = Conversation("remembered")
        self._asked.clear()
        self._deleted.clear()
        self.generating.clear()
        self._may_be_kept = True

    def keep_conversation(self) -> None:
        """Learn that the server goes on with the conversation of before the loss."""
        if self._may_be_kept:
            self._may_be_kept = False
            self._conversation = self._before
            self.lost -= {message.id for message in self._conversation.remembered()}

    # The session

    def _on_session(self, event: Mapping[str, Any]) -> None:
        session = event.get("session")
        if isinstance(session, Mapping):
            self.output_bytes_per_s = bytes_per_s(session) or self.output_bytes_per_s

    # Responses

    def _on_response_created(self, event: Mapping[str, Any]) -> None:
        response, response_id = event.get("response"), text_in(event, "response", "id")
        if response_id is None or not isinstance(response, Mapping):
            return
        is_elsewhere = "conversation_id" in response and response["conversation_id"] is None
        self._messages.begin(response_id, is_elsewhere=is_elsewhere)

    def _on_response_done(self, event: Mapping[str, Any]) -> None:
        response, response_id = event.get("response"), text_in(event, "response", "id")
        if not isinstance(response, Mapping) or response_id is None:
            return
        output = response.get("output")
        for item in output if isinstance(output, list) else ():
            if isinstance(item, Mapping):
                self._take_item(response_id, item, is_listed=True)
        self.generating.discard(response_id)

    def _on_output_item(self, event: Mapping[str, Any]) -> None:
        item = event.get("item")
        if isinstance(item, Mapping):
            self._take_item(text_in(event, "response_id"), item)

    def _take_item(self, response_id: str | None, item: Mapping[str, Any], *, is_listed: bool = False) -> None:
        item_id = text_in(item, "id")
        if item_id is None:
            return
        if item.get("type") == "message":
            generated = self._message_of(response_id, item_id, is_listed=is_listed)
            content = item.get("content")
            if generated is not None and isinstance(content, list):
                for index, part in enumerate(content):
                    if isinstance(part, Mapping):
                        generated.take_part(index, part)
        elif not self._messages.is_elsewhere(response_id) and item.get("type") == "function_call":
            name = text_in(item, "name") or ""
            self._conversation.insert(FunctionCallItem(item_id, text_in(item, "call_id") or "", name, "", "completed"))

    def _message_of(self, response_id: str | None, item_id: str, *, is_listed: bool = False) -> Generated | None:
        """Return a message of a response, which may be mentioned here for the first time."""
        if not self._messages.is_elsewhere(response_id):
            there = self._messages.find(response_id, item_id, is_listed=is_listed)
            if there is not None:
                return there
        generated = self._messages.add(response_id, item_id, self.output_bytes_per_s)
        if generated is None or self._conversation.insert(generated.item) is not None:
            return None
        self._messages.by_name[generated.item.id] = generated
        return generated

    def _on_part(self, event: Mapping[str, Any]) -> None:
        generated, part = self._message_in(event), event.get("part")
        if generated is not None and isinstance(part, Mapping):
            generated.take_part(content_index(event), part)

    def _on_audio_delta(self, event: Mapping[str, Any]) -> None:
        generated, delta = self._message_in(event), text_in(event, "delta")
        if generated is None or delta is None or not generated.is_first_name("audio", event):
            return
        size = bytes_in_base64(delta)
        if size is not None:
            generated.take_audio(index_in(event), size)

    def _on_text_delta(self, event: Mapping[str, Any]) -> None:
        generated, delta = self._message_in(event), text_in(event, "delta")
        if generated is not None and delta is not None and generated.is_first_name("text", event):
            if present_name(event["type"]) == "response.output_text.delta":
                generated.take_text()
            generated.parts.setdefault(content_index(event), Part()).pieces.append(sound(delta))

    def _on_text_done(self, event: Mapping[str, Any]) -> None:
        generated = self._message_in(event)
        whole = text_in(event, "transcript") or text_in(event, "text")
        if generated is not None and whole is not None and generated.is_first_name("text done", event):
            generated.parts.setdefault(content_index(event), Part()).finish(sound(whole))

    def _message_in(self, event: Mapping[str, Any]) -> Generated | None:
        item_id = text_in(event, "item_id")
        return None if item_id is None else self._message_of(text_in(event, "response_id"), item_id)

    # Items that no response made, and the answers to the client

    def _on_item_added(self, event: Mapping[str, Any]) -> None:
        item, item_id = event.get("item"), text_in(event, "item", "id")
        if (
            not isinstance(item, Mapping)
            or item_id is None
            or self._conversation.find(self.name_of(item_id)) is not None
        ):
            return
        request = self._created_by(item_id, item)
        if request is not None:
            previous_id = text_in(request, "previous_item_id")
            previous = "root" if previous_id == "root" else self._there(previous_id)
            self._conversation.insert(_item_of(self.name_of_created(item_id), request["item"]), previous)
        elif item.get("role") != "assistant":
            previous = self._there(text_in(event, "previous_item_id"))
            self._conversation.insert(MessageItem(item_id, "user", "input", "completed"), previous)
        # An assistant's message that neither a response made nor the client created is a copy of an earlier one, as
        # servers announce them on a connection that resumes another.

    def _there(self, item_id: str | None) -> str | None:
        """Return the name of an item if it is in the conversation."""
        name = self.name_of(item_id or "")
        return None if self._conversation.find(name) is None else name

    def _created_by(self, item_id: str, item: Mapping[str, Any]) -> Mapping[str, Any] | None:
        created = [each for each in self._asked if each.get("type") == "conversation.item.create"]
        for event in created:
            asked = event.get("item")
            if isinstance(asked, Mapping) and (
                asked.get("id") == item_id or (asked.get("id") is None and asked.get("role") == item.get("role"))
            ):
                self._asked.remove(event)
                return event
        return None

    def _on_truncated(self, event: Mapping[str, Any]) -> None:
        request = self._answered(event, "conversation.item.truncate")
        end_ms = event.get("audio_end_ms", None if request is None else request.get("audio_end_ms"))
        item_id = text_in(event, "item_id") or text_in(request or {}, "item_id") or ""
        item = self._conversation.find(self.name_of(item_id))
        if isinstance(item, MessageItem) and isinstance(end_ms, int):
            index = index_in(event, request or {})
            if index not in item.audio and len(item.audio) <= 1:
                index = next(iter(item.audio), 0)  # most clients and servers say 0, wherever the audio is
            if index is not None:
                item.audio.setdefault(index, AudioPart()).truncated_at_ms = end_ms
                item.text = None

    def _on_deleted(self, event: Mapping[str, Any]) -> None:
        request = self._answered(event, "conversation.item.delete")
        self.delete(text_in(event, "item_id") or text_in(request or {}, "item_id") or "")

    def _on_error(self, event: Mapping[str, Any]) -> None:
        event_id = text_in(event, "error", "event_id")
        self._asked = [each for each in self._asked if event_id is None or each.get("event_id") != event_id]

    def _answered(self, event: Mapping[str, Any], name: str) -> Mapping[str, Any] | None:
        """Return the client's event that the server answers, if there was one: that of the item, or else the oldest."""
        item_id, index = text_in(event, "item_id") or None, index_in(event)
        for each in self._asked:
            is_about_part = index is None or index_in(each) in (None, index)
            if each.get("type") == name and item_id in (None, each.get("item_id")) and is_about_part:
                self._asked.remove(each)
                return each
        return None


def _item_of(item_id: str, item: Mapping[str, Any]) -> MessageItem | FunctionCallItem:
    """Return an item as the client created it."""
    role, content = item.get("role"), item.get("content")
    parts = [each for each in content if isinstance(each, Mapping)] if isinstance(content, list) else []
    words = "".join(text_in(part, "text") or text_in(part, "transcript") or "" for part in parts)
    if role == "assistant":
        return MessageItem(item_id, "assistant", "text", "completed", sound(words))
    return MessageItem(item_id, "user", "input", "completed", words)


_HANDLERS: dict[str, Callable[[WireMemory, Mapping[str, Any]], None]] = {
    "session.created": WireMemory._on_session,
    "session.updated": WireMemory._on_session,
    "response.created": WireMemory._on_response_created,
    "response.output_item.added": WireMemory._on_output_item,
    "response.output_item.done": WireMemory._on_output_item,
    "response.content_part.added": WireMemory._on_part,
    "response.content_part.done": WireMemory._on_part,
    "response.output_audio.delta": WireMemory._on_audio_delta,
    "response.output_audio_transcript.delta": WireMemory._on_text_delta,
    "response.output_audio_transcript.done": WireMemory._on_text_done,
    "response.output_text.delta": WireMemory._on_text_delta,
    "response.output_text.done": WireMemory._on_text_done,
    "response.done": WireMemory._on_response_done,
    "conversation.item.added": WireMemory._on_item_added,
    "conversation.item.truncated": WireMemory._on_truncated,
    "conversation.item.deleted": WireMemory._on_deleted,
    "error": WireMemory._on_error,
}
