"""What every search through configurations keeps: the shortest way to each, the way out of it, and what is wrong there.

A search goes breadth first, so the first way found to a configuration is a shortest one. What a configuration is, and
what may happen in it, the searches of speeches and of conversations say.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from array import array
from collections import Counter, deque
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, NamedTuple, TypeVar

from speech_lifecycle.fsm.conversation.machine import ConversationMachine
from speech_lifecycle.fsm.events import Event
from speech_lifecycle.fsm.machine import SpeechMachine
from speech_lifecycle.fsm.replies import Ignored, Rejected
from speech_lifecycle.fsm.values import Capabilities

from .ways_out import UNKNOWN

MachineType = type[SpeechMachine] | type[ConversationMachine]
Move = Event | str
"""An event, or in words what a faithful world does by itself."""
Unhandled = Ignored | Rejected
"""A reply to an event that is not handled."""

Waits = TypeVar("Waits")
Snapshot = TypeVar("Snapshot")


class Flaw(NamedTuple):
    """Where a property failed: in a configuration, or on the move from it."""

    property: str
    complaint: str
    number: int
    move: Move | None


@dataclass
class Tally:
    """How the steps of a search were answered, and what was seen in them."""

    handled: int = 0
    raised: int = 0
    others: Counter[Unhandled] = field(default_factory=Counter)
    """How often each answer was given that is not "handled"."""
    transitions: set[str] = field(default_factory=set)
    """Those of the events that were handled."""
    seen: set[object] = field(default_factory=set)
    """States, reasons, types of effects, and what was announced."""

    @property
    def replies(self) -> dict[str, int]:
        """How many steps were answered in each way."""
        kinds = {"handled": self.handled, "ignored": 0, "rejected": 0, "raised": self.raised}
        for reply, count in self.others.items():
            kinds[reply.kind] += count
        return kinds

    @property
    def taken(self) -> frozenset[str]:
        """All transitions that were taken, answers included."""
        return frozenset(self.transitions | {reply.answer for reply in self.others})


class Search(ABC, Generic[Waits, Snapshot]):
    """Everything found so far, and what waits to be gone on from."""

    possible: ClassVar[Mapping[str, object]]
    """What must be possible, or the model is dead, in words, each with what the tally has seen then."""

    def __init__(self, starts: Sequence[tuple[Capabilities, Any]], properties: Collection[str]) -> None:
        """Begin with nothing, and check these properties. `starts` are the capabilities and policies to begin with."""
        self.starts = starts
        self._properties = frozenset(properties)
        self._origins = array("q")
        self._moves: list[Move | None] = []
        self.ways_out = array("q")
        """By configuration: the one that comes next if nobody has anything to say, or why there is none."""
        self.waiting: deque[Waits] = deque()
        self.flaws: dict[str, Flaw] = {}
        """The first of each property."""
        self.tally = Tally()

    @abstractmethod
    def expand(self) -> tuple[int, Snapshot]:
        """Try everything in the configuration that has waited longest, and return its number and the machine's part."""

    @abstractmethod
    def find_dead_ends(self) -> None:
        """See that every configuration has its end."""

    @property
    @abstractmethod
    def edges(self) -> int:
        """How many moves were found that lead somewhere."""

    @property
    def configurations(self) -> int:
        """How many were found."""
        return len(self._moves)

    @property
    def depth(self) -> int:
        """The length of the longest way found."""
        return len(self.way_to(self.configurations - 1))

    def way_to(self, number: int) -> list[Move]:
        """Return the moves that lead to a configuration, a shortest way."""
        moves: list[Move] = []
        while (move := self._moves[number]) is not None:
            moves.append(move)
            number = self._origins[number]
        return moves[::-1]

    def events_to(self, number: int) -> tuple[Event, ...]:
        """Return the events alone of the way to a configuration."""
        return tuple(move for move in self.way_to(number) if not isinstance(move, str))

    def start_of(self, number: int) -> int:
        """Return which of the options a configuration belongs to."""
        while self._origins[number] >= 0:
            number = self._origins[number]
        return number

    def _add(self, origin: int, move: Move | None) -> None:
        """Number the next configuration, and note how it was reached."""
        self._origins.append(origin)
        self._moves.append(move)
        self.ways_out.append(UNKNOWN)

    def _blame(self, name: str, complaint: str, number: int, move: Move | None) -> None:
        """Note where a property failed, the first time it does."""
        if name in self._properties and name not in self.flaws:
            self.flaws[name] = Flaw(name, complaint, number, move)
