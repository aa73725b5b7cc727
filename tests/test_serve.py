"""`speech-lifecycle serve` is a port like any other: it answers all that is said to it, and never dies of it."""

from __future__ import annotations

import json
import subprocess

import pytest
from port_walks import difference, walk
from test_cli import COMMAND

from speech_lifecycle.fsm.compile.definition import SPEC_VERSION
from speech_lifecycle.verification.conformance.serving import Server


def told(*commands: object) -> list[dict[str, object]]:
    lines = [command if isinstance(command, str) else json.dumps(command) for command in commands]
    return [json.loads(answer) for answer in Server().answers(lines)]


@pytest.mark.parametrize("seed", range(8))
def test_it_answers_as_the_machines_do(seed):
    found = walk(seed, 60)
    begin = {"command": "begin", "machine": found.machine, "capabilities": found.capabilities, "policy": found.policy}
    begun, *answers = told(begin, *({"command": "step", "event": step.event} for step in found.steps))
    assert begun["state"] == found.initial
    assert [difference(*each) for each in zip(found.steps, answers, strict=True)] == [""] * len(answers)


@pytest.mark.parametrize("seed", [2, 3])
def test_it_goes_on_with_a_snapshot(seed):
    found = walk(seed, 40)
    middle = len(found.steps) // 2
    state = found.steps[middle - 1].expected["state"]
    load = {"command": "load", "machine": found.machine, "state": state}
    loaded, *answers = told(load, *({"command": "step", "event": step.event} for step in found.steps[middle:]))
    assert loaded["state"] == state
    assert [difference(*each) for each in zip(found.steps[middle:], answers, strict=True)] == [""] * len(answers)


def test_it_says_what_it_is():
    (started,) = told({"command": "start"})
    assert started["spec_version"] == SPEC_VERSION
    assert started["implementation"] == "speech-lifecycle"


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (None, "unknown_event"),
        ({}, "unknown_event"),
        ({"type": 5}, "unknown_event"),
        ({"type": "nothing"}, "unknown_event"),
        ({"type": "request_response", "speech_id": "a"}, "unknown_event"),
        ({"type": "interrupt", "force": 1}, "malformed_event"),
        ({"type": "interrupt", "else": True}, "malformed_event"),
        ({"type": "session_audio_received", "message_id": "m"}, "malformed_event"),
    ],
    ids=repr,
)
def test_an_event_that_is_none_is_rejected_and_changes_nothing(event, reason):
    begun, answer = told({"command": "begin"}, {"command": "step", "event": event})
    assert (answer["reply"], answer["reason"]) == ("rejected", reason)
    assert answer["state"] == begun["state"]


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("not JSON", "not JSON"),
        ("[]", "a command is an object"),
        ("{}", "no command None; there are start"),
        ({"command": "begin", "machine": "car"}, "no machine 'car'"),
        ({"command": "begin", "policy": {"frame_ms": -1}}, "frame_ms"),
        ({"command": "begin", "capabilities": {"can_fly": True}}, "can_fly"),
        ({"command": "load", "state": {"state": "asleep"}}, "asleep"),
        ({"command": "load", "machine": "conversation", "state": 5}, "object"),
        (
            {"command": "load", "spec_version": "9.9.9", "state": {}},
            f"'9.9.9' of the specification; this is '{SPEC_VERSION}'",
        ),
        ("[" * 100_000, "nested too deep"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_cannot_be_understood_is_said_and_the_next_command_is_answered(command, said):
    answer, started = told(command, {"command": "start"})
    assert said in answer["error"]
    assert started["language"] == "Python"


def test_the_command_runs_until_it_is_told_to_stop():
    commands = [{"command": "begin"}, {"command": "step", "event": {"type": "authorize"}}, {"command": "stop"}, {}]
    done = subprocess.run(
        [COMMAND, "serve", "--stdio"],
        input="".join(f"{json.dumps(command)}\n" for command in commands),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    _, answer = map(json.loads, done.stdout.splitlines())
    assert answer["transitions"] == ["speech.queued.authorize", "speech.active.go_on"]
    assert done.stderr == ""
