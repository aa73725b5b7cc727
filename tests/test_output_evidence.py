"""Outputs that lie, fall silent, break or report from threads of their own: what was heard all the same.

The truth is measured at the listener, by what left the simulated speaker; no machine is asked.
"""

from __future__ import annotations

import asyncio
import math
import threading
from dataclasses import replace

import pytest
from sweeps import response

from speech_lifecycle.adapters import Driver
from speech_lifecycle.adapters.clock import VirtualClock
from speech_lifecycle.fsm import Capabilities
from speech_lifecycle.fsm import events as ev
from speech_lifecycle.fsm.effects import TruncateMessage
from speech_lifecycle.fsm.trace import Step
from speech_lifecycle.simulation import misbehaviour as bad
from speech_lifecycle.simulation.scenario import Action, play
from speech_lifecycle.simulation.script import Pacing
from speech_lifecycle.simulation.simulated_speaker import SimulatedSpeaker

TWO_FRAMES_MS = 40
LENGTH_MS = 2000
MUTE = bad.NeverReportsProgress()
NAN = bad.ReportsPosition(math.nan)
UNTRUE = {
    "triples": bad.OverReports(factor=3),
    "triples, without progress": bad.AllOf((MUTE, bad.OverReports(factor=3))),
    "half as much again": bad.OverReports(factor=1.5),
    "a minute too far": bad.OverReports(by_ms=60_000),
    "its queue": bad.ReportsQueuedPosition(),
    "not a number": NAN,
    "not a number, without progress": bad.AllOf((MUTE, NAN)),
    "never a number": bad.ReportsPosition(math.nan, (bad.OutputPlaybackProgressed, bad.OutputPlaybackFinished)),
    "none, and denies": bad.AllOf((MUTE, bad.DeniesInterruption(), bad.ReportsPosition(None))),
    "negative": bad.ReportsPosition(-5.0),
    "zero after progress": bad.ReportsPosition(0),
    "zero, without progress": bad.AllOf((MUTE, bad.ReportsPosition(0))),
    "never anything but zero": bad.ReportsPosition(0, (bad.OutputPlaybackProgressed, bad.OutputPlaybackFinished)),
    "never finishes": bad.AllOf((MUTE, bad.Silent())),
    "never finishes, with progress": bad.Silent(),
    "late and not a number": bad.AllOf((bad.Late(600, (bad.OutputPlaybackFinished,)), NAN)),
}
HELD = (Action(400, "pause", "first_sound"), Action(1_300, "resume", "first_sound"))
COURSES = {
    "": {},
    "latency": {"output_latency_ms": 180},
    "held": {"actions": HELD},
}


async def errors_ms(instants: range, misbehaviour: bad.Misbehaviour | None, **course: object) -> dict[int, int]:
    """Return how far the record is from what was heard, at each instant of an interruption."""
    errors = {}
    scenario = replace(response(LENGTH_MS), misbehaviour=misbehaviour, **course)
    for at_ms in instants:
        cut = Action(at_ms, "interrupt", "first_sound")
        report, _ = await play(replace(scenario, actions=(*scenario.actions, cut)))
        (message,) = report.messages
        errors[at_ms] = message.record.heard_ms - message.listened_ms
    return errors


@pytest.mark.parametrize("course", COURSES)
@pytest.mark.parametrize("untrue", UNTRUE)
def test_an_output_that_lies_or_falls_silent_ends_within_two_frames_of_the_truth(untrue, course):
    errors = asyncio.run(errors_ms(range(110, 2_900, 397), UNTRUE[untrue], **COURSES[course]))
    assert all(abs(error) <= TWO_FRAMES_MS for error in errors.values()), errors


@pytest.mark.parametrize("course", COURSES)
@pytest.mark.parametrize("honest", [None, MUTE, bad.NeverReportsStarted()], ids=str)
def test_an_output_that_tells_the_truth_is_never_made_worse(honest, course):
    errors = asyncio.run(errors_ms(range(1, 2_900, 97), honest, **COURSES[course]))
    assert set(errors.values()) == {0}, errors


def test_an_output_that_waits_for_audio_again_and_again_is_never_made_worse():
    slow = replace(response(LENGTH_MS, pacing=Pacing(speed=0.5)), misbehaviour=MUTE)
    for at_ms in range(100, 3_000, 290):
        report, _ = asyncio.run(play(slow.with_interruption(at_ms)))
        (message,) = report.messages
        assert (message.record.heard_ms, message.record.heard_ms_status) == (message.listened_ms, "reported"), at_ms


def test_what_an_output_that_breaks_had_played_is_what_was_heard():
    report, _ = asyncio.run(play(replace(response(LENGTH_MS), misbehaviour=bad.AllOf((MUTE, bad.FailsAfter(730))))))
    (message,) = report.messages
    assert (message.record.heard_ms, message.listened_ms) == (730, 730)
    assert (message.record.reason, message.record.heard_ms_status) == ("output_failed", "estimated")
    assert report.speaking_announced == 1
    assert report.is_equal


class PlainSession:
    """A session whose server does whatever it is asked."""

    sample_rate, capabilities = 24_000, Capabilities()

    def attach(self, receiver):
        self.receiver = receiver

    def request_response(self, speech_id): ...

    def perform(self, effect):
        if isinstance(effect, TruncateMessage):
            self.receiver.report(ev.SessionReconciliationAcknowledged("truncate", effect.message_id))

    async def run(self):
        await asyncio.Event().wait()


class Setting:
    """A driver of a plain session and a speaker, of which the test has the clock."""

    def __init__(self, speaker: SimulatedSpeaker, clock: VirtualClock, **options: object) -> None:
        self.clock, self.speaker = clock, speaker
        self.session = PlainSession()
        self.records: list[object] = []
        self.driver = Driver(self.session, speaker, clock=clock, trace=self.records.append, **options)

    def speak(self, ms: int = 1000) -> None:
        receiver = self.session.receiver
        receiver.report(ev.SessionResponseCreated("r"))
        receiver.report(ev.SessionMessageAdded("r", "m"))
        receiver.report(ev.SessionTextReceived("m", "Some words that are said."))
        receiver.deliver_audio("m", bytes(48 * ms))
        receiver.report(ev.SessionResponseEnded("r"))


def test_an_output_whose_write_raises_is_asked_to_stop(monkeypatch):
    clock = VirtualClock()
    setting = Setting(SimulatedSpeaker(clock, report_progress_every_ms=None), clock)
    receiver = setting.session.receiver
    receiver.report(ev.SessionResponseCreated("r"))
    receiver.report(ev.SessionMessageAdded("r", "m"))
    receiver.deliver_audio("m", bytes(48 * 1000))
    clock.advance(320)
    monkeypatch.setattr(setting.speaker, "write", lambda message_id, pcm: 1 / 0)
    receiver.deliver_audio("m", bytes(48 * 100))
    clock.advance(5_000)
    (record,) = setting.driver.speeches[0].records
    assert record.heard_ms == setting.speaker.listener.heard["m"] == 320
    assert (record.reason, record.heard_ms_status) == ("output_failed", "reported")
    assert [commit.message_id for commit in setting.driver.history] == ["m"]


def test_a_hold_by_the_user_does_not_count():
    clock = VirtualClock()
    setting = Setting(SimulatedSpeaker(clock, misbehaviour=bad.AllOf((MUTE, NAN))), clock, barge_in="pause")
    setting.speak()
    clock.advance(300)
    setting.session.receiver.user_started_speaking()
    clock.advance(2_000)
    setting.session.receiver.user_stopped_speaking()
    setting.driver.resume()
    clock.advance(150)
    setting.driver.interrupt()
    clock.advance(10)
    (record,) = setting.driver.speeches[0].records
    assert record.heard_ms == setting.speaker.listener.heard["m"] == 450


def test_a_text_that_nobody_could_see_is_not_heard():
    """N14: asked for audio, the model answers with a text, and the output is a telephone."""
    for shows_text, state in ((False, "skipped"), (True, "played")):
        clock = VirtualClock()
        setting = Setting(SimulatedSpeaker(clock, shows_text=shows_text), clock)
        receiver = setting.session.receiver
        receiver.report(ev.SessionResponseCreated("r"))
        receiver.report(ev.SessionMessageAdded("r", "m", ("text",)))
        receiver.report(ev.SessionTextReceived("m", "Your code is 4711."))
        receiver.report(ev.SessionResponseEnded("r"))
        assert setting.driver.speeches[0].records[0].state == state
        assert [commit.message_id for commit in setting.driver.history] == ["m"] * shows_text


def test_by_default_the_driver_estimates_the_heard_text_and_says_so():
    clock = VirtualClock()
    setting = Setting(SimulatedSpeaker(clock), clock)
    setting.speak(2_000)
    clock.advance(1_000)
    setting.driver.interrupt()
    clock.advance(10)
    (commit,) = setting.driver.history
    assert (commit.text, commit.text_status) == ("Some words", "estimated")


def test_the_driver_says_when_and_the_trace_keeps_it():
    clock = VirtualClock()
    clock.advance(70_000)
    setting = Setting(SimulatedSpeaker(clock), clock)
    setting.speak()
    clock.advance(250)
    setting.driver.interrupt()
    clock.advance(10)
    times = {
        type(step.event): step.event.observed_ms
        for step in setting.records
        if isinstance(step, Step) and isinstance(step.event, ev.TimedEvent)
    }
    assert times[ev.OutputPlaybackStarted] == 0, "times are since the driver began, as those of the trace"
    assert times[ev.Interrupt] == 250
    assert times[ev.OutputPlaybackFinished] == 250


@pytest.mark.parametrize(
    ("stamp", "observed_ms"), [(70_100, 100), (70_100.9, 100), (90_000, 400), (-1, 400), ("x", 400)]
)
def test_an_output_may_say_when_and_nothing_that_cannot_be(stamp, observed_ms):
    clock = VirtualClock()
    clock.advance(70_000)
    speaker = SimulatedSpeaker(clock)
    setting = Setting(speaker, clock)
    setting.speak()
    clock.advance(400)
    setting.driver._steps.take_output_fact(ev.OutputPlaybackFinished("m", 100, True, observed_ms=stamp))
    (step,) = [s for s in setting.records if isinstance(s, Step) and isinstance(s.event, ev.OutputPlaybackFinished)]
    assert step.event.observed_ms == observed_ms


class ThreadedSpeaker:
    """Plays nothing, and reports from threads of its own, as sound cards do."""

    sample_rate, can_pause = 24_000, True

    def __init__(self) -> None:
        self.threads: list[threading.Thread] = []

    def attach(self, report):
        self.report = report

    def start(self, message_id): ...

    def write(self, message_id, pcm): ...

    def write_text(self, message_id, text): ...

    def pause(self): ...

    def resume(self): ...

    async def aclose(self): ...

    def _say(self, *facts: ev.OutputFact) -> None:
        thread = threading.Thread(target=lambda: [self.report(fact) for fact in facts])
        self.threads.append(thread)
        thread.start()

    def flush(self, message_id):
        self._say(ev.OutputPlaybackStarted(message_id), ev.OutputPlaybackFinished(message_id, 100))

    def clear(self, message_id):
        self._say(ev.OutputPlaybackFinished(message_id, 0, True))


def test_facts_of_another_thread_are_taken_on_the_loop():
    """Faults 06: nothing is stepped in the output's thread, so nothing waits for ever."""

    async def speak() -> tuple[set[int], Driver]:
        session, output, threads = PlainSession(), ThreadedSpeaker(), set()
        async with Driver(session, output) as driver:
            driver.listen(lambda speech, effect: threads.add(threading.get_ident()))
            speech = driver.request_response()
            session.receiver.report(ev.SessionResponseCreated("r"), speech_id=speech.id)
            session.receiver.report(ev.SessionMessageAdded("r", "m"))
            session.receiver.deliver_audio("m", bytes(4800))
            session.receiver.report(ev.SessionResponseEnded("r"))
            (record,) = await asyncio.wait_for(speech.done(), 10)
            assert record.state == "played"
        for thread in output.threads:
            thread.join()
        output.report(ev.OutputPlaybackStarted("m"))
        return threads, driver

    threads, driver = asyncio.run(speak())
    assert threads == {threading.get_ident()}
    thread = threading.Thread(target=lambda: driver._steps.take_output_fact(ev.OutputPlaybackStarted("m")))
    thread.start()
    thread.join()
