"""Tables for the specification, of what the definition says beyond its charts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

from . import trees as t
from .model import DefinitionFile, FieldDefinition, FunctionNode
from .pseudocode import Pseudocode
from .statecharts import reached_by
from .types import (
    Enumerated,
    ListOf,
    MapOf,
    OfEvent,
    OfInternalEvent,
    OneOf,
    OptionalOf,
    Part,
    Plain,
    Structured,
    TupleOf,
    Type,
)

P = TypeVar("P", bound=Part)
_PLAIN = {"text": "text", "whole": "integer", "number": "number", "flag": "true / false", "nothing": "nothing"}
_SNAPSHOTS = ("Conversation", "Speech", "Message")
_OPTIONS = ("Capabilities", "Policy", "ConversationPolicy", "MessageRecord")


def spec_tables(definition: DefinitionFile) -> dict[str, str]:
    """Return every generated text of the specification by its name, but for those of the charts."""
    words = Pseudocode(definition.functions)
    texts = {"spec.version": f"This is version {definition.spec_version} of the specification."}
    for name, chart in definition.charts.items():
        for role, functions in (("guard", chart.guards), ("action", chart.actions)):
            texts[f"{name}.{role}_functions"] = _table(
                (role, "meaning", "is" if role == "guard" else "does"),
                (
                    (_code(own), _first_line(definition.functions[function]), _lines(words, definition, function))
                    for own, function in sorted(functions.items())
                ),
            )
    texts["helpers"] = _table(
        ("function", "meaning", "is, or does"),
        (
            (
                _code(f"{words.names[name]}({', '.join(each for each, _ in function.parameters)})"),
                _first_line(function),
                _lines(words, definition, name),
            )
            for name, function in definition.functions.items()
            if function.role == "helper"
        ),
    )
    texts["reaches"] = _table(("action", "emits", "raises", "tells"), _reaches(definition))
    texts["timers"] = _table(("timer", "started by", "delay"), _timers(words, definition))
    texts["routes"] = _table(("event", "its speech is", "without one"), _routes(definition))
    texts["notices"] = _table(
        ("internal event", "when a speech has handled an event, and"),
        ((_code(name), _lines(words, definition, function)) for name, function in definition.notices.items()),
    )
    texts["constants"] = _table(("name", "is"), _constants(definition))
    texts["snapshot"] = _structs(definition, _SNAPSHOTS)
    texts["options"] = _structs(definition, _OPTIONS)
    return texts


def _lines(words: Pseudocode, definition: DefinitionFile, function: str) -> str:
    return "<br>".join(map(_code, words.lines(definition.functions[function])))


def _first_line(function: FunctionNode) -> str:
    return function.doc.splitlines()[0] if function.doc else ""


_WAYS = {
    "message_id": "that of the message",
    "response_id": "that of the response",
    "speech_id": 'the one that `speech_id` names, unless that is `""`',
}


def _routes(definition: DefinitionFile) -> Iterator[tuple[str, str, str]]:
    """Yield by what each event finds its speech in a conversation, and what becomes of it if it finds none."""
    for name, event in definition.events.items():
        ways = ", or else ".join(_WAYS[way] for way in event.route)
        reason = "" if event.conversation else f"rejected, {_code(definition.unknown[event.route[-1]])}"
        yield _code(name), ways, reason or "the conversation's chart answers"


def _constants(definition: DefinitionFile) -> Iterator[tuple[str, str]]:
    """Yield the constants that pseudo code names, and the characters between words."""
    for name, value in definition.constants.items():
        several = value if isinstance(value, list | tuple) else [value]
        yield _code(name), ", ".join(_code(json.dumps(each)) for each in several)
    yield "white space, for `words`", " ".join(f"U+{ord(each):04X}" for each in definition.whitespace)


def _reaches(definition: DefinitionFile) -> Iterator[tuple[str, ...]]:
    """Yield what each action gives to others, by itself or by what it calls."""
    for name, chart in definition.charts.items():
        for action, function in sorted(chart.actions.items()):
            raised, told = reached_by(function, definition)
            emitted = _emitted_by(function, definition)
            if raised or told or emitted:
                yield _code(f"{name}: {action}"), *(", ".join(map(_code, sorted(e))) for e in (emitted, raised, told))


def _emitted_by(function: str, definition: DefinitionFile) -> set[str]:
    emitted: set[str] = set()
    waiting, seen = [function], {function}
    while waiting:
        node = definition.functions[waiting.pop()]
        emitted.update(node.emits)
        waiting += [each for each in node.calls if each not in seen]
        seen.update(node.calls)
    return emitted


def _timers(words: Pseudocode, definition: DefinitionFile) -> Iterator[tuple[str, ...]]:
    """Yield each timer that an action starts, with its delay: it gives the effect for that, or calls what does."""
    starting = {
        name: [parameter for parameter, _ in function.parameters]
        for name, function in definition.functions.items()
        if "start_timer" in function.emits
    }
    found = []
    for name, function in definition.functions.items():
        starts = [each.fields for each in _within(function.body, t.Build) if each.name == "start_timer"]
        starts += [
            dict(zip(starting[call.function], call.arguments, strict=True))
            for call in _within(function.body, t.Call)
            if call.function in starting
        ]
        for given in starts:
            timer = given["timer"]
            if isinstance(timer, t.Value):
                found.append((str(timer.value), words.names[name], words.value(given["delay_ms"])))
    yield from (tuple(map(_code, each)) for each in sorted(found))


def _within(node: Part | Iterable[Any], kind: type[P]) -> Iterator[P]:
    """Yield the parts of a kind, from outside inwards."""
    if isinstance(node, kind):
        yield node
    parts = node if not isinstance(node, Part) else [getattr(node, name) for name in type(node).model_fields]
    for part in parts:
        if isinstance(part, Part | tuple):
            yield from _within(part, kind)


# Fields


def _structs(definition: DefinitionFile, names: Iterable[str]) -> str:
    return "\n\n".join(
        f"**{name}**: {definition.structs[name].doc.splitlines()[0]}\n\n"
        + _table(
            ("field", "type", "at first", "meaning"),
            (
                (_code(field.name), _worded(definition, field), _at_first(field), field.doc.replace("\n", " "))
                for field in definition.structs[name].fields
            ),
        )
        for name in names
    )


def _at_first(field: FieldDefinition) -> str:
    if field.required:
        return ""
    if isinstance(field.type, Structured):
        return "that of its fields"
    return _code(json.dumps(field.default))


def _worded(definition: DefinitionFile, field: FieldDefinition) -> str:
    top = "2^53 - 1" if field.maximum == 2**53 - 1 else f"{field.maximum}"
    bounds = "" if field.maximum is None else f", {field.minimum} to {top}"
    return f"{_type(definition, field.type)}{bounds}"


def _type(definition: DefinitionFile, kind: Type) -> str:
    match kind:
        case Plain(kind=word):
            return _PLAIN[word]
        case Enumerated(name=name):
            return " / ".join(map(_code, definition.enums[name]))
        case Structured(name=name):
            return name
        case OfEvent(any_of=names) | OfInternalEvent(any_of=names):
            return " / ".join(map(_code, names)) or "event"
        case ListOf(of=of):
            return f"list of {_type(definition, of)}"
        case MapOf(of=Plain(kind="nothing")):
            return "set of text, in order"
        case MapOf(of=of):
            return f"{_type(definition, of)} by text, in order"
        case OptionalOf(of=of):
            return f"{_type(definition, of)}, or none"
        case TupleOf(of=several) | OneOf(of=several):
            return " / ".join(_type(definition, each) for each in several)


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


def _table(head: Iterable[str], body: Iterable[Iterable[str]]) -> str:
    lines = [list(head), *([cell.replace("|", "\\|").replace("\n", " ") for cell in row] for row in body)]
    lines.insert(1, ["---"] * len(lines[0]))
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
