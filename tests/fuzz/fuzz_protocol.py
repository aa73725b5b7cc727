"""Server events of the OpenAI Realtime protocol (adapters/sessions/openai_protocol.py): one JSON object in a line.

Whatever a server says, what is reported is of its declared types; what is refused reports nothing.
"""

from __future__ import annotations

import base64
from typing import Any

from fuzz.oracles import dumps, load_or_refuse, plays_or_is_refused

from speech_lifecycle.adapters.sessions.openai_deltas import Delta, TextDelta
from speech_lifecycle.adapters.sessions.openai_dialects import DIALECTS, Dialect
from speech_lifecycle.adapters.sessions.openai_protocol import OpenAIRealtimeProtocol, ProtocolError, delta_in
from speech_lifecycle.fsm.codec import EVENTS, CodecError, parse_json
from speech_lifecycle.fsm.effects import CancelResponse, RemoveMessages, ReplaceMessage, TruncateMessage
from speech_lifecycle.fsm.events import SessionMessageAdded
from speech_lifecycle.fsm.validity import is_valid
from speech_lifecycle.simulation.recording import Recording


class Receiver:
    """Takes facts of their declared types only, as the driver must be able to rely on."""

    def __init__(self) -> None:
        self.count = 0
        self.announced: list[str] = []

    def report(self, fact: object, *, speech_id: str | None = None) -> None:
        self.count += 1
        assert is_valid(fact), f"{fact} is not of its declared types"
        dumps(EVENTS.dump(fact))
        assert speech_id is None or isinstance(speech_id, str)
        if isinstance(fact, SessionMessageAdded):
            self.announced.append(fact.message_id)

    def deliver_audio(self, message_id: str, pcm: bytes) -> None:
        self.count += 1
        assert isinstance(message_id, str)
        assert isinstance(pcm, bytes)

    def user_started_speaking(self) -> None:
        self.count += 1

    def user_stopped_speaking(self) -> None:
        self.count += 1


def check(data: bytes) -> None:
    for dialect in DIALECTS.values():
        events = check_in(data, dialect)
    if events:
        plays_or_is_refused(Recording("fuzz", (tuple(events),)))


def check_in(data: bytes, dialect: Dialect) -> list[dict[str, Any]]:
    """Have the protocol take the events of a server of this dialect, and return those that are any."""
    receiver = Receiver()
    protocol = OpenAIRealtimeProtocol(receiver, dialect=dialect, send=dumps)
    dumps(protocol.request_response("speech_1"))
    events = []
    for line in data.decode(errors="replace").splitlines():
        event = load_or_refuse(lambda line=line: parse_json(line), CodecError)
        delta = delta_in(line.encode())
        assert delta is None or event is None or is_same(delta, event), f"{delta} is not what {event} says"
        known, reported = len(receiver.announced), receiver.count
        try:
            protocol.receive(event)
        except ProtocolError as error:
            assert "field " in str(error) or "must be an object" in str(error), f"{error} names no field"
            assert receiver.count == reported, "a refused event has reported something"
        for message_id in receiver.announced[known:]:
            request_all(protocol, message_id)
        if isinstance(event, dict) and isinstance(event.get("type"), str):
            events.append(event)
    for error in protocol.errors:
        dumps([error.code, error.text, error.event_id])
    return events


def is_same(delta: Delta, event: Any) -> bool:
    """Whether a delta that was decoded in one go is what the event says."""
    said = event["delta"] if isinstance(delta, TextDelta) else base64.b64decode(event["delta"], validate=True)
    return bool((delta.item_id, delta.delta) == (event["item_id"], said))


def request_all(protocol: OpenAIRealtimeProtocol, message_id: str) -> None:
    """Have requests under way that the answers further on may be about."""
    for effect in (
        TruncateMessage(message_id, 1),
        RemoveMessages((message_id,)),
        ReplaceMessage(message_id, "words"),
        CancelResponse("r"),
    ):
        for request in protocol.translate(effect):
            dumps(request)
