"""What a repairing watch lets through to the server's context."""

from __future__ import annotations

import asyncio
from typing import cast

import pytest
from livekit.agents import Agent, llm

from speech_lifecycle.adapters.livekit_agents.repair import Repair
from speech_lifecycle.adapters.livekit_agents.watch.speech import WatchedSpeech
from speech_lifecycle.adapters.livekit_agents.watched_model import WatchedRealtimeSession
from speech_lifecycle.fsm import effects as fx
from speech_lifecycle.fsm import events as ev
from speech_lifecycle.fsm.machine import SpeechMachine


def said(message_id: str, text: str, role: llm.ChatRole = "assistant") -> llm.ChatMessage:
    return llm.ChatMessage(id=message_id, role=role, content=[text])


QUESTION = said("question", "How is the weather?", "user")
FULL = said("preamble", "Let me check the weather for you.")
CUT = said("preamble", "Let me check")
UNHEARD = said("answer", "It is sunny.")


@pytest.fixture
async def speech() -> WatchedSpeech:
    """Two messages; interrupted in the first."""
    machine = SpeechMachine()
    no_session = cast(WatchedRealtimeSession, None)
    response_end = asyncio.get_running_loop().create_future()
    speech = WatchedSpeech("speech_1", machine, "response", no_session, Agent(instructions=""), response_end)
    for event in (
        ev.SessionResponseCreated("response"),
        ev.SessionMessageAdded("response", "preamble"),
        ev.SessionAudioReceived("preamble", 1_800),
        ev.SessionMessageAdded("response", "answer"),
        ev.SessionAudioReceived("answer", 900),
        ev.SessionResponseEnded("response"),
        ev.Authorize(),
        ev.OutputAudioHandedOver("preamble", 1_800),
        ev.OutputPlaybackStarted("preamble"),
        ev.Interrupt(),
        ev.OutputPlaybackFinished("preamble", 600, True, "Let me check"),
    ):
        for effect in machine.send(event).effects:
            if isinstance(effect, fx.CommitMessage):
                speech.commits[effect.message_id] = effect
    return speech


def for_server(
    speech: WatchedSpeech, remote: list[llm.ChatMessage], wanted: list[llm.ChatMessage], *, can_remove: bool = True
) -> list[llm.ChatItem]:
    context = Repair().chat_ctx_for_server(
        [speech], llm.ChatContext(list(remote)), llm.ChatContext(list(wanted)), can_remove=can_remove
    )
    return context.items


def test_what_was_not_heard_does_not_come_back(speech: WatchedSpeech) -> None:
    assert for_server(speech, [QUESTION, FULL], [QUESTION, CUT, UNHEARD]) == [QUESTION, FULL]


def test_what_was_heard_is_not_removed_before_history_has_it(speech: WatchedSpeech) -> None:
    assert for_server(speech, [QUESTION, FULL, UNHEARD], [QUESTION]) == [QUESTION, FULL]


def test_heard_audio_is_not_replaced_by_its_text(speech: WatchedSpeech) -> None:
    speech.history_is_settled = True
    assert for_server(speech, [QUESTION, FULL], [QUESTION, CUT]) == [QUESTION, FULL]


def test_what_the_application_takes_away_later_is_taken_away(speech: WatchedSpeech) -> None:
    speech.history_is_settled = True
    assert for_server(speech, [QUESTION, FULL], [QUESTION]) == [QUESTION]


def test_what_the_application_says_instead_is_said(speech: WatchedSpeech) -> None:
    speech.history_is_settled = True
    summary = said("preamble", "The weather was looked up.")
    assert for_server(speech, [QUESTION, FULL], [QUESTION, summary]) == [QUESTION, summary]


def test_a_server_that_can_remove_nothing_is_left_alone(speech: WatchedSpeech) -> None:
    new = said("next", "And tomorrow?", "user")
    remote = [QUESTION, FULL, UNHEARD]
    assert for_server(speech, remote, [QUESTION, CUT, new], can_remove=False) == [QUESTION, FULL, UNHEARD, new]


def test_a_placeholder_shares_nothing_with_the_plugins_record() -> None:
    event = llm.RemoteItemAddedEvent(previous_item_id=None, item=FULL)
    placeholder = Repair().placeholder(event).item
    assert isinstance(placeholder, llm.ChatMessage)
    assert (placeholder.id, placeholder.content) == ("preamble", [])
    assert FULL.content == ["Let me check the weather for you."]


def test_the_users_items_pass_unchanged() -> None:
    event = llm.RemoteItemAddedEvent(previous_item_id=None, item=QUESTION)
    assert Repair().placeholder(event) is event
