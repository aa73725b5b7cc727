"""The table of the LiveKit scenarios is what they come to. Its sweeps take minutes, and are not played again."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from livekit_outcomes import SINGLE, SWEPT, outcome

from speech_lifecycle.simulation.livekit_agents.scenarios import LIVEKIT_SCENARIOS

DOCS = Path(__file__).parent.parent / "docs"
LINES = (DOCS / "livekit_scenarios.md").read_text(encoding="utf-8").splitlines()

spec = importlib.util.spec_from_file_location(
    "livekit_table", Path(__file__).parent.parent / "tools" / "livekit_table.py"
)
assert spec is not None
assert spec.loader is not None
livekit_table = importlib.util.module_from_spec(spec)
spec.loader.exec_module(livekit_table)


@pytest.mark.parametrize("name", SINGLE)
def test_its_rows_are_fresh(name: str) -> None:
    outcomes = {mode: [outcome(name, mode)] for mode in livekit_table.MODES}
    scenario = LIVEKIT_SCENARIOS[name]
    for line in (livekit_table.row_of(scenario, outcomes), *livekit_table.details_of(scenario, outcomes)):
        assert line in LINES, "run `python tools/livekit_table.py`"


def test_a_swept_scenario_is_never_different_when_repaired() -> None:
    for name in SWEPT:
        (row,) = [line for line in LINES if line.startswith(f"| {name} |")]
        assert row.rstrip(" |").split(" | ")[-1].startswith("0 of "), row


def test_it_lists_the_scenarios_there_are() -> None:
    listed = dict.fromkeys(line.split("|")[1].strip() for line in LINES if line.startswith("| "))
    assert [name for name in listed if name not in ("", "scenario")] == list(LIVEKIT_SCENARIOS)
