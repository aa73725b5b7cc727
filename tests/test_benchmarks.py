"""Every subject of the benchmarks plays the workload with the same outcome, and the page says what was measured.

Nothing here looks at a time: that is what `make benchmark` is for.
"""

from __future__ import annotations

import os
from pathlib import Path

import end_to_end
import figures
import port_subjects
import pytest
import run
from node_subjects import NODE_SUBJECTS, NodeSubject, why_not
from port_subjects import TARGETS_NS, TYPESCRIPT, C, port_subject
from report import (
    ACTOR,
    Figure,
    Ports,
    Results,
    markdown,
    ports_section,
    readings_table,
    subjects_table,
    targets_table,
    with_ports,
)
from subjects import FLAT, IN_PLACE, OURS, PURE, RIVALS, Subject, rival
from timing import Timing, measure
from workload import COMPLETED, EVENTS_PER_SPEECH, INTERRUPTED, SPEECHES

from speech_lifecycle.fsm import SpeechMachine
from speech_lifecycle.fsm.codec import EFFECTS

PAGE = Path(__file__).parent.parent / "docs" / "benchmarks.md"
NAMES = [*(subject.name for subject in OURS), *(name for name, *_ in RIVALS)]


def subject_named(name: str) -> Subject:
    for subject in OURS:
        if subject.name == name:
            return subject
    try:
        return rival(name)
    except ImportError as error:
        pytest.skip(f"{error}; `make test` installs it")


def effects_of(events) -> list:
    machine = SpeechMachine()
    return [effect for event in events for effect in machine.send(event).effects]


# The workload


@pytest.mark.parametrize(
    ("events", "outcome", "messages"),
    [
        (COMPLETED, "completed", ["played", "played", "played"]),
        (INTERRUPTED, "interrupted", ["played", "partial", "skipped"]),
    ],
)
def test_a_speech_has_twenty_events_three_messages_and_an_end(events, outcome, messages):
    machine = SpeechMachine()
    assert all(machine.send(event).kind == "handled" for event in events)
    assert len(events) == EVENTS_PER_SPEECH == 20
    assert machine.speech.state == outcome
    assert [message.state for message in machine.speech.messages.values()] == messages
    assert len(effects_of(events)) == 24


def test_one_speech_in_four_is_interrupted():
    assert [speech is INTERRUPTED for speech in SPEECHES] == [False, False, False, True]


# The subjects


@pytest.mark.parametrize("events", [COMPLETED, INTERRUPTED], ids=["completed", "interrupted"])
@pytest.mark.parametrize("name", NAMES)
def test_every_subject_makes_the_same_effects(name, events):
    assert subject_named(name).show(events) == effects_of(events)


@pytest.mark.parametrize("name", [name for name, *_ in RIVALS])
def test_what_is_timed_plays_a_rival_to_the_end(name):
    subject = subject_named(name)
    speech = subject.build()
    subject.play(speech, INTERRUPTED)
    assert speech.state == "interrupted"
    assert [message.state for message in speech.messages.values()] == ["played", "partial", "skipped"]


@pytest.mark.parametrize("name", NODE_SUBJECTS)
def test_every_subject_of_node_makes_the_same_effects(name):
    reason = why_not()
    if reason is not None:
        assert not os.environ.get("CI"), reason
        pytest.skip(reason)
    subject = NodeSubject(name, SPEECHES)
    try:
        assert subject.effects == [[EFFECTS.dump(effect) for effect in effects_of(events)] for events in SPEECHES]
        assert all(seconds > 0 for seconds in subject.play(1))
    finally:
        subject.close()


@pytest.mark.parametrize("name", TARGETS_NS)
def test_every_port_makes_the_same_effects(name, tmp_path):
    reason = port_subjects.why_not(name)
    if reason is not None:
        pytest.skip(reason)
    subject = port_subject(name, SPEECHES, tmp_path)
    try:
        assert subject.effects == [[EFFECTS.dump(effect) for effect in effects_of(events)] for events in SPEECHES]
        assert all(seconds > 0 for seconds in subject.play(8))
    finally:
        subject.close()


# The measuring


def test_every_subject_plays_in_every_round_in_turn():
    heard: list[str] = []
    timings = measure(OURS[:2], rounds=2, round_s=1e-6, tell=heard.append)
    assert [timing.name for timing in timings] == [IN_PLACE, PURE]
    assert all(len(timing.event_us) == len(timing.build_us) == 2 for timing in timings)
    assert heard[2:] == [f"round {number} of 2: {name}" for number in (1, 2) for name in (IN_PLACE, PURE)]


def test_ratios_are_taken_within_a_round():
    ours, theirs = Timing("ours", "1", [1.0, 10.0, 2.0]), Timing("theirs", "1", [3.0, 30.0, 8.0])
    assert theirs.ratios(ours) == (3.0, 3.0, 3.5)


def test_an_idle_speech_has_two_messages_and_a_size():
    assert len(figures.idle_speech().speech.messages) == 2
    assert figures.summed_bytes() == pytest.approx(figures.allocated_bytes(), rel=0.2), (
        "one of the two misses something"
    )


def test_imports_are_measured_in_fresh_processes():
    (ours_ms, heavy), (theirs_ms, _) = figures.import_times(rounds=1).values()
    assert ours_ms > 0 < theirs_ms
    assert heavy == []


def test_every_way_of_reading_plays_the_same_minute_in_every_round():
    readings = end_to_end.measure_readings(rounds=2)
    assert [reading.name for reading in readings] == [end_to_end.RAW, end_to_end.TYPED, end_to_end.DRIVEN]
    assert all(len(reading.cpu_ms) == 2 and min(reading.cpu_ms) > 0 for reading in readings)


def test_readings_are_compared_within_a_round():
    raw, ours = end_to_end.Reading("raw", [1.0, 10.0, 2.0]), end_to_end.Reading("ours", [3.0, 30.0, 8.0])
    assert ours.ratios(raw) == (3.0, 3.0, 3.5)


# The page


def results(**changes) -> Results:
    values = {
        "date": "2026-11-23",
        "machine": {"CPU": "a processor", "Python": "CPython 3.11"},
        "rounds": 3,
        "round_s": 0.3,
        "timings": [
            Timing(IN_PLACE, "0.1.0", [1.0] * 3, [3.5] * 3),
            Timing(PURE, "0.1.0", [1.5] * 3, [1.0] * 3),
            Timing(FLAT, "3.2.2", [79.0] * 3, [280.0] * 3),
            Timing(ACTOR, "5", [4.0] * 3, [30.0] * 3),
        ],
        "allocated_bytes": 1000.0,
        "summed_bytes": 900,
        "readings": [end_to_end.Reading("raw", [10.0] * 3), end_to_end.Reading("ours", [25.0] * 3)],
        "imports": {"speech_lifecycle.fsm": (120.0, ["numpy"]), "statemachine": (100.0, [])},
    }
    return Results(**(values | changes))


def test_each_target_says_whether_it_is_reached():
    rows = targets_table(results()).splitlines()[2:]
    assert rows == [
        "| in place, per event | 1.00 µs | at most 1 µs | reached |",
        "| pure step, times in place | 1.50 | at most 2 | reached |",
        "| faster than python-statemachine, flat charts | 79.0 times | at least 80 times | **not reached** |",
        "| faster than XState 5, actor | 4.00 times | at least 4 times | reached |",
        "| a speech object, built | 3.50 µs | at most 3 µs | **not reached** |",
        "| idle with two messages, by tracemalloc | 1,000 bytes | at most 1,000 bytes | reached |",
        "| the same, sum of sys.getsizeof | 900 bytes |  |  |",
        "| import, beyond python-statemachine's | 20.0 ms | at most 30 ms | reached |",
        "| heavy modules imported (numpy) | 1.00 | at most 0 | **not reached** |",
        "| a minute of speech, socket to output, times raw reading | 2.50 | at most 3 | reached |",
    ]


def test_the_explorer_has_a_target_once_there_is_one():
    assert "explorer, steps per second | 250,000 | at least 200,000 | reached" in targets_table(
        results(explorer_steps_per_s=250_000.0)
    )


def test_a_figure_without_a_target_has_no_verdict():
    assert Figure("size", 12.0, "bytes").row() == ("size", "12.0 bytes", "", "")


def test_the_subjects_stand_fastest_first():
    rows = subjects_table(results()).splitlines()[2:]
    assert [row.split(" | ")[0].removeprefix("| ") for row in rows] == [IN_PLACE, PURE, ACTOR, FLAT]
    assert rows[-1] == "| python-statemachine, flat charts | 3.2.2 | 79.0 | 79.0 | 79.0 to 79.0 | 280 |"


def test_a_minute_of_speech_is_told_beside_raw_reading():
    assert readings_table(results()).splitlines()[2:] == [
        "| raw | 10.0 | 1.00 | 1.00 to 1.00 |",
        "| ours | 25.0 | 2.50 | 2.50 to 2.50 |",
    ]


def test_the_page_names_machine_date_and_who_was_left_out():
    page = markdown(results(left_out={"robot3": "Node.js is not installed"}))
    assert page.startswith("<!-- Generated by `make benchmark`. -->\n")
    for words in ("| CPU | a processor |", "2026-11-23", "Left out: robot3: Node.js is not installed."):
        assert words in page


def ports(event_us: float) -> Ports:
    timings = [Timing(IN_PLACE, "1", [0.8] * 3, [0.2] * 3), Timing(C, "1", [event_us] * 3, [0.1] * 3)]
    return Ports("2026-11-23", {"load before": "0.1"}, 3, 0.3, timings, {TYPESCRIPT: "no Node"})


def test_each_port_says_whether_it_is_fast_enough():
    said = ports_section(ports(0.02)).splitlines()
    assert said[4] == f"| {C} | 20.0 ns | at most 25 ns | reached | 40.0 | 100 |"
    assert said[5].startswith(f"| {IN_PLACE} | 800 ns |  |  | 1.00 |")
    assert f"Left out: {TYPESCRIPT}: no Node." in said
    assert "**not reached**" in ports_section(ports(0.03))


def test_the_ports_have_one_place_in_the_page():
    page = with_ports(markdown(results()), ports(0.02))
    again = with_ports(page, ports(0.03))
    assert again.count("## The generated ports") == page.count("## What is compared") == 1
    assert again.replace(ports_section(ports(0.03)), ports_section(ports(0.02))) == page


def test_the_committed_page_is_a_generated_one():
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    assert lines[0] == "<!-- Generated by `make benchmark`. -->"
    for name in [*NAMES, *NODE_SUBJECTS, *TARGETS_NS, end_to_end.RAW, end_to_end.TYPED, end_to_end.DRIVEN]:
        assert any(line.startswith(f"| {name} |") for line in lines), f"{name} is missing: run `make benchmark`"


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--rounds", "0"], "argument --rounds: 0 is not a number above 0"),
        (["--seconds", "inf"], "argument --seconds: inf is not a number above 0"),
        (["--output", "nowhere/page.md"], "--output: nowhere is no folder: make it, or name another"),
    ],
)
def test_unusable_arguments_are_named(monkeypatch, capsys, arguments, complaint):
    monkeypatch.setattr("sys.argv", ["run.py", *arguments])
    with pytest.raises(SystemExit):
        run.main()
    assert complaint in capsys.readouterr().err
