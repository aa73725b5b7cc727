"""The explorer: from the start, every event in every reachable configuration of a bounded speech.

Breadth first, so the first way found to a configuration is a shortest one. A configuration is a snapshot of the
machine with the ledger beside it, and in a faithful exploration with the world around it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar, get_args

from speech_lifecycle.fsm.compile.definition import Definition, definition
from speech_lifecycle.fsm.effects import EFFECT_TYPES
from speech_lifecycle.fsm.events import name_of
from speech_lifecycle.fsm.machine import SpeechMachine
from speech_lifecycle.fsm.state import Speech
from speech_lifecycle.fsm.trace import definition_digest
from speech_lifecycle.fsm.values import MessageState, Reason, SpeechState

from .bounds import Bounds
from .counterexample import Counterexample
from .keys import key_of
from .property import PROPERTIES
from .search import Search


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an exploration is."""

    configurations: int
    """Found so far."""
    waiting: int
    """Found, but not gone on from."""
    steps: int


B = TypeVar("B")
C = TypeVar("C")


@dataclass
class Exploration(Generic[B, C]):
    """The figures of one exploration of some bounds, and what it found wrong: counterexamples."""

    bounds: B
    definition: str
    """Digest of the definition that was explored."""
    configurations: int = 0
    steps: int = 0
    """Events sent to the machine, each in one configuration."""
    edges: int = 0
    """Those that were handled; in a faithful exploration all moves, also those of the world alone."""
    depth: int = 0
    """The length of the longest of the shortest ways to a configuration."""
    replies: dict[str, int] = field(default_factory=dict)
    """By kind."""
    transitions_taken: frozenset[str] = frozenset()
    transitions_never_taken: tuple[str, ...] = ()
    """Transitions that no event of these bounds takes, answers included."""
    properties: tuple[str, ...] = ()
    """The names of the properties that were checked."""
    sometimes: dict[str, bool] = field(default_factory=dict)
    """What must be possible, and whether it was seen: states, reasons, outcomes, effects."""
    violations: list[C] = field(default_factory=list)
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
    bounds: Bounds,
    *,
    watch: Callable[[Progress], str] | None = None,
    stop_at_first: bool = False,
    machine_type: type[SpeechMachine] = SpeechMachine,
    of: Definition | None = None,
) -> Exploration[Bounds, Counterexample]:
    """Try every event in every reachable configuration of a bounded speech.

    Args:
        bounds: how large the speech is, and who is around it.
        watch: is given the figures now and then; what it returns, unless "", ends the exploration and says why.
        stop_at_first: stop at the first violation.
        machine_type: the machine to explore.
        of: the Definition that this machine runs, if it is not the usual one.
    """
    names = tuple(name for name, each in PROPERTIES.items() if bounds.mode == "faithful" or not each.needs_world)
    search = Search(bounds, machine_type, names)
    stopped = ""
    expanded = 0
    while search.waiting and not stopped:
        search.expand()
        expanded += 1
        if stop_at_first and search.flaws:
            stopped = "a property is violated"
        elif watch is not None and expanded % LOOK_EVERY == 0:
            stopped = watch(Progress(search.configurations, len(search.waiting), sum(search.steps.replies.values())))
    search.find_dead_ends()
    return _result(bounds, search, names, stopped, of or definition())


def configurations(bounds: Bounds, machine_type: type[SpeechMachine] = SpeechMachine) -> Iterator[Speech]:
    """Yield the snapshots of the machine in all reachable configurations, each once, nearest first."""
    search = Search(bounds, machine_type, ())
    known = set()
    while search.waiting:
        speech = search.expand().node.speech
        key = key_of(speech)
        if key not in known:
            known.add(key)
            yield speech


def _result(
    bounds: Bounds, search: Search, names: tuple[str, ...], stopped: str, of: Definition
) -> Exploration[Bounds, Counterexample]:
    steps = search.steps
    taken = steps.transitions | {reply.answer for reply in steps.others}
    transitions = [transition.id for chart in of.charts for transition in chart.transitions]
    return Exploration(
        bounds=bounds,
        definition=definition_digest(),
        configurations=search.configurations,
        steps=sum(steps.replies.values()),
        edges=search.edges,
        depth=search.depth,
        replies=steps.replies,
        transitions_taken=frozenset(taken),
        transitions_never_taken=tuple(transition for transition in transitions if transition not in taken),
        properties=names,
        sometimes=_sometimes(search),
        violations=[
            Counterexample(
                flaw.property,
                flaw.complaint,
                bounds.options[search.start_of(flaw.number)],
                (*search.way_to(flaw.number), *([] if flaw.move is None else [flaw.move])),
                definition_digest(),
            )
            for flaw in search.flaws.values()
        ],
        stopped=stopped,
        waiting=len(search.waiting),
    )


def _sometimes(search: Search) -> dict[str, bool]:
    """Return what must be possible, or the model is dead (section 9, last paragraph), and whether it was seen."""
    wanted: dict[str, object] = {
        **{f"the speech is {state}": ("speech", state) for state in get_args(SpeechState)},
        **{f"a message is {state}": ("message", state) for state in get_args(MessageState)},
        **{f"a message ends as {reason}": reason for reason in get_args(Reason)},
        **{f"{name_of(effect_type)} is given": effect_type for effect_type in EFFECT_TYPES},
    }
    return {name: sign in search.steps.seen for name, sign in wanted.items()}
