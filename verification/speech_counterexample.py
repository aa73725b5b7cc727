"""Counterexamples of speeches: saved, loaded, and checked once more."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any, get_args

from speech_lifecycle.fsm.codec import EFFECTS, EVENTS
from speech_lifecycle.fsm.errors import SpeechLifecycleError
from speech_lifecycle.fsm.events import (
    SOURCE_OF,
    Close,
    Event,
    SessionMessageAdded,
    SessionTextReceived,
    TimerFired,
    name_of,
)
from speech_lifecycle.fsm.machine import SpeechMachine
from speech_lifecycle.fsm.trace import (
    Header,
    SpeechBegun,
    Step,
    TraceError,
    definition_digest,
    dump_record,
    load_trace,
    step_of,
)
from speech_lifecycle.fsm.values import Timer

from .bounds import Bounds, Detail, Options
from .counterexample import Counterexample
from .property import PROPERTIES
from .search import MachineType
from .speech_search import MOST_TIMERS, Found, SpeechSearch


class ForeignCounterexampleError(SpeechLifecycleError, ValueError):
    """A counterexample was found in another definition. The message names both."""


@dataclass(frozen=True)
class SpeechCounterexample(Counterexample):
    """How a property of a speech comes to fail. In its trace the speech is named after the property."""

    machine_type = SpeechMachine

    options: Options

    def steps(self, machine_type: MachineType | None = None) -> list[tuple[str, dict[str, Any]]]:
        """Return who said what, in order, as JSON: what `diagrams.sequence` draws."""
        steps: list[tuple[str, dict[str, Any]]] = []
        for event, reply in self.replay(machine_type):
            steps.append((SOURCE_OF[name_of(type(event))], EVENTS.dump(event)))
            steps += [("speech", EFFECTS.dump(effect)) for effect in (reply.effects if reply else ())]
        return steps

    def dump(self, machine_type: MachineType | None = None) -> str:
        """Return it as a trace, one step for each millisecond."""
        capabilities, policy = self.options
        lines = [
            dump_record(Header(definition=self.definition)),
            dump_record(SpeechBegun(0, self.violated, capabilities, policy)),
        ]
        for at_ms, (event, reply) in enumerate(self.replay(machine_type), 1):
            lines.append(
                dump_record(step_of(at_ms, self.violated, event, reply) if reply else _raised(at_ms, event, self))
            )
        return "\n".join(lines) + "\n"


def _raised(at_ms: int, event: Event, counterexample: SpeechCounterexample) -> Step:
    return Step(at_ms, counterexample.violated, event, "rejected", reason="raised")


def load_counterexample(lines: Iterable[str | bytes], name: str = "counterexample") -> SpeechCounterexample:
    """Read a saved counterexample of the present definition.

    Raises:
        TraceError: it is no trace of one speech.
        ForeignCounterexampleError: it belongs to another definition; replayed here it would mean nothing.
    """
    trace = load_trace(lines, name)
    here = definition_digest()
    if trace.header.definition != here:
        raise ForeignCounterexampleError(
            f"{name}: found in the definition {trace.header.definition}, this is {here}; "
            f"explore again, or use the release that wrote it"
        )
    if len(trace.speeches) != 1:
        raise TraceError(f"{name}: a counterexample has one speech, this trace has {len(trace.speeches)}")
    (begun,) = trace.speeches
    if begun.speech not in PROPERTIES:
        raise TraceError(f"{name}: no counterexample: its speech is {begun.speech!r}, which is no property")
    return SpeechCounterexample(
        begun.speech,
        "as saved",
        (begun.capabilities, begun.policy),
        tuple(step.event for step in trace.steps),
        trace.header.definition,
    )


def recheck(counterexample: SpeechCounterexample, machine_type: type[SpeechMachine] = SpeechMachine) -> str | None:
    """Follow the events of a counterexample; return what is still wrong with its property, or None.

    A faithful world may do something between two events: all that it may is tried.
    """
    details: tuple[Detail, ...] = ("coarse", "fine") if PROPERTIES[counterexample.violated].needs_world else ("fine",)
    complaints = (_recheck(counterexample, _bounds_around(counterexample, detail), machine_type) for detail in details)
    return next((complaint for complaint in complaints if complaint is not None), None)


def _recheck(counterexample: SpeechCounterexample, bounds: Bounds, machine_type: type[SpeechMachine]) -> str | None:
    search = SpeechSearch(bounds, machine_type, PROPERTIES, repeat_every=1)
    here = [search.waiting.popleft()]
    for event in counterexample.events:
        here = _follow(search, here, event)
    # What brings a speech to its end: the timers, and a close if the agent is awaited.
    way_out: list[Event] = [Close(), *(TimerFired(timer) for timer in get_args(Timer))]
    for _ in range(MOST_TIMERS + 1):
        here = _expand(search, here, way_out)
    search.find_dead_ends()
    flaw = search.flaws.get(counterexample.violated)
    return None if flaw is None else flaw.complaint


def _bounds_around(counterexample: SpeechCounterexample, detail: Detail) -> Bounds:
    """Return bounds within which its events can happen."""
    added = [event for event in counterexample.events if isinstance(event, SessionMessageAdded)]
    return Bounds(
        mode="faithful" if PROPERTIES[counterexample.violated].needs_world else "hostile",
        messages=len({event.message_id for event in added}),
        detail=detail,
        audio_parts=2 if detail == "fine" else 1,
        modalities=tuple(dict.fromkeys(event.modalities for event in added)),
        texts=sum(isinstance(event, SessionTextReceived) for event in counterexample.events),
        options=(counterexample.options,),
        faults=2,
    )


def _follow(search: SpeechSearch, here: list[Found], event: Event) -> list[Found]:
    """Return the configurations after an event, whatever a faithful world does before it."""
    reached, edge = [*here], [*here]
    while edge and edge[0].world is not None:
        edge = _expand(search, edge, ())
        reached += edge
    # An event that is not handled leads nowhere.
    return _expand(search, reached, (event,)) or reached


def _expand(search: SpeechSearch, here: list[Found], only: Collection[Event]) -> list[Found]:
    search.waiting.extend(here)
    for _ in here:
        search.expand(only)
    found = [*search.waiting]
    search.waiting.clear()
    return found
