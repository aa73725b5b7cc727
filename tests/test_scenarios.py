"""Every named scenario ends as it must, and heard = history = server, or the agent is told what differs."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from speech_lifecycle.fsm.effects import TruncateMessage
from speech_lifecycle.simulation.misbehaviour import ReportsQueuedPosition
from speech_lifecycle.simulation.scenario import Action, Scenario, play
from speech_lifecycle.simulation.scenarios import SCENARIOS
from speech_lifecycle.simulation.script import ScriptedMessage, ScriptedResponse

ENDS = {
    "answer-interrupted": "preamble played finished 1800, answer partial interrupted 1400",
    "undisturbed": "preamble played finished 1800, answer played finished 4200",
    "function-call-between": "preamble played finished 1800, answer partial interrupted 1400",
    "dones-per-item": "preamble played finished 1800, answer partial interrupted 1400",
    "call-played": "answer played finished 4200, later played finished 1400",
    "call-user-speaks": "answer partial interrupted 1400",
    "call-interrupted": "answer partial interrupted 1400",
    "older-event-names": "preamble played finished 1800, answer partial interrupted 1400",
    "dialect-xai": (
        "preamble partial interrupted 900, answer skipped interrupted 0, closing skipped interrupted 0, "
        "later played finished 1400"
    ),
    "dialect-gateway": (
        "preamble partial interrupted 900, answer skipped interrupted 0, closing skipped interrupted 0, "
        "later played finished 1400"
    ),
    "dialect-bare": (
        "preamble partial interrupted 900, answer skipped interrupted 0, closing skipped interrupted 0, "
        "later played finished 1400"
    ),
    "dialect-contents": (
        "preamble partial interrupted 900, answer skipped interrupted 0, closing skipped interrupted 0, "
        "later played finished 1400"
    ),
    "dialect-late": (
        "preamble partial interrupted 900, answer skipped interrupted 0, closing skipped interrupted 0, "
        "later played finished 1400"
    ),
    "dialect-xai-resumed": (
        "preamble partial interrupted 900, answer skipped interrupted 0, later played finished 1400"
    ),
    "telephone-audio": "preamble played finished 1800, answer partial interrupted 1400",
    "telephone-audio-older-names": "preamble played finished 1800, answer partial interrupted 1400",
    "wideband-audio": "preamble played finished 1800, answer partial interrupted 1400",
    "text-shown": "preamble played finished 1800, shown played finished 0",
    "empty-message": "preamble played finished 1800, empty skipped no_content 0, answer partial interrupted 1400",
    "text-unseen": "preamble played finished 1800, shown skipped not_shown 0",
    "no-output": "preamble played finished 0, answer played finished 0",
    "interrupted-before-second": "preamble partial interrupted 900, answer skipped interrupted 0",
    "interrupted-between": "preamble played finished 1800, answer skipped interrupted 0",
    "three-interrupted-in-first": (
        "preamble partial interrupted 900, answer skipped interrupted 0, closing skipped interrupted 0"
    ),
    "interrupted-while-generating": "preamble played finished 1800, answer partial interrupted 1400",
    "second-response-queued": (
        "preamble played finished 1800, answer partial interrupted 1400, later skipped never_authorized 0"
    ),
    "late-audio": "preamble played finished 1800, answer played finished 4200",
    "before-first-sound": "preamble skipped interrupted 0",
    "at-first-sound": "preamble partial interrupted 0",
    "text-interrupted": "shown partial interrupted 0",
    "at-the-end": "preamble played finished 1800, answer played finished 4190",
    "user-speaks": "preamble played finished 1800, answer partial interrupted 1400",
    "server-counts-less": "preamble played finished 1800, answer partial interrupted 4150",
    "position-not-a-number": "preamble played finished 1800, answer partial interrupted 1400",
    "position-missing": "preamble played finished 1800, answer partial interrupted 1400",
    "position-negative": "preamble played finished 1800, answer partial interrupted 1400",
    "position-zero": "preamble played finished 1800, answer partial interrupted 1400",
    "position-too-far": "preamble played finished 1800, answer partial interrupted 1400",
    "no-word-played": "preamble partial interrupted 40",
    "heard-without-transcript": "preamble played finished 1800, answer partial interrupted 1400",
    "text-estimated": "preamble played finished 1800, answer partial interrupted 1400",
    "paused-before-first-sound": "preamble played finished 1800, answer played finished 4200",
    "start-never-reported": "preamble played finished 1800, answer partial interrupted 1500",
    "start-reported-late": "preamble played finished 1800, answer partial interrupted 1500",
    "closed-while-playing": "preamble played finished 1800, answer partial closed 1400",
    "interruption-denied": "preamble played finished 1800, answer partial interrupted 1400",
    "facts-name-previous-message": "preamble played finished 1800, answer partial interrupted 1400",
    "output-fails": "preamble played finished 1800, answer partial output_failed 1400",
    "cleared-from-outside": "preamble partial cleared 900, answer played finished 4200",
    "next-response-while-cancelling": "preamble partial interrupted 900, later played finished 1400",
    "interrupted-before-response": "preamble skipped interrupted 0",
    "late-items-after-cancel": (
        "preamble partial interrupted 900, answer skipped interrupted 0, closing skipped interrupted 0"
    ),
    "generation-already-ended": "preamble played finished 1800, answer partial interrupted 1400",
    "protected-withdrawn": "preamble partial interrupted 900, answer skipped interrupted 0",
    "silent-after-clear": "preamble played finished 1800, answer partial timed_out 1400",
    "finish-never-reported": "preamble played finished 1800, answer skipped timed_out 0",
    "surplus-finishes": "preamble played finished 1800, answer partial interrupted 1400",
    "connection-dropped": "preamble played finished 1800, answer partial source_failed 283",
    "dropped-in-mid-speech-kept": (
        "preamble played finished 1800, answer partial source_failed 1400, later played finished 1400"
    ),
    "dropped-in-mid-speech-gone": (
        "preamble played finished 1800, answer partial source_failed 1400, later played finished 1400"
    ),
    "dropped-between-turns-kept": (
        "preamble played finished 1800, answer played finished 4200, later played finished 1400"
    ),
    "dropped-between-turns-gone": (
        "preamble played finished 1800, answer played finished 4200, later played finished 1400"
    ),
    "dropped-while-truncating-kept": (
        "preamble played finished 1800, answer partial interrupted 1400, later played finished 1400"
    ),
    "dropped-while-truncating-gone": (
        "preamble played finished 1800, answer partial interrupted 1400, later played finished 1400"
    ),
    "paused-then-interrupted": "preamble played finished 1800, answer partial interrupted 1200",
    "paused-then-resumed": "preamble played finished 1800, answer played finished 4200",
    "user-speaks-before-launch": "preamble skipped interrupted 0",
    "truncation-refused": "preamble played finished 1800, answer partial interrupted 1400",
    "never-answered": "preamble partial interrupted 900, answer skipped interrupted 0",
    "cannot-truncate": "preamble played finished 1800, answer partial interrupted 1400",
    "cannot-remove": "preamble partial interrupted 900, answer skipped interrupted 0",
}

DIVERGENCES = {
    "truncation-refused": {("answer", "refused")},
    "never-answered": {("preamble", "unanswered"), ("answer", "unanswered")},
    "cannot-truncate": {("answer", "cannot_truncate")},
    "dialect-xai-resumed": {("preamble", "refused")},
    "cannot-remove": {("answer", "cannot_remove")},
}

ERRORS = {
    "user-speaks": "response_cancel_not_active",
    "user-speaks-before-launch": "response_cancel_not_active",
    "server-counts-less": "invalid_value",
    "truncation-refused": "server_error",
    "dialect-gateway": "unsupported_response_override",
    "dialect-xai-resumed": "not_found unsupported_content_type",
}
"""Refusals that a correct client gets too: the server cancelled first, or counts or wants otherwise."""

HEARD_TEXTS = {
    "answer-interrupted": ("It is sunny in London today,", "synchronized"),
    "no-word-played": ("", "synchronized"),
    "heard-without-transcript": ("", "unknown"),
    "text-estimated": ("It is sunny in London today,", "estimated"),
    "text-interrupted": ("Here is the", "exact"),
}


def test_every_scenario_has_its_end():
    assert set(ENDS) == set(SCENARIOS)


@pytest.mark.parametrize(
    "name",
    SCENARIOS,
)
def test_scenario(name):
    report, world = asyncio.run(play(SCENARIOS[name]))
    records = [message.record for message in report.messages]
    assert ", ".join(f"{r.message_id} {r.state} {r.reason} {r.heard_ms}" for r in records) == ENDS[name]
    assert {(d.message_id, d.cause) for d in report.divergences} == DIVERGENCES.get(name, set())
    different = {message.record.message_id for message in report.messages if message.differences}
    assert different == {message_id for message_id, _ in DIVERGENCES.get(name, set())}
    assert not report.differences
    assert {error.partition(":")[0] for error in report.server_errors} == set(ERRORS.get(name, "").split())
    assert world.driver.agent_state == "listening"
    if name in HEARD_TEXTS:
        assert (records[-1].heard_text, records[-1].heard_text_status) == HEARD_TEXTS[name]


def test_the_user_is_never_talked_over_before_launch():
    _, world = asyncio.run(play(SCENARIOS["user-speaks-before-launch"]))
    assert world.listener.heard == {}


def test_audio_that_comes_after_its_message_was_played_is_cut_when_the_response_has_ended():
    report, world = asyncio.run(play(SCENARIOS["late-audio"]))
    preamble, answer = report.messages
    assert (preamble.sent_ms, preamble.record.received_ms) == (2400, 1800)
    assert (preamble.server.audio_ms, answer.server.audio_ms) == (1800, 4200)
    truncations = [effect for step in world.trace.steps for effect in step.effects if effect == TRUNCATED]
    assert truncations == [TRUNCATED]


TRUNCATED = TruncateMessage("preamble", 1800)


def test_a_hold_costs_no_audio():
    _, world = asyncio.run(play(SCENARIOS["paused-then-resumed"]))
    assert world.listener.intervals("answer") == [(0, 4200)]


def test_an_output_that_counts_its_queue_is_found_out_by_the_time():
    """T11: nobody can have heard more than the time since playback began."""
    scenario = replace(SCENARIOS["answer-interrupted"], misbehaviour=ReportsQueuedPosition())
    report, _ = asyncio.run(play(scenario))
    assert report.is_equal
    assert report.messages[1].record.heard_ms_status == "estimated"


def test_a_response_asked_for_when_the_server_begins_its_own_is_that_one():
    """C1: at the end of the user's turn both come at once, and the server refuses the one that was asked for."""
    scenario = Scenario(
        "both-at-once",
        "",
        tuple(ScriptedResponse((ScriptedMessage("Words.", 400),), late_deltas_after_cancel_ms=200) for _ in range(2)),
        tuple(Action(0, deed, "request") for deed in ("user_speaks", "user_is_silent", "request")),
    )
    report, world = asyncio.run(play(scenario))
    assert any("already_has_active_response" in error for error in report.server_errors), "nothing was refused"
    assert report.outcomes == ("interrupted", "completed")
    assert report.differences == ()
    assert world.clock.now_ms() < scenario.policy.stall_timeout_ms, "a watchdog had to end it"
