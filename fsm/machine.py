"""The running machine: one speech and its messages.

`step` is pure: a snapshot and an event give a new snapshot and a reply. `SpeechMachine` does the same in place.

An event about a message is answered by that message's chart, any other by the speech chart. A message's chart
raises internal events for the speech chart, which are answered one after the other when the event's own row is
done; the speech chart tells a message's chart something, and that is answered at once. All of it is one step.
"""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
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

Cell = Callable[..., Reply]
"""What one state answers to one event: a function of the run, the speech, for messages the message, and the event."""

Table = dict[str, dict[str, Cell]]
"""The cells of a chart, by the event's name, then by state."""

Cells = dict[type[Any], dict[str, Cell]]
"""The same by the event's type."""


class SpeechMachine:
    """One speech, changed in place."""

    __slots__ = ("_effects", "_raised", "emit", "rows", "speech")

    definition_digest: ClassVar[str]
    """Which definition it runs."""
    _message_table: ClassVar[Table]
    _speech_table: ClassVar[Table]
    _message_cells: ClassVar[Cells]
    _speech_cells: ClassVar[Cells]

    def __init__(
        self,
        capabilities: Capabilities = DEFAULT_CAPABILITIES,
        policy: Policy = DEFAULT_POLICY,
        *,
        speech: Speech | None = None,
    ) -> None:
        """Begin a speech, or go on with the one given."""
        self.speech = Speech(capabilities, policy) if speech is None else speech
        self._effects: list[Effect] = []
        self._raised: list[str] = []
        self.rows: list[str] = []
        self.emit = self._effects.append

    def send(self, event: Event) -> Reply:
        """Handle one event. A rejected or ignored one leaves the speech as it was."""
        speech = self.speech
        message_cells = self._message_cells.get(type(event))
        try:
            if message_cells is not None:
                message = speech.messages.get(event.message_id)  # type: ignore[union-attr]
                if message is None:
                    if type(event) is not SessionMessageAdded:
                        return _rejected(event, "unknown_message")
                    message = Message(event.message_id)
                reply = message_cells[message.state](self, speech, message, event)
            else:
                speech_cells = self._speech_cells.get(type(event))
                if speech_cells is None:
                    return _rejected(event, "unknown_event")
                reply = speech_cells[speech.state](self, speech, event)
        except TypeError:
            self._raised.clear()
            self._effects.clear()
            self.rows.clear()
            if is_well_formed(event):
                raise
            return _rejected(event, "malformed_event")
        raised, rows, effects = self._raised, self.rows, self._effects
        if raised:
            table = self._speech_table
            for name in raised:  # grows while it is read
                cell = table[name].get(speech.state)
                if cell is not None:
                    cell(self, speech, None)
            raised.clear()
        if rows:
            reply = Handled((*reply.rows, *rows), tuple(effects))
            rows.clear()
            effects.clear()
        elif effects:
            reply = Handled(reply.rows, tuple(effects))
            effects.clear()
        return reply

    def raise_event(self, event: str) -> None:
        """Raise an internal event of the speech chart: it is handled after the present row."""
        self._raised.append(event)

    def tell(self, speech: Speech, message: Message, event: str) -> None:
        """Have a message's chart handle an internal event."""
        cell = self._message_table[event].get(message.state)
        if cell is not None:
            cell(self, speech, message, None)


def _run(machine: type[SpeechMachine], compiled: ModuleType) -> None:
    """Have the machines of a class run these tables."""
    machine.definition_digest = compiled.DIGEST
    machine._message_table = compiled.MESSAGE
    machine._speech_table = compiled.SPEECH
    machine._message_cells = {kind: compiled.MESSAGE[name_of(kind)] for kind in MESSAGE_EVENT_TYPES}
    machine._speech_cells = {kind: compiled.SPEECH[name_of(kind)] for kind in SPEECH_EVENT_TYPES}


def machine_for(definition: Definition) -> type[SpeechMachine]:
    """Return the class of machines that run another Definition than the package's own."""
    from speech_lifecycle.fsm.compiler import compile_definition

    class OtherMachine(SpeechMachine):
        __slots__ = ()

    _run(OtherMachine, compile_definition(definition))
    return OtherMachine


def _compiled() -> ModuleType:
    try:
        from speech_lifecycle.fsm import compiled
    except ImportError:  # it is being made
        from speech_lifecycle.fsm.compiler import compile_definition
        from speech_lifecycle.fsm.definition import definition

        return compile_definition(definition())
    return compiled


_run(SpeechMachine, _compiled())


def step(speech: Speech, event: Event) -> tuple[Speech, Reply]:
    """Handle one event without changing `speech`. If the event is not handled, `speech` itself comes back."""
    machine = SpeechMachine(speech=copy_speech(speech))
    reply = machine.send(event)
    return (machine.speech if reply.kind == "handled" else speech), reply


def is_well_formed(event: object) -> bool:
    """Whether all fields of an event are of their declared types."""
    from speech_lifecycle.fsm.codec import is_valid

    return is_valid(event)


def _rejected(event: object, reason: str) -> Rejected:
    name = name_of(type(event))
    return Rejected(name, "", "", reason, SOURCE_OF.get(name, "agent"))
