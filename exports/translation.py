"""Guards, actions and all that they call, from Python's syntax trees to those of `trees`.

The subset lint has seen to it that they use little. What Python leaves to the values of the moment is decided here by
their types: what counts as true, what `+` and `in` mean, whether something is a list or a map.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any, get_args

from msgspec import Struct
from msgspec.structs import replace

from speech_lifecycle.fsm.compile.definition import DefinitionError
from speech_lifecycle.fsm.compile.functions import (
    FunctionDefinition,
    called_by,
    id_of,
    parameters_of,
    property_read,
)
from speech_lifecycle.fsm.effects import EVERY_EFFECT_TYPE
from speech_lifecycle.fsm.events import EVERY_EVENT_TYPE, name_of

from . import trees as t
from .inference import Types
from .types import FLAG, ListOf, MapOf, OptionalOf, Plain, Type

_ARITHMETIC: dict[type[ast.operator], Any] = {
    ast.Add: "add",
    ast.Sub: "subtract",
    ast.Mult: "multiply",
    ast.FloorDiv: "divide",
}
_COMPARISONS: dict[type[ast.cmpop], Any] = {
    ast.Eq: "equal",
    ast.Is: "equal",
    ast.NotEq: "not_equal",
    ast.IsNot: "not_equal",
    ast.Lt: "less",
    ast.LtE: "at_most",
    ast.Gt: "greater",
    ast.GtE: "at_least",
}
_LISTED: dict[str, Any] = {"values": "values", "items": "pairs"}
_NULL = t.Value(value=None)


def constant_name(name: str) -> str:
    """Return the name by which a constant of a module is exported."""
    return name.lstrip("_")


def parameters(function: FunctionDefinition) -> tuple[str, ...]:
    """Return the names of a function's parameters. The run stands for `emit`, `raise` and `tell`, and is none."""
    return tuple(name for name in parameters_of(function.function) if name != "run")


def body_of(function: FunctionDefinition) -> tuple[t.Statement, ...]:
    """Return what a function does.

    Raises:
        DefinitionError: it does something for which there is no node; the message gives file, line and text.
    """
    return _Translator(function).statements(function.tree.body)


class _Translator:
    def __init__(self, function: FunctionDefinition) -> None:
        self._path = function.path
        self._id = function.id
        self._function = function.function
        self._known: dict[str, Any] = function.function.__globals__
        self._types = Types(function)

    # Statements

    def statements(self, body: Sequence[ast.stmt]) -> tuple[t.Statement, ...]:
        return tuple(part for each in body if not isinstance(each, ast.Pass) for part in self._parts(each))

    def _parts(self, node: ast.stmt) -> list[t.Statement]:
        match node:
            case ast.Assign([ast.Name() as target], ast.Call(ast.Attribute(of, "pop"), [key]) as taken):
                there = t.Entry(of=self._map(of), key=self._value(key))
                return [self._assign(target, there, taken), t.Remove(of=there.of, key=there.key)]
        return [self._statement(node)]

    def _statement(self, node: ast.stmt) -> t.Statement:
        match node:
            case ast.Assign([target], value):
                return self._assign(target, self._value(value), value)
            case ast.AugAssign(target, op, value):
                read = ast.copy_location(ast.BinOp(_as_read(target), op, value), node)
                return self._assign(target, self._value(read), read)
            case ast.If(test, body, orelse):
                return t.If(test=self._condition(test), then=self.statements(body), otherwise=self.statements(orelse))
            case ast.For(target, iter_, body):
                names, over = self._loop(target, iter_)
                return t.Each(names=names, over=over, do=self.statements(body))
            case ast.Return(value):
                return t.Return(value=None if value is None else self._value(value, self._types.returned))
            case ast.Break():
                return t.Leave(op="break")
            case ast.Continue():
                return t.Leave(op="continue")
            case ast.Assert(test):
                return t.Assert(condition=self._condition(test))
            case ast.Expr(ast.Call() as call):
                return self._doing(call)
        raise self._unknown(node)

    def _assign(self, target: ast.expr, value: t.Expression, source: ast.expr) -> t.Statement:
        match target:
            case ast.Name(name):
                self._types.bind(target, source)
                return t.Let(name=name, value=value)
            case ast.Tuple(elements):
                self._types.bind(target, source)
                return t.Unpack(names=_names(elements), value=value)
            case ast.Attribute(of, field):
                return t.Set(of=self._value(of), field=field, value=value)
            case ast.Subscript(of, key):
                return t.Put(of=self._value(of), key=self._value(key), value=value)
        raise self._unknown(target)

    def _doing(self, call: ast.Call) -> t.Statement:
        """Translate a call for what it does."""
        match call.func, call.args:
            case ast.Attribute(ast.Name("run"), "emit"), [effect]:
                return t.Emit(effect=self._value(effect))
            case ast.Attribute(ast.Name("run"), "raise_event"), [ast.Constant(str(event))]:
                return t.Raise(event=event)
            case ast.Attribute(ast.Name("run"), "tell"), [ast.Name("speech"), message, ast.Constant(str(event))]:
                return t.Tell(message=self._value(message), event=event)
            case ast.Attribute(ast.Name("run"), "tell_speech"), [ast.Name("conversation"), speech_id, told]:
                return t.TellSpeech(speech_id=self._value(speech_id), event=self._value(told))
        if called_by(call, self._function) is not None:
            doing: t.Call = self._call(call)
            return doing
        match call.func, call.args:
            case ast.Attribute(of, "pop"), [key] | [key, ast.Constant(None)]:
                return t.Remove(of=self._map(of), key=self._value(key))
            case ast.Attribute(of, "clear"), []:
                return t.Clear(of=self._map(of))
        raise self._unknown(call)

    # Values

    def _value(self, node: ast.expr, wanted: Type | None = None) -> t.Expression:
        match node:
            case ast.Constant(str() | int() | None as value):
                return t.Value(value=value)
            case ast.Name():
                return self._name(node)
            case ast.Attribute(of, field):
                if fget := property_read(node, self._function):
                    return t.Call(function=id_of(fget), arguments=(self._value(of),))
                return t.Get(of=self._value(of), field=field)
            case ast.Subscript(of, ast.Slice(None, upper, None)) if upper is not None:
                return t.First(of=self._value(of), count=self._value(upper))
            case ast.Subscript(of, key):
                return t.Entry(of=self._map(of), key=self._value(key))
            case ast.Tuple(elements) | ast.List(elements):
                return t.Items(items=tuple(map(self._value, elements)))
            case ast.JoinedStr(parts):
                return t.Concat(of=tuple(self._part(part) for part in parts))
            case ast.BinOp(left, op, right):
                return self._arithmetic(left, op, right)
            case ast.IfExp(test, body, orelse):
                return t.Choose(
                    test=self._condition(test), then=self._value(body, wanted), otherwise=self._value(orelse, wanted)
                )
            case ast.ListComp(value, [loop]) | ast.GeneratorExp(value, [loop]):
                return self._collected(value, loop)
            case ast.BoolOp(ast.Or(), values) if self._types.of(node) != FLAG and wanted != FLAG:
                return self._or_else(values)
            case ast.Compare() | ast.BoolOp() | ast.UnaryOp(ast.Not()):
                return self._condition(node)
            case ast.Call():
                called: t.Expression = self._call(node)
                return called
        raise self._unknown(node)

    def _name(self, node: ast.Name) -> t.Expression:
        if self._types.is_own(node.id):
            return t.Name(name=node.id)
        if node.id not in self._known:
            raise self._unknown(node)
        value = self._known[node.id]
        return t.Infinity() if value == float("inf") else t.Constant(name=constant_name(node.id))

    def _part(self, part: ast.expr) -> t.Expression:
        return self._value(part.value if isinstance(part, ast.FormattedValue) else part)

    def _arithmetic(self, left: ast.expr, op: ast.operator, right: ast.expr) -> t.Expression:
        one, other, kind = self._value(left), self._value(right), self._types.of(left)
        if isinstance(op, ast.Add) and kind == Plain(kind="text"):
            return t.Concat(of=(one, other))
        if isinstance(op, ast.Add) and isinstance(kind, ListOf):
            return t.Chain(left=one, right=other)
        number = kind.of if isinstance(kind, OptionalOf) else kind  # null was excluded before
        if number != Plain(kind="whole"):
            raise self._unknown(left)
        return t.Arithmetic(op=_ARITHMETIC[type(op)], left=one, right=other)

    def _or_else(self, values: list[ast.expr]) -> t.Expression:
        *first, last = map(self._value, values)
        for value in reversed(first):
            last = t.OrElse(value=value, otherwise=last)
        return last

    def _loop(self, target: ast.expr, iter_: ast.expr) -> tuple[tuple[str, ...], t.Expression]:
        over = self._list(iter_)
        self._types.bind_item(target, iter_)
        return _names(target.elts if isinstance(target, ast.Tuple) else [target]), over

    def _collected(self, value: ast.expr, loop: ast.comprehension) -> t.Expression:
        names, over = self._loop(loop.target, loop.iter)
        where = [self._condition(each) for each in loop.ifs]
        return t.Collect(
            names=names,
            over=over,
            value=self._value(value),
            where=where[0] if len(where) == 1 else t.And(conditions=tuple(where)) if where else None,
        )

    def _list(self, node: ast.expr) -> t.Expression:
        """Translate what is looped over, or made a list of: of a map its keys."""
        value = self._value(node)
        return t.Listed(op="keys", of=value) if isinstance(self._types.of(node), MapOf) else value

    def _map(self, node: ast.expr) -> t.Expression:
        if not isinstance(self._types.of(node), MapOf):
            raise self._unknown(node)
        return self._value(node)

    # Calls

    def _call(self, node: ast.Call) -> Any:
        found = called_by(node, self._function)
        if found is not None:
            function, arguments = found
            names = parameters_of(function)
            given = dict(zip(names, arguments, strict=False)) | {each.arg or "": each.value for each in node.keywords}
            defaults = dict(zip(reversed(names), reversed(function.__defaults__ or ()), strict=False))
            return t.Call(
                function=id_of(function),
                arguments=tuple(
                    self._value(given[name]) if name in given else t.Value(value=defaults[name])
                    for name in names
                    if name != "run"
                ),
            )
        match node.func:
            case ast.Name(name):
                return self._built_in(node, self._known.get(name, name))
            case ast.Attribute(of, method):
                return self._method(node, of, method)
        raise self._unknown(node)

    def _built_in(self, node: ast.Call, called: Any) -> t.Expression:
        match called, node.args:
            case "bool", [value]:
                return self._condition(value)
            case "int", [value]:
                return t.Whole(value=self._value(value))
            case "len", [value]:
                return t.Size(of=self._value(value))
            case "min", values if len(values) > 1:
                return t.Least(of=tuple(map(self._value, values)))
            case "tuple", [value]:
                return self._list(value)
            case "isinstance", [value, kinds]:
                return t.IsEvent(value=self._value(value), any_of=self._event_names(kinds))
        if called is replace:
            return t.Changed(of=self._value(node.args[0]), fields=self._keywords(node))
        if isinstance(called, type) and issubclass(called, Struct):
            return self._build(node, called)
        raise self._unknown(node)

    def _method(self, node: ast.Call, of: ast.expr, method: str) -> t.Expression:
        match method, node.args:
            case "get", [key]:
                return t.EntryIfAny(of=self._map(of), key=self._value(key))
            case "values" | "items", []:
                return t.Listed(op=_LISTED[method], of=self._map(of))
            case "split", []:
                return t.Words(of=self._value(of))
            case "join", [texts]:
                return t.Join(of=self._value(texts), by=self._value(of))
        raise self._unknown(node)

    def _build(self, node: ast.Call, struct: type[Any]) -> t.Expression:
        given = dict(zip(struct.__struct_fields__, map(self._value, node.args), strict=False))
        fields = given | self._keywords(node)
        if struct in EVERY_EVENT_TYPE:
            return t.Build(what="event", name=name_of(struct), fields=fields)
        if struct in EVERY_EFFECT_TYPE:
            return t.Build(what="effect", name=name_of(struct), fields=fields)
        return t.Build(what="struct", name=struct.__name__, fields=fields)

    def _keywords(self, node: ast.Call) -> dict[str, t.Expression]:
        return {keyword.arg or "": self._value(keyword.value) for keyword in node.keywords}

    def _event_names(self, node: ast.expr) -> tuple[str, ...]:
        match node:
            case ast.Tuple(elements):
                return tuple(name for each in elements for name in self._event_names(each))
            case ast.BinOp(left, ast.BitOr(), right):
                return self._event_names(left) + self._event_names(right)
            case ast.Name(name) if name in self._known:
                value = self._known[name]
                kinds = value if isinstance(value, tuple) else get_args(value) or (value,)
                if all(kind in EVERY_EVENT_TYPE for kind in kinds):
                    return tuple(map(name_of, kinds))
        raise self._unknown(node)

    # Conditions

    def _condition(self, node: ast.expr) -> t.Expression:
        """Translate an expression for whether it counts as true."""
        match node:
            case ast.BoolOp(ast.And(), values):
                return t.And(conditions=tuple(map(self._condition, values)))
            case ast.BoolOp(ast.Or(), values):
                return t.Or(conditions=tuple(map(self._condition, values)))
            case ast.UnaryOp(ast.Not(), value):
                return t.Not(condition=self._condition(value))
            case ast.Compare(left, ops, comparators):
                operands = [left, *comparators]
                compared = [self._comparison(*each) for each in zip(operands, ops, comparators, strict=False)]
                return compared[0] if len(compared) == 1 else t.And(conditions=tuple(compared))
        return self._holds(node, self._value(node), self._types.of(node))

    def _holds(self, node: ast.expr, value: t.Expression, kind: Type | None) -> t.Expression:
        match kind:
            case Plain(kind="flag"):
                return value
            case Plain(kind="text"):
                return t.Compare(how="not_equal", left=value, right=t.Value(value=""))
            case Plain(kind="whole"):
                return t.Compare(how="not_equal", left=value, right=t.Value(value=0))
            case ListOf() | MapOf():
                return t.Compare(how="greater", left=t.Size(of=value), right=t.Value(value=0))
            case OptionalOf(of=of):
                there = t.Compare(how="not_equal", left=value, right=_NULL)
                return t.And(conditions=(there, self._holds(node, value, of)))
        raise self._unknown(node)

    def _comparison(self, left: ast.expr, op: ast.cmpop, right: ast.expr) -> t.Expression:
        if isinstance(op, ast.NotIn):
            return t.Not(condition=self._comparison(left, ast.In(), right))
        if isinstance(op, ast.In):
            if isinstance(self._types.of(right), MapOf):
                return t.Has(of=self._value(right), key=self._value(left))
            return t.Contains(of=self._value(right), item=self._value(left))
        return t.Compare(how=_COMPARISONS[type(op)], left=self._value(left), right=self._value(right))

    def _unknown(self, node: ast.AST) -> DefinitionError:
        line = getattr(node, "lineno", 0)
        return DefinitionError(
            f"{self._path}:{line}: `{ast.unparse(node)}` in {self._id} has no word in definition.json; "
            f"use what other functions use, or add a node to exports/trees.py"
        )


def _names(elements: Sequence[ast.expr]) -> tuple[str, ...]:
    return tuple(each.id for each in elements if isinstance(each, ast.Name))


def _as_read(target: ast.expr) -> ast.expr:
    read = ast.parse(ast.unparse(target), mode="eval").body
    return ast.copy_location(read, target)
