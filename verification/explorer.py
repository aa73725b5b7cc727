"""The explorer: from the start, every event in every reachable configuration of a bounded speech or conversation.

Breadth first, so the first way found to a configuration is a shortest one. A configuration is a snapshot of the
machine; that of a speech has the ledger beside it, and in a faithful exploration the world around it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from speech_lifecycle.fsm.compile.definition import Definition, definition
from speech_lifecycle.fsm.conversation.machine import ConversationMachine
from speech_lifecycle.fsm.machine import SpeechMachine
from speech_lifecycle.fsm.state import Speech
from speech_lifecycle.fsm.trace import definition_digest

from .bounds import Bounds
from .conversation.bounds import ConversationBounds
from .conversation.counterexample import ConversationCounterexample
from .conversation.properties import CONVERSATION_PROPERTIES
from .conversation.search import ConversationSearch
from .counterexample import Counterexample
from .keys import key_of
from .property import PROPERTIES
from .search import MachineType, Search
from .speech_counterexample import SpeechCounterexample
from .speech_search import SpeechSearch

AnyBounds = Bounds | ConversationBounds


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an exploration is."""

    configurations: int
    """Found so far."""
    waiting: int
    """Found, but not gone on from."""
    steps: int
    """Events sent."""


@dataclass
class Exploration:
    """The figures of one exploration of some bounds, and what it found wrong: counterexamples."""

    bounds: AnyBounds
    definition: str
    """Digest of the definition that was explored."""
    configurations: int = 0
    """How many were reached."""
    steps: int = 0
    """Events sent to the machine, each in one configuration."""
    edges: int = 0
    """Those that were handled; in a faithful exploration all moves, also those of the world alone."""
    depth: int = 0
    """The length of the longest of the shortest ways to a configuration."""
    replies: dict[str, int] = field(default_factory=dict)
    """By kind."""
    transitions_taken: frozenset[str] = frozenset()
    """Their ids."""
    transitions_never_taken: tuple[str, ...] = ()
    """Transitions that no event of these bounds takes, answers included."""
    properties: tuple[str, ...] = ()
    """The names of the properties that were checked."""
    sometimes: dict[str, bool] = field(default_factory=dict)
    """What must be possible, and whether it was seen: states, reasons, outcomes, effects."""
    violations: list[Counterexample] = field(default_factory=list)
    """What did not hold."""
    stopped: str = ""
    """Why it ended before all was seen; "" if all was."""
    waiting: int = 0
    """Configurations that were found and not gone on from, if it was stopped."""

    @property
    def is_complete(self) -> bool:
        """Whether every event was tried in every reachable configuration."""
        return not self.stopped

    @property
    def never_seen(self) -> tuple[str, ...]:
        """What should be possible, and was not seen within these bounds."""
        return tuple(name for name, seen in self.sometimes.items() if not seen)


LOOK_EVERY = 256
"""After so many configurations the watcher is asked."""


def explore(
    bounds: AnyBounds,
    *,
    watch: Callable[[Progress], str] | None = None,
    stop_at_first: bool = False,
    machine_type: MachineType | None = None,
    of: Definition | None = None,
) -> Exploration:
    """Try every event in every reachable configuration of a bounded speech or conversation.

    Args:
        bounds: how large it is, and who is around it.
        watch: is given the figures now and then; what it returns, unless "", ends the exploration and says why.
        stop_at_first: stop at the first violation.
        machine_type: the machine to explore; by default the package's own.
        of: the Definition that this machine runs, if it is not the usual one.
    """
    names = tuple(
        CONVERSATION_PROPERTIES
        if isinstance(bounds, ConversationBounds)
        else [name for name, each in PROPERTIES.items() if bounds.mode == "faithful" or not each.needs_world]
    )
    search = _search(bounds, machine_type, names)
    stopped = ""
    expanded = 0
    while search.waiting and not stopped:
        search.expand()
        expanded += 1
        if stop_at_first and search.flaws:
            stopped = "a property is violated"
        elif watch is not None and expanded % LOOK_EVERY == 0:
            stopped = watch(Progress(search.configurations, len(search.waiting), sum(search.tally.replies.values())))
    search.find_dead_ends()
    return _result(bounds, search, names, stopped, of or definition())


def configurations(bounds: AnyBounds, machine_type: MachineType | None = None) -> Iterator[Any]:
    """Yield the snapshots of the machine in all reachable configurations, each once, nearest first.

    They are speeches or conversations.
    """
    search = _search(bounds, machine_type, ())
    known = set()
    while search.waiting:
        _, snapshot = search.expand()
        # Of a speech there are several with other ledgers.
        key = key_of(snapshot) if isinstance(snapshot, Speech) else None
        if key is None or key not in known:
            known.add(key)
            yield snapshot


def _search(bounds: AnyBounds, machine_type: Any, names: tuple[str, ...]) -> Search[Any, Any]:
    if isinstance(bounds, ConversationBounds):
        return ConversationSearch(bounds, machine_type or ConversationMachine, names)
    return SpeechSearch(bounds, machine_type or SpeechMachine, names)


def _result(
    bounds: AnyBounds, search: Search[Any, Any], names: tuple[str, ...], stopped: str, of: Definition
) -> Exploration:
    tally = search.tally
    taken = tally.taken
    is_conversation = isinstance(bounds, ConversationBounds)
    charts = (of.conversation,) if is_conversation else of.charts
    counterexample = ConversationCounterexample if is_conversation else SpeechCounterexample
    return Exploration(
        bounds=bounds,
        definition=definition_digest(),
        configurations=search.configurations,
        steps=sum(tally.replies.values()),
        edges=search.edges,
        depth=search.depth,
        replies=tally.replies,
        transitions_taken=taken,
        transitions_never_taken=tuple(
            transition.id for chart in charts for transition in chart.transitions if transition.id not in taken
        ),
        properties=names,
        sometimes={name: sign in tally.seen for name, sign in search.possible.items()},
        violations=[
            counterexample(
                flaw.property,
                flaw.complaint,
                search.starts[search.start_of(flaw.number)],
                (*search.way_to(flaw.number), *([] if flaw.move is None else [flaw.move])),
                definition_digest(),
            )
            for flaw in search.flaws.values()
        ],
        stopped=stopped,
        waiting=len(search.waiting),
    )
