"""The running machine: one speech and its messages.

`step` is pure: a snapshot and an event give a new snapshot and a reply. `SpeechMachine` does the same in place.

An event about a message is answered by that message's chart, any other by the speech chart. A message's chart
raises internal events for the speech chart, which are answered one after the other when the event's own row is
done; the speech chart tells a message's chart something, and that is answered at once. All of it is one step.
"""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any, ClassVar

from speech_lifecycle.fsm.copying import copy_speech
from speech_lifecycle.fsm.effects import Effect
from speech_lifecycle.fsm.events import (
    MESSAGE_EVENT_TYPES,
    SOURCE_OF,
    SPEECH_EVENT_TYPES,
    Event,
    SessionMessageAdded,
    name_of,
)
from speech_lifecycle.fsm.replies import Handled, Rejected, Reply
from speech_lifecycle.fsm.state import DEFAULT_CAPABILITIES, DEFAULT_POLICY, Message, Speech
from speech_lifecycle.fsm.values import Capabilities, Policy

if TYPE_CHECKING:
    from speech_lifecycle.fsm.definition import Definition

Cell = Callable[..., Reply | None]
"""What one state answers to one event: a function of the run, the speech, for messages the message, and the event.

None if the run has collected what was caused.
"""

Table = dict[str, dict[str, Cell]]
"""The cells of a chart, by the event's name, then by state."""

Cells = dict[type[Any], dict[str, Cell]]
"""The same by the event's type."""


class SpeechMachine:
    """One speech, changed in place."""

    __slots__ = ("effects", "raised", "rows", "speech")

    definition_digest: ClassVar[str]
    """Which definition it runs."""

    def __init__(
        self,
        capabilities: Capabilities = DEFAULT_CAPABILITIES,
        policy: Policy = DEFAULT_POLICY,
        *,
        speech: Speech | None = None,
    ) -> None:
        """Begin a speech, or go on with the one given."""
        self.speech = Speech(capabilities, policy) if speech is None else speech
        # What the present event has caused so far: compiled cells write here.
        self.effects: list[Effect] = []
        self.raised: list[str] = []
        self.rows: list[str] = []

    def send(self, event: Event) -> Reply:
        """Handle one event. A rejected or ignored one leaves the speech as it was."""
        speech = self.speech
        kind = type(event)
        try:
            message_cells = _MESSAGE_CELLS.get(kind)
            if message_cells is not None:
                message = speech.messages.get(event.message_id)  # type: ignore[union-attr]
                if message is not None:
                    reply = message_cells[message.state](self, speech, message, event)
                elif kind is SessionMessageAdded:
                    message = Message(event.message_id)  # type: ignore[union-attr]
                    reply = message_cells["pending"](self, speech, message, event)
                else:
                    return _rejected(event, "unknown_message")
            else:
                speech_cells = _SPEECH_CELLS.get(kind)
                if speech_cells is None:
                    return _rejected(event, "unknown_event")
                reply = speech_cells[speech.state](self, speech, event)
        except TypeError:
            self.effects.clear()
            self.raised.clear()
            self.rows.clear()
            if is_well_formed(event):
                raise
            return _rejected(event, "malformed_event")
        if reply is not None:
            return reply
        raised, rows, effects = self.raised, self.rows, self.effects
        if raised:
            for name in raised:  # grows while it is read
                cell = _RAISED[name].get(speech.state)
                if cell is not None:
                    cell(self, speech, None)
            raised.clear()
        reply = Handled(tuple(rows), tuple(effects))
        rows.clear()
        effects.clear()
        return reply

    def emit(self, effect: Effect) -> None:
        """Give an effect to the driver."""
        self.effects.append(effect)

    def raise_event(self, event: str) -> None:
        """Raise an internal event of the speech chart: it is handled after the present row."""
        self.raised.append(event)

    def tell(self, speech: Speech, message: Message, event: str) -> None:
        """Have a message's chart handle an internal event now, before the next action."""
        cell = _TOLD[event].get(message.state)
        if cell is not None:
            cell(self, speech, message, None)


def _compiled() -> ModuleType:
    try:
        from speech_lifecycle.fsm import compiled
    except ImportError:  # it is being made
        from speech_lifecycle.fsm.compiler import compile_definition
        from speech_lifecycle.fsm.definition import definition

        return compile_definition(definition())
    return compiled


def _cells_of(compiled: ModuleType) -> tuple[Cells, Cells, Table, Table]:
    """Return what `SpeechMachine` reads of a compiled Definition."""
    message_cells = {kind: compiled.MESSAGE[name_of(kind)] for kind in MESSAGE_EVENT_TYPES}
    speech_cells = {kind: compiled.SPEECH[name_of(kind)] for kind in SPEECH_EVENT_TYPES}
    return message_cells, speech_cells, compiled.SPEECH, compiled.MESSAGE


_COMPILED = _compiled()
_MESSAGE_CELLS, _SPEECH_CELLS, _RAISED, _TOLD = _cells_of(_COMPILED)
SpeechMachine.definition_digest = _COMPILED.DIGEST


def machine_for(definition: Definition) -> type[SpeechMachine]:
    """Return the class of machines that run another Definition than the package's own."""
    from speech_lifecycle.fsm.compiler import compile_definition

    compiled = compile_definition(definition)
    names = {**globals()}
    names["_MESSAGE_CELLS"], names["_SPEECH_CELLS"], names["_RAISED"], names["_TOLD"] = _cells_of(compiled)
    methods = {
        name: FunctionType(method.__code__, names)
        for name, method in vars(SpeechMachine).items()
        if isinstance(method, FunctionType) and name != "__init__"
    }
    return type("OtherMachine", (SpeechMachine,), {"__slots__": (), "definition_digest": compiled.DIGEST, **methods})


_idle: list[SpeechMachine] = []
"""Machines for `step` to use again, so that it makes none of its own. Each keeps its last snapshot."""


def step(speech: Speech, event: Event) -> tuple[Speech, Reply]:
    """Handle one event without changing `speech`. If the event is not handled, `speech` itself comes back."""
    machine = _idle.pop() if _idle else SpeechMachine()
    machine.speech = after = copy_speech(speech)
    reply = machine.send(event)
    _idle.append(machine)
    return (after if reply.kind == "handled" else speech), reply


def is_well_formed(event: object) -> bool:
    """Whether all fields of an event are of their declared types."""
    from speech_lifecycle.fsm.codec import is_valid

    return is_valid(event)


def _rejected(event: object, reason: str) -> Rejected:
    name = name_of(type(event))
    return Rejected(name, "", "", reason, SOURCE_OF.get(name, "agent"))
