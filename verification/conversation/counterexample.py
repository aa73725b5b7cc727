"""Counterexamples of conversations."""

from __future__ import annotations

from dataclasses import dataclass

from speech_lifecycle.fsm.conversation.machine import ConversationMachine
from speech_lifecycle.fsm.trace import Header, dump_record, records_of

from ..counterexample import Counterexample
from ..search import MachineType
from .bounds import Options


@dataclass(frozen=True)
class ConversationCounterexample(Counterexample):
    """How a property of a conversation comes to fail."""

    machine_type = ConversationMachine

    options: Options

    def dump(self, machine_type: MachineType | None = None) -> str:
        """Return it as a trace, one event for each millisecond."""
        lines = [dump_record(Header(definition=self.definition))]
        conversation = ConversationMachine(*self.options)
        for at_ms, (event, reply) in enumerate(self.replay(machine_type), 1):
            if reply is not None:
                records = records_of(at_ms, conversation.speech_of(event), event, reply)
                lines += [dump_record(record) for record in records]
            conversation.send(event)
        return "\n".join(lines) + "\n"
