"""A change of what a vector expects has an entry in the changelog, with before and after, or is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_vectors import vectors_of

from speech_lifecycle.fsm.events import Authorize, Interrupt, SessionResponseCreated
from speech_lifecycle.fsm.values import Capabilities, Policy
from speech_lifecycle.verification.tiers import TIERS
from speech_lifecycle.verification.vector_changes import HEADING, ChangelogError, digest_cited, digest_of, noted
from speech_lifecycle.verification.vectors import Vector, difference_of, record

CHANGELOG = Path(__file__).parent.parent / "CHANGELOG.md"
BEGUN = record("begun", (), Capabilities(), Policy(), [Authorize(), SessionResponseCreated("r")])
CUT = record("cut", (), Capabilities(), Policy(), [Authorize(), Interrupt()])


def changelog_of(*vectors: Vector) -> str:
    entries = f"- `{digest_of(vectors)}`: the first.\n- `aaaaaaaaaaaa`\n"
    return f"# Changelog\n\n- `0123456789ab`: no entry.\n\n{HEADING}\n\n{entries}"


def with_other_reply(vector: Vector) -> Vector:
    step = vector.steps[0].model_copy(update={"reply": "ignored", "reason": "too_early"})
    return vector.model_copy(update={"steps": (step, *vector.steps[1:])})


def test_the_changelog_says_what_the_vectors_expect():
    every = [vector for tier in TIERS for vector in vectors_of(tier)]
    assert digest_cited(CHANGELOG.read_text(encoding="utf-8")) == digest_of(every), (
        "the vectors expect what CHANGELOG.md does not say: `python tools/generate.py --check` says what to write"
    )


def test_a_change_gets_an_entry_with_before_and_after_above_those_before():
    was = (with_other_reply(BEGUN), CUT)
    now = (BEGUN, CUT)
    text = noted(changelog_of(*was), was, now, [difference_of(was[0], BEGUN)])
    assert digest_cited(text) == digest_of(now)
    assert "- begun, step 1, authorize: reply is 'handled', and was 'ignored'\n- `" in text
    assert f"- `{digest_of(was)}`: the first." in text


def test_of_many_changes_some_are_named_and_all_are_counted():
    text = noted(changelog_of(CUT), [CUT], [BEGUN], [f"v{number}: after\n and before" for number in range(1200)])
    assert "1,200 vectors expect something else. The first:" in text
    assert text.count("after and before") == 5


@pytest.mark.parametrize(("was", "now"), [([CUT], [CUT, BEGUN]), ([CUT, BEGUN], [CUT])], ids=["added", "dropped"])
def test_vectors_that_are_only_added_or_dropped_need_no_entry(was, now):
    text = noted(changelog_of(*was), was, now, [])
    assert digest_cited(text) == digest_of(now)
    assert text.count("- `") == 3


def test_what_does_not_change_leaves_the_changelog_alone():
    text = changelog_of(BEGUN, CUT)
    assert noted(text, [BEGUN, CUT], [CUT, BEGUN], []) == text
    tagged = BEGUN.model_copy(update={"tags": ("3",), "harm": "none", "spec_version": "9"})
    assert noted(text, [BEGUN, CUT], [tagged, CUT], []) == text


def test_what_was_changed_unseen_is_refused_and_it_is_said_what_to_write():
    with pytest.raises(ChangelogError, match=r"put - `[0-9a-f]{12}`: what they expected before, what after, and why"):
        noted(changelog_of(with_other_reply(BEGUN)), [BEGUN], [BEGUN], [])


@pytest.mark.parametrize("text", ["", f"- `0123456789ab`\n{HEADING}\n", "- `0123456789ab`: elsewhere\n"])
def test_a_changelog_without_an_entry_is_refused(text):
    with pytest.raises(ChangelogError, match="with an entry that begins with a digest"):
        digest_cited(text)
