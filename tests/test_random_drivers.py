"""The driver at random, by a clock that stands still: timers fire at once, in any order, or never.

The session and the output are nobody's: they do what hypothesis says, and sometimes raise.
"""

from __future__ import annotations

import asyncio
import logging

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from possible_events import dubious_events, plausible_events

from speech_lifecycle.adapters.driver import Driver
from speech_lifecycle.fsm import Capabilities
from speech_lifecycle.fsm.effects import SessionEffect
from speech_lifecycle.fsm.events import (
    OutputAudioHandedOver,
    OutputFact,
    SessionAudioReceived,
    SessionFact,
    SessionLost,
    SessionResponseCreated,
    TimerFired,
)


class StandingClock:
    """The time never moves; what is due later happens when the test says so."""

    def __init__(self) -> None:
        self.calls = []

    def now_ms(self) -> float:
        return 0.0

    def call_later(self, delay_ms, callback):
        call = Call(callback)
        self.calls = [known for known in self.calls if not known.is_cancelled] + [call]
        return call


class Call:
    def __init__(self, callback) -> None:
        self.callback = callback
        self.is_cancelled = False

    def cancel(self) -> None:
        self.is_cancelled = True


class Part:
    """A session and an output in one, that raises when it is told to."""

    sample_rate = 24_000
    capabilities = Capabilities()
    can_pause = True

    def __init__(self) -> None:
        self.fails = False
        self.performed: list[SessionEffect] = []

    def attach(self, receiver) -> None:
        self.receiver = receiver

    def __getattr__(self, name):
        if name not in ("start", "write", "write_text", "flush", "clear", "pause", "resume", "request_response"):
            raise AttributeError(name)
        return self.act

    def act(self, *arguments) -> None:
        if self.fails:
            self.fails = False
            raise RuntimeError("somebody else's fault")

    def perform(self, effect) -> None:
        self.performed.append(effect)
        self.act()

    async def run(self) -> None:
        await asyncio.Event().wait()


class AnyDriver(RuleBasedStateMachine):
    """Rules are what may happen; the invariant holds between them; at the end, all speeches come to theirs."""

    @initialize(barge_in=st.sampled_from(["interrupt", "pause", "ignore"]), authorize=st.booleans())
    def begin(self, barge_in, authorize):
        self.clock, self.session, self.output, self.records = StandingClock(), Part(), Part(), []
        self.writing_fails = False
        self.driver = Driver(
            self.session,
            self.output,
            clock=self.clock,
            barge_in=barge_in,
            authorize_when_free=authorize,
            trace=self.write,
        )
        self.responses = 0

    def write(self, record):
        if self.writing_fails:
            self.writing_fails = False
            raise OSError("the disk is full")
        self.records.append(record)

    @rule()
    def the_agent_requests(self):
        if len(self.driver.speeches) < 6:
            self.driver.request_response()

    @rule(known=st.booleans())
    def the_server_begins_a_response(self, known):
        waiting = [speech for speech in self.driver.speeches if speech.snapshot.response_id is None]
        if len(self.driver.speeches) < 6 or waiting:
            self.responses += 1
            speech_id = waiting[0].id if known and waiting else None
            self.driver.report(SessionResponseCreated(f"r{self.responses}"), speech_id=speech_id)

    @rule(data=st.data(), kind=st.sampled_from((plausible_events,) * 4 + (dubious_events,)))
    def something_happens_to_a_speech(self, data, kind):
        if self.driver.speeches:
            speech = data.draw(st.sampled_from(self.driver.speeches))
            events = [event for event in kind(speech.snapshot) if not isinstance(event, TimerFired)]
            if events:
                self.tell(speech, data.draw(st.sampled_from(events)))

    def tell(self, speech, event):
        """Helpers name every response "r" and every message "m0": here each speech has its own."""
        response_id, messages = speech.snapshot.response_id, speech.snapshot.messages
        changes = {}
        if hasattr(event, "response_id"):
            changes["response_id"] = response_id or "r"
        if hasattr(event, "message_id") and event.message_id not in messages:
            changes["message_id"] = f"{speech.id} {event.message_id}"
        event = type(event)(**{**{name: getattr(event, name) for name in event.__slots__}, **changes})
        if isinstance(event, SessionAudioReceived):
            self.driver.deliver_audio(event.message_id, bytes(48 * 100))
        elif isinstance(event, OutputAudioHandedOver):
            return  # the driver says so itself
        elif isinstance(event, OutputFact):
            self.output.receiver(event)
        elif isinstance(event, SessionFact):
            self.driver.report(event)
        else:
            self.driver.command(event, speech)

    @rule(data=st.data())
    def a_timer_fires(self, data):
        calls = [call for call in self.clock.calls if not call.is_cancelled]
        if calls:
            call = data.draw(st.sampled_from(calls))
            call.cancel()
            call.callback()

    @rule(is_speaking=st.booleans())
    def the_user(self, is_speaking):
        (self.driver.user_started_speaking if is_speaking else self.driver.user_stopped_speaking)()

    @rule(who=st.sampled_from(["session", "output", "disk"]))
    def next_time_something_raises(self, who):
        if who == "disk":
            self.writing_fails = True
        else:
            getattr(self, who).fails = True

    @invariant()
    def one_has_the_floor_and_history_is_what_was_heard(self):
        speeches = self.driver.speeches if hasattr(self, "driver") else []
        playing = [s.id for s in speeches if s.snapshot.forwarding_message() is not None]
        assert len(playing) <= 1, f"{playing} play at once"
        for speech in speeches:
            ids = {record.message_id for record in speech.records if record.state != "skipped"}
            history = [commit.message_id for commit in self.driver.history if commit.message_id in ids]
            assert history == [record.message_id for record in speech.records if record.message_id in ids]

    def teardown(self):
        if not hasattr(self, "driver"):
            return
        self.driver.report(SessionLost())
        for _ in range(50):
            for call in [call for call in self.clock.calls if not call.is_cancelled]:
                call.cancel()
                call.callback()
        assert [s.snapshot.state for s in self.driver.speeches if not s.is_over] == []
        assert self.driver.agent_state == "listening"
        assert not any(call for call in self.clock.calls if not call.is_cancelled), "a timer is left running"


class TestAnyDriver(AnyDriver.TestCase):
    @pytest.fixture(autouse=True)
    def _quiet(self):
        logging.disable(logging.CRITICAL)
        yield
        logging.disable(logging.NOTSET)
