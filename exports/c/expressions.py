"""Expressions of trees in C."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from speech_lifecycle.fsm.compile.definition import DefinitionError

from .. import trees as t
from .kinds import EVENT, FLAG, ID, NOTHING, NUMBER, TEXT, WHOLE, Kind, kind_of, list_type, null_of
from .making import MakingWriter
from .names import constant, snake, variable
from .pieces import ATOM, CHOICE, COMPARED, LOGIC, SUM, Choice, Piece

_COMPARISONS = {
    "equal": "==",
    "not_equal": "!=",
    "less": "<",
    "at_most": "<=",
    "greater": ">",
    "at_least": ">=",
}
_ADDING = {"add": "+", "subtract": "-"}


class ExpressionWriter(MakingWriter):
    """Writes the expressions of one function after the other."""

    def piece(self, node: t.Expression, wanted: Kind | None = None) -> Piece:
        """Return an expression; `wanted` is what it will have to be, where that is known."""
        match node:
            case t.Value(value=bool() as value):
                return Piece("true" if value else "false", FLAG)
            case t.Value(value=int() as value):
                return Piece(str(value), WHOLE)
            case t.Value(value=value):
                return Piece("", TEXT if value is not None else NOTHING, literal=value)
            case t.Infinity():
                return Piece("HUGE_VAL", NUMBER)
            case t.Constant(name=name):
                return self._constant(name)
            case t.Name(name=name):
                self._state.used.add(name)
                kind = self.kind_of_name(name)
                if kind is None:
                    raise DefinitionError(f"{name} is named in another block")
                return Piece(variable(name), kind)
            case t.Get(of=of, field=field_name):
                return self._get(self.piece(of), field_name)
            case t.Call(function=function, arguments=arguments):
                return self._call(function, arguments)
            case t.Choose():
                return self._choose(node, wanted)
            case t.OrElse(value=value, otherwise=otherwise):
                return self._or_else(value, otherwise, wanted)
        return self._of_map(node) or self._logic(node) or self._number(node) or self.made(node, wanted)

    def _constant(self, name: str) -> Piece:
        value = self.definition.constants[name]
        if isinstance(value, int):
            return Piece(constant(name), WHOLE)
        if isinstance(value, str):
            return Piece("", TEXT, literal=value)
        raise DefinitionError(f"{name}, but to see whether it contains something")

    def _get(self, owner: Piece, name: str) -> Piece:
        kind = self.field_kind(owner.kind, name)
        if owner.kind.word == "event":
            return Piece(f"EVENT({owner.code}, {name})", kind)
        word = "PART" if kind.word == "struct" and kind.name in self.embedded else "GET"
        return Piece(f"{word}({owner.kind.name}, {owner.code}, {name})", kind)

    def _call(self, function: str, arguments: Sequence[t.Expression]) -> Piece:
        called = self.definition.functions[function]
        given = [
            self.code(argument, kind_of(kind, parameter))
            for argument, (parameter, kind) in zip(arguments, called.parameters, strict=True)
        ]
        if function in self.needing:
            given.insert(0, self.run())
        return Piece(f"{self.names[function]}({', '.join(given)})", kind_of(called.returns, function))

    def _choose(self, node: t.Choose, wanted: Kind | None) -> Piece:
        test = self.code(node.test, FLAG, COMPARED)
        one, other = self.piece(node.then, wanted), self.piece(node.otherwise, wanted)
        kind = wanted or _common(one, other)
        if kind.word == "text" and one.is_literal and other.is_literal and wanted is None:
            return Piece("", TEXT, literal=Choice(test, one.literal, other.literal))
        given = [self.coerced(each, kind).within(LOGIC) for each in (one, other)]
        return Piece(f"{test} ? {given[0]} : {given[1]}", kind, CHOICE)

    def _or_else(self, value: t.Expression, otherwise: t.Expression, wanted: Kind | None) -> Piece:
        one, other = self.piece(value), self.piece(otherwise)
        kind = wanted or _common(one, other)
        if one.kind.word not in ("enum", "id", "text", "whole"):
            raise DefinitionError(f"{one.code} or something else")
        first, second = self.coerced(one, one.kind), self.coerced(other, one.kind)
        if one.kind.word == "enum":
            none = null_of(one.kind)
            chosen = Piece(f"{first.within(ATOM)} != {none} ? {first.code} : {second.code}", one.kind, CHOICE)
        else:
            chosen = Piece(f"{one.kind.word.upper()}_OR({first.code}, {second.code})", one.kind)
        return self.coerced(chosen, kind)

    def _of_map(self, node: t.Expression) -> Piece | None:
        match node:
            case t.Entry(of=of, key=key) | t.EntryIfAny(of=of, key=key):
                the_map = self.piece(of)
                (kind,) = the_map.kind.of
                kind = replace(kind, optional=isinstance(node, t.EntryIfAny))
                key_code = self.code(key, ID)
                if kind.word == "struct":
                    return Piece(f"MAP_OBJECT({the_map.code}, {key_code}, sl_{snake(kind.name)})", kind)
                if kind.word == "id":
                    return Piece(f"MAP_ID({the_map.code}, {key_code})", kind)
                if kind.word == "enum":
                    return Piece(f"MAP_ENUM({the_map.code}, {key_code}, sl_{snake(kind.name)})", kind)
            case t.Has(of=of, key=key):
                return Piece(f"MAP_HAS({self.piece(of).code}, {self.code(key, ID)})", FLAG)
            case t.Size(of=of):
                found = self.piece(of)
                word = "MAP_SIZE" if found.kind.word == "map" else "LIST_SIZE"
                return Piece(f"{word}({found.code})", WHOLE)
        return None

    def _logic(self, node: t.Expression) -> Piece | None:
        match node:
            case t.Compare(how=how, left=left, right=right):
                return self._compared(how, self.piece(left), self.piece(right))
            case t.And(conditions=conditions):
                return Piece(" && ".join(self._condition(each, COMPARED) for each in conditions), FLAG, LOGIC)
            case t.Or(conditions=conditions):
                return Piece(" || ".join(self._condition(each, COMPARED) for each in conditions), FLAG, LOGIC)
            case t.Not(condition=condition):
                return Piece(f"!{self._condition(condition, ATOM)}", FLAG)
            case t.IsEvent(value=value, any_of=names):
                event = self.code(value, EVENT)
                return _any(f"IS_EVENT({event}, {constant('event', name)})" for name in names)
            case t.Contains(of=of, item=item):
                return self._contains(of, self.piece(item))
        return None

    def _condition(self, node: t.Expression, holds: int) -> str:
        lines = len(self._state.before)
        written = self.code(node, FLAG, holds)
        if len(self._state.before) > lines:
            raise DefinitionError("a list that is made in a part of a condition")
        return written

    def _contains(self, of: t.Expression, item: Piece) -> Piece:
        match of:
            case t.Items(items=items):
                return _any(self._compared("equal", item, self.piece(each)).within(COMPARED) for each in items)
            case t.Constant(name=name):
                values = self.definition.constants[name]
                assert isinstance(values, tuple)
                pieces = [Piece("", TEXT if each is not None else NOTHING, literal=each) for each in values]
                return _any(self._compared("equal", item, each).within(COMPARED) for each in pieces)
        found = self.piece(of)
        (kind,) = found.kind.of
        if kind.word == "id":
            return Piece(f"IDS_HAVE({found.code}, {self.coerced(item, kind).code})", FLAG)
        if kind.word == "enum":
            return Piece(f"{list_type(kind)}_has({found.code}, {self.coerced(item, kind).code})", FLAG)
        raise DefinitionError(f"whether a list of {kind.word} has something")

    def _compared(self, how: str, one: Piece, other: Piece) -> Piece:
        sign = _COMPARISONS[how]
        if one.is_literal:
            one, other = other, one
        if one.is_literal:
            raise DefinitionError("a comparison of two literals")
        kind = one.kind
        if other.is_literal and other.literal is None:
            if kind.word in ("text", "number"):
                negation = "" if how == "not_equal" else "!"
                return Piece(f"{negation}IS_{kind.word.upper()}({one.code})", FLAG)
            return Piece(f"{one.within(SUM)} {sign} {null_of(kind)}", FLAG, COMPARED)
        if other.kind.word == "number" and kind.word == "whole":
            kind = NUMBER
        if kind.word == "number":
            kind = NUMBER  # null was excluded before
        given = [self.coerced(each, kind).within(SUM) for each in (one, other)]
        if kind.word == "text":
            negation = "!" if how == "not_equal" else ""
            if other.literal == "":
                return Piece(f"{negation}IS_EMPTY({one.code})", FLAG)
            return Piece(f"{negation}TEXTS_EQUAL({', '.join(given)})", FLAG)
        if kind.word in ("list", "map", "tuple"):
            raise DefinitionError(f"a comparison of two {kind.word}s")
        return Piece(f" {sign} ".join(given), FLAG, COMPARED)

    def _number(self, node: t.Expression) -> Piece | None:
        match node:
            case t.Arithmetic(op="add" | "subtract" as op, left=left, right=right):
                sides = self.code(left, WHOLE, SUM if op == "add" else ATOM), self.code(right, WHOLE, ATOM)
                return Piece(f" {_ADDING[op]} ".join(sides), WHOLE, SUM)
            case t.Arithmetic(op="multiply", left=left, right=right):
                return Piece(f"PRODUCT({self.code(left, WHOLE)}, {self.code(right, WHOLE)})", WHOLE)
            case t.Arithmetic(left=t.Arithmetic(op="multiply", left=one, right=other), right=right):
                parts = ", ".join(self.code(each, WHOLE) for each in (one, other, right))
                return Piece(f"SHARE({parts})", WHOLE)
            case t.Arithmetic(left=left, right=right):
                return Piece(f"SHARE({self.code(left, WHOLE)}, 1, {self.code(right, WHOLE)})", WHOLE)
            case t.Least(of=several):
                *rest, last = [self.code(each, WHOLE) for each in several]
                for each in reversed(rest):
                    last = f"LEAST({each}, {last})"
                return Piece(last, WHOLE)
            case t.Whole(value=value):
                return Piece(f"WHOLE({self.code(value, NUMBER)})", WHOLE)
        return None


def _any(conditions: Iterable[str]) -> Piece:
    several = list(conditions)
    return Piece(" || ".join(several), FLAG, LOGIC if len(several) > 1 else COMPARED)


def _common(one: Piece, other: Piece) -> Kind:
    known = other.kind if one.is_literal else one.kind
    if one.kind.word == "number" and other.kind.word == "number" and one.kind.optional != other.kind.optional:
        return replace(known, optional=True)
    return known
