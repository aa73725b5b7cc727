"""The running machine: one speech and its messages.

`step` is pure: a snapshot and an event give a new snapshot and a reply. `SpeechMachine` does the same in place.

An event about a message is answered by that message's chart, any other by the speech chart. A message's chart
raises internal events for the speech chart, which are answered one after the other when the event's own transition is
done; the speech chart tells a message's chart something, and that is answered at once. All of it is one step.
"""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from .copying import copy_speech
from .effects import Effect
from .events import EVENT_TYPES, Event, name_of
from .notebook import mimebundle
from .replies import Handled, Reply, refuse
from .state import DEFAULT_CAPABILITIES, DEFAULT_POLICY, Message, Speech
from .validity import is_valid
from .values import Capabilities, Policy

if TYPE_CHECKING:
    from .compile.definition import Definition


class Run(Protocol):
    """What the present event has caused so far: compiled functions of speeches and messages write here."""

    effects: list[Effect]
    raised: list[OnRaised]
    transitions: list[str]


OnEvent = Callable[[Run, Speech, Any], Reply | None]
"""What an event from outside comes to: a function of the run, the speech and the event.

None if the run has collected what was caused.
"""
OnRaised = Callable[[Run, Speech], None]
"""The same for an internal event of the speech chart."""


class SpeechMachine:
    """One speech, changed in place."""

    __slots__ = ("effects", "raised", "speech", "transitions")

    definition_digest: ClassVar[str]
    """Which definition it runs."""
    _events: ClassVar[dict[type[Any], OnEvent]]
    _raised: ClassVar[dict[str, OnRaised]]
    _told: ClassVar[dict[str, Callable[[Run, Speech, Message], None]]]

    def __init__(
        self,
        capabilities: Capabilities = DEFAULT_CAPABILITIES,
        policy: Policy = DEFAULT_POLICY,
        *,
        speech: Speech | None = None,
    ) -> None:
        """Begin a speech, or go on with the one given."""
        self.speech = Speech(capabilities, policy) if speech is None else speech
        # What the present event has caused so far: compiled functions write here.
        self.effects: list[Effect] = []
        self.raised: list[OnRaised] = []
        self.transitions: list[str] = []

    def send(self, event: Event) -> Reply:
        """Handle one event. A rejected or ignored one leaves the speech as it was."""
        speech = self.speech
        try:
            handle = self._events[type(event)]
        except KeyError:
            return refuse(event, "unknown_event")
        try:
            reply = handle(self, speech, event)
        except TypeError:
            self.effects.clear()
            self.raised.clear()
            self.transitions.clear()
            if is_valid(event):
                raise
            return refuse(event, "malformed_event")
        if reply is not None:
            return reply
        raised = self.raised
        if raised:
            for handle_raised in raised:  # grows while it is read
                handle_raised(self, speech)
            self.raised = []
        reply = Handled(tuple(self.transitions), tuple(self.effects))
        self.transitions = []
        self.effects = []
        return reply

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        """Return what Jupyter shows: its speech."""
        return mimebundle(self.speech, repr(self.speech))

    def emit(self, effect: Effect) -> None:
        """Give an effect to the driver."""
        self.effects.append(effect)

    def raise_event(self, event: str) -> None:
        """Raise an internal event of the speech chart: it is handled after the present transition."""
        self.raised.append(self._raised[event])

    def tell(self, speech: Speech, message: Message, event: str) -> None:
        """Have a message's chart handle an internal event now, before the next action."""
        self._told[event](self, speech, message)


def compiled_table() -> ModuleType:
    """Return the compiled charts: the generated module, or if that is being made, what it will be."""
    try:
        from .compile import compiled
    except ImportError:  # it is being made
        from .compile.compiler import compile_definition
        from .compile.definition import definition

        return compile_definition(definition())
    return compiled


def _tables(compiled: ModuleType) -> dict[str, Any]:
    """Return what a class of machines has of the definition that it runs."""
    return {
        "definition_digest": compiled.DIGEST,
        "_events": {kind: compiled.EVENTS[name_of(kind)] for kind in EVENT_TYPES},
        "_raised": compiled.RAISED,
        "_told": compiled.TOLD,
    }


for _name, _table in _tables(compiled_table()).items():
    setattr(SpeechMachine, _name, _table)


def machine_for(definition: Definition) -> type[SpeechMachine]:
    """Return the class of machines that run another Definition than the package's own."""
    from .compile.variants import compile_variant

    return machine_with(compile_variant(definition))


def machine_with(compiled: ModuleType) -> type[SpeechMachine]:
    """Return the class of machines that run compiled charts."""
    return type("OtherMachine", (SpeechMachine,), {"__slots__": (), **_tables(compiled)})


_idle: list[SpeechMachine] = []
"""Machines for `step` to use again, so that it makes none of its own. Each keeps its last snapshot."""


def step(speech: Speech, event: Event) -> tuple[Speech, Reply]:
    """Handle one event without changing `speech`. If the event is not handled, `speech` itself comes back."""
    machine = _idle.pop() if _idle else SpeechMachine()
    machine.speech = after = copy_speech(speech)
    reply = machine.send(event)
    _idle.append(machine)
    return (after if type(reply) is Handled else speech), reply
