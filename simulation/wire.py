"""The events a realtime server sends, as JSON objects in the shapes of the recorded sessions.

Names and fields are those of the OpenAI Realtime API since its general availability. The sender adds
`event_id`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, TypeAlias

from speech_lifecycle.adapters.sessions.audio_format import AudioFormat

from .conversation import FunctionCallItem, FunctionOutputItem, Item, MessageItem, ServerRefusal

WireEvent: TypeAlias = dict[str, Any]


def item_object(item: Item, *, with_content: bool = True) -> dict[str, Any]:
    """Return the item as the wire shows it; an assistant message is announced without content."""
    if isinstance(item, FunctionOutputItem):
        return {
            "id": item.id,
            "type": "function_call_output",
            "call_id": item.call_id,
            "output": item.output,
        }
    if isinstance(item, FunctionCallItem):
        return {
            "id": item.id,
            "type": "function_call",
            "status": item.status,
            "name": item.name,
            "call_id": item.call_id,
            "arguments": item.arguments if with_content else "",
        }
    return {
        "id": item.id,
        "type": "message",
        "status": item.status,
        "role": item.role,
        "content": _content(item) if with_content else [],
    }


def _content(item: MessageItem) -> list[dict[str, Any]]:
    if item.modality == "input":
        return [dict(part) for part in item.content]
    if item.text is not None and len(item.transcripts) > 1:
        return [{"type": "output_audio", "transcript": transcript} for transcript in item.transcripts]
    if item.modality == "audio" and item.first_id is None:
        return [{"type": "output_audio", "transcript": item.text}]
    return [{"type": "output_text", "text": item.text}]


def error(refusal: ServerRefusal, client_event_id: str | None) -> WireEvent:
    """Return the refusal of a client event, which is named by the id that the client gave it."""
    return {
        "type": "error",
        "error": {
            "type": refusal.type,
            "code": refusal.code,
            "message": refusal.message,
            "param": refusal.param,
            "event_id": client_event_id,
        },
    }


def session_event(kind: str, session: dict[str, Any]) -> WireEvent:
    """Return `session.created` or `session.updated`."""
    return {"type": kind, "session": session}


def conversation_created(conversation_id: str | None) -> WireEvent:
    """Return the event that tells which conversation a connection belongs to."""
    return {
        "type": "conversation.created",
        "conversation": {"id": conversation_id, "object": "realtime.conversation"},
    }


def item_event(kind: str, item: Item, previous_item_id: str | None, *, with_content: bool = True) -> WireEvent:
    """Return `conversation.item.added` or `conversation.item.done`."""
    return {
        "type": kind,
        "previous_item_id": previous_item_id,
        "item": item_object(item, with_content=with_content),
    }


def item_truncated(item_id: str, content_index: int, audio_end_ms: int) -> WireEvent:
    """Return the acknowledgement of a truncation."""
    return {
        "type": "conversation.item.truncated",
        "item_id": item_id,
        "content_index": content_index,
        "audio_end_ms": audio_end_ms,
    }


def response_object(
    *,
    response_id: str,
    conversation_id: str | None,
    session: dict[str, Any],
    parameters: dict[str, Any],
    status: str = "in_progress",
    status_details: dict[str, Any] | None = None,
    output: Sequence[Item] = (),
    usage: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the response as `response.created` and `response.done` show it.

    `parameters` are those of the client's `response.create`; they come before those of the session.
    """
    session_output: dict[str, Any] = session["audio"]["output"]
    output_format = {**session_output, **((parameters.get("audio") or {}).get("output") or {})}
    return {
        "object": "realtime.response",
        "id": response_id,
        "status": status,
        "status_details": status_details,
        "output": [item_object(item) for item in output],
        "conversation_id": conversation_id,
        "output_modalities": parameters.get("output_modalities") or session["output_modalities"],
        "max_output_tokens": parameters.get("max_output_tokens") or session["max_output_tokens"],
        "audio": {"output": {"format": output_format["format"], "voice": output_format["voice"]}},
        "usage": usage,
        "metadata": parameters.get("metadata"),
    }


def output_format(session: dict[str, Any], parameters: dict[str, Any]) -> AudioFormat:
    """Return the format of the audio of a response."""
    asked = ((parameters.get("audio") or {}).get("output") or {}).get("format")
    return AudioFormat.of(asked or session["audio"]["output"]["format"])


def status_details(status: str, reason: str | None) -> dict[str, Any] | None:
    """Return why a response ended as it did; None for a completed one."""
    if status == "cancelled":
        return {"type": "cancelled", "reason": reason}
    if status == "incomplete":
        return {"type": "incomplete", "reason": reason or "max_output_tokens"}
    if status == "failed":
        return {
            "type": "failed",
            "error": {
                "type": "server_error",
                "code": reason or "server_error",
                "message": "The server had an error while processing your request.",
            },
        }
    return None


def usage(context: Sequence[Item], output: Sequence[Item]) -> dict[str, Any]:
    """Return the tokens of a response: a word of text is one, and so are 50 ms of output audio.

    The audio rate is OpenAI's published one; counting words is our own stand-in for a tokenizer.
    """
    input_text, input_audio = _tokens(context)
    output_text, output_audio = _tokens(output)
    return {
        "total_tokens": input_text + input_audio + output_text + output_audio,
        "input_tokens": input_text + input_audio,
        "output_tokens": output_text + output_audio,
        "input_token_details": {
            "text_tokens": input_text,
            "audio_tokens": input_audio,
            "image_tokens": 0,
            "cached_tokens": 0,
            "cached_tokens_details": {"text_tokens": 0, "audio_tokens": 0, "image_tokens": 0},
        },
        "output_token_details": {"text_tokens": output_text, "audio_tokens": output_audio},
    }


def _tokens(items: Sequence[Item]) -> tuple[int, int]:
    text = audio = 0
    for item in items:
        if isinstance(item, MessageItem):
            text += len((item.text or "").split())
            audio += math.ceil((item.audio_ms or 0) / 50)
        elif isinstance(item, FunctionCallItem):
            text += len(item.name.split()) + len(item.arguments.split())
        else:
            text += len(item.output.split())
    return text, audio


class ResponseItemEvents:
    """The `response.*` events about one item of one response, which all carry the same ids."""

    def __init__(self, response_id: str, output_index: int, item: MessageItem | FunctionCallItem) -> None:
        """Take the ids that every event repeats."""
        self._item = item
        self._output = {"response_id": response_id, "output_index": output_index}

    def output_item_added(self) -> WireEvent:
        """Return the announcement of the item, still without content."""
        item = item_object(self._item, with_content=False)
        return {"type": "response.output_item.added", **self._output, "item": item}

    def output_item_done(self) -> WireEvent:
        """Return the item as it ended."""
        return {"type": "response.output_item.done", **self._output, "item": item_object(self._item)}

    def part_added(self, index: int) -> WireEvent:
        """Return the announcement of a message's content part, which tells its modality."""
        return {"type": "response.content_part.added", **self._part(index), "part": self._part_object("")}

    def audio_delta(self, audio_base64: str, index: int) -> WireEvent:
        """Return a piece of audio."""
        return {"type": "response.output_audio.delta", **self._part(index), "delta": audio_base64}

    def text_delta(self, delta: str, index: int) -> WireEvent:
        """Return a piece of a text message's text, or of an audio message's transcript."""
        return {"type": f"response.{self._text_kind()}.delta", **self._part(index), "delta": delta}

    def part_done(self, sent_text: str, index: int) -> tuple[WireEvent, ...]:
        """Return the end of a message's content part. `sent_text` joins all its text deltas."""
        text_field = "transcript" if self._is_audio() else "text"
        text_done = {"type": f"response.{self._text_kind()}.done", **self._part(index), text_field: sent_text}
        part_done = {
            "type": "response.content_part.done",
            **self._part(index),
            "part": self._part_object(sent_text),
        }
        if not self._is_audio():
            return text_done, part_done
        return {"type": "response.output_audio.done", **self._part(index)}, text_done, part_done

    def arguments_delta(self, delta: str) -> WireEvent:
        """Return a piece of a function call's arguments."""
        return {"type": "response.function_call_arguments.delta", **self._call_fields(), "delta": delta}

    def arguments_done(self) -> WireEvent:
        """Return a function call's arguments as they ended."""
        assert isinstance(self._item, FunctionCallItem)
        return {
            "type": "response.function_call_arguments.done",
            **self._call_fields(),
            "name": self._item.name,
            "arguments": self._item.arguments,
        }

    def _part(self, index: int) -> dict[str, Any]:
        return {**self._output, "item_id": self._item.id, "content_index": index}

    def _call_fields(self) -> dict[str, Any]:
        assert isinstance(self._item, FunctionCallItem)
        return {**self._output, "item_id": self._item.id, "call_id": self._item.call_id}

    def _is_audio(self) -> bool:
        return isinstance(self._item, MessageItem) and self._item.modality == "audio"

    def _text_kind(self) -> str:
        return "output_audio_transcript" if self._is_audio() else "output_text"

    def _part_object(self, text: str) -> dict[str, Any]:
        if self._is_audio():
            return {"type": "audio", "transcript": text}
        return {"type": "text", "text": text}
