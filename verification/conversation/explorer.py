"""The explorer: from the start, every event in every reachable configuration of a bounded conversation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import get_args

from speech_lifecycle.fsm.compile.definition import Definition, definition
from speech_lifecycle.fsm.conversation.machine import ConversationMachine
from speech_lifecycle.fsm.effects import (
    AnnounceAgentState,
    AnnounceConnectionState,
    CreateResponse,
    ReportSpeechBegun,
    RestoreHistory,
)
from speech_lifecycle.fsm.events import name_of
from speech_lifecycle.fsm.state import Conversation
from speech_lifecycle.fsm.trace import definition_digest
from speech_lifecycle.fsm.values import AgentState, ConnectionState, FloorState, GenerationState, UserState

from ..explorer import LOOK_EVERY, Exploration, Progress
from .bounds import ConversationBounds
from .counterexample import ConversationCounterexample
from .properties import CONVERSATION_PROPERTIES
from .search import ConversationSearch


def explore_conversation(
    bounds: ConversationBounds,
    *,
    watch: Callable[[Progress], str] | None = None,
    stop_at_first: bool = False,
    machine_type: type[ConversationMachine] = ConversationMachine,
    of: Definition | None = None,
) -> Exploration[ConversationBounds, ConversationCounterexample]:
    """Try every event in every reachable configuration of a bounded conversation.

    Args:
        bounds: how large the conversation is.
        watch: is given the figures now and then; what it returns, unless "", ends the exploration and says why.
        stop_at_first: stop at the first violation.
        machine_type: the machine to explore.
        of: the Definition that this machine runs, if it is not the usual one.
    """
    search = ConversationSearch(bounds, machine_type, CONVERSATION_PROPERTIES)
    stopped = ""
    expanded = 0
    while search.waiting and not stopped:
        search.expand()
        expanded += 1
        if stop_at_first and search.flaws:
            stopped = "a property is violated"
        elif watch is not None and expanded % LOOK_EVERY == 0:
            stopped = watch(Progress(search.configurations, len(search.waiting), sum(search.replies.values())))
    search.find_dead_ends()
    return _result(bounds, search, stopped, of or definition())


def conversations(
    bounds: ConversationBounds, machine_type: type[ConversationMachine] = ConversationMachine
) -> Iterator[Conversation]:
    """Yield all reachable configurations, each once, nearest first."""
    search = ConversationSearch(bounds, machine_type, ())
    while search.waiting:
        yield search.expand()


def _result(
    bounds: ConversationBounds, search: ConversationSearch, stopped: str, of: Definition
) -> Exploration[ConversationBounds, ConversationCounterexample]:
    taken = search.transitions | {reply.answer for reply in search.others}
    return Exploration(
        bounds=bounds,
        definition=definition_digest(),
        configurations=search.configurations,
        steps=sum(search.replies.values()),
        edges=search.handled,
        depth=search.depth,
        replies=search.replies,
        transitions_taken=frozenset(taken),
        transitions_never_taken=tuple(
            transition.id for transition in of.conversation.transitions if transition.id not in taken
        ),
        properties=tuple(CONVERSATION_PROPERTIES),
        sometimes=_sometimes(search),
        violations=[
            ConversationCounterexample(
                flaw.property,
                flaw.complaint,
                bounds.starts[search.start_of(flaw.number)],
                (*search.way_to(flaw.number), *([] if flaw.event is None else [flaw.event])),
                definition_digest(),
            )
            for flaw in search.flaws.values()
        ],
        stopped=stopped,
        waiting=len(search.waiting),
    )


def _sometimes(search: ConversationSearch) -> dict[str, bool]:
    """Return what must be possible, or the model is dead, and whether it was seen."""
    regions = {
        "connection": ConnectionState,
        "user": UserState,
        "floor": FloorState,
        "generation": GenerationState,
        "agent": AgentState,
    }
    announced: dict[str, object] = {
        **{state: AnnounceAgentState(state) for state in get_args(AgentState)},
        **{
            state: AnnounceConnectionState(state)
            for state in get_args(ConnectionState)
            if state not in ("connected", "restoring")
        },
    }
    wanted: dict[str, object] = {
        **{
            f"the {region} is {state}": (region, state)
            for region, states in regions.items()
            for state in get_args(states)
        },
        **{f"{state} is announced": effect for state, effect in announced.items()},
        **{
            f"{name_of(effect_type)} is given": effect_type
            for effect_type in (CreateResponse, ReportSpeechBegun, RestoreHistory)
        },
    }
    return {name: sign in search.seen for name, sign in wanted.items()}
