"""Configurations as numbers: what two of them must differ in to be two.

Fields that nothing reads any more are left out of a key: of a final message, how it got there; of a finished
speech, all but what a late announcement asks for. tests/test_explore.py compares with keys that leave nothing out.
"""

from __future__ import annotations

from operator import attrgetter
from typing import Any

from speech_lifecycle.fsm.exploration.bookkeeping import ACTIVE_STATES
from speech_lifecycle.fsm.exploration.ledger import Ledger, parts_of
from speech_lifecycle.fsm.state import Message, Speech
from speech_lifecycle.fsm.values import FINAL_SPEECH_STATES

_BITS = 24
"""Parts are numbered; this many bits hold one number."""

_of_open_message = attrgetter(*(name for name in Message.__struct_fields__ if name not in ("reason", "record")))
_of_open_speech = attrgetter(
    "state",
    "response_id",
    "response_has_ended",
    "cancel_was_sent",
    "session_is_lost",
    "cause",
    "output_is_paused",
    "timer",
    "awaited",
)
_all_of_message = attrgetter(*Message.__struct_fields__)
_all_of_speech = attrgetter(
    *(name for name in Speech.__struct_fields__ if name not in ("messages", "capabilities", "policy"))
)


class Keys:
    """Numbers parts of configurations as they come, and joins the numbers into keys."""

    def __init__(self, exact: bool = False) -> None:
        """Leave nothing out if `exact`."""
        self._exact = exact
        self._numbers: dict[tuple[Any, ...], int] = {}

    def of(self, speech: Speech, ledger: Ledger | None = None) -> int:
        """Return the key of a snapshot, with the ledger beside it."""
        parts = _exact_parts(speech) if self._exact else _parts(speech)
        if ledger is not None:
            parts += parts_of(ledger)
        numbers = self._numbers
        key = 0
        for part in parts:
            number = numbers.get(part)
            if number is None:
                # 0 is no part, so that fewer parts never look like more.
                number = numbers[part] = len(numbers) + 1
            key = key << _BITS | number
        return key


def _parts(speech: Speech) -> list[tuple[Any, ...]]:
    state = speech.state
    # Whether the response failed is asked for only if nothing else stopped the speech.
    failed = speech.response_has_failed and speech.cause is None
    options = (failed, id(speech.capabilities), id(speech.policy), *speech.messages)
    if state in FINAL_SPEECH_STATES:
        return [(state, speech.response_id, speech.session_is_lost, speech.cause, options[1:])]
    messages = [_message(message) for message in speech.messages.values()]
    if state in ACTIVE_STATES:
        return [
            (_of_open_speech(speech), speech.has_progressed, speech.was_heard, speech.agent_state, options),
            *messages,
        ]
    return [(_of_open_speech(speech), speech.agent_state if state != "reconciling" else None, options), *messages]


def _message(message: Message) -> tuple[Any, ...]:
    record = message.record
    if record is None:
        return _of_open_message(message)
    if record.state == "played":
        return ("played", message.state)
    if record.state == "skipped":
        return "skipped", message.state, message.reason == "no_content", bool(message.text)
    heard_ms = record.heard_ms if message.expects_audio else None
    is_all = message.text == record.heard_text
    return "partial", message.state, heard_ms, message.received_ms, message.source_has_ended, is_all


def _exact_parts(speech: Speech) -> list[tuple[Any, ...]]:
    own = (_all_of_speech(speech), id(speech.capabilities), id(speech.policy), tuple(speech.messages))
    return [own, *(_all_of_message(message) for message in speech.messages.values())]
