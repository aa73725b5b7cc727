"""All that must hold of a conversation (spec, section 9), and the judge of it.

Each is judged by the speeches' own states, which are explored by themselves, and not by what the conversation writes
down about them: that is what is in question.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from speech_lifecycle.fsm import events as ev
from speech_lifecycle.fsm.replies import Handled
from speech_lifecycle.fsm.state import Conversation

from ..property import Complaint, Property, violations

# Importing them declares them.
from . import (  # noqa: F401
    announcing_properties,
    bookkeeping_properties,
    end_properties,
    floor_properties,
    hold_properties,
    request_properties,
)
from .declaring import DECLARED, StepTaken

CONVERSATION_PROPERTIES: dict[str, Property] = dict(
    sorted(DECLARED.items(), key=lambda item: int(item[1].section.partition(".")[2]))
)
"""All of them, in the order of the specification."""


def what_does_not_add_up(reply: Handled) -> Complaint:
    """Return what is wrong with the steps of a reply that has them: its effects, or what a speech is told."""
    if not reply.steps:
        return None
    effects = [effect for each in reply.steps for effect in each.reply.effects]
    transitions = [transition for each in reply.steps for transition in each.reply.transitions]
    if effects != list(reply.effects) or transitions != list(reply.transitions):
        return "the steps do not add up to the reply"
    for each in reply.steps:
        if each.reply.kind == "rejected" and each.reply.reason not in ("not_interruptible", "output_cannot_pause"):
            return f"a speech is told what it rejects: {each}"
    return None


class ConversationJudge:
    """The properties to check, sorted by what they are about."""

    def __init__(self, names: Collection[str]) -> None:
        chosen = [CONVERSATION_PROPERTIES[name] for name in names]
        self._of_steps = {
            event_type: [
                (each.name, each.check)
                for each in chosen
                if each.kind == "step" and (not each.about or event_type in each.about)
            ]
            for event_type in ev.EVERY_EVENT_TYPE
        }
        self._of_configurations = [(each.name, each.check) for each in chosen if each.kind == "configuration"]

    def step(self, step: StepTaken) -> Iterator[tuple[str, str]]:
        """Yield the properties that fail in a step, each with the complaint."""
        return violations(self._of_steps[type(step.event)], step)

    def configuration(self, conversation: Conversation) -> Iterator[tuple[str, str]]:
        """Yield the properties that fail in a configuration, each with the complaint."""
        return violations(self._of_configurations, conversation)
