"""Turns guards and actions into source text, so that a compiled cell holds them instead of calling them.

A call costs more than most guards and actions do. What is inlined stays what it was: a guard that is one
expression, an action that runs to its end. Anything else is called.
"""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Callable
from functools import cache
from typing import Any


class Inliner:
    """Writes functions into one text, and gathers what the text has to import."""

    def __init__(self) -> None:
        self.imports: dict[str, str] = {}
        """The modules of the names that the text reads."""
        self.bindings: dict[str, Any] = {}
        """What it reads and cannot import: functions that stand in no module."""
        self._values: dict[str, Any] = {}

    def guard(self, chart: str, name: str, function: Callable[..., bool], parameters: tuple[str, ...]) -> str:
        """Return an expression that is what the guard returns."""
        definition = _definition_of(function)
        body = _body_of(definition) if definition else []
        if len(body) == 1 and isinstance(body[0], ast.Return) and self._adopt(function, definition, parameters):
            return f"({ast.unparse(body[0])[len('return ') :]})"
        return self._call(f"{chart}_{name}", function, parameters)

    def action(self, chart: str, name: str, function: Callable[..., None], parameters: tuple[str, ...]) -> list[str]:
        """Return lines that do what the action does."""
        definition = _definition_of(function)
        nodes = _nodes_of(definition) if definition else []
        if any(isinstance(node, ast.Return | ast.Lambda | ast.FunctionDef) for node in nodes) or not self._adopt(
            function, definition, parameters
        ):
            return [self._call(f"{chart}_{name}", function, parameters)]
        assert definition is not None
        tree = ast.parse("\n".join(ast.unparse(statement) for statement in _body_of(definition)))
        own = _locals_of(nodes)
        for node in ast.walk(tree):
            if isinstance(node, ast.Name) and node.id in own:
                node.id = f"{name}_{node.id}"
        return ast.unparse(tree).splitlines()

    def _call(self, name: str, function: Callable[..., Any], parameters: tuple[str, ...]) -> str:
        self.bindings[name] = function
        return f"{name}({', '.join(parameters)})"

    def _adopt(
        self, function: Callable[..., Any], definition: ast.FunctionDef | None, parameters: tuple[str, ...]
    ) -> bool:
        """Note the names that a function reads. False: it is no such function, or a name means two things."""
        if definition is None or tuple(parameter.arg for parameter in definition.args.args) != parameters:
            return False
        nodes = _nodes_of(definition)
        own = {*_locals_of(nodes), *parameters}
        known = function.__globals__
        read = {node.id for node in nodes if isinstance(node, ast.Name) and node.id not in own and node.id in known}
        if any(self._values.get(name, known[name]) is not known[name] for name in read):
            return False
        self._values |= {name: known[name] for name in read}
        self.imports |= {name: function.__module__ for name in read if name not in self.imports}
        return True


def _definition_of(function: Callable[..., Any]) -> ast.FunctionDef | None:
    """Return the syntax tree of a function that stands by itself in a module whose source is at hand."""
    code = getattr(function, "__code__", None)
    if code is None or function.__qualname__ != function.__name__:
        return None
    definition = _functions_in(function.__module__).get(function.__name__)
    return definition if definition is not None and definition.lineno == code.co_firstlineno else None


@cache
def _functions_in(module: str) -> dict[str, ast.FunctionDef]:
    try:
        tree = ast.parse(inspect.getsource(sys.modules[module]))
    except (OSError, TypeError, KeyError):
        return {}
    return {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}


def _body_of(definition: ast.FunctionDef) -> list[ast.stmt]:
    """Return the statements of a function, without its docstring."""
    return definition.body[1:] if ast.get_docstring(definition) is not None else definition.body


def _nodes_of(definition: ast.FunctionDef) -> list[ast.AST]:
    return [node for statement in _body_of(definition) for node in ast.walk(statement)]


def _locals_of(nodes: list[ast.AST]) -> set[str]:
    return {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
