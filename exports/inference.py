"""What type an expression of a function has, as far as its translation has to know."""

from __future__ import annotations

import ast
from typing import Any, get_type_hints

from msgspec import Struct

from speech_lifecycle.fsm import events, state, values
from speech_lifecycle.fsm.compile.functions import (
    FunctionDefinition,
    called_by,
    hints_of,
    locals_of,
    parameters_of,
    property_read,
)
from speech_lifecycle.fsm.conversation import internal_events
from speech_lifecycle.fsm.events import name_of

from .types import (
    FLAG,
    TEXT,
    WHOLE,
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
    type_of,
)

_RESULTS = {"len": WHOLE, "int": WHOLE, "min": WHOLE, "bool": FLAG, "isinstance": FLAG}
_STRUCTS: dict[str, Any] = {
    each.__name__: each
    for module in (values, state)
    for each in vars(module).values()
    if isinstance(each, type) and issubclass(each, Struct)
}
_EVENTS: dict[str, Any] = {name_of(each): each for each in events.EVERY_EVENT_TYPE}
_INTERNAL: dict[str, Any] = {
    name_of(each): each
    for each in vars(internal_events).values()
    if isinstance(each, type) and issubclass(each, Struct)
}


class Types:
    """The types of one function's expressions. Local names have the type of what they were given first."""

    def __init__(self, function: FunctionDefinition) -> None:
        """Begin with the parameters."""
        self._function = function.function
        hints = hints_of(function.function)
        self._own = {*parameters_of(function.function), *locals_of(function.tree.body)}
        self._names: dict[str, Type | None] = {
            name: type_of(hints[name]) for name in parameters_of(function.function) if name != "run"
        }
        self.returned = type_of(hints.get("return", type(None)))

    def is_own(self, name: str) -> bool:
        """Whether a name is a parameter or a local one."""
        return name in self._own

    def bind(self, target: ast.expr, value: ast.expr) -> None:
        """Have a name, or several, stand for a value."""
        self._bind(target, self.of(value))

    def bind_item(self, target: ast.expr, over: ast.expr) -> None:
        """Have a name, or several, stand for the items of what is looped over."""
        kind = self.of(over)
        self._bind(target, TEXT if isinstance(kind, MapOf) else kind.of if isinstance(kind, ListOf) else None)

    def _bind(self, target: ast.expr, kind: Type | None) -> None:
        match target, kind:
            case ast.Name(name), _:
                self._names.setdefault(name, kind)
            case ast.Tuple(elements), TupleOf(of=kinds):
                for element, each in zip(elements, kinds, strict=True):
                    self._bind(element, each)

    def of(self, node: ast.expr) -> Type | None:
        """Return the type of an expression; None if nothing depends on it, and so nobody knows."""
        match node:
            case ast.Constant(value):
                return type_of(type(value))
            case ast.Name(name):
                return (
                    self._names.get(name) if name in self._own else _of_constant(self._function.__globals__.get(name))
                )
            case ast.Attribute(of, field):
                if fget := property_read(node, self._function):
                    return type_of(hints_of(fget)["return"])
                return _of_field(self.of(of), field)
            case ast.Subscript(of, ast.Slice()):
                return self.of(of)
            case ast.Subscript(of):
                kind = self.of(of)
                return kind.of if isinstance(kind, MapOf) else None
            case ast.Tuple(elements) | ast.List(elements):
                return ListOf(of=(self.of(elements[0]) if elements else None) or Plain(kind="nothing"))
            case ast.JoinedStr():
                return TEXT
            case ast.BinOp(left):
                return self.of(left)
            case ast.Compare() | ast.UnaryOp(ast.Not()):
                return FLAG
            case ast.BoolOp(ast.Or(), values):
                # Of what may be null, the last says whether it still may be.
                first, last = self.of(values[0]), self.of(values[-1])
                return first if first == FLAG else last
            case ast.BoolOp(_, values):
                return self.of(values[-1])
            case ast.IfExp(_, body, orelse):
                return self.of(body) or self.of(orelse)
            case ast.ListComp(value) | ast.GeneratorExp(value):
                return ListOf(of=self.of(value) or Plain(kind="nothing"))
            case ast.Call():
                return self._result(node)
        return None

    def _result(self, node: ast.Call) -> Type | None:
        found = called_by(node, self._function)
        if found is not None:
            return type_of(hints_of(found[0])["return"])
        match node.func, node.args:
            case ast.Name("tuple"), [value]:
                kind = self.of(value)
                return ListOf(of=TEXT) if isinstance(kind, MapOf) else kind
            case ast.Name(name), _ if name in _RESULTS:
                return _RESULTS[name]
            case ast.Name(name), _ if isinstance(self._function.__globals__.get(name), type):
                return type_of(self._function.__globals__[name])
            case ast.Attribute(of, "values"), []:
                return ListOf(of=self._entry(of))
            case ast.Attribute(of, "items"), []:
                return ListOf(of=TupleOf(of=(TEXT, self._entry(of))))
            case ast.Attribute(of, "pop"), [_]:
                return self._entry(of)
            case ast.Attribute(of, "get"), [_]:
                return OptionalOf(of=self._entry(of))
            case ast.Attribute(_, "split"), _:
                return ListOf(of=TEXT)
            case ast.Attribute(_, "join"), _:
                return TEXT
        return None

    def _entry(self, node: ast.expr) -> Type:
        kind = self.of(node)
        return kind.of if isinstance(kind, MapOf) else Plain(kind="nothing")


def _of_constant(value: object) -> Type | None:
    if isinstance(value, frozenset | tuple):
        return ListOf(of=TEXT)
    return type_of(type(value)) if isinstance(value, str | int | float) else None


def _of_field(owner: Type | None, field: str) -> Type | None:
    """Return the type of a field; of one of several structs, that of the first that has it."""
    structs: list[Any] = []
    match owner:
        case OptionalOf(of=of):
            return _of_field(of, field)
        case Structured(name=name):
            structs = [_STRUCTS[name]]
        case OfEvent(any_of=names):
            structs = [_EVENTS[name] for name in names or _EVENTS]
        case OfInternalEvent(any_of=names):
            structs = [_INTERNAL[name] for name in names or _INTERNAL]
        case OneOf(of=several):
            return next((kind for each in several if (kind := _of_field(each, field)) is not None), None)
    hints = next((hints for each in structs if field in (hints := get_type_hints(each))), {})
    return type_of(hints[field]) if field in hints else None
