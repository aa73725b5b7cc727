"""The user is thought to speak until a turn ends, by whatever ends it: the floor is never lost to that (N5)."""

from __future__ import annotations

import asyncio

import pytest
from conversations import Talk, only

from speech_lifecycle.adapters import Driver, VirtualClock
from speech_lifecycle.adapters.sessions.openai_protocol import OpenAIRealtimeProtocol
from speech_lifecycle.fsm import effects as fx
from speech_lifecycle.fsm import events as ev
from speech_lifecycle.fsm.values import Capabilities, ConversationPolicy
from speech_lifecycle.simulation.report import build_report
from speech_lifecycle.simulation.script import AT_ONCE, ScriptedMessage, ScriptedResponse, ServerBehaviour
from speech_lifecycle.simulation.world import SimulatedWorld

STARTED = {"type": "input_audio_buffer.speech_started", "audio_start_ms": 0, "item_id": "u"}
STOPPED = {"type": "input_audio_buffer.speech_stopped", "audio_end_ms": 900, "item_id": "u"}
COMMITTED = {"type": "input_audio_buffer.committed", "item_id": "u", "previous_item_id": None}


class Receiver:
    """Notes what is said of the user."""

    def __init__(self) -> None:
        self.is_speaking = False
        self.times_stopped = 0

    def report(self, fact, *, speech_id=None):
        pass

    def user_started_speaking(self):
        self.is_speaking = True

    def user_stopped_speaking(self):
        self.times_stopped += self.is_speaking
        self.is_speaking = False


def after(*events, sent=()) -> Receiver:
    receiver = Receiver()
    protocol = OpenAIRealtimeProtocol(receiver)
    for event in sent:
        protocol.note_sent(event)
    for event in events:
        protocol.receive(event)
    return receiver


def updated(session) -> dict:
    return {"type": "session.updated", "session": session}


def created(response_id="r", **response) -> dict:
    return {"type": "response.created", "response": {"id": response_id, "conversation_id": "c", **response}}


@pytest.mark.parametrize(
    "end",
    [
        STOPPED,
        COMMITTED,
        {"type": "input_audio_buffer.cleared"},
        {"type": "input_audio_buffer.timeout_triggered", "item_id": "u", "audio_start_ms": 0, "audio_end_ms": 1},
        updated({"audio": {"input": {"turn_detection": None}}}),
        updated({"turn_detection": None}),
        updated({"turn_detection": {"type": "none"}}),
        created(),
    ],
    ids=lambda event: event["type"],
)
def test_whatever_ends_a_turn_ends_it(end):
    assert not after(STARTED, end).is_speaking
    assert after(STARTED, end, STARTED).is_speaking


@pytest.mark.parametrize(
    "event",
    [
        updated({"audio": {"input": {"turn_detection": {"type": "server_vad"}}}}),
        updated({"audio": {"input": {}}}),
        updated({"audio": {"output": {"speed": 1.1}}}),
        updated({"instructions": "Be brief."}),
        created(conversation_id=None),
        created(metadata={"speech_id": "speech_1"}),
        {"type": "input_audio_buffer.dtmf_event_received", "event": "1"},
    ],
    ids=repr,
)
def test_what_says_nothing_of_the_user_ends_no_turn(event):
    assert after(STARTED, event).is_speaking


def test_the_answer_to_the_turn_before_does_not_end_the_present_one():
    assert after(STARTED, STOPPED, COMMITTED, STARTED, created()).is_speaking
    assert not after(STARTED, STOPPED, COMMITTED, STARTED, created("r"), created("s")).is_speaking


@pytest.mark.parametrize("asked", [{}, {"response": None}, {"response": {"instructions": "x"}}, {"response": []}])
def test_a_response_that_somebody_on_this_side_has_asked_for_says_nothing_of_the_user(asked):
    sent = ({"type": "response.create", **asked},)
    assert after(STARTED, created(), sent=sent).is_speaking
    assert not after(STARTED, created("r"), created("s"), sent=sent).is_speaking


def test_a_lost_connection_leaves_no_user_who_speaks():
    for kept in (False, True):
        talk = Talk(barge_in="ignore")
        talk.tell(ev.UserStartedSpeaking(), ev.SessionLost(may_resume=True), ev.SessionResumed(kept))
        assert talk.now.user == "silent"
        talk.ask("a")
        assert talk.now.floor_id == "a"


def test_a_connection_that_is_lost_while_the_user_is_silent_changes_nothing_of_that():
    talk = Talk()
    talk.tell(ev.SessionLost(may_resume=True), ev.SessionResumed(True), ev.UserStartedSpeaking())
    assert talk.now.user == "talking"


# Nobody says it at all


def timers(effects):
    return only(effects, fx.TimerEffect)


def test_a_turn_that_nobody_ends_is_ended_by_its_timer():
    talk = Talk(barge_in="ignore", user_timeout_ms=5_000)
    assert timers(talk.tell(ev.UserStartedSpeaking())) == [fx.StartTimer("user", 5_000)]
    talk.ask("a")
    assert (talk.now.user, talk.now.floor_id) == ("talking", None)
    talk.tell(ev.TimerFired("user"))
    assert (talk.now.user, talk.now.floor_id) == ("silent", "a")


@pytest.mark.parametrize("barge_in", ["interrupt", "pause", "ignore"])
def test_who_begins_once_more_is_waited_for_anew(barge_in):
    talk = Talk(barge_in=barge_in)
    for _ in range(2):
        assert timers(talk.tell(ev.UserStartedSpeaking())) == [fx.StartTimer("user", 120_000)]


@pytest.mark.parametrize("end", [ev.UserStoppedSpeaking(), ev.SessionLost(), ev.Close()], ids=lambda end: end.type)
def test_whatever_ends_the_turn_stops_its_timer(end):
    talk = Talk()
    talk.tell(ev.UserStartedSpeaking())
    assert timers(talk.tell(end)) == [fx.CancelTimer("user")]
    assert talk.now.user == "silent"
    assert talk.answer(ev.TimerFired("user")) == ("ignored", "stale_timer")


def test_the_timer_of_a_speech_does_not_end_the_users_turn():
    talk = Talk()
    talk.tell(ev.UserStartedSpeaking())
    assert talk.answer(ev.TimerFired("stall")) == ("rejected", "no_speech")
    assert talk.now.user == "talking"


@pytest.mark.parametrize("name", ["user_timeout_ms", "speeches_kept"])
@pytest.mark.parametrize("value", [-1, 0.5, True, None, 2**53])
def test_a_number_of_the_policy_that_is_none_is_refused_by_its_name(name, value):
    with pytest.raises(ValueError, match=rf"ConversationPolicy\.{name} must be a whole number"):
        ConversationPolicy(**{name: value})


class SilentSession:
    """A session whose server says nothing."""

    sample_rate, capabilities = 24_000, Capabilities()

    def attach(self, receiver): ...

    def request_response(self, speech_id): ...

    def perform(self, effect): ...

    async def run(self): ...


def test_the_driver_is_told_how_long_a_turn_may_be():
    clock = VirtualClock()
    driver = Driver(SilentSession(), None, clock=clock, user_timeout_ms=300_000)
    driver.user_started_speaking()
    clock.advance(299_999)
    assert driver.user_is_speaking
    clock.advance(1)
    assert not driver.user_is_speaking


# With the real SDK, on a real socket

ANSWER = ScriptedResponse((ScriptedMessage("Are you still there?", 800, message_id="m"),), pacing=AT_ONCE)
NO_DETECTION = {"type": "realtime", "audio": {"input": {"turn_detection": None}}}
SILENCE = "AAAA" * 4_000


def clear(world):
    world.session.send({"type": "input_audio_buffer.clear"})


def switch_off(world):
    world.session.send({"type": "session.update", "session": NO_DETECTION})


def commit(world):
    world.session.send({"type": "input_audio_buffer.append", "audio": SILENCE})
    world.session.send({"type": "input_audio_buffer.commit"})


def drop(world):
    world.server_session.drop_connection()


def say_nothing(world):
    pass


@pytest.mark.parametrize("end", [clear, switch_off, commit, drop, say_nothing])
@pytest.mark.parametrize("barge_in", ["interrupt", "ignore"])
def test_the_agent_speaks_after_a_turn_that_nobody_said_was_over(end, barge_in):
    async def run() -> None:
        behaviour = ServerBehaviour(after_loss="kept")
        async with SimulatedWorld((ANSWER,), barge_in=barge_in, reconnects=True, behaviour=behaviour) as world:
            await world.server_session.user_starts_speaking()
            await world.settle()
            assert world.driver.user_is_speaking
            end(world)
            await world.run_until(lambda: not world.driver.user_is_speaking)
            await world.run_until(lambda: world.driver.connection_state == "connected")
            world.driver.request_response()
            await world.run_until_over()
            assert world.listener.heard == {"m": 800}
            assert build_report(world).is_equal

    asyncio.run(run())


def test_the_servers_own_answer_is_heard_if_the_end_of_the_turn_was_never_told():
    async def run() -> None:
        async with SimulatedWorld((ANSWER,)) as world:
            await world.server_session.user_starts_speaking()
            world.server_session.owe_response()
            await world.run_until_over()
            assert world.listener.heard == {"m": 800}
            assert build_report(world).is_equal

    asyncio.run(run())
