"""Quick checks of an event's fields, as expressions for the compiled table: exact types, and no call but `type`.

What they let pass is valid. What they do not is asked about in full (`validity.is_valid`): it may be an instance of a
subclass, or a number of numpy's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import permutations
from typing import Annotated, Any, Literal, get_args, get_origin

from ..validity import hints_of
from ..values import LARGEST


def quick_check(event_type: type, but: str = "") -> str:
    """Return an expression that is false of an `event` whose fields are plainly valid; "" if it has none to check.

    Args:
        event_type: the type of the event.
        but: a field that is looked up anyway, and need not be checked if it is found.
    """
    checks = [
        check for name, hint in hints_of(event_type).items() if name != but for check in _checks(hint, f"event.{name}")
    ]
    return " or ".join(checks)


def _checks(hint: Any, value: str) -> Iterator[str]:
    arguments, origin = get_args(hint), get_origin(hint)
    if hint is bool:
        yield f"({value} is not False and {value} is not True)"
    elif origin is Literal:
        yield f"{value} not in {_set(arguments)}"
    elif origin is tuple:
        names = get_args(arguments[0])
        yield f"{value} not in {_set(each for length in range(len(names) + 1) for each in permutations(names, length))}"
    elif origin is Annotated:
        yield f"type({value}) is not int or not 0 <= {value} <= {LARGEST}"
    elif float in arguments:
        yield f"({value} is not None and type({value}) is not float and type({value}) is not int)"
    elif arguments:
        yield f"({value} is not None and ({' or '.join(_checks(arguments[0], value))}))"
    else:
        yield f"type({value}) is not {hint.__name__}"


def _set(values: Iterable[object]) -> str:
    """Return a set that Python makes once, in an order that is always the same."""
    return f"{{{', '.join(map(repr, values))}}}"
