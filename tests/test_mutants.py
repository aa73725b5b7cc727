"""The mutants: enough of them are judged here to see that the report is true; `make mutants` judges all."""

from __future__ import annotations

import ast
import random
import re
from dataclasses import replace
from types import CodeType, FunctionType

import mutate
import pytest
from equivalent_mutants import EQUIVALENT
from mutant_vectors import courses
from one_mutant import ORIGINAL, killing_test, mutant_of
from test_field_bug_list import ELSEWHERE, IDS

from speech_lifecycle.fsm.compile.compiler import compile_definition
from speech_lifecycle.fsm.compile.definition import definition
from speech_lifecycle.fsm.compile.variants import compile_variant
from speech_lifecycle.fsm.values import Policy
from speech_lifecycle.verification.field_bugs import field_bugs
from speech_lifecycle.verification.function_mutants import mutations
from speech_lifecycle.verification.judging import Verdict, judge, judge_what_no_vector_finds
from speech_lifecycle.verification.mutants import Mutant, mutants
from speech_lifecycle.verification.replaying import course_of, machine_of, told_apart
from speech_lifecycle.verification.tiers.stories import STORIES

REPORTS = {part: path.read_text(encoding="utf-8") if path.exists() else "" for part, path in mutate.REPORTS.items()}
IS_FRESH = all(mutate.digest_of(part) in text for part, text in REPORTS.items())
of_a_fresh_report = pytest.mark.skipif(not IS_FRESH, reason="the mutants of this definition are not all judged yet")
REPORT = "".join(REPORTS.values())
ALL = tuple(mutants())
FUNCTION = definition().functions["speech.actions.await_source"]
ONLY_CALL = {
    "conversation.guards.something_is_left",
    "conversation.guards.something_waits",
    "message.guards.is_heard",
    "message.guards.is_heard_to_the_end",
    "message.guards.position_is_usable",
}
SAMPLE = random.Random(5763).sample(ALL, 24)
EQUIVALENTS = {
    mutant
    for text in REPORTS.values()
    for mutant in re.findall(r"^\| `(.+?)` \| [^`|]+ \|$", text.partition("## Equivalent")[2], re.M)
}
BUGS = {bug: (by, place) for bug, by, place in re.findall(r"^\| (\w\d+) \| `(.+)` \| `(.*)` \| \d* \|$", REPORT, re.M)}


def test_the_reports_are_about_this_definition():
    assert IS_FRESH


def test_every_mutant_has_a_name_of_its_own_and_differs_from_the_original():
    assert len({each.id for each in ALL}) == len(ALL)
    assert all(each.definition != definition() for each in ALL)


def test_every_transition_has_mutants():
    assert {each.id.partition(":")[0] for each in ALL if each.cell is not None} == {
        transition.id for chart in definition().every_chart for transition in chart.transitions
    }


def test_every_function_that_does_more_than_call_another_has_mutants():
    mutated = {each.id.partition(",")[0] for each in ALL if each.cell is None}
    assert definition().functions.keys() - mutated == ONLY_CALL


@pytest.mark.parametrize(
    ("body", "mutated"),
    [
        ("a = b > 1", ["a = b >= 1", "a = b > 2", "pass"]),
        ("a = b and not c", ["a = b or not c", "a = not c", "a = b", "a = b and c", "pass"]),
        ("a = b + c if d else e", ["a = e if d else b + c", "a = b - c if d else e", "pass"]),
        ("if a:\n        b = 1\n    else:\n        c()", ["if not a:", "b = 2", "c()", "pass"]),
        ("return a.b", ["return not a.b"]),
        ("run.tell(a, b, 'stop')", ["pass"]),
    ],
)
def test_a_function_is_mutated_in_its_operators_constants_statements_and_branches(body, mutated):
    (tree,) = ast.parse(f"def f(run, a, b):\n    {body}").body
    found = [ast.unparse(each.tree) for each in mutations(replace(FUNCTION, tree=tree))]
    for expected in mutated:
        assert any(expected in text for text in found), expected
    assert len(set(found)) == len(found)
    assert ast.unparse(tree) not in found


@of_a_fresh_report
@pytest.mark.parametrize("part", mutate.REPORTS)
def test_the_counts_of_the_report_are_those_of_the_mutants(part):
    count = sum(mutate.part_of(each) == part for each in ALL)
    assert f"{count:,} mutants" in REPORTS[part]
    assert re.search(r"^\| all \|.* 0 \|$", REPORTS[part], re.M), "a mutant survives"


@of_a_fresh_report
@pytest.mark.parametrize("mutant", SAMPLE, ids=lambda mutant: mutant.id)
def test_a_sample_of_the_mutants_ends_as_the_report_says(mutant):
    assert (judge(mutant, courses()) is None) == (mutant.id in EQUIVALENTS)


@of_a_fresh_report
def test_the_list_of_equivalents_names_only_what_is_in_the_report():
    assert set(EQUIVALENT) <= EQUIVALENTS


# The bugs of the field


def test_every_bug_of_the_field_is_a_mutant_or_shown_elsewhere():
    assert sorted([*(each.id for each in field_bugs()), *ELSEWHERE]) == sorted(IDS)
    assert not IS_FRESH or set(BUGS) == {each.id for each in field_bugs()}


@pytest.mark.parametrize("bug", field_bugs(), ids=lambda bug: bug.id)
def test_every_bug_of_the_field_is_found_and_by_its_own_story(bug):
    machine_type = machine_of(bug)
    found = judge(bug, courses(), machine_type)
    assert found is not None
    stories = [story for story in STORIES if story.bug == bug.id and isinstance(story.policy, Policy)]
    assert any(
        told_apart(course_of(story.id, story.capabilities, story.policy, story.events), machine_type) is not None
        for story in stories
    )
    assert not IS_FRESH or (found.by, found.place) == BUGS[bug.id]


def test_the_tests_find_a_mutant_and_not_the_original():
    assert killing_test(ORIGINAL) == ""
    assert killing_test("C7") == "test_rules_answers.py::test_a_protected_speech_rejects_an_interruption[queued]"


# What is said of mutants that are not as they should be


def test_no_vector_finds_the_original():
    assert judge(Mutant("same", "none", definition()), courses()) is None


def test_what_no_vector_finds_is_equivalent_for_a_reason_found_by_a_test_or_has_survived():
    mutant = ALL[0]
    assert judge_what_no_vector_finds(mutant, "why", lambda mutant_id: "never run").fate == "equivalent"
    assert judge_what_no_vector_finds(mutant, "", lambda mutant_id: "test_some").by == "test_some"
    assert judge_what_no_vector_finds(mutant, "", lambda mutant_id: "").fate == "survived"


def test_a_survivor_and_a_wrong_list_are_problems(monkeypatch):
    verdicts = [Verdict(each.id, each.kind, "property", "some") for each in ALL]
    monkeypatch.setattr(mutate, "EQUIVALENT", {})
    assert mutate.problems(verdicts) == []
    verdicts[0] = replace(verdicts[0], fate="survived")
    monkeypatch.setattr(mutate, "EQUIVALENT", {ALL[2].id: "why", "gone": "why"})
    found = mutate.problems(verdicts)
    assert len(found) == 3
    for problem, mutant_id, says in zip(
        found, (ALL[0].id, ALL[2].id, "gone"), ("say why", "property finds it", "no such mutant"), strict=True
    ):
        assert problem.startswith(mutant_id)
        assert says in problem


def test_an_unknown_mutant_is_named():
    with pytest.raises(LookupError, match="no mutant 'nothing'"):
        mutant_of("nothing")


# A mutant is compiled by writing what differs


@pytest.mark.parametrize("mutant", random.Random(99).sample(ALL, 12), ids=lambda mutant: mutant.id)
def test_a_mutant_runs_what_it_would_if_all_of_it_were_compiled(mutant):
    assert functions_of(compile_variant(mutant.definition)) == functions_of(compile_definition(mutant.definition))


def functions_of(module):
    """What each function does: its code, and the replies that it names."""
    names = vars(module)
    return {
        name: (code_of(value.__code__), [names[each] for each in value.__code__.co_names if each.startswith("reply_")])
        for name, value in names.items()
        if isinstance(value, FunctionType) and value.__globals__ is names
    }


def code_of(code):
    names = [each for each in code.co_names if not each.startswith("reply_")]
    return code.co_code, names, [code_of(each) if isinstance(each, CodeType) else each for each in code.co_consts]
