"""Cancelling."""

from __future__ import annotations

from speech_lifecycle.fsm.values import Policy

from ..scenario import Action, Scenario
from ..script import Pacing, ScriptedResponse
from .making import ANSWER, CLOSING, NEXT, PREAMBLE, scenario

CANCELLING: tuple[Scenario, ...] = (
    scenario(
        "next-response-while-cancelling",
        "the next response is requested while the cancelled one has not ended",
        ScriptedResponse((PREAMBLE, ANSWER), pacing=Pacing(speed=1.2), late_deltas_after_cancel_ms=400),
        NEXT,
        actions=(Action(900, "interrupt"), Action(901, "request")),
        bugs="C1 C6",
    ),
    scenario(
        "interrupted-before-response",
        "interrupted before the server has begun the response",
        ScriptedResponse((PREAMBLE, ANSWER), pacing=Pacing(start_delay_ms=500)),
        actions=(Action(100, "interrupt", "request"),),
        bugs="C2 C3",
    ),
    scenario(
        "late-items-after-cancel",
        "after the cancel, deltas and a whole new message still arrive",
        ScriptedResponse((PREAMBLE, ANSWER, CLOSING), pacing=Pacing(speed=3.0), late_deltas_after_cancel_ms=2_000),
        actions=(Action(900, "interrupt"),),
        bugs="C6 M2",
    ),
    scenario("generation-already-ended", "interrupted when the server has long ended the response", bugs="C4 C5"),
    scenario(
        "protected-withdrawn",
        "a speech that may not be interrupted, withdrawn by force",
        actions=(Action(700, "interrupt"), Action(900, "force_interrupt")),
        policy=Policy(interruptible=False),
        bugs="C7",
    ),
)
