"""Mended, the listener, the history and the server agree: in every scenario, at every instant tried."""

from __future__ import annotations

import pytest
from livekit_outcomes import SINGLE, SWEPT, outcome
from test_livekit_field_bugs import NOT_TO_BE_MENDED

from speech_lifecycle.adapters.livekit_agents.scenarios import LIVEKIT_SCENARIOS
from speech_lifecycle.adapters.livekit_agents.verdict import differences

_COARSE_MS = 340
"""`docs/livekit_table.py` sweeps in steps of 20 ms."""


@pytest.mark.parametrize("name", [name for name in SINGLE if name not in NOT_TO_BE_MENDED])
def test_heard_is_history_is_server(name: str) -> None:
    assert differences(outcome(name, "mended")) == []


@pytest.mark.parametrize("name", SWEPT)
def test_whenever_it_is_interrupted(name: str) -> None:
    for instant in LIVEKIT_SCENARIOS[name].instants(_COARSE_MS):
        assert differences(instant.play("mended")) == [], instant.scenario.actions


@pytest.mark.parametrize("name", [name for name in SINGLE if "interrupted" not in name])
def test_no_request_is_refused(name: str) -> None:
    refused = [error for error in outcome(name, "mended").server_errors if "cancel_not_active" not in error]
    assert refused == []


def test_what_was_heard_keeps_its_audio_on_the_server() -> None:
    server = outcome("in-first", "mended").server
    assert [message.audio_ms for message in server.values()] == [900]


def test_a_speech_after_a_silent_output_is_played_whole() -> None:
    mended = outcome("silent-then-next", "mended")
    assert mended.heard_ms["later"] == 1_400
    assert not mended.history["later"].interrupted
