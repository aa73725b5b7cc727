"""What a property is, and which there are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypeVar

from speech_lifecycle.fsm.effects import Effect
from speech_lifecycle.fsm.events import Event
from speech_lifecycle.fsm.state import Speech

Complaint = str | None
"""What is wrong; None if nothing is."""
Check = TypeVar("Check", bound=Callable[..., Complaint])


class StepTaken(NamedTuple):
    """One handled event, as a property sees it."""

    before: str
    """The speech's state before it."""
    event: Event
    effects: tuple[Effect, ...]
    speech: Speech
    """The snapshot after it."""


@dataclass(frozen=True)
class Property:
    """Something that must always hold, by name."""

    name: str
    section: str
    """Where domain.md demands it."""
    kind: Literal["effect", "configuration", "world", "engine"]
    check: Callable[..., Complaint]
    effects: tuple[type[Any], ...] = ()
    """The effects that are judged; none for a property of whole configurations."""
    needs_world: bool = False
    """It is about what really happened, and can be checked in a faithful exploration only."""

    @property
    def meaning(self) -> str:
        """What must hold, in words."""
        return " ".join((self.check.__doc__ or "").split())


PROPERTIES: dict[str, Property] = {}
"""All of them, in the order of their declaration."""


def of_effects(section: str, *effects: type[Any]) -> Callable[[Check], Check]:
    """Declare a property of some effects: `check(ledger, effect, step)`, the ledger as it was before the effect."""
    return _declare(section, "effect", effects)


def of_configurations(section: str) -> Callable[[Check], Check]:
    """Declare a property of every configuration: `check(ledger, speech)`."""
    return _declare(section, "configuration")


def of_worlds(section: str) -> Callable[[Check], Check]:
    """Declare a property of a finished speech in a faithful world: `check(ledger, world, speech)`."""
    return _declare(section, "world", needs_world=True)


def of_engines(section: str, *, needs_world: bool = False) -> Callable[[Check], Check]:
    """Declare a property that the explorer itself judges; its function only says it in words."""
    return _declare(section, "engine", needs_world=needs_world)


def _declare(
    section: str,
    kind: Literal["effect", "configuration", "world", "engine"],
    effects: tuple[type[Any], ...] = (),
    *,
    needs_world: bool = False,
) -> Callable[[Check], Check]:
    def declare(check: Check) -> Check:
        name = check.__name__
        PROPERTIES[name] = Property(name, section, kind, check, effects, needs_world)
        return check

    return declare
