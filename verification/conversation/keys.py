"""Conversations as bytes: what two of them must differ in to be two. Names are not in it, only who stands where."""

from __future__ import annotations

from operator import attrgetter
from typing import Any

from msgspec.msgpack import Encoder
from msgspec.structs import astuple

from speech_lifecycle.fsm.state import Conversation, Message, Speech

from ..bookkeeping import ACTIVE_STATES
from ..keys import final_message_key

_encode = Encoder().encode
_of_conversation = attrgetter("connection", "user", "floor", "generation", "agent")
_of_speech = attrgetter(
    "state",
    "response_has_ended",
    "cancel_was_sent",
    "session_is_lost",
    "cause",
    "output_is_paused",
    "timer",
    "awaits_resumption",
)


def key_of(conversation: Conversation) -> bytes:
    """Return the key of a conversation. It is good for this run of Python only."""
    speeches = conversation.speeches
    names = [*conversation.live, *conversation.over]
    place = {name: number for number, name in enumerate(names)}
    running = [
        place.get(name, -1)
        for name in conversation.generating_ids
        if name not in speeches or not speeches[name].response_has_ended
    ]
    return _encode(
        (
            # Another output that can do the same makes another object.
            hash(conversation.capabilities),
            id(conversation.policy),
            _of_conversation(conversation),
            len(conversation.live),
            [_speech(speeches[name]) if name in speeches else None for name in names],
            [place.get(name) for name in conversation.waiting],
            [place.get(name) for name in conversation.requests],
            _place(place, conversation.floor_id),
            _place(place, conversation.request_id),
            running,
            # These say the same as the speeches do; if they do not, it shall be found.
            len(speeches),
            len(conversation.by_response),
            len(conversation.by_message),
        )
    )


def _place(place: dict[str, int], name: str | None) -> int | None:
    return None if name is None else place.get(name, -1)


def _speech(speech: Speech) -> tuple[Any, ...]:
    has_response = speech.response_id is not None
    if speech.is_over:
        # How it ended is asked for by nobody; a message that is announced late is removed, if there is a server.
        return has_response, speech.response_has_ended, speech.session_is_lost, len(speech.messages)
    # Whether the response failed is asked for only if nothing else stopped the speech.
    failed = speech.response_has_failed and speech.cause is None
    messages = [_message(message, speech.response_has_ended) for message in speech.messages.values()]
    awaited = [*speech.awaited.values()]
    progressed = speech.has_progressed if speech.state in ACTIVE_STATES else None
    return (
        _of_speech(speech),
        has_response,
        failed,
        messages,
        awaited,
        progressed,
        bool(speech.growing),
        speech.was_heard,
        speech.agent_state,
    )


def _message(message: Message, response_has_ended: bool) -> tuple[Any, ...]:
    """Leave its id out: a speech has one message here."""
    return astuple(message)[1:] if message.record is None else final_message_key(message, response_has_ended)
