"""Repaired, the listener, the history and the server agree: in every scenario, at every instant tried."""

from __future__ import annotations

from dataclasses import replace

import pytest
from livekit_outcomes import SINGLE, SWEPT, outcome
from test_livekit_field_bugs import NOT_TO_BE_REPAIRED

from speech_lifecycle.fsm.values import Policy
from speech_lifecycle.simulation import misbehaviour as bad
from speech_lifecycle.simulation.livekit_agents.scenarios import LIVEKIT_SCENARIOS
from speech_lifecycle.simulation.livekit_agents.verdict import differences

_COARSE_MS = 340
"""`tools/livekit_table.py` sweeps in steps of 20 ms."""


@pytest.mark.parametrize("name", [name for name in SINGLE if name not in NOT_TO_BE_REPAIRED])
def test_heard_is_history_is_server(name: str) -> None:
    assert differences(outcome(name, "repaired")) == []


@pytest.mark.parametrize("name", SWEPT)
def test_whenever_it_is_interrupted(name: str) -> None:
    for instant in LIVEKIT_SCENARIOS[name].instants(_COARSE_MS):
        assert differences(instant.play("repaired")) == [], instant.scenario.actions


@pytest.mark.parametrize("name", [name for name in SINGLE if "interrupted" not in name and name != "dialect-gateway"])
def test_no_request_is_refused(name: str) -> None:
    refused = [error for error in outcome(name, "repaired").server_errors if "cancel_not_active" not in error]
    assert refused == []


def test_what_was_heard_keeps_its_audio_on_the_server() -> None:
    server = outcome("in-first", "repaired").server
    assert [message.audio_ms for message in server.values()] == [900]


def test_a_response_that_comes_after_its_request_was_given_up_is_forgotten_or_told() -> None:
    """N27: LiveKit's plugin cancels it, and announces nothing; the server remembers what came before the cancel."""
    assert differences(outcome("given-up", "plain")) != [], "fixed upstream"
    assert outcome("given-up", "repaired").server == {}
    told = {(step.rule, step.message_id) for step in outcome("given-up", "watched").forbidden_steps}
    assert told == {("left_on_server", "preamble")}


def test_a_response_that_names_no_request_is_the_answer_to_the_one_that_waits() -> None:
    """The plugin takes it for the server's own, and lets the request time out after ten seconds."""
    repaired = outcome("dialect-xai", "repaired")
    assert [step.rule for step in repaired.forbidden_steps] == ["cancelled_again"]
    assert repaired.heard_ms == {"preamble": 900, "later": 1_400}
    assert list(repaired.server) == list(repaired.history) == ["preamble", "later"]


def test_a_speech_after_a_silent_output_is_played_whole() -> None:
    repaired = outcome("silent-then-next", "repaired")
    assert repaired.heard_ms["later"] == 1_400
    assert not repaired.history["later"].interrupted


@pytest.mark.parametrize(
    ("name", "message_id", "cause"),
    [("cannot-truncate", "answer", "cannot_truncate"), ("cannot-remove", "answer", "cannot_remove")],
)
def test_what_the_server_cannot_do_is_reported(name: str, message_id: str, cause: str) -> None:
    repaired = outcome(name, "repaired")
    steps = [step for step in repaired.forbidden_steps if step.rule == "left_on_server"]
    assert [(step.message_id, step.detail.split("; ")[-1]) for step in steps] == [(message_id, cause)]
    assert not any("history" in difference for difference in differences(repaired))
    assert repaired.server_errors == []


UNTRUE = {
    "triples": bad.OverReports(factor=3),
    "never says where it is": bad.AllOf((bad.NeverReportsProgress(), bad.ReportsPosition(float("nan")))),
    "never says that it has ended": bad.AllOf((bad.NeverReportsProgress(), bad.OnlyFor(1, bad.Silent()))),
}


@pytest.mark.parametrize("untrue", UNTRUE)
def test_time_says_what_a_player_does_not(untrue: str) -> None:
    played = LIVEKIT_SCENARIOS["in-second"]
    scenario = replace(played.scenario, misbehaviour=UNTRUE[untrue])
    repaired = replace(played, scenario=scenario).play("repaired")
    assert differences(repaired) == []
    assert repaired.heard_ms["answer"] == 1_400
    assert repaired.history["answer"].interrupted


def test_the_heard_text_is_estimated_where_there_is_no_transcript_and_marked() -> None:
    repaired = outcome("no-transcript", "repaired")
    assert repaired.history["answer"].text == "It is sunny in London today,"
    assert [(record.heard_text, record.heard_text_status) for record in repaired.records[1:]] == [
        ("It is sunny in London today,", "estimated")
    ]
    synchronized = outcome("in-second", "repaired")
    assert [record.heard_text_status for record in synchronized.records] == ["exact", "synchronized"]


def test_the_heard_text_is_unknown_if_the_policy_says_so() -> None:
    scenario = LIVEKIT_SCENARIOS["no-transcript"]
    repaired = replace(scenario, staging=replace(scenario.staging, policy=Policy())).play("repaired")
    assert repaired.history["answer"].text == ""
    assert repaired.records[1].heard_text_status == "unknown"


def test_a_text_that_nothing_shows_reaches_nobody() -> None:
    """N14: LiveKit writes it into history all the same."""
    repaired = outcome("text-unseen", "repaired")
    assert [(record.message_id, record.reason) for record in repaired.records] == [
        ("preamble", "finished"),
        ("shown", "not_shown"),
    ]
    assert list(repaired.history) == list(repaired.server) == ["preamble"]
