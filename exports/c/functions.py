"""Guards, actions and helpers as C functions, from their trees."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from speech_lifecycle.fsm.compile.definition import DefinitionError

from .. import trees as t
from ..model import DefinitionFile, FunctionNode
from .expressions import ExpressionWriter
from .kinds import FLAG, ID, Kind, c_type, kind_of
from .names import constant, doc, function_names, variable
from .pieces import Piece, names_in, parts_of

Lines = Iterator[str]


def reachable(definition: DefinitionFile) -> list[str]:
    """Return the functions that the charts and the notices come to, in the order of the definition."""
    left = [*definition.notices.values()]
    for chart in definition.charts.values():
        left += [*chart.guards.values(), *chart.actions.values()]
    found: set[str] = set()
    while left:
        name = left.pop()
        if name not in found:
            found.add(name)
            left += definition.functions[name].calls
    return [name for name in definition.functions if name in found]


class FunctionWriter(ExpressionWriter):
    """Writes the functions of one definition."""

    def __init__(self, definition: DefinitionFile) -> None:
        """Find out which functions need the machine that runs them: for what they emit, or make."""
        names = reachable(definition)
        super().__init__(definition, function_names(names))
        while True:
            before = len(self.needing)
            self.texts = {name: self._function(name) for name in names}
            if len(self.needing) == before:
                break

    @property
    def declarations(self) -> Lines:
        """The functions, so that each may call any."""
        return (f"static {self._head(name)};\n" for name in self.texts)

    def call_with(self, name: str, arguments: Sequence[str]) -> str:
        """Return a call of a function with these arguments, as a chart makes it."""
        run = ["run"] if name in self.needing else []
        return f"{self.names[name]}({', '.join([*run, *arguments])})"

    def _head(self, name: str) -> str:
        node = self.definition.functions[name]
        parameters = ["sl_machine *run"] if name in self.needing else []
        for parameter, kind in node.parameters:
            its_type = c_type(kind_of(kind, parameter), self.definition)
            parameters.append(f"{its_type}{'' if its_type.endswith('*') else ' '}{variable(parameter)}")
        its_type = _returned_type(name, node, self.definition)
        space = "" if its_type.endswith("*") else " "
        return f"{its_type}{space}{self.names[name]}({', '.join(parameters) or 'void'})"

    def _function(self, name: str) -> str:
        """Return the text of a function.

        Raises:
            DefinitionError: it does something for which there is no C here; the message says what.
        """
        node = self.definition.functions[name]
        self.begin(name, {parameter: kind_of(kind, parameter) for parameter, kind in node.parameters})
        self._node = node
        try:
            body = "".join(self._block(node.body, "    "))
        except DefinitionError as error:
            raise DefinitionError(f"{name} cannot be written in C: {error}") from None
        unused = "".join(
            f"    (void){variable(parameter)};\n" for parameter, _ in node.parameters if parameter not in self.used
        )
        return f"{doc(node.doc)}static {self._head(name)}\n{{\n{unused}{body}}}\n"

    # Statements

    def _block(self, body: Sequence[t.Statement], indent: str) -> Lines:
        self.open_scope()
        for statement in body:
            lines = list(self._statement(statement))
            yield from (f"{indent}{line}\n" for line in [*self.taken_before(), *lines])
        self.close_scope()

    def _inner(self, body: Sequence[t.Statement]) -> Lines:
        yield from (line[:-1] for line in self._block(body, "    "))

    def _statement(self, node: t.Statement) -> Lines:
        match node:
            case t.Let(name=name, value=value):
                yield from self._let(name, value)
            case t.Unpack(names=names, value=value):
                yield from self._unpack(names, value)
            case t.Set(of=of, field=field, value=value):
                owner = self.piece(of)
                kind = self.field_kind(owner.kind, field)
                given = self.kept(value, kind)
                struct = owner.kind.name
                yield f"SET({struct}, {owner.code}, {field}, {given});"
            case t.Put(of=of, key=key, value=value):
                yield self._put(self.piece(of), self.code(key, ID), value)
            case t.Remove(of=of, key=key):
                yield f"MAP_REMOVE({self.piece(of).code}, {self.code(key, ID)});"
            case t.Clear(of=of):
                yield f"MAP_CLEAR({self.piece(of).code});"
            case t.If():
                yield from self._if(node)
            case t.Each(names=names, over=over, do=do):
                self.open_scope()
                loop = self.loop(names, over, names_in(do))
                yield from self.taken_before()
                inside = list(self._inner(do))
                self.close_scope()
                yield from loop.head
                yield from (f"    {line}" for line in loop.naming)
                yield from inside
                yield "}"
            case t.Leave(op=word):
                yield f"{word};"
            case t.Return(value=None):
                yield "return;"
            case t.Return(value=value) if value is not None:
                yield f"return {self._returned(value)};"
            case t.Assert(condition=condition):
                yield f"ASSERT({self.code(condition, FLAG)});"
            case t.Emit(effect=effect):
                yield self._emit(effect)
            case t.Raise(event=event):
                whose = "CONVERSATION" if self.function.startswith("conversation.") else "SPEECH"
                yield f"RAISE_IN_{whose}({self.run()}, {constant('raised', event)});"
            case t.Tell(message=message, event=event):
                speech = self.piece(t.Name(name="speech")).code
                yield f"message_on_{event}({self.run()}, {speech}, {self.piece(message).code});"
            case t.TellSpeech(speech_id=speech_id, event=event):
                told = self.piece(event)
                conversation = self.piece(t.Name(name="conversation")).code
                yield f"TELL_SPEECH({self.run()}, {conversation}, {self.code(speech_id, ID)}, {told.code});"
            case t.Call():
                yield f"{self.piece(node).code};"

    def _let(self, name: str, value: t.Expression) -> Lines:
        known = self.kind_of_name(name)
        if known is not None:
            yield f"{variable(name)} = {self.code(value, known)};"
            return
        found = self.piece(value)
        kind = found.kind
        if found.is_literal or kind.word == "nothing":
            kind = self._kind_of_use(name) or kind
            found = self.coerced(found, kind)
        self.name_local(name, kind)
        its_type = c_type(kind, self.definition)
        space = "" if its_type.endswith("*") else " "
        if kind.word == "struct" and kind.name in self.embedded:
            copy = self.fresh("copy")
            yield f"{its_type.removeprefix('const ').removesuffix(' *')} {copy} = *{found.code};"
            yield f"{its_type}{variable(name)} = &{copy};"
            return
        yield f"{its_type}{space}{variable(name)} = {found.code};"

    def _unpack(self, names: Sequence[str], value: t.Expression) -> Lines:
        found = self.piece(value)
        whole = self.fresh("both")
        yield f"const {c_type(found.kind, self.definition)} {whole} = {found.code};"
        for place, (name, kind) in enumerate(zip(names, found.kind.of, strict=True)):
            if name not in names_in(self._node.body):
                continue
            self.name_local(name, kind)
            its_type = c_type(kind, self.definition)
            yield f"{its_type}{'' if its_type.endswith('*') else ' '}{variable(name)} = {whole}.part{place};"

    def _put(self, the_map: Piece, key: str, value: t.Expression) -> str:
        (kind,) = the_map.kind.of
        run = self.run()
        if kind.word == "nothing":
            return f"MAP_PUT_KEY({run}, {the_map.code}, {key});"
        given = self.code(value, kind)
        if kind.word == "struct":
            return f"MAP_PUT_OBJECT({run}, {the_map.code}, {key}, {given});"
        if kind.word in ("id", "enum"):
            return f"MAP_PUT_NUMBER({run}, {the_map.code}, {key}, {given});"
        raise DefinitionError(f"a map of {kind.word}")

    def _if(self, node: t.If) -> Lines:
        test = self.code(node.test, FLAG)
        yield from self.taken_before()
        yield f"if ({test}) {{"
        yield from self._inner(node.then)
        if len(node.otherwise) == 1 and isinstance(node.otherwise[0], t.If):
            first, *rest = self._if(node.otherwise[0])
            if not first.startswith("if "):
                raise DefinitionError("a list that is made in a condition behind another")
            yield f"}} else {first}"
            yield from rest
            return
        if node.otherwise:
            yield "} else {"
            yield from self._inner(node.otherwise)
        yield "}"

    def _returned(self, value: t.Expression) -> str:
        kind = _returned_kind(self.function, self._node)
        if kind.word == "tuple" and isinstance(value, t.Items):
            parts = ", ".join(self.code(each, of) for each, of in zip(value.items, kind.of, strict=True))
            return f"({c_type(kind, self.definition)}){{{parts}}}"
        return self.code(value, kind)

    def _emit(self, effect: t.Expression) -> str:
        if not isinstance(effect, t.Build) or effect.what != "effect":
            raise DefinitionError("an effect that is not made where it is emitted")
        fields = self.definition.effects[effect.name].fields
        given = self.initializers(fields, effect.fields)
        if not fields:
            return f"EMIT_BARE({self.run()}, {constant('effect', effect.name)});"
        return f"EMIT({', '.join([self.run(), effect.name, constant('effect', effect.name), *given])});"

    def _kind_of_use(self, name: str) -> Kind | None:
        """Return what a literal has to be that is named: what it is given to."""
        for part in parts_of(self._node.body):
            match part:
                case t.Call(function=function, arguments=arguments):
                    for argument, (parameter, kind) in zip(
                        arguments, self.definition.functions[function].parameters, strict=True
                    ):
                        if argument == t.Name(name=name):
                            return kind_of(kind, parameter)
                case t.Return(value=t.Name(name=returned)) if returned == name:
                    return _returned_kind(self.function, self._node)
                case t.Let(name=named, value=value) if named == name and not isinstance(value, t.Value | t.Choose):
                    return self.piece(value).kind
                case t.Set(of=of, field=field, value=t.Name(name=given)) if given == name:
                    return self.field_kind(self.piece(of).kind, field)
                case t.Build(what=what, name=built, fields=fields):
                    for each in self.fields_of(what, built):
                        if fields.get(each.name) == t.Name(name=name):
                            return kind_of(each.type, each.name)
        return None


def _returned_kind(function: str, node: FunctionNode) -> Kind:
    return kind_of(node.returns, function)


def _returned_type(function: str, node: FunctionNode, definition: DefinitionFile) -> str:
    kind = _returned_kind(function, node)
    return "void" if kind.word == "nothing" else c_type(kind, definition)


def tuples(definition: DefinitionFile) -> dict[str, Kind]:
    """Return the tuples that functions return, by the names of their types."""
    kinds = {_returned_kind(name, definition.functions[name]) for name in reachable(definition)}
    return {c_type(kind, definition): kind for kind in sorted(kinds, key=str) if kind.word == "tuple"}
