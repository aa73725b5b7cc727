"""What a value is in C. Texts that name something are ids there: whole numbers, each for one text.

A text is an id if its name says so (`message_id`), and if it is a key of a map or an item of a list. Where an id and
another text would have to be the same, the export says where.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from speech_lifecycle.fsm.compile.definition import DefinitionError

from ..model import DefinitionFile, FieldDefinition
from ..types import (
    Enumerated,
    ListOf,
    MapOf,
    OfEvent,
    OfInternalEvent,
    OneOf,
    OptionalOf,
    Plain,
    Structured,
    TupleOf,
    Type,
)
from .names import constant, size_of, snake, text

Word = Literal["text", "id", "whole", "number", "flag", "nothing", "enum", "struct", "event", "list", "map", "tuple"]
MUTABLE = ("Message", "Speech", "Conversation")
"""The structs of the snapshot, which are changed in place. All others are values."""


@dataclass(frozen=True)
class Kind:
    """What a value is."""

    word: Word
    name: str = ""
    """Of an enumeration or a struct."""
    of: tuple[Kind, ...] = ()
    """Of a list or a map what it has, of a tuple what stands in each place."""
    optional: bool = False


TEXT, ID, WHOLE, NUMBER = Kind("text"), Kind("id"), Kind("whole"), Kind("number")
FLAG, NOTHING, EVENT = Kind("flag"), Kind("nothing"), Kind("event", optional=True)
_NULLS = {"text": "NO_TEXT", "id": "SL_NO_ID", "whole": "SL_NO_WHOLE", "number": "NO_NUMBER"}
_C = {"text": "sl_text", "id": "sl_id", "whole": "sl_whole", "flag": "bool", "map": "sl_map"}


def kind_of(kind: Type, name: str = "") -> Kind:
    """Return what a field, a parameter or a result of this name is."""
    match kind:
        case Plain(kind="text"):
            return ID if name.endswith("_id") else TEXT
        case Plain(kind=word):
            return Kind(word)
        case Enumerated(name=enum):
            return Kind("enum", enum)
        case Structured(name=struct):
            return Kind("struct", struct)
        case OfEvent() | OfInternalEvent() | OneOf():
            return EVENT
        case OptionalOf(of=of):
            return replace(kind_of(of, name), optional=True)
        case ListOf(of=of):
            return Kind("list", of=(kind_of(of, "item_id"),))
        case MapOf(of=of):
            return Kind("map", of=(kind_of(of, "value_id"),))
        case TupleOf(of=several):
            return Kind("tuple", of=tuple(kind_of(each, name) for each in several))


def c_type(kind: Kind, definition: DefinitionFile) -> str:
    """Return the C type of a variable, a parameter or a result."""
    match kind.word:
        case "struct":
            is_value = kind.name not in MUTABLE
            return f"{'const ' if is_value else ''}sl_{snake(kind.name)} *"
        case "event":
            return "const sl_event *"
        case "enum":
            return f"sl_{snake(kind.name)}"
        case "number":
            return "sl_number" if kind.optional else "double"
        case "list":
            return list_type(kind.of[0])
        case "tuple":
            return f"sl_{'_and_'.join(_short(each) for each in kind.of)}"
    return _C[kind.word]


def list_type(item: Kind) -> str:
    """Return the C type of a list."""
    return "sl_ids" if item.word == "id" else "sl_texts" if item.word == "text" else f"sl_{snake(item.name)}_list"


def _short(kind: Kind) -> str:
    return snake(kind.name) if kind.word in ("enum", "struct") else kind.word


def embedded(definition: DefinitionFile) -> frozenset[str]:
    """Return the structs that stand in the structs that have them. Others are pointed to: they may be missing."""
    pointed = {*MUTABLE}
    for fields in every_fields(definition):
        for field in fields:
            kind = kind_of(field.type, field.name)
            pointed |= {each.name for each in kind.of}
            if kind.optional:
                pointed.add(kind.name)
    return frozenset(definition.structs) - pointed


def every_fields(definition: DefinitionFile) -> Iterator[tuple[FieldDefinition, ...]]:
    """Yield the fields of every struct, event and effect."""
    for family in (definition.structs, definition.events, definition.internal_events, definition.effects):
        yield from (each.fields for each in family.values())


def field_type(field: FieldDefinition, definition: DefinitionFile) -> str:
    """Return the C type of a field."""
    kind = kind_of(field.type, field.name)
    if kind.word == "struct" and kind.name in embedded(definition):
        return f"sl_{snake(kind.name)}"
    return c_type(kind, definition)


def null_of(kind: Kind) -> str:
    """Return what stands for null."""
    if kind.word == "enum":
        return constant(snake(kind.name), "none")
    return _NULLS.get(kind.word, "NULL")


def literal(value: object, kind: Kind, definition: DefinitionFile) -> str:
    """Return a value as an expression.

    Raises:
        DefinitionError: it is no value of that kind.
    """
    if value is None:
        return null_of(kind)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return f"{value}.0" if kind.word == "number" else str(value)
    if isinstance(value, str):
        if kind.word == "enum" and value in definition.enums[kind.name]:
            return constant(snake(kind.name), value)
        if kind.word == "id" and value == "":
            return "SL_EMPTY_ID"
        if kind.word == "text":
            return f"TEXT({text(value)}, {size_of(value)})"
    raise DefinitionError(f"{value!r} is no {kind.name or kind.word}")


def default_of(field: FieldDefinition, definition: DefinitionFile) -> str:
    """Return what a field is if it is not given, as an initializer."""
    kind = kind_of(field.type, field.name)
    if kind.word in ("map", "list") and not field.default:
        return "{0}"
    if kind.word == "list":
        items = ", ".join(literal(each, kind.of[0], definition) for each in field.default)
        return f"{{({c_type(kind.of[0], definition)}[]){{{items}}}, {len(field.default)}}}"
    if kind.word == "struct" and field.default is not None:
        return initial(kind.name, field.default, definition)
    if field.required:
        return {"text": "{NULL, 0, 0}", "whole": "0", "flag": "false", "id": "SL_NO_ID"}.get(
            kind.word, "{0}" if kind.word == "number" else null_of(kind)
        )
    if kind.word == "text":
        value = field.default
        return "{NULL, 0, 0}" if value is None else f"{{{text(value)}, {size_of(value)}, SL_STATIC}}"
    if kind.word == "number":
        return "{false, 0}" if field.default is None else f"{{true, {field.default}}}"
    return literal(field.default, kind, definition)


def initial(name: str, given: dict[str, object], definition: DefinitionFile) -> str:
    """Return the initializer of a struct with these values."""
    parts = [
        f".{field.name} = {default_of(field.model_copy(update={'default': given[field.name]}), definition)}"
        for field in definition.structs[name].fields
    ]
    return f"{{{', '.join(parts)}}}"
