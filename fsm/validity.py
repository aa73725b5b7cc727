"""Whether an event's fields are what they are declared to be (spec, section 5).

Python does not hold anybody to an annotation, so whoever makes an event may put anything into it. The machine rejects
that before it looks at the event any further. `is_valid` is the whole check. It takes longer than most events do, so
the compiled table asks for it only if its own quick checks fail (`compile.checking`).
"""

from __future__ import annotations

from functools import cache
from numbers import Real
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

from .events import EVERY_EVENT_TYPE
from .values import LARGEST


def is_valid(event: object) -> bool:
    """Whether a value is an event, each field of which is of its declared type and in its range.

    Instances of subclasses are as good. A position may be any real number, such as one of numpy's; whether it is
    evidence is not asked here (spec, section 7).
    """
    return isinstance(event, EVERY_EVENT_TYPE) and all(
        _is_a(hint, getattr(event, name)) for name, hint in hints_of(type(event)).items()
    )


@cache
def hints_of(event_type: type) -> dict[str, Any]:
    """Return the declared types of an event's fields, by name, with their ranges."""
    hints = get_type_hints(event_type, include_extras=True)
    return {name: hints[name] for name in event_type.__struct_fields__}  # type: ignore[attr-defined]


def _is_a(hint: Any, value: object) -> bool:
    arguments, origin = get_args(hint), get_origin(hint)
    if hint is str:
        return isinstance(value, str)
    if hint is float:
        return isinstance(value, Real) and not isinstance(value, bool)
    if hint is bool or hint is type(None):
        return type(value) is hint
    if origin is Literal:
        return isinstance(value, str) and value in arguments
    if origin is Annotated:
        return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= LARGEST
    if origin is tuple:
        return isinstance(value, tuple) and all(_is_a(arguments[0], each) for each in value)
    return any(_is_a(argument, value) for argument in arguments)
