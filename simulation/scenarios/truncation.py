"""Where to truncate."""

from __future__ import annotations

from .. import misbehaviour as bad
from ..scenario import Action, Scenario
from ..script import ScriptedResponse
from .making import ANSWER, PREAMBLE, SHOWN, SLOW, scenario

TRUNCATION: tuple[Scenario, ...] = (
    scenario(
        "before-first-sound",
        "interrupted before anything was heard",
        SLOW,
        actions=(Action(350, "interrupt", "request"),),
        output_latency_ms=400,
        bugs="T1 T5 O1",
    ),
    scenario(
        "at-first-sound",
        "interrupted in the instant of the first sound",
        actions=(Action(0, "interrupt"),),
        bugs="T1 T5",
    ),
    scenario(
        "text-interrupted",
        "a text message, interrupted while it is written",
        ScriptedResponse((SHOWN,)),
        actions=(Action(60, "interrupt", "request"),),
        bugs="T2",
    ),
    scenario(
        "at-the-end", "interrupted in the last frame of the answer", actions=(Action(5_990, "interrupt"),), bugs="T3"
    ),
    scenario(
        "user-speaks",
        "the user talks over the answer: the server hears it and cancels by itself",
        SLOW,
        actions=(Action(3_200, "user_speaks"),),
        bugs="T6 C4",
    ),
    scenario(
        "server-counts-less",
        "the server counts 85 ms less than it sent, and refuses to truncate beyond",
        ScriptedResponse((PREAMBLE, ANSWER), server_counts_ms_less=85),
        actions=(Action(5_950, "interrupt"),),
        bugs="T8 T9",
    ),
    scenario(
        "position-not-a-number",
        "the output reports that it stopped at not-a-number",
        misbehaviour=bad.ReportsPosition(float("nan")),
        bugs="T12",
    ),
    scenario(
        "position-missing",
        "the output does not say where it stopped",
        misbehaviour=bad.ReportsPosition(None),
        bugs="T12",
    ),
    scenario(
        "position-negative",
        "the output reports a negative position",
        misbehaviour=bad.ReportsPosition(-40.0),
        bugs="T13",
    ),
    scenario(
        "position-zero",
        "the output reports 0, though audio was heard",
        misbehaviour=bad.ReportsPosition(0.0),
        bugs="T14",
    ),
    scenario(
        "position-too-far",
        "the output reports more than it was given",
        misbehaviour=bad.OverReports(by_ms=60_000),
        bugs="T4 T10",
    ),
)
