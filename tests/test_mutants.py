"""The mutants: enough of them are judged here to see that the report is true; `make mutants` judges all."""

from __future__ import annotations

import random
import re
from dataclasses import replace
from pathlib import Path

import mutate
import pytest
from equivalent_mutants import EQUIVALENT
from one_mutant import killing_test, mutant_of
from test_field_bugs import ELSEWHERE, IDS

from speech_lifecycle.fsm.compile.definition import definition
from speech_lifecycle.verification import judging
from speech_lifecycle.verification.field_bugs import field_bugs
from speech_lifecycle.verification.judging import Verdict, judge, judge_field_bug
from speech_lifecycle.verification.mutants import Mutant, mutants

REPORT = (Path(__file__).parent.parent / "docs" / "mutation.md").read_text(encoding="utf-8")
ALL = tuple(mutants())
SAMPLE = random.Random(5763).sample(ALL, 24)
FOUND_BY_TESTS = dict(re.findall(r"^\| `(.+)` \| `(test_.+)` \|$", REPORT, re.M))
EQUIVALENTS = set(re.findall(r"^\| `(.+?)` \| [^`|]+ \|$", REPORT.partition("## Equivalent")[2], re.M))
BUGS = {bug: (by, place) for bug, by, place in re.findall(r"^\| (\w\d+) \| `(.+)` \| (.+?) \| \d* \|$", REPORT, re.M)}


def test_the_report_is_about_this_definition():
    assert definition().transitions_digest in REPORT.splitlines()[0], "run `make mutants`"


def test_every_mutant_has_a_name_of_its_own_and_differs_from_the_original():
    assert len({each.id for each in ALL}) == len(ALL)
    assert all(each.definition != definition() for each in ALL)


def test_every_transition_has_mutants():
    assert {each.id.partition(":")[0] for each in ALL} == {
        transition.id for chart in definition().charts for transition in chart.transitions
    }


def test_the_counts_of_the_report_are_those_of_the_mutants():
    assert f"{len(ALL):,} mutants" in REPORT
    assert re.search(r"^\| all \|.* 0 \|$", REPORT, re.M), "a mutant survives"


@pytest.mark.parametrize("mutant", SAMPLE, ids=lambda mutant: mutant.id)
def test_a_sample_of_the_mutants_ends_as_the_report_says(mutant):
    verdict = judge(mutant, lambda mutant_id: FOUND_BY_TESTS.get(mutant_id, ""))
    assert verdict.fate in ("lint", "property", "test", "equivalent")
    assert (verdict.fate == "equivalent") == (mutant.id in EQUIVALENTS)


def test_what_the_tests_alone_find_they_find():
    for mutant_id in random.Random(5763).sample(sorted(FOUND_BY_TESTS), 2):
        assert killing_test(mutant_id) == FOUND_BY_TESTS[mutant_id]


def test_the_list_of_equivalents_names_only_what_is_in_the_report():
    assert set(EQUIVALENT) <= EQUIVALENTS


# The bugs of the field


def test_every_bug_of_the_field_is_a_mutant_or_shown_elsewhere():
    assert sorted([*(each.id for each in field_bugs()), *ELSEWHERE]) == sorted(IDS)
    assert set(BUGS) == {each.id for each in field_bugs()}


@pytest.mark.parametrize("bug", field_bugs(), ids=lambda bug: bug.id)
def test_every_bug_of_the_field_is_found(bug):
    by, place = BUGS[bug.id]
    stages = (place,) if place in judging.STAGES else ()
    found = judge_field_bug(bug, killing_test, stages)
    assert (found.fate, found.by) == ("property" if stages else "test", by)


# What is said of mutants that are not as they should be


def test_a_mutant_that_is_the_original_is_equivalent():
    same = Mutant("same", "none", definition(), ALL[0].cell)
    assert judge(same, lambda mutant_id: "").fate == "equivalent"


def test_a_survivor_and_a_wrong_list_are_problems(monkeypatch):
    verdicts = [Verdict(each.id, each.kind, "property", "some") for each in ALL]
    monkeypatch.setattr(mutate, "EQUIVALENT", {})
    assert mutate.problems(verdicts) == []
    verdicts[0] = replace(verdicts[0], fate="survived")
    verdicts[1] = replace(verdicts[1], fate="equivalent")
    monkeypatch.setattr(mutate, "EQUIVALENT", {ALL[2].id: "why", "gone": "why"})
    found = mutate.problems(verdicts)
    assert len(found) == 4
    for problem, mutant_id, says in zip(
        found,
        (ALL[0].id, ALL[1].id, ALL[2].id, "gone"),
        ("survives", "say why", "property finds it", "no such mutant"),
        strict=True,
    ):
        assert problem.startswith(mutant_id)
        assert says in problem


def test_an_unknown_mutant_is_named():
    with pytest.raises(LookupError, match="no mutant 'nothing'"):
        mutant_of("nothing")
