"""What a property of conversations is: of each configuration, or of each handled step (spec, section 9)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from speech_lifecycle.fsm.events import Event
from speech_lifecycle.fsm.replies import Handled
from speech_lifecycle.fsm.state import Conversation
from speech_lifecycle.fsm.values import Value

from ..property import Complaint, Property

Check = TypeVar("Check", bound=Callable[..., Complaint])

DECLARED: dict[str, Property] = {}
"""Those of the modules that were imported."""


class StepTaken(Value, frozen=True):
    """One handled event, as a property sees it."""

    before: Conversation
    event: Any
    reply: Handled
    after: Conversation


def _of(kind: Any, section: str, events: tuple[type[Event], ...] = ()) -> Callable[[Check], Check]:
    def declare(check: Check) -> Check:
        DECLARED[check.__name__] = Property(check.__name__, section, kind, check, events)
        return check

    return declare


def of_configurations(section: str) -> Callable[[Check], Check]:
    """Declare a property of every configuration: `check(conversation)`."""
    return _of("configuration", section)


def of_steps(section: str, *events: type[Event]) -> Callable[[Check], Check]:
    """Declare a property of every handled step, or of those that some events cause: `check(step)`."""
    return _of("step", section, events)


def of_engines(section: str) -> Callable[[Check], Check]:
    """Declare a property that the explorer itself judges; its function only says it in words."""
    return _of("engine", section)
