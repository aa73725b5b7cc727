"""The interpreter of `definition.json` does what the machines do, and needs nothing of this package."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from port_walks import difference, not_passed, walk

from speech_lifecycle.exports import export

PORT = Path(__file__).parent.parent / "ports" / "python-table"
EVENTS = int(os.environ.get("PORT_EVENTS", "30000"))
"""How many random events are compared: by hand a million, in CI as many as take half a minute."""


@pytest.fixture(scope="module")
def definition_path(tmp_path_factory) -> Path:
    output = tmp_path_factory.mktemp("export")
    export("json", output)
    return output / "definition.json"


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("speech_table", PORT / "speech_table" / "__init__.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_it_agrees_on_random_events_in_replies_effects_and_whole_snapshots(definition_path):
    port = load()
    definition = port.load_definition(definition_path)
    compared, seed, taken = 0, 0, set()
    while compared < EVENTS:
        found = walk(seed, 200)
        machine = port.Machine(definition)
        assert json.dumps(machine.begin(found.machine, found.capabilities, found.policy)) == json.dumps(found.initial)
        for step in found.steps:
            answer = {**machine.step(step.event), "state": machine.snapshot}
            assert difference(step, answer) == "", f"seed {seed}"
            taken.update(answer["transitions"])
            compared += 1
        seed += 1
    ids = {name for chart in definition["charts"].values() for name in chart["transitions"]}
    assert len(taken & ids) > 0.75 * len(ids)


def test_a_changed_definition_is_found(definition_path):
    """The comparison can fail: one constant of one action is another."""
    port = load()
    definition = port.load_definition(definition_path)
    text = json.dumps(definition["functions"]["speech.actions.await_source"]["body"])
    definition["functions"]["speech.actions.await_source"]["body"] = json.loads(text.replace('"stall"', '"stop"'))
    machine = port.Machine(definition)
    for seed in range(0, 40, 2):
        found = walk(seed, 200)
        machine.begin(found.machine, found.capabilities, found.policy)
        for step in found.steps:
            if difference(step, {**machine.step(step.event), "state": machine.snapshot}):
                return
    pytest.fail("nobody has noticed")


def test_it_runs_as_a_process_that_imports_nothing_of_this_package(definition_path, tmp_path):
    found = walk(4, 40)
    commands = [
        {"command": "start"},
        {"command": "begin", "machine": found.machine, "capabilities": found.capabilities, "policy": found.policy},
        *({"command": "step", "event": step.event} for step in found.steps),
        {"command": "load", "machine": found.machine, "state": found.initial},
        {"command": "stop"},
    ]
    done = subprocess.run(
        [sys.executable, "-S", PORT / "run", definition_path],  # without site-packages
        input="".join(json.dumps(command) + "\n" for command in commands),
        cwd=tmp_path,
        env={},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    started, begun, *stepped, loaded = map(json.loads, done.stdout.splitlines())
    assert started["implementation"] == "python-table"
    assert begun["state"] == loaded["state"] == found.initial
    assert [difference(*each) for each in zip(found.steps, stepped, strict=True)] == [""] * len(found.steps)


def test_it_passes_every_tier(definition_path):
    assert not_passed([sys.executable, "-S", PORT / "run", definition_path]) == []


def test_a_file_of_another_version_is_refused_and_both_versions_named(definition_path, tmp_path):
    text = definition_path.read_text(encoding="utf-8").replace('"format_version": 1', '"format_version": 2')
    (tmp_path / "definition.json").write_text(text, encoding="utf-8")
    done = subprocess.run([sys.executable, PORT / "run"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "version 2; needed is" in done.stderr
    assert "version 1" in done.stderr
    assert "Traceback" not in done.stderr
