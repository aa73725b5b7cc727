"""Two short digests of a Definition: of its transitions, and of all that it does.

They are the same for every version of Python, and say nothing of names of files, comments, docstrings or annotations.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import msgspec

from .functions import id_of, structs_of

if TYPE_CHECKING:
    from .definition import Definition

_SAYS_NOTHING = ("ctx", "type_comment", "type_params", "kind", "returns", "annotation")
"""Fields of syntax trees that do nothing when the tree runs, or that not every version of Python has."""


def of_transitions(definition: Definition) -> str:
    """Return a digest of all transitions, in their order: it changes when one of them does."""
    return _digest(_transitions(definition))


def of_behaviour(definition: Definition) -> str:
    """Return a digest of the transitions and of all that guards and actions do, whatever they call included.

    It changes with their syntax trees, with constants that they read, and with fields and defaults of what they build
    and change. So two definitions of one digest do the same.
    """
    functions = definition.functions
    named = [(chart.name, name, each) for chart in definition.every_chart for name, each in _named(chart)]
    structs = {each for function in functions.values() for each in _structs_of_function(function)}
    return _digest(
        [
            *_transitions(definition),
            *(f"{chart}.{name} is {id_of(each)}" for chart, name, each in named),
            # Of a function without a tree, such as one of a test, the code is known.
            *(f"{name}: {each.__code__.co_code!r}" for _, name, each in named if id_of(each) not in functions),
            *(f"{function.id} = {normalized(function.tree)}" for function in functions.values()),
            *sorted(
                {
                    f"{name} = {_constant(value)}"
                    for function in functions.values()
                    for name, value in function.constants.items()
                }
            ),
            *sorted(_constant(each) for each in structs),
        ]
    )


def normalized(tree: object) -> str:
    """Return a syntax tree as text that depends on nothing but what the tree does."""
    if isinstance(tree, ast.AST):
        fields = [
            f"{name}={normalized(value)}"
            for name, value in ast.iter_fields(tree)
            if name not in _SAYS_NOTHING and value is not None and value != []
        ]
        return f"{type(tree).__name__}({', '.join(fields)})"
    if isinstance(tree, list):
        return f"[{', '.join(map(normalized, tree))}]"
    return repr(tree)


def _transitions(definition: Definition) -> list[str]:
    return [
        repr((each.id, each.cond, each.target, each.actions, each.kind, each.reason))
        for chart in definition.every_chart
        for each in chart.transitions
    ]


def _named(chart: Any) -> list[tuple[str, Any]]:
    return [*chart.guards.items(), *chart.actions.items()]


def _structs_of_function(function: Any) -> Iterable[type]:
    built = (each for each in function.constants.values() if isinstance(each, type))
    return [each for each in (*structs_of(function.function), *built) if issubclass(each, msgspec.Struct)]


def _constant(value: object) -> str:
    """Return a constant as text: types by what they hold, sets in an order of their own."""
    if isinstance(value, type) and issubclass(value, msgspec.Struct):
        fields = [(item.name, repr(item.default)) for item in msgspec.structs.fields(value)]
        return f"{value.__name__}{fields}"
    if isinstance(value, type):
        return value.__name__
    if isinstance(value, frozenset):
        return f"{{{', '.join(sorted(map(_constant, value)))}}}"
    if isinstance(value, tuple):
        return f"({', '.join(map(_constant, value))})"
    return getattr(value, "__name__", repr(value))


def _digest(lines: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]
