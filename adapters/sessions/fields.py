"""Reading the fields of a server event: each is there and of its type, or the error says which is not.

Servers, and gateways before them, send what the protocol does not promise. A value of the wrong type must not get
further than this: into the machine, or back onto the wire.
"""

from __future__ import annotations

import base64
import contextlib
import re
import reprlib
from collections.abc import Mapping
from typing import Any

import msgspec

from speech_lifecycle.fsm.errors import SpeechLifecycleError

MOST_PARTS = 256
"""A content index from here on is none: no message has so many parts."""

_ANY_BASE64 = re.compile(r"[A-Za-z0-9+/_\-\s]*=?=?\s*", re.ASCII)
_TO_THE_STANDARD_ALPHABET = str.maketrans("-_", "+/")


class FieldError(SpeechLifecycleError, ValueError):
    """A field is missing or unusable. The message names it by its path."""


def identifier(event: Mapping[str, Any], *path: str) -> str:
    """Return an id.

    Raises:
        FieldError: it is missing, no text, or has a half of a surrogate pair in it, which no server could be sent.
    """
    found = _text(event, path)
    if not _is_sound(found):
        raise FieldError(f"field {_name(path)} is not valid Unicode")
    return found


def optional_identifier(event: Mapping[str, Any], *path: str) -> str | None:
    """Return an id; None if it is missing or null, or what it would be in is."""
    return identifier(event, *path) if optional(event, *path) is not None else None


def hint(event: Mapping[str, Any], key: str) -> str:
    """Return an id that helps and is not needed; empty if there is none that could be used."""
    found = event.get(key)
    return found if isinstance(found, str) and _is_sound(found) else ""


def metadata_entry(response: Mapping[str, Any], key: str) -> str | None:
    """Return an entry of a response's metadata; None if there is none that could be used: anybody may have set it."""
    metadata = response.get("metadata")
    return (hint(metadata, key) or None) if isinstance(metadata, Mapping) else None


def content_index(event: Mapping[str, Any]) -> int | None:
    """Return which part of a message an event is about; None if it does not say so in a way that could be used."""
    found = event.get("content_index")
    return found if isinstance(found, int) and not isinstance(found, bool) and 0 <= found < MOST_PARTS else None


def text(event: Mapping[str, Any], *path: str) -> str:
    """Return a text. Halves of surrogate pairs in it, which no file could hold, become U+FFFD.

    Raises:
        FieldError: it is missing, or no text.
    """
    return sound(_text(event, path))


def audio(event: Mapping[str, Any], *path: str) -> bytes:
    """Return audio that is sent as base64: with line breaks or without padding, in either alphabet of RFC 4648.

    Raises:
        FieldError: it is missing, or something else.
    """
    found = _text(event, path)
    # As nearly every server sends it, it takes a tenth of the time.
    with contextlib.suppress(msgspec.ValidationError, UnicodeEncodeError):
        return msgspec.convert(found, bytes)
    try:
        if _ANY_BASE64.fullmatch(found) is not None:
            found = "".join(found.split()).translate(_TO_THE_STANDARD_ALPHABET).rstrip("=")
            found += "=" * (-len(found) % 4)
        return base64.b64decode(found, validate=True)
    except ValueError as error:
        raise FieldError(f"field {_name(path)} is not base64: {error}") from None


def mapping(event: Mapping[str, Any], *path: str) -> Mapping[str, Any]:
    """Return an object.

    Raises:
        FieldError: it is missing, or something else.
    """
    found = _find(event, path)
    if not isinstance(found, Mapping):
        raise _wrong(path, "an object", found)
    return found


def optional(event: Mapping[str, Any], *path: str) -> Any:
    """Return whatever is there; None if it is missing, or what it would be in is missing or null.

    Raises:
        FieldError: what it would be in is something else.
    """
    found: Any = event
    for depth, key in enumerate(path):
        if found is None:
            return None
        if not isinstance(found, Mapping):
            raise _wrong(path[:depth], "an object", found)
        found = found.get(key)
    return found


def sound(words: str) -> str:
    """Return a text that can be encoded: halves of surrogate pairs become U+FFFD."""
    return words if _is_sound(words) else words.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _is_sound(words: str) -> bool:
    try:
        words.encode()
    except UnicodeEncodeError:
        return False
    return True


def _text(event: Mapping[str, Any], path: tuple[str, ...]) -> str:
    found = _find(event, path)
    if not isinstance(found, str):
        raise _wrong(path, "text", found)
    return found


def _find(event: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    inside = optional(event, *path[:-1])
    if inside is None:
        raise FieldError(f"field {_name(path[:-1])} is missing")
    if not isinstance(inside, Mapping):
        raise _wrong(path[:-1], "an object", inside)
    if path[-1] not in inside:
        raise FieldError(f"field {_name(path)} is missing")
    return inside[path[-1]]


def _wrong(path: tuple[str, ...], wanted: str, found: object) -> FieldError:
    return FieldError(f"field {_name(path)} must be {wanted}, not {reprlib.repr(found)}")


def _name(path: tuple[str, ...]) -> str:
    return repr(".".join(path))
