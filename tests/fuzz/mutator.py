"""Changes JSON lines in ways that leave them JSON: most of what random bytes do to them never gets past the parser."""

from __future__ import annotations

import copy
import json
import random
from typing import Any

WORST: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2**31, 2**63, -(2**63) - 1, 10**400, -0.0, 0.5, -5.0, 5e-324, 1e308, float("nan"),
    float("inf"), float("-inf"), "nan", "inf", "", "\ud800", "\U0001f600", "\u2028", "\x00", "root", "x" * 300, [], {},
    [[[[]]]], {"": {}}, ["audio", "text"],
)  # fmt: skip


def mutate(data: bytes, random_source: random.Random) -> bytes | None:
    """Return changed lines; None if these are not JSON lines, or are nested too deep to be changed as such."""
    try:
        return _mutated(data, random_source)
    except (ValueError, RecursionError):
        return None


def _mutated(data: bytes, random_source: random.Random) -> bytes | None:
    values = [json.loads(line) for line in data.decode().splitlines() if line.strip()]
    if not values:
        return None
    for _ in range(random_source.choice((1, 1, 1, 2, 3))):
        random_source.choice((_change_value, _change_value, _change_value, _change_lines))(values, random_source)
    return "\n".join(json.dumps(value) for value in values).encode()


def _change_lines(values: list[Any], random_source: random.Random) -> None:
    index = random_source.randrange(len(values))
    kind = random_source.choice(("repeat", "drop", "move", "cut"))
    if kind == "repeat":
        values.insert(random_source.randrange(len(values) + 1), copy.deepcopy(values[index]))
    elif kind == "drop" and len(values) > 1:
        del values[index]
    elif kind == "move":
        values.insert(random_source.randrange(len(values)), values.pop(index))
    elif kind == "cut":
        del values[index + 1 :]


def _change_value(values: list[Any], random_source: random.Random) -> None:
    """Change one value anywhere: to one of the worst, to another one of this input, or to none at all."""
    places = list(_places(values))
    container, key = random_source.choice(places)
    kind = random_source.choice(("worst", "other", "near", "drop"))
    if kind == "worst":
        container[key] = copy.deepcopy(random_source.choice(WORST))
    elif kind == "other":
        other, other_key = random_source.choice(places)
        container[key] = copy.deepcopy(other[other_key])
    elif kind == "near" and isinstance(container[key], int | float) and abs(container[key]) < 2**70:
        container[key] += random_source.choice((-1, 1, 0.5, 1000))
    elif kind == "drop" and container is not values:
        del container[key]


def _places(value: Any) -> Any:
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in list(items):
        yield value, key
        if isinstance(item, dict | list):
            yield from _places(item)
