"""What a machine is told, as JSON data or as an event: what is no event of it is rejected before it looks at it."""

from __future__ import annotations

from typing import Any, Literal

from speech_lifecycle.fsm.codec import EVENTS, CodecError
from speech_lifecycle.fsm.conversation.machine import ConversationMachine
from speech_lifecycle.fsm.events import EVENT_TYPES, EVERY_EVENT_TYPE, SOURCE_OF, Event, name_of
from speech_lifecycle.fsm.machine import SpeechMachine
from speech_lifecycle.fsm.replies import Rejected

JsonData = dict[str, Any] | list[Any] | str | int | float | bool | None
JSON_TYPES = (dict, list, str, int, float, type(None))
Told = Event | JsonData
"""An event, or JSON data that may be none."""
Unread = Literal["unknown_event", "malformed_event"]
"""Why data are no event."""

_NAMES: dict[bool, frozenset[str]] = {
    False: frozenset(map(name_of, EVENT_TYPES)),
    True: frozenset(map(name_of, EVERY_EVENT_TYPE)),
}


def read_event(machine_type: type[SpeechMachine] | type[ConversationMachine], told: Told) -> Event | Rejected:
    """Return the event that data are, or the rejection of what is none of this machine (spec, section 5)."""
    if not isinstance(told, JSON_TYPES):
        return told
    name = told.get("type") if isinstance(told, dict) else None
    if not isinstance(name, str) or name not in _NAMES[issubclass(machine_type, ConversationMachine)]:
        return _rejected(name, "unknown_event")
    try:
        return EVENTS.load(told)
    except CodecError:
        return _rejected(name, "malformed_event")


def _rejected(name: object, reason: Unread) -> Rejected:
    blame = SOURCE_OF.get(name, "agent") if isinstance(name, str) else "agent"
    return Rejected(str(name), "", "", reason, blame)
