"""Functions as readers of the specification see them: their trees in a few words and signs."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from . import trees as t
from .model import FunctionNode

_SIGNS = {"equal": "=", "not_equal": "≠", "less": "<", "at_most": "≤", "greater": ">", "at_least": "≥"}
_ARITHMETIC = {"add": "+", "subtract": "-", "multiply": "*", "divide": "/"}
_INDENT = "\u00a0\u00a0"
_ATOM, _NOT, _PRODUCT, _SUM, _COMPARED, _AND, _OR, _CHOICE = range(8, 0, -1)
"""How tightly what stands in an expression holds together."""


class Pseudocode:
    """Words the functions of one definition."""

    def __init__(self, functions: Mapping[str, FunctionNode]) -> None:
        """Begin: a function is called by its own name, if no other has it."""
        own = {name: name.rpartition(".")[2].lstrip("_") for name in functions}
        times = Counter(own.values())
        self.names = {
            name: short if times[short] == 1 else ".".join(name.split(".")[-2:]).replace("._", ".")
            for name, short in own.items()
        }

    def lines(self, function: FunctionNode) -> list[str]:
        """Return what a function does, line by line; of a guard that is one value, that value."""
        match function.body:
            case (t.Return(value=value),) if value is not None:
                return [self.value(value)]
        return list(self._block(function.body, ""))

    def _block(self, body: Sequence[t.Statement], indent: str) -> Iterator[str]:
        for statement in body:
            for line in self._statement(statement):
                yield f"{indent}{line}"

    def _statement(self, node: t.Statement) -> Iterator[str]:
        match node:
            case t.Let(name=name, value=value):
                yield f"{name} := {self.value(value)}"
            case t.Unpack(names=names, value=value):
                yield f"{', '.join(names)} := {self.value(value)}"
            case t.Set(of=of, field=field, value=value):
                yield f"{self._in(of, _ATOM)}.{field} := {self.value(value)}"
            case t.Put(of=of, key=key, value=value):
                yield f"{self._in(of, _ATOM)}[{self.value(key)}] := {self.value(value)}"
            case t.Remove(of=of, key=key):
                yield f"remove {self._in(of, _ATOM)}[{self.value(key)}]"
            case t.Clear(of=of):
                yield f"clear {self.value(of)}"
            case t.If(test=test, then=then, otherwise=otherwise):
                yield f"if {self.value(test)}:"
                yield from self._block(then, _INDENT)
                if otherwise:
                    yield "else:"
                    yield from self._block(otherwise, _INDENT)
            case t.Each(names=names, over=over, do=do):
                yield f"for each {', '.join(names)} in {self.value(over)}:"
                yield from self._block(do, _INDENT)
            case t.Leave(op="break"):
                yield "end the loop"
            case t.Leave():
                yield "go on with the next"
            case t.Return(value=value):
                yield "return" if value is None else f"return {self.value(value)}"
            case t.Assert(condition=condition):
                yield f"(always: {self.value(condition)})"
            case t.Emit(effect=effect):
                yield f"emit {self.value(effect)}"
            case t.Raise(event=event):
                yield f"raise {event}"
            case t.Tell(message=message, event=event):
                yield f"tell {self.value(message)}: {event}"
            case t.TellSpeech(speech_id=speech_id, event=event):
                yield f"tell speech {self.value(speech_id)}: {self.value(event)}"
            case t.Call():
                yield self.value(node)

    def value(self, node: t.Expression) -> str:
        """Return an expression."""
        return self._piece(node)[0]

    def _in(self, node: t.Expression, within: int) -> str:
        written, holds = self._piece(node)
        return written if holds >= within else f"({written})"

    def _all(self, nodes: Sequence[t.Expression]) -> str:
        return ", ".join(map(self.value, nodes))

    def _piece(self, node: t.Expression) -> tuple[str, int]:
        match node:
            case t.Value(value=None):
                return "none", _ATOM
            case t.Value(value=value):
                return json.dumps(value), _ATOM
            case t.Infinity():
                return "∞", _ATOM
            case t.Constant(name=name) | t.Name(name=name):
                return name, _ATOM
            case t.Get(of=of, field=field):
                return f"{self._in(of, _ATOM)}.{field}", _ATOM
            case t.Entry(of=of, key=key):
                return f"{self._in(of, _ATOM)}[{self.value(key)}]", _ATOM
            case t.EntryIfAny(of=of, key=key):
                return f"{self._in(of, _ATOM)}[{self.value(key)}] or none", _OR
            case t.Has(of=of, key=item) | t.Contains(of=of, item=item):
                return f"{self._in(item, _SUM)} in {self._in(of, _SUM)}", _COMPARED
            case t.Compare(how=how, left=left, right=right):
                return f"{self._in(left, _SUM)} {_SIGNS[how]} {self._in(right, _SUM)}", _COMPARED
            case t.And(conditions=conditions):
                return " and ".join(self._in(each, _AND) for each in conditions), _AND
            case t.Or(conditions=conditions):
                return " or ".join(self._in(each, _OR) for each in conditions), _OR
            case t.Not(condition=condition):
                return f"not {self._in(condition, _NOT)}", _NOT
            case t.IsEvent(value=value, any_of=names):
                return f"{self._in(value, _ATOM)} is {' or '.join(names)}", _COMPARED
            case t.Choose(test=test, then=then, otherwise=otherwise):
                return f"{self._in(then, _OR)} if {self._in(test, _OR)}, else {self.value(otherwise)}", _CHOICE
            case t.OrElse(value=value, otherwise=otherwise):
                return f"{self._in(value, _ATOM)}, or else {self.value(otherwise)}", _CHOICE
            case t.Arithmetic(op=op, left=left, right=right):
                holds = _PRODUCT if op in ("multiply", "divide") else _SUM
                return f"{self._in(left, holds)} {_ARITHMETIC[op]} {self._in(right, holds + 1)}", holds
            case t.Call(function=function, arguments=arguments):
                return f"{self.names.get(function, function)}({self._all(arguments)})", _ATOM
        return self._made(node), _ATOM

    def _made(self, node: t.Expression) -> str:
        match node:
            case t.Least(of=of):
                return f"least({self._all(of)})"
            case t.Whole(value=value):
                return f"whole({self.value(value)})"
            case t.Size(of=of):
                return f"size({self.value(of)})"
            case t.Concat(of=of):
                return f"text({self._all(of)})"
            case t.Words(of=of):
                return f"words({self.value(of)})"
            case t.Join(of=of, by=by):
                return f"join({self.value(of)}, {self.value(by)})"
            case t.First(of=of, count=count):
                return f"first({self.value(count)}, {self.value(of)})"
            case t.Items(items=items):
                return f"({self._all(items)})"
            case t.Chain(left=left, right=right):
                return f"list({self.value(left)}, {self.value(right)})"
            case t.Listed(op=word, of=of):
                return f"{word}({self.value(of)})"
            case t.Collect(names=names, over=over, value=value, where=where):
                kept = "" if where is None else f" where {self.value(where)}"
                return f"(each {self.value(value)} for {', '.join(names)} in {self.value(over)}{kept})"
            case t.Build(name=name, fields=fields):
                return f"{name}({self._given(fields)})" if fields else name
            case t.Changed(of=of, fields=fields):
                return f"({self.value(of)} with {self._given(fields)})"
        raise AssertionError(node)

    def _given(self, fields: Mapping[str, t.Expression]) -> str:
        return ", ".join(f"{name}: {self.value(value)}" for name, value in fields.items())
