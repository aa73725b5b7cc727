"""The LiveKit scenarios, each played once and remembered."""

from __future__ import annotations

import functools

from speech_lifecycle.simulation.livekit_agents.rehearsal import Watching
from speech_lifecycle.simulation.livekit_agents.rehearsed import Rehearsed
from speech_lifecycle.simulation.livekit_agents.scenarios import LIVEKIT_SCENARIOS


@functools.cache
def outcome(name: str, watched: Watching) -> Rehearsed:
    scenario = LIVEKIT_SCENARIOS[name]
    assert scenario.sweep_ms is None, "a sweep has many outcomes"
    return scenario.play(watched)


SINGLE = [name for name, scenario in LIVEKIT_SCENARIOS.items() if scenario.sweep_ms is None]
SWEPT = [name for name, scenario in LIVEKIT_SCENARIOS.items() if scenario.sweep_ms is not None]
