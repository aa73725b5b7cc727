"""The list of field bugs: each of docs/field-bugs.md is shown by a test or a scenario, here or elsewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import test_field_bugs

from speech_lifecycle.simulation.scenarios import SCENARIOS

ELSEWHERE = {
    "M4": ("function-call-between", "the machine is told of messages only; the adapter meets items of other kinds"),
    "T6": ("user-speaks", "who truncates is said by the wire"),
    "T7": ("tests/test_packaging.py::test_t7_nothing_reads_the_wall_clock", "the machine reads no clock at all"),
    "T11": (
        "tests/test_scenarios.py::test_an_output_that_counts_its_queue_is_found_out_by_the_time",
        "the machine has only the output's word for its position",
    ),
    "C1": ("next-response-while-cancelling", "a speech knows one response; the driver requests the next"),
    "R2": (
        "tests/test_reference_engine.py::test_every_transition_of_the_charts_was_compared",
        "it is about all transitions, and no single speech",
    ),
    "N4": ("telephone-audio", "the machine counts milliseconds; what a byte is worth is said by the wire"),
    "N1": (
        "tests/test_openai_protocol.py::test_n1_a_response_out_of_band_is_told_apart",
        "whether a response is part of the conversation is said by the wire",
    ),
    "N5": ("tests/test_user_turns.py::test_whatever_ends_a_turn_ends_it", "that a turn is over is said by the wire"),
    "N6": (
        "tests/test_why.py::test_why_is_read_wherever_servers_say_it",
        "the words of a server are found at the wire, and passed on",
    ),
    "N10": ("tests/test_why.py::test_the_agent_learns_why_the_connection_ended", "what was said last is on the wire"),
    "N15": (
        "tests/test_signs_of_life.py::test_the_answer_is_heard_after_minutes_of_work_that_the_server_tells_of",
        "what is a sign of life is said by the wire",
    ),
    "N27": (
        "tests/test_late_answers.py::test_an_answer_is_heard_and_recorded_or_cancelled_before_it_is_heard",
        "a request is the conversation's, and no speech's",
    ),
    "N25": (
        "tests/test_hold.py::test_a_hold_outlives_the_speech_that_it_found",
        "a hold is the conversation's, and no speech's",
    ),
    "N8": ("dialect-bare", "which messages there are is said by the wire"),
    "N17": ("dialect-gateway", "what a request looks like is up to the wire"),
    "N18": ("dialect-gateway", "the machine is told once of what was said twice"),
    "N20": ("dialect-bare", "the machine is told what is new in a text"),
    "N21": ("dialect-xai", "whose answer it is is found out at the wire"),
    "N24": ("call-user-speaks", "what the server plays is said by the wire"),
    "N37": (
        "tests/test_openai_places.py::test_n37_a_text_is_put_back_behind_what_still_stands_there",
        "the machine names a message, and its place is found out at the wire",
    ),
    "N14": (
        "tests/test_output_evidence.py::test_a_text_that_nobody_could_see_is_not_heard",
        "whether there is a screen is said by the output",
    ),
    "N23": (
        "tests/test_rules_time.py::test_no_more_words_were_heard_than_can_be_spoken_in_that_time",
        "it stands with the rules of time",
    ),
    "N26": (
        "tests/test_livekit_copies.py::test_an_agent_that_takes_over_has_what_was_heard",
        "copies of a context are LiveKit's",
    ),
    "P5": ("paused-before-first-sound", "whether held audio is lost is up to the output"),
}
"""By id: the scenario or the test that shows it, and why the machine alone does not."""

ROOT = Path(__file__).parent.parent
FIELD_BUGS = ROOT / "docs" / "field-bugs.md"
SOURCES = ("fsm", "verification", "adapters", "simulation", "diagrams", "cli", "docs", "tools")
IDS = (
    [f"M{n}" for n in range(1, 9)]
    + [f"T{n}" for n in range(1, 16)]
    + [f"H{n}" for n in range(1, 14)]
    + [f"C{n}" for n in range(1, 8)]
    + [f"O{n}" for n in range(1, 8)]
    + [f"P{n}" for n in range(1, 7)]
    + [f"N{n}" for n in (4, 8, 17, 18, 20, 21, 24, 37)]
    + [f"N{n}" for n in (1, 5, 6, 10, 15, 27, 25, 14, 23, 26)]
    + [f"R{n}" for n in range(1, 5)]
)


def test_every_field_bug_is_shown_somewhere():
    here = {match[1].upper() for name in vars(test_field_bugs) if (match := re.match(r"test_([a-z]\d+)_", name))}
    assert not here & set(ELSEWHERE)
    assert sorted(here | set(ELSEWHERE)) == sorted(IDS)


def test_the_list_of_ids_is_that_of_the_page():
    assert re.findall(r"^\| ([A-Z]\d+) \|", FIELD_BUGS.read_text(encoding="utf-8"), re.M) == IDS


def test_the_specification_has_the_section_of_every_bug():
    sections: set[str] = set()
    section = ""
    for line in (ROOT / "docs" / "spec.md").read_text(encoding="utf-8").splitlines():
        if heading := re.match(r"#+ (\d+(?:\.\d+)?)[. ]", line):
            section = heading[1]
            sections.add(section)
        elif paragraph := re.match(r"(?:\d+\. )?\*\*([^*]+?)\.?\*\*", line):
            sections.add(f"{section} {paragraph[1]}")
        elif rule := re.match(r"(\d+)\. ", line):
            sections.add(f"{section}.{rule[1]}")
    rows = [line.split(" | ") for line in FIELD_BUGS.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    cited = {
        (row[0].strip("| "), each)
        for row in rows
        if row[0].strip("| ") in IDS
        for each in row[3].strip("| ").split(", ")
    }
    assert {bug for bug, _ in cited} == set(IDS)
    assert {(bug, each) for bug, each in cited if each not in sections} == set()


def test_every_id_that_is_cited_is_one_of_the_page():
    paths = [path for folder in SOURCES for path in (ROOT / folder).rglob("*") if path.suffix in (".py", ".md")]
    cited = {
        (bug, str(path.relative_to(ROOT)))
        for path in paths
        for words in re.findall(r"\(([^()]*\b[MTHCOPRN]\d+\b[^()]*)\)", path.read_text(encoding="utf-8"))
        for bug in re.findall(r"\b[MTHCOPRN]\d+\b", words)
    }
    assert len(cited) > 100
    assert {(bug, place) for bug, place in cited if bug not in IDS} == set()


@pytest.mark.parametrize("bug", ELSEWHERE)
def test_what_is_shown_elsewhere_is_really_shown_there(bug):
    place, _ = ELSEWHERE[bug]
    path, _, test = place.partition("::")
    if test:
        assert f"def {test}(" in (Path(__file__).parent.parent / path).read_text(encoding="utf-8")
    else:
        assert bug in SCENARIOS[place].bugs


def test_the_scenarios_name_only_known_bugs():
    assert {bug for scenario in SCENARIOS.values() for bug in scenario.bugs} <= set(IDS)
