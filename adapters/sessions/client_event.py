"""A client event as it goes onto the wire, or the place of what cannot."""

from __future__ import annotations

import json
from typing import Any

from speech_lifecycle.fsm.errors import SpeechLifecycleError


class UnsendableEventError(SpeechLifecycleError, ValueError):
    """A client event holds what JSON has no words for. The message names the event and the field."""


def as_sent(event: dict[str, Any]) -> dict[str, Any]:
    """Return what the server will get: a copy, which no later change of `event` reaches.

    Raises:
        UnsendableEventError: it is no object, or there is something in it that JSON cannot hold.
    """
    if not isinstance(event, dict):
        raise UnsendableEventError(f"a client event must be a dict, not {type(event).__name__}")
    try:
        copy: dict[str, Any] = json.loads(json.dumps(event, allow_nan=False))
    except (TypeError, ValueError, RecursionError) as error:
        name = event.get("type")
        raise UnsendableEventError(f"client event {name!r} cannot be sent: {_fault_in(event, (), ())}") from error
    return copy


def _fault_in(value: Any, path: tuple[str, ...], inside: tuple[int, ...]) -> str:
    """Return what is wrong with a value, with the path of the deepest part that is."""
    place = f"field {'.'.join(path)!r}" if path else "it"
    if id(value) in inside:
        return f"{place} holds itself"
    if isinstance(value, dict | list | tuple):
        if len(path) > _DEEPEST:
            return f"{place} is nested too deeply"
        parts = value.items() if isinstance(value, dict) else enumerate(value)
        for key, part in parts:
            if not _can_be_sent({key: part}):
                if not _can_be_sent({key: None}):
                    return f"{place} has a key of type {type(key).__name__}"
                return _fault_in(part, (*path, str(key)), (*inside, id(value)))
    if isinstance(value, float):
        return f"{place} is {value}, which is no number of JSON"
    return f"{place} is of type {type(value).__name__}"


_DEEPEST = 100
"""Levels of nesting that are gone into; no event of the protocol has ten."""


def _can_be_sent(value: Any) -> bool:
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return False
    return True
