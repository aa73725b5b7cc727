"""Guards, actions and all that they call, as syntax trees, and what each of them touches.

A function is named by its module inside `fsm` and its own name: `message.actions.settle_played`,
`state.Message.is_final`. Functions that stand in no module, such as those of a test, have no tree: they can be called,
and no more is known of them.
"""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cache
from types import FunctionType, ModuleType
from typing import Any, get_args, get_type_hints

from msgspec import Struct

_PACKAGE = str(__package__).rpartition(".")[0]
REACHES_OTHERS = ("emit", "raise_event", "tell", "tell_speech")
"""What an action may ask of its run."""
CHANGING_METHODS = ("append", "clear", "pop")
"""Methods that change what a field holds: calling one is writing the field."""


@dataclass(frozen=True)
class FunctionDefinition:
    """A guard, an action, or what one of them calls."""

    id: str
    tree: ast.FunctionDef = field(repr=False)
    """Without docstring and annotations."""
    path: str
    """The file it stands in."""
    function: FunctionType = field(repr=False)
    calls: tuple[str, ...]
    """The ids of the functions, methods and properties that it calls by itself."""
    constants: Mapping[str, Any] = field(repr=False)
    """The values of modules that it reads, by name."""
    reads: tuple[str, ...]
    """The fields that it reads by itself, such as `Message.text` and `event.received_ms`."""
    writes: tuple[str, ...]
    emits: tuple[str, ...]
    """The types of the effects that it gives."""
    raises: tuple[str, ...]
    """The internal events that it raises for the speech chart."""
    tells: tuple[str, ...]
    """The internal events that it tells a message."""


def functions_of(
    roots: Iterable[Callable[..., Any]], instead: Mapping[str, ast.FunctionDef]
) -> dict[str, FunctionDefinition]:
    """Return these functions and all that they call, by id; those without a tree are left out.

    Args:
        roots: the guards and actions.
        instead: other trees than those that stand in the modules, by id.
    """
    found: dict[str, FunctionDefinition] = {}
    waiting = list(roots)
    while waiting:
        function = waiting.pop()
        tree = tree_of(function, instead)
        name = id_of(function)
        if tree is None or name in found:
            continue
        reader = _Reader(function, tree)
        called = reader.called
        found[name] = FunctionDefinition(
            name,
            tree,
            inspect.getfile(function),
            function,  # type: ignore[arg-type]  # only functions have a tree
            tuple(sorted({id_of(each) for each in called})),
            reader.constants,
            *(tuple(sorted(each)) for each in (reader.reads, reader.writes, reader.emits, reader.raises, reader.tells)),
        )
        waiting += called
    return dict(sorted(found.items()))


def touched_by(
    roots: Iterable[Callable[..., Any]], functions: Mapping[str, FunctionDefinition]
) -> tuple[set[str], set[str]] | None:
    """Return the fields that functions read and write, whatever they call included; None if not all is known.

    What a message is told to do is not known here, nor what is done to a value whose struct is not known.
    """
    reads: set[str] = set()
    writes: set[str] = set()
    waiting = [id_of(each) for each in roots]
    seen: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        function = functions.get(name)
        if function is None or function.tells or any(not field[0].isupper() for field in function.writes):
            return None
        reads.update(function.reads)
        writes.update(function.writes)
        waiting += function.calls
    return reads, writes


def id_of(function: Callable[..., Any]) -> str:
    """Return how a function is named: by its module and its own name."""
    return f"{function.__module__.removeprefix(f'{_PACKAGE}.')}.{function.__qualname__}"


def tree_of(function: Callable[..., Any], instead: Mapping[str, ast.FunctionDef]) -> ast.FunctionDef | None:
    """Return the syntax tree of a function of this package, without docstring and annotations; None if it has none."""
    if not isinstance(function, FunctionType) or not function.__module__.startswith(f"{_PACKAGE}."):
        return None
    tree = _trees_in(function.__module__).get(function.__qualname__)
    # One of the same name may have taken its place.
    if tree is None or function.__code__.co_firstlineno not in _lines_of(tree):
        return None
    return instead.get(id_of(function), tree)


def _lines_of(tree: ast.FunctionDef) -> range:
    return range(min([tree.lineno, *(each.lineno for each in tree.decorator_list)]), tree.lineno + 1)


@cache
def _trees_in(module: str) -> dict[str, ast.FunctionDef]:
    try:
        tree = ast.parse(inspect.getsource(sys.modules[module]))
    except (OSError, TypeError, KeyError):
        return {}
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    scopes = [("", tree.body), *[(f"{each.name}.", each.body) for each in classes]]
    return {
        scope + node.name: bare(node) for scope, body in scopes for node in body if isinstance(node, ast.FunctionDef)
    }


def bare(definition: ast.FunctionDef) -> ast.FunctionDef:
    """Return a function without what does nothing: docstring and annotations."""
    bare = deepcopy(definition)
    if ast.get_docstring(bare) is not None:
        del bare.body[0]
    for node in ast.walk(bare):
        if isinstance(node, ast.arg):
            node.annotation = None
        elif isinstance(node, ast.FunctionDef):
            node.returns = None
    bare.body = [_without_annotation(statement) for statement in bare.body]
    return bare


def _without_annotation(statement: ast.stmt) -> ast.stmt:
    class Dropping(ast.NodeTransformer):
        def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
            return node if node.value is None else ast.copy_location(ast.Assign([node.target], node.value), node)

    changed: ast.stmt = Dropping().visit(statement)
    return changed


def locals_of(body: Iterable[ast.stmt]) -> set[str]:
    """Return the names that statements assign to."""
    nodes = (node for statement in body for node in ast.walk(statement))
    return {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}


def parameters_of(function: Callable[..., Any]) -> tuple[str, ...]:
    """Return the names of a function's parameters."""
    code = function.__code__
    return code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]


# What a call or an attribute means


def called_by(call: ast.Call, function: Callable[..., Any]) -> tuple[FunctionType, list[ast.expr]] | None:
    """Return the function of this package that a call in `function` means, with its arguments; None if it is none."""
    target = call.func
    known = function.__globals__
    if isinstance(target, ast.Name):
        return _ours(known.get(target.id), call.args)
    if not isinstance(target, ast.Attribute):
        return None
    owner = known.get(target.value.id) if isinstance(target.value, ast.Name) else None
    if isinstance(owner, ModuleType):
        return _ours(getattr(owner, target.attr, None), call.args)
    return _ours(_members(function).get(target.attr), [target.value, *call.args])


def property_read(node: ast.Attribute, function: Callable[..., Any]) -> FunctionType | None:
    """Return what an attribute in `function` is worked out by, if it is a property."""
    member = _members(function).get(node.attr)
    return member.fget if isinstance(member, property) and isinstance(node.ctx, ast.Load) else None  # type: ignore[return-value]


def _ours(called: object, arguments: list[ast.expr]) -> tuple[FunctionType, list[ast.expr]] | None:
    if not isinstance(called, FunctionType) or tree_of(called, {}) is None:
        return None
    return called, arguments


def _members(function: Callable[..., Any]) -> Mapping[str, Any]:
    """Return the methods and properties of the structs that a function may have to do with, by name."""
    members: dict[str, Any] = {}
    for each in structs_of(function):
        for name, member in vars(each).items():
            if isinstance(member, FunctionType | property) and not name.startswith("__"):
                assert members.get(name, member) is member, f"two structs have a {name!r}"
                members[name] = member
    return members


@cache
def structs_of(function: Callable[..., Any]) -> tuple[type, ...]:
    """Return the structs that a function's parameters are, and those that these have in their fields."""
    found: dict[type, None] = {}
    waiting: list[Any] = list(hints_of(function).values())
    while waiting:
        hint = waiting.pop()
        waiting += get_args(hint)
        if isinstance(hint, type) and issubclass(hint, Struct) and hint not in found:
            found[hint] = None
            waiting += get_type_hints(hint).values()
    return tuple(found)


@cache
def hints_of(function: Callable[..., Any]) -> Mapping[str, Any]:
    """Return the types of a function's parameters and of what it returns."""
    hints = get_type_hints(function)
    owner = function.__qualname__.rpartition(".")[0]
    if owner:
        hints["self"] = function.__globals__[owner]
    return hints


class _Reader(ast.NodeVisitor):
    """Gathers what a function touches."""

    def __init__(self, function: Callable[..., Any], tree: ast.FunctionDef) -> None:
        self._function = function
        self._own = {*parameters_of(function), *locals_of(tree.body)}
        self._types: dict[str, Any] = dict(hints_of(function))
        self.called: list[FunctionType] = []
        self.constants: dict[str, Any] = {}
        self.reads: set[str] = set()
        self.writes: set[str] = set()
        self.emits: set[str] = set()
        self.raises: set[str] = set()
        self.tells: set[str] = set()
        for statement in tree.body:
            self.visit(statement)

    def visit_Name(self, node: ast.Name) -> None:
        value = self._function.__globals__.get(node.id)
        if node.id not in self._own and not isinstance(value, FunctionType | ModuleType | type(None)):
            self.constants[node.id] = value

    def visit_Attribute(self, node: ast.Attribute) -> None:
        self.visit(node.value)
        if fget := property_read(node, self._function):
            self.called.append(fget)
        elif self._is_data(node.value):
            name = f"{self._owner(node.value)}.{node.attr}"
            (self.writes if isinstance(node.ctx, ast.Store) else self.reads).add(name)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self.generic_visit(node)
        if isinstance(node.target, ast.Attribute):
            self.reads.add(f"{self._owner(node.target.value)}.{node.target.attr}")

    def visit_Subscript(self, node: ast.Subscript) -> None:
        self.generic_visit(node)
        if isinstance(node.ctx, ast.Store) and isinstance(node.value, ast.Attribute):
            self.writes.add(f"{self._owner(node.value.value)}.{node.value.attr}")

    def visit_Assign(self, node: ast.Assign) -> None:
        self._bind(node.targets[0], self._type_of(node.value))
        self.generic_visit(node)

    def visit_For(self, node: ast.For) -> None:
        self._bind(node.target, self._item_of(node.iter))
        self.generic_visit(node)

    def visit_comprehension(self, node: ast.comprehension) -> None:
        self._bind(node.target, self._item_of(node.iter))
        self.generic_visit(node)

    def visit_ListComp(self, node: ast.ListComp | ast.GeneratorExp) -> None:
        # The loop first: it says what the names are.
        for each in (*node.generators, node.elt):
            self.visit(each)

    def visit_GeneratorExp(self, node: ast.GeneratorExp) -> None:
        self.visit_ListComp(node)

    def visit_Call(self, node: ast.Call) -> None:
        match node.func:
            case ast.Attribute(ast.Attribute(owner, name), method) if method in CHANGING_METHODS:
                self.writes.add(f"{self._owner(owner)}.{name}")
        if isinstance(node.func, ast.Attribute) and node.func.attr in REACHES_OTHERS:
            self._reach(node.func.attr, node.args[-1])
        if found := called_by(node, self._function):
            self.called.append(found[0])
            values: list[ast.AST] = [*found[1], *node.keywords]
        else:
            # A method of a list or a text is no field of it.
            target = node.func.value if isinstance(node.func, ast.Attribute) else node.func
            values = [target, *node.args, *node.keywords]
        for value in values:
            self.visit(value)

    def _reach(self, how: str, what: ast.expr) -> None:
        if how == "emit" and isinstance(what, ast.Call):
            self.emits.add(ast.unparse(what.func))
        elif isinstance(what, ast.Constant):
            (self.raises if how == "raise_event" else self.tells).add(str(what.value))

    def _bind(self, target: ast.expr, hint: Any) -> None:
        if isinstance(target, ast.Name) and target.id not in self._types:
            self._types[target.id] = hint

    def _is_data(self, node: ast.expr) -> bool:
        return not (isinstance(node, ast.Name) and (node.id == "run" or self._is_module(node.id)))

    def _is_module(self, name: str) -> bool:
        return name not in self._own and isinstance(self._function.__globals__.get(name), ModuleType)

    def _owner(self, node: ast.expr) -> str:
        """Return the struct that an expression is; what it is called, if that may be one of several."""
        hint = self._type_of(node)
        return hint.__name__ if isinstance(hint, type) else ast.unparse(node)

    def _type_of(self, node: ast.expr) -> Any:
        match node:
            case ast.Name(name):
                return _plain(self._types.get(name))
            case ast.Attribute():
                if fget := property_read(node, self._function):
                    return _plain(hints_of(fget).get("return"))
                owner = self._type_of(node.value)
                return _plain(get_type_hints(owner).get(node.attr)) if isinstance(owner, type) else None
            case ast.Call():
                found = called_by(node, self._function)
                return _plain(hints_of(found[0]).get("return")) if found else None
            case ast.Subscript(value):
                return _plain((get_args(self._type_of(value)) or (None,))[-1])
            case ast.IfExp(_, body, orelse):
                return self._type_of(body) or self._type_of(orelse)
        return None

    def _item_of(self, node: ast.expr) -> Any:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            node = node.func.value
        arguments = [each for each in get_args(self._type_of(node)) if each is not Ellipsis]
        return _plain(arguments[-1]) if arguments else None


def _plain(hint: Any) -> Any:
    """Return a type without its `| None`."""
    arguments = [each for each in get_args(hint) if each is not type(None)]
    return arguments[0] if len(arguments) == 1 and type(None) in get_args(hint) else hint
