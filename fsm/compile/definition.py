"""The Definition: the three charts as immutable tables, which `reader` reads once from python-statemachine.

Everything else is derived from it: the running machine, the pictures, the exports, the vectors. Transition ids name the
chart, the state that declares the transition, the event and, where a state has several for one event, which of them
it is: `message.draining.output_playback_finished#heard_whole` (see `naming`). An ignored or rejected one has its reason
there. Eventless transitions are tried whenever their state has been entered or has answered an event.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from typing import Any, Literal

from ..conversation.internal_events import NOTICES
from ..errors import SpeechLifecycleError
from ..notebook import mimebundle
from .digest import of_behaviour, of_transitions
from .functions import FunctionDefinition, functions_of

SPEC_VERSION = "0.1.0"
"""The version of docs/spec.md, by semantic versioning: it changes with what machines and ports do."""
EVENTLESS = "eventless"
"""The event name of transitions that need no event."""

ChartName = Literal["conversation", "message", "speech"]
TransitionKind = Literal["handled", "ignored", "rejected"]


class DefinitionError(SpeechLifecycleError):
    """A chart breaks a house rule. The message names the transition and the remedy."""


@dataclass(frozen=True, slots=True)
class StateNode:
    """One state of a chart."""

    id: str
    parent: str | None
    is_initial: bool
    is_final: bool
    is_compound: bool
    is_parallel: bool = False
    """Its children are regions side by side: it is in one state of each."""


@dataclass(frozen=True, slots=True)
class Transition:
    """One transition of a chart's table: in this state, on this event, if this holds, go there and do that."""

    id: str
    source: str
    event: str
    cond: str
    """A boolean expression over guard names; "" is always true."""
    target: str | None
    """The state entered; None stays where it is."""
    actions: tuple[str, ...] = ()
    kind: TransitionKind = "handled"
    reason: str = ""
    """Why it is ignored or rejected."""

    @property
    def name(self) -> str:
        """What tells it from the others of its state and event; "" for the one that has no name."""
        return self.id.partition("#")[2]

    @property
    def guards(self) -> tuple[str, ...]:
        """The names of the guards in the condition."""
        return guard_names(self.cond)


@dataclass(frozen=True)
class ChartDefinition:
    """One chart as a table."""

    name: ChartName
    states: tuple[StateNode, ...]
    """In document order, parents before their children."""
    transitions: tuple[Transition, ...]
    """In the order of the declaration, which is the order in which they are tried."""
    events: tuple[str, ...]
    """The events that come from outside."""
    internal_events: tuple[str, ...]
    """The events that the other chart raises or tells."""
    guards: Mapping[str, Callable[..., bool]] = field(repr=False)
    actions: Mapping[str, Callable[..., None]] = field(repr=False)
    region: str = ""
    """The region of the chart that this is; "" for a whole chart."""

    @cached_property
    def regions(self) -> tuple[ChartDefinition, ...]:
        """The regions of a chart that has several side by side, each as a chart; else the chart itself."""
        root = next(node for node in self.states if node.parent is None)
        if not root.is_parallel:
            return (self,)
        return tuple(self._region(node.id) for node in self.states if node.parent == root.id)

    def _region(self, region: str) -> ChartDefinition:
        inside = {node.id for node in self.states if region in self.ancestry(node.id)} - {region}
        transitions = tuple(transition for transition in self.transitions if transition.source in inside)
        taken = {transition.event for transition in transitions}
        return replace(
            self,
            states=tuple(
                replace(node, parent=None) if node.parent == region else node
                for node in self.states
                if node.id in inside
            ),
            transitions=transitions,
            events=tuple(event for event in self.events if event in taken),
            internal_events=tuple(event for event in self.internal_events if event in taken),
            region=region,
        )

    @cached_property
    def state(self) -> dict[str, StateNode]:
        """The states by id."""
        return {node.id: node for node in self.states}

    @cached_property
    def leaves(self) -> tuple[StateNode, ...]:
        """The states a chart can rest in."""
        return tuple(node for node in self.states if not node.is_compound)

    @cached_property
    def initial(self) -> str:
        """The state a chart starts in."""
        return self.enter(next(node.id for node in self.states if node.is_initial and node.parent is None))

    def enter(self, state_id: str) -> str:
        """Return the state that entering `state_id` leads to: a compound is entered at its initial child."""
        while self.state[state_id].is_compound:
            state_id = next(n.id for n in self.states if n.parent == state_id and n.is_initial)
        return state_id

    def ancestry(self, state_id: str) -> Iterator[str]:
        """Yield the state and the compounds around it, from the inside out."""
        current: str | None = state_id
        while current is not None:
            yield current
            current = self.state[current].parent

    def cell(self, state_id: str, event: str) -> tuple[Transition, ...]:
        """Return the transitions tried for an event in a state, in order: its own, its parents', then the answers."""
        inherited = [
            transition for level in self.ancestry(state_id) for transition in self._by_cell.get((level, event), ())
        ]
        return tuple(
            [transition for transition in inherited if transition.kind == "handled"]
            + [transition for transition in inherited if transition.kind != "handled"]
        )

    @cached_property
    def _by_cell(self) -> dict[tuple[str, str], list[Transition]]:
        cells: dict[tuple[str, str], list[Transition]] = {}
        for transition in self.transitions:
            cells.setdefault((transition.source, transition.event), []).append(transition)
        return cells

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        """Return what Jupyter shows: the chart at a glance."""
        return mimebundle(
            self, f"the {self.name} chart: {len(self.states)} states, {len(self.transitions)} transitions"
        )

    def target_state(self, transition: Transition, state_id: str) -> str:
        """Return the state that a transition taken in `state_id` leads to."""
        return state_id if transition.target is None else self.enter(transition.target)


@dataclass(frozen=True)
class Definition:
    """All charts."""

    message: ChartDefinition
    speech: ChartDefinition
    conversation: ChartDefinition
    instead: Mapping[str, ast.FunctionDef] = field(default_factory=dict, repr=False)
    """Other functions than those that stand in the modules, by id. Only a mutant has some."""

    @cached_property
    def functions(self) -> dict[str, FunctionDefinition]:
        """The guards, the actions, when the conversation is told of a speech, and all that they call, by id."""
        own = [each for chart in self.every_chart for each in (*chart.guards.values(), *chart.actions.values())]
        return functions_of([*own, *NOTICES.values()], self.instead)

    @property
    def charts(self) -> tuple[ChartDefinition, ChartDefinition]:
        """The charts of one speech: its own and that of its messages, in the order in which one explains them."""
        return self.speech, self.message

    @property
    def every_chart(self) -> tuple[ChartDefinition, ...]:
        """All of them, in the order in which one explains them."""
        return self.conversation, *self.charts

    @cached_property
    def transitions_digest(self) -> str:
        """A short digest of the transitions: what the charts declare."""
        return of_transitions(self)

    @cached_property
    def behaviour_digest(self) -> str:
        """A short digest of the transitions and of what their guards and actions do: what the machine does."""
        return of_behaviour(self)

    def transition(self, transition_id: str) -> Transition:
        """Return the transition with this id.

        Raises:
            KeyError: there is none.
        """
        return self._transitions[transition_id]

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        """Return what Jupyter shows: how the charts talk to each other."""
        return mimebundle(self, f"the charts {', '.join(chart.name for chart in self.every_chart)}")

    @cached_property
    def _transitions(self) -> dict[str, Transition]:
        return {transition.id: transition for chart in self.every_chart for transition in chart.transitions}


def guard_names(cond: str) -> tuple[str, ...]:
    """Return the guard names in a condition, in order.

    Raises:
        DefinitionError: the condition is more than names joined by `and`, `or`, `not`.
    """
    if not cond:
        return ()
    tree = ast.parse(cond, mode="eval")
    names = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            names.append((node.col_offset, node.id))
        elif not isinstance(node, ast.Expression | ast.BoolOp | ast.And | ast.Or | ast.UnaryOp | ast.Not | ast.Load):
            raise DefinitionError(f"condition {cond!r}: only guard names joined by and, or, not")
    return tuple(name for _, name in sorted(names))


@cache
def definition() -> Definition:
    """Return the Definition, read from the charts and checked at the first call.

    Raises:
        DefinitionError: a chart breaks a house rule.
    """
    from .lint import check
    from .reader import read
    from .subset import check_functions

    result = read()
    for chart in result.every_chart:
        check(chart)
    check_functions(result)
    return result
