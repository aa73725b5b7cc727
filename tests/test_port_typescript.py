"""The TypeScript that is exported compiles strictly, and does what the machines do."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from port_walks import Walk, difference, not_passed, walk

from speech_lifecycle.exports import definition_file, export

PORT = Path(__file__).parent.parent / "ports" / "typescript"
EVENTS = int(os.environ.get("PORT_EVENTS", "50000"))
"""How many random events are compared: by hand a million, in CI as many as take half a minute."""
AT_A_TIME = 20_000

pytestmark = pytest.mark.skipif(
    shutil.which("node") is None or not (PORT / "node_modules").exists(),
    reason="TypeScript is not installed: make node",
)


@pytest.fixture(scope="module")
def package(tmp_path_factory) -> Path:
    """The package as a user gets it, compiled with its own strict settings: any error fails."""
    folder = tmp_path_factory.mktemp("typescript")
    export("typescript", folder)
    (folder / "node_modules").symlink_to(PORT / "node_modules")
    done = subprocess.run(["node_modules/.bin/tsc"], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    return folder


def answers(package: Path, walks: list[Walk]) -> list[dict[str, object]]:
    commands = [{"command": "start"}]
    for each in walks:
        begin = {"machine": each.machine, "capabilities": each.capabilities, "policy": each.policy}
        commands += [{"command": "begin", **begin}, *({"command": "step", "event": s.event} for s in each.steps)]
    done = subprocess.run(
        ["node", package / "dist" / "run.js"],
        input="".join(json.dumps(command) + "\n" for command in [*commands, {"command": "stop"}]),
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_it_agrees_on_random_events_in_replies_effects_and_whole_snapshots(package):
    compared, seed, taken = 0, 0, set()
    while compared < EVENTS:
        walks: list[Walk] = []
        while sum(len(each.steps) for each in walks) < min(AT_A_TIME, EVENTS):
            walks.append(walk(seed, 200))
            seed += 1
        _, *got = answers(package, walks)
        given = iter(got)
        for each in walks:
            assert next(given)["state"] == each.initial
            for step, answer in zip(each.steps, given, strict=False):
                assert difference(step, answer) == "", each.machine
                taken.update(answer["transitions"])
                compared += 1
    ids = {name for chart in definition_file().charts.values() for name in chart.transitions}
    assert len(taken & ids) > 0.75 * len(ids)


def test_it_passes_every_tier(package):
    assert not_passed(["node", package / "dist" / "run.js"]) == []


def test_it_says_what_it_was_made_from(package):
    (started,) = answers(package, [])
    own = definition_file()
    assert started["spec_version"] == own.spec_version
    assert started["behaviour_digest"] == own.behaviour_digest


def test_whole_snapshots_can_be_loaded(package):
    found = walk(2, 120)
    middle = len(found.steps) // 2
    before = found.steps[middle - 1].expected["state"]
    begin = Walk(found.machine, found.capabilities, found.policy, found.initial, found.steps[middle:])
    commands = [
        {"command": "load", "machine": begin.machine, "state": before},
        *({"command": "step", "event": step.event} for step in begin.steps),
    ]
    done = subprocess.run(
        ["node", package / "dist" / "run.js"],
        input="".join(json.dumps(command) + "\n" for command in commands),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    loaded, *got = map(json.loads, done.stdout.splitlines())
    assert loaded["state"] == before
    assert [difference(*each) for each in zip(begin.steps, got, strict=True)] == [""] * len(begin.steps)


def test_a_program_that_leaves_a_field_out_or_misspells_one_does_not_compile(package):
    for wrong, said in (
        ('{ type: "session_lost", may_resume: "yes" }', "not assignable"),
        ('{ type: "session_audio_received", message_id: "m" }', "received_ms"),
        ('{ type: "session_lots" }', "session_lots"),
    ):
        program = f'import {{ SpeechMachine }} from "./index.js";\nnew SpeechMachine().send({wrong});\n'
        (package / "src" / "wrong.ts").write_text(program, encoding="utf-8")
        done = subprocess.run(
            ["node_modules/.bin/tsc", "--noEmit"], cwd=package, capture_output=True, text=True, check=False
        )
        (package / "src" / "wrong.ts").unlink()
        assert done.returncode != 0
        assert "src/wrong.ts" in done.stdout
        assert said in done.stdout


def test_only_the_process_needs_node(package):
    """The rest runs in a browser."""
    for path in (package / "src").glob("*.ts"):
        text = path.read_text(encoding="utf-8")
        assert (path.name == "run.ts") == ("node:" in text or "process." in text), path.name
    assert "dependencies" not in json.loads((package / "package.json").read_text(encoding="utf-8"))
