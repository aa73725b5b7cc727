"""Guards, actions and helpers as TypeScript functions, from their trees."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from .. import trees as t
from ..model import DefinitionFile, FieldDefinition, FunctionNode
from .names import camel, default_of, doc, text, type_of

_COMPARISONS = {
    "equal": "===",
    "not_equal": "!==",
    "less": "<",
    "at_most": "<=",
    "greater": ">",
    "at_least": ">=",
}
_REACHES_OTHERS = (t.Emit, t.Raise, t.Tell, t.TellSpeech)

_ATOM, _UNARY, _PRODUCT, _SUM, _ORDER, _EQUAL, _AND, _OR, _CHOICE = range(9, 0, -1)
"""How tightly what stands in an expression holds together."""

Piece = tuple[str, int]


def needs_run(definition: DefinitionFile) -> frozenset[str]:
    """Return the functions that reach others, by themselves or by what they call."""
    needing = {name for name, each in definition.functions.items() if any(_reaching(each.body))}
    while True:
        more = {name for name, each in definition.functions.items() if needing.intersection(each.calls)} - needing
        if not more:
            return frozenset(needing)
        needing |= more


def _reaching(body: Sequence[t.Statement]) -> Iterator[bool]:
    for statement in body:
        yield isinstance(statement, _REACHES_OTHERS)
        if isinstance(statement, t.If):
            yield from _reaching([*statement.then, *statement.otherwise])
        elif isinstance(statement, t.Each):
            yield from _reaching(statement.do)


class FunctionWriter:
    """Writes the functions of one definition."""

    def __init__(self, definition: DefinitionFile) -> None:
        """Begin."""
        self._definition = definition
        self._needs_run = needs_run(definition)
        self._names = _names_of(definition.functions)
        self._function = ""
        self._scopes: list[set[str]] = []
        self._given_anew: frozenset[str] = frozenset()

    def function(self, name: str) -> str:
        """Return the text of a function."""
        node = self._definition.functions[name]
        self._function = name
        self._scopes = [{parameter for parameter, _ in node.parameters}]
        self._given_anew = frozenset(_given_anew(node.body, set()))
        parameters = ", ".join(self._parameters(name, node))
        body = "".join(self._block(node.body, "  "))
        returns = "void" if type_of(node.returns) == "null" else type_of(node.returns)
        return f"{doc(node.doc)}function {self._names[name]}({parameters}): {returns} {{\n{body}}}\n"

    def _parameters(self, name: str, node: FunctionNode) -> Iterator[str]:
        if name in self._needs_run:
            yield f"run: {'ConversationRun' if name.startswith('conversation.') else 'Run'}"
        yield from (f"{camel(parameter)}: {type_of(kind)}" for parameter, kind in node.parameters)

    def call(self, name: str, arguments: Sequence[str]) -> str:
        """Return a call of a function."""
        run = ["run"] if name in self._needs_run else []
        return f"{self._names[name]}({', '.join([*run, *arguments])})"

    # Statements

    def _block(self, body: Sequence[t.Statement], indent: str) -> Iterator[str]:
        self._scopes.append(set())
        for statement in body:
            yield from (f"{indent}{line}\n" for line in self._statement(statement, indent))
        self._scopes.pop()

    def _statement(self, node: t.Statement, indent: str) -> Iterator[str]:
        match node:
            case t.Let(name=name, value=value):
                yield f"{self._naming(name)} = {self._text(value)};"
            case t.Unpack(names=names, value=value):
                yield f"const [{', '.join(map(camel, names))}] = {self._text(value)};"
                self._scopes[-1].update(names)
            case t.Set(of=of, field=field, value=value):
                yield f"{self._text(of, _ATOM)}.{field} = {self._text(value)};"
            case t.Put(of=of, key=key, value=value):
                yield f"{self._text(of, _ATOM)}.set({self._text(key)}, {self._text(value)});"
            case t.Remove(of=of, key=key):
                yield f"{self._text(of, _ATOM)}.delete({self._text(key)});"
            case t.Clear(of=of):
                yield f"{self._text(of, _ATOM)}.clear();"
            case t.If():
                yield from self._if(node, indent)
            case t.Each(names=names, over=over, do=do):
                self._scopes.append(set(names))
                yield f"for (const {_target(names)} of {self._text(over)}) {{"
                yield from (line[len(indent) : -1] for line in self._block(do, f"{indent}  "))
                yield "}"
                self._scopes.pop()
            case t.Leave(op=word):
                yield f"{word};"
            case t.Return(value=None):
                yield "return;"
            case t.Return(value=value) if value is not None:
                yield f"return {self._text(value)};"
            case t.Assert(condition=condition):
                yield f"if ({self._text(_negated(condition))}) throw new Error({text(f'{self._function}: a bug')});"
            case t.Emit(effect=effect):
                yield f"run.emit({self._text(effect)});"
            case t.Raise(event=event):
                yield f"run.raise({text(event)});"
            case t.Tell(message=message, event=event):
                yield f"messageOn{camel(event)[:1].upper()}{camel(event)[1:]}(run, speech, {self._text(message)});"
            case t.TellSpeech(speech_id=speech_id, event=event):
                yield f"run.tellSpeech(conversation, {self._text(speech_id)}, {self._text(event)});"
            case t.Call():
                yield f"{self._text(node)};"

    def _naming(self, name: str) -> str:
        if any(name in scope for scope in self._scopes):
            return camel(name)
        self._scopes[-1].add(name)
        return f"{'let' if name in self._given_anew else 'const'} {camel(name)}"

    def _if(self, node: t.If, indent: str) -> Iterator[str]:
        yield f"if ({self._text(node.test)}) {{"
        yield from (line[len(indent) : -1] for line in self._block(node.then, f"{indent}  "))
        if len(node.otherwise) == 1 and isinstance(node.otherwise[0], t.If):
            first, *rest = self._if(node.otherwise[0], indent)
            yield f"}} else {first}"
            yield from rest
            return
        if node.otherwise:
            yield "} else {"
            yield from (line[len(indent) : -1] for line in self._block(node.otherwise, f"{indent}  "))
        yield "}"

    # Expressions

    def _text(self, node: t.Expression, within: int = 0) -> str:
        written, holds = self._piece(node)
        return written if holds >= within else f"({written})"

    def _piece(self, node: t.Expression) -> Piece:
        match node:
            case t.Value(value=value):
                return text(value), _ATOM
            case t.Infinity():
                return "Infinity", _ATOM
            case t.Constant(name=name):
                return name, _ATOM
            case t.Name(name=name):
                return camel(name), _ATOM
            case t.Get(of=of, field=field):
                return f"{self._text(of, _ATOM)}.{field}", _ATOM
            case t.Entry(of=of, key=key):
                return f"{self._text(of, _ATOM)}.get({self._text(key)})!", _ATOM
            case t.EntryIfAny(of=of, key=key):
                return f"({self._text(of, _ATOM)}.get({self._text(key)}) ?? null)", _ATOM
            case t.Has(of=of, key=key):
                return f"{self._text(of, _ATOM)}.has({self._text(key)})", _ATOM
            case t.Contains(of=t.Items(items=items), item=item):
                compared = [f"{self._text(item, _EQUAL)} === {self._text(each, _EQUAL)}" for each in items]
                return " || ".join(compared), _OR
            case t.Contains(of=of, item=item):
                return f"{self._text(of, _ATOM)}.includes({self._text(item)})", _ATOM
            case t.IsEvent(value=value, any_of=names):
                compared = [f"{self._text(value, _ATOM)}?.type === {text(name)}" for name in names]
                return " || ".join(compared), _OR if len(compared) > 1 else _EQUAL
            case t.Choose(test=test, then=then, otherwise=otherwise):
                branches = f"{self._text(then, _CHOICE)} : {self._text(otherwise, _CHOICE)}"
                return f"{self._text(test, _OR)} ? {branches}", _CHOICE
            case t.OrElse(value=value, otherwise=otherwise):
                return f"{self._text(value, _OR)} || {self._text(otherwise, _OR)}", _OR
            case t.Call(function=function, arguments=arguments):
                return self.call(function, [self._text(each) for each in arguments]), _ATOM
            case t.Build():
                return self._built(node), _ATOM
            case t.Changed(of=of, fields=fields):
                given = ", ".join(f"{name}: {self._text(value)}" for name, value in fields.items())
                return f"{{ ...{self._text(of, _ATOM)}, {given} }}", _ATOM
        return self._logic(node) or self._several(node)

    def _logic(self, node: t.Expression) -> Piece | None:
        match node:
            case t.Compare(how=how, left=left, right=right):
                holds = _EQUAL if "equal" in how else _ORDER
                sides = self._text(left, holds + 1), self._text(right, holds + 1)
                return f" {_COMPARISONS[how]} ".join(sides), holds
            case t.And(conditions=conditions):
                return " && ".join(self._text(each, _AND) for each in conditions), _AND
            case t.Or(conditions=conditions):
                return " || ".join(self._text(each, _OR) for each in conditions), _OR
            case t.Not(condition=condition):
                return f"!{self._text(condition, _UNARY)}", _UNARY
            case t.Arithmetic(op="add", left=left, right=right):
                return f"{self._text(left, _SUM)} + {self._text(right, _SUM)}", _SUM
            case t.Arithmetic(op="subtract", left=left, right=right):
                return f"{self._text(left, _SUM)} - {self._text(right, _PRODUCT)}", _SUM
            case t.Arithmetic(op="multiply", left=left, right=right):
                return f"{self._text(left, _PRODUCT)} * {self._text(right, _PRODUCT)}", _PRODUCT
            case t.Arithmetic(left=t.Arithmetic(op="multiply", left=one, right=other), right=right):
                return f"share({self._text(one)}, {self._text(other)}, {self._text(right)})", _ATOM
            case t.Arithmetic(left=left, right=right):
                return f"share({self._text(left)}, 1, {self._text(right)})", _ATOM
        return None

    def _several(self, node: t.Expression) -> Piece:
        match node:
            case t.Least(of=several):
                return f"Math.min({', '.join(map(self._text, several))})", _ATOM
            case t.Whole(value=value):
                return f"Math.trunc({self._text(value)})", _ATOM
            case t.Size(of=of) if isinstance(of, t.Get | t.Name):
                return f"{self._text(of, _ATOM)}.{'size' if self._is_map(of) else 'length'}", _ATOM
            case t.Concat(of=several):
                return " + ".join(self._text(each, _SUM) for each in several), _SUM
            case t.Words(of=of):
                return f"wordsOf({self._text(of)})", _ATOM
            case t.Join(of=of, by=by):
                return f"{self._text(of, _ATOM)}.join({self._text(by)})", _ATOM
            case t.First(of=of, count=count):
                return f"{self._text(of, _ATOM)}.slice(0, {self._text(count)})", _ATOM
            case t.Items(items=items):
                return f"[{', '.join(map(self._text, items))}]", _ATOM
            case t.Chain(left=left, right=right):
                return f"[...{self._text(left, _ATOM)}, ...{self._text(right, _ATOM)}]", _ATOM
            case t.Listed(op="pairs", of=of):
                return f"[...{self._text(of, _ATOM)}]", _ATOM
            case t.Listed(op=word, of=of):
                return f"[...{self._text(of, _ATOM)}.{word}()]", _ATOM
            case t.Collect(names=names, over=over, value=value, where=where):
                collected, item = self._text(over, _ATOM), _target(names)
                if where is None:
                    return f"{collected}.map(({item}) => {self._text(value)})", _ATOM
                if value == t.Name(name=item):
                    return f"{collected}.filter(({item}) => {self._text(where)})", _ATOM
                # What the condition says of a value is known of it only where the two stand together.
                kept = f"{self._text(where, _OR)} ? [{self._text(value)}] : []"
                return f"{collected}.flatMap(({item}) => ({kept}))", _ATOM
        raise AssertionError(node)

    def _is_map(self, node: t.Expression) -> bool:
        """Whether a field is a map. Fields of one name are of one kind, wherever they are."""
        if not isinstance(node, t.Get):
            return False
        fields = [field for struct in self._definition.structs.values() for field in struct.fields]
        return any(field.name == node.field and field.type.kind == "map" for field in fields)

    def _built(self, node: t.Build) -> str:
        given = {name: self._text(value) for name, value in node.fields.items()}
        parts = [] if node.what == "struct" else [f"type: {text(node.name)}"]
        parts += [f"{field.name}: {given.get(field.name) or default_of(field)}" for field in self._fields(node)]
        return f"{{ {', '.join(parts)} }}" if parts else "{}"

    def _fields(self, node: t.Build) -> tuple[FieldDefinition, ...]:
        if node.what == "struct":
            return self._definition.structs[node.name].fields
        return (self._definition.events if node.what == "event" else self._definition.effects)[node.name].fields


def _negated(condition: t.Expression) -> t.Expression:
    if isinstance(condition, t.Compare) and condition.how in ("equal", "not_equal"):
        return condition.model_copy(update={"how": "equal" if condition.how == "not_equal" else "not_equal"})
    return t.Not(condition=condition)


def _target(names: Sequence[str]) -> str:
    return camel(names[0]) if len(names) == 1 else f"[{', '.join(map(camel, names))}]"


def _names_of(functions: Iterable[str]) -> dict[str, str]:
    """Return what functions are called. One for the module alone may have the name of one for all."""
    names: dict[str, str] = {}
    for function in functions:
        name = camel(function)
        names[function] = f"{name}_" if name in names.values() else name
    return names


def _given_anew(body: Sequence[t.Statement], known: set[str]) -> Iterator[str]:
    """Yield the names that are given a value more than once."""
    for statement in body:
        if isinstance(statement, t.Let):
            if statement.name in known:
                yield statement.name
            known.add(statement.name)
        elif isinstance(statement, t.If):
            yield from _given_anew([*statement.then, *statement.otherwise], known)
        elif isinstance(statement, t.Each):
            yield from _given_anew(statement.do, known)
