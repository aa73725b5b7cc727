"""A conversation's machine compared with the package's own, step by step, in every reachable configuration."""

from __future__ import annotations

from collections import deque
from functools import cache

from speech_lifecycle.fsm.compile.definition import definition
from speech_lifecycle.fsm.conversation.machine import ConversationMachine
from speech_lifecycle.fsm.events import name_of
from speech_lifecycle.fsm.state import Conversation

from ..comparing import told_apart_by
from ..mutants import Cell
from .alphabet import events_in
from .bounds import ConversationBounds
from .explorer import conversations
from .keys import key_of
from .search import copy_of

Pair = tuple[Conversation, Conversation]


def conversation_difference(
    machine_type: type[ConversationMachine], bounds: ConversationBounds, cell: Cell | None = None
) -> str:
    """Return the first step that a machine takes differently from the package's own, or "".

    What is different, and what is not, is as `comparing.difference` says.

    Args:
        machine_type: the machine to compare.
        bounds: whose configurations are walked, and whose events are sent in each.
        cell: the only cell that is not the original's, if it is known: nothing else needs to be compared.
    """
    chart = definition().conversation
    is_outer = cell is not None and cell.event in chart.events
    region = next((each.region for each in chart.regions if cell is not None and cell.source in each.state), "")
    apart: dict[tuple[bytes, bytes], Pair] = {}
    for conversation in _all_conversations(bounds):
        if is_outer and cell is not None and getattr(conversation, region) != cell.source:
            continue
        original = ConversationMachine(conversation=copy_of(conversation))
        other: ConversationMachine | None = None
        for event in events_in(conversation, bounds):
            if is_outer and cell is not None and name_of(type(event)) != cell.event:
                continue
            reply = original.send(event)
            if reply.kind != "handled" and not is_outer:
                continue
            if other is None:
                other = machine_type(conversation=copy_of(conversation))
            told_apart = told_apart_by(reply, other, event)
            if told_apart:
                return f"{event} in {chart.name}: {told_apart}"
            if reply.kind == "handled":
                data = key_of(original.conversation), key_of(other.conversation)
                if data[0] != data[1]:
                    apart.setdefault(data, (original.conversation, other.conversation))
                original, other = ConversationMachine(conversation=copy_of(conversation)), None
    return _in_lockstep(machine_type, bounds, apart)


def _in_lockstep(
    machine_type: type[ConversationMachine], bounds: ConversationBounds, apart: dict[tuple[bytes, bytes], Pair]
) -> str:
    """Go on from where the data differ, each machine on its own: does it ever show, before they are the same again?"""
    seen = {*apart}
    waiting = deque(apart.values())
    while waiting:
        here, there = waiting.popleft()
        for event in events_in(here, bounds):
            original = ConversationMachine(conversation=copy_of(here))
            other = machine_type(conversation=copy_of(there))
            told_apart = told_apart_by(original.send(event), other, event)
            if told_apart:
                return f"{event}, later: {told_apart}"
            data = key_of(original.conversation), key_of(other.conversation)
            if data[0] != data[1] and data not in seen:
                seen.add(data)
                waiting.append((original.conversation, other.conversation))
    return ""


@cache
def _all_conversations(bounds: ConversationBounds) -> tuple[Conversation, ...]:
    return tuple(conversations(bounds))
