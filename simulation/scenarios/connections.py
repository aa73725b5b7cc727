"""A connection that comes back."""

from __future__ import annotations

from collections.abc import Iterator

from ..scenario import Action, Scenario
from ..script import AfterLoss, Pacing, ScriptedResponse, ServerBehaviour
from .making import ANSWER, NEXT, PREAMBLE, scenario


def _resumed(name: str, summary: str, drop: Action) -> Iterator[Scenario]:
    """Return a scenario whose connection is lost and comes back: to what the server remembers, and to nothing."""
    kinds: tuple[tuple[AfterLoss, str], ...] = (
        ("kept", "it comes back, and the server has kept the conversation"),
        ("gone", "it comes back, to an empty conversation that is told what was heard"),
    )
    for after_loss, what_comes in kinds:
        yield scenario(
            f"{name}-{after_loss}",
            f"{summary}; {what_comes}",
            ScriptedResponse((PREAMBLE, ANSWER), pacing=Pacing(speed=1.2)),
            NEXT,
            actions=(drop, Action(7_000, "request")),
            behaviour=ServerBehaviour(after_loss=after_loss),
            reconnects=True,
            synchronize_text=True,
        )


CONNECTIONS: tuple[Scenario, ...] = (
    *_resumed("dropped-in-mid-speech", "the connection breaks in mid-answer", Action(3_200, "drop")),
    *_resumed("dropped-between-turns", "the connection breaks between two turns", Action(6_200, "drop")),
    *_resumed(
        "dropped-while-truncating",
        "the connection breaks when the user has interrupted and the truncation is under way",
        Action(3_200, "interrupt_and_drop"),
    ),
)
