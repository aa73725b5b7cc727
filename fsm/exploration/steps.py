"""The machine with its ledger beside it: every event is sent, judged, and leads to a numbered node."""

from __future__ import annotations

from typing import NamedTuple

from speech_lifecycle.fsm.copying import copy_speech
from speech_lifecycle.fsm.effects import ReportMessageSettled
from speech_lifecycle.fsm.events import Event
from speech_lifecycle.fsm.exploration.judge import Fault, Judge
from speech_lifecycle.fsm.exploration.keys import Keys
from speech_lifecycle.fsm.exploration.ledger import Ledger, copy_of
from speech_lifecycle.fsm.exploration.property import StepTaken
from speech_lifecycle.fsm.machine import SpeechMachine
from speech_lifecycle.fsm.replies import Reply
from speech_lifecycle.fsm.state import Speech


class Node(NamedTuple):
    """A snapshot of the machine, and the ledger of how it came about."""

    number: int
    speech: Speech
    ledger: Ledger


class Steps:
    """Takes steps, and says where they lead.

    Events run on one copy of a node's snapshot until one is handled and uses it up. What is not handled must leave
    the copy as it was (section 9.13): that is looked at once, when the node is done with, and events whose copy was
    used up are sent once more for it.
    """

    def __init__(
        self,
        machine_type: type[SpeechMachine],
        judge: Judge,
        *,
        has_world: bool = False,
        exact: bool = False,
        repeat_every: int = 16,
    ) -> None:
        """Take steps with this machine. In one of `repeat_every` nodes every step is taken twice (section 9.14)."""
        self._machine_type = machine_type
        self._machine = machine_type()
        self._judge = judge
        self._has_world = has_world
        self._keys = Keys(exact)
        self._repeat_every = repeat_every
        self._numbers: dict[int, int] = {}
        self._node: Node | None = None
        """Whose copy the machine has."""
        self._unhandled: list[tuple[Event, Reply]] = []
        """What the present copy was sent."""
        self._unproved: list[tuple[Event, Reply]] = []
        """What copies were sent that are used up."""
        self.faults: list[tuple[Fault, Event | None]] = []
        """What is wrong with a step, or without an event with a new node; for the search to collect."""
        self.found: list[Node] = []
        """New nodes; for the search to collect."""
        self.replies: dict[str, int] = {"handled": 0, "ignored": 0, "rejected": 0, "raised": 0}
        """How many steps were answered in each way."""
        self.rows: set[tuple[str, ...]] = set()
        self.answers: set[str] = set()
        self.seen: set[object] = set()
        """States, reasons, and types of effects."""

    @property
    def taken(self) -> int:
        """How many steps were taken, each once."""
        return sum(self.replies.values())

    def enter(self, speech: Speech, ledger: Ledger) -> int:
        """Return the number of a node, and judge it if it is new."""
        key = self._keys.of(speech, ledger)
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers[key] = len(self._numbers)
            self.found.append(Node(number, speech, ledger))
            self.seen.add(("speech", speech.state))
            self.seen.update([("message", message.state) for message in speech.messages.values()])
            self.faults += [(fault, None) for fault in self._judge.configuration(ledger, speech)]
        return number

    def take(self, node: Node, event: Event) -> tuple[int, Reply | None]:
        """Return the node that an event leads to, and the reply; None if there was none."""
        if node is not self._node:
            self._node = node
            self._machine.speech = copy_speech(node.speech)
        machine = self._machine
        try:
            reply = machine.send(event)
            kind = reply.kind
        except Exception as error:
            self._blame("every_event_is_answered", repr(error), event)
            self._machine = self._machine_type(speech=copy_speech(node.speech))
            self.replies["raised"] += 1
            self._set_aside()
            return node.number, None
        if kind != "handled":
            self._unhandled.append((event, reply))
            return node.number, reply
        speech = machine.speech
        machine.speech = copy_speech(node.speech)
        self._set_aside()
        self.replies["handled"] += 1
        self.rows.add(reply.rows)
        ledger = copy_of(node.ledger)
        step = StepTaken(node.speech.state, event, reply.effects, speech)
        self.faults += [(fault, event) for fault in self._judge.step(ledger, step, self._has_world)]
        for effect in reply.effects:
            self.seen.add(type(effect))
            if type(effect) is ReportMessageSettled:
                self.seen.add(effect.record.reason)
        if node.number % self._repeat_every == 0:
            self._repeat(node, event, reply, speech)
        return self.enter(speech, ledger), reply

    def prove(self) -> None:
        """See that what the last node did not handle changed nothing, and is answered the same once more."""
        node, self._node = self._node, None
        if node is None or not (self._unhandled or self._unproved):
            return
        machine = self._machine
        repeats = node.number % self._repeat_every == 0
        for event, reply in (*self._unproved, *self._unhandled) if repeats else self._unproved:
            if machine.send(event) != reply:
                self._blame("same_again", f"first {reply}, then something else", event)
        unhandled = [*self._unproved, *self._unhandled]
        for _, reply in unhandled:
            self.replies[reply.kind] += 1
            self.answers.add(reply.row)  # type: ignore[union-attr]
        if self._keys.of(machine.speech) != self._keys.of(node.speech):
            culprit = next((event for event, _ in unhandled if self._changes(node.speech, event)), None)
            self._blame("rejected_changes_nothing", f"{culprit} changes the speech", culprit)
        self._unproved.clear()
        self._unhandled.clear()

    def _set_aside(self) -> None:
        """The copy is used up: what it did not handle has to be sent to another one."""
        if self._unhandled:
            self._unproved += self._unhandled
            self._unhandled.clear()

    def _changes(self, speech: Speech, event: Event) -> bool:
        copy = copy_speech(speech)
        self._machine_type(speech=copy).send(event)
        return self._keys.of(copy) != self._keys.of(speech)

    def _repeat(self, node: Node, event: Event, reply: Reply, speech: Speech) -> None:
        machine = self._machine_type(speech=copy_speech(node.speech))
        if machine.send(event) != reply or self._keys.of(machine.speech) != self._keys.of(speech):
            self._blame("same_again", f"{event} leads elsewhere the second time", event)

    def _blame(self, name: str, complaint: str, event: Event | None) -> None:
        self.faults.append(((name, complaint), event))
