"""A protocol beside a wire, and the events of a server, in any form."""

from __future__ import annotations

import base64
import json

from speech_lifecycle.adapters.sessions.openai_protocol import OpenAIRealtimeProtocol, delta_in
from speech_lifecycle.fsm.events import (
    SessionTextReceived,
)


class Wire:
    """A protocol, what it has told, and what it has sent by itself."""

    def __init__(self, **options) -> None:
        self.told: list[object] = []
        self.sent: list[dict] = []
        self.protocol = OpenAIRealtimeProtocol(self, send=self.sent.append, **options)

    def report(self, fact, *, speech_id=None):
        self.told.append(fact)

    def deliver_audio(self, message_id, pcm):
        self.told.append((message_id, pcm))

    def user_started_speaking(self):
        pass

    def user_stopped_speaking(self):
        pass

    def feed(self, *events):
        """Have the protocol take events as the session does: deltas in one go."""
        for event in events:
            found = delta_in(json.dumps(event).encode())
            if found is None:
                self.protocol.receive(event)
            else:
                self.protocol.receive_delta(found)
        return self

    def of(self, *kinds):
        return [fact for fact in self.told if isinstance(fact, kinds)]

    @property
    def text(self) -> str:
        return "".join(fact.text for fact in self.of(SessionTextReceived))

    @property
    def audio(self) -> bytes:
        return b"".join(pcm for fact in self.told if isinstance(fact, tuple) for _, pcm in (fact,))


PCM = b"\x01\x00" * 2_400


A_100_MS = base64.b64encode(PCM).decode()


def created(response_id="r", **more):
    return {"type": "response.created", "response": {"id": response_id, **more}}


def item(item_id="A", response_id="r"):
    return {
        "type": "response.output_item.added",
        "response_id": response_id,
        "item": {"id": item_id, "type": "message"},
    }


def part(kind="audio", index=0, item_id="A", event="added", **more):
    return {
        "type": f"response.content_part.{event}",
        "response_id": "r",
        "item_id": item_id,
        "content_index": index,
        "part": {"type": kind, **more},
    }


def delta(content=A_100_MS, kind="output_audio", item_id="A", index=0, **more):
    where = {"response_id": "r", "item_id": item_id, "content_index": index}
    return {"type": f"response.{kind}.delta", **where, "delta": content, **more}


def words(content, index=0, kind="output_audio_transcript"):
    return delta(content, kind, index=index)


def done(content, index=0, kind="output_audio_transcript"):
    key = "text" if kind.endswith("text") else "transcript"
    return {"type": f"response.{kind}.done", "response_id": "r", "item_id": "A", "content_index": index, key: content}


def item_done(*content, item_id="A"):
    message = {"id": item_id, "type": "message", "role": "assistant", "content": list(content)}
    return {"type": "response.output_item.done", "response_id": "r", "item": message}


def response_done(*output, status="completed"):
    return {"type": "response.done", "response": {"id": "r", "status": status, "output": list(output)}}


def error(code=None, message="", event_id=None, **more):
    return {"type": "error", "error": {"code": code, "message": message, "event_id": event_id, **more}}
