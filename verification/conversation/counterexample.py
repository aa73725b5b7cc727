"""A counterexample: the shortest events of a conversation that lead to where a property does not hold."""

from __future__ import annotations

from dataclasses import dataclass

from speech_lifecycle.fsm.conversation.machine import ConversationMachine
from speech_lifecycle.fsm.events import Event
from speech_lifecycle.fsm.replies import Handled, Reply
from speech_lifecycle.fsm.trace import Header, dump_record, records_of

from .bounds import Options


@dataclass(frozen=True)
class ConversationCounterexample:
    """How a property comes to fail."""

    violated: str
    """The name of the property."""
    complaint: str
    """What is wrong."""
    options: Options
    events: tuple[Event, ...]
    definition: str
    """Digest of the definition in which it was found."""

    @property
    def title(self) -> str:
        """The property and the complaint, in one line."""
        return f"{self.violated}: {self.complaint} (after {len(self.events)} events)"

    def replay(self, machine_type: type[ConversationMachine] = ConversationMachine) -> list[tuple[Event, Reply | None]]:
        """Run the events on a new machine; the reply is None where it raises, and that ends it."""
        machine = machine_type(*self.options)
        replies: list[tuple[Event, Reply | None]] = []
        for event in self.events:
            try:
                replies.append((event, machine.send(event)))
            except Exception:
                return [*replies, (event, None)]
        return replies

    def dump(self, machine_type: type[ConversationMachine] = ConversationMachine) -> str:
        """Return it as a trace, one event for each millisecond."""
        lines = [dump_record(Header(definition=self.definition))]
        conversation = ConversationMachine(*self.options)
        for at_ms, (event, reply) in enumerate(self.replay(machine_type), 1):
            if reply is not None:
                records = records_of(at_ms, conversation.speech_of(event), event, reply)
                lines += [dump_record(record) for record in records]
            conversation.send(event)
        return "\n".join(lines) + "\n"

    def transcript(self, machine_type: type[ConversationMachine] = ConversationMachine) -> str:
        """Return the way there as text: each event, with what was answered."""
        lines = [f"# {self.violated}: {self.complaint}", f"# {self.options[0]}", f"# {self.options[1]}"]
        for event, reply in self.replay(machine_type):
            lines.append(str(event))
            if reply is None:
                lines.append("    no answer")
            elif isinstance(reply, Handled):
                lines += [f"    {effect}" for effect in reply.effects]
            else:
                lines.append(f"    {reply.kind}: {reply.reason}")
        return "\n".join(lines) + "\n"
