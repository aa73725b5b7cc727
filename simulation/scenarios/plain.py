"""Plain cases, which no framework has got wrong in a way of its own."""

from __future__ import annotations

from ..scenario import Scenario
from ..script import Pacing, ScriptedResponse
from .making import ANSWER, CALL, EMPTY, PREAMBLE, SHOWN, scenario

PLAIN: tuple[Scenario, ...] = (
    scenario(
        "answer-interrupted",
        "a preamble and an answer, interrupted in mid-answer",
        synchronize_text=True,
        bugs="H1 M6 T15",
    ),
    scenario("undisturbed", "a preamble and an answer, both played to the end", actions=(), bugs="M1 M5"),
    scenario(
        "function-call-between",
        "a message, a function call, a message",
        ScriptedResponse((PREAMBLE, CALL, ANSWER)),
        bugs="M4",
    ),
    scenario(
        "dones-per-item",
        "a server that ends each item before it begins the next",
        ScriptedResponse((PREAMBLE, ANSWER), pacing=Pacing(done_events="end_of_item")),
    ),
    scenario("text-shown", "a text message after an audio message", ScriptedResponse((PREAMBLE, SHOWN)), actions=()),
    scenario(
        "empty-message",
        "a message without any content between two others",
        ScriptedResponse((PREAMBLE, EMPTY, ANSWER)),
    ),
    scenario(
        "text-unseen",
        "a text message, and an output without a screen: nobody could see it, and it is forgotten",
        ScriptedResponse((PREAMBLE, SHOWN)),
        actions=(),
        shows_text=False,
    ),
    scenario("no-output", "without an audio output, the text is what reaches the user", actions=(), has_output=False),
)
