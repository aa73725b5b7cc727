"""The syntax of guards, actions and all that they call, as data: some thirty small nodes.

A node is an object whose `op` says what it is. Conditions are true or false and nothing else, so a language needs no
rule of its own about what counts as true. docs/porting.md says what each node does.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from .types import Part


class Value(Part):
    """Text, a whole number, true, false or null."""

    op: Literal["value"] = "value"
    value: str | int | bool | None


class Infinity(Part):
    """The number that is greater than all others."""

    op: Literal["infinity"] = "infinity"


class Constant(Part):
    """One of the definition's constants."""

    op: Literal["constant"] = "constant"
    name: str


class Name(Part):
    """A parameter, or what `let`, `unpack`, `each` or `collect` has named."""

    op: Literal["name"] = "name"
    name: str


class Get(Part):
    """A field of an object."""

    op: Literal["get"] = "get"
    of: Expression
    field: str


class Entry(Part):
    """What a map has under a key, which must be there."""

    op: Literal["entry"] = "entry"
    of: Expression
    key: Expression


class EntryIfAny(Part):
    """What a map has under a key, or null."""

    op: Literal["entry_if_any"] = "entry_if_any"
    of: Expression
    key: Expression


class Has(Part):
    """Whether a map has a key."""

    op: Literal["has"] = "has"
    of: Expression
    key: Expression


class Contains(Part):
    """Whether a list has an item."""

    op: Literal["contains"] = "contains"
    of: Expression
    item: Expression


class Compare(Part):
    """A comparison of two values: of any for equality, of numbers for their order. Nothing else equals null."""

    op: Literal["compare"] = "compare"
    how: Literal["equal", "not_equal", "less", "at_most", "greater", "at_least"]
    left: Expression
    right: Expression


class And(Part):
    """Whether all conditions hold. One is worked out only if those before it hold."""

    op: Literal["and"] = "and"
    conditions: tuple[Expression, ...]


class Or(Part):
    """Whether any condition holds. One is worked out only if those before it do not hold."""

    op: Literal["or"] = "or"
    conditions: tuple[Expression, ...]


class Not(Part):
    """Whether a condition does not hold."""

    op: Literal["not"] = "not"
    condition: Expression


class Choose(Part):
    """One of two values."""

    op: Literal["choose"] = "choose"
    test: Expression
    then: Expression
    otherwise: Expression


class OrElse(Part):
    """A value, or another in the place of null, 0 and ""."""

    op: Literal["or_else"] = "or_else"
    value: Expression
    otherwise: Expression


class Arithmetic(Part):
    """Two whole numbers. A division leaves out the rest; neither number is below 0 then. Products may be above 2^53."""

    op: Literal["add", "subtract", "multiply", "divide"]
    left: Expression
    right: Expression


class Least(Part):
    """The least of some numbers."""

    op: Literal["least"] = "least"
    of: tuple[Expression, ...]


class Whole(Part):
    """A finite number without its fraction."""

    op: Literal["whole"] = "whole"
    value: Expression


class Size(Part):
    """How many entries a map, or items a list, has."""

    op: Literal["size"] = "size"
    of: Expression


class Concat(Part):
    """Texts, one after the other."""

    op: Literal["concat"] = "concat"
    of: tuple[Expression, ...]


class Words(Part):
    """The words of a text: what stands between runs of the definition's white space."""

    op: Literal["words"] = "words"
    of: Expression


class Join(Part):
    """Texts, with another one between each two."""

    op: Literal["join"] = "join"
    of: Expression
    by: Expression


class First(Part):
    """The first items of a list, at most so many."""

    op: Literal["first"] = "first"
    of: Expression
    count: Expression


class Items(Part):
    """A list, or a tuple, of these."""

    op: Literal["list"] = "list"
    items: tuple[Expression, ...]


class Chain(Part):
    """Two lists, one after the other."""

    op: Literal["chain"] = "chain"
    left: Expression
    right: Expression


class Listed(Part):
    """What a map has at this moment, in its order, as a list: its keys, its values, or pairs of them."""

    op: Literal["keys", "values", "pairs"]
    of: Expression


class Collect(Part):
    """A list of one value for each item of a list for which a condition holds; several names take an item apart."""

    op: Literal["collect"] = "collect"
    names: tuple[str, ...]
    over: Expression
    value: Expression
    where: Expression | None = None


class Build(Part):
    """A new object. Fields that are not given have their default."""

    op: Literal["build"] = "build"
    what: Literal["struct", "event", "effect"]
    name: str
    fields: dict[str, Expression]


class Changed(Part):
    """A copy of an object with other values in some fields."""

    op: Literal["changed"] = "changed"
    of: Expression
    fields: dict[str, Expression]


class IsEvent(Part):
    """Whether a value is one of these events; null is none."""

    op: Literal["is_event"] = "is_event"
    value: Expression
    any_of: tuple[str, ...]


class Call(Part):
    """Another function's result; as a statement, what that does."""

    op: Literal["call"] = "call"
    function: str
    arguments: tuple[Expression, ...]


Expression = Annotated[
    Value
    | Infinity
    | Constant
    | Name
    | Get
    | Entry
    | EntryIfAny
    | Has
    | Contains
    | Compare
    | And
    | Or
    | Not
    | Choose
    | OrElse
    | Arithmetic
    | Least
    | Whole
    | Size
    | Concat
    | Words
    | Join
    | First
    | Items
    | Chain
    | Listed
    | Collect
    | Build
    | Changed
    | IsEvent
    | Call,
    Field(discriminator="op"),
]


class Let(Part):
    """Name a value. A name may be given anew."""

    op: Literal["let"] = "let"
    name: str
    value: Expression


class Unpack(Part):
    """Name the values of a tuple."""

    op: Literal["unpack"] = "unpack"
    names: tuple[str, ...]
    value: Expression


class Set(Part):
    """Give a field of an object another value."""

    op: Literal["set"] = "set"
    of: Expression
    field: str
    value: Expression


class Put(Part):
    """Give a map an entry: behind all others, or in the place of the one that has the key."""

    op: Literal["put"] = "put"
    of: Expression
    key: Expression
    value: Expression


class Remove(Part):
    """Take an entry out of a map, if it is there."""

    op: Literal["remove"] = "remove"
    of: Expression
    key: Expression


class Clear(Part):
    """Take all entries out of a map."""

    op: Literal["clear"] = "clear"
    of: Expression


class If(Part):
    """Do one thing or another."""

    op: Literal["if"] = "if"
    test: Expression
    then: tuple[Statement, ...]
    otherwise: tuple[Statement, ...] = ()


class Each(Part):
    """Do something for each item that a list has when the loop begins; several names take an item apart."""

    op: Literal["each"] = "each"
    names: tuple[str, ...]
    over: Expression
    do: tuple[Statement, ...]


class Leave(Part):
    """End the loop, or go on with its next item."""

    op: Literal["break", "continue"]


class Return(Part):
    """End the function, with a result if it has one."""

    op: Literal["return"] = "return"
    value: Expression | None = None


class Assert(Part):
    """Never false: whoever runs it may leave it out."""

    op: Literal["assert"] = "assert"
    condition: Expression


class Emit(Part):
    """Give an effect to the driver."""

    op: Literal["emit"] = "emit"
    effect: Expression


class Raise(Part):
    """Have an internal event handled when the present transition is done.

    A function of the conversation raises it for the conversation's chart, any other one for the speech's.
    """

    op: Literal["raise"] = "raise"
    event: str


class Tell(Part):
    """Have a message's chart handle an internal event now."""

    op: Literal["tell"] = "tell"
    message: Expression
    event: str


class TellSpeech(Part):
    """Have a speech of the conversation handle an event now."""

    op: Literal["tell_speech"] = "tell_speech"
    speech_id: Expression
    event: Expression


Statement = Annotated[
    Let
    | Unpack
    | Set
    | Put
    | Remove
    | Clear
    | If
    | Each
    | Leave
    | Return
    | Assert
    | Emit
    | Raise
    | Tell
    | TellSpeech
    | Call,
    Field(discriminator="op"),
]

for _node in Part.__subclasses__():
    if _node.__module__ == __name__:
        _node.model_rebuild()
