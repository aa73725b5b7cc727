"""The kit tells ports that are right from ports that are wrong, names what is wrong, and always comes to an end."""

from __future__ import annotations

import json
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from broken_port import FAULTS
from test_cli import COMMAND, run

from speech_lifecycle.verification.conformance.courses import courses_in, random_courses
from speech_lifecycle.verification.conformance.judging import Port, judge_all, shortest

BROKEN = Path(__file__).parent / "broken_port.py"
OWN = [str(COMMAND), "serve", "--stdio"]


def test_the_packages_own_machines_conform(tmp_path):
    done = run("conform", "--events", 1500, "--", *OWN, cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    assert "speech-lifecycle (Python): 25 pass" in done.stdout


@pytest.mark.parametrize(
    ("verdict", "fault"), [(verdict, fault) for verdict, faults in FAULTS.items() for fault in faults]
)
def test_every_broken_port_is_named_by_its_verdict(verdict, fault):
    port = Port([sys.executable, str(BROKEN), fault.__name__], timeout=2 if verdict == "timed out" else 30)
    try:
        found = next(judged for judged in judge_all(port, random_courses(3, 3000)) if judged.verdict != "pass")
        assert found.verdict == verdict
        assert found.got
    finally:
        port.end()


def test_a_difference_is_shrunk_to_what_it_needs():
    port = Port([sys.executable, str(BROKEN), "too_strict"], timeout=30)
    try:
        found = next(judged for judged in judge_all(port, random_courses(3, 1200)) if judged.verdict != "pass")
        least = shortest(port, found)
        assert least.verdict == found.verdict
        assert least.course.events[-1]["type"] == "pause"
        assert len(least.course.events) <= 4
    finally:
        port.end()


def test_the_first_difference_is_shown_with_transition_action_and_section(tmp_path):
    done = run("conform", "--events", 600, "--no-shrink", "--", sys.executable, BROKEN, "effect_lost", cwd=tmp_path)
    assert done.returncode == 1
    assert "wrong effects: random-1-" in done.stdout
    assert "expected [" in done.stdout
    assert "unwatch" in done.stdout
    assert "(section " in done.stdout


def test_a_seed_gives_the_same_events():
    assert list(random_courses(5, 300)) == list(random_courses(5, 300))
    assert list(random_courses(5, 300)) != list(random_courses(6, 300))
    assert sum(len(course.events) for course in random_courses(5, 300)) == 300


def vector_file(tmp_path: Path) -> Path:
    path = tmp_path / "own.jsonl"
    vectors = [
        {"id": course.id, "machine": course.machine, "capabilities": course.capabilities, "policy": course.policy}
        | {"steps": [{"event": event, "reply": "whatever is expected"} for event in course.events]}
        for course in random_courses(9, 120)
    ]
    path.write_text("".join(f"{json.dumps(vector)}\n" for vector in vectors), encoding="utf-8")
    return path


def test_vectors_are_asked_by_their_events_alone(tmp_path):
    path = vector_file(tmp_path)
    assert [course.id for course in courses_in(path)] == ["random-9-0", "random-9-1"]
    done = run("conform", "--vectors", path, "--events", 0, "--junit", "report.xml", "--", *OWN, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    report = ET.parse(tmp_path / "report.xml").getroot()
    assert (report.get("tests"), report.get("failures")) == ("2", "0")


def test_a_listed_skip_that_passes_is_an_error(tmp_path):
    path = vector_file(tmp_path)
    arguments = ("conform", "--vectors", path, "--events", 0, "--junit", "report.xml", "--skip", "random-9-0", "--")
    passes = run(*arguments, *OWN, cwd=tmp_path)
    assert passes.returncode == 1
    assert "1 skipped but passes" in passes.stdout
    assert ET.parse(tmp_path / "report.xml").getroot().get("failures") == "1"


@pytest.mark.parametrize(
    ("command", "verdict", "said"),
    [
        (["/nothing/is/here"], "protocol error", "cannot be run: No such file"),
        ([sys.executable, "-c", "raise SystemExit('no licence')"], "crashed", "exit code 1: no licence"),
        ([sys.executable, "-c", "print('hello'); input()"], "protocol error", "'hello', which is not JSON"),
        ([sys.executable, "-c", "print('[]'); input()"], "protocol error", "which is no object"),
        ([sys.executable, "-c", "import time; time.sleep(600)"], "timed out", "no answer within 0.5 seconds"),
    ],
    ids=["not there", "ends", "talks", "answers a list", "says nothing"],
)
def test_what_is_no_port_gets_a_verdict_and_a_hint(command, verdict, said):
    port = Port(command, timeout=0.5 if verdict == "timed out" else 30)
    judged = port.judge(next(random_courses(1, 10)))
    port.end()
    assert judged.verdict == verdict
    assert said in judged.got


def test_both_versions_are_named():
    port = Port([sys.executable, str(BROKEN), "wrong_version"], timeout=30)
    judged = port.judge(next(random_courses(1, 10)))
    port.end()
    assert "'99.0.0'" in judged.got
    assert "this specification is" in judged.got


def test_a_file_that_holds_no_vectors_is_named_with_its_line(tmp_path):
    (tmp_path / "wrong.jsonl").write_text('{"id": "a"}\n', encoding="utf-8")
    done = run("conform", "--vectors", "wrong.jsonl", "--events", 0, "--", *OWN, cwd=tmp_path)
    assert done.returncode == 2
    assert "wrong.jsonl, line 1: no field 'machine'" in done.stderr
