"""Compiles a Definition that differs little from the package's own, such as a mutant, by writing only what differs.

The package's own Definition is written once per process. The result is what `compile_definition` returns, in a fraction
of the time.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from functools import cache
from importlib import import_module
from itertools import zip_longest
from types import FunctionType, ModuleType
from typing import TypeVar

from .compiler import (
    ChartWriter,
    RegionWriter,
    compile_definition,
    lines_of_eventless,
    lines_of_notices,
    tables_of,
    text_of,
    untaken,
)
from .definition import EVENTLESS, ChartDefinition, Definition, definition
from .functions import FunctionDefinition, functions_of, id_of
from .inlining import Inliner

W = TypeVar("W", bound=ChartWriter)


def compile_variant(variant: Definition) -> ModuleType:
    """Return a module with the functions of a Definition, as `compile_definition` does."""
    original = _original()
    if not _differs_little(variant, original.definition):
        return compile_definition(variant)
    return _Variant(variant, original).module()


def _differs_little(variant: Definition, original: Definition) -> bool:
    """Whether nothing differs but transitions, and the trees of functions."""
    return all(
        replace(chart, transitions=own.transitions) == own
        for chart, own in zip(variant.every_chart, original.every_chart, strict=True)
    )


class _Original:
    """The package's own Definition, with all that is written for it."""

    def __init__(self) -> None:
        self.definition = definition()
        self.functions = self.definition.functions
        self.inliner = Inliner({})
        self.replies: dict[str, str] = {}
        parts = self.functions, self.inliner, self.replies
        self.charts = {chart.name: ChartWriter(chart, *parts) for chart in self.definition.charts}
        self.regions = {region.region: RegionWriter(region, *parts) for region in self.definition.conversation.regions}
        self.texts = {
            name: text
            for writer in (*self.charts.values(), *self.regions.values())
            for name, text in _functions_in(writer).items()
        }
        self.texts["conversation_eventless"] = "\n".join(lines_of_eventless(self.regions.values()))
        self.texts["conversation_notices"] = "\n".join(lines_of_notices(self.inliner))
        self.texts |= {name: "\n".join(text_of(tree)) for name, tree in self.inliner.written.items()}
        self.module = compile_definition(self.definition)

    def callers_of(self, changed: Iterable[str]) -> set[str]:
        """Return the ids of functions, and of all that call them."""
        found = set(changed)
        while True:
            callers = {each.id for each in self.functions.values() if not found.isdisjoint(each.calls)}
            if callers <= found:
                return found
            found |= callers


@cache
def _original() -> _Original:
    return _Original()


def _functions_in(writer: ChartWriter, events: Collection[str] | None = None) -> dict[str, str]:
    """Return the texts of a writer's functions, by name."""
    texts: dict[str, list[str]] = {}
    name = ""
    for line in writer.functions(events):
        if line.startswith("def "):
            name = line[len("def ") : line.index("(")]
        texts.setdefault(name, []).append(line)
    return {name: "\n".join(lines).strip() for name, lines in texts.items() if name}


class _Variant:
    """A Definition that differs little, being compiled."""

    def __init__(self, variant: Definition, original: _Original) -> None:
        self._definition = variant
        self._original = original
        self._replies = dict(original.replies)
        self._functions: Mapping[str, FunctionDefinition] = original.functions
        self._inliner = original.inliner
        self._changed: set[str] = set()
        """The ids of functions that do something else, by themselves or by what they call."""
        if variant.instead:
            changed = [original.functions[name].function for name in variant.instead]
            self._functions = {**original.functions, **functions_of(changed, variant.instead)}
            self._changed = original.callers_of(variant.instead)
            self._inliner = original.inliner.going_on_with(
                variant.instead, without={name.replace(".", "_") for name in self._changed}
            )

    def module(self) -> ModuleType:
        """Return the module."""
        original = vars(self._original.module)
        module = ModuleType(self._original.module.__name__)
        names = vars(module)
        names |= original
        # Functions find each other in their module: this has its own of each.
        names |= {
            name: FunctionType(value.__code__, names, name, value.__defaults__)
            for name, value in original.items()
            if isinstance(value, FunctionType) and value.__globals__ is original
        }
        texts = self._texts()
        names |= {
            name: getattr(import_module(source), name)
            for name, source in self._inliner.imports.items()
            if name not in original
        }
        replies = [f"{name} = {text}" for text, name in self._replies.items() if text not in self._original.replies]
        exec(compile("\n".join([*replies, *texts]), "<variant>", "exec"), names)
        for table, functions in tables_of(self._definition).items():
            names[table] = {event: names[function] for event, function in functions.items()}
        names["EVENTLESS"] = names["conversation_eventless"]
        names["NOTICES"] = names["conversation_notices"]
        names["DIGEST"] = f"a variant of {self._original.module.DIGEST}"
        return module

    def _texts(self) -> list[str]:
        """Return the texts of the functions that are not the original's."""
        original = self._original
        texts: dict[str, str] = {}
        for chart, own in zip(self._definition.charts, original.definition.charts, strict=True):
            if self._is_changed(chart, own):
                writer = self._writer(original.charts[chart.name], chart)
                texts |= _functions_in(writer, self._events_changed_in(chart, own))
        conversation = self._definition.conversation
        if self._is_changed(conversation, original.definition.conversation):
            events = self._events_changed_in(conversation, original.definition.conversation)
            regions = [self._writer(original.regions[region.region], region) for region in conversation.regions]
            for region in regions:
                texts |= _functions_in(region, events)
            texts["conversation_eventless"] = "\n".join(lines_of_eventless(regions))
            texts |= {name: "\n".join(lines) for name, lines in untaken(conversation).items()}
        if self._changed:
            texts["conversation_notices"] = "\n".join(lines_of_notices(self._inliner))
        texts |= {
            name: "\n".join(text_of(tree))
            for name, tree in self._inliner.written.items()
            if tree is not original.inliner.written.get(name)
        }
        return [text for name, text in texts.items() if text != original.texts.get(name)]

    def _is_changed(self, chart: ChartDefinition, own: ChartDefinition) -> bool:
        return bool(self._names_in(chart)) or chart.transitions != own.transitions

    def _events_changed_in(self, chart: ChartDefinition, own: ChartDefinition) -> set[str] | None:
        """Return the events whose functions may be others; None for all. Every function asks what is eventless."""
        names = self._names_in(chart)
        pairs = zip_longest(chart.transitions, own.transitions)
        events = {each.event for pair in pairs if pair[0] != pair[1] for each in pair if each is not None}
        if len(chart.transitions) != len(own.transitions):
            events = {each.event for each in {*chart.transitions} ^ {*own.transitions}}
        events |= {each.event for each in chart.transitions if not names.isdisjoint((*each.guards, *each.actions))}
        return None if EVENTLESS in events else events

    def _names_in(self, chart: ChartDefinition) -> set[str]:
        """Return the names of the guards and actions of a chart that do something else."""
        own = {**chart.guards, **chart.actions}
        return {name for name, function in own.items() if id_of(function) in self._changed}

    def _writer(self, writer: W, chart: ChartDefinition) -> W:
        return writer.for_another(chart, self._functions, self._inliner, self._replies, self._names_in(chart))
