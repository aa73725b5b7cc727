"""Runs the functions of a definition: turns each node of their trees into a Python function, once.

Objects of the lifecycle (events, effects, messages, speeches, conversations) are dicts, and lists are lists. Every
function that is made here takes the local names, as a dict, and returns a value; one of a statement returns None to
go on, or what ends the loop or the function.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any, Protocol

Names = dict[str, Any]
Step = Callable[[Names], Any]


class Outside(Protocol):
    """What a function reaches besides its own data: see docs/porting.md for what each has to do."""

    def emit(self, effect: dict[str, Any]) -> None:
        """Give an effect to the driver."""

    def raise_event(self, event: str) -> None:
        """Have an internal event handled later."""

    def tell(self, speech: dict[str, Any], message: dict[str, Any], event: str) -> None:
        """Have a message handle an internal event now."""

    def tell_speech(self, speech_id: str, event: dict[str, Any]) -> None:
        """Have a speech handle an event now."""


class Returned:
    """A function ends, with this result."""

    def __init__(self, value: Any) -> None:
        """Hold the result."""
        self.value = value


BREAK, CONTINUE = object(), object()

COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "equal": operator.eq,
    "not_equal": operator.ne,
    "less": operator.lt,
    "at_most": operator.le,
    "greater": operator.gt,
    "at_least": operator.ge,
}
ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": operator.mul,
    "divide": operator.floordiv,
    "chain": operator.add,
}
LISTED: dict[str, Callable[[dict[str, Any]], list[Any]]] = {
    "keys": list,
    "values": lambda entries: list(entries.values()),
    "pairs": lambda entries: list(entries.items()),
}


class Interpreter:
    """The functions of one definition, for one run."""

    def __init__(self, definition: dict[str, Any], outside: Outside) -> None:
        """Begin; functions are made ready when they are first called."""
        self._definition = definition
        self._outside = outside
        self._ready: dict[str, Callable[..., Any]] = {}
        self._whitespace = str.maketrans(dict.fromkeys(definition["whitespace"], " "))
        self._function = ""

    def function(self, name: str) -> Callable[..., Any]:
        """Return a function of the definition, to be called with its arguments in order."""
        if name not in self._ready:
            # It may call itself.
            self._ready[name] = lambda *arguments: self._ready[name](*arguments)
            self._ready[name] = self._made(name)
        return self._ready[name]

    def build(self, what: str, name: str, **given: Any) -> dict[str, Any]:
        """Return a new struct, event or effect, with defaults for what is not given."""
        built: dict[str, Any] = {} if what == "struct" else {"type": name}
        for field in self._definition[f"{what}s"][name]["fields"]:
            key = field["name"]
            built[key] = given[key] if key in given else default_of(field)
        return built

    def _made(self, name: str) -> Callable[..., Any]:
        function = self._definition["functions"][name]
        parameters = [parameter for parameter, _ in function["parameters"]]
        outer, self._function = self._function, name
        body = self._block(function["body"])
        self._function = outer

        def call(*arguments: Any) -> Any:
            result = body(dict(zip(parameters, arguments)))  # noqa: B905  # not every Python that runs it has `strict`
            return result.value if isinstance(result, Returned) else None

        return call

    # Statements

    def _block(self, nodes: list[dict[str, Any]]) -> Step:
        steps = [self._step(node) for node in nodes]

        def block(names: Names) -> Any:
            for step in steps:
                result = step(names)
                if result is not None:
                    return result
            return None

        return block

    def _step(self, node: dict[str, Any]) -> Step:
        make = getattr(self, f"_do_{node['op']}")
        step: Step = make(node)
        return step

    def _do_let(self, node: dict[str, Any]) -> Step:
        name, value = node["name"], self._value(node["value"])

        def let(names: Names) -> None:
            names[name] = value(names)

        return let

    def _do_unpack(self, node: dict[str, Any]) -> Step:
        targets, value = node["names"], self._value(node["value"])

        def unpack(names: Names) -> None:
            names.update(zip(targets, value(names)))  # noqa: B905

        return unpack

    def _do_set(self, node: dict[str, Any]) -> Step:
        of, field, value = self._value(node["of"]), node["field"], self._value(node["value"])

        def set_(names: Names) -> None:
            of(names)[field] = value(names)

        return set_

    def _do_put(self, node: dict[str, Any]) -> Step:
        of, key, value = self._value(node["of"]), self._value(node["key"]), self._value(node["value"])

        def put(names: Names) -> None:
            of(names)[key(names)] = value(names)

        return put

    def _do_remove(self, node: dict[str, Any]) -> Step:
        of, key = self._value(node["of"]), self._value(node["key"])

        def remove(names: Names) -> None:
            of(names).pop(key(names), None)

        return remove

    def _do_clear(self, node: dict[str, Any]) -> Step:
        of = self._value(node["of"])
        return lambda names: of(names).clear()

    def _do_if(self, node: dict[str, Any]) -> Step:
        test, then, otherwise = self._value(node["test"]), self._block(node["then"]), self._block(node["otherwise"])
        return lambda names: then(names) if test(names) else otherwise(names)

    def _do_each(self, node: dict[str, Any]) -> Step:
        over, bind, do = self._value(node["over"]), _binder(node["names"]), self._block(node["do"])

        def each(names: Names) -> Any:
            for item in list(over(names)):
                bind(names, item)
                result = do(names)
                if result is BREAK:
                    break
                if isinstance(result, Returned):
                    return result
            return None

        return each

    def _do_break(self, node: dict[str, Any]) -> Step:
        return lambda names: BREAK

    def _do_continue(self, node: dict[str, Any]) -> Step:
        return lambda names: CONTINUE

    def _do_return(self, node: dict[str, Any]) -> Step:
        if node["value"] is None:
            return lambda names: Returned(None)
        value = self._value(node["value"])
        return lambda names: Returned(value(names))

    def _do_assert(self, node: dict[str, Any]) -> Step:
        condition, function = self._value(node["condition"]), self._function

        def check(names: Names) -> None:
            assert condition(names), function

        return check

    def _do_call(self, node: dict[str, Any]) -> Step:
        call = self._value(node)

        def do(names: Names) -> None:
            call(names)

        return do

    def _do_emit(self, node: dict[str, Any]) -> Step:
        effect = self._value(node["effect"])
        return lambda names: self._outside.emit(effect(names))

    def _do_raise(self, node: dict[str, Any]) -> Step:
        event = node["event"]
        return lambda names: self._outside.raise_event(event)

    def _do_tell(self, node: dict[str, Any]) -> Step:
        message, event = self._value(node["message"]), node["event"]
        return lambda names: self._outside.tell(names["speech"], message(names), event)

    def _do_tell_speech(self, node: dict[str, Any]) -> Step:
        speech_id, event = self._value(node["speech_id"]), self._value(node["event"])
        return lambda names: self._outside.tell_speech(speech_id(names), event(names))

    # Values

    def _value(self, node: dict[str, Any]) -> Step:
        make = getattr(self, f"_be_{node['op']}")
        value: Step = make(node)
        return value

    def _values(self, nodes: list[dict[str, Any]]) -> list[Step]:
        return [self._value(node) for node in nodes]

    def _be_value(self, node: dict[str, Any]) -> Step:
        value = node["value"]
        return lambda names: value

    def _be_infinity(self, node: dict[str, Any]) -> Step:
        return lambda names: math.inf

    def _be_constant(self, node: dict[str, Any]) -> Step:
        value = self._definition["constants"][node["name"]]
        return lambda names: value

    def _be_name(self, node: dict[str, Any]) -> Step:
        return operator.itemgetter(node["name"])

    def _be_get(self, node: dict[str, Any]) -> Step:
        of, field = self._value(node["of"]), node["field"]
        return lambda names: of(names)[field]

    def _be_entry(self, node: dict[str, Any]) -> Step:
        of, key = self._value(node["of"]), self._value(node["key"])
        return lambda names: of(names)[key(names)]

    def _be_entry_if_any(self, node: dict[str, Any]) -> Step:
        of, key = self._value(node["of"]), self._value(node["key"])
        return lambda names: of(names).get(key(names))

    def _be_has(self, node: dict[str, Any]) -> Step:
        of, key = self._value(node["of"]), self._value(node["key"])
        return lambda names: key(names) in of(names)

    def _be_contains(self, node: dict[str, Any]) -> Step:
        of, item = self._value(node["of"]), self._value(node["item"])
        return lambda names: item(names) in of(names)

    def _be_compare(self, node: dict[str, Any]) -> Step:
        compare, left, right = COMPARISONS[node["how"]], self._value(node["left"]), self._value(node["right"])
        return lambda names: compare(left(names), right(names))

    def _be_and(self, node: dict[str, Any]) -> Step:
        conditions = self._values(node["conditions"])
        return lambda names: all(condition(names) for condition in conditions)

    def _be_or(self, node: dict[str, Any]) -> Step:
        conditions = self._values(node["conditions"])
        return lambda names: any(condition(names) for condition in conditions)

    def _be_not(self, node: dict[str, Any]) -> Step:
        condition = self._value(node["condition"])
        return lambda names: not condition(names)

    def _be_choose(self, node: dict[str, Any]) -> Step:
        test, then, otherwise = self._value(node["test"]), self._value(node["then"]), self._value(node["otherwise"])
        return lambda names: then(names) if test(names) else otherwise(names)

    def _be_or_else(self, node: dict[str, Any]) -> Step:
        value, otherwise = self._value(node["value"]), self._value(node["otherwise"])
        return lambda names: value(names) or otherwise(names)

    def _be_add(self, node: dict[str, Any]) -> Step:
        work_out, left, right = ARITHMETIC[node["op"]], self._value(node["left"]), self._value(node["right"])
        return lambda names: work_out(left(names), right(names))

    _be_subtract = _be_multiply = _be_divide = _be_chain = _be_add

    def _be_least(self, node: dict[str, Any]) -> Step:
        values = self._values(node["of"])
        return lambda names: min(value(names) for value in values)

    def _be_whole(self, node: dict[str, Any]) -> Step:
        value = self._value(node["value"])
        return lambda names: int(value(names))

    def _be_size(self, node: dict[str, Any]) -> Step:
        of = self._value(node["of"])
        return lambda names: len(of(names))

    def _be_concat(self, node: dict[str, Any]) -> Step:
        texts = self._values(node["of"])
        return lambda names: "".join([text(names) for text in texts])

    def _be_words(self, node: dict[str, Any]) -> Step:
        of = self._value(node["of"])
        return lambda names: [word for word in of(names).translate(self._whitespace).split(" ") if word]

    def _be_join(self, node: dict[str, Any]) -> Step:
        of, by = self._value(node["of"]), self._value(node["by"])
        return lambda names: by(names).join(of(names))

    def _be_first(self, node: dict[str, Any]) -> Step:
        of, count = self._value(node["of"]), self._value(node["count"])
        return lambda names: of(names)[: count(names)]

    def _be_list(self, node: dict[str, Any]) -> Step:
        items = self._values(node["items"])
        return lambda names: [item(names) for item in items]

    def _be_keys(self, node: dict[str, Any]) -> Step:
        listed, of = LISTED[node["op"]], self._value(node["of"])
        return lambda names: listed(of(names))

    _be_values = _be_pairs = _be_keys

    def _be_collect(self, node: dict[str, Any]) -> Step:
        over, bind, value = self._value(node["over"]), _binder(node["names"]), self._value(node["value"])
        where = None if node["where"] is None else self._value(node["where"])

        def collect(names: Names) -> list[Any]:
            inner = dict(names)
            collected = []
            for item in over(names):
                bind(inner, item)
                if where is None or where(inner):
                    collected.append(value(inner))
            return collected

        return collect

    def _be_build(self, node: dict[str, Any]) -> Step:
        what, name = node["what"], node["name"]
        fields = {field: self._value(value) for field, value in node["fields"].items()}
        return lambda names: self.build(what, name, **{field: value(names) for field, value in fields.items()})

    def _be_changed(self, node: dict[str, Any]) -> Step:
        of, fields = self._value(node["of"]), {name: self._value(value) for name, value in node["fields"].items()}
        return lambda names: {**of(names), **{field: value(names) for field, value in fields.items()}}

    def _be_is_event(self, node: dict[str, Any]) -> Step:
        value, any_of = self._value(node["value"]), node["any_of"]

        def is_event(names: Names) -> bool:
            event = value(names)
            return event is not None and event["type"] in any_of

        return is_event

    def _be_call(self, node: dict[str, Any]) -> Step:
        function, arguments = self.function(node["function"]), self._values(node["arguments"])
        return lambda names: function(*[argument(names) for argument in arguments])


def default_of(field: dict[str, Any]) -> Any:
    """Return a field's default; a map of its own, because maps are changed."""
    return dict(field["default"]) if field["type"]["kind"] == "map" else field["default"]


def _binder(targets: list[str]) -> Callable[[Names, Any], None]:
    if len(targets) == 1:
        (name,) = targets
        return lambda names, item: names.__setitem__(name, item)
    return lambda names, item: names.update(zip(targets, item))  # noqa: B905
