"""A copy of the context that was taken while something played says what was heard of it, once it is applied (N26)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest
from livekit.agents import AgentSession
from livekit.agents.llm import ChatContext
from livekit_outcomes import SINGLE, SWEPT, outcome

from speech_lifecycle.simulation.livekit_agents.rehearsal import Watching
from speech_lifecycle.simulation.livekit_agents.rehearsed import Rehearsed, Said
from speech_lifecycle.simulation.livekit_agents.scenarios import LIVEKIT_SCENARIOS, FrontDesk
from speech_lifecycle.simulation.livekit_agents.verdict import differences
from speech_lifecycle.simulation.scenarios.making import PREAMBLE

COPIES: dict[str, Callable[[ChatContext], ChatContext]] = {
    "shares its items": lambda context: context.copy(),
    "shares nothing": lambda context: ChatContext.from_dict(context.to_dict()),
    "is truncated": lambda context: context.copy().truncate(max_items=3),
    "has no empty messages": lambda context: context.copy(exclude_empty_message=True),
}


def play(name: str, watched: Watching, **staging: object) -> Rehearsed:
    scenario = LIVEKIT_SCENARIOS[name]
    return replace(scenario, staging=replace(scenario.staging, **staging)).play(watched)


@pytest.mark.parametrize("copy", COPIES)
def test_an_agent_that_takes_over_has_what_was_heard(copy: str) -> None:
    class Desk(FrontDesk):
        def copied_context(self) -> ChatContext:
            return COPIES[copy](self.chat_ctx)

    assert differences(play("handed-over", "plain", agent=Desk)) == [], "the plain framework is right"
    repaired = play("handed-over", "repaired", agent=Desk)
    assert differences(repaired) == []
    assert repaired.history["preamble"] == Said("preamble", PREAMBLE.text, interrupted=False)
    assert repaired.server["preamble"].text == PREAMBLE.text
    assert repaired.forbidden_steps == []


def copied_and_applied(name: str, copy: str, *, taken_ms: int, applied_ms: int) -> Rehearsed:
    """Play while the application takes a copy of the agent's context, and gives it back later."""

    async def application(session: AgentSession[None]) -> None:
        await asyncio.sleep(taken_ms / 1000)
        context = COPIES[copy](session.current_agent.chat_ctx)
        await asyncio.sleep((applied_ms - taken_ms) / 1000)
        await session.current_agent.update_chat_ctx(context)

    return play(name, "repaired", on_start=application)


@pytest.mark.parametrize("copy", COPIES)
@pytest.mark.parametrize("applied_ms", [1_500, 9_000], ids=["while-it-plays", "later"])
def test_what_played_is_whole_in_what_the_application_applies(copy: str, applied_ms: int) -> None:
    applied = copied_and_applied("one", copy, taken_ms=1_000, applied_ms=applied_ms)
    assert differences(applied) == []
    assert applied.server["preamble"].audio_ms == 1_800, "what was heard keeps its audio"


@pytest.mark.parametrize("copy", COPIES)
@pytest.mark.parametrize("applied_ms", [1_100, 3_000, 9_000], ids=["while-it-plays", "when-it-was-cut", "later"])
def test_what_was_cut_is_cut_in_what_the_application_applies(copy: str, applied_ms: int) -> None:
    applied = copied_and_applied("in-first", copy, taken_ms=900, applied_ms=applied_ms)
    assert differences(applied) == []
    assert applied.history["preamble"].interrupted
    assert applied.server["preamble"].audio_ms == 900
    assert "answer" not in applied.server
    assert not applied.history.get("answer", Said("answer", "", interrupted=False)).text


def test_a_whole_text_that_was_copied_before_the_message_was_cut_is_not_brought_back() -> None:
    """The server's own context has what the model generated, heard or not."""

    async def application(session: AgentSession[None]) -> None:
        await asyncio.sleep(0.9)
        realtime = session.current_agent.realtime_llm_session
        context = ChatContext.from_dict(realtime.chat_ctx.to_dict())
        await asyncio.sleep(8)
        await session.current_agent.update_chat_ctx(context)

    assert differences(play("in-first", "repaired", on_start=application)) == []


def test_the_applications_own_words_stand() -> None:
    async def application(session: AgentSession[None]) -> None:
        await asyncio.sleep(9)
        context = session.current_agent.chat_ctx.copy()
        for message in context.messages():
            if message.id == "preamble":
                message.content = ["(said that it would look)"]
        await session.current_agent.update_chat_ctx(context)

    repaired = play("one", "repaired", on_start=application)
    assert repaired.history["preamble"].text == "(said that it would look)"
    assert repaired.server["preamble"].text == "(said that it would look)"


def accounts(played: Rehearsed) -> tuple[object, ...]:
    return played.heard_ms, played.server, played.history, played.agent_states


@pytest.mark.parametrize("name", SINGLE)
def test_where_the_plain_framework_is_right_repair_changes_nothing(name: str) -> None:
    plain = outcome(name, "plain")
    if differences(plain) == []:
        assert accounts(outcome(name, "repaired")) == accounts(plain)


_COARSE_MS = 900


@pytest.mark.parametrize("name", SWEPT)
def test_whenever_it_is_interrupted_and_right_repair_changes_nothing(name: str) -> None:
    for instant in LIVEKIT_SCENARIOS[name].instants(_COARSE_MS):
        plain = instant.play("plain")
        if differences(plain) == []:
            assert accounts(instant.play("repaired")) == accounts(plain), instant.scenario.actions


@pytest.mark.parametrize("name", SINGLE)
def test_what_was_heard_is_in_the_sessions_history_as_in_the_agents(name: str) -> None:
    repaired = outcome(name, "repaired")
    heard = {message_id: repaired.history.get(message_id) for message_id in repaired.heard_ms}
    assert {message_id: repaired.session_history.get(message_id) for message_id in heard} == heard
