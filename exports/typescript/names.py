"""How what the definition names is called in TypeScript, and its types and defaults."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from ..model import FieldDefinition
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

_PLAIN = {"text": "string", "whole": "number", "number": "number", "flag": "boolean", "nothing": "null"}
_RESERVED = frozenset({"new", "function", "default", "delete", "in", "typeof", "var", "with", "case", "this", "null"})


def pascal(name: str) -> str:
    """Return the name of a type: `session_lost` is `SessionLost`."""
    return "".join(part[:1].upper() + part[1:] for part in re.split(r"[._#]+", name))


def camel(name: str) -> str:
    """Return the name of a value or a function: `heard_ms` is `heardMs`."""
    whole = pascal(name)
    short = whole[:1].lower() + whole[1:]
    return f"{short}_" if short in _RESERVED else short


def text(value: object) -> str:
    """Return a literal."""
    return json.dumps(value, ensure_ascii=False)


def union(names: Iterable[str]) -> str:
    """Return a type that is one of several."""
    return " | ".join(names)


def doc(lines: str, indent: str = "") -> str:
    """Return a comment above what it is about; "" of none."""
    if not lines:
        return ""
    first, *rest = lines.replace("*/", "* /").splitlines()
    if not rest:
        return f"{indent}/** {first} */\n"
    return "".join(
        [f"{indent}/**\n", *(f"{indent} * {line}".rstrip() + "\n" for line in [first, *rest]), f"{indent} */\n"]
    )


def type_of(kind: Type) -> str:
    """Return a type."""
    match kind:
        case Plain(kind=word):
            return _PLAIN[word]
        case Enumerated(name=name) | Structured(name=name):
            return name
        case OfEvent(any_of=names):
            return union(map(pascal, names)) if names else "LifecycleEvent"
        case OfInternalEvent(any_of=names):
            return union(map(pascal, names)) if names else "InternalEvent"
        case ListOf(of=of):
            inner = type_of(of)
            return f"readonly ({inner})[]" if "|" in inner else f"readonly {inner}[]"
        case MapOf(of=of):
            return f"Map<string, {type_of(of)}>"
        case TupleOf(of=several):
            return f"[{', '.join(map(type_of, several))}]"
        case OptionalOf(of=of):
            return f"{type_of(of)} | null"
        case OneOf(of=several):
            return union(map(type_of, several))


def default_of(field: FieldDefinition) -> str:
    """Return what a field is if it is not given."""
    if isinstance(field.type, MapOf):
        return "new Map()"
    if isinstance(field.type, Structured):
        return f"new{field.type.name}()"
    return text(field.default)
