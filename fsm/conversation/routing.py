"""Whom an event is about: the speech that it names, or the conversation (spec, section 12)."""

from __future__ import annotations

from typing import Any, Literal

from .. import events as ev
from ..state import Conversation

Way = Literal["message_id", "response_id", "speech_id"]
"""By which of its fields an event finds its speech."""

ROUTES: dict[type[Any], tuple[Way, ...]] = {
    **dict.fromkeys(ev.MESSAGE_EVENT_TYPES, ("message_id",)),
    ev.SessionReconciliationAcknowledged: ("message_id",),
    ev.SessionReconciliationRefused: ("message_id",),
    # An announcement is about a message that is known only if it is repeated.
    ev.SessionMessageAdded: ("message_id", "response_id"),
    ev.SessionItemAdded: ("response_id",),
    ev.SessionResponseProgressed: ("response_id",),
    ev.SessionResponseEnded: ("response_id",),
    ev.Interrupt: ("speech_id",),
    ev.Close: ("speech_id",),
    ev.DropRequest: ("speech_id",),
    ev.CancelGeneration: ("speech_id",),
    ev.TimerFired: ("speech_id",),
    ev.Pause: ("speech_id",),
    ev.Resume: ("speech_id",),
}
"""The ways by which an event's speech is found, tried in this order. All other events are the conversation's.

So is an event without a speech, if the conversation chart answers its kind; else what it names is unknown.
"""

UNKNOWN: dict[Way, str] = {
    "message_id": "unknown_message",
    "response_id": "unknown_response",
    "speech_id": "no_speech",
}
"""Why an event is rejected whose speech was looked for in vain, by the last way that names something."""


def speech_named_by(conversation: Conversation, event: Any) -> str | None:
    """Return the name of the speech that an event is about; None if it is about the conversation, or nothing."""
    for way in ROUTES.get(type(event), ()):
        found: str | None
        if way == "message_id":
            found = conversation.by_message.get(event.message_id)
        elif way == "response_id":
            found = conversation.by_response.get(event.response_id)
        else:
            found = event.speech_id or None
        if found is not None:
            return found
    return None


def why_unknown(event: Any) -> str:
    """Return why an event is rejected that names no speech and that the conversation does not answer."""
    return UNKNOWN[ROUTES[type(event)][-1]]
