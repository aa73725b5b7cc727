"""Lists, loops, structs and events in C. A list of what fits is made in lines before the statement that needs it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from speech_lifecycle.fsm.compile.definition import DefinitionError

from .. import trees as t
from ..model import FieldDefinition
from .kinds import EVENT, FLAG, ID, NOTHING, TEXT, WHOLE, Kind, c_type, default_of, kind_of, list_type
from .names import constant, snake, variable
from .pieces import Loop, Piece, Writer, names_in


class MakingWriter(Writer):
    """Writes what is made anew."""

    def made(self, node: t.Expression, wanted: Kind | None) -> Piece:
        """Return an expression for what is not there before."""
        match node:
            case t.Concat(of=several):
                *rest, last = [self.code(each, TEXT) for each in several]
                for each in reversed(rest):
                    last = f"CONCAT({self.run()}, {each}, {last})"
                return Piece(last, TEXT)
            case t.Words(of=of):
                return Piece(f"WORDS({self.run()}, {self.code(of, TEXT)})", Kind("list", of=(TEXT,)))
            case t.Join(of=of, by=by):
                return Piece(f"JOIN({self.run()}, {self.piece(of).code}, {self.code(by, TEXT)})", TEXT)
            case t.First(of=of, count=count):
                found = self.piece(of)
                item = list_type(found.kind.of[0])
                return Piece(f"FIRST({item}, {found.code}, {self.code(count, WHOLE)})", found.kind)
            case t.Items(items=()):
                return Piece("", Kind("list", of=(NOTHING,)))
            case t.Items(items=items):
                return self._items(items, wanted)
            case t.Chain(left=left, right=right):
                first, second = self.piece(left, wanted), self.piece(right, wanted)
                parts = ", ".join((self.run(), list_type(first.kind.of[0]), first.code, second.code))
                return Piece(f"CHAIN({parts})", first.kind)
            case t.Listed(op="keys", of=of):
                return Piece(f"MAP_KEYS({self.run()}, {self.piece(of).code})", Kind("list", of=(ID,)))
            case t.Collect():
                return self._collected(node)
            case t.Build():
                return self._built(node)
            case t.Changed(of=of, fields=fields):
                return self._changed(self.piece(of), fields)
        raise DefinitionError(type(node).__name__)

    def _items(self, items: Sequence[t.Expression], wanted: Kind | None) -> Piece:
        first = self.piece(items[0])
        kind = wanted.of[0] if wanted is not None and wanted.word == "list" else first.kind
        given = ", ".join(self.code(each, kind) for each in items)
        written = f"LIST({list_type(kind)}, {c_type(kind, self.definition)}, {len(items)}, {given})"
        return Piece(written, Kind("list", of=(kind,)))

    def loop(self, names: Sequence[str], over: t.Expression, wanted: frozenset[str]) -> Loop:
        """Return a loop over a list as it is when the loop begins; the open block names what is wanted."""
        index = self.fresh("i")
        if isinstance(over, t.Listed):
            the_map = self.piece(over.of)
            entries = self.fresh("entries")
            self._state.before.append(f"const sl_entries {entries} = MAP_ENTRIES({self.run()}, {the_map.code});")
            entry = f"{entries}.items[{index}]"
            (value,) = the_map.kind.of
            kinds = {"keys": (ID,), "values": (value,), "pairs": (ID, value)}[over.op]
            codes = {"keys": ("key",), "values": ("value",), "pairs": ("key", "value")}[over.op]
            items = [
                f"{entry}.key" if code == "key" else self._entry_value(entry, kind)
                for code, kind in zip(codes, kinds, strict=True)
            ]
            of = entries
        else:
            found = self.piece(over)
            (kind,) = found.kind.of
            of = self.fresh("list")
            self._state.before.append(f"const {list_type(kind)} {of} = {found.code};")
            kinds, items = (kind,), [f"{of}.items[{index}]"]
        naming = []
        for name, kind, item in zip(names, kinds, items, strict=True):
            if name not in wanted:
                continue
            self.name_local(name, kind)
            its_type = c_type(kind, self.definition)
            naming.append(f"{its_type}{'' if its_type.endswith('*') else ' '}{variable(name)} = {item};")
        head = [f"for (size_t {index} = 0; {index} < {of}.count; {index}++) {{"]
        return Loop(head, naming, f"{of}.count")

    def _entry_value(self, entry: str, kind: Kind) -> str:
        if kind.word == "struct":
            return f"(sl_{snake(kind.name)} *){entry}.object"
        if kind.word in ("id", "enum"):
            return f"({c_type(kind, self.definition)}){entry}.number"
        raise DefinitionError(f"the values of a map of {kind.word}")

    def _collected(self, node: t.Collect) -> Piece:
        self.open_scope()
        loop = self.loop(node.names, node.over, names_in((node.value, node.where)))
        before, self._state.before = self._state.before, []
        value = self.piece(node.value)
        where = None if node.where is None else self.code(node.where, FLAG)
        self.close_scope()
        if self._state.before:
            raise DefinitionError("a list that is made of lists")
        item, its_type = c_type(value.kind, self.definition), list_type(value.kind)
        found = self.fresh("found")
        adding = [f"{found}.items[{found}.count++] = {value.code};"]
        if where is not None:
            adding = [f"if ({where}) {{", *(f"    {line}" for line in adding), "}"]
        self._state.before = [
            *before,
            f"{its_type} {found} = ROOM({self.run()}, {its_type}, {item}, {loop.most});",
            *loop.head,
            *(f"    {line}" for line in [*loop.naming, *adding]),
            "}",
        ]
        return Piece(found, Kind("list", of=(replace(value.kind, optional=False),)))

    def _built(self, node: t.Build) -> Piece:
        given = self.initializers(self.fields_of(node.what, node.name), node.fields)
        if node.what == "event":
            parts = ", ".join([f".type = {constant('event', node.name)}", *given])
            return Piece(f"NEW_EVENT({parts})", EVENT)
        struct = f"sl_{snake(node.name)}"
        if node.name in self.embedded:
            return Piece(f"NEW_PART({', '.join([struct, *given])})", Kind("struct", node.name))
        return Piece(f"NEW({', '.join([self.run(), struct, *given])})", Kind("struct", node.name))

    def initializers(self, fields: Iterable[FieldDefinition], given: Mapping[str, t.Expression]) -> list[str]:
        """Return what each field of a new object is. What is not given has its default."""
        parts = []
        for each in fields:
            kind = kind_of(each.type, each.name)
            value = self.kept(given[each.name], kind) if each.name in given else default_of(each, self.definition)
            parts.append(f".{each.name} = {value}")
        return parts

    def _changed(self, of: Piece, fields: Mapping[str, t.Expression]) -> Piece:
        name = self.fresh("changed")
        struct = f"sl_{snake(of.kind.name)}"
        lines = [f"{struct} *{name} = COPY({self.run()}, {struct}, {of.code});"]
        for field_name, value in fields.items():
            given = self.kept(value, self.field_kind(of.kind, field_name))
            lines.append(f"SET({of.kind.name}, {name}, {field_name}, {given});")
        self._state.before += lines
        return Piece(name, replace(of.kind, optional=False))
