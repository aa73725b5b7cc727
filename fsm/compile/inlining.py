"""Turns guards and actions into source text, so that a compiled cell holds them instead of calling them.

A call costs more than most guards and actions do. What is inlined stays what it was: an expression in the place of
a function that returns one, statements in the place of a function that returns nothing. Anything else is called, and
written into the text as a function of its own.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection, Mapping, Sequence
from copy import deepcopy
from types import FunctionType, ModuleType
from typing import Any

from .functions import called_by, id_of, locals_of, parameters_of, property_read, tree_of

_NOT_TO_BE_INLINED = (ast.Return, ast.Lambda, ast.FunctionDef, ast.Yield, ast.Await)


class Inliner:
    """Writes functions into one text, and gathers what the text has to import."""

    def __init__(self, instead: Mapping[str, ast.FunctionDef]) -> None:
        """Begin a text, with other trees in the place of those of some functions."""
        self.imports: dict[str, str] = {}
        """The modules of the names that the text reads."""
        self.bindings: dict[str, Any] = {}
        """What it reads and cannot import: functions that stand in no module."""
        self.written: dict[str, ast.FunctionDef] = {}
        """The functions that it calls, by the names that they have in it."""
        self._instead = instead
        self._values: dict[str, Any] = {}

    def going_on_with(self, instead: Mapping[str, ast.FunctionDef], without: Collection[str]) -> Inliner:
        """Return another that has written all that this one has, without some functions, and goes on by itself."""
        other = Inliner(instead)
        other.imports, other.bindings, other._values = dict(self.imports), dict(self.bindings), dict(self._values)
        other.written = {name: tree for name, tree in self.written.items() if name not in without}
        return other

    def guard(self, chart: str, name: str, function: Callable[..., bool], parameters: tuple[str, ...]) -> ast.expr:
        """Return an expression that is what the guard returns."""
        value = self._value(function) if parameters_of(function) == parameters else None
        return value or self._call(f"{chart}_{name}", function, parameters)

    def action(
        self, chart: str, name: str, function: Callable[..., None], parameters: tuple[str, ...]
    ) -> list[ast.stmt]:
        """Return statements that do what the action does."""
        body = self._body(function) if parameters_of(function) == parameters else None
        return [ast.Expr(self._call(f"{chart}_{name}", function, parameters))] if body is None else body

    def _call(self, name: str, function: Callable[..., Any], parameters: tuple[str, ...]) -> ast.expr:
        arguments: list[ast.expr] = [ast.Name(parameter) for parameter in parameters]
        if self._tree(function) is not None:
            return self.call(function, arguments, [])
        self.bindings[name] = function
        return ast.Call(ast.Name(name), arguments, [])

    def call(
        self, function: Callable[..., Any], arguments: Sequence[ast.expr], keywords: Sequence[ast.keyword]
    ) -> ast.expr:
        """Return a call of a function of this package, which is written into the text for it."""
        name = id_of(function).replace(".", "_")
        tree = self._tree(function)
        if name not in self.written and tree is not None:
            self.written[name] = tree  # it may call itself
            self._adopt(function, tree.body)
            body = self._unfolded(function, tree.body)
            self.written[name] = ast.FunctionDef(name, tree.args, body or [ast.Pass()], [])
        return ast.Call(ast.Name(name), list(arguments), list(keywords))

    def _tree(self, function: Callable[..., Any]) -> ast.FunctionDef | None:
        return tree_of(function, self._instead)

    def _value(self, function: Callable[..., Any]) -> ast.expr | None:
        """Return what a function returns, in terms of its parameters; None if that is no single expression."""
        tree = self._tree(function)
        returned = tree.body[0] if tree is not None and len(tree.body) == 1 else None
        if not isinstance(returned, ast.Return) or returned.value is None:
            return None
        self._adopt(function, [returned])
        value: ast.expr = _Unfolding(self, function).visit(deepcopy(returned.value))
        return value

    def _body(self, function: Callable[..., Any]) -> list[ast.stmt] | None:
        """Return what a function does, in terms of its parameters; None if it returns anything."""
        tree = self._tree(function)
        if tree is None or any(isinstance(node, _NOT_TO_BE_INLINED) for node in _nodes_of(tree.body)):
            return None
        if locals_of(tree.body) & set(parameters_of(function)):
            return None
        self._adopt(function, tree.body)
        prefix = function.__name__.lstrip("_")
        names = {name: ast.Name(f"{prefix}_{name}") for name in locals_of(tree.body)}
        return _renamed(self._unfolded(function, tree.body), names)

    def _unfolded(self, function: Callable[..., Any], body: Sequence[ast.stmt]) -> list[ast.stmt]:
        unfolding = _Unfolding(self, function)
        statements: list[ast.stmt] = []
        for statement in body:
            unfolded = unfolding.visit(deepcopy(statement))
            statements += unfolded if isinstance(unfolded, list) else [unfolded]
        return statements

    def value_of_call(
        self, function: Callable[..., Any], arguments: Sequence[ast.expr], keywords: Sequence[ast.keyword]
    ) -> ast.expr:
        """Return an expression in the place of a call: what the function returns, or a call of it."""
        parameters = parameters_of(function)
        is_plain = all(isinstance(each, ast.Name | ast.Constant) for each in arguments)
        value = self._value(function) if is_plain and _fit(arguments, keywords, parameters) else None
        if value is None:
            return self.call(function, arguments, keywords)
        (expression,) = _renamed([ast.Expr(value)], dict(zip(parameters, arguments, strict=True)))
        assert isinstance(expression, ast.Expr)
        return expression.value

    def statements_of_call(
        self, function: Callable[..., Any], arguments: Sequence[ast.expr], keywords: Sequence[ast.keyword]
    ) -> list[ast.stmt]:
        """Return statements in the place of a call whose value nobody uses."""
        parameters = parameters_of(function)
        body = self._body(function) if _fit(arguments, keywords, parameters) else None
        if body is None:
            return [ast.Expr(self.call(function, arguments, keywords))]
        given: dict[str, ast.expr] = {}
        before: list[ast.stmt] = []
        for parameter, argument in zip(parameters, arguments, strict=True):
            given[parameter] = argument
            if not isinstance(argument, ast.Name | ast.Constant):
                # It is worked out once, and before the rest.
                name = f"{function.__name__.lstrip('_')}_{parameter}"
                before.append(ast.fix_missing_locations(ast.Assign([ast.Name(name, ast.Store())], argument)))
                given[parameter] = ast.Name(name)
        return before + _renamed(body, given)

    def _adopt(self, function: Callable[..., Any], body: Sequence[ast.stmt]) -> None:
        """Note the names that a function reads, but those of functions of this package: they are written here.

        Raises:
            ValueError: a name means something else in another function.
        """
        own = {*locals_of(body), *parameters_of(function)}
        known = function.__globals__
        names = {node.id for node in _nodes_of(body) if isinstance(node, ast.Name)} - own
        for name in sorted(names & known.keys()):
            value = known[name]
            if isinstance(value, ModuleType | FunctionType) and not _is_foreign(value):
                continue
            if self._values.setdefault(name, value) is not value:
                raise ValueError(f"{name!r} means something else in {id_of(function)}: rename one of the two")
            self.imports.setdefault(name, function.__module__)


class _Unfolding(ast.NodeTransformer):
    """Puts what functions of this package do in the place of calls to them, and of the properties they work out."""

    def __init__(self, inliner: Inliner, function: Callable[..., Any]) -> None:
        self._inliner = inliner
        self._function = function

    def visit_Expr(self, node: ast.Expr) -> ast.AST | list[ast.stmt]:
        """Replace a statement that only calls."""
        found = called_by(node.value, self._function) if isinstance(node.value, ast.Call) else None
        if found is None or not isinstance(node.value, ast.Call):
            return self.generic_visit(node)
        return self._inliner.statements_of_call(found[0], *self._visited(found[1], node.value.keywords))

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """Replace a call whose value is used."""
        found = called_by(node, self._function)
        if found is None:
            return self.generic_visit(node)
        return self._inliner.value_of_call(found[0], *self._visited(found[1], node.keywords))

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        """Replace a property."""
        self.generic_visit(node)
        fget = property_read(node, self._function)
        return node if fget is None else self._inliner.value_of_call(fget, [node.value], [])

    def _visited(
        self, arguments: Sequence[ast.expr], keywords: Sequence[ast.keyword]
    ) -> tuple[list[ast.expr], list[ast.keyword]]:
        return [self.visit(each) for each in arguments], [self.visit(each) for each in keywords]


def _is_foreign(value: FunctionType | ModuleType) -> bool:
    """Whether a function or a module is of another package."""
    package = str(__package__).rpartition(".")[0]
    name = value.__module__ if isinstance(value, FunctionType) else value.__name__
    return not name.startswith(f"{package}.")


def _renamed(statements: list[ast.stmt], names: Mapping[str, ast.expr]) -> list[ast.stmt]:
    class Renaming(ast.NodeTransformer):
        def visit_Name(self, node: ast.Name) -> ast.AST:
            new = names.get(node.id)
            if new is None:
                return node
            return ast.Name(new.id, node.ctx) if isinstance(new, ast.Name) else new

    return [Renaming().visit(deepcopy(statement)) for statement in statements]


def _fit(arguments: Sequence[ast.expr], keywords: Sequence[ast.keyword], parameters: tuple[str, ...]) -> bool:
    return not keywords and len(arguments) == len(parameters)


def _nodes_of(body: Sequence[ast.stmt]) -> list[ast.AST]:
    return [node for statement in body for node in ast.walk(statement)]
