"""JSON for events, effects and snapshots. Used where data crosses a boundary, never in a step.

A value is an object with its name under "type": `{"type": "output_playback_finished", "message_id": "m1", ...}`.
msgspec validates it, and describes it as JSON Schema. JSON has no word for NaN and the infinities, which bad
outputs do report: they are written as the strings "nan", "inf" and "-inf".
"""

from __future__ import annotations

import json
import math
import re
import reprlib
from numbers import Real
from typing import Any, Generic, TypeVar, Union

import msgspec

from .effects import EVERY_EFFECT_TYPE, Effect
from .errors import SpeechLifecycleError
from .events import EVERY_EVENT_TYPE, Event, name_of
from .state import Speech
from .values import Value

T = TypeVar("T")
NOT_FINITE = ("nan", "inf", "-inf")
"""The words for numbers that JSON does not have."""


class CodecError(SpeechLifecycleError, ValueError):
    """Data from outside is not what it should be. The message names the field and what was expected."""


class Family(Generic[T]):
    """The events, or the effects: value types that are told apart by their names."""

    def __init__(self, name: str, types: tuple[type[T], ...], tag: str = "type") -> None:
        """Have a family of types whose names are in the field `tag`."""
        self.name = name
        self.types = types
        self.tag = tag
        self._by_name = {name_of(value_type): value_type for value_type in types}
        self._decode = msgspec.json.Decoder(Union[types]).decode  # noqa: UP007

    def dump(self, value: T) -> dict[str, Any]:
        """Return the value as JSON data."""
        data: dict[str, Any] = _plain(msgspec.to_builtins(value, enc_hook=_builtin))
        return data

    def load(self, data: object) -> T:
        """Return the value that JSON data describes.

        Raises:
            CodecError: it describes none; the message names the field.
        """
        if not isinstance(data, dict):
            raise CodecError(f"{self.name}: expected an object, got {type(data).__name__}")
        name = data.get(self.tag)
        value_type = self._by_name.get(name) if isinstance(name, str) else None
        if value_type is None:
            names = ", ".join(self._by_name)
            raise CodecError(f"{self.name}: field {self.tag!r} is {reprlib.repr(name)}, expected one of {names}")
        return _load(value_type, data, str(name))

    def load_json(self, text: str) -> T | None:
        """Return the value that a JSON text describes, in one go; None if `load` must say what is wrong with it."""
        # Half a surrogate pair could not be written again, and is never written unescaped.
        if "\\u" in text:
            return None
        try:
            value: T = self._decode(text)
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            return None
        return value

    def json_schema(self) -> dict[str, Any]:
        """Return the JSON Schema of the family."""
        schema = msgspec.json.schema(Union[self.types])  # noqa: UP007
        for definition in schema["$defs"].values():
            position = definition.get("properties", {}).get("position_ms")
            if position is not None:
                position["anyOf"].append({"enum": list(NOT_FINITE)})
        return schema


EVENTS: Family[Event] = Family("event", EVERY_EVENT_TYPE)
"""Events to and from JSON: `EVENTS.dump(event)`, `EVENTS.load(data)`."""
EFFECTS: Family[Effect] = Family("effect", EVERY_EFFECT_TYPE)
"""The same for effects."""


def _builtin(value: object) -> object:
    """Return Python's own value for one of a subclass, or for a number of another kind, such as numpy's."""
    if isinstance(value, str):
        return str(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, Real):
        return float(value)
    raise TypeError(f"{type(value).__name__} is no value of a file")


def _plain(data: Any) -> Any:
    """Return JSON data with words for the numbers that JSON does not have, and whole numbers without a fraction."""
    if isinstance(data, dict):
        return {key: _plain(item) for key, item in data.items()}
    if isinstance(data, list | tuple):
        return [_plain(item) for item in data]
    if not isinstance(data, float):
        return data
    if not math.isfinite(data):
        return str(data)
    return int(data) if str(data) == f"{int(data)}.0" else data


def _numeric(data: Any) -> Any:
    """Return JSON data with the words for numbers as numbers again."""
    if isinstance(data, dict):
        return {
            key: float(item)
            if key == "position_ms" and isinstance(item, str) and item in NOT_FINITE
            else _numeric(item)
            for key, item in data.items()
        }
    if isinstance(data, str):
        data.encode()  # half a surrogate pair could not be written again
    return [_numeric(item) for item in data] if isinstance(data, list) else data


def _load(value_type: type[T], data: object, name: str) -> T:
    try:
        return msgspec.convert(_numeric(data), value_type)
    except msgspec.ValidationError as error:
        raise CodecError(f"{name}: {_fault(str(error))}") from None
    except RecursionError:
        raise CodecError(f"{name}: nested too deep") from None
    except UnicodeEncodeError as error:
        raise CodecError(f"{name}: no text: {error}") from None


_LONGEST = 200
_PLACED = re.compile(r"(?P<what>.*?)(?: - at `\$\.?(?P<place>[^`]*)`)?")
_ABOUT_FIELD = re.compile(r"Object (?P<what>missing required|contains unknown) field `(?P<field>[^`]*)`")


def _fault(message: str) -> str:
    """Return what msgspec found, with the field in front."""
    placed = _PLACED.fullmatch(message)
    what, place = (placed["what"], placed["place"] or "") if placed else (message, "")
    about = _ABOUT_FIELD.fullmatch(what)
    if about:
        place = f"{place}.{about['field']}".lstrip(".")
        what = "missing" if about["what"] == "missing required" else "unknown"
    # Keys and values of the data may stand in it, as long as whoever wrote the data likes.
    what = what if len(what) <= _LONGEST else f"{what[:_LONGEST]}..."
    return f"field {place[:80]!r}: {what}" if place else what


def json_data(value: Value) -> Any:
    """Return any value as JSON data, with words for the numbers that JSON has none for."""
    return _plain(msgspec.to_builtins(value))


def dump_speech(speech: Speech) -> dict[str, Any]:
    """Return a snapshot as JSON data. Equal snapshots give equal data."""
    data: dict[str, Any] = _plain(msgspec.to_builtins(speech, enc_hook=_builtin))
    return data


def load_speech(data: object) -> Speech:
    """Return the snapshot that JSON data describes.

    Raises:
        CodecError: it describes none; the message names the field.
    """
    return _load(Speech, data, "speech")


def parse_json(text: str) -> Any:
    """Return the JSON data in a text, NaN and the infinities as Python writes them included.

    Raises:
        CodecError: it is not JSON, or more than a parser can take; the message says where.
    """
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise CodecError(f"column {error.colno}: not JSON: {error.msg}") from None
    except RecursionError:
        raise CodecError("nested too deep") from None
    except ValueError as error:  # Python reads numbers of a few thousand digits at most
        raise CodecError(f"unusable number: {error}") from None
