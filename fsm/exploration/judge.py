"""Judges steps and configurations by the properties."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

# Importing them declares them.
from speech_lifecycle.fsm.exploration import (  # noqa: F401
    configuration_properties,
    effect_properties,
    world_properties,
)
from speech_lifecycle.fsm.exploration.bookkeeping import note_effect, note_end_of_step, note_event
from speech_lifecycle.fsm.exploration.ledger import Ledger
from speech_lifecycle.fsm.exploration.property import PROPERTIES, Complaint, StepTaken
from speech_lifecycle.fsm.exploration.world import World
from speech_lifecycle.fsm.state import Speech

Fault = tuple[str, str]
"""The name of a property and what is wrong."""


def names_for(mode: str) -> tuple[str, ...]:
    """Return the properties that are checked in a mode."""
    return tuple(name for name, each in PROPERTIES.items() if mode == "faithful" or not each.needs_world)


class Judge:
    """The properties to check, sorted by what they are about."""

    def __init__(self, names: Collection[str]) -> None:
        chosen = [PROPERTIES[name] for name in names]
        self._of_effects: dict[type[Any], list[tuple[str, Callable[..., Complaint]]]] = {}
        for each in chosen:
            for effect_type in each.effects:
                self._of_effects.setdefault(effect_type, []).append((each.name, each.check))
        self._of_configurations = [(each.name, each.check) for each in chosen if each.kind == "configuration"]
        self._of_worlds = [(each.name, each.check) for each in chosen if each.kind == "world"]

    def step(self, ledger: Ledger, step: StepTaken, has_world: bool) -> list[Fault]:
        """Write a handled step into the ledger, and return what is wrong with it."""
        faults: list[Fault] = []
        name = "messages_are_what_was_reported"
        try:
            note_event(ledger, step.event, step.speech)
            for effect in step.effects:
                for name, check in self._of_effects.get(type(effect), ()):
                    complaint = check(ledger, effect, step)
                    if complaint is not None:
                        faults.append((name, complaint))
                note_effect(ledger, effect)
            note_end_of_step(ledger, step.speech, has_world)
        except (LookupError, AttributeError, TypeError) as error:
            faults.append((name, f"cannot be judged: {error!r}"))
        return faults

    def configuration(self, ledger: Ledger, speech: Speech) -> list[Fault]:
        """Return what is wrong with a configuration of the machine."""
        return _faults(self._of_configurations, ledger, speech)

    def world(self, ledger: Ledger, world: World, speech: Speech) -> list[Fault]:
        """Return what is wrong with the world around a speech that is over."""
        return _faults(self._of_worlds, ledger, world, speech) if ledger.outcome else []


def _faults(checks: list[tuple[str, Callable[..., Complaint]]], *arguments: object) -> list[Fault]:
    faults: list[Fault] = []
    for name, check in checks:
        try:
            complaint = check(*arguments)
        except (LookupError, AttributeError, TypeError) as error:
            complaint = f"cannot be judged: {error!r}"
        if complaint is not None:
            faults.append((name, complaint))
    return faults
