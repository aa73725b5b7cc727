"""Configurations as bytes: what two of them must differ in to be two.

Fields that nothing reads any more are left out of a key: of a final message, how it got there; of a finished
speech, all but what a late announcement asks for. tests/test_explore.py compares with keys that leave nothing out.
"""

from __future__ import annotations

from operator import attrgetter
from typing import Any

from msgspec.msgpack import Encoder
from msgspec.structs import astuple

from speech_lifecycle.fsm.state import Message, Speech
from speech_lifecycle.fsm.values import FINAL_SPEECH_STATES

from .bookkeeping import ACTIVE_STATES
from .ledger import Ledger

_encode = Encoder().encode
_of_open_speech = attrgetter(
    "state",
    "response_id",
    "response_has_ended",
    "cancel_was_sent",
    "session_is_lost",
    "awaits_resumption",
    "cause",
    "output_is_paused",
    "timer",
    "awaited",
)
_all_of_speech = attrgetter(
    *(name for name in Speech.__struct_fields__ if name not in ("capabilities", "policy", "messages"))
)


def key_of(speech: Speech, ledger: Ledger | None = None) -> bytes:
    """Return the key of a snapshot, with the ledger beside it. It is good for this run of Python only."""
    return _encode((_parts(speech), ledger))


def exact_key_of(speech: Speech, ledger: Ledger | None = None) -> bytes:
    """Return a key that leaves nothing out."""
    messages = [astuple(message) for message in speech.messages.values()]
    return _encode((_all_of_speech(speech), id(speech.capabilities), id(speech.policy), messages, ledger))


def _parts(speech: Speech) -> tuple[Any, ...]:
    state = speech.state
    # Messages have their ids in the ledger, but here it may be missing.
    common = id(speech.capabilities), id(speech.policy), [*speech.messages]
    if state in FINAL_SPEECH_STATES:
        return state, speech.response_id, speech.session_is_lost, speech.cause, common
    # Whether the response failed is asked for only if nothing else stopped the speech.
    failed = speech.response_has_failed and speech.cause is None
    messages = [_message(message, speech.response_has_ended) for message in speech.messages.values()]
    if state in ACTIVE_STATES:
        active = speech.has_progressed, speech.was_heard, speech.agent_state
        return _of_open_speech(speech), failed, common, messages, active
    return _of_open_speech(speech), failed, common, messages, None if state == "reconciling" else speech.agent_state


def _message(message: Message, response_has_ended: bool) -> tuple[Any, ...]:
    return astuple(message) if message.record is None else final_message_key(message, response_has_ended)


def final_message_key(message: Message, response_has_ended: bool) -> tuple[Any, ...]:
    """Return what is still read of a message that is final."""
    record = message.record
    assert record is not None
    if record.state == "played":
        if response_has_ended and not message.outgrew_its_record:
            return "played", message.state
        # More may still come, or has.
        if message.expects_audio:
            return "played", message.state, message.received_ms, record.received_ms
        return "played", message.state, message.text, record.heard_text
    if record.state == "skipped":
        is_memory = record.reason != "no_content" or record.received_ms > 0 or bool(record.generated_text)
        if is_memory or response_has_ended:
            return "skipped", message.state, is_memory, message.outgrew_its_record
        return "skipped", message.state, bool(message.text), message.received_ms
    heard_ms = record.heard_ms if message.expects_audio else None
    is_all = message.text == record.heard_text, record.generated_text == record.heard_text
    return "partial", message.state, heard_ms, message.received_ms, message.source_has_ended, is_all
