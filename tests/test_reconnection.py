"""A session that connects again by itself: whenever the connection breaks, heard = history = what the new one knows.

The real SDK and a real socket, in virtual time.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import logging

import pytest
import yaml
from msgspec.structs import replace
from openai import AsyncOpenAI
from realtime_client import eventually
from websockets.asyncio.server import serve
from websockets.datastructures import Headers
from websockets.exceptions import InvalidMessage, InvalidStatus, InvalidURI
from websockets.http11 import Response

from speech_lifecycle.adapters.clock import VirtualClock
from speech_lifecycle.adapters.driver import Driver
from speech_lifecycle.adapters.sessions.openai_realtime import OpenAIRealtimeSession
from speech_lifecycle.adapters.sessions.reconnection import Reconnection, is_temporary
from speech_lifecycle.fsm.effects import AnnounceConnectionState
from speech_lifecycle.fsm.events import OutputPlaybackFinished, SessionLost, SessionResumed
from speech_lifecycle.fsm.trace import ConversationStep
from speech_lifecycle.simulation.misbehaviour import Late
from speech_lifecycle.simulation.report import build_report
from speech_lifecycle.simulation.scenario import Action, Scenario, play
from speech_lifecycle.simulation.script import AT_ONCE, Pacing, ScriptedMessage, ScriptedResponse, ServerBehaviour
from speech_lifecycle.simulation.simulated_speaker import SimulatedSpeaker
from speech_lifecycle.simulation.world import SimulatedWorld

ONE = ScriptedMessage("One two three four five six.", 600, message_id="one")
TWO = ScriptedMessage("Seven eight nine ten eleven twelve.", 900, message_id="two")
NEXT = ScriptedMessage("And so on.", 400, message_id="next")
FIRST = ScriptedResponse((ONE, TWO), pacing=Pacing(speed=1.5))
SECOND = ScriptedResponse((NEXT,))


def facts_in(records):
    """Return what a session has told of its connection; why it was lost is left out (test_why.py)."""
    events = [record.event for record in records if isinstance(record, ConversationStep)]
    return [without_why(event) for event in events if isinstance(event, SessionLost | SessionResumed)]


def without_why(fact):
    return replace(fact, code="", text="", observed_ms=None) if isinstance(fact, SessionLost) else fact


class ReconnectingWorld(SimulatedWorld):
    """A world whose client connects again, at once, by itself."""

    reconnection = Reconnection(attempts=5, jitter_ms=0, lasting_ms=0)

    def __init__(self, *responses, **options) -> None:
        options.setdefault("reconnects", True)
        options.setdefault("synchronize_text", True)
        super().__init__(responses or (FIRST, SECOND), **options)

    @property
    def facts(self):
        """What the session has told of its connection, in order."""
        return facts_in(self.trace.records)

    async def speak(self):
        """Have a response played to its end."""
        speech = self.driver.request_response()
        await self.run_until_over()
        return speech

    async def run_until_heard(self, ms):
        await self.run_until(lambda: sum(self.listener.heard.values()) >= ms)


def run(test, *responses, world=ReconnectingWorld, **options):
    async def in_a_world():
        async with world(*responses, **options) as inside:
            await test(inside)

    asyncio.run(in_a_world())


def behaviour(after_loss):
    return ServerBehaviour(after_loss=after_loss)


# Heard = history = what the new session knows


def dropped(after_loss, *actions, **options):
    """Return a scenario whose connection breaks, and in which the agent then asks for another response."""
    rest = {"reconnects": True, "synchronize_text": True, "behaviour": behaviour(after_loss), **options}
    return Scenario("dropped", "", (FIRST, SECOND), (*actions, Action(4_000, "request")), **rest)


def differences(scenario):
    """Play a scenario; return how the accounts differ, after checking that it went on."""
    report, world = asyncio.run(play(scenario))
    assert world.listener.heard["next"] == 400
    assert report.divergences == ()
    assert len(world.server.sessions) == 2
    resumed = [e for e in world.trace.effects if isinstance(e, AnnounceConnectionState) and e.state == "connected"]
    assert resumed == [AnnounceConnectionState("connected", scenario.behaviour.after_loss == "kept")]
    return [*report.differences, *(each for message in report.messages for each in message.differences)]


IN_MID_SPEECH = (1, 60, 590, 600, 610, 1_000, 1_400)


@pytest.mark.parametrize("at_ms", IN_MID_SPEECH)
@pytest.mark.parametrize("after_loss", ["gone", "unsaid", "kept"])
def test_dropped_in_mid_speech_all_accounts_are_the_same(after_loss, at_ms):
    assert differences(dropped(after_loss, Action(at_ms, "drop"))) == []


@pytest.mark.parametrize("after_loss", ["gone", "unsaid", "kept"])
def test_dropped_between_turns_all_accounts_are_the_same(after_loss):
    assert differences(dropped(after_loss, Action(2_000, "drop"))) == []


@pytest.mark.parametrize("at_ms", IN_MID_SPEECH)
@pytest.mark.parametrize("after_loss", ["gone", "unsaid", "kept"])
def test_dropped_before_the_truncation_arrives_all_accounts_are_the_same(after_loss, at_ms):
    assert differences(dropped(after_loss, Action(at_ms, "interrupt_and_drop"))) == []


class AnswersLost(SimulatedWorld):
    """A world whose connection breaks with the first answer to a truncation, which was done."""

    async def __aenter__(self):
        await super().__aenter__()
        session = self.server_session
        session._acknowledge = lambda event, answer: session.drop_connection()
        return self


@pytest.mark.parametrize("at_ms", IN_MID_SPEECH)
@pytest.mark.parametrize("after_loss", ["gone", "unsaid", "kept"])
def test_dropped_before_the_truncation_is_answered_all_accounts_are_the_same(after_loss, at_ms):
    scenario = dropped(after_loss, Action(at_ms, "interrupt"))
    report, world = asyncio.run(play(scenario, make_world=AnswersLost))
    assert report.is_equal
    assert world.listener.heard["next"] == 400


def test_what_the_output_reports_only_when_the_new_connection_is_there_is_told_to_it_too():
    late = Late(800, (OutputPlaybackFinished,))
    scenario = dropped("gone", Action(400, "drop"), misbehaviour=late)
    assert differences(scenario) == []


def test_the_accounts_differ_if_the_new_session_is_told_nothing(monkeypatch):
    """The report can fail."""
    monkeypatch.setattr(OpenAIRealtimeSession, "restore", lambda self, history: None)
    assert differences(dropped("gone", Action(2_000, "drop"))) != []


def test_a_connection_may_be_lost_again_and_again():
    async def test(world):
        for times in range(1, 4):
            world.server_session.drop_connection()
            await world.settle()
            assert world.driver.connection_state == "connected"
            speech = await world.speak()
            assert [record.state for record in speech.records] == ["played"]
            assert len(world.server.sessions) == times + 1
            assert build_report(world).is_equal

    responses = [ScriptedResponse((ScriptedMessage(f"Number {n}.", 300),)) for n in range(3)]
    run(test, *responses, behaviour=behaviour("gone"))


# What the session reports


@pytest.mark.parametrize("after_loss", ["gone", "unsaid", "kept"])
def test_the_new_connection_is_reported_before_anything_else_of_it(after_loss):
    async def test(world):
        await world.speak()
        reported = []
        report = world.driver.report
        world.driver.report = lambda fact, **more: (reported.append(fact), report(fact, **more))
        world.server_session.drop_connection()
        await world.settle()
        world.driver.user_started_speaking = lambda: reported.append("user")
        assert [*map(without_why, reported)] == [SessionLost(may_resume=True), SessionResumed(after_loss == "kept")]
        await world.speak()
        assert len(reported) > 5

    run(test, behaviour=behaviour(after_loss))


def greet(world, *events):
    """Have the server greet the next connections with these events, instead of its own words."""

    new_session = world.server._new_session

    def speaks_first(*arguments):
        session = new_session(*arguments)
        emit = session.emit

        def greeting(event):
            session.emit = lambda event: None
            for each in events:
                emit(each if each["type"] != "session.created" else event)

        session.emit = greeting
        return session

    world.server._new_session = speaks_first


GREETING, PING = {"type": "session.created"}, {"type": "ping"}
SAME = {"type": "conversation.created", "conversation": {"id": "conv_000001"}}
OTHER = {"type": "conversation.created", "conversation": {"id": "conv_another"}}
USER_SPEAKS = {"type": "input_audio_buffer.speech_started"}


@pytest.mark.parametrize(
    ("greeting", "kept"),
    [
        ((GREETING, SAME), True),
        ((SAME, GREETING), True),
        ((GREETING, PING, SAME), True),
        ((GREETING, OTHER), False),
        ((GREETING, USER_SPEAKS, SAME), False),
        ((GREETING, {"type": "conversation.created", "conversation": {"id": 7}}, SAME), True),
        ((GREETING, {"type": "conversation.created"}, USER_SPEAKS), False),
    ],
    ids=["same", "first", "after a ping", "another", "too late", "broken", "without id"],
)
def test_the_conversation_is_kept_if_the_server_says_so_before_it_goes_on(greeting, kept):
    async def test(world):
        greet(world, *greeting)
        world.server_session.drop_connection()
        await world.settle()
        assert world.facts == [SessionLost(may_resume=True), SessionResumed(kept)]
        assert world.driver.user_is_speaking == (USER_SPEAKS in greeting)

    run(test, behaviour=behaviour("gone"))


def test_a_server_that_does_not_say_which_conversation_it_is_has_none_after_five_seconds():
    async def test(world):
        greet(world, GREETING)
        world.server_session.drop_connection()
        await world.settle()
        assert world.facts == [SessionLost(may_resume=True)]
        world.clock.advance(4_999)
        assert world.driver.connection_state == "disconnected"
        world.clock.advance(1)
        assert world.facts[1:] == [SessionResumed(False)]

    run(test, behaviour=behaviour("gone"))


def test_listeners_get_what_a_new_connection_begins_with():
    heard = []

    async def test(world):
        world.session.listen(lambda event: heard.append(event["type"]))
        world.server_session.drop_connection()
        await world.settle()
        assert heard == ["session.created", "conversation.created"]

    run(test, behaviour=behaviour("kept"))


def test_the_agent_can_ask_for_the_conversation_by_its_id():
    async def test(world):
        assert world.session.conversation_id == "conv_000001"
        world.server_session.drop_connection()
        await world.settle()
        assert world.server_session.conversation is world.server.sessions[0].conversation
        assert world.session.conversation_id == "conv_000001"

    run(test, behaviour=behaviour("kept"))


@pytest.mark.parametrize(("after_loss", "known"), [("gone", "conv_000002"), ("unsaid", None)])
def test_of_a_conversation_that_is_gone_the_id_is_forgotten(after_loss, known):
    async def test(world):
        world.server_session.drop_connection()
        await world.settle()
        assert world.session.conversation_id == known

    run(test, behaviour=behaviour(after_loss))


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


# What is sent, and what is not


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
        assert (protocol._items, protocol._client.requests._open, protocol.answers._requests) == ({}, {}, {})
        await world.run_until_over()

    run(test, dataclasses.replace(FIRST, pacing=AT_ONCE), SECOND, behaviour=behaviour("gone"))


# A recorded session


def connections_in(recording):
    """Return the frames that a server sent on each connection of a recording."""
    connections = [[]]
    for entry in yaml.safe_load(recording.read_text(encoding="utf-8"))["interactions"]:
        if entry["kind"] == "close":
            connections.append([])
        elif entry["direction"] == "received":
            connections[-1].append(json.dumps(entry["data"]))
    return connections


def test_a_recorded_session_that_xai_resumed_goes_on_with_the_same_conversation(captures):
    """The recorded frames over a real socket: the first connection is closed as it was, with 1011."""
    connections = iter(connections_in(captures / "xai_session_resumed.yaml"))
    is_over = asyncio.Event()

    async def speak(connection):
        for frame in next(connections):
            await connection.send(frame)
        if not is_over.is_set():
            is_over.set()
            await connection.close(1011, "test reconnect")
        await connection.wait_closed()

    async def test():
        clock = VirtualClock()
        async with serve(speak, "127.0.0.1", 0, ping_interval=None) as server, AsyncOpenAI(api_key="x") as client:
            port = next(iter(server.sockets)).getsockname()[1]
            client.websocket_base_url = f"ws://127.0.0.1:{port}/v1"
            session = OpenAIRealtimeSession(
                connect=lambda: client.realtime.connect(model="grok-voice-latest"),
                reconnection=Reconnection(lasting_ms=0),
                clock=clock,
            )
            speaker, records = SimulatedSpeaker(clock, synchronize_text=True), []
            async with Driver(session, speaker, clock=clock, trace=records.append) as driver:
                await eventually(lambda: len(driver.speeches) == 2)
                await eventually(lambda: driver.speeches[1].snapshot.response_has_ended)
                clock.advance(60_000)
                states = [record.state for speech in driver.speeches for record in speech.records]
                texts = [commit.text for commit in driver.history]
            return states, texts, facts_in(records)

    states, texts, facts = asyncio.run(test())
    assert facts[:2] == [SessionLost(may_resume=True), SessionResumed(conversation_kept=True)]
    assert states[-1] == "played"
    assert texts[-1] == "Cobalt. The code word you asked me to remember is cobalt."
