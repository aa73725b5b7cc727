"""What the vectors of a tier have to reach: every transition, or every guard of every condition in both ways."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from speech_lifecycle.fsm.compile.definition import ChartDefinition, Definition, definition
from speech_lifecycle.fsm.conversation.machine import ConversationMachine, conversation_machine_for
from speech_lifecycle.fsm.events import Event
from speech_lifecycle.fsm.machine import SpeechMachine, machine_for
from speech_lifecycle.fsm.values import Capabilities, ConversationPolicy, Policy

from ..search import MachineType
from ..vectors import cited_by


@dataclass(frozen=True)
class Told:
    """What a machine is told, from its beginning."""

    capabilities: Capabilities
    policy: Policy | ConversationPolicy
    events: tuple[Event, ...]

    @property
    def is_conversation(self) -> bool:
        """Whether it takes a conversation's machine."""
        return isinstance(self.policy, ConversationPolicy)


class Transitions:
    """Every transition and every answer: what a reply cites."""

    def __init__(self) -> None:
        self.all = frozenset(each.id for chart in definition().every_chart for each in chart.transitions)

    def reached(self, told: Told) -> list[frozenset[str]]:
        """Return what each event reaches."""
        machine: Any = (ConversationMachine if told.is_conversation else SpeechMachine)(told.capabilities, told.policy)  # type: ignore[arg-type]
        return [frozenset(cited_by(machine.send(event))) & self.all for event in told.events]


class Guards:
    """Every guard of every condition, found to hold and found not to hold: `transition: guard holds`.

    The machines run a Definition in which each guard of each transition has a name of its own, and says when it is
    asked.
    """

    def __init__(self) -> None:
        self.all = frozenset(
            goal
            for chart in definition().every_chart
            for each in chart.transitions
            for name in each.guards
            for goal in (f"{each.id}: {name} holds", f"{each.id}: {name} fails")
        )
        self._asked: set[str] = set()
        listening = self._listening()
        self._machines: tuple[MachineType, MachineType] = machine_for(listening), conversation_machine_for(listening)

    def reached(self, told: Told) -> list[frozenset[str]]:
        """Return what each event reaches."""
        machine: Any = self._machines[told.is_conversation](told.capabilities, told.policy)  # type: ignore[arg-type]
        return list(self._listen(machine, told.events))

    def _listen(self, machine: Any, events: tuple[Event, ...]) -> Iterator[frozenset[str]]:
        for event in events:
            self._asked.clear()
            machine.send(event)
            yield frozenset(self._asked)

    def _listening(self) -> Definition:
        return replace(definition(), **{chart.name: self._of(chart) for chart in definition().every_chart})  # type: ignore[arg-type]

    def _of(self, chart: ChartDefinition) -> ChartDefinition:
        guards = dict(chart.guards)
        transitions = []
        for number, each in enumerate(chart.transitions):
            cond = each.cond
            for name in set(each.guards):
                own = f"{name}_of_{chart.name}_{number}"
                guards[own] = self._asks(f"{each.id}: {name}", chart.guards[name])
                cond = re.sub(rf"\b{name}\b", own, cond)
            transitions.append(replace(each, cond=cond))
        return replace(chart, transitions=tuple(transitions), guards=guards)

    def _asks(self, goal: str, usual: Callable[..., bool]) -> Callable[..., bool]:
        def ask(*arguments: Any) -> bool:
            holds = bool(usual(*arguments))
            self._asked.add(f"{goal} {'holds' if holds else 'fails'}")
            return holds

        return ask


Goals = Transitions | Guards
