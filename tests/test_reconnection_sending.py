"""What is sent on a new connection, and what is not."""

from __future__ import annotations

import asyncio
import dataclasses
import logging

from realtime_client import eventually
from reconnecting_world import FIRST, SECOND, ReconnectingWorld, behaviour, run

from speech_lifecycle.adapters.sessions.openai_realtime import OpenAIRealtimeSession
from speech_lifecycle.simulation.report import build_report
from speech_lifecycle.simulation.script import AT_ONCE, ServerBehaviour


def test_the_agents_settings_go_first_on_every_connection():
    class Configured(ReconnectingWorld):
        def configure(self, session):
            session.send({"type": "session.update", "session": {"type": "realtime", "instructions": "Be brief."}})

    async def test(world):
        await world.speak()
        world.server_session.drop_connection()
        await world.settle()
        await world.speak()
        first, second = ([event["type"] for event in session.events_received] for session in world.server.sessions)
        assert first == ["session.update", "response.create"]
        assert second == ["session.update", *["conversation.item.create"] * 2, "response.create"]

    run(test, world=Configured)


def test_what_waits_for_the_first_connection_is_sent_after_the_settings():
    async def test(world):
        session = OpenAIRealtimeSession(
            connect=world.session._connect, configure=lambda it: it.send({"type": "session.update", "session": {}})
        )
        session.attach(world.driver)
        session.send({"type": "response.create"})
        running = asyncio.create_task(session.run())
        await eventually(lambda: len(world.server.sessions) == 2 and len(world.server_session.events_received) == 2)
        sent = [event["type"] for event in world.server_session.events_received]
        assert sent == ["session.update", "response.create"]
        running.cancel()
        await asyncio.wait([running])

    run(test)


def test_what_was_not_sent_when_the_connection_went_is_dropped_and_counted(caplog):
    async def test(world):
        sending = asyncio.Event()
        stuck = world.session._connection.send

        async def send(event):
            await sending.wait()
            await stuck(event)

        world.session._connection.send = send
        for _ in range(3):
            world.session.send({"type": "input_audio_buffer.clear"})
        await asyncio.sleep(0)
        world.server_session.drop_connection()
        await eventually(lambda: world.session.events_dropped)
        await world.settle()
        assert world.session.events_dropped == 2, "one was under way"
        assert world.server_session.events_received == []
        await world.speak()

    run(test)
    assert "2 client events" in caplog.text


def test_what_is_sent_while_there_is_no_connection_is_dropped_and_counted():
    async def test(world):
        world.server_session.drop_connection()
        await world.settle()
        world.session.send({"type": "input_audio_buffer.clear"})
        assert world.session.events_dropped == 1
        await world.run_until(lambda: world.driver.connection_state == "connected")
        assert world.server_session.events_received == []

    run(test, behaviour=ServerBehaviour(refuse_connections=(503,)))


def test_an_agents_mistake_in_its_settings_is_a_fault_and_ends_nothing(caplog):
    class Mistaken(ReconnectingWorld):
        may_fault = True

        def configure(self, session):
            raise KeyError("instructions")

    async def test(world):
        world.server_session.drop_connection()
        await world.settle()
        await world.speak()
        assert world.session.faults == 2
        assert build_report(world).is_equal

    with caplog.at_level(logging.ERROR):
        run(test, world=Mistaken)
    assert "configuring the connection failed" in caplog.text


def test_responses_and_answers_of_the_lost_connection_mean_nothing_on_the_new_one():
    """The new server counts from one again, as some do: its first response is not the lost one."""

    async def test(world):
        world.driver.request_response()
        await world.run_until_heard(100)
        world.server_session.drop_connection()
        await world.settle()
        protocol = world.session._attached
        assert (protocol._messages.open, protocol._client.requests._open, protocol.answers._requests) == ({}, {}, {})
        await world.run_until_over()

    run(test, dataclasses.replace(FIRST, pacing=AT_ONCE), SECOND, behaviour=behaviour("gone"))
