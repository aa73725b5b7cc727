"""Copies of a speech for the pure step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any, TypeVar

from speech_lifecycle.fsm.state import Message, Speech

T = TypeVar("T")


def _copier(cls: type[T]) -> Callable[[T], T]:
    """Return a function that copies a slotted object field by field: five times as fast as `copy.copy`."""
    lines = ["def copier(old):", "    new = create(cls)"]
    lines += [f"    new.{field.name} = old.{field.name}" for field in fields(cls)]  # type: ignore[arg-type]
    namespace: dict[str, Any] = {"create": object.__new__, "cls": cls}
    exec("\n".join([*lines, "    return new"]), namespace)
    copier: Callable[[T], T] = namespace["copier"]
    return copier


_copy_message = _copier(Message)
_copy_fields = _copier(Speech)


def copy_speech(speech: Speech) -> Speech:
    """Return a speech with the same data. Final messages do not change any more and are shared."""
    copy = _copy_fields(speech)
    copy.messages = {
        message_id: message if message.record is not None else _copy_message(message)
        for message_id, message in speech.messages.items()
    }
    return copy
