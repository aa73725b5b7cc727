"""The types of fields, parameters and results, as data: those of Python's annotations, worded for any language."""

from __future__ import annotations

from functools import cache
from types import ModuleType, NoneType
from typing import Annotated, Any, Literal, get_args, get_origin

from msgspec import Struct
from pydantic import BaseModel, ConfigDict, Field

from speech_lifecycle.fsm import events, values
from speech_lifecycle.fsm.compile.definition import DefinitionError
from speech_lifecycle.fsm.conversation import internal_events
from speech_lifecycle.fsm.events import EVERY_EVENT_TYPE, name_of

INTERNAL_EVENT_TYPES: tuple[type[Any], ...] = get_args(internal_events.InternalEvent)


class Part(BaseModel):
    """A part of the definition's file."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Plain(Part):
    """Text; a whole number of 0 to 2^53 - 1; any number, or NaN or an infinity; true or false; null alone."""

    kind: Literal["text", "whole", "number", "flag", "nothing"]


class Enumerated(Part):
    """One of the texts of an enumeration."""

    kind: Literal["enum"] = "enum"
    name: str


class Structured(Part):
    """An object with the fields of a struct."""

    kind: Literal["struct"] = "struct"
    name: str


class OfEvent(Part):
    """One of these events from outside; of no names: any."""

    kind: Literal["event"] = "event"
    any_of: tuple[str, ...] = ()


class OfInternalEvent(Part):
    """One of these events that the conversation is told; of no names: any."""

    kind: Literal["internal_event"] = "internal_event"
    any_of: tuple[str, ...] = ()


class ListOf(Part):
    """Several of one type, in order."""

    kind: Literal["list"] = "list"
    of: Type


class MapOf(Part):
    """Several of one type, each by a text, in the order in which they were put in."""

    kind: Literal["map"] = "map"
    of: Type


class TupleOf(Part):
    """A fixed number of values."""

    kind: Literal["tuple"] = "tuple"
    of: tuple[Type, ...]


class OptionalOf(Part):
    """A value, or null."""

    kind: Literal["optional"] = "optional"
    of: Type


class OneOf(Part):
    """A value of one of several types."""

    kind: Literal["one_of"] = "one_of"
    of: tuple[Type, ...]


Type = Annotated[
    Plain | Enumerated | Structured | OfEvent | OfInternalEvent | ListOf | MapOf | TupleOf | OptionalOf | OneOf,
    Field(discriminator="kind"),
]
for _composed in (ListOf, MapOf, TupleOf, OptionalOf, OneOf):
    _composed.model_rebuild()

TEXT, WHOLE, FLAG = Plain(kind="text"), Plain(kind="whole"), Plain(kind="flag")
_PLAIN: dict[Any, Plain] = {
    str: TEXT,
    int: WHOLE,
    float: Plain(kind="number"),
    bool: FLAG,
    NoneType: Plain(kind="nothing"),
    None: Plain(kind="nothing"),
}


@cache
def enumerations() -> dict[str, tuple[str, ...]]:
    """Return the values of every enumeration, by its name."""
    return {name: texts for module in (values, events) for name, texts in _enumerations_of(module).items()}


def _enumerations_of(module: ModuleType) -> dict[str, tuple[str, ...]]:
    return {
        name: get_args(value)
        for name, value in vars(module).items()
        if get_origin(value) is Literal and not name.startswith("_")
    }


def type_of(hint: Any) -> Type:
    """Return a type annotation as data.

    Raises:
        DefinitionError: it has no word for it; the message names the annotation.
    """
    arguments, origin = get_args(hint), get_origin(hint)
    if hint in _PLAIN:
        return _PLAIN[hint]
    if origin is Annotated:
        return type_of(arguments[0])
    if origin is Literal:
        return Enumerated(name=_enumeration(arguments))
    if origin is tuple:
        if len(arguments) == 2 and arguments[1] is Ellipsis:
            return ListOf(of=type_of(arguments[0]))
        return TupleOf(of=tuple(map(type_of, arguments)))
    if origin is dict and arguments[0] is str:
        return MapOf(of=type_of(arguments[1]))
    if isinstance(hint, type) and issubclass(hint, Struct):
        return _of_struct(hint)
    if arguments:
        return _of_union(arguments)
    raise DefinitionError(f"the type {hint!r} cannot be exported: use text, numbers, structs, tuples and dicts of them")


def _enumeration(texts: tuple[str, ...]) -> str:
    for name, known in enumerations().items():
        if known == texts:
            return name
    raise DefinitionError(f"the texts {texts} have no name: give their Literal one in fsm/values.py")


def _of_struct(struct: type[Any]) -> Type:
    if struct in EVERY_EVENT_TYPE:
        return OfEvent(any_of=(name_of(struct),))
    if struct in INTERNAL_EVENT_TYPES:
        return OfInternalEvent(any_of=(name_of(struct),))
    return Structured(name=struct.__name__)


def _of_union(members: tuple[Any, ...]) -> Type:
    parts = {each for each in members if each is not NoneType}
    found: list[Type] = []
    for family, word in ((EVERY_EVENT_TYPE, OfEvent), (INTERNAL_EVENT_TYPES, OfInternalEvent)):
        own = parts.intersection(family)
        parts -= own
        if own:
            names = () if own == {*family} else tuple(name_of(each) for each in family if each in own)
            found.append(word(any_of=names))
    found += [type_of(each) for each in members if each in parts]
    whole = found[0] if len(found) == 1 else OneOf(of=tuple(found))
    return OptionalOf(of=whole) if NoneType in members else whole
