"""Each tier of vectors reaches what it is for, and all of them together are small enough to come with a port."""

from __future__ import annotations

import gzip
import re
from functools import cache
from typing import get_type_hints

import pytest
from test_field_bug_list import ELSEWHERE, IDS, ROOT
from test_vectors import FOLDER, vectors_of

from speech_lifecycle.fsm.compile.definition import definition
from speech_lifecycle.fsm.events import EVERY_EVENT_TYPE, name_of
from speech_lifecycle.verification.replaying import course_of
from speech_lifecycle.verification.tiers import TIERS
from speech_lifecycle.verification.tiers.choosing import choose, shortened
from speech_lifecycle.verification.tiers.goals import Guards, Told, Transitions
from speech_lifecycle.verification.tiers.making import MADE, made, told_at_random, told_of
from speech_lifecycle.verification.tiers.stories import STORIES
from speech_lifecycle.verification.vectors import UnreadStep, text_of

LARGEST_BYTES = 600_000
NOT_IN_THE_CHARTS = {
    "T7": "no chart reads a clock",
    "N4": "what a byte is worth is said by the wire",
    "N8": "which messages there are is said by the wire",
    "N17": "what a request looks like is up to the wire",
    "N18": "the machine is told once of what was said twice",
    "N20": "the machine is told what is new in a text",
    "N21": "whose answer it is is found out at the wire",
    "N24": "what the server plays is said by the wire",
    "N26": "copies of a context are LiveKit's",
    "N37": "the place of a message is found out at the wire",
}
"""Bugs without a story, and why."""
NEVER_ASKED_SO = {
    *(
        f"message.{state}.session_audio_received#first: received_no_less fails"  # no total is less than none
        for state in ("pending", "forwarding")
    ),
    *(  # audio that came late has been trimmed by then, or was never counted
        f"message.partial.{way}: is_text_only fails" for way in ("give_up_end#text", "trim#text", "trim#text_stays")
    ),
    *(  # a message that is announced again is not pending where a speech has settled: all of its messages are final
        f"message.pending.session_message_added#{way}: is_new fails"
        for way in (
            "after_the_end",
            "too_late",
            "too_late_and_kept",
            "too_late_and_lost",
            "too_late_out_of_band",
            "too_late_to_ask",
        )
    ),
}
"""Guards that, in this place, never come out so: what is asked before them leaves nothing else."""


@cache
def the_guards() -> Guards:
    return Guards()


def test_every_transition_and_every_answer_is_taken():
    taken = {cited for vector in vectors_of("transitions") for step in vector.steps for cited in step.transitions}
    missing = Transitions().all - taken
    assert not missing, f"no vector takes {sorted(missing)}: run `make vectors`"


def test_every_guard_is_asked_and_holds_and_fails():
    guards = the_guards()
    reached = {goal for vector in vectors_of("guards") for step in guards.reached(told_of(vector)) for goal in step}
    missing = guards.all - reached
    assert missing == NEVER_ASKED_SO, f"no vector reaches {sorted(missing - NEVER_ASKED_SO)}: run `make vectors`"


def test_machines_that_listen_to_guards_do_what_the_others_do():
    guards = the_guards()
    for told in told_at_random(2, 600):
        machine = guards._machines[told.is_conversation](told.capabilities, told.policy)
        usual = course_of("", told.capabilities, told.policy, told.events)
        assert [machine.send(event) for event in told.events] == list(usual.replies)


def test_every_field_bug_has_a_story_or_does_not_lie_in_the_charts():
    told = {story.bug for story in STORIES}
    assert told | set(NOT_IN_THE_CHARTS) == set(IDS)
    assert not told & set(NOT_IN_THE_CHARTS)
    assert set(NOT_IN_THE_CHARTS) <= set(ELSEWHERE)


def test_every_story_says_what_harm_is_done():
    for vector in vectors_of("stories"):
        assert len(vector.harm.split()) >= 4, vector.id
        assert vector.tags[-1] in IDS


def test_what_is_no_event_is_in_the_vectors_field_by_field():
    told = {}
    for vector in vectors_of("malformed"):
        wrong = [step.event for step in vector.steps if isinstance(step, UnreadStep)]
        assert all(isinstance(step, UnreadStep) for step in vector.steps[-len(wrong) :]), vector.id
        told[vector.id] = wrong
    for event_type in EVERY_EVENT_TYPE:
        for field in get_type_hints(event_type):
            assert sum(field in event for event in told[f"malformed-conversation-{name_of(event_type)}"]) >= 4


def test_every_number_of_an_event_is_in_the_vectors_of_numbers():
    told = [step.event for vector in vectors_of("numbers") for step in vector.steps]
    for field, least in (("position_ms", 15), ("received_ms", 6), ("handed_over_ms", 6), ("observed_ms", 6)):
        assert len({repr(getattr(event, field, None)) for event in told}) >= least


@pytest.mark.parametrize("tier", MADE)
def test_what_is_made_is_made_the_same_again(tier):
    assert text_of(made(tier)) == (FOLDER / f"{tier}.jsonl").read_text(encoding="utf-8")


def test_tags_are_sections_and_what_a_vector_is_for():
    spec = (ROOT / "docs" / "spec.md").read_text(encoding="utf-8")
    sections = set(re.findall(r"^#+ (\d+)\. ", spec, re.M))
    known = Transitions().all | {f"{each}" for each in IDS}
    guards = {goal for chart in definition().every_chart for each in chart.transitions for goal in (each.id,)}
    for tier in TIERS:
        for vector in vectors_of(tier):
            assert vector.tags[0].partition(".")[0] in sections, vector.id
            if tier in ("transitions", "stories"):
                assert {tag for tag in vector.tags if not tag.isdigit()} <= known
            if tier == "guards":
                assert {tag.partition(": ")[0] for tag in vector.tags if not tag.isdigit()} <= guards


def test_all_tiers_together_are_small():
    assert sum(len(gzip.compress((FOLDER / f"{tier}.jsonl").read_bytes())) for tier in TIERS) <= LARGEST_BYTES


def test_every_file_of_vectors_is_a_tier():
    assert {path.stem for path in FOLDER.glob("*.jsonl")} == set(TIERS)


# How courses are chosen


def some_courses() -> list[Told]:
    return list(told_at_random(4, 600))


def test_what_any_course_reaches_the_chosen_ones_reach_and_none_is_spare():
    goals = Transitions()
    courses = some_courses()
    chosen = choose(courses, goals)
    reached = [frozenset().union(*goals.reached(each.told)) for each in chosen]
    assert frozenset().union(*reached) >= {goal for told in courses for step in goals.reached(told) for goal in step}
    assert sum(len(each.told.events) for each in chosen) < sum(len(told.events) for told in courses) * 2 / 3
    for number, own in enumerate(reached):
        assert own - frozenset().union(*reached[:number], *reached[number + 1 :])


def test_the_same_courses_give_the_same():
    assert repr(choose(some_courses(), Transitions())) == repr(choose(some_courses(), Transitions()))


def test_a_course_is_left_with_what_it_takes():
    goals = Transitions()
    for each in choose(some_courses(), goals)[:10]:
        goal = each.goals[0]
        assert goal in goals.reached(each.told)[-1]
        assert len(shortened(each.told, goal, goals).events) == len(each.told.events)
