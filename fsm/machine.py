"""The running machine: one speech and its messages.

`step` is pure: a snapshot and an event give a new snapshot and a reply. `SpeechMachine` does the same in place.

An event about a message is answered by that message's chart, any other by the speech chart. A message's chart
raises internal events for the speech chart, which are answered one after the other when the event's own row is
done; the speech chart tells a message's chart something, and that is answered at once. All of it is one step.
"""

from __future__ import annotations

from typing import Any

from speech_lifecycle.fsm.compiler import Cell, Table, compile_table
from speech_lifecycle.fsm.copying import copy_speech
from speech_lifecycle.fsm.definition import definition
from speech_lifecycle.fsm.effects import Effect
from speech_lifecycle.fsm.events import (
    EVENT_TYPES,
    MESSAGE_EVENT_TYPES,
    SOURCE_OF,
    Event,
    SessionMessageAdded,
    name_of,
)
from speech_lifecycle.fsm.replies import Handled, Rejected, Reply
from speech_lifecycle.fsm.state import DEFAULT_CAPABILITIES, DEFAULT_POLICY, Message, Speech
from speech_lifecycle.fsm.values import Capabilities, Policy

Cells = dict[type[Any], dict[str, Cell]]
"""By event type, then by state."""

_MESSAGE_TABLE: Table = compile_table(definition().message)
_SPEECH_TABLE: Table = compile_table(definition().speech)
_MESSAGE_CELLS: Cells = {event_type: _MESSAGE_TABLE[name_of(event_type)] for event_type in MESSAGE_EVENT_TYPES}
_SPEECH_CELLS: Cells = {
    event_type: _SPEECH_TABLE[name_of(event_type)] for event_type in EVENT_TYPES if event_type not in _MESSAGE_CELLS
}


class SpeechMachine:
    """One speech, changed in place."""

    __slots__ = ("_effects", "_raised", "emit", "raise_event", "rows", "speech")

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
        self.raise_event = self._raised.append

    def send(self, event: Event) -> Reply:
        """Handle one event. A rejected or ignored one leaves the speech as it was."""
        speech = self.speech
        message_cells = _MESSAGE_CELLS.get(type(event))
        try:
            if message_cells is not None:
                message = speech.messages.get(event.message_id)  # type: ignore[union-attr]
                if message is None:
                    if type(event) is not SessionMessageAdded:
                        return _rejected(event, "unknown_message")
                    message = Message(event.message_id)
                reply = message_cells[message.state](self, speech, message, event)
            else:
                speech_cells = _SPEECH_CELLS.get(type(event))
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
        if self._raised:
            self._answer_raised()
        if self._effects or self.rows:
            reply = Handled((*reply.rows, *self.rows), tuple(self._effects))
            self._effects.clear()
            self.rows.clear()
        return reply

    def tell(self, speech: Speech, message: Message, event: str) -> None:
        """Have a message's chart handle an internal event."""
        cell = _MESSAGE_TABLE[event].get(message.state)
        if cell is not None:
            cell(self, speech, message, None)

    def _answer_raised(self) -> None:
        """Have the speech chart answer what the messages' charts raised, in order."""
        speech = self.speech
        raised = self._raised
        for event in raised:  # grows while it is read
            cell = _SPEECH_TABLE[event].get(speech.state)
            if cell is not None:
                cell(self, speech, None)
        raised.clear()


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
