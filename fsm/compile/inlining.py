"""Turns guards and actions into source text, so that a compiled cell holds them instead of calling them.

A call costs more than most guards and actions do. What is inlined stays what it was: an expression in the place of
a function that returns one, statements in the place of a function that returns nothing. Anything else is called.
"""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Callable, Mapping
from copy import deepcopy
from functools import cache
from types import FunctionType, ModuleType
from typing import Any

_NOT_TO_BE_INLINED = (ast.Return, ast.Lambda, ast.FunctionDef, ast.Yield, ast.Await)


class Inliner:
    """Writes functions into one text, and gathers what the text has to import."""

    def __init__(self) -> None:
        self.imports: dict[str, str] = {}
        """The modules of the names that the text reads."""
        self.bindings: dict[str, Any] = {}
        """What it reads and cannot import: functions that stand in no module."""
        self._values: dict[str, Any] = {}

    def guard(self, chart: str, name: str, function: Callable[..., bool], parameters: tuple[str, ...]) -> ast.expr:
        """Return an expression that is what the guard returns."""
        value = self._value(function) if _parameters_of(function) == parameters else None
        return value or self._call(f"{chart}_{name}", function, parameters)

    def action(
        self, chart: str, name: str, function: Callable[..., None], parameters: tuple[str, ...]
    ) -> list[ast.stmt]:
        """Return statements that do what the action does."""
        body = self._body(function) if _parameters_of(function) == parameters else None
        return [ast.Expr(self._call(f"{chart}_{name}", function, parameters))] if body is None else body

    def _call(self, name: str, function: Callable[..., Any], parameters: tuple[str, ...]) -> ast.expr:
        self.bindings[name] = function
        return ast.parse(f"{name}({', '.join(parameters)})", mode="eval").body

    def _value(self, function: Callable[..., Any]) -> ast.expr | None:
        """Return what a function returns, in terms of its parameters; None if that is no single expression."""
        definition = _definition_of(function)
        body = _body_of(definition)
        returned = body[0] if len(body) == 1 else None
        if not isinstance(returned, ast.Return) or returned.value is None or not self._adopt(function, body):
            return None
        value: ast.expr = _Unfolding(self, function).visit(deepcopy(returned.value))
        return value

    def _body(self, function: Callable[..., Any]) -> list[ast.stmt] | None:
        """Return what a function does, in terms of its parameters; None if it returns anything."""
        definition = _definition_of(function)
        body = _body_of(definition)
        if definition is None or any(isinstance(node, _NOT_TO_BE_INLINED) for node in _nodes_of(body)):
            return None
        if _locals_of(body) & set(_parameters_of(function)) or not self._adopt(function, body):
            return None
        unfolding = _Unfolding(self, function)
        statements: list[ast.stmt] = []
        for statement in body:
            unfolded = unfolding.visit(deepcopy(statement))
            statements += unfolded if isinstance(unfolded, list) else [unfolded]
        prefix = function.__name__.lstrip("_")
        return _renamed(statements, {name: ast.Name(f"{prefix}_{name}") for name in _locals_of(body)})

    def value_of_call(self, call: ast.Call, function: Callable[..., Any]) -> ast.expr | None:
        """Return an expression in the place of a call; None if it has to stay."""
        parameters = _parameters_of(function)
        if not _is_plain(call, parameters) or not all(isinstance(item, ast.Name | ast.Constant) for item in call.args):
            return None
        value = self._value(function)
        if value is None:
            return None
        (expression,) = _renamed([ast.Expr(value)], dict(zip(parameters, call.args, strict=True)))
        assert isinstance(expression, ast.Expr)
        return expression.value

    def statements_of_call(self, call: ast.Call, function: Callable[..., Any]) -> list[ast.stmt] | None:
        """Return statements in the place of a call; None if it has to stay."""
        parameters = _parameters_of(function)
        body = self._body(function) if _is_plain(call, parameters) else None
        if body is None:
            return None
        arguments: dict[str, ast.expr] = {}
        before: list[ast.stmt] = []
        for parameter, argument in zip(parameters, call.args, strict=True):
            arguments[parameter] = argument
            if not isinstance(argument, ast.Name | ast.Constant):
                # It is worked out once, and before the rest.
                name = f"{function.__name__.lstrip('_')}_{parameter}"
                before.append(ast.fix_missing_locations(ast.Assign([ast.Name(name, ast.Store())], argument)))
                arguments[parameter] = ast.Name(name)
        return before + _renamed(body, arguments)

    def _adopt(self, function: Callable[..., Any], body: list[ast.stmt]) -> bool:
        """Note the names that a function reads. False: one of them means two things."""
        own = {*_locals_of(body), *_parameters_of(function)}
        known = function.__globals__
        names = {node.id for node in _nodes_of(body) if isinstance(node, ast.Name)} - own
        read = {name: known[name] for name in names if name in known}
        if any(self._values.get(name, value) is not value for name, value in read.items()):
            return False
        self._values |= read
        self.imports |= {name: function.__module__ for name in read if name not in self.imports}
        return True


class _Unfolding(ast.NodeTransformer):
    """Puts what functions of this package do in the place of calls to them."""

    def __init__(self, inliner: Inliner, function: Callable[..., Any]) -> None:
        self._inliner = inliner
        self._known = function.__globals__
        kinds = {name: self._known.get(str(kind)) for name, kind in function.__annotations__.items()}
        # A protocol says what there is, and does nothing.
        self._types = {
            name: kind
            for name, kind in kinds.items()
            if isinstance(kind, type) and not getattr(kind, "_is_protocol", False)
        }

    def visit_Expr(self, node: ast.Expr) -> ast.AST | list[ast.stmt]:
        """Replace a statement that only calls."""
        if isinstance(node.value, ast.Call):
            node.value.args = [self.visit(argument) for argument in node.value.args]
            function, call = self._called(node.value)
            statements = self._inliner.statements_of_call(call, function) if function else None
            return node if statements is None else statements
        return self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """Replace a call whose value is used."""
        self.generic_visit(node)
        function, call = self._called(node)
        value = self._inliner.value_of_call(call, function) if function else None
        return node if value is None else value

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        """Drop an annotation, which is for the type checker."""
        self.generic_visit(node)
        assert node.value is not None
        return ast.copy_location(ast.Assign([node.target], node.value), node)

    def _called(self, call: ast.Call) -> tuple[FunctionType | None, ast.Call]:
        """Return the function that is called, None if it is unknown, and the call with the object of a method in it."""
        called: object = None
        if isinstance(call.func, ast.Name):
            called = self._known.get(call.func.id)
        elif isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Name):
            owner = self._known.get(call.func.value.id)
            if isinstance(owner, ModuleType):
                called = getattr(owner, call.func.attr, None)
            else:
                called = vars(self._types.get(call.func.value.id, object)).get(call.func.attr)
                call = ast.Call(call.func, [call.func.value, *call.args], call.keywords)
        return (called if isinstance(called, FunctionType) and _definition_of(called) else None), call


def _renamed(statements: list[ast.stmt], names: Mapping[str, ast.expr]) -> list[ast.stmt]:
    class Renaming(ast.NodeTransformer):
        def visit_Name(self, node: ast.Name) -> ast.AST:
            new = names.get(node.id)
            if new is None:
                return node
            return ast.Name(new.id, node.ctx) if isinstance(new, ast.Name) else new

    return [Renaming().visit(deepcopy(statement)) for statement in statements]


def _is_plain(call: ast.Call, parameters: tuple[str, ...]) -> bool:
    return not call.keywords and len(call.args) == len(parameters)


def _parameters_of(function: Callable[..., Any]) -> tuple[str, ...]:
    code = function.__code__
    return code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]


def _definition_of(function: Callable[..., Any]) -> ast.FunctionDef | None:
    """Return the syntax tree of a function or method that stands in a module whose source is at hand."""
    definition = _functions_in(function.__module__).get(function.__qualname__)
    return definition if definition is not None and definition.lineno == function.__code__.co_firstlineno else None


@cache
def _functions_in(module: str) -> dict[str, ast.FunctionDef]:
    try:
        tree = ast.parse(inspect.getsource(sys.modules[module]))
    except (OSError, TypeError, KeyError):
        return {}
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    scopes = [("", tree.body), *[(f"{each.name}.", each.body) for each in classes]]
    return {scope + node.name: node for scope, body in scopes for node in body if isinstance(node, ast.FunctionDef)}


def _body_of(definition: ast.FunctionDef | None) -> list[ast.stmt]:
    """Return the statements of a function, without its docstring."""
    if definition is None:
        return []
    return definition.body[1:] if ast.get_docstring(definition) is not None else definition.body


def _nodes_of(body: list[ast.stmt]) -> list[ast.AST]:
    return [node for statement in body for node in ast.walk(statement)]


def _locals_of(body: list[ast.stmt]) -> set[str]:
    return {node.id for node in _nodes_of(body) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
