"""The search through the configurations of a bounded speech."""

from __future__ import annotations

from collections.abc import Collection
from typing import ClassVar, NamedTuple, get_args

from speech_lifecycle.fsm.effects import EFFECT_TYPES
from speech_lifecycle.fsm.events import Close, Event, TimerFired, name_of
from speech_lifecycle.fsm.machine import SpeechMachine
from speech_lifecycle.fsm.replies import Reply
from speech_lifecycle.fsm.state import Speech
from speech_lifecycle.fsm.values import FINAL_SPEECH_STATES, MessageState, Reason, SpeechState

from .alphabet import Alphabet
from .bounds import Bounds
from .faithful import Worlds
from .ledger import Ledger
from .property import Judge
from .search import Move, Search
from .steps import Node, Steps
from .ways_out import NO_WAY, OVER, dead_ends
from .world import World, perform

MOST_TIMERS = 8
"""So many timers fire at most until a speech that nobody talks to is over."""


class Found(NamedTuple):
    """A configuration that waits to be gone on from."""

    number: int
    node: Node
    world: World | None


class SpeechSearch(Search[Found, Speech]):
    """What was found of a speech.

    A configuration is a node of the machine, and in a faithful exploration a world around it. Many worlds share a
    node, so its steps are taken once and remembered.
    """

    possible: ClassVar[dict[str, object]] = {
        **{f"the speech is {state}": ("speech", state) for state in get_args(SpeechState)},
        **{f"a message is {state}": ("message", state) for state in get_args(MessageState)},
        **{f"a message ends as {reason}": reason for reason in get_args(Reason)},
        **{f"{name_of(effect_type)} is given": effect_type for effect_type in EFFECT_TYPES},
    }

    def __init__(
        self,
        bounds: Bounds,
        machine_type: type[SpeechMachine],
        properties: Collection[str],
        *,
        exact: bool = False,
        repeat_every: int = 16,
    ) -> None:
        """Begin with the starts of all options."""
        super().__init__(bounds.options, properties)
        self._is_faithful = bounds.mode == "faithful"
        self._judge = Judge(properties)
        self._steps = Steps(
            machine_type, self._judge, self.tally, has_world=self._is_faithful, exact=exact, repeat_every=repeat_every
        )
        self._alphabet = Alphabet(bounds)
        self._worlds = Worlds(bounds)
        self._bounds = bounds
        self._orders: dict[tuple[object, ...], list[Event]] = {}
        """By kind of configuration: the events, those first that were handled in the last one of its kind."""
        self._nodes: list[Node] = []
        """Of a faithful exploration."""
        self._known_steps: dict[tuple[int, int], tuple[int, Reply | None]] = {}
        self._numbers: dict[tuple[int, World], int] = {}
        self._edges = 0
        for capabilities, policy in bounds.options:
            node = self._steps.enter(Speech(capabilities, policy), Ledger())
            self._arrive(-1, None, node, self._worlds.start() if self._is_faithful else None)

    @property
    def edges(self) -> int:
        """How many events were handled; in a faithful exploration all moves, also those of the world alone."""
        return self._edges

    def expand(self, only: Collection[Event] | None = None) -> tuple[int, Speech]:
        """Try everything in the configuration that has waited longest, or only some events."""
        found = self.waiting.popleft()
        if found.node.speech.state in FINAL_SPEECH_STATES:
            self.ways_out[found.number] = OVER
        elif only is None or any(type(event) is TimerFired for event in only):
            self.ways_out[found.number] = NO_WAY
        if found.world is None:
            self._expand_hostile(found, only)
        else:
            self._expand_faithful(found, found.world, only)
        self._collect_violations(found.number, found.number)
        return found.number, found.node.speech

    def _expand_hostile(self, found: Found, only: Collection[Event] | None) -> None:
        """Send every event, those first that are likely to be handled: they use up the machine's copy (`Steps`)."""
        speech = found.node.speech
        events = self._alphabet.of(speech)
        kind = (id(events), speech.state, *[message.state for message in speech.messages.values()])
        handled, others = self._steps.take(found.node, self._orders.get(kind, events) if only is None else only)
        if only is None:
            self._orders[kind] = [event for event, *_ in handled] + [event for event, _ in others]
        for event, reached, _ in handled:
            self._note_move(found, event, self._arrive(found.number, event, reached, None))

    def _expand_faithful(self, found: Found, world: World, only: Collection[Event] | None) -> None:
        node = found.node
        for move, after in self._worlds.moves(world, node.ledger, node.speech):
            if isinstance(move, str):
                self._note_move(found, move, self._arrive(found.number, move, node.number, after))
            elif only is None or move in only:
                reached, reply = self._take_once(node, move)
                if reply is None:
                    continue
                if reply.kind == "rejected":
                    self._blame("nobody_honest_is_blamed", str(reply), found.number, move)
                after = perform(after, reply.effects, self._bounds.message_ids)
                self._note_move(found, move, self._arrive(found.number, move, reached, after))

    def _take_once(self, node: Node, event: Event) -> tuple[int, Reply | None]:
        """Return the node that an event leads to, and the reply; None if it raised."""
        known = self._known_steps.get((node.number, id(event)))
        if known is None:
            handled, others = self._steps.take(node, (event,))
            known = handled[0][1:] if handled else (node.number, others[0][1] if others else None)
            self._known_steps[node.number, id(event)] = known
        return known

    def _note_move(self, found: Found, move: Move, number: int) -> None:
        self._edges += 1
        if type(move) is TimerFired or type(move) is Close:
            timer = found.node.ledger.timer
            if move.timer == timer if type(move) is TimerFired else not timer:
                self.ways_out[found.number] = number
        if self._steps.violations:
            self._collect_violations(found.number, number)

    def _arrive(self, origin: int, move: Move | None, node: int, world: World | None) -> int:
        """Return the number of the configuration that a move leads to, and have it wait if it is new."""
        number = node if world is None else self._numbers.setdefault((node, world), len(self._numbers))
        if number < len(self._moves):
            return number
        if world is None:
            new = self._steps.found.popleft()
        else:
            if self._steps.found:
                self._nodes.append(self._steps.found.popleft())
            new = self._nodes[node]
            for name, complaint in self._judge.world(new.ledger, world, new.speech):
                self._blame(name, complaint, number, None)
        self._add(origin, move)
        self.waiting.append(Found(number, new, world))
        return number

    def _collect_violations(self, origin: int, reached: int) -> None:
        """Blame steps on the configuration they begin in, nodes on the one that first has them."""
        for violation in self._steps.violations:
            number = violation.node if not self._is_faithful else reached if violation.event is None else origin
            self._blame(violation.property, violation.complaint, number, violation.event)
        self._steps.violations.clear()

    def find_dead_ends(self) -> None:
        """See that from every configuration a few timers lead to the end; after a close, if the agent is awaited."""
        for number, complaint in dead_ends(self.ways_out, MOST_TIMERS):
            self._blame("ends_when_timers_fire", complaint, number, None)
