"""Calls in which the server plays by itself."""

from __future__ import annotations

from collections.abc import Iterator

from speech_lifecycle.fsm.values import Capabilities, Policy

from ..scenario import Action, Scenario
from ..script import ScriptedResponse
from .making import ANSWER, NEXT, scenario


def _in_a_call() -> Iterator[Scenario]:
    """Return what happens to an answer that the server plays by itself, in a WebRTC or SIP call."""
    courses: tuple[tuple[str, str, tuple[Action, ...]], ...] = (
        ("played", "plays the answer to the end, and the next one", (Action(900, "request"),)),
        ("user-speaks", "cuts its answer when the user speaks, and says where", (Action(1_400, "user_speaks"),)),
        ("interrupted", "is told to be silent, and where to cut", (Action(1_400, "interrupt"),)),
    )
    for name, what, actions in courses:
        yield scenario(
            f"call-{name}",
            f"a call in which the server plays by itself: it {what}",
            ScriptedResponse((ANSWER,)),
            NEXT,
            actions=actions,
            server_plays=True,
            capabilities=Capabilities(truncates_by_itself=True),
            policy=Policy(estimate_heard_text=True),
            bugs="N24",
        )


CALLS: tuple[Scenario, ...] = tuple(_in_a_call())
