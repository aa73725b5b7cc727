"""The SDK's own reconnection (`on_reconnecting`): the real SDK opens its connection again, and the session goes on."""

from __future__ import annotations

import asyncio
import inspect

import pytest
from openai import AsyncOpenAI
from openai.resources.realtime.realtime import AsyncRealtime
from reconnecting_world import FIRST, SECOND, ReconnectingWorld, facts_in

from speech_lifecycle.adapters.sessions.openai_realtime import OpenAIRealtimeSession
from speech_lifecycle.fsm.events import SessionLost, SessionResumed
from speech_lifecycle.simulation.report import build_report
from speech_lifecycle.simulation.script import ServerBehaviour

pytestmark = pytest.mark.skipif(
    "on_reconnecting" not in inspect.signature(AsyncRealtime.connect).parameters,
    reason="this version of the SDK cannot connect again by itself",
)


class SdkReconnectingWorld(ReconnectingWorld):
    """A world in which the SDK connects again, and the session only goes on with what it gets."""

    has_connect = False
    aborts = False

    async def open_session(self, exit_stack):
        self.attempts = []
        client = await exit_stack.enter_async_context(
            AsyncOpenAI(
                api_key="simulated",
                base_url=self.server.base_url,
                websocket_base_url=self.server.websocket_base_url,
            )
        )

        def connect():
            return client.realtime.connect(
                model="gpt-realtime-2",
                on_reconnecting=self.on_reconnecting,
                max_retries=2,
                initial_delay=0.01,
            )

        self.session = OpenAIRealtimeSession(
            None if self.has_connect else await exit_stack.enter_async_context(connect()),
            connect=connect if self.has_connect else None,
            configure=self.configure,
            reconnection=self.reconnection,
            clock=self.clock,
        )
        return self.session

    def configure(self, session):
        session.send({"type": "session.update", "session": {"type": "realtime", "instructions": "Be brief."}})

    def on_reconnecting(self, event):
        self.attempts.append(event)
        return {"extra_query": {"conversation_id": self.session.conversation_id or ""}, "abort": self.aborts}


def run(test, world=SdkReconnectingWorld, **options):
    async def in_a_world():
        async with world(FIRST, SECOND, **options) as inside:
            await test(inside)

    asyncio.run(asyncio.wait_for(in_a_world(), timeout=60))


def sent_first(world):
    return [session.events_received[0]["type"] for session in world.server.sessions]


@pytest.mark.parametrize("after_loss", ["unsaid", "gone", "kept"])
@pytest.mark.parametrize("at_ms", [0, 100, 500, 700, 1_200])
def test_dropped_in_mid_speech_the_sdk_connects_again_and_all_accounts_are_the_same(after_loss, at_ms):
    async def test(world):
        world.driver.request_response()
        await world.run_until_heard(at_ms)
        world.server_session.drop_connection()
        await world.run_until_over()
        following = await world.speak()
        assert [record.state for record in following.records][-1:] == ["played"]
        assert world.facts == [SessionLost(may_resume=True), SessionResumed(after_loss == "kept")]
        assert len(world.attempts) == 1
        assert sent_first(world) == ["session.update"] * 2, "the agent's settings go first on every connection"
        assert build_report(world).is_equal or at_ms == 0

    run(test, behaviour=ServerBehaviour(after_loss=after_loss))


def test_a_connection_may_be_opened_again_by_the_sdk_again_and_again():
    async def test(world):
        for _ in range(4):
            world.server_session.drop_connection()
            await world.settle()
        await world.speak()
        assert len(world.server.sessions) == 5
        assert world.facts == [SessionLost(may_resume=True), SessionResumed(False)] * 4

    run(test)


class AbortingWorld(SdkReconnectingWorld):
    aborts = True


def test_when_the_sdk_is_told_not_to_connect_again_the_session_is_lost_for_good():
    async def test(world):
        world.driver.request_response()
        await world.run_until_heard(300)
        world.server_session.drop_connection()
        await world.run_until_over()
        assert world.facts[:2] == [SessionLost(may_resume=True), SessionLost()]
        assert len(world.server.sessions) == 1

    run(test, world=AbortingWorld)


class BothWorld(AbortingWorld):
    has_connect = True


def test_what_the_sdk_gives_up_the_session_may_still_open():
    async def test(world):
        world.driver.request_response()
        await world.run_until_heard(300)
        world.server_session.drop_connection()
        await world.run_until_over()
        await world.speak()
        assert world.facts == [SessionLost(may_resume=True), SessionResumed(False)]
        assert len(world.attempts) == 1
        assert len(world.server.sessions) == 2

    run(test, world=BothWorld)


def test_what_this_side_closes_the_sdk_does_not_open_again():
    async def test(world):
        await world.session._connection.close()
        await world.settle()
        assert world.attempts == []
        assert facts_in(world.trace.records)[-1:] == [SessionLost()]

    run(test)


def test_listeners_get_raw_events_and_no_frame_is_parsed_by_the_sdk(monkeypatch):
    """The reason for reading raw frames at all."""
    heard = []

    async def test(world):
        monkeypatch.setattr(type(world.session._connection), "parse_event", None)
        world.session.listen(heard.append)
        world.server_session.drop_connection()
        await world.settle()
        await world.speak()
        assert heard
        assert all(type(event) is dict for event in heard)

    run(test)
