"""The compiled conversation and python-statemachine's own engine agree, event by event, in all that they do."""

from __future__ import annotations

import pytest

from speech_lifecycle.fsm.conversation.machine import ConversationMachine
from speech_lifecycle.fsm.events import Pause
from speech_lifecycle.verification.agreement import Agreement, disagreements
from speech_lifecycle.verification.conversation import ConversationBounds
from speech_lifecycle.verification.conversation.bounds import HOLDS


@pytest.mark.parametrize(
    "bounds",
    [
        ConversationBounds(live=2, messages=0, kept=0),
        ConversationBounds(live=2, messages=0, kept=0, options=(HOLDS,)),
        ConversationBounds(live=1, messages=1, kept=0),
    ],
    ids=["barge-in interrupts", "barge-in holds", "messages"],
)
def test_python_statemachines_engine_agrees_in_every_configuration(bounds):
    compared = Agreement()
    assert list(disagreements(bounds, compared)) == []
    assert compared.configurations > 500
    assert compared.steps > 15_000


class Forgets(ConversationMachine):
    """Does not hold the floor."""

    __slots__ = ()

    def send(self, event):
        reply = super().send(event)
        if isinstance(event, Pause) and self.conversation.floor == "held":
            self.conversation.floor = "free"
        return reply


def test_a_machine_that_differs_from_the_engine_is_found():
    first = next(disagreements(ConversationBounds(live=2, messages=0, kept=0), machine_type=Forgets))
    assert "the table leads to" in first.difference
