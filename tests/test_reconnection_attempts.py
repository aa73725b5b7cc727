"""How often a session tries to connect again, when it gives up, and what is left when it ends."""

from __future__ import annotations

import asyncio
import dataclasses

import pytest
from reconnecting_world import GREETING, ReconnectingWorld, behaviour, greet, run
from websockets.datastructures import Headers
from websockets.exceptions import InvalidMessage, InvalidStatus, InvalidURI
from websockets.http11 import Response

from speech_lifecycle.adapters.sessions.openai_realtime import OpenAIRealtimeSession
from speech_lifecycle.adapters.sessions.reconnection import Reconnection, is_temporary
from speech_lifecycle.fsm.effects import AnnounceConnectionState
from speech_lifecycle.fsm.events import SessionLost, SessionResumed
from speech_lifecycle.simulation.report import build_report
from speech_lifecycle.simulation.script import ServerBehaviour

# Trying again


@dataclasses.dataclass
class Attempts:
    """Notes when a world's client tries to connect."""

    at_ms: list[float] = dataclasses.field(default_factory=list)

    def watch(self, world):
        connect = world.session._connect
        world.session._connect = lambda: (self.at_ms.append(world.clock.now_ms()), connect())[1]


def test_a_busy_server_is_asked_again_with_longer_and_longer_waits():
    attempts = Attempts()

    async def test(world):
        attempts.watch(world)
        world.server_session.drop_connection()
        await world.settle()
        assert world.driver.connection_state == "disconnected"
        assert world.session.is_backing_off
        await world.run_until(lambda: world.driver.connection_state == "connected")
        assert not world.session.is_backing_off
        assert attempts.at_ms == [0, 500, 1500, 3500]
        assert world.facts == [SessionLost(may_resume=True), SessionResumed(False)]
        await world.speak()
        assert build_report(world).is_equal

    run(test, behaviour=ServerBehaviour(refuse_connections=(503, 429, 500)))


async def test_the_waits_double_up_to_the_longest_and_chance_is_added():
    waits = []

    async def sleep(ms):
        waits.append(ms)

    async def fail():
        raise ConnectionRefusedError

    with pytest.raises(ConnectionRefusedError):
        await Reconnection().retrying(sleep)(fail)
    least = [500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000]
    by_chance = [wait - without for wait, without in zip(waits, least, strict=True)]
    assert all(0 <= more <= 500 for more in by_chance)
    assert len(set(by_chance)) > 1


def test_after_the_last_attempt_the_connection_is_lost_for_good(caplog):
    attempts = Attempts()

    async def test(world):
        attempts.watch(world)
        playing = world.driver.request_response()
        await world.run_until_heard(300)
        world.server_session.drop_connection()
        await world.run_until(world._reading.done)
        assert len(attempts.at_ms) == 5
        assert world.facts[:2] == [SessionLost(may_resume=True), SessionLost()]
        assert world.driver.connection_state == "disconnected"
        assert (playing.snapshot.state, [r.heard_ms for r in playing.records]) == ("failed", [300])
        assert world.driver.request_response().is_over, "there is nobody to ask"
        world.session.send({"type": "response.create"})
        assert world.session.events_dropped == 1

    run(test, behaviour=ServerBehaviour(refuse_connections=(503,) * 5))
    assert "lost for good" in caplog.text


@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_a_server_that_refuses_the_client_is_not_asked_again(status):
    attempts = Attempts()

    async def test(world):
        attempts.watch(world)
        world.server_session.drop_connection()
        await world.run_until(world._reading.done)
        assert attempts.at_ms == [0]
        assert world.facts[:2] == [SessionLost(may_resume=True), SessionLost()]

    run(test, behaviour=ServerBehaviour(refuse_connections=(status,)))


def test_a_server_that_accepts_and_closes_at_once_is_not_asked_for_ever():
    attempts = Attempts()

    class Lasting(ReconnectingWorld):
        reconnection = Reconnection(attempts=3, jitter_ms=0, lasting_ms=1_000)

    async def test(world):
        world.clock.advance(2_000)
        attempts.watch(world)
        new_session = world.server._new_session

        def closed_at_once(*arguments):
            session = new_session(*arguments)
            session.drop_connection()
            return session

        world.server._new_session = closed_at_once
        world.server_session.drop_connection()
        await world.run_until(world._reading.done)
        assert len(attempts.at_ms) == 3
        assert world.facts[-1] == SessionLost()

    run(test, world=Lasting)


def test_a_server_that_is_gone_is_given_up():
    async def test(world):
        await world.server.__aexit__(None, None, None)
        await world.run_until(world._reading.done)
        assert world.facts[:2] == [SessionLost(may_resume=True), SessionLost()]

    run(test)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ConnectionRefusedError(), True),
        (TimeoutError(), True),
        (asyncio.TimeoutError(), True),
        (InvalidMessage("the server went away in the handshake"), True),
        *((InvalidStatus(Response(status, "", Headers())), True) for status in (408, 429, 500, 502, 503)),
        *((InvalidStatus(Response(status, "", Headers())), False) for status in (400, 401, 403, 404, 422)),
        (InvalidURI("ws:/nowhere", "no host"), False),
        (TypeError("a mistake in the agent's own code"), False),
        (asyncio.CancelledError(), False),
    ],
    ids=repr,
)
def test_what_another_attempt_may_mend(error, expected):
    assert is_temporary(error) is expected


@pytest.mark.parametrize("field", ["attempts", "first_wait_ms", "longest_wait_ms", "jitter_ms", "lasting_ms"])
def test_a_reconnection_is_checked(field):
    with pytest.raises(ValueError, match=field):
        Reconnection(**{field: -1})


# Beginning and ending


def test_a_session_needs_a_connection_or_a_way_to_get_one():
    with pytest.raises(ValueError, match="a way to connect"):
        OpenAIRealtimeSession()


def test_a_first_connection_that_is_refused_is_the_callers_error():
    async def test(world):
        world.server._api_key = "another"
        world.session = None
        session = await world.open_session(world._exit)
        session.attach(world.driver)
        with pytest.raises(InvalidStatus):
            await session.run()

    run(test)


def test_a_connection_that_this_side_closes_is_not_opened_again():
    async def test(world):
        await world.session._connection.close()
        await world.run_until(world._reading.done)
        assert len(world.server.sessions) == 1
        assert SessionLost(may_resume=True) not in world.facts

    run(test)


def test_a_server_that_closes_normally_is_connected_to_again():
    async def test(world):
        await world.server_session._connection.close(1000)
        await world.run_until(lambda: len(world.server.sessions) == 2)
        assert world.driver.connection_state == "connected"

    run(test)


class GivenConnection(ReconnectingWorld):
    """A world whose client has opened its first connection itself."""

    async def open_session(self, exit_stack):
        session = await super().open_session(exit_stack)
        self.given = session._connection = await exit_stack.enter_async_context(session._connect())
        return session


def test_a_connection_that_is_given_may_be_followed_by_others():
    async def test(world):
        world.server_session.drop_connection()
        await world.settle()
        assert world.facts == [SessionLost(may_resume=True), SessionResumed(True)]
        await world.speak()
        assert build_report(world).is_equal

    run(test, world=GivenConnection, behaviour=behaviour("kept"))


@pytest.mark.parametrize(("world", "stays_open"), [(GivenConnection, True), (ReconnectingWorld, False)])
def test_cancelled_a_session_closes_what_it_opened_itself(world, stays_open):
    async def test(world):
        world._reading.cancel()
        await asyncio.wait([world._reading])
        assert (world.session._connection._connection.close_code is None) is stays_open

    run(test, world=world)


def test_cancelled_the_moment_the_connection_is_lost_it_ends():
    """The cancellation is not that of the task that sends, which is waited for at that moment."""

    async def test(world):
        def cancel(speech, effect):
            if effect == AnnounceConnectionState("disconnected"):
                world._reading.cancel()

        world.driver.listen(cancel)
        world.server_session.drop_connection()
        await world.settle()
        assert world._reading.cancelled()
        assert len(world.server.sessions) == 1

    run(test)


def test_cancelled_while_it_waits_to_try_again_it_ends_at_once():
    async def test(world):
        world.server_session.drop_connection()
        await world.settle()
        assert world.session.is_backing_off
        before_ms = world.clock.now_ms()
        world._reading.cancel()
        await asyncio.wait([world._reading])
        assert world._reading.cancelled()
        assert not world.session.is_backing_off
        assert (world.clock.now_ms(), world.clock.next_due_ms) == (before_ms, None)

    run(test, behaviour=ServerBehaviour(refuse_connections=(503,)))


def test_cancelled_while_the_server_has_not_said_who_it_is_nothing_is_left_on_the_clock():
    async def test(world):
        greet(world, GREETING)
        world.server_session.drop_connection()
        await world.settle()
        world._reading.cancel()
        await asyncio.wait([world._reading])
        assert world.clock.next_due_ms is None
        assert world.facts == [SessionLost(may_resume=True), SessionLost()], "nobody reads it any more"

    run(test, behaviour=behaviour("gone"))
