"""The compiled table and python-statemachine's engine, compared in every reachable configuration."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from speech_lifecycle.fsm.conversation.machine import ConversationMachine
from speech_lifecycle.fsm.copying import copy_speech
from speech_lifecycle.fsm.events import Event
from speech_lifecycle.fsm.machine import SpeechMachine
from speech_lifecycle.fsm.state import Conversation, Speech

from .alphabet import Alphabet
from .conversation.alphabet import events_in
from .conversation.bounds import ConversationBounds
from .conversation.reference import ReferenceConversation
from .conversation.search import copy_of
from .explorer import AnyBounds, configurations
from .reference import ReferenceMachine
from .search import MachineType


@dataclass(frozen=True)
class Disagreement:
    """One event on which the two engines differ."""

    snapshot: Speech | Conversation
    event: Event
    difference: str


@dataclass
class Agreement:
    """What was compared."""

    configurations: int = 0
    steps: int = 0
    stopped: str = ""
    """Why it ended before all was compared; "" if all was."""


def disagreements(
    bounds: AnyBounds,
    agreement: Agreement | None = None,
    *,
    watch: Callable[[], str] | None = None,
    machine_type: MachineType | None = None,
) -> Iterator[Disagreement]:
    """Yield every step that the compiled table and the reference take differently: none.

    All events are sent in every configuration, of a speech in those of hostile bounds. Both engines call the same
    guards and actions and see nothing of a snapshot but through them, so two configurations that no guard and no action
    tells apart (`keys`) are compared once.

    Args:
        bounds: whose configurations are walked, and whose events are sent in each.
        agreement: counts what was compared.
        watch: is asked now and then; what it returns, unless "", ends the comparison and says why.
        machine_type: what is compared with the reference; by default the package's own machine.
    """
    counts = agreement or Agreement()
    engines = _engines(bounds, machine_type)
    for snapshot in configurations(bounds, machine_type):
        if watch is not None and counts.configurations % LOOK_EVERY == 0:
            counts.stopped = watch()
            if counts.stopped:
                return
        counts.configurations += 1
        events = engines.events(snapshot)
        counts.steps += len(events)
        yield from _differences(snapshot, events, engines)


LOOK_EVERY = 16
"""After so many configurations the watcher is asked."""


class _Engines(NamedTuple):
    """The two engines of a speech, or of a conversation."""

    field: str
    """What the machine calls its snapshot."""
    events: Callable[[Any], Sequence[Event]]
    """Those to send to a snapshot."""
    copy: Callable[[Any], Any]
    compiled: Callable[[Any], Any]
    """Makes a machine that goes on with a snapshot."""
    reference: Any


def _engines(bounds: AnyBounds, machine_type: Any) -> _Engines:
    if isinstance(bounds, ConversationBounds):
        new = machine_type or ConversationMachine
        return _Engines(
            "conversation",
            lambda conversation: events_in(conversation, bounds),
            copy_of,
            lambda conversation: new(conversation=conversation, keep_steps=True),
            ReferenceConversation(Conversation()),
        )
    new = machine_type or SpeechMachine
    return _Engines("speech", Alphabet(bounds).of, copy_speech, lambda speech: new(speech=speech), ReferenceMachine())


def _differences(snapshot: Any, events: Sequence[Event], engines: _Engines) -> Iterator[Disagreement]:
    """Send every event to both engines, from the start again if the last was handled."""
    compiled, reference = None, engines.reference
    for event in events:
        if compiled is None:
            compiled = engines.compiled(engines.copy(snapshot))
            reference.restart(engines.copy(snapshot))
        reply, expected = compiled.send(event), reference.send(event)
        if type(reply) is not type(expected) or reply != expected:
            yield Disagreement(snapshot, event, f"the table answers {reply}, the engine {expected}")
        reached, right = getattr(compiled, engines.field), getattr(reference, engines.field)
        if reached != right:
            yield Disagreement(snapshot, event, f"the table leads to {reached}, the engine to {right}")
        if reply.kind == "handled" or expected.kind == "handled":
            compiled = None
