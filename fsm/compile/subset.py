"""The subset of Python in which guards, actions and all that they call are written, and the lint that keeps them to it.

They are part of the lifecycle, and are exported as data with it. So they assign, compare, combine conditions, choose,
loop over messages, add and subtract integers, append text, build values, emit, raise, tell, and call each other. What
another language does otherwise, or not at all, is refused.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from types import FunctionType, ModuleType
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from .definition import Definition, DefinitionError
from .functions import REACHES_OTHERS, FunctionDefinition, called_by, locals_of, parameters_of

_STATEMENTS = (
    ast.Assign, ast.AugAssign, ast.If, ast.For, ast.Return, ast.Expr, ast.Break, ast.Continue, ast.Assert,
)  # fmt: skip
_EXPRESSIONS = (
    ast.Name, ast.Constant, ast.Attribute, ast.Compare, ast.BoolOp, ast.UnaryOp, ast.BinOp, ast.IfExp, ast.Tuple,
    ast.List, ast.Subscript, ast.Slice, ast.JoinedStr, ast.FormattedValue, ast.ListComp, ast.GeneratorExp, ast.Call,
)  # fmt: skip
_OPERATORS = (ast.Add, ast.Sub, ast.Mult, ast.FloorDiv, ast.Not, ast.USub)
_BUILTINS = ("bool", "frozenset", "int", "isinstance", "len", "min", "tuple")
_CALLABLE = f"one of fsm, {', '.join(_BUILTINS)}"
_METHODS = ("append", "clear", "get", "items", "join", "pop", "split", "values")
"""Of lists, texts, and what is kept by name: messages of a speech, requests, speeches of a conversation."""
_NAMED_EVENTS = ("raise_event", "tell")
"""What takes an internal event by its name."""
_REMEDIES: dict[type[ast.AST], str] = {
    ast.While: "loop over messages with `for`",
    ast.Lambda: "write a function with a name",
    ast.FunctionDef: "write it beside the others in its module",
    ast.Try: "ask before, with `if`",
    ast.Raise: "answer in the chart what must not happen",
    ast.With: "guards and actions hold no resources",
    ast.Import: "import at the top of the module",
    ast.ImportFrom: "import at the top of the module",
    ast.Delete: "assign None",
    ast.Global: "keep data in the speech or the message",
    ast.Nonlocal: "keep data in the speech or the message",
    ast.NamedExpr: "assign in a statement of its own",
    ast.Dict: "build a value with named fields",
    ast.DictComp: "build a value with named fields",
    ast.Set: "compare with a tuple",
    ast.SetComp: "compare with a tuple",
    ast.Starred: "name every argument",
    ast.Div: "divide with //: amounts are integers",
    ast.Await: "the core does no I/O",
    ast.Yield: "return a list",
}
_OTHER_ARITHMETIC = "add, subtract, multiply or divide with //"
_USUAL_REMEDY = "assign, compare, choose with `if`, loop over messages, or call a function that does"


def check_functions(definition: Definition) -> None:
    """Check every guard, every action, and what they call.

    Raises:
        DefinitionError: one of them uses more than the subset; the message lists every breach with its place.
    """
    breaches = [breach for function in definition.functions.values() for breach in breaches_of(function)]
    if breaches:
        raise DefinitionError("\n".join(breaches))


def breaches_of(function: FunctionDefinition) -> list[str]:
    """Return what a function does that the subset does not have: file and line, construct and remedy."""
    return [
        f"{function.path}:{getattr(node, 'lineno', function.tree.lineno)}: {what} in {function.id}; {remedy}"
        for node, what, remedy in _Checker(function).breaches()
    ]


_Breach = tuple[ast.AST, str, str]


class _Checker:
    def __init__(self, function: FunctionDefinition) -> None:
        self._function = function.function
        self._tree = function.tree
        self._known: Mapping[str, Any] = function.function.__globals__
        self._own = {*parameters_of(function.function), *locals_of(function.tree.body)}

    def breaches(self) -> Iterator[_Breach]:
        arguments = self._tree.args
        if arguments.vararg or arguments.kwarg or arguments.kwonlyargs:
            yield self._tree, "a parameter that is not one of a fixed list", "name every parameter"
        for default in arguments.defaults:
            if not isinstance(default, ast.Constant):
                yield default, f"the default `{ast.unparse(default)}`", "give a constant"
        for decorator in self._tree.decorator_list:
            if ast.unparse(decorator) != "property":
                yield decorator, f"the decorator `{ast.unparse(decorator)}`", "write what it does"
        for statement in self._tree.body:
            yield from self._statement(statement)

    def _statement(self, node: ast.stmt) -> Iterator[_Breach]:
        if not isinstance(node, _STATEMENTS):
            yield self._refused(node)
            return
        match node:
            case ast.Assign(targets):
                if len(targets) > 1:
                    yield node, "one value assigned to several names", "assign one after the other"
                yield from self._target(targets[0])
            case ast.AugAssign(target, op):
                yield from self._target(target)
                if not isinstance(op, ast.Add | ast.Sub):
                    yield node, f"`{ast.unparse(node)}`", "write the operation out"
            case ast.For(target, iter_, _, orelse):
                yield from self._target(target)
                if orelse:
                    yield orelse[0], "an `else` of a loop", "note in a name whether the loop found something"
                if isinstance(iter_, ast.Call) and ast.unparse(iter_.func) in ("range", "enumerate", "zip", "map"):
                    yield iter_, f"a loop over `{ast.unparse(iter_)}`", "loop over messages"
            case ast.Expr(value) if not isinstance(value, ast.Call):
                yield node, f"`{ast.unparse(node)}`, which does nothing", "delete it"
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.stmt):
                yield from self._statement(child)
            elif isinstance(child, ast.expr):
                yield from self._expression(child)

    def _target(self, node: ast.expr) -> Iterator[_Breach]:
        match node:
            case ast.Name(name):
                if name in parameters_of(self._function):
                    yield node, f"the parameter {name!r} assigned to", "give the new value a name of its own"
            case ast.Attribute() | ast.Subscript():
                pass
            case ast.Tuple(elements) if all(isinstance(each, ast.Name) for each in elements):
                pass
            case _:
                yield node, f"`{ast.unparse(node)}` as a target", "assign to a name or a field"

    def _expression(self, node: ast.expr) -> Iterator[_Breach]:
        if not isinstance(node, _EXPRESSIONS):
            yield self._refused(node)
            return
        match node:
            case ast.Constant(value) if not isinstance(value, str | int | None):
                yield node, f"the constant {value!r}", "only text, integers, true, false and none are data"
            case ast.Name(name) if name not in self._own:
                yield from self._name(node, name)
            case ast.BinOp(_, op, _) | ast.UnaryOp(op, _) if not isinstance(op, _OPERATORS):
                yield (
                    node,
                    f"`{ast.unparse(node)}`",
                    _REMEDIES.get(type(op), _OTHER_ARITHMETIC),
                )
            case ast.Slice(lower, _, step) if lower is not None or step is not None:
                yield node, f"the slice `{ast.unparse(node)}`", "take the beginning of it: `[:count]`"
            case ast.FormattedValue(_, conversion, format_spec) if conversion != -1 or format_spec is not None:
                yield node, "a format in a text", "put the plain value in"
            case ast.ListComp(_, generators) | ast.GeneratorExp(_, generators) if len(generators) > 1:
                yield node, "a comprehension with several loops", "write loops"
            case ast.Call():
                yield from self._call(node)
                return
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.comprehension):
                yield from self._target(child.target)
                for each in (child.iter, *child.ifs):
                    yield from self._expression(each)
            elif isinstance(child, ast.expr):
                yield from self._expression(child)

    def _name(self, node: ast.expr, name: str) -> Iterator[_Breach]:
        if name not in self._known:
            if name not in _BUILTINS:
                yield node, f"the builtin `{name}`", f"there are only {', '.join(_BUILTINS)}"
        elif not isinstance(self._known[name], FunctionType | ModuleType) and not _is_data(self._known[name]):
            yield node, f"the value {name!r}", "read data of the speech, the message or the event, or a constant"

    def _call(self, node: ast.Call) -> Iterator[_Breach]:
        arguments = [*node.args, *(keyword.value for keyword in node.keywords)]
        for argument in arguments:
            yield from self._expression(argument)
        found = called_by(node, self._function)
        if found is not None:
            if isinstance(node.func, ast.Attribute) and not self._is_module(node.func.value):
                yield from self._expression(node.func.value)
            return
        match node.func:
            case ast.Name(name):
                called = self._known.get(name, name)
                is_built = isinstance(called, type) and issubclass(called, Struct)
                if not (is_built or called is replace or called in _BUILTINS):
                    yield (
                        node,
                        f"a call of `{name}`",
                        f"build a value, or call a function: {_CALLABLE}",
                    )
            case ast.Attribute(ast.Name("run"), name):
                if name not in REACHES_OTHERS:
                    yield node, f"`run.{name}`", f"a run has only {', '.join(REACHES_OTHERS)}"
                elif name in _NAMED_EVENTS and not isinstance(node.args[-1], ast.Constant):
                    yield node, f"`{ast.unparse(node)}`", "name the event in the call"
            case ast.Attribute(value, name):
                yield from self._expression(value)
                if name not in _METHODS:
                    yield node, f"a call of the method {name!r}", f"there are only {', '.join(_METHODS)}"
            case _:
                yield node, f"a call of `{ast.unparse(node.func)}`", "call a function by its name"

    def _is_module(self, node: ast.expr) -> bool:
        return isinstance(node, ast.Name) and isinstance(self._known.get(node.id), ModuleType)

    def _refused(self, node: ast.stmt | ast.expr) -> _Breach:
        return node, f"`{ast.unparse(node).splitlines()[0]}`", _REMEDIES.get(type(node), _USUAL_REMEDY)


def _is_data(value: object) -> bool:
    """Whether a value that stands in a module is a constant: text, number, type, or several of them."""
    if isinstance(value, tuple | frozenset):
        return all(_is_data(each) for each in value)
    return isinstance(value, str | int | float | type) or value is None or value is replace
