"""What a protocol reports to, and the events of a server in its plainest form."""

from __future__ import annotations

import base64


class Receiver:
    """Writes down what it is told."""

    def __init__(self) -> None:
        self.told: list[object] = []
        self.speech_ids: list[str | None] = []

    def report(self, fact, *, speech_id=None):
        self.told.append(fact)
        self.speech_ids.append(speech_id)

    def deliver_audio(self, message_id, pcm):
        self.told.append((message_id, pcm))

    def user_started_speaking(self):
        self.told.append("user speaks")

    def user_stopped_speaking(self):
        self.told.append("user is silent")


def created(modalities=("audio",), **more):
    response = {"id": "r", "output_modalities": list(modalities), "metadata": None, **more}
    return {"type": "response.created", "response": response}


def item(kind="message", item_id="A"):
    return {"type": "response.output_item.added", "response_id": "r", "item": {"id": item_id, "type": kind}}


def part(kind, item_id="A", index=0):
    return {
        "type": "response.content_part.added",
        "response_id": "r",
        "item_id": item_id,
        "content_index": index,
        "part": {"type": kind},
    }


def delta(kind, content, item_id="A"):
    return {"type": f"response.{kind}.delta", "response_id": "r", "item_id": item_id, "delta": content}


PCM = base64.b64encode(b"\x01\x00" * 24).decode()


def feed(protocol, *events):
    for event in events:
        protocol.receive(event)


ONE_AT_A_TIME = "conversation_already_has_active_response"


def refused(event_id, code=ONE_AT_A_TIME):
    return {"type": "error", "error": {"type": "invalid_request_error", "code": code, "event_id": event_id}}


def base64_of(pcm: bytes) -> str:
    return base64.b64encode(pcm).decode()
