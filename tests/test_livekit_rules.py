"""The LiveKit adapters hold no rule of their own: they translate, and the machine decides."""

from __future__ import annotations

import re
from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest
from livekit import rtc
from livekit.agents import Agent, ModelSettings

from speech_lifecycle.fsm.events import Interrupt, Pause, Resume
from speech_lifecycle.fsm.trace import Record, Step
from speech_lifecycle.fsm.values import MessageState, Reason, SpeechState
from speech_lifecycle.simulation.livekit_agents.rehearsed import Rehearsed
from speech_lifecycle.simulation.livekit_agents.scenarios import LIVEKIT_SCENARIOS
from speech_lifecycle.simulation.livekit_agents.verdict import differences

PACKAGE = Path(__file__).parent.parent / "adapters" / "livekit_agents"
COMPARES = {"watch/judge.py": {"partial"}, "watch/output.py": {"played"}, "spans.py": {"failed"}}
"""What may be asked for by name: of a record, or of a change that is told. The judge names the rule that was broken."""


def words_of_the_lifecycle() -> set[str]:
    # "speaking" and "closed" are LiveKit's words, too.
    words = {*get_args(MessageState), *get_args(SpeechState), *get_args(Reason)}
    return words - {"speaking", "interrupted", "completed"}


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_adapter_asks_which_state_a_speech_or_a_message_is_in(path: Path) -> None:
    code = re.sub(r'""".*?"""|#[^\n]*', "", path.read_text(encoding="utf-8"), flags=re.S)
    asked = {word for word in re.findall(r'"(\w+)"', code) if word in words_of_the_lifecycle()}
    allowed = {"failed"} if path.parent.name == "drive" else set()  # how the server ended a response
    assert asked <= COMPARES.get(path.relative_to(PACKAGE).as_posix(), allowed)


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_one_machine_runs_all_of_it(path: Path) -> None:
    """What is about more than one speech is the conversation's to decide: the floor, requests, routing."""
    assert "SpeechMachine" not in path.read_text(encoding="utf-8")


class HalvesItsAudio(Agent):
    async def realtime_audio_output_node(
        self, audio: AsyncIterable[rtc.AudioFrame], model_settings: ModelSettings
    ) -> AsyncIterator[rtc.AudioFrame]:
        async for frame in audio:
            half = frame.samples_per_channel // 2
            yield rtc.AudioFrame(bytes(frame.data)[: 2 * half], frame.sample_rate, 1, half)


class DoublesItsAudio(Agent):
    async def realtime_audio_output_node(
        self, audio: AsyncIterable[rtc.AudioFrame], model_settings: ModelSettings
    ) -> AsyncIterator[rtc.AudioFrame]:
        async for frame in audio:
            yield frame
            yield frame


class ReadsAllBeforeItSpeaks(Agent):
    async def realtime_audio_output_node(
        self, audio: AsyncIterable[rtc.AudioFrame], model_settings: ModelSettings
    ) -> AsyncIterator[rtc.AudioFrame]:
        for frame in [frame async for frame in audio]:
            yield frame


def played(name: str, agent: type[Agent] = Agent, trace: list[Record] | None = None) -> Rehearsed:
    scenario = LIVEKIT_SCENARIOS[name]
    staging = replace(scenario.staging, agent=agent, trace=None if trace is None else trace.append)
    return replace(scenario, staging=staging).play("repaired")


@pytest.mark.parametrize(
    ("agent", "heard_ms"), [(HalvesItsAudio, 900), (DoublesItsAudio, 3_600), (ReadsAllBeforeItSpeaks, 1_800)]
)
def test_what_the_framework_took_of_a_message_is_handed_over_whatever_its_agent_made_of_it(
    agent: type[Agent], heard_ms: int
) -> None:
    outcome = played("one", agent)
    assert outcome.heard_ms == {"preamble": heard_ms}
    assert [(record.state, record.heard_ms) for record in outcome.records] == [("played", 1_800)]
    assert outcome.server["preamble"].audio_ms == 1_800
    assert outcome.forbidden_steps == []


def test_a_resume_without_a_hold_is_not_told() -> None:
    """LiveKit resumes its output before every message."""
    trace: list[Record] = []
    played("two", trace=trace)
    assert not [record for record in trace if isinstance(record, Step) and isinstance(record.event, Pause | Resume)]


def test_an_interruption_is_told_once() -> None:
    trace: list[Record] = []
    assert differences(played("in-first", trace=trace)) == []
    told = [record for record in trace if isinstance(record, Step) and isinstance(record.event, Interrupt)]
    assert len(told) == 1
