"""Values of the families, for hypothesis: every field is of its declared type and in its range."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, get_args, get_origin

from hypothesis import strategies as st

from speech_lifecycle.fsm.validity import hints_of
from speech_lifecycle.fsm.values import LARGEST, MessageRecord


def any_of(types: Iterable[type]) -> st.SearchStrategy[Any]:
    """Return values of all these types."""
    return st.one_of(*(_of(each) for each in types))


def _of(hint: Any) -> st.SearchStrategy[Any]:
    arguments, origin = get_args(hint), get_origin(hint)
    if hasattr(hint, "__struct_fields__"):
        return st.builds(hint, **{name: _of(each) for name, each in hints_of(hint).items()})
    if origin is Annotated:
        return st.integers(0, LARGEST)
    if origin is tuple and arguments[0] is MessageRecord:
        return st.lists(_of(MessageRecord), max_size=2).map(tuple)
    if arguments and get_origin(arguments[0]) is Annotated:
        return st.none() | _of(arguments[0])
    return st.from_type(hint)
