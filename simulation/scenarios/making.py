"""What the scenarios are made of."""

from __future__ import annotations

from ..scenario import Action, Scenario
from ..script import Pacing, ScriptedFunctionCall, ScriptedMessage, ScriptedResponse

PREAMBLE = ScriptedMessage("Let me check the weather in London for you.", 1_800, message_id="preamble")
ANSWER = ScriptedMessage(
    "It is sunny in London today, with a light breeze from the west and no rain before the evening.",
    4_200,
    message_id="answer",
)
CLOSING = ScriptedMessage("Shall I look up tomorrow as well?", 1_500, message_id="closing")
LATER = ScriptedMessage("Tomorrow will be cloudy.", 1_400, message_id="later")
SHOWN = ScriptedMessage("Here is the forecast as a table.", modality="text", message_id="shown")
EMPTY = ScriptedMessage("", 0, message_id="empty")
CALL = ScriptedFunctionCall("get_weather", '{"city": "London"}')

TWO = ScriptedResponse((PREAMBLE, ANSWER))
THREE = ScriptedResponse((PREAMBLE, ANSWER, CLOSING))
SLOW = ScriptedResponse((PREAMBLE, ANSWER), pacing=Pacing(speed=1.2, first_item_delay_ms=300))
NEXT = ScriptedResponse((LATER,))
WEATHER = (ScriptedResponse((PREAMBLE, CALL)), ScriptedResponse((ANSWER,)))
"""A turn in which the model calls a tool, and goes on when it has the result."""

IN_PREAMBLE = Action(900, "interrupt")
IN_ANSWER = Action(3_200, "interrupt")


def scenario(name: str, summary: str, *responses: ScriptedResponse, bugs: str = "", **rest: object) -> Scenario:
    """Return a scenario; unless said otherwise it has two messages, interrupted in the second."""
    actions = rest.pop("actions", (IN_ANSWER,))
    return Scenario(name, summary, responses or (TWO,), actions=actions, bugs=tuple(bugs.split()), **rest)  # type: ignore[arg-type]
