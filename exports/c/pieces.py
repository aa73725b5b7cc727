"""Pieces of C, and what a function has named so far when one is written."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from speech_lifecycle.fsm.compile.definition import DefinitionError

from .. import trees as t
from ..model import DefinitionFile, FieldDefinition
from ..types import Part
from .kinds import NUMBER, Kind, embedded, kind_of, list_type, literal
from .names import snake

CHOICE, LOGIC, COMPARED, SUM, ATOM = range(5)
"""How tightly what stands in an expression holds together, as a reader sees it."""


@dataclass(frozen=True)
class Piece:
    """An expression, what it is, and how tightly it holds together."""

    code: str
    kind: Kind
    holds: int = ATOM
    literal: Any = ...
    """What a literal is, which is written only when it is known what it has to be."""

    @property
    def is_literal(self) -> bool:
        """Whether it is a text or null, that may be of several kinds."""
        return self.literal is not ...

    def within(self, holds: int) -> str:
        """Return its text, in parentheses if it does not hold together that tightly."""
        return self.code if self.holds >= holds else f"({self.code})"


@dataclass
class Loop:
    """The head of a loop, and what names its item."""

    head: list[str]
    naming: list[str]
    most: str
    """How often it goes round at most."""


@dataclass
class _State:
    scopes: list[dict[str, Kind]] = field(default_factory=list)
    before: list[str] = field(default_factory=list)
    used: set[str] = field(default_factory=set)
    numbers: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Choice:
    """One of two texts, of which it is not known yet what they have to be."""

    test: str
    one: Any
    other: Any


def parts_of(node: Any) -> Iterator[Part]:
    """Yield all nodes of trees."""
    if isinstance(node, Part):
        yield node
        for name in type(node).model_fields:
            yield from parts_of(getattr(node, name))
    elif isinstance(node, tuple | dict):
        for each in node.values() if isinstance(node, dict) else node:
            yield from parts_of(each)


def names_in(node: Any) -> frozenset[str]:
    """Return the names that trees use."""
    return frozenset(part.name for part in parts_of(node) if isinstance(part, t.Name))


class Writer(ABC):
    """Knows what names and fields are in one function after the other."""

    def __init__(self, definition: DefinitionFile, names: Mapping[str, str]) -> None:
        """Begin."""
        self.definition = definition
        self.names = names
        self.needing: set[str] = set()
        """The functions that need the machine that runs them."""
        self.function = ""
        self.embedded = embedded(definition)
        self._state = _State()
        self._event_fields = {
            each.name: kind_of(each.type, each.name)
            for family in (definition.events, definition.internal_events)
            for event in family.values()
            for each in event.fields
        }

    # Names

    def begin(self, function: str, parameters: Mapping[str, Kind]) -> None:
        """Begin a function."""
        self.function = function
        self._state = _State(scopes=[dict(parameters)])

    @property
    def used(self) -> set[str]:
        """The names that the function has used so far."""
        return self._state.used

    def run(self) -> str:
        """Return the name of the machine, which the function then needs."""
        self.needing.add(self.function)
        return "run"

    def open_scope(self) -> None:
        """Begin a block."""
        self._state.scopes.append({})

    def close_scope(self) -> None:
        """End a block."""
        self._state.scopes.pop()

    def name_local(self, name: str, kind: Kind) -> None:
        """Have a name in this block."""
        self._state.scopes[-1][name] = kind

    def kind_of_name(self, name: str) -> Kind | None:
        """Return what a name stands for; None if it is not known yet."""
        for scope in reversed(self._state.scopes):
            if name in scope:
                return scope[name]
        return None

    def fresh(self, word: str) -> str:
        """Return a name that the function has not used."""
        number = self._state.numbers.get(word, 0) + 1
        self._state.numbers[word] = number
        return f"{word}{number}"

    def taken_before(self) -> list[str]:
        """Return the lines to be written before the statement, which are then forgotten."""
        lines, self._state.before = self._state.before, []
        return lines

    # Kinds

    def field_kind(self, owner: Kind, name: str) -> Kind:
        """Return what a field is."""
        if owner.word == "event":
            return self._event_fields[name]
        if owner.word == "struct":
            for each in self.definition.structs[owner.name].fields:
                if each.name == name:
                    return kind_of(each.type, each.name)
        raise DefinitionError(f"{name} of {owner.name or owner.word}")

    def fields_of(self, what: str, name: str) -> tuple[FieldDefinition, ...]:
        """Return the fields of a struct, an event or an effect."""
        if what == "struct":
            return self.definition.structs[name].fields
        return (self.definition.events if what == "event" else self.definition.effects)[name].fields

    def code(self, node: t.Expression, kind: Kind, holds: int = CHOICE) -> str:
        """Return an expression of that kind."""
        return self.coerced(self.piece(node, kind), kind).within(holds)

    def kept(self, node: t.Expression, kind: Kind) -> str:
        """Return what a field is given: what has to outlive the event is copied into the machine's memory."""
        found = self.coerced(self.piece(node, kind), kind)
        if kind.word == "text" and not found.is_literal:
            return f"KEEP_TEXT({self.run()}, {found.code})"
        if kind.word == "list" and found.code != f"NONE({list_type(kind.of[0])})":
            return f"KEEP_LIST({self.run()}, {list_type(kind.of[0])}, {found.code})"
        if kind.word == "struct" and kind.name in self.embedded:
            return f"*{found.within(ATOM)}"
        return found.code

    def coerced(self, found: Piece, kind: Kind) -> Piece:
        """Return an expression as one of that kind.

        Raises:
            DefinitionError: it cannot be one.
        """
        own = found.kind
        if isinstance(found.literal, Choice):
            one, other = (literal(each, kind, self.definition) for each in (found.literal.one, found.literal.other))
            return Piece(f"{found.literal.test} ? {one} : {other}", kind, CHOICE)
        if found.is_literal:
            written = literal(found.literal, kind, self.definition)
            return Piece(written, kind, literal=found.literal)
        if own.word == "number" and kind.word == "number" and own.optional != kind.optional:
            if kind.optional:
                return Piece(f"KNOWN({found.code})", kind)
            return Piece(f"{found.within(ATOM)}.value", kind)
        if own.word == "list" and kind.word == "list" and own.of[0].word == "nothing":
            return Piece(f"NONE({list_type(kind.of[0])})", kind)
        if (
            own.word == kind.word
            and own.name == kind.name
            and [each.word for each in own.of] == [each.word for each in kind.of]
        ):
            return found
        if (own.word, kind.word) == ("enum", "text"):
            return Piece(f"TEXT_OF_ENUM({snake(own.name)}, {found.code})", kind)
        if (own.word, kind.word) == ("id", "text"):
            return Piece(f"TEXT_OF_ID({self.run()}, {found.code})", kind)
        if (own.word, kind.word) == ("whole", "number"):
            cast = Piece(f"(double){found.within(ATOM)}", NUMBER)
            return self.coerced(cast, kind)
        raise DefinitionError(f"{found.code} is {own.name or own.word}, and has to be {kind.name or kind.word}")

    @abstractmethod
    def piece(self, node: t.Expression, wanted: Kind | None = None) -> Piece:
        """Return an expression; `wanted` is what it will have to be, where that is known."""
