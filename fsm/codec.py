"""JSON for events, effects and snapshots. Used where data crosses a boundary, never in a step.

A value is an object with its name under "type": `{"type": "output_playback_finished", "message_id": "m1", ...}`.
pydantic validates it, and describes it as JSON Schema. JSON has no word for NaN and the infinities, which bad
outputs do report: they are written as the strings "nan", "inf" and "-inf".
"""

from __future__ import annotations

import json
import math
import reprlib
from dataclasses import dataclass, fields
from typing import Any, Generic, TypeVar, cast

from pydantic import TypeAdapter, ValidationError

from speech_lifecycle.fsm.effects import EFFECT_TYPES, Effect
from speech_lifecycle.fsm.events import EVENT_TYPES, Event, name_of
from speech_lifecycle.fsm.state import Speech

T = TypeVar("T")
_NOT_FINITE = ("nan", "inf", "-inf")


class CodecError(ValueError):
    """Data from outside is not what it should be. The message names the field and what was expected."""


@dataclass(frozen=True)
class Family(Generic[T]):
    """The events, or the effects: value types that are told apart by their names."""

    name: str
    types: tuple[type[T], ...]
    tag: str = "type"
    """The field that holds the type's name."""

    def dump(self, value: T) -> dict[str, Any]:
        """Return the value as JSON data."""
        data = _adapter(type(value)).dump_python(value, mode="json")
        return {self.tag: name_of(type(value))} | {
            key: str(item) if isinstance(item, float) and not math.isfinite(item) else item
            for key, item in data.items()
        }

    def load(self, data: object) -> T:
        """Return the value that JSON data describes.

        Raises:
            CodecError: it describes none; the message names the field.
        """
        if not isinstance(data, dict):
            raise CodecError(f"{self.name}: expected an object, got {type(data).__name__}")
        by_name = {name_of(value_type): value_type for value_type in self.types}
        name = data.get(self.tag)
        if not isinstance(name, str) or name not in by_name:
            raise CodecError(
                f"{self.name}: field {self.tag!r} is {reprlib.repr(name)}, expected one of {', '.join(by_name)}"
            )
        arguments = {key: item for key, item in data.items() if key != self.tag}
        if arguments.get("position_ms") in _NOT_FINITE:
            arguments["position_ms"] = float(arguments["position_ms"])
        return _load(by_name[name], arguments, name)

    def json_schema(self) -> dict[str, Any]:
        """Return the JSON Schema of the family."""
        variants = []
        definitions: dict[str, Any] = {}
        for value_type in self.types:
            schema = _adapter(value_type).json_schema()
            definitions.update(schema.pop("$defs", {}))
            properties = schema.get("properties", {})
            if "position_ms" in properties:
                properties["position_ms"]["anyOf"].append({"enum": list(_NOT_FINITE)})
            schema["properties"] = {self.tag: {"const": name_of(value_type)}, **properties}
            schema["required"] = [self.tag, *schema.get("required", [])]
            schema["additionalProperties"] = False
            variants.append(schema)
        return {"oneOf": variants, **({"$defs": definitions} if definitions else {})}


EVENTS: Family[Event] = Family("event", EVENT_TYPES)
EFFECTS: Family[Effect] = Family("effect", EFFECT_TYPES)


_ADAPTERS: dict[Any, TypeAdapter[Any]] = {}


def _adapter(value_type: Any) -> TypeAdapter[Any]:
    if value_type not in _ADAPTERS:
        _ADAPTERS[value_type] = TypeAdapter(value_type)
    return _ADAPTERS[value_type]


def _load(value_type: type[T], data: object, name: str) -> T:
    try:
        return cast(T, _adapter(value_type).validate_json(json.dumps(data), strict=True, extra="forbid"))
    except ValidationError as error:
        raise CodecError(f"{name}: {_first_fault(error)}") from None
    except RecursionError:
        raise CodecError(f"{name}: not JSON data: nested too deep") from None
    except (TypeError, ValueError) as error:
        raise CodecError(f"{name}: not JSON data: {error}") from None


def _first_fault(error: ValidationError) -> str:
    first = error.errors()[0]
    # A place may have a key of the data in it, as long as whoever wrote the data likes.
    place = ".".join(str(part)[:40] for part in first["loc"])
    return f"field {place!r}: {first['msg']}" if place else first["msg"]


def dump_speech(speech: Speech) -> dict[str, Any]:
    """Return a snapshot as JSON data. Equal snapshots give equal data."""
    return cast("dict[str, Any]", _adapter(Speech).dump_python(speech, mode="json"))


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


def is_valid(event: object) -> bool:
    """Whether a value is an event whose fields are all of their declared types."""
    if not isinstance(event, EVENT_TYPES):
        return False
    values = {field.name: getattr(event, field.name) for field in fields(event)}
    try:
        _load(type(event), values, "event")
    except CodecError:
        return False
    return True
