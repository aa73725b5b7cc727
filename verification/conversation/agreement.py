"""The compiled conversation and python-statemachine's engine, compared in every reachable configuration."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from speech_lifecycle.fsm.conversation.machine import ConversationMachine
from speech_lifecycle.fsm.state import Conversation

from ..agreement import LOOK_EVERY, Agreement, Disagreement
from .alphabet import events_in
from .bounds import ConversationBounds
from .explorer import conversations
from .reference import ReferenceConversation
from .search import copy_of


def conversation_disagreements(
    bounds: ConversationBounds,
    agreement: Agreement | None = None,
    *,
    watch: Callable[[], str] | None = None,
    machine_type: type[ConversationMachine] = ConversationMachine,
) -> Iterator[Disagreement[Conversation]]:
    """Yield every step that the compiled conversation and the reference take differently: none.

    Args:
        bounds: whose configurations are walked, and whose events are sent in each.
        agreement: counts what was compared.
        watch: is asked now and then; what it returns, unless "", ends the comparison and says why.
        machine_type: what is compared with the reference.
    """
    counts = agreement or Agreement()
    reference = ReferenceConversation(Conversation())
    for conversation in conversations(bounds, machine_type):
        if watch is not None and counts.configurations % LOOK_EVERY == 0:
            counts.stopped = watch()
            if counts.stopped:
                return
        counts.configurations += 1
        events = events_in(conversation, bounds)
        counts.steps += len(events)
        compiled: ConversationMachine | None = None
        for event in events:
            if compiled is None:
                compiled = machine_type(conversation=copy_of(conversation), keep_steps=True)
                reference.restart(copy_of(conversation))
            reply, expected = compiled.send(event), reference.send(event)
            if type(reply) is not type(expected) or reply != expected:
                yield Disagreement(conversation, event, f"the table answers {reply}, the engine {expected}")
            if compiled.conversation != reference.conversation:
                difference = f"the table leads to {compiled.conversation}, the engine to {reference.conversation}"
                yield Disagreement(conversation, event, difference)
            if reply.kind == "handled" or expected.kind == "handled":
                compiled = None
