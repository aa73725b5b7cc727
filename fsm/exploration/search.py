"""One search through the configurations: what the explorer does, step by step."""

from __future__ import annotations

from array import array
from collections import Counter, deque
from collections.abc import Collection
from typing import NamedTuple

from speech_lifecycle.fsm.copying import copy_speech
from speech_lifecycle.fsm.effects import ReportMessageSettled
from speech_lifecycle.fsm.events import Close, Event, TimerFired
from speech_lifecycle.fsm.exploration.alphabet import Alphabet
from speech_lifecycle.fsm.exploration.bounds import Bounds
from speech_lifecycle.fsm.exploration.faithful import Move, Worlds
from speech_lifecycle.fsm.exploration.judge import Judge
from speech_lifecycle.fsm.exploration.keys import Keys
from speech_lifecycle.fsm.exploration.ledger import EMPTY, TIMER, freeze, thaw
from speech_lifecycle.fsm.exploration.property import StepTaken
from speech_lifecycle.fsm.exploration.world import World, perform
from speech_lifecycle.fsm.machine import SpeechMachine
from speech_lifecycle.fsm.replies import Reply
from speech_lifecycle.fsm.state import Speech
from speech_lifecycle.fsm.values import FINAL_SPEECH_STATES

OVER, NO_WAY, UNKNOWN = -1, -2, -3
"""In place of a way out: the speech is over, none leads on, not gone on from yet."""


class Found(NamedTuple):
    """A configuration that waits to be gone on from."""

    number: int
    speech: Speech
    ledger: int
    world: World | None


class Flaw(NamedTuple):
    """Where a property failed: in a configuration, or on the move from it."""

    property: str
    complaint: str
    number: int
    move: Event | str | None


class Search:
    """Everything found so far, and what waits."""

    def __init__(
        self,
        bounds: Bounds,
        machine_type: type[SpeechMachine],
        properties: Collection[str],
        *,
        exact: bool = False,
        repeat_every: int = 16,
    ) -> None:
        """Begin with the starts of all options. One of `repeat_every` configurations takes every step twice."""
        self._machine_type = machine_type
        self._machine = machine_type()
        self._judge = Judge(properties)
        self._properties = frozenset(properties)
        self._alphabet = Alphabet(bounds)
        self._worlds = Worlds(bounds)
        self._bounds = bounds
        self._repeat_every = repeat_every
        self._keys = Keys(exact)
        self._numbers: dict[int, int] = {}
        self._ledgers = [EMPTY]
        self._ledger_numbers = {EMPTY: 0}
        self._ledger_after: dict[tuple[int, int, str, int], int] = {}
        self._world_numbers: dict[World, int] = {}
        self._origins = array("q")
        self._moves: list[Event | str | None] = []
        self._depths = array("l")
        self.ways_out = array("q")
        """By configuration: the one that its timer leads to, or a close if it awaits the agent."""
        self.waiting: deque[Found] = deque()
        self.flaws: dict[str, Flaw] = {}
        """The first of each property."""
        self.steps = 0
        self.transitions = 0
        self.replies: Counter[str] = Counter()
        self.rows: set[tuple[str, ...]] = set()
        self.answers: set[str] = set()
        self.seen: set[object] = set()
        """States, reasons, outcomes and types of effects."""
        for capabilities, policy in bounds.options:
            start = Speech(capabilities, policy)
            self._arrive(-1, None, start, 0, self._worlds.start() if bounds.mode == "faithful" else None)

    def depth_of(self, number: int) -> int:
        """Return the number of moves on the way to a configuration."""
        return self._depths[number]

    @property
    def configurations(self) -> int:
        """How many were found."""
        return len(self._numbers)

    @property
    def depth(self) -> int:
        """The length of the longest way found."""
        return max(self._depths)

    def way_to(self, number: int) -> list[Event | str]:
        """Return the moves that lead to a configuration, a shortest way."""
        moves: list[Event | str] = []
        while (move := self._moves[number]) is not None:
            moves.append(move)
            number = self._origins[number]
        return moves[::-1]

    def start_of(self, number: int) -> int:
        """Return which of the options a configuration belongs to."""
        while self._origins[number] >= 0:
            number = self._origins[number]
        return number

    def expand(self, only: Collection[Event] | None = None) -> Found:
        """Try everything in the configuration that has waited longest, or only some events, and return it."""
        found = self.waiting.popleft()
        if found.speech.state in FINAL_SPEECH_STATES:
            self.ways_out[found.number] = OVER
        elif only is None or any(type(event) is TimerFired for event in only):
            self.ways_out[found.number] = NO_WAY
        if found.world is None:
            self._expand_hostile(found, self._alphabet.of(found.speech) if only is None else only)
        else:
            moves = self._worlds.moves(found.world, thaw(self._ledgers[found.ledger]), found.speech)
            self._expand_faithful(
                found, moves if only is None else [move for move in moves if move[0] in only or type(move[0]) is str]
            )
        return found

    def _expand_hostile(self, found: Found, events: Collection[Event]) -> None:
        speech, ledger_number = found.speech, found.ledger
        timer = self._ledgers[ledger_number][TIMER]
        machine = self._machine
        machine.speech = scratch = copy_speech(speech)
        repeats = found.number % self._repeat_every == 0
        unhandled: list[tuple[Event, Reply]] = []
        self.steps += len(events)
        for event in events:
            try:
                reply = machine.send(event)
                kind = reply.kind
            except Exception as error:
                self.blame("every_event_is_answered", repr(error), found.number, event)
                machine = self._machine = self._machine_type(speech=scratch)
                machine.speech = scratch = copy_speech(speech)
                continue
            if kind != "handled":
                unhandled.append((event, reply))
                continue
            self.transitions += 1
            self.rows.add(reply.rows)
            after = self._write(found, event, reply, scratch)
            number = self._arrive(found.number, event, scratch, after, None)
            if type(event) is TimerFired:
                if event.timer == timer:
                    self.ways_out[found.number] = number
            elif not timer and type(event) is Close:
                self.ways_out[found.number] = number
            if repeats:
                self._repeat(found, event, reply, scratch)
            machine.speech = scratch = copy_speech(speech)
        self._send_again(found, unhandled, scratch)

    def _expand_faithful(self, found: Found, moves: list[Move]) -> None:
        speech, ledger_number = found.speech, found.ledger
        timer = self._ledgers[ledger_number][TIMER]
        machine = self._machine
        machine.speech = scratch = copy_speech(speech)
        unhandled: list[tuple[Event, Reply]] = []
        for move, after_move in moves:
            self.transitions += 1
            if isinstance(move, str):
                self._arrive(found.number, move, speech, ledger_number, after_move)
                continue
            self.steps += 1
            try:
                reply = machine.send(move)
                kind = reply.kind
            except Exception as error:
                self.blame("every_event_is_answered", repr(error), found.number, move)
                machine = self._machine = self._machine_type(speech=scratch)
                machine.speech = scratch = copy_speech(speech)
                continue
            if kind != "handled":
                unhandled.append((move, reply))
                if kind == "rejected":
                    self.blame("nobody_honest_is_blamed", str(reply), found.number, move)
                self._arrive(found.number, move, speech, ledger_number, after_move)
                continue
            self.rows.add(reply.rows)
            after = self._write(found, move, reply, scratch)
            if reply.effects:
                after_move = perform(after_move, reply.effects, self._bounds.message_ids)
            number = self._arrive(found.number, move, scratch, after, after_move)
            if type(move) is (TimerFired if timer else Close):
                self.ways_out[found.number] = number
            machine.speech = scratch = copy_speech(speech)
        self._send_again(found, unhandled, scratch)

    def _send_again(self, found: Found, unhandled: list[tuple[Event, Reply]], scratch: Speech) -> None:
        """See that what is not handled gets the same answer twice, and has changed nothing."""
        send = self._machine.send
        self.replies["handled"] = self.steps - self.replies["ignored"] - self.replies["rejected"]
        for event, reply in unhandled:
            self.replies[reply.kind] += 1
            self.answers.add(reply.row)  # type: ignore[union-attr]
            if send(event) != reply:
                self.blame("same_again", f"first {reply}, then something else", found.number, event)
        if self._keys.of(scratch, 0) != self._keys.of(found.speech, 0):
            culprit = next((event for event, _ in unhandled if self._changes(found.speech, event)), None)
            self.blame("rejected_changes_nothing", f"{culprit} changes the speech", found.number, culprit)

    def _changes(self, speech: Speech, event: Event) -> bool:
        copy = copy_speech(speech)
        self._machine_type(speech=copy).send(event)
        return self._keys.of(copy, 0) != self._keys.of(speech, 0)

    def _repeat(self, found: Found, event: Event, reply: Reply, speech: Speech) -> None:
        machine = self._machine_type(speech=copy_speech(found.speech))
        if machine.send(event) != reply or self._keys.of(machine.speech, 0) != self._keys.of(speech, 0):
            self.blame("same_again", f"{event} leads elsewhere the second time", found.number, event)

    def _write(self, found: Found, event: Event, reply: Reply, speech: Speech) -> int:
        """Return the number of the ledger after a handled step, and judge the step."""
        effects = reply.effects
        known = None
        if not effects and type(event) is not TimerFired:
            # Then the ledger does not depend on anything else.
            known = (found.ledger, id(event), speech.state, id(speech.capabilities))
            number = self._ledger_after.get(known)
            if number is not None:
                return number
        ledger = thaw(self._ledgers[found.ledger])
        step = StepTaken(found.speech.state, event, effects, speech)
        for name, complaint in self._judge.step(ledger, step, has_world=found.world is not None):
            self.blame(name, complaint, found.number, event)
        self.seen.update(map(type, effects))
        for effect in effects:
            if type(effect) is ReportMessageSettled:
                self.seen.add(effect.record.reason)
        frozen = freeze(ledger)
        number = self._ledger_numbers.get(frozen)
        if number is None:
            number = self._ledger_numbers[frozen] = len(self._ledgers)
            self._ledgers.append(frozen)
        if known is not None:
            self._ledger_after[known] = number
        return number

    def _arrive(self, origin: int, move: Event | str | None, speech: Speech, ledger: int, world: World | None) -> int:
        """Return the number of the configuration that a move leads to, and have it wait if it is new."""
        world_number = 0
        if world is not None:
            world_number = self._world_numbers.setdefault(world, len(self._world_numbers))
        key = self._keys.of(speech, ledger, world_number)
        number = self._numbers.get(key)
        if number is not None:
            return number
        number = self._numbers[key] = len(self._numbers)
        self._origins.append(origin)
        self._moves.append(move)
        self._depths.append(self._depths[origin] + 1 if origin >= 0 else 0)
        self.ways_out.append(UNKNOWN)
        self.waiting.append(Found(number, speech, ledger, world))
        self.seen.add(("speech", speech.state))
        for message in speech.messages.values():
            self.seen.add(("message", message.state))
        for name, complaint in self._judge.configuration(thaw(self._ledgers[ledger]), world, speech):
            self.blame(name, complaint, number, None)
        return number

    def blame(self, name: str, complaint: str, number: int, move: Event | str | None) -> None:
        """Note where a property failed, the first time it does."""
        if name in self._properties and name not in self.flaws:
            self.flaws[name] = Flaw(name, complaint, number, move)
