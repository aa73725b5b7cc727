"""The machine with its ledger beside it: every event is sent, judged, and leads to a numbered node."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

from speech_lifecycle.fsm.copying import copy_speech
from speech_lifecycle.fsm.effects import ReportMessageSettled
from speech_lifecycle.fsm.events import Event
from speech_lifecycle.fsm.machine import SpeechMachine
from speech_lifecycle.fsm.replies import Handled
from speech_lifecycle.fsm.state import Speech

from .keys import exact_key_of, key_of
from .ledger import Ledger, copy_of
from .property import Judge, StepTaken
from .search import Tally, Unhandled


class Node(NamedTuple):
    """A snapshot of the machine, and the ledger of how it came about."""

    number: int
    speech: Speech
    ledger: Ledger


class Violation(NamedTuple):
    """What is wrong with a step, or with a new node."""

    property: str
    complaint: str
    event: Event | None
    """The event of the step, or None."""
    node: int
    """Where the event was sent, or the new node."""


class Steps:
    """Takes steps, and says where they lead."""

    def __init__(
        self,
        machine_type: type[SpeechMachine],
        judge: Judge,
        tally: Tally,
        *,
        has_world: bool = False,
        exact: bool = False,
        repeat_every: int = 16,
    ) -> None:
        """Take steps with this machine. In one of `repeat_every` nodes every step is taken twice (section 9.14)."""
        self._machine_type = machine_type
        self._machine = machine_type()
        self._judge = judge
        self._tally = tally
        self._has_world = has_world
        self._key_of = exact_key_of if exact else key_of
        self._repeat_every = repeat_every
        self._numbers: dict[bytes, int] = {}
        self.violations: list[Violation] = []
        """For the search to collect."""
        self.found: deque[Node] = deque()
        """New nodes, for the search to collect."""

    def enter(self, speech: Speech, ledger: Ledger) -> int:
        """Return the number of a node, and judge it if it is new."""
        key = self._key_of(speech, ledger)
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers[key] = len(self._numbers)
            self.found.append(Node(number, speech, ledger))
            self._tally.seen.add(("speech", speech.state))
            self._tally.seen.update([("message", message.state) for message in speech.messages.values()])
            for name, complaint in self._judge.configuration(ledger, speech):
                self.violations.append(Violation(name, complaint, None, number))
        return number

    def take(
        self, node: Node, events: Iterable[Event]
    ) -> tuple[list[tuple[Event, int, Handled]], list[tuple[Event, Unhandled]]]:
        """Send each event to a node: return those that were handled with the nodes they lead to, and the others.

        Events are sent to one copy of the snapshot until one is handled and uses it up.
        """
        handled: list[tuple[Event, int, Handled]] = []
        others: list[tuple[Event, Unhandled]] = []
        unproved = 0
        machine = self._machine
        machine.speech = copy_speech(node.speech)
        for event in events:
            try:
                reply = machine.send(event)
            except Exception as error:
                self._blame("every_event_is_answered", repr(error), event, node)
                self._tally.raised += 1
                machine = self._machine = self._machine_type(speech=copy_speech(node.speech))
                unproved = len(others)
                continue
            if reply.kind != "handled":
                others.append((event, reply))
                continue
            speech = machine.speech
            machine.speech = copy_speech(node.speech)
            unproved = len(others)
            handled.append((event, self._lead(node, event, reply, speech), reply))
        self._tally.handled += len(handled)
        self._prove(node, others, unproved)
        return handled, others

    def _lead(self, node: Node, event: Event, reply: Handled, speech: Speech) -> int:
        """Judge a handled step, and return the node that it leads to."""
        ledger = copy_of(node.ledger)
        step = StepTaken(event, reply.effects, speech)
        for name, complaint in self._judge.step(ledger, step, self._has_world):
            self._blame(name, complaint, event, node)
        self._tally.transitions.update(reply.transitions)
        seen = self._tally.seen
        for effect in reply.effects:
            seen.add(type(effect))
            if type(effect) is ReportMessageSettled:
                seen.add(effect.record.reason)
        if node.number % self._repeat_every == 0:
            machine = self._machine_type(speech=copy_speech(node.speech))
            if machine.send(event) != reply or machine.speech != speech:
                self._blame("same_again", f"{event} leads elsewhere the second time", event, node)
        return self.enter(speech, ledger)

    def _prove(self, node: Node, others: list[tuple[Event, Unhandled]], unproved: int) -> None:
        """See that what was not handled changed nothing (section 9.13).

        The copies of the first so many are used up: they are sent once more.
        """
        machine = self._machine
        for event, reply in others if node.number % self._repeat_every == 0 else others[:unproved]:
            if machine.send(event) != reply:
                self._blame("same_again", f"first {reply}, then something else", event, node)
        self._tally.others.update([reply for _, reply in others])
        if machine.speech != node.speech:
            culprit = next((event for event, _ in others if self._changes(node.speech, event)), None)
            self._blame("rejected_changes_nothing", f"{culprit} changes the speech", culprit, node)

    def _changes(self, speech: Speech, event: Event) -> bool:
        copy = copy_speech(speech)
        self._machine_type(speech=copy).send(event)
        return copy != speech

    def _blame(self, name: str, complaint: str, event: Event | None, node: Node) -> None:
        self.violations.append(Violation(name, complaint, event, node.number))
