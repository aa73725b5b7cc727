"""Functions with one thing wrong: an operator, a constant, a statement, a branch."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from speech_lifecycle.fsm.compile.functions import REACHES_OTHERS, FunctionDefinition

_COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
_ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.FloorDiv, ast.FloorDiv: ast.Mult,
}  # fmt: skip


@dataclass(frozen=True)
class Mutation:
    """One change of one function."""

    kind: str
    what: str
    """What became what."""
    line: int
    """Of the function; its first is 1."""
    tree: ast.FunctionDef


def mutations(function: FunctionDefinition) -> Iterator[Mutation]:
    """Yield every mutation of a function, in the order of its text."""
    seen: dict[tuple[int, str], int] = {}
    for number, node in enumerate(ast.walk(function.tree)):
        for kind, changed in _changes(function.tree, node):
            tree = _with(function.tree, number, changed)
            was, now = _said(node), _said(changed) if changed is not None else "nothing"
            line = getattr(node, "lineno", function.tree.lineno) - function.tree.lineno + 1
            what = f"{was} becomes {now}"
            # The same may stand twice in a line.
            seen[line, what] = times = seen.get((line, what), 0) + 1
            yield Mutation(kind, what if times == 1 else f"{what} ({times})", line, tree)


def _changes(tree: ast.FunctionDef, node: ast.AST) -> Iterator[tuple[str, ast.AST | None]]:
    match node:
        case ast.Compare(left, operators, comparators):
            for place, operator in enumerate(operators):
                other = _COMPARISONS[type(operator)]()
                yield "comparison", ast.Compare(left, [*operators[:place], other, *operators[place + 1 :]], comparators)
        case ast.BoolOp(operator, values):
            yield "and, or", ast.BoolOp(ast.Or() if isinstance(operator, ast.And) else ast.And(), values)
            for place in range(len(values)):
                rest = [*values[:place], *values[place + 1 :]]
                yield "condition dropped", rest[0] if len(rest) == 1 else ast.BoolOp(operator, rest)
        case ast.UnaryOp(ast.Not(), operand):
            yield "not dropped", operand
        case ast.BinOp(left, operator, right):
            yield "arithmetic", ast.BinOp(left, _ARITHMETIC[type(operator)](), right)
        case ast.IfExp(test, body, orelse):
            yield "branches swapped", ast.IfExp(test, orelse, body)
        case ast.Call(ast.Name("min"), [first, second]):
            yield "limit dropped", first
            yield "limit dropped", second
        case ast.Return(ast.Attribute() as value):
            yield "negated", ast.Return(ast.UnaryOp(ast.Not(), value))
        case ast.If(test, body, orelse):
            yield "branches swapped", ast.If(ast.UnaryOp(ast.Not(), test), body, orelse)
            yield "statement dropped", None
        case ast.Assign() | ast.AugAssign() | ast.Expr() | ast.For() | ast.Break() | ast.Continue():
            yield "statement dropped", None
        case ast.Return(None):
            yield "statement dropped", None
        case ast.Constant(value) if _counts(tree, node):
            yield from (("constant", ast.Constant(other)) for other in _others(value))


def _others(value: object) -> tuple[str | int, ...]:
    if isinstance(value, bool):
        return (not value,)
    if isinstance(value, int):
        return (value + 1,)
    return (f"not {value}",) if isinstance(value, str) else ()


def _counts(tree: ast.FunctionDef, constant: ast.Constant) -> bool:
    """Whether a constant is more than the name of an event, of which there are no others, or words of an assertion."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assert) and constant in ast.walk(node):
            return False
        match node:
            case ast.Call(ast.Attribute(_, name), arguments) if name in REACHES_OTHERS and constant in arguments:
                return False
    return True


def _with(tree: ast.FunctionDef, number: int, changed: ast.AST | None) -> ast.FunctionDef:
    """Return a copy of a tree with something else, or nothing, in the place of its node of this number."""
    copy = deepcopy(tree)
    target = next(node for place, node in enumerate(ast.walk(copy)) if place == number)

    class Replacing(ast.NodeTransformer):
        def visit(self, node: ast.AST) -> Any:
            return deepcopy(changed) if node is target else self.generic_visit(node)

    Replacing().visit(copy)
    for node in ast.walk(copy):
        body = getattr(node, "body", None)
        if body == []:
            node.body = [ast.Pass()]  # type: ignore[attr-defined]
    return ast.fix_missing_locations(copy)


def _said(node: ast.AST | None) -> str:
    """Return the first line of some Python, short enough for a table."""
    text = ast.unparse(ast.fix_missing_locations(deepcopy(node))).splitlines()[0] if node is not None else ""
    return text if len(text) <= 90 else f"{text[:90]}..."
