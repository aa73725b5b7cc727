"""The exploration of conversations: what must hold does, and what does not hold is found."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path

import pytest

from speech_lifecycle.fsm.compile.definition import definition
from speech_lifecycle.fsm.conversation.machine import ConversationMachine
from speech_lifecycle.fsm.trace import load_trace
from speech_lifecycle.verification import explore
from speech_lifecycle.verification.conversation import (
    CONVERSATION_PROPERTIES,
    SMALL_CONVERSATIONS,
    ConversationBounds,
)

DOCS = Path(__file__).parent.parent / "docs"
EXPLORED = json.loads((DOCS / "explored.json").read_text(encoding="utf-8"))
ONE = ConversationBounds(live=1, messages=0, kept=0)


@cache
def explored(name: str):
    return explore(SMALL_CONVERSATIONS[name])


@pytest.mark.parametrize("name", SMALL_CONVERSATIONS)
def test_as_many_configurations_are_reachable_as_were_written_down(name):
    result = explored(name)
    assert result.is_complete
    found = {count: getattr(result, count) for count in ("configurations", "edges", "steps")}
    assert found == {count: EXPLORED[name][count] for count in found}, f"if it should, run tools/explore.py {name}"


@pytest.mark.parametrize("name", SMALL_CONVERSATIONS)
def test_every_property_holds(name):
    assert [violation.transcript() for violation in explored(name).violations] == []


def test_everything_that_should_be_possible_is():
    assert set.intersection(*(set(explored(name).never_seen) for name in SMALL_CONVERSATIONS)) == set()


def test_every_transition_is_taken():
    taken = {transition for name in SMALL_CONVERSATIONS for transition in explored(name).transitions_taken}
    assert [each.id for each in definition().conversation.transitions if each.id not in taken] == []


def test_each_number_of_section_9_has_its_properties_and_its_sentence():
    spec = (DOCS / "spec.md").read_text(encoding="utf-8")
    listed = spec.partition("### What must hold of a conversation")[2].partition("\n## ")[0]
    numbers = {int(number) for number in re.findall(r"^(\d+)\. ", listed, re.M)}
    cited = {int(each.section.partition(".")[2]) for each in CONVERSATION_PROPERTIES.values()}
    assert cited == numbers | {13, 14}
    assert all(f"Section {each.section}:" in each.meaning for each in CONVERSATION_PROPERTIES.values())


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ({"live": 4}, "1 to 3, not 4"),
        ({"messages": 2}, "0 or 1, not 2"),
        ({"detail": "finest"}, "minimal.*coarse.*not 'finest'"),
        ({"kept": 3}, "0 to 2, not 3"),
        ({"options": ()}, "at least one combination"),
    ],
)
def test_bounds_that_mean_nothing_are_refused(wrong, complaint):
    with pytest.raises(ValueError, match=complaint):
        ConversationBounds(**wrong)


def test_an_exploration_that_is_stopped_says_what_it_has_covered():
    result = explore(SMALL_CONVERSATIONS["conversation-2"], watch=lambda progress: "it is enough")
    assert (result.is_complete, result.stopped) == (False, "it is enough")
    assert 0 < result.waiting < result.configurations
    assert result.violations == []


# Machines that are wrong are found


class Meddles(ConversationMachine):
    """Forgets its order of requests when it answers that a name is taken."""

    __slots__ = ()

    def send(self, event):
        reply = super().send(event)
        if reply.kind == "rejected" and reply.reason == "speech_exists":
            self.conversation.requests.clear()
        return reply


class Raises(ConversationMachine):
    __slots__ = ()

    def send(self, event):
        if self.conversation.floor == "held":
            raise ZeroDivisionError
        return super().send(event)


class Wavers(ConversationMachine):
    __slots__ = ()
    count = 0

    def send(self, event):
        reply = super().send(event)
        Wavers.count += 1
        if reply.kind == "handled" and Wavers.count % 7 == 0:
            self.conversation.user = "talking"
        return reply


@pytest.mark.parametrize(
    ("machine_type", "bounds", "violated"),
    [
        (Meddles, ConversationBounds(live=2, messages=0, kept=0), "nothing_changes_unless_handled"),
        (Raises, ONE, "every_event_has_its_answer"),
        (Wavers, ONE, "pure_and_in_place_agree"),
    ],
)
def test_a_machine_that_breaks_its_word_is_found(machine_type, bounds, violated):
    result = explore(bounds, machine_type=machine_type)
    assert violated in [violation.violated for violation in result.violations]


def test_a_counterexample_tells_what_was_answered_and_can_be_saved():
    result = explore(ONE, machine_type=Raises)
    (found,) = [each for each in result.violations if each.violated == "every_event_has_its_answer"]
    assert found.transcript(Raises).endswith("no answer\n")
    assert found.title == "every_event_has_its_answer: ZeroDivisionError() (after 2 events)"
    trace = load_trace(found.dump().splitlines(), "saved")
    assert [record.reply for record in trace.records] == ["handled", "handled"]
