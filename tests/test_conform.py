"""The kit tells ports that are right from ports that are wrong, names what is wrong, and always comes to an end."""

from __future__ import annotations

import json
import sys
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from broken_port import FAULTS, Deaf, two_faults
from test_cli import COMMAND, run

from speech_lifecycle.fsm.compile.definition import SPEC_VERSION
from speech_lifecycle.verification.conformance.courses import Course, courses_in, is_about, random_courses, tier_file
from speech_lifecycle.verification.conformance.judging import Judged, Port, judge_all, shortest
from speech_lifecycle.verification.conformance.serving import Server
from speech_lifecycle.verification.tiers import TIERS

Data = dict[str, Any]
BROKEN = Path(__file__).parent / "broken_port.py"
OWN = [str(COMMAND), "serve", "--stdio"]


@cache
def some_courses() -> list[Course]:
    return [*courses_in(tier_file("stories")), *random_courses(3, 3000)]


def test_the_packages_own_machines_conform(tmp_path):
    done = run("conform", "--events", 1500, "--", *OWN, cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    assert "speech-lifecycle (Python): 25 pass" in done.stdout


def test_a_port_in_the_same_process_passes_every_tier():
    port = Port(Server().answer)
    for tier in TIERS:
        found = [judged for course in courses_in(tier_file(tier)) if (judged := port.judge(course)).verdict != "pass"]
        assert found == []


def test_a_function_that_raises_has_crashed_and_goes_on():
    server = Server()

    def answer(command):
        return 1 / 0 if command.get("event") == {"type": "authorize", "speech_id": ""} else server.answer(command)

    port = Port(answer)
    found = [judged.verdict for judged in judge_all(port, random_courses(3, 600))]
    assert "crashed" in found
    assert "pass" in found


@pytest.mark.parametrize(
    ("verdict", "fault"), [(verdict, fault) for verdict, faults in FAULTS.items() for fault in faults]
)
def test_every_broken_port_is_named_by_its_verdict(verdict, fault):
    port = Port([sys.executable, str(BROKEN), fault.__name__], timeout=2 if verdict == "timed out" else 30)
    try:
        found = next(judged for judged in judge_all(port, some_courses()) if judged.verdict != "pass")
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


# After a difference

PROGRESS_AND_VIOLATION = [
    {"type": "authorize"},
    {"type": "session_response_created", "response_id": "r"},
    {"type": "session_message_added", "response_id": "r", "message_id": "m", "modalities": ["audio"]},
    {"type": "session_audio_received", "message_id": "m", "received_ms": 900},
    {"type": "output_audio_handed_over", "message_id": "m", "handed_over_ms": 900},
    {"type": "output_playback_started", "message_id": "m"},
    {"type": "output_playback_progressed", "message_id": "m", "position_ms": 500},
    {"type": "output_playback_progressed", "message_id": "m", "position_ms": 600},
    {"type": "session_text_received", "message_id": "m", "text": "Hello"},
    {"type": "session_audio_received", "message_id": "m", "received_ms": 100},
    {"type": "interrupt"},
]


def faults_of(answer: Callable[[Data], Data], events: Sequence[Data] = PROGRESS_AND_VIOLATION) -> list[tuple[str, str]]:
    course = Course("one", "speech", {}, {}, tuple(events))
    judged = Port(answer).judge(course)
    return [(each.verdict, each.where.partition(",")[0]) for each in (judged, *judged.further)]


def broken(server: Server, load: Callable[[Data, Data], None] = lambda command, answer: None) -> Callable[[Data], Data]:
    def answer(command: Data) -> Data:
        given = json.loads(json.dumps(server.answer(command)))
        two_faults(command, given)
        if command["command"] == "load":
            load(command, given)
        return given

    return answer


def test_a_fault_does_not_hide_the_next_of_a_port_that_goes_on_from_a_snapshot():
    assert faults_of(broken(Deaf())) == [("wrong state", "step 7"), ("wrongly refused", "step 10")]


def test_a_fault_that_shows_in_every_step_is_named_once_for_each_transition():
    def answer(command: Data) -> Data:
        return {**server.answer(command), "transitions": []} if command["command"] == "step" else server.answer(command)

    server, events = Server(), [{"type": "pause"}, {"type": "resume"}] * 20
    assert faults_of(answer, events) == [("wrong transitions", "step 1"), ("wrong transitions", "step 2")]


@pytest.mark.parametrize("word", ["error", "skip"])
def test_of_a_port_that_goes_on_from_no_snapshot_the_first_fault_is_named(word):
    asked: list[Data] = []

    def refuse(command: Data, answer: Data) -> None:
        asked.append(command)
        answer[word] = "there is no load"

    port = Port(broken(Deaf(), refuse))
    course = Course("one", "speech", {}, {}, tuple(PROGRESS_AND_VIOLATION))
    found = [port.judge(course) for _ in range(3)]
    assert [(each.verdict, each.further) for each in found] == [("wrong state", ())] * 3
    assert len(asked) == 1


def test_a_port_that_goes_on_from_another_snapshot_is_told_so_and_not_judged_by_what_follows():
    def forget(command: Data, answer: Data) -> None:
        answer |= server.answer({"command": "begin"})

    server = Deaf()
    assert faults_of(broken(server, forget)) == [("wrong state", "step 7"), ("wrong state", "load after step 7")]


def test_a_crash_after_a_difference_is_named_too():
    def answer(command: Data) -> Data:
        return 1 / 0 if command.get("event") == {"type": "interrupt"} else port(command)  # type: ignore[return-value]

    port = broken(Deaf())
    assert faults_of(answer) == [("wrong state", "step 7"), ("wrongly refused", "step 10"), ("crashed", "step 11")]


def test_both_faults_are_in_every_report(tmp_path):
    (tmp_path / "two.jsonl").write_text(
        json.dumps(
            {"id": "two", "spec_version": SPEC_VERSION, "machine": "speech", "capabilities": {}, "policy": {}}
            | {"steps": [{"event": event} for event in PROGRESS_AND_VIOLATION]}
        ),
        encoding="utf-8",
    )
    reports = ("--junit", "report.xml", "--html", "report.html")
    done = run("conform", "--vectors", "two.jsonl", *reports, "--", sys.executable, BROKEN, "two_faults", cwd=tmp_path)
    assert done.returncode == 1
    assert "wrong state: two, step " in done.stdout
    assert "wrongly refused: two, step 10" in done.stdout
    for report in ("report.xml", "report.html"):
        text = (tmp_path / report).read_text(encoding="utf-8")
        assert "wrong state" in text
        assert "wrongly refused; where step 10" in text


def test_a_port_of_an_earlier_definition_is_said_to_be_one(tmp_path):
    done = run("conform", "--events", 1200, "--no-shrink", "--", sys.executable, BROKEN, "too_strict", cwd=tmp_path)
    assert done.returncode == 1
    assert "note: it was made from definition 0123456789ab, and this is " in done.stdout


def test_a_seed_gives_the_same_events():
    assert list(random_courses(5, 300)) == list(random_courses(5, 300))
    assert list(random_courses(5, 300)) != list(random_courses(6, 300))
    assert sum(len(course.events) for course in random_courses(5, 300)) == 300


def vector_file(tmp_path: Path) -> Path:
    path = tmp_path / "own.jsonl"
    vectors = [
        {
            "id": course.id,
            "spec_version": SPEC_VERSION,
            "machine": course.machine,
            "capabilities": course.capabilities,
            "policy": course.policy,
        }
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
    arguments = (
        "conform",
        "--vectors",
        path,
        "--events",
        0,
        "--junit",
        "report.xml",
        "--skip",
        "random-9-0=it knows no pause",
        "--",
    )
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
    assert "wrong.jsonl, line 1: no vector: Object missing required field `spec_version`" in done.stderr


def test_vectors_of_another_version_are_refused_and_both_versions_named(tmp_path):
    path = vector_file(tmp_path)
    path.write_text(path.read_text(encoding="utf-8").replace(SPEC_VERSION, "9.9.9"), encoding="utf-8")
    done = run("conform", "--vectors", path, "--", *OWN, cwd=tmp_path)
    assert done.returncode == 2
    assert f"of version '9.9.9' of the specification; this is '{SPEC_VERSION}'" in done.stderr


@pytest.mark.parametrize("wrong", ['{"can_fly": true}', '{"can_pause": 1}', "[]"])
def test_vectors_with_impossible_capabilities_are_refused(wrong, tmp_path):
    lines = vector_file(tmp_path).read_text(encoding="utf-8").splitlines()
    vector = json.loads(lines[0]) | {"capabilities": json.loads(wrong)}
    (tmp_path / "wrong.jsonl").write_text(json.dumps(vector), encoding="utf-8")
    done = run("conform", "--vectors", "wrong.jsonl", "--", *OWN, cwd=tmp_path)
    assert done.returncode == 2
    assert "wrong.jsonl, line 1: no vector:" in done.stderr


# What is asked


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (("--tier", "storys"), "no tier 'storys': there are transitions, guards, stories"),
        (("--tier", "stories", "--section", "99"), "no vector is about section 99: there are 3, 4, 7, 8, 12"),
        (("--events", 60, "--skip", "random-1-0"), "say why: --skip ID=REASON"),
        (("--events", 60, "--skip", "random-1-9=slow"), "there is no course random-1-9"),
    ],
)
def test_what_cannot_be_asked_is_said_with_what_can(asked, said, tmp_path):
    done = run("conform", *asked, "--", *OWN, cwd=tmp_path)
    assert done.returncode == 2
    assert said in done.stderr


def test_a_section_and_a_tier_are_asked_about_alone(tmp_path):
    every = list(courses_in(tier_file("stories")))
    some = [course for course in every if is_about(course, "8")]
    assert 0 < len(some) < len(every)
    done = run("conform", "--tier", "stories", "--section", "8", "--", *OWN, cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    assert f": {len(some)} pass" in done.stdout
    words = f"speech_lifecycle_{SPEC_VERSION}-{len(some)}_of_{len(some)}-brightgreen"
    assert words in done.stdout


def test_a_part_of_a_section_is_of_that_section():
    sections = [course for course in courses_in(tier_file("mutants")) if is_about(course, "9.15")]
    assert sections
    assert all(
        is_about(course, "9") and not is_about(course, "9.1") for course in sections if course.sections == {"9.15"}
    )


def test_what_a_port_says_that_it_cannot_is_skipped_with_its_reason(tmp_path):
    done = run("conform", "--events", 600, "--", sys.executable, BROKEN, "no_conversations", cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    assert "skipped 5: no conversations" in done.stdout
    assert "5 pass, 5 skipped" in done.stdout


# What never comes to an end


def judged(program: str, courses: int = 1, timeout: float = 30, length: int = 10) -> list[Judged]:
    port = Port([sys.executable, "-c", program], timeout)
    try:
        return list(judge_all(port, random_courses(1, length * courses), shrink=True))
    finally:
        port.end()


STARTED = f"""
import json, os, subprocess, sys, time
input(); print(json.dumps({{"spec_version": "{SPEC_VERSION}"}}), flush=True)
"""


def test_a_port_that_reads_nothing_and_says_nothing_times_out():
    events = [{"type": "session_text_received", "message_id": "m", "text": "x" * 1000}] * 1000  # more than a pipe holds
    port = Port([sys.executable, "-c", f"{STARTED}time.sleep(600)"], timeout=0.3)
    found = port.judge(next(random_courses(1, 1)).with_events(events))
    port.end()
    assert (found.verdict, found.got) == ("timed out", "no answer within 0.3 seconds")
    assert "not flush" in found.hint


def test_a_port_that_answers_what_it_was_not_asked_gets_a_verdict():
    (found,) = judged(f"""{STARTED}print('{{"state": 1}}', flush=True); time.sleep(600)""", timeout=1)
    assert found.verdict in ("protocol error", "wrong state")


def test_a_port_that_never_stops_talking_gets_a_verdict():
    (found,) = judged(f"{STARTED}\nwhile True: print('x' * 100_000)")
    assert found.verdict == "protocol error"


def test_a_port_that_closes_its_output_and_runs_on_gets_a_verdict():
    (found,) = judged(f"{STARTED}os.close(1); time.sleep(600)")
    assert (found.verdict, found.got) == ("crashed", "it closed its standard output and runs on")


def test_what_a_port_has_started_ends_with_it(tmp_path):
    child = f"import os, time; open(r'{tmp_path}/pid', 'w').write(str(os.getpid())); time.sleep(600)"
    program = f"""{STARTED}
subprocess.Popen([sys.executable, "-c", {child!r}])
while not os.path.exists(r"{tmp_path}/pid") or not open(r"{tmp_path}/pid").read(): time.sleep(0.01)
os._exit(3)
"""
    (found,) = judged(program, timeout=20)
    assert found.verdict in ("crashed", "timed out")
    pid = int((tmp_path / "pid").read_text())
    assert _is_gone(pid)


def _is_gone(pid: int) -> bool:
    """Whether a process has ended; a few thousand looks give the kernel the time to see to it."""
    for _ in range(5000):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return True
        if state == "Z":
            return True
    return False


def test_a_port_that_cannot_be_started_is_tried_twice_and_the_rest_is_skipped():
    port = Port([sys.executable, "-c", "raise SystemExit('no licence')"])
    found = [each.verdict for each in judge_all(port, random_courses(1, 600), shrink=True)]
    assert found == ["crashed"] * 2 + ["skipped"] * 8


def test_a_port_that_hangs_again_and_again_is_given_up():
    port = Port([sys.executable, str(BROKEN), "hang"], timeout=1.0)
    try:
        found = list(judge_all(port, some_courses(), shrink=True))
    finally:
        port.end()
    assert sum(each.verdict == "timed out" for each in found) == 3
    assert "3 times got the verdict 'timed out'" in found[-1].got


@pytest.mark.parametrize(
    ("text", "mode", "said", "hint"),
    [
        ("#!/bin/sh\n", 0o644, "Permission denied", "chmod +x"),
        ("print('no first line')\n", 0o755, "Exec format error", "#!/usr/bin/env"),
    ],
)
def test_what_cannot_be_executed_gets_a_hint(text, mode, said, hint, tmp_path):
    path = tmp_path / "port"
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
    found = Port([str(path)]).judge(next(random_courses(1, 10)))
    assert found.verdict == "protocol error"
    assert said in found.got
    assert hint in found.hint


# Reports


class Tags(HTMLParser):
    """Notes which elements a page has, and what its text says."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.attributes: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags[tag] += 1
        self.attributes += [name for name, _ in attrs]

    def handle_data(self, data):
        self.text += data


def test_what_a_port_says_is_escaped_everywhere(tmp_path):
    reports = ("--junit", "report.xml", "--html", "report.html")
    done = run("conform", "--events", 600, *reports, "--", sys.executable, BROKEN, "hostile", cwd=tmp_path)
    assert done.returncode == 1
    assert "\x1b" not in done.stdout
    assert "\\x1b]0;title\\x07<script>" in done.stdout
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert not {"\x1b", "\x07", "\u202e"} & set(page)
    found = Tags(page)
    assert not {"script", "img", "link", "iframe"} & set(found.tags)
    assert not {"src", "href", "onload", "onerror"} & set(found.attributes)
    assert "<script>alert('x')</script>]]>&\\u202e" in found.text
    assert "default-src 'none'" in page
    report = ET.parse(tmp_path / "report.xml").getroot()
    assert any("<script>alert('x')</script>]]>&" in failure.text for failure in report.iter("failure"))
    assert report.get("failures") == str(found.tags["h3"])


def test_a_page_of_a_port_that_is_right_has_its_badge(tmp_path):
    done = run("conform", "--tier", "stories", "--html", "report.html", "--", *OWN, cwd=tmp_path)
    assert done.returncode == 0
    found = Tags((tmp_path / "report.html").read_text(encoding="utf-8"))
    assert "Every course passed." in found.text
    (badge,) = [line for line in done.stdout.splitlines() if line.startswith("badge: ")]
    assert badge.removeprefix("badge: ") in found.text
