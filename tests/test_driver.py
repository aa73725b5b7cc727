"""The driver: one speech on the output at a time, one step at a time, and every part replaceable."""

from __future__ import annotations

import asyncio

import pytest

from speech_lifecycle.adapters.clock import VirtualClock
from speech_lifecycle.adapters.driver import Driver
from speech_lifecycle.fsm import Capabilities, Policy
from speech_lifecycle.fsm.effects import AnnounceAgentState, ReportMessageSettled, ReportSpeechDone
from speech_lifecycle.fsm.events import (
    Close,
    SessionAudioReceived,
    SessionLost,
    SessionMessageAdded,
    SessionMessageEnded,
    SessionResponseCreated,
    SessionResponseEnded,
    SessionResumed,
    SessionTextReceived,
)
from speech_lifecycle.fsm.trace import Step, Unrouted
from speech_lifecycle.simulation.script import Pacing, ScriptedMessage, ScriptedResponse
from speech_lifecycle.simulation.simulated_speaker import SimulatedSpeaker
from speech_lifecycle.simulation.world import SimulatedWorld, WorldError


class PlainSession:
    """Somebody else's session: it has the methods of the port, and nothing of ours."""

    sample_rate = 24_000
    capabilities = Capabilities()

    def __init__(self) -> None:
        self.performed = []
        self.requested = []

    def attach(self, receiver):
        self.receiver = receiver

    def request_response(self, speech_id):
        self.requested.append(speech_id)

    def perform(self, effect):
        self.performed.append(effect)

    async def run(self):
        await asyncio.Event().wait()


class Setting:
    """A driver between a plain session and a simulated speaker, in virtual time."""

    def __init__(self, session=None, trace=None, **options) -> None:
        self.clock = VirtualClock()
        self.session = session or PlainSession()
        self.speaker = SimulatedSpeaker(self.clock)
        self.records = []
        self.driver = Driver(
            self.session, self.speaker, clock=self.clock, trace=trace or self.records.append, **options
        )
        self.effects = []
        self.driver.listen(lambda speech, effect: self.effects.append(effect))

    def respond(self, response_id="r", *messages, ended=True, speech_id=None):
        report = self.session.receiver.report
        report(SessionResponseCreated(response_id), speech_id=speech_id)
        for message_id, ms in messages:
            report(SessionMessageAdded(response_id, message_id))
            report(SessionTextReceived(message_id, "some words"))
            self.session.receiver.deliver_audio(message_id, bytes(48 * ms))
        if ended:
            report(SessionResponseEnded(response_id))

    def states(self):
        return [speech.snapshot.state for speech in self.driver.speeches]

    def rejections(self):
        return [record.reason for record in self.records if isinstance(record, Step) and record.reply == "rejected"]


def test_any_object_with_the_methods_of_the_port_will_do():
    setting = Setting()
    setting.respond("r", ("A", 300), ("B", 200))
    setting.clock.advance(600)
    assert setting.states() == ["completed"]
    assert setting.speaker.listener.heard == {"A": 300, "B": 200}
    assert [message.message_id for message in setting.driver.history] == ["A", "B"]
    assert not setting.rejections()


def test_a_second_speech_waits_until_the_output_is_free():
    setting = Setting()
    setting.respond("r", ("A", 300))
    setting.respond("s", ("B", 300))
    setting.clock.advance(100)
    assert setting.states() == ["speaking", "queued"]
    setting.clock.advance(600)
    assert setting.states() == ["completed", "completed"]
    assert list(setting.speaker.listener.heard) == ["A", "B"]


def test_a_second_speech_on_a_busy_output_is_rejected():
    setting = Setting()
    setting.respond("r", ("A", 300))
    setting.respond("s", ("B", 300))
    reply = setting.driver.authorize(setting.driver.speeches[1])
    assert (reply.kind, reply.reason, reply.blame) == ("rejected", "output_busy", "agent")
    assert setting.states()[1] == "queued"


def test_a_command_without_a_speech_is_rejected():
    reply = Setting().driver.interrupt()
    assert (reply.kind, reply.reason) == ("rejected", "no_speech")


def test_the_agent_may_keep_the_floor_to_itself():
    setting = Setting(authorize_when_free=False)
    setting.respond("r", ("A", 300))
    setting.clock.advance(1000)
    assert setting.states() == ["queued"]
    assert setting.driver.authorize(setting.driver.speeches[0]).kind == "handled"
    setting.clock.advance(400)
    assert setting.states() == ["completed"]


def test_nothing_begins_while_the_user_speaks():
    setting = Setting()
    setting.session.receiver.user_started_speaking()
    setting.respond("r", ("A", 300))
    setting.clock.advance(500)
    assert setting.states() == ["queued"]
    setting.session.receiver.user_stopped_speaking()
    setting.clock.advance(400)
    assert setting.states() == ["completed"]


@pytest.mark.parametrize(
    ("barge_in", "states"),
    [
        ("interrupt", ["reconciling", "reconciling"]),
        ("pause", ["paused", "queued"]),
        ("ignore", ["speaking", "queued"]),
    ],
)
def test_barge_in_is_the_agents_choice(barge_in, states):
    setting = Setting(barge_in=barge_in)
    setting.respond("r", ("A", 900))
    setting.respond("s", ("B", 900))
    setting.clock.advance(400)
    setting.session.receiver.user_started_speaking()
    setting.clock.advance(1)
    assert setting.states() == states


def test_a_protected_speech_is_not_interrupted_by_the_user():
    setting = Setting(policy=Policy(interruptible=False))
    setting.respond("r", ("A", 900))
    setting.clock.advance(400)
    setting.session.receiver.user_started_speaking()
    setting.clock.advance(600)
    assert setting.states() == ["completed"]
    assert setting.rejections() == ["not_interruptible"]


def test_c1_the_next_response_is_requested_when_the_one_before_has_ended():
    setting = Setting()
    first, second = setting.driver.request_response(), setting.driver.request_response()
    assert setting.session.requested == [first.id]
    setting.respond("r", ("A", 300), speech_id=first.id)
    assert setting.session.requested == [first.id, second.id]


def test_a_request_that_was_interrupted_before_it_was_sent_is_not_sent():
    setting = Setting()
    first, second = setting.driver.request_response(), setting.driver.request_response()
    setting.driver.interrupt(second)
    setting.clock.advance(6000)
    setting.respond("r", ("A", 300), speech_id=first.id)
    assert setting.session.requested == [first.id]


def test_what_belongs_to_no_speech_is_recorded_and_changes_nothing():
    setting = Setting()
    setting.session.receiver.deliver_audio("nobody", bytes(480))
    setting.session.receiver.report(SessionMessageEnded("nobody"))
    setting.session.receiver.report(SessionResponseEnded("nothing"))
    assert [type(record) for record in setting.records] == [Unrouted] * 3
    assert setting.driver.speeches == []


def test_c6_late_audio_of_a_cancelled_response_is_not_played():
    setting = Setting()
    setting.respond("r", ("A", 900), ended=False)
    setting.clock.advance(300)
    setting.driver.interrupt()
    setting.clock.advance(1)
    setting.session.receiver.deliver_audio("A", bytes(48 * 500))
    setting.clock.advance(1000)
    assert setting.speaker.listener.heard == {"A": 300}


def test_effects_are_heard_in_order_and_commands_from_a_listener_wait_their_turn():
    setting = Setting()
    replies = []

    def interrupt_at_first_sound(speech, effect):
        if effect == AnnounceAgentState("speaking"):
            replies.append(setting.driver.interrupt(speech))

    setting.driver.listen(interrupt_at_first_sound)
    setting.respond("r", ("A", 900), ("B", 900))
    setting.clock.advance(10)
    assert replies == [None], "the command waits until the present step is done"
    kinds = [type(effect) for effect in setting.effects]
    assert kinds.count(ReportMessageSettled) == 2
    assert setting.speaker.listener.heard_ms("B") == 0


def test_a_lost_session_ends_every_speech():
    setting = Setting()
    setting.respond("r", ("A", 900), ended=False)
    setting.respond("s", ("B", 900), ended=False)
    setting.clock.advance(300)
    setting.session.receiver.report(SessionLost())
    setting.clock.advance(10)
    assert setting.states() == ["failed", "failed"]


class RestorableSession(PlainSession):
    """A session that can tell a server what was heard."""

    def __init__(self) -> None:
        super().__init__()
        self.restored = []

    def restore(self, history):
        self.restored.append(history)


@pytest.mark.parametrize(("conversation_kept", "times"), [(True, 0), (False, 1)])
def test_a_session_is_told_what_was_heard_unless_its_server_remembers(conversation_kept, times):
    setting = Setting(session=RestorableSession())
    setting.respond("r", ("A", 300), ("B", 900))
    setting.clock.advance(500)
    setting.session.receiver.report(SessionLost(may_resume=True))
    setting.clock.advance(10)
    assert setting.driver.connection_state == "disconnected"
    setting.session.receiver.report(SessionResumed(conversation_kept))
    assert setting.driver.connection_state == "connected"
    assert setting.session.restored == [tuple(setting.driver.history)] * times
    assert [commit.message_id for commit in setting.driver.history] == ["A", "B"]


class ConversingSession(RestorableSession):
    """One that can be told what the user writes and what tools say; `said` has all that it was told, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.said = []

    def restore(self, history):
        self.said.append("history")

    def send_text(self, text):
        self.said.append(text)

    def send_tool_result(self, call_id, output):
        self.said.append(f"{call_id}: {output}")

    def request_response(self, speech_id):
        super().request_response(speech_id)
        self.said.append("request")


def test_what_a_turn_says_to_a_server_that_begins_anew_comes_behind_the_history():
    setting = Setting(session=ConversingSession())
    setting.respond("r", ("A", 300))
    setting.clock.advance(100)
    setting.session.said.clear()
    setting.session.receiver.report(SessionLost(may_resume=True))
    setting.session.receiver.report(SessionResumed(False))
    assert setting.driver.connection_state == "restoring"
    setting.driver.begin_turn("And tomorrow?")
    setting.driver.continue_turn({"call": "24 degrees"})
    assert setting.session.said == []
    setting.clock.advance(10)
    assert setting.session.said == ["history", "And tomorrow?", "call: 24 degrees", "request"]


def test_what_a_turn_says_is_said_behind_the_history_also_where_a_listener_begins_it():
    """In the step that ends the restoration the conversation is connected before the history has been told."""
    setting = Setting(session=ConversingSession())
    setting.respond("r", ("A", 300))
    setting.clock.advance(100)
    setting.session.said.clear()

    def begin_turn(speech, effect):
        if isinstance(effect, ReportSpeechDone):
            setting.driver.begin_turn("And tomorrow?")

    setting.driver.listen(begin_turn)
    setting.session.receiver.report(SessionLost(may_resume=True))
    setting.session.receiver.report(SessionResumed(False))
    setting.clock.advance(10)
    assert setting.session.said == ["history", "And tomorrow?", "request"]


@pytest.mark.parametrize("end", [SessionLost(may_resume=True), SessionLost(), Close()])
def test_of_a_turn_that_fails_at_once_nothing_is_said(end):
    setting = Setting(session=ConversingSession())
    tell = setting.driver.command if isinstance(end, Close) else setting.session.receiver.report
    tell(end)
    speech = setting.driver.begin_turn("Wait!")
    assert speech.snapshot.state in ("failed", "interrupted")
    setting.driver.continue_turn({"call": "24 degrees"})
    assert setting.session.said == []


def test_what_waits_for_a_history_that_is_never_told_is_never_said():
    setting = Setting(session=ConversingSession())
    setting.respond("r", ("A", 300))
    setting.clock.advance(100)
    setting.session.said.clear()
    for fact in (SessionLost(may_resume=True), SessionResumed(False)):
        setting.session.receiver.report(fact)
    setting.driver.begin_turn("And tomorrow?")
    setting.session.receiver.report(SessionLost())
    setting.clock.advance(10)
    assert setting.session.said == []


def test_a_session_that_cannot_restore_goes_on_without():
    setting = Setting()
    for fact in (SessionLost(may_resume=True), SessionResumed()):
        setting.session.receiver.report(fact)
    assert setting.driver.connection_state == "connected"


def test_finished_speeches_are_forgotten_in_the_end():
    setting = Setting()
    for number in range(100):
        setting.respond(f"r{number}", (f"m{number}", 20))
        setting.clock.advance(50)
    assert len(setting.driver.speeches) < 70
    assert len(setting.driver.history) == 100
    late = SessionAudioReceived("m0", 1)
    setting.session.receiver.report(late)
    assert isinstance(setting.records[-1], Unrouted)


@pytest.mark.parametrize("call", ["start", "write", "write_text", "flush"])
def test_h12_an_output_that_raises_is_an_output_that_failed(call, monkeypatch, caplog):
    def broken(*arguments):
        raise OSError("no such device")

    setting = Setting()
    monkeypatch.setattr(setting.speaker, call, broken)
    setting.respond("r", ("A", 300), ("B", 300))
    setting.clock.advance(6000)
    assert setting.states() == ["failed"]
    assert {record.reason for record in setting.driver.speeches[0].records} == {"output_failed"}
    assert "no such device" in caplog.text


def test_after_a_clear_that_raises_the_output_is_still_heard_out(monkeypatch):
    """It was not cleared, and plays on: what it says in the time that it has for its report is what was heard."""
    setting = Setting()
    setting.respond("r", ("A", 900))
    setting.clock.advance(350)
    monkeypatch.setattr(setting.speaker, "clear", lambda message_id: 1 / 0)
    setting.driver.interrupt()
    assert setting.driver.speeches[0].records == ()
    setting.clock.advance(1000)
    (record,) = setting.driver.speeches[0].records
    assert (record.state, record.heard_ms) == ("played", setting.speaker.listener.heard["A"]) == ("played", 900)


def test_a_session_that_raises_is_a_lost_one(monkeypatch, caplog):
    setting = Setting()
    setting.respond("r", ("A", 900))
    setting.clock.advance(350)
    monkeypatch.setattr(setting.session, "perform", lambda effect: 1 / 0)
    setting.driver.interrupt()
    setting.clock.advance(1)
    assert setting.states() == ["interrupted"]
    assert "ZeroDivisionError" in caplog.text


def test_a_listener_that_raises_harms_nobody(caplog):
    setting = Setting()
    setting.driver.listen(lambda speech, effect: 1 / 0)
    setting.respond("r", ("A", 300))
    setting.clock.advance(500)
    assert setting.states() == ["completed"]
    assert len(setting.driver.history) == 1
    assert "a listener failed" in caplog.text


async def test_a_session_that_fails_to_read_ends_every_speech_and_says_so(monkeypatch):
    async def run():
        raise RuntimeError("the stream broke")

    setting = Setting()
    setting.respond("r", ("A", 900), ended=False)
    setting.clock.advance(100)
    monkeypatch.setattr(setting.session, "run", run)

    async def enter_and_leave():
        async with setting.driver:
            await asyncio.sleep(0)
            setting.clock.advance(1)

    with pytest.raises(RuntimeError, match="the stream broke"):
        await enter_and_leave()
    assert setting.states() == ["failed"]


async def test_leaving_the_block_closes_what_plays_and_commits_it():
    setting = Setting()
    async with setting.driver as driver:
        setting.respond("r", ("A", 900))
        setting.clock.advance(300)
        closing = asyncio.ensure_future(driver.close())
        await asyncio.sleep(0)
        setting.clock.advance(6000)
        await closing
    assert [record.reason for record in driver.speeches[0].records] == ["closed"]
    assert driver.history[0].interrupted


async def test_waiting_for_a_speech_gives_its_records():
    async with SimulatedWorld((ScriptedResponse((ScriptedMessage("Hi.", 200, message_id="A"),)),)) as world:
        speech = world.driver.request_response()
        done = asyncio.ensure_future(speech.done())
        await world.run_until_over()
        (record,) = await done
        assert (record.message_id, record.state) == ("A", "played")
        assert any(isinstance(e, ReportSpeechDone) for step in world.trace.steps for e in step.effects)


async def test_a_world_that_never_ends_says_so():
    async with SimulatedWorld((ScriptedResponse((), pacing=Pacing()),)) as world:
        with pytest.raises(WorldError, match="nothing more will happen"):
            await world.run_until(lambda: False)


def test_a_session_that_cannot_even_ask_is_lost():
    setting = Setting()

    def refuse(speech_id):
        raise ConnectionError("no connection")

    setting.session.request_response = refuse
    setting.driver.request_response()
    assert setting.states() == ["failed"]


def test_a_trace_that_cannot_be_written_keeps_nothing_from_being_done():
    def refuse(record):
        raise OSError("no space left on device")

    setting = Setting(trace=refuse)
    setting.driver.request_response()
    setting.respond("r", ("a", 100), speech_id="speech_1")
    setting.clock.advance(5_000)
    assert setting.states() == ["completed"]
    assert setting.speaker.listener.heard == {"a": 100}


def test_many_requests_end_at_a_barge_in_and_few_are_remembered():
    """More than are remembered end in one step: their effects still find them."""
    setting = Setting()
    speeches = [setting.driver.request_response() for _ in range(300)]
    for number in range(100):
        setting.respond(f"r{number}", (f"m{number}", 100), ended=False)
    setting.session.receiver.user_started_speaking()
    setting.clock.advance(6000)
    assert all(speech.is_over for speech in speeches)
    assert len(setting.driver.speeches) <= 64
    assert not setting.driver.history


def test_a_speech_to_come_has_its_name_whatever_the_server_calls_its_responses():
    setting = Setting()
    setting.respond("speech_2", speech_id="somebody who does not wait")
    setting.respond("speech_3")
    asked = [setting.driver.request_response() for _ in range(2)]
    assert [speech.id for speech in setting.driver.speeches] == ["speech_1", "speech_2", "speech_3", "speech_4"]
    for name, speech in zip("AB", asked, strict=True):
        setting.respond(name, (name, 100), speech_id=speech.id)
    while setting.clock.advance_to_next():
        pass
    assert [speech.snapshot.state for speech in asked] == ["completed", "completed"]


@pytest.mark.parametrize("pieces", [(2,), (46,), (20, 26), (1, 1)])
def test_less_than_a_millisecond_of_audio_keeps_the_next_message_from_nothing(pieces):
    setting = Setting()
    setting.respond(ended=False)
    for message_id, sizes in (("A", pieces), ("B", (*pieces, 48 * 500 - sum(pieces)))):
        setting.driver.report(SessionMessageAdded("r", message_id))
        for size in sizes:
            setting.driver.deliver_audio(message_id, bytes(size))
    setting.driver.report(SessionResponseEnded("r"))
    while setting.clock.advance_to_next():
        pass
    (speech,) = setting.driver.speeches
    assert speech.snapshot.state == "completed"
    assert [(record.state, record.heard_ms) for record in speech.records] == [("skipped", 0), ("played", 500)]
    assert setting.speaker.listener.heard == {"B": 500}
    assert setting.driver.faults == 0
