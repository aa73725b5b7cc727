"""The fields of events, effects and structs, with their types, ranges, defaults and docs."""

from __future__ import annotations

import ast
import inspect
import json
from functools import cache
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import msgspec

from speech_lifecycle.fsm.compile.definition import DefinitionError
from speech_lifecycle.fsm.effects import AgentEffect, CreateResponse, OutputEffect, RestoreHistory, SessionEffect
from speech_lifecycle.fsm.effects import TimerEffect as TimerEffects

from .model import FieldDefinition, StructDefinition
from .types import type_of

RECEIVERS: dict[type[Any], Any] = {
    effect_type: receiver
    for receiver, family in {
        "output": OutputEffect,
        "session": CreateResponse | RestoreHistory | SessionEffect,
        "agent": AgentEffect,
        "timer": TimerEffects,
    }.items()
    for effect_type in get_args(family)
}
"""Whom each effect is for."""


def doc_of(documented: Any) -> str:
    """Return a docstring.

    Raises:
        DefinitionError: there is none: whoever ports it has to know what it means.
    """
    doc = inspect.getdoc(documented)
    if not doc:
        raise DefinitionError(f"{documented!r} has no docstring; say what it means")
    return doc


def struct_of(struct: type[Any]) -> StructDefinition:
    """Return a struct as data."""
    return StructDefinition(doc=doc_of(struct), fields=fields_of(struct))


def fields_of(struct: type[Any]) -> tuple[FieldDefinition, ...]:
    """Return the fields of a struct, in their order."""
    hints = get_type_hints(struct, include_extras=True)
    docs = _docs_of(inspect.getsource(struct))
    return tuple(
        FieldDefinition(
            name=field.name,
            type=type_of(hints[field.name]),
            doc=docs.get(field.name, ""),
            required=field.required,
            default=None if field.required else json.loads(msgspec.json.encode(_default(field))),
            **_range(hints[field.name]),
        )
        for field in msgspec.structs.fields(struct)
    )


def _default(field: msgspec.structs.FieldInfo) -> Any:
    return field.default_factory() if field.default is msgspec.NODEFAULT else field.default


def _range(hint: Any) -> dict[str, int]:
    """Return the range of whole numbers, also of those that may be missing."""
    if get_origin(hint) is not Annotated:
        return next(filter(None, map(_range, get_args(hint))), {})
    (meta,) = [each for each in get_args(hint) if isinstance(each, msgspec.Meta)]
    return {"minimum": int(meta.ge or 0), "maximum": int(meta.le or 0)}


@cache
def _docs_of(text: str) -> dict[str, str]:
    """Return what is said of each field, in the text below it."""
    (tree,) = ast.parse(text).body
    assert isinstance(tree, ast.ClassDef)
    docs = {}
    for statement, below in zip(tree.body, tree.body[1:], strict=False):
        match statement, below:
            case ast.AnnAssign(ast.Name(name)), ast.Expr(ast.Constant(str(doc))):
                docs[name] = inspect.cleandoc(doc)
    return docs
