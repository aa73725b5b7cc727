"""Pause and resume."""

from __future__ import annotations

from .. import misbehaviour as bad
from ..scenario import Action, Scenario
from ..script import Pacing, ScriptedResponse
from .making import PREAMBLE, scenario

HOLDING: tuple[Scenario, ...] = (
    scenario(
        "paused-then-interrupted",
        "held in mid-answer, then the interruption is confirmed",
        actions=(Action(3_000, "pause"), Action(3_600, "interrupt")),
        bugs="P1 P3",
    ),
    scenario(
        "paused-then-resumed",
        "held in mid-answer, and it was no interruption",
        actions=(Action(3_000, "pause"), Action(3_600, "resume")),
        misbehaviour=bad.StartsAgainOnResume(),
        bugs="P2 P6",
    ),
    scenario(
        "user-speaks-before-launch",
        "the user begins to speak before the first audio is there; it still arrives, and is not played",
        ScriptedResponse(
            (PREAMBLE,), pacing=Pacing(speed=1.2, first_item_delay_ms=300), late_deltas_after_cancel_ms=900
        ),
        actions=(Action(150, "user_speaks", "request"),),
        bugs="P4",
    ),
)
