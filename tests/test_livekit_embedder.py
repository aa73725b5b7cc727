"""What an embedder's code raises reaches neither the machines nor LiveKit: it is logged once, counted and told."""

from __future__ import annotations

import asyncio
import errno
import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from livekit.agents import AgentSession
from livekit.plugins import openai
from livekit_outcomes import outcome

from speech_lifecycle.adapters.livekit_agents import Watch, WatchedRealtimeModel, watch_session
from speech_lifecycle.adapters.livekit_agents.watch_events import EmbedderFailed, MessageStateChanged
from speech_lifecycle.fsm.trace import Record
from speech_lifecycle.simulation.livekit_agents.rehearsed import Rehearsed
from speech_lifecycle.simulation.livekit_agents.scenarios import LIVEKIT_SCENARIOS

SAFEGUARD = "speech_lifecycle.adapters.livekit_agents.watch.safeguard"


def play(name: str, on_watch: Callable[[Watch], object], **staging: Any) -> Rehearsed:
    scenario = LIVEKIT_SCENARIOS[name]
    return replace(scenario, staging=replace(scenario.staging, on_watch=on_watch, **staging)).play("repaired")


def is_as_without(played: Rehearsed, name: str) -> bool:
    untroubled = outcome(name, "repaired")
    return (
        played.heard_ms == untroubled.heard_ms
        and played.server == untroubled.server
        and played.history == untroubled.history
        and played.agent_states == untroubled.agent_states
    )


def adds_none_to_text(change: MessageStateChanged) -> str:
    return change.message_id + change.reason  # type: ignore[operator]


def wants_more(change: object, more: object) -> None:
    raise AssertionError("it is never entered")


def raises_key_error(*values: object) -> None:
    raise KeyError("nothing of the kind")


def is_cancelled(*values: object) -> None:
    raise asyncio.CancelledError("of a future that it asked")


async def answer(*values: object) -> None:
    raise AssertionError("nobody awaits it")


@pytest.mark.parametrize(
    "listener", [adds_none_to_text, wants_more, raises_key_error, is_cancelled, lambda *values: answer(*values)]
)
@pytest.mark.parametrize("event", ["message_state_changed", "speech_state_changed", "message_settled", "speech_begun"])
def test_a_listener_that_raises_changes_nothing(event: Any, listener: Callable[..., Any]) -> None:
    heard: list[object] = []

    def listen(watch: Watch) -> None:
        watch.on(event, listener)
        watch.on(event, heard.append)

    assert is_as_without(play("in-first", listen), "in-first")
    assert heard, "the other listeners are still called"


def test_it_is_logged_once_with_its_place_counted_and_told(caplog: pytest.LogCaptureFixture) -> None:
    watches: list[Watch] = []
    told: list[EmbedderFailed] = []

    def listen(watch: Watch) -> None:
        watches.append(watch)
        watch.on("speech_state_changed", raises_key_error)
        watch.on("embedder_failed", told.append)

    with caplog.at_level(logging.ERROR, logger=SAFEGUARD):
        play("two", listen)
    place = f"{__file__}:{raises_key_error.__code__.co_firstlineno + 1}"
    assert told == [EmbedderFailed(place, "KeyError('nothing of the kind')", "a listener of speech_state_changed")]
    assert watches[0].failures[place] > 1
    logged = [record.getMessage() for record in caplog.records if record.name == SAFEGUARD]
    assert len(logged) == 1
    assert place in logged[0]


def test_a_listener_of_failures_may_fail_itself() -> None:
    def listen(watch: Watch) -> None:
        watch.on("speech_state_changed", raises_key_error)
        watch.on("embedder_failed", adds_none_to_text)

    assert is_as_without(play("in-first", listen), "in-first")


@pytest.mark.parametrize("holds", [0, 1, 22])
def test_a_trace_that_cannot_be_written_changes_nothing(holds: int) -> None:
    told: list[EmbedderFailed] = []
    written: list[Record] = []

    def write(record: Record) -> None:
        if len(written) == holds:
            raise OSError(errno.ENOSPC, "No space left on device")
        written.append(record)

    played = play("in-first", lambda watch: watch.on("embedder_failed", told.append), trace=write)
    assert is_as_without(played, "in-first")
    assert [failure.error for failure in told] == ["OSError(28, 'No space left on device')"]


def watched() -> Watch:
    model = WatchedRealtimeModel(openai.realtime.RealtimeModel(api_key="simulated"))
    return watch_session(AgentSession(llm=model, vad=None))


async def test_a_listener_can_be_taken_back() -> None:
    watch, told = watched(), []
    watch.on("forbidden_step", told.append)
    watch.once("speech_begun", told.append)
    watch.emit("forbidden_step", "first")
    watch.emit("speech_begun", "begun")
    watch.emit("speech_begun", "not told")
    watch.off("forbidden_step", told.append)
    watch.emit("forbidden_step", "not told")
    assert told == ["first", "begun"]


async def test_a_coroutine_function_is_refused_as_everywhere_in_livekit() -> None:
    async def listener(change: object) -> None: ...

    with pytest.raises(ValueError, match="async"):
        watched().on("message_state_changed", listener)
