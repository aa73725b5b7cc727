"""The search through the configurations of a bounded conversation."""

from __future__ import annotations

from collections.abc import Collection
from typing import ClassVar, get_args

from speech_lifecycle.fsm.conversation.machine import ConversationMachine, step_conversation
from speech_lifecycle.fsm.copying import copy_conversation, copy_speech
from speech_lifecycle.fsm.effects import (
    AnnounceAgentState,
    AnnounceConnectionState,
    CreateResponse,
    ReportSpeechBegun,
    RestoreHistory,
)
from speech_lifecycle.fsm.events import Authorize, Event, Resume, TimerFired, name_of
from speech_lifecycle.fsm.replies import Handled
from speech_lifecycle.fsm.state import Conversation
from speech_lifecycle.fsm.values import AgentState, ConnectionState, FloorState, GenerationState, UserState

from ..search import Search, Unhandled
from ..ways_out import NO_WAY, OVER, dead_ends
from .alphabet import events_in
from .bounds import ConversationBounds
from .declaring import StepTaken
from .keys import key_of
from .properties import ConversationJudge, what_does_not_add_up

_REGIONS = {
    "connection": ConnectionState,
    "user": UserState,
    "floor": FloorState,
    "generation": GenerationState,
    "agent": AgentState,
}
MOST_MOVES = 16
"""After so many timers, and words of user and agent, a conversation to which nobody talks has ended."""


def copy_of(conversation: Conversation) -> Conversation:
    """Return a conversation that shares nothing that may change."""
    copy = copy_conversation(conversation)
    for name, speech in copy.speeches.items():
        copy.speeches[name] = copy_speech(speech)
    return copy


class ConversationSearch(Search[tuple[int, Conversation], Conversation]):
    """What was found of a conversation. A configuration is the conversation with its speeches."""

    possible: ClassVar[dict[str, object]] = {
        **{
            f"the {region} is {state}": (region, state)
            for region, states in _REGIONS.items()
            for state in get_args(states)
        },
        **{f"{state} is announced": AnnounceAgentState(state) for state in get_args(AgentState)},
        **{
            f"{state} is announced": AnnounceConnectionState(state)
            for state in get_args(ConnectionState)
            if state not in ("connected", "restoring")
        },
        **{
            f"{name_of(effect_type)} is given": effect_type
            for effect_type in (CreateResponse, ReportSpeechBegun, RestoreHistory)
        },
    }

    def __init__(
        self,
        bounds: ConversationBounds,
        machine_type: type[ConversationMachine],
        properties: Collection[str],
        *,
        repeat_every: int = 8,
    ) -> None:
        """Begin with the starts of all options. In one of `repeat_every` configurations every step is repeated."""
        super().__init__(bounds.starts, properties)
        self._bounds = bounds
        self._machine_type = machine_type
        self._judge = ConversationJudge(properties)
        self._repeat_every = repeat_every
        self._numbers: dict[bytes, int] = {}
        self._is_closing: list[bool] = []
        for capabilities, policy in bounds.starts:
            self._arrive(-1, None, Conversation(capabilities, policy))

    @property
    def edges(self) -> int:
        """How many events were handled."""
        return self.tally.handled

    def expand(self) -> tuple[int, Conversation]:
        """Send every event to the configuration that has waited longest."""
        number, before = self.waiting.popleft()
        way_out = _way_out(before)
        self.ways_out[number] = OVER if _has_ended(before) else NO_WAY
        repeats = number % self._repeat_every == 0
        machine: ConversationMachine | None = None
        others: list[tuple[Event, Unhandled]] = []
        for event in events_in(before, self._bounds):
            if machine is None:
                machine = self._machine_type(conversation=copy_of(before))
            try:
                reply = machine.send(event)
            except Exception as error:
                self._blame("every_event_has_its_answer", repr(error), number, event)
                self.tally.raised += 1
                machine = None
                continue
            if not isinstance(reply, Handled):
                others.append((event, reply))
                continue
            after = machine.conversation
            machine = None
            reached = self._lead(number, before, event, reply, after)
            if event == way_out and self.ways_out[number] != OVER:
                self.ways_out[number] = reached
            if repeats:
                self._repeat(number, before, event, reply, after)
        self._prove(number, before, others, repeats)
        return number, before

    def _lead(self, number: int, before: Conversation, event: Event, reply: Handled, after: Conversation) -> int:
        tally = self.tally
        tally.handled += 1
        tally.transitions.update(reply.transitions)
        for effect in reply.effects:
            is_state = type(effect) is AnnounceAgentState or type(effect) is AnnounceConnectionState
            tally.seen.add(effect if is_state else type(effect))
        for name, complaint in self._judge.step(StepTaken(before, event, reply, after)):
            self._blame(name, complaint, number, event)
        return self._arrive(number, event, after)

    def _arrive(self, origin: int, event: Event | None, conversation: Conversation) -> int:
        key = key_of(conversation)
        number = self._numbers.get(key)
        if number is not None:
            return number
        number = self._numbers[key] = len(self._numbers)
        self._add(origin, event)
        self._is_closing.append(conversation.connection in ("closing", "closed"))
        self.waiting.append((number, conversation))
        self.tally.seen.update([(region, getattr(conversation, region)) for region in _REGIONS])
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

    def _prove(self, number: int, before: Conversation, others: list[tuple[Event, Unhandled]], repeats: bool) -> None:
        """See that what was not handled changed nothing: all of it at once, and if repeated, as a pure function."""
        self.tally.others.update([reply for _, reply in others])
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
        for number, complaint in dead_ends(self.ways_out, MOST_MOVES):
            self._blame("closing_ends" if self._is_closing[number] else "everything_can_end", complaint, number, None)


def _has_ended(conversation: Conversation) -> bool:
    """Nothing goes on; and if the agent is leaving, it has left."""
    return not conversation.live and conversation.connection != "closing"


def _way_out(conversation: Conversation) -> Event | None:
    """Return what comes next if nobody has anything to say: nothing is held, timers fire, the user's first."""
    speeches = conversation.speeches
    if conversation.connection != "closing":
        if conversation.user == "talking":
            return TimerFired("user")
        if conversation.floor in ("held", "suspended"):
            return Resume()
        for name in conversation.live:
            if speeches[name].state == "paused":
                return Resume(name)
        if conversation.floor == "free":
            for name in conversation.waiting:
                return Authorize(name)
    for name in conversation.live:
        timer = speeches[name].timer
        if timer is not None:
            return TimerFired(timer, name)
    return None
