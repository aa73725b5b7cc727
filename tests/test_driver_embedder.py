"""What an embedder's code raises reaches no step of the driver: it is logged once, counted and told."""

from __future__ import annotations

import asyncio
import functools
import logging

import pytest
from test_driver import PlainSession, Setting

from speech_lifecycle.adapters import closing
from speech_lifecycle.adapters.changes import EmbedderFailed
from speech_lifecycle.adapters.clock import VirtualClock
from speech_lifecycle.adapters.driver import Driver
from speech_lifecycle.adapters.sessions.openai_realtime import OpenAIRealtimeSession
from speech_lifecycle.fsm.events import SessionLost, SessionResumed
from speech_lifecycle.simulation.simulated_speaker import SimulatedSpeaker

RAISED = [ValueError("a mistake"), asyncio.CancelledError(), StopIteration(), RecursionError()]
ENDS_THE_PROGRAM = [KeyboardInterrupt(), SystemExit(3), GeneratorExit()]


def raising(error):
    def fail(*values, **named):
        raise error

    return fail


async def as_coroutine(*values):
    raise AssertionError("nobody awaits it")


class BadClock(VirtualClock):
    """Takes no call after the first few."""

    def __init__(self, calls):
        super().__init__()
        self.calls = calls

    def call_later(self, delay_ms, callback):
        self.calls -= 1
        if self.calls < 0:
            raise OSError("no more timers")
        return super().call_later(delay_ms, callback)


def play_two(setting):
    """Play a speech whole, and interrupt another."""
    setting.respond("r", ("A", 300))
    setting.clock.advance(500)
    setting.respond("s", ("B", 900), ended=False)
    setting.clock.advance(350)
    setting.driver.interrupt()
    setting.clock.advance(20_000)
    return setting.states(), [each.message_id for each in setting.driver.history]


WHOLE = (["completed", "interrupted"], ["A", "B"])


@pytest.mark.parametrize("error", RAISED, ids=repr)
@pytest.mark.parametrize("place", ["listener", "change listener", "trace"])
def test_a_callback_that_raises_changes_nothing(place, error):
    setting = Setting(trace=raising(error) if place == "trace" else None)
    told = []
    if place != "trace":
        listen = setting.driver.listen if place == "listener" else setting.driver.on_change
        listen(raising(error))
        listen(lambda *values: told.append(values))
    assert play_two(setting) == WHOLE
    assert setting.driver.faults > 2
    assert place == "trace" or len(told) > 4, "the other listeners are still called"


@pytest.mark.parametrize("error", ENDS_THE_PROGRAM, ids=repr)
@pytest.mark.parametrize("place", ["listener", "change listener", "trace", "write", "perform"])
def test_what_ends_the_program_is_raised_when_the_step_is_done(place, error, monkeypatch):
    fail = raising(error)
    setting = Setting(trace=fail if place == "trace" else None)
    if place in ("write", "perform"):
        monkeypatch.setattr(setting.speaker if place == "write" else setting.session, place, fail)
    elif place != "trace":
        (setting.driver.listen if place == "listener" else setting.driver.on_change)(fail)
    raised = 0
    for step in (
        lambda: setting.respond("r", ("A", 300), ended=False),
        lambda: setting.clock.advance(100),
        lambda: setting.driver.interrupt(),
        lambda: setting.session.receiver.report(SessionLost()),
        *[lambda: setting.clock.advance(500)] * 30,
    ):
        try:
            step()
        except type(error):
            raised += 1
    assert raised
    assert all(speech.is_over for speech in setting.driver.speeches)
    assert not setting.driver._steps.waiting


@pytest.mark.parametrize("error", RAISED, ids=repr)
@pytest.mark.parametrize("method", ["start", "write", "write_text", "flush", "clear"])
def test_an_output_that_raises_fails_and_every_speech_is_settled(method, error, monkeypatch):
    setting = Setting()
    monkeypatch.setattr(setting.speaker, method, raising(error))
    states, _ = play_two(setting)
    assert set(states) <= {"failed", "interrupted", "completed"}
    assert "failed" in states or method == "clear"
    assert setting.driver.faults


@pytest.mark.parametrize("method", ["pause", "resume"])
def test_an_output_that_cannot_hold_is_a_failed_one(method, monkeypatch):
    setting = Setting()
    monkeypatch.setattr(setting.speaker, method, raising(OSError("busy")))
    setting.respond("r", ("A", 900))
    setting.clock.advance(200)
    setting.driver.pause()
    setting.clock.advance(200)
    setting.driver.resume()
    setting.clock.advance(10_000)
    assert setting.states() == ["failed"]
    assert setting.driver.faults == 1


@pytest.mark.parametrize("error", RAISED, ids=repr)
@pytest.mark.parametrize("method", ["request_response", "perform", "restore"])
def test_a_session_that_raises_ends_what_it_was_asked_for(method, error):
    session = PlainSession()
    session.restore = lambda history: None
    setattr(session, method, raising(error))
    setting = Setting(session=session)
    setting.driver.request_response()
    setting.respond("r", ("A", 300))
    setting.clock.advance(100)
    setting.driver.interrupt()
    setting.clock.advance(500)
    for fact in (SessionLost(may_resume=True), SessionResumed()):
        setting.session.receiver.report(fact)
    setting.clock.advance(20_000)
    assert all(speech.is_over for speech in setting.driver.speeches)
    assert setting.driver.faults
    assert setting.driver.connection_state == "connected"


@pytest.mark.parametrize("calls", range(8))
def test_a_clock_that_raises_ends_the_wait_that_it_should_bound(calls):
    clock = BadClock(10**9)
    session = PlainSession()
    driver = Driver(session, None, clock=clock)
    clock.calls = calls
    driver.request_response()
    session.receiver.report(SessionLost(may_resume=True))
    driver.interrupt()
    clock.advance(60_000)
    assert calls or driver.faults
    assert all(speech.is_over for speech in driver.speeches)


@pytest.mark.parametrize("method", ["start", "write", "flush"])
def test_a_method_of_the_output_that_is_a_coroutine_function_has_failed(method, monkeypatch, caplog):
    setting = Setting()
    monkeypatch.setattr(setting.speaker, method, as_coroutine)
    setting.respond("r", ("A", 300))
    setting.clock.advance(10_000)
    assert setting.states() == ["failed"]
    assert "as_coroutine is a coroutine function, and nobody awaits it here" in caplog.text


class Callable:
    async def __call__(self, *values):
        raise AssertionError("nobody awaits it")


@pytest.mark.parametrize("listener", [as_coroutine, Callable(), functools.partial(as_coroutine, 1)])
def test_a_coroutine_function_is_refused_as_a_listener(listener):
    setting = Setting()
    session = OpenAIRealtimeSession(object())
    for listen in (setting.driver.listen, setting.driver.on_change, session.listen):
        with pytest.raises(TypeError, match="coroutine function"):
            listen(listener)
    with pytest.raises(TypeError, match="coroutine function"):
        Driver(PlainSession(), None, clock=VirtualClock(), trace=listener)


def test_a_listener_that_gives_a_coroutine_after_all_is_a_fault():
    setting = Setting()
    setting.driver.listen(lambda speech, effect: as_coroutine())
    assert play_two(setting) == WHOLE
    assert setting.driver.faults > 2


def test_a_fault_is_logged_once_with_its_place_counted_and_told(caplog):
    setting = Setting()
    told = []
    fail = raising(KeyError("nothing of the kind"))
    setting.driver.listen(fail)
    setting.driver.on_change(told.append)
    with caplog.at_level(logging.ERROR):
        play_two(setting)
    place = f"{__file__}:{fail.__code__.co_firstlineno + 1}"
    failed = [each for each in told if isinstance(each, EmbedderFailed)]
    assert failed == [EmbedderFailed(place, "KeyError('nothing of the kind')", "a listener failed on an effect")]
    assert len([record for record in caplog.records if place in record.getMessage()]) == 1
    assert setting.driver.faults > 5


def test_who_listens_for_failures_may_fail_itself():
    setting = Setting()
    setting.driver.listen(raising(KeyError()))
    setting.driver.on_change(raising(ValueError()))
    assert play_two(setting) == WHOLE


# Every exit settles, and every wait ends


@pytest.mark.parametrize("error", [*RAISED[:1], asyncio.CancelledError(), OSError("gone")], ids=repr)
async def test_a_session_that_stops_reading_for_whatever_reason_is_lost(error):
    setting = Setting()
    setting.session.run = lambda: fail_later(error)
    setting.respond("r", ("A", 900), ended=False)
    setting.clock.advance(100)
    with pytest.raises(type(error)):
        await setting.driver.run()
    setting.clock.advance(6_000)
    assert setting.states() == ["failed"]


async def fail_later(error):
    await asyncio.sleep(0)
    raise error


class Output(SimulatedSpeaker):
    """Closes as it is told to."""

    closing = staticmethod(asyncio.Event().wait)

    async def aclose(self):
        await self.closing()


@pytest.mark.parametrize("aclose", ["raises", "never returns", "is no coroutine function"])
async def test_an_output_that_does_not_close_keeps_nobody_from_leaving(aclose, monkeypatch):
    monkeypatch.setattr(closing, "LONGEST_WAIT_S", 0.01)
    clock = VirtualClock()
    output = Output(clock)
    if aclose == "raises":
        output.closing = functools.partial(fail_later, OSError("stuck"))
    elif aclose == "is no coroutine function":
        output.aclose = lambda: None
    driver = Driver(PlainSession(), output, clock=clock)
    with pytest.raises(LookupError, match="the block's own"):
        async with driver:
            raise LookupError("the block's own")
    assert driver.faults == 1


async def test_a_session_that_does_not_stop_reading_keeps_nobody_from_leaving(monkeypatch):
    monkeypatch.setattr(closing, "LONGEST_WAIT_S", 0.01)
    released = asyncio.Event()

    async def run():
        while not released.is_set():
            try:
                await released.wait()
            except asyncio.CancelledError:
                continue

    setting = Setting()
    setting.session.run = run
    async with setting.driver:
        await asyncio.sleep(0)
    assert setting.driver.faults == 1
    released.set()
    await asyncio.sleep(0)
