"""Outputs and dead ends."""

from __future__ import annotations

from .. import misbehaviour as bad
from ..scenario import Scenario
from ..script import Pacing, ScriptedResponse
from .making import ANSWER, PREAMBLE, scenario

OUTPUTS: tuple[Scenario, ...] = (
    scenario(
        "silent-after-clear",
        "the output never reports how far it got after a clear",
        misbehaviour=bad.Silent(only_after_clear=True),
        bugs="O1 O2",
    ),
    scenario(
        "finish-never-reported",
        "the output never reports that the preamble was played",
        actions=(),
        misbehaviour=bad.Silent(),
        bugs="O2 O3",
    ),
    scenario(
        "surplus-finishes", "every finish is reported three times", misbehaviour=bad.SurplusFinishes(2, 30), bugs="O4"
    ),
    scenario(
        "connection-dropped",
        "the connection breaks while the answer is generated",
        ScriptedResponse((PREAMBLE, ANSWER), pacing=Pacing(speed=1.2), drop_connection_after_audio_ms=2_600),
        actions=(),
        bugs="O6 O7",
    ),
)
