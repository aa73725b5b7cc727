"""The bugs of LiveKit Agents that can be shown here: each on the plain framework, and gone when repaired.

The first half says that the framework of the tested version still has the bug. If one of these tests fails, it is
fixed upstream: take it out of `SHOWN`, and look whether its repair here has become superfluous.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from livekit_outcomes import outcome

from speech_lifecycle.simulation.livekit_agents.rehearsed import Rehearsed
from speech_lifecycle.simulation.livekit_agents.scenarios import LIVEKIT_SCENARIOS
from speech_lifecycle.simulation.livekit_agents.verdict import differences


def differs(*expected: str) -> Callable[[Rehearsed], bool]:
    return lambda outcome: set(expected) <= set(differences(outcome))


def cut_at_its_end(outcome: Rehearsed) -> bool:
    remembered = outcome.server["preamble"]
    return remembered.audio_ms == 1_800 and remembered.text is None


def cancelled_twice(outcome: Rehearsed) -> bool:
    return any(error.startswith("response_cancel_not_active") for error in outcome.server_errors)


def lost_its_reply(outcome: Rehearsed) -> bool:
    return outcome.responses == 1 and "later" not in outcome.heard_ms


SHOWN: dict[tuple[str, str], Callable[[Rehearsed], bool]] = {
    ("M2", "in-first"): differs("answer: the server remembers it, unheard"),
    ("M2", "between"): differs("answer: the server remembers it, unheard"),
    ("M2", "late-items"): differs(
        "answer: the server remembers it, unheard", "closing: the server remembers it, unheard"
    ),
    ("M3", "in-first"): differs("answer: history has it, unheard"),
    ("M3", "before-first-frame"): differs("preamble: history has it, unheard"),
    ("M3", "queued"): differs("later: history has it, unheard"),
    ("M3", "text-interrupted"): differs("shown: history has other text than was shown"),
    ("M8", "queued"): differs("later: the server remembers it, unheard"),
    ("T3", "between"): cut_at_its_end,
    ("T10", "over-reports"): differs("answer: the server remembers audio that was not heard"),
    ("T12", "not-a-number"): differs(
        "answer: history takes it for whole", "answer: the server remembers audio that was not heard"
    ),
    ("T13", "negative"): differs("answer: heard, but the server does not remember it"),
    ("T14", "zero"): differs("answer: heard, but the server does not remember it"),
    ("H1", "no-transcript"): differs("answer: history has text that was not heard"),
    ("H2", "no-word"): differs("preamble: history has text that was not heard"),
    ("H5", "start-never-reported"): differs('heard, but "speaking" was never announced'),
    ("H12", "raises"): differs("answer: history takes it for whole"),
    ("H12", "breaks"): differs("answer: history takes it for whole"),
    ("H13", "cleared-from-outside"): differs("preamble: history takes it for whole"),
    ("N14", "text-unseen"): differs("shown: history has it, unheard"),
    ("C1", "next-while-cancelling"): lost_its_reply,
    ("C4", "protected"): cancelled_twice,
    ("O1", "silent-after-clear"): differs("answer: history takes it for whole"),
    ("O2", "silent-after-clear"): differs('the agent is left "speaking"'),
    ("O3", "silent"): differs("the speech never came to its end"),
}

NOT_TO_BE_REPAIRED = {
    "cannot-truncate": "the server cannot; the difference is reported",
    "cannot-remove": "the server cannot; the difference is reported",
    "dialect-gateway": "the plugin asks with fields only, and is refused",
    "dialect-bare": "the plugin knows no message that was not announced",
    "dialect-contents": "the plugin knows no response that was not announced",
    "dialect-late": "the plugin reads no text in the closing events",
}


@pytest.mark.parametrize(("bug", "scenario"), SHOWN)
def test_plain_livekit_agents_has_the_bug(bug: str, scenario: str) -> None:
    assert SHOWN[bug, scenario](outcome(scenario, "plain")), f"{bug} is fixed upstream"


@pytest.mark.parametrize(("bug", "scenario"), [shown for shown in SHOWN if shown[1] not in NOT_TO_BE_REPAIRED])
def test_repaired_it_is_gone(bug: str, scenario: str) -> None:
    assert not SHOWN[bug, scenario](outcome(scenario, "repaired"))


def test_an_output_that_lies_is_cut_to_what_can_have_been_heard() -> None:
    repaired = outcome("over-reports", "repaired")
    assert not repaired.server_errors, "nothing is requested that the server must refuse (T10)"
    assert repaired.history["answer"].interrupted
    assert repaired.server["answer"].audio_ms == repaired.heard_ms["answer"]


def test_the_scenarios_name_the_bugs_that_they_show() -> None:
    named = {
        (bug, name)
        for name, scenario in LIVEKIT_SCENARIOS.items()
        for bug in scenario.bugs
        if scenario.sweep_ms is None
    }
    assert named == set(SHOWN)
