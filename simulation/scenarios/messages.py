"""Several messages in one response."""

from __future__ import annotations

from dataclasses import replace

from ..scenario import Action, Scenario
from ..script import Pacing, ScriptedResponse
from .making import ANSWER, IN_PREAMBLE, NEXT, PREAMBLE, SLOW, THREE, TWO, scenario

MESSAGES: tuple[Scenario, ...] = (
    scenario(
        "interrupted-before-second",
        "interrupted in the preamble: the answer was never played",
        actions=(IN_PREAMBLE,),
        bugs="M2 M3 M7",
    ),
    scenario(
        "interrupted-between",
        "interrupted in the instant between the preamble and the answer",
        actions=(Action(1_800, "interrupt"),),
        bugs="M2",
    ),
    scenario(
        "three-interrupted-in-first",
        "three messages, interrupted in the first",
        THREE,
        actions=(IN_PREAMBLE,),
        bugs="M7",
    ),
    scenario(
        "interrupted-while-generating",
        "interrupted while the server still generates the answer",
        SLOW,
        bugs="M2 C6",
    ),
    scenario(
        "second-response-queued",
        "two responses, the second queued behind the first; the user interrupts both",
        TWO,
        NEXT,
        requests=2,
        bugs="M8 M3",
    ),
    scenario(
        "late-audio",
        "more of the preamble comes when it has been played and the answer is heard: the server forgets it",
        ScriptedResponse((replace(PREAMBLE, late_audio_ms=600), ANSWER), pacing=Pacing(speed=1.2)),
        actions=(),
        bugs="M5",
    ),
)
