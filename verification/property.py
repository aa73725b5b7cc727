"""What a property is, which there are, and how steps and configurations are judged by them.

`configuration_properties`, `effect_properties` and `world_properties` declare them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from speech_lifecycle.fsm.effects import EFFECT_TYPES, Effect
from speech_lifecycle.fsm.events import Event
from speech_lifecycle.fsm.state import Speech
from speech_lifecycle.fsm.values import Value

from .bookkeeping import note_effect, note_end_of_step, note_event
from .ledger import Ledger
from .world import World

Complaint = str | None
"""What is wrong; None if nothing is."""
Check = TypeVar("Check", bound=Callable[..., Complaint])


class StepTaken(Value, frozen=True):
    """One handled event, as a property sees it."""

    event: Event
    effects: tuple[Effect, ...]
    speech: Speech
    """The snapshot after it."""


@dataclass(frozen=True)
class Property:
    """Something that must always hold, by name."""

    name: str
    section: str
    """Where the specification demands it."""
    kind: Literal["effect", "step", "configuration", "world", "engine"]
    check: Callable[..., Complaint]
    about: tuple[type[Any], ...] = ()
    """The effects, or the events of the steps, that are judged; none if it is about all of them."""
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


class Judge:
    """The properties to check, sorted by what they are about."""

    def __init__(self, names: Collection[str]) -> None:
        chosen = [PROPERTIES[name] for name in names]
        self._of_effects = {
            effect_type: [(each.name, each.check) for each in chosen if effect_type in each.about]
            for effect_type in EFFECT_TYPES
        }
        self._of_configurations = [(each.name, each.check) for each in chosen if each.kind == "configuration"]
        self._of_worlds = [(each.name, each.check) for each in chosen if each.kind == "world"]

    def step(self, ledger: Ledger, step: StepTaken, has_world: bool) -> list[tuple[str, str]]:
        """Write a handled step into the ledger, and return the properties that fail, each with the complaint."""
        violations = []
        name = "messages_are_what_was_reported"
        try:
            note_event(ledger, step.event, step.speech)
            for effect in step.effects:
                for name, check in self._of_effects[type(effect)]:
                    complaint = check(ledger, effect, step)
                    if complaint is not None:
                        violations.append((name, complaint))
                note_effect(ledger, effect)
            note_end_of_step(ledger, step.speech, has_world)
        except (LookupError, AttributeError, TypeError) as error:
            violations.append((name, f"cannot be judged: {error!r}"))
        return violations

    def configuration(self, ledger: Ledger, speech: Speech) -> Iterator[tuple[str, str]]:
        """Yield the properties that fail in a configuration of the machine, each with the complaint."""
        return violations(self._of_configurations, ledger, speech)

    def world(self, ledger: Ledger, world: World, speech: Speech) -> Iterator[tuple[str, str]]:
        """Yield the properties that fail in the world around a speech, if that is over, each with the complaint."""
        return violations(self._of_worlds if ledger.outcome else [], ledger, world, speech)


def violations(checks: list[tuple[str, Callable[..., Complaint]]], *arguments: object) -> Iterator[tuple[str, str]]:
    """Yield the checks that fail, by name, each with the complaint."""
    for name, check in checks:
        try:
            complaint = check(*arguments)
        except (LookupError, AttributeError, TypeError) as error:
            complaint = f"cannot be judged: {error!r}"
        if complaint is not None:
            yield name, complaint
