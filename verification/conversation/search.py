"""One search through the configurations of a conversation, breadth first: the first way to each is a shortest one."""

from __future__ import annotations

from array import array
from collections import Counter, deque
from collections.abc import Collection
from typing import NamedTuple

from speech_lifecycle.fsm.conversation.machine import ConversationMachine, step_conversation
from speech_lifecycle.fsm.copying import copy_conversation, copy_speech
from speech_lifecycle.fsm.effects import AnnounceAgentState, AnnounceConnectionState
from speech_lifecycle.fsm.events import Authorize, Event, Resume, TimerFired, UserStoppedSpeaking
from speech_lifecycle.fsm.replies import Handled, Ignored, Rejected
from speech_lifecycle.fsm.state import Conversation

from ..ways_out import NO_WAY, OVER, UNKNOWN, dead_ends
from .alphabet import events_in
from .bounds import ConversationBounds
from .keys import key_of
from .properties import ConversationJudge, StepTaken, what_does_not_add_up

MOST_MOVES = 16
"""After so many timers, and words of user and agent, a conversation to which nobody talks has ended."""


class Flaw(NamedTuple):
    """Where a property failed: in a configuration, or in the step from it that an event causes."""

    property: str
    complaint: str
    number: int
    event: Event | None


def copy_of(conversation: Conversation) -> Conversation:
    """Return a conversation that shares nothing that may change."""
    copy = copy_conversation(conversation)
    for name, speech in copy.speeches.items():
        copy.speeches[name] = copy_speech(speech)
    return copy


class ConversationSearch:
    """Everything found so far, and what waits to be gone on from."""

    def __init__(
        self,
        bounds: ConversationBounds,
        machine_type: type[ConversationMachine],
        properties: Collection[str],
        *,
        repeat_every: int = 8,
    ) -> None:
        """Begin with the starts of all options. In one of `repeat_every` configurations every step is repeated."""
        self._bounds = bounds
        self._machine_type = machine_type
        self._properties = frozenset(properties)
        self._judge = ConversationJudge(properties)
        self._repeat_every = repeat_every
        self._numbers: dict[bytes, int] = {}
        self._origins = array("q")
        self._moves: list[Event | None] = []
        self._ways_out = array("q")
        self._is_closing: list[bool] = []
        self.waiting: deque[tuple[int, Conversation]] = deque()
        self.flaws: dict[str, Flaw] = {}
        """The first of each property."""
        self.handled = 0
        self.raised = 0
        self.others: Counter[Ignored | Rejected] = Counter()
        """How often each answer was given that is not "handled"."""
        self.transitions: set[str] = set()
        self.seen: set[object] = set()
        """States, types of effects, and what was announced."""
        for capabilities, policy in bounds.starts:
            self._arrive(-1, None, Conversation(capabilities, policy))

    @property
    def configurations(self) -> int:
        """How many were found."""
        return len(self._moves)

    @property
    def depth(self) -> int:
        """The length of the longest way found."""
        return len(self.way_to(self.configurations - 1))

    @property
    def replies(self) -> dict[str, int]:
        """How many steps were answered in each way."""
        kinds = {"handled": self.handled, "ignored": 0, "rejected": 0, "raised": self.raised}
        for reply, count in self.others.items():
            kinds[reply.kind] += count
        return kinds

    def way_to(self, number: int) -> list[Event]:
        """Return the events that lead to a configuration, a shortest way."""
        events: list[Event] = []
        while (event := self._moves[number]) is not None:
            events.append(event)
            number = self._origins[number]
        return events[::-1]

    def start_of(self, number: int) -> int:
        """Return which of the options a configuration belongs to."""
        while self._origins[number] >= 0:
            number = self._origins[number]
        return number

    def expand(self) -> Conversation:
        """Send every event to the configuration that has waited longest, and return it."""
        number, before = self.waiting.popleft()
        way_out = _way_out(before)
        self._ways_out[number] = OVER if _has_ended(before) else NO_WAY
        repeats = number % self._repeat_every == 0
        machine: ConversationMachine | None = None
        others: list[tuple[Event, Ignored | Rejected]] = []
        for event in events_in(before, self._bounds):
            if machine is None:
                machine = self._machine_type(conversation=copy_of(before))
            try:
                reply = machine.send(event)
            except Exception as error:
                self._blame("every_event_has_its_answer", repr(error), number, event)
                self.raised += 1
                machine = None
                continue
            if not isinstance(reply, Handled):
                others.append((event, reply))
                continue
            after = machine.conversation
            machine = None
            reached = self._lead(number, before, event, reply, after)
            if event == way_out and self._ways_out[number] != OVER:
                self._ways_out[number] = reached
            if repeats:
                self._repeat(number, before, event, reply, after)
        self._prove(number, before, others, repeats)
        return before

    def _lead(self, number: int, before: Conversation, event: Event, reply: Handled, after: Conversation) -> int:
        self.handled += 1
        self.transitions.update(reply.transitions)
        for effect in reply.effects:
            is_state = type(effect) is AnnounceAgentState or type(effect) is AnnounceConnectionState
            self.seen.add(effect if is_state else type(effect))
        for name, complaint in self._judge.step(StepTaken(before, event, reply, after)):
            self._blame(name, complaint, number, event)
        return self._arrive(number, event, after)

    def _arrive(self, origin: int, event: Event | None, conversation: Conversation) -> int:
        key = key_of(conversation)
        number = self._numbers.get(key)
        if number is not None:
            return number
        number = self._numbers[key] = len(self._numbers)
        self._origins.append(origin)
        self._moves.append(event)
        self._ways_out.append(UNKNOWN)
        self._is_closing.append(conversation.connection in ("closing", "closed"))
        self.waiting.append((number, conversation))
        regions = ("connection", "user", "floor", "generation", "agent")
        self.seen.update([(region, getattr(conversation, region)) for region in regions])
        for name, complaint in self._judge.configuration(conversation):
            self._blame(name, complaint, number, None)
        return number

    def _repeat(self, number: int, before: Conversation, event: Event, reply: Handled, after: Conversation) -> None:
        """See that the same comes of it as of a pure function, or of a machine that runs another Definition."""
        if self._machine_type is ConversationMachine:
            untouched = copy_of(before)
            again, replied = step_conversation(before, event)
            if untouched != before:
                self._blame("pure_and_in_place_agree", "the pure function changes what it was given", number, event)
        else:
            machine = self._machine_type(conversation=copy_of(before))
            again, replied = machine.conversation, machine.send(event)
        if again != after or replied != reply:
            self._blame("pure_and_in_place_agree", "it leads elsewhere the second time", number, event)
        machine = self._machine_type(conversation=copy_of(before), keep_steps=True)
        told = machine.send(event)
        if (told.effects, told.transitions) != (reply.effects, reply.transitions):
            self._blame("pure_and_in_place_agree", "a machine that keeps steps does something else", number, event)
        elif isinstance(told, Handled) and (complaint := what_does_not_add_up(told)):
            self._blame("steps_add_up", complaint, number, event)

    def _prove(
        self, number: int, before: Conversation, others: list[tuple[Event, Ignored | Rejected]], repeats: bool
    ) -> None:
        """See that what was not handled changed nothing: all of it at once, and if repeated, as a pure function."""
        self.others.update([reply for _, reply in others])
        machine = self._machine_type(conversation=copy_of(before))
        for event, reply in others:
            if machine.send(event) != reply:
                self._blame("pure_and_in_place_agree", f"first {reply}, then something else", number, event)
        if machine.conversation != before:
            self._blame("nothing_changes_unless_handled", "an event that was not handled changed it", number, None)
        if repeats and self._machine_type is ConversationMachine:
            for event, reply in others:
                if step_conversation(before, event) != (before, reply):
                    self._blame("pure_and_in_place_agree", "it is answered otherwise by `step`", number, event)

    def find_dead_ends(self) -> None:
        """See that every configuration has its end: by timers, a silent user, and an agent that holds nothing."""
        for number, complaint in dead_ends(self._ways_out, MOST_MOVES):
            self._blame("closing_ends" if self._is_closing[number] else "everything_can_end", complaint, number, None)

    def _blame(self, name: str, complaint: str, number: int, event: Event | None) -> None:
        """Note where a property failed, the first time it does."""
        if name in self._properties and name not in self.flaws:
            self.flaws[name] = Flaw(name, complaint, number, event)


def _has_ended(conversation: Conversation) -> bool:
    """Nothing goes on; and if the agent is leaving, it has left."""
    return not conversation.live and conversation.connection != "closing"


def _way_out(conversation: Conversation) -> Event | None:
    """Return what comes next if nobody has anything to say: the user falls silent, nothing is held, a timer fires."""
    speeches = conversation.speeches
    if conversation.connection != "closing":
        if conversation.user == "talking":
            return UserStoppedSpeaking()
        floor_id = conversation.floor_id
        if conversation.floor in ("held", "suspended") or (
            floor_id is not None and speeches[floor_id].state == "paused"
        ):
            return Resume()
        if conversation.floor == "free":
            for name in conversation.waiting:
                return Authorize(name)
    for name in conversation.live:
        timer = speeches[name].timer
        if timer is not None:
            return TimerFired(timer, name)
    return None
