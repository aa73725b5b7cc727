"""What is no event: for each event, every field that is missing, of a wrong type, or out of its range."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal, get_args, get_origin

from msgspec import structs

from speech_lifecycle.fsm import events as ev
from speech_lifecycle.fsm.codec import EVENTS
from speech_lifecycle.fsm.compile.definition import definition
from speech_lifecycle.fsm.effects import EVERY_EFFECT_TYPE
from speech_lifecycle.fsm.state import DEFAULT_CAPABILITIES, DEFAULT_CONVERSATION_POLICY, DEFAULT_POLICY
from speech_lifecycle.fsm.validity import hints_of
from speech_lifecycle.fsm.values import LARGEST

from ..conformance.reading import JsonData
from ..vectors import Vector, record
from .stories.story import speaking

Data = dict[str, Any]

_USUAL: dict[str, Any] = {
    "speech_id": "",
    "response_id": "r",
    "message_id": "A",
    "text": "more",
    "received_ms": 2000,
    "handed_over_ms": 1000,
    "position_ms": 500,
    "operation": "truncate",
    "timer": "stall",
}
"""What makes an event that would be taken, after the beginning that all of these vectors have."""
_IN_A_CONVERSATION: tuple[ev.Event, ...] = (
    ev.RequestResponse("s"),
    ev.SessionResponseCreated("r", "s"),
    *speaking("A")[1:-3],
    ev.OutputAudioHandedOver("A", 1000),
)
_WHAT_OBJECTS_HAVE = "constructor", "__proto__", "__class__", "toString", "hasOwnProperty", "type"
_HARM = "What a broken adapter says is taken for a fact."


def malformed_vectors() -> Iterator[Vector]:
    """Yield of each event a vector with all the ways in which it can be wrong, and then what is no event at all."""
    for event_type in ev.EVERY_EVENT_TYPE:
        name = ev.name_of(event_type)
        wrong = list(_wrong(event_type))
        if event_type in ev.EVENT_TYPES:
            yield _vector(f"malformed-speech-{name}", wrong, is_conversation=False)
        yield _vector(f"malformed-conversation-{name}", wrong, is_conversation=True)
    yield _vector("malformed-speech-unknown", list(_unknown(is_conversation=False)), is_conversation=False)
    yield _vector("malformed-conversation-unknown", list(_unknown(is_conversation=True)), is_conversation=True)


def _vector(vector_id: str, wrong: list[JsonData], *, is_conversation: bool) -> Vector:
    begin = _IN_A_CONVERSATION if is_conversation else speaking("A")
    policy = DEFAULT_CONVERSATION_POLICY if is_conversation else DEFAULT_POLICY
    return record(vector_id, ("5",), DEFAULT_CAPABILITIES, policy, (*begin, *wrong), _HARM)


def _unknown(*, is_conversation: bool) -> Iterator[JsonData]:
    yield from (None, True, 5, "interrupt", [], ["interrupt"], {}, {"event": "interrupt"})
    yield from ({"type": None}, {"type": 5}, {"type": ["interrupt"]}, {"type": ""}, {"type": "Interrupt"})
    yield from ({"type": name} for name in _WHAT_OBJECTS_HAVE)
    internal = [name for chart in definition().every_chart for name in chart.internal_events]
    effects = [ev.name_of(each) for each in EVERY_EFFECT_TYPE]
    yield from ({"type": name} for name in (*internal, *effects))
    if not is_conversation:
        for event_type in ev.EVERY_EVENT_TYPE:
            if event_type not in ev.EVENT_TYPES:
                yield _right(event_type)


def _right(event_type: type[ev.Event]) -> Data:
    needed = [field.name for field in structs.fields(event_type) if field.required]
    data = {"type": ev.name_of(event_type), **{name: _USUAL[name] for name in needed}}
    return EVENTS.dump(EVENTS.load(data))


def _wrong(event_type: type[ev.Event]) -> Iterator[JsonData]:
    right = _right(event_type)
    yield from ({**right, name: True} for name in ("else", "constructor"))
    for field in structs.fields(event_type):
        if field.required:
            yield {name: value for name, value in right.items() if name != field.name}
        for value in _not_a(hints_of(event_type)[field.name]):
            yield {**right, field.name: value}


def _not_a(hint: Any) -> Iterator[JsonData]:
    """Yield values that are not of a type, or out of its range.

    Not whether 3.0 is a whole number: languages, and their readers of JSON, do not agree on that.
    """
    arguments, origin = get_args(hint), get_origin(hint)
    if hint is str:
        yield from (None, 5, True, ["A"], {"id": "A"})
    elif hint is bool:
        yield from (None, 0, 1, "true", [])
    elif origin is Literal:
        yield from (None, 5, "nonsense", "", [arguments[0]])
    elif origin is Annotated:
        yield from (None, -1, LARGEST + 1, 0.5, "5", True, [5])
    elif origin is tuple:
        yield from (None, "audio", ["video"], [5], {"0": "audio"})
    elif type(None) in arguments:
        (of,) = (each for each in arguments if each is not type(None))
        yield from (value for value in _not_a(of) if value is not None)
    else:
        yield from (None, "5", "Infinity", True, [5])
