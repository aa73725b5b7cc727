"""A counterexample: the shortest events that lead to where a property does not hold.

It is a trace like any other (`fsm/trace.py`), so it can be saved, replayed and drawn.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

from speech_lifecycle.fsm.events import Event
from speech_lifecycle.fsm.replies import Reply
from speech_lifecycle.fsm.values import Capabilities, ConversationPolicy, Policy

from .search import MachineType, Move


@dataclass(frozen=True)
class Counterexample(ABC):
    """How a property comes to fail, in a speech or in a conversation."""

    machine_type: ClassVar[MachineType]
    """What runs it, unless another machine is named."""

    violated: str
    """The name of the property."""
    complaint: str
    """What is wrong."""
    options: tuple[Capabilities, Policy | ConversationPolicy]
    moves: tuple[Move, ...]
    """The events, and in words what the world did in between."""
    definition: str
    """Digest of the definition in which it was found."""

    @property
    def title(self) -> str:
        """The property and the complaint, in one line."""
        return f"{self.violated}: {self.complaint} (after {len(self.events)} events)"

    @property
    def events(self) -> tuple[Event, ...]:
        """The events alone."""
        return tuple(move for move in self.moves if not isinstance(move, str))

    def replay(self, machine_type: MachineType | None = None) -> list[tuple[Event, Reply | None]]:
        """Run the events on a new machine; the reply is None where it raises, and that ends it."""
        new: Any = machine_type or self.machine_type
        machine = new(*self.options)
        replies: list[tuple[Event, Reply | None]] = []
        for event in self.events:
            try:
                replies.append((event, machine.send(event)))
            except Exception:
                return [*replies, (event, None)]
        return replies

    def transcript(self, machine_type: MachineType | None = None) -> str:
        """Return the way there as text: each event, with what was answered."""
        replies = iter(self.replay(machine_type))
        lines = [f"# {self.violated}: {self.complaint}", f"# {self.options[0]}", f"# {self.options[1]}"]
        for move in self.moves:
            if isinstance(move, str):
                lines.append(f"({move})")
                continue
            lines.append(str(move))
            _, reply = next(replies, (move, None))
            if reply is None:
                lines.append("    no answer")
            elif reply.kind == "handled":
                lines += [f"    {effect}" for effect in reply.effects]
            else:
                lines.append(f"    {reply.kind}: {reply.reason}")
        return "\n".join(lines) + "\n"

    @abstractmethod
    def dump(self, machine_type: MachineType | None = None) -> str:
        """Return it as a trace, one event for each millisecond."""
