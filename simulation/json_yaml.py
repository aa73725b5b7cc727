"""The part of YAML that says what JSON can say: no aliases, no dates, no binary, and no endless nesting.

A recording holds what went over a socket as JSON. Whatever else YAML can do is a mistake in it, or an attack: a few
lines of aliases make gigabytes (the "billion laughs"), and a few thousand brackets end Python's stack.
"""

from __future__ import annotations

import reprlib
from typing import Any

import yaml
from yaml.composer import ComposerError
from yaml.constructor import ConstructorError
from yaml.scanner import ScannerError

_DEEPEST = 100
"""Levels of nesting. A real event has fewer than ten."""

_TAGS = {f"tag:yaml.org,2002:{name}" for name in ("null", "bool", "int", "float", "str", "seq", "map")}


class _JsonLoader(yaml.SafeLoader):
    """A safe loader with JSON's types only."""

    yaml_implicit_resolvers = {  # noqa: RUF012
        first: [(tag, pattern) for tag, pattern in resolvers if tag in _TAGS]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    yaml_constructors = {  # noqa: RUF012
        tag: constructor
        for tag, constructor in yaml.SafeLoader.yaml_constructors.items()
        if tag in _TAGS or tag is None  # None answers for all other tags: with an error
    }

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
        if self.check_event(yaml.AliasEvent):
            raise ComposerError(None, None, "aliases are not read; write it out", mark)
        if self._depth >= _DEEPEST:
            raise ComposerError(None, None, f"nested deeper than {_DEEPEST} levels", mark)
        self._depth += 1
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node

    def fetch_flow_collection_start(self, token_class: Any) -> None:
        # The scanner reads far ahead of the composer, and takes time by the square of the brackets that are open.
        if self.flow_level >= _DEEPEST:
            mark = self.get_mark()
            raise ScannerError(None, None, f"nested deeper than {_DEEPEST} levels", mark)
        super().fetch_flow_collection_start(token_class)

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except (ValueError, LookupError, OverflowError) as error:
            raise ConstructorError(
                None, None, f"{reprlib.repr(node.value)} is no {node.tag.rpartition(':')[2]}: {error}", node.start_mark
            ) from None


def load_json_yaml(text: str) -> Any:
    """Return the data in a YAML text.

    Raises:
        yaml.YAMLError: it is not YAML, or says what JSON cannot; a MarkedYAMLError if the place is known.
    """
    loader = _JsonLoader(text)
    try:
        return loader.get_single_data()
    finally:
        loader.dispose()
