"""What the repair lets through to the server's context."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, cast

import pytest
from livekit.agents import Agent, llm

from speech_lifecycle.adapters.livekit_agents.openai_events import OpenAIEvents
from speech_lifecycle.adapters.livekit_agents.repair import Repair
from speech_lifecycle.adapters.livekit_agents.response import Response
from speech_lifecycle.fsm import effects as fx
from speech_lifecycle.fsm import events as ev
from speech_lifecycle.fsm.machine import SpeechMachine


def said(message_id: str, text: str, role: llm.ChatRole = "assistant") -> llm.ChatMessage:
    return llm.ChatMessage(id=message_id, role=role, content=[text])


QUESTION = said("question", "How is the weather?", "user")
FULL = said("preamble", "Let me check the weather for you.")
CUT = said("preamble", "Let me check")
UNHEARD = said("answer", "It is sunny.")


class Server:
    """A realtime session, as far as a context's update asks it."""

    def __init__(self) -> None:
        self.chat_ctx = llm.ChatContext()
        self.capabilities = SimpleNamespace(mutable_chat_context=True)


@dataclass
class Bench:
    repair: Repair
    response: Response
    server: Server

    def for_server(self, remote: list[llm.ChatMessage], wanted: list[llm.ChatMessage]) -> list[llm.ChatItem]:
        self.server.chat_ctx = llm.ChatContext(list(remote))
        return self.repair.context(
            self.response.session, llm.ChatContext(list(wanted)), {each.id for each in remote}
        ).items

    def settle_history(self) -> None:
        """The framework is done with the speech, too: history has what was heard already."""
        self.response.agent = Agent(instructions="", chat_ctx=llm.ChatContext([CUT]))
        self.repair.settle_history(self.response, self.response.agent, llm.ChatContext())


@pytest.fixture
async def bench() -> Bench:
    """Two messages; interrupted in the first."""
    server, machine = Server(), SpeechMachine()
    session = cast(llm.RealtimeSession[Any], server)
    response = Response(
        session, cast(OpenAIEvents, SimpleNamespace(deleted_unnamed=set())), "response", is_requested=True
    )
    repair = Repair()
    repair.begin(response)
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
            if not isinstance(effect, fx.SessionEffect):
                repair.perform(response, effect)
        if isinstance(event, ev.SessionMessageAdded):
            repair.hold(response, event.message_id)
    return Bench(repair, response, server)


def test_what_was_not_heard_does_not_come_back(bench: Bench) -> None:
    assert bench.for_server([QUESTION, FULL], [QUESTION, CUT, UNHEARD]) == [QUESTION, FULL]


def test_what_was_heard_is_not_removed_before_history_has_it(bench: Bench) -> None:
    assert bench.for_server([QUESTION, FULL, UNHEARD], [QUESTION]) == [QUESTION, FULL]


def test_heard_audio_is_not_replaced_by_its_text(bench: Bench) -> None:
    bench.settle_history()
    assert bench.for_server([QUESTION, FULL], [QUESTION, CUT]) == [QUESTION, FULL]


def test_what_the_application_takes_away_later_is_taken_away(bench: Bench) -> None:
    bench.settle_history()
    assert bench.for_server([QUESTION, FULL], [QUESTION]) == [QUESTION]


def test_what_the_application_says_instead_is_said(bench: Bench) -> None:
    bench.settle_history()
    summary = said("preamble", "The weather was looked up.")
    assert bench.for_server([QUESTION, FULL], [QUESTION, summary]) == [QUESTION, summary]


def test_a_server_that_can_remove_nothing_is_left_alone(bench: Bench) -> None:
    new = said("next", "And tomorrow?", "user")
    remote = [QUESTION, FULL, UNHEARD]
    bench.server.capabilities.mutable_chat_context = False
    assert bench.for_server(remote, [QUESTION, CUT, new]) == [QUESTION, FULL, UNHEARD, new]


def test_a_placeholder_shares_nothing_with_the_plugins_record() -> None:
    event = llm.RemoteItemAddedEvent(previous_item_id=None, item=FULL)
    placeholder = Repair().item(event).item
    assert isinstance(placeholder, llm.ChatMessage)
    assert (placeholder.id, placeholder.text_content) == ("preamble", "")
    assert FULL.content == ["Let me check the weather for you."]


def test_the_users_items_pass_unchanged() -> None:
    event = llm.RemoteItemAddedEvent(previous_item_id=None, item=QUESTION)
    assert Repair().item(event) is event
