"""The port written by hand from the specification does what the machines do, and its charts are those of today."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from port_walks import not_passed

from speech_lifecycle.fsm.compile.definition import EVENTLESS, definition
from speech_lifecycle.verification.conformance.courses import random_courses
from speech_lifecycle.verification.conformance.judging import Port, judge_all

PORT = Path(__file__).parent.parent / "ports" / "javascript-by-hand"
EVENTS = int(os.environ.get("PORT_EVENTS", "5000"))
"""How many random events are compared: by hand a million."""
ROWS = """
import * as charts from "./charts.mjs";
for (const [name, table] of Object.entries(charts)) {
  for (const line of table.trim().split("\\n")) console.log(JSON.stringify([name.toLowerCase(), line]));
}
"""

pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="Node.js is not installed")


def test_it_passes_every_tier():
    assert not_passed([PORT / "run.mjs"]) == []


def test_it_agrees_on_random_events():
    port = Port([str(PORT / "run.mjs")], timeout=60)
    try:
        assert [judged for judged in judge_all(port, random_courses(23, EVENTS)) if judged.verdict != "pass"] == []
    finally:
        port.end()


def rows_of_the_port() -> dict[tuple[str, str], list[tuple[str, ...]]]:
    """By state and event: name, guard, where to and actions of each row, in order."""
    done = subprocess.run(
        ["node", "--input-type=module", "--eval", ROWS], cwd=PORT, capture_output=True, text=True, check=True
    )
    cells: dict[tuple[str, str], list[tuple[str, ...]]] = {}
    for chart, line in map(json.loads, done.stdout.splitlines()):
        states, events, guard, target, actions = (*map(str.strip, line.split("|")), "")[:5]
        types, _, name = events.partition(" #")
        for state in states.split():
            for event in types.split():
                place = f"{chart}.{state}", EVENTLESS if event == "-" else event
                cells.setdefault(place, []).append((name, guard, target, actions))
    return cells


def rows_of_the_definition() -> dict[tuple[str, str], list[tuple[str, ...]]]:
    cells: dict[tuple[str, str], list[tuple[str, ...]]] = {}
    for chart in definition().every_chart:
        for is_answer in (False, True):
            for each in chart.transitions:
                if (each.kind != "handled") is is_answer:
                    target = each.kind if is_answer else each.target or "="
                    actions = "" if is_answer else " ".join(each.actions)
                    row = each.name, each.cond, target, actions
                    cells.setdefault((f"{chart.name}.{each.source}", each.event), []).append(row)
    return cells


def test_its_charts_are_those_of_the_specification():
    """Which rows have to be changed by hand, after a chart was."""
    own, needed = rows_of_the_port(), rows_of_the_definition()
    assert {cell: rows for cell, rows in own.items() if needed.get(cell) != rows} == {}
    assert needed.keys() - own.keys() == set()


def test_a_changed_guard_is_found(tmp_path):
    """The comparison can fail: one guard of one row is another."""
    shutil.copytree(PORT, tmp_path / "port")
    path = tmp_path / "port" / "message.mjs"
    text = path.read_text(encoding="utf-8")
    changed = text.replace("nothing_waits: ({ speech }) => speech.next_id === null", "nothing_waits: () => true")
    assert changed != text
    path.write_text(changed, encoding="utf-8")
    port = Port([str(tmp_path / "port" / "run.mjs")], timeout=60)
    try:
        found = next(judged for judged in judge_all(port, random_courses(23, EVENTS)) if judged.verdict != "pass")
    finally:
        port.end()
    assert found.verdict == "wrong transitions"
    assert "#in_line" in found.expected
