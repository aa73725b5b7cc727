"""The explorer: from the start, every event in every reachable configuration of a bounded speech.

Breadth first, so the first way found to a configuration is a shortest one. A configuration is a snapshot of the
machine with the ledger beside it, and in a faithful exploration with the world around it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import get_args

from speech_lifecycle.fsm.definition import Definition, definition
from speech_lifecycle.fsm.effects import EFFECT_TYPES
from speech_lifecycle.fsm.events import name_of
from speech_lifecycle.fsm.exploration.bounds import Bounds
from speech_lifecycle.fsm.exploration.counterexample import Counterexample
from speech_lifecycle.fsm.exploration.judge import names_for
from speech_lifecycle.fsm.exploration.keys import Keys
from speech_lifecycle.fsm.exploration.search import Search
from speech_lifecycle.fsm.machine import SpeechMachine
from speech_lifecycle.fsm.state import Speech
from speech_lifecycle.fsm.trace import definition_digest
from speech_lifecycle.fsm.values import MessageState, Reason, SpeechState


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an exploration is."""

    configurations: int
    """Found so far."""
    waiting: int
    """Found, but not gone on from."""
    steps: int


@dataclass
class Exploration:
    """The figures of one exploration, and what it found wrong."""

    bounds: Bounds
    definition: str
    """Digest of the definition that was explored."""
    configurations: int = 0
    steps: int = 0
    """Events sent to the machine, each in one configuration."""
    transitions: int = 0
    """Those that were handled; in a faithful exploration all moves, also those of the world alone."""
    depth: int = 0
    """The length of the longest of the shortest ways to a configuration."""
    replies: dict[str, int] = field(default_factory=dict)
    """By kind."""
    rows_taken: frozenset[str] = frozenset()
    rows_never_taken: tuple[str, ...] = ()
    """Rows that no event of these bounds takes, answers included."""
    properties: tuple[str, ...] = ()
    """The names of the properties that were checked."""
    sometimes: dict[str, bool] = field(default_factory=dict)
    """What must be possible, and whether it was seen: states, reasons, outcomes, effects."""
    violations: list[Counterexample] = field(default_factory=list)
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

    def summary(self) -> str:
        """Return the result as text."""
        bounds = self.bounds
        lines = [
            f"{bounds.mode}, up to {bounds.messages} messages, {bounds.detail}, "
            f"{len(bounds.options)} combinations of capabilities and policy",
            f"configurations  {self.configurations:>12,}",
            f"transitions     {self.transitions:>12,}",
            f"steps           {self.steps:>12,}",
            *(f"  {kind:<14}{count:>12,}" for kind, count in sorted(self.replies.items())),
            f"longest way     {self.depth:>12,}",
            f"properties      {len(self.properties):>12,}  checked, {len(self.violations)} violated",
            f"sometimes       {sum(self.sometimes.values()):>12,}  of {len(self.sometimes)} seen",
            f"rows            {len(self.rows_taken):>12,}  taken, {len(self.rows_never_taken)} never",
        ]
        if self.stopped:
            lines.append(f"stopped: {self.stopped}; {self.waiting:,} configurations were not gone on from")
        lines += [f"VIOLATED {violation.title}" for violation in self.violations]
        return "\n".join(lines)


_LOOK_EVERY = 256
"""After so many configurations the watcher is asked."""


def explore(
    bounds: Bounds,
    *,
    watch: Callable[[Progress], str] | None = None,
    stop_at_first: bool = False,
    machine_type: type[SpeechMachine] = SpeechMachine,
    of: Definition | None = None,
    exact: bool = False,
) -> Exploration:
    """Try every event in every reachable configuration of a bounded speech.

    Args:
        bounds: how large the speech is, and who is around it.
        watch: is given the figures now and then; what it returns, unless "", ends the exploration and says why.
        stop_at_first: stop at the first violation.
        machine_type: the machine to explore.
        of: the Definition that this machine runs, if it is not the usual one.
        exact: tell configurations apart by all their data, also by what nothing reads any more.
    """
    names = names_for(bounds.mode)
    search = Search(bounds, machine_type, names, exact=exact)
    stopped = ""
    expanded = 0
    while search.waiting and not stopped:
        search.expand()
        expanded += 1
        if stop_at_first and search.flaws:
            stopped = "a property is violated"
        elif watch is not None and expanded % _LOOK_EVERY == 0:
            stopped = watch(Progress(search.configurations, len(search.waiting), search.steps.taken))
    search.find_dead_ends()
    return _result(bounds, search, names, stopped, of or definition())


def configurations(bounds: Bounds, machine_type: type[SpeechMachine] = SpeechMachine) -> Iterator[Speech]:
    """Yield the snapshots of the machine in all reachable configurations, each once, nearest first."""
    search = Search(bounds, machine_type, ())
    keys = Keys()
    known = set()
    while search.waiting:
        speech = search.expand().node.speech
        key = keys.of(speech)
        if key not in known:
            known.add(key)
            yield speech


def _result(bounds: Bounds, search: Search, names: tuple[str, ...], stopped: str, of: Definition) -> Exploration:
    steps = search.steps
    taken = frozenset(row for rows in steps.rows for row in rows) | steps.answers
    rows = [row.id for chart in of.charts for row in chart.rows]
    return Exploration(
        bounds=bounds,
        definition=definition_digest(),
        configurations=search.configurations,
        steps=steps.taken,
        transitions=search.transitions,
        depth=search.depth,
        replies=dict(steps.replies),
        rows_taken=taken,
        rows_never_taken=tuple(row for row in rows if row not in taken),
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
