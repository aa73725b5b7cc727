"""What must hold (spec, section 9), checked by an onlooker over long random speeches, plausible and hostile.

The onlooker sees only what goes in and what comes out. Section 9.7, the server's memory, is checked end to end.
"""

from __future__ import annotations

import math
import random
from functools import cache
from typing import get_args

import pytest
from helpers import dubious_events, hostile_events, plausible_events, rare_events
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from speech_lifecycle.fsm import Capabilities, Policy, SpeechMachine, step
from speech_lifecycle.fsm.codec import dump_speech
from speech_lifecycle.fsm.effects import (
    EFFECT_TYPES,
    AnnounceAgentState,
    CancelResponse,
    ClearOutput,
    CommitMessage,
    FlushOutput,
    RemoveMessages,
    ReplaceMessage,
    ReportDivergence,
    ReportMessageSettled,
    ReportSpeechDone,
    StartHandover,
    TruncateMessage,
)
from speech_lifecycle.fsm.events import (
    Authorize,
    OutputPlaybackFinished,
    OutputPlaybackProgressed,
    OutputPlaybackStarted,
    SessionMessageAdded,
    SessionResponseCreated,
    SessionResponseEnded,
    TimerFired,
)
from speech_lifecycle.fsm.values import FINAL_SPEECH_STATES, Reason

WALKS = 800
LENGTH = 120
MESSAGES = 8
HOSTILE = hostile_events()
KINDS = ("plausible",) * 40 + ("dubious",) * 15 + ("hostile",) * 4 + ("ending",)


def is_evidence(event) -> bool:
    """Whether an output fact that was handled says that something was heard."""
    if isinstance(event, OutputPlaybackStarted):
        return True
    if not isinstance(event, OutputPlaybackProgressed | OutputPlaybackFinished):
        return False
    if isinstance(event, OutputPlaybackFinished) and not event.interrupted:
        return True
    return event.position_ms is not None and math.isfinite(event.position_ms) and event.position_ms >= 1


class Onlooker:
    """Runs one speech and checks every step from outside."""

    def __init__(self, capabilities: Capabilities, policy: Policy) -> None:
        self.machine = SpeechMachine(capabilities, policy)
        self.announced: list[str] = []
        self.settled: list[ReportMessageSettled] = []
        self.effects = []
        self.was_stopped = False
        self.generating: str | None = None
        self.is_over = False
        self.heard = False
        self.asked: set[tuple[type, str]] = set()
        self.flushed: set[str] = set()
        self.cleared: set[str] = set()

    def send(self, event) -> None:
        speech = self.machine.speech
        before = dump_speech(speech)
        pure, pure_reply = step(speech, event)
        assert dump_speech(speech) == before, "9.14 step changed its argument"
        reply = self.machine.send(event)
        assert reply == pure_reply
        assert dump_speech(self.machine.speech) == dump_speech(pure), "9.14 the same gives the same"
        if reply.kind != "handled":
            assert dump_speech(self.machine.speech) == before, "9.13 a refused event changed something"
            assert reply.effects == ()
            return
        self._note(event)
        if self.is_over and reply.effects:
            assert isinstance(event, SessionMessageAdded), f"9.11 {event} has effects after the end"
        for effect in reply.effects:
            self._check(effect)
            self.effects.append(effect)
        self._check_snapshot()

    def _note(self, event) -> None:
        if isinstance(event, SessionMessageAdded):
            self.announced.append(event.message_id)
        elif isinstance(event, SessionResponseCreated):
            self.generating = event.response_id
        elif isinstance(event, SessionResponseEnded):
            self.generating = None
        elif isinstance(event, OutputPlaybackFinished):
            self.flushed.discard(event.message_id)
        # The effects of an event are checked after this: what it causes is already true for them.
        self.was_stopped = self.was_stopped or self.machine.speech.cause is not None
        self.heard = self.heard or is_evidence(event)

    def _check(self, effect) -> None:
        if self.is_over:
            allowed = (ReportMessageSettled, RemoveMessages, ReportDivergence)
            assert isinstance(effect, allowed), f"9.11 {effect} after the end"
        if isinstance(effect, StartHandover):
            assert not self.was_stopped, "9.2 a message starts after the interruption"
        elif isinstance(effect, FlushOutput):
            assert not self.flushed, "9.4 two flushes at once"
            self.flushed.add(effect.message_id)
        elif isinstance(effect, ClearOutput):
            assert not self.cleared, "9.4 two clears"
            self.cleared.add(effect.message_id)
        elif isinstance(effect, CancelResponse):
            assert effect.response_id == self.generating, "9.10 cancel of what is not generating"
            assert not [e for e in self.effects if isinstance(e, CancelResponse)], "9.10 cancelled twice"
        elif isinstance(effect, ReportMessageSettled):
            assert effect.record.message_id not in [s.record.message_id for s in self.settled], "9.3 settled twice"
            self.settled.append(effect)
            self.flushed.discard(effect.record.message_id)
        elif isinstance(effect, TruncateMessage):
            record = self._record(effect.message_id)
            assert record.state == "partial", "9.5"
            assert 1 <= effect.audio_end_ms <= record.received_ms, "9.5"
            self._ask_once(TruncateMessage, effect.message_id)
        elif isinstance(effect, ReplaceMessage):
            record = self._record(effect.message_id)
            assert record.state == "partial"
            assert effect.text == record.heard_text
            self._ask_once(ReplaceMessage, effect.message_id)
        elif isinstance(effect, RemoveMessages):
            assert effect.message_ids, "9.6 a removal of nothing"
            for message_id in effect.message_ids:
                self._ask_once(RemoveMessages, message_id)
                assert self._record(message_id).heard_ms == 0, "9.6 a heard message is removed"
                assert self._record(message_id).state != "played", "9.6"
        elif effect == AnnounceAgentState("speaking"):
            assert self.heard, "9.9 speaking before anything was heard"
            last = next((e.state for e in reversed(self.effects) if isinstance(e, AnnounceAgentState)), None)
            assert last != "speaking", "9.9 announced twice"
        elif isinstance(effect, ReportSpeechDone):
            self._check_end(effect)

    def _ask_once(self, what: type, message_id: str) -> None:
        assert (what, message_id) not in self.asked, f"9.5 {what.__name__} twice for {message_id}"
        self.asked.add((what, message_id))

    def _record(self, message_id):
        return next(s.record for s in self.settled if s.record.message_id == message_id)

    def _check_snapshot(self) -> None:
        speech = self.machine.speech
        forwarding = [message for message in speech.messages.values() if message.is_forwarding]
        assert len(forwarding) <= 1, "9.1 two messages are forwarded"
        final = [message.is_final for message in speech.messages.values()]
        assert final == sorted(final, reverse=True), "9.1 final out of order"
        order = [settled.record.message_id for settled in self.settled]
        assert order == self.announced[: len(order)], "9.1 settled out of order"

    def _check_end(self, done: ReportSpeechDone) -> None:
        self.is_over = True
        assert [record.message_id for record in done.records] == self.announced, "9.3 a message without a record"
        history = [e for e in self.effects if isinstance(e, CommitMessage)]
        heard = [record for record in done.records if record.state != "skipped"]
        assert [(c.message_id, c.text, c.text_status, c.interrupted) for c in history] == [
            (record.message_id, record.heard_text, record.heard_text_status, record.state == "partial")
            for record in heard
        ], "9.8 history is not what was heard"

    def end_by_timers_alone(self) -> None:
        """9.12: where the machine waits for session or output, its timer leads to the end."""
        for _ in range(8):
            speech = self.machine.speech
            if speech.is_over or speech.state in ("queued", "paused"):
                return
            assert speech.timer is not None, f"9.12 nothing runs in {speech.state}"
            self.send(TimerFired(speech.timer))
        raise AssertionError("9.12 timers alone do not end it")


def events_of(kind: str, speech) -> list:
    """What may come next, of one kind."""
    if kind == "dubious":
        return dubious_events(speech) or plausible_events(speech, limit=MESSAGES)
    if kind == "hostile":
        return HOSTILE
    return rare_events() if kind == "ending" else plausible_events(speech, limit=MESSAGES)


def walk(seed: int) -> Onlooker:
    source = random.Random(seed)
    capabilities = Capabilities(*(source.random() < 0.75 for _ in range(5)))
    policy = Policy(
        interruptible=source.random() < 0.8, estimate_heard_text=source.random() < 0.5, frame_ms=source.choice([0, 20])
    )
    onlooker = Onlooker(capabilities, policy)
    kinds = source.choice(
        [
            ("plausible",),
            ("plausible",) * 60 + ("ending",),
            ("plausible",) * 3 + ("dubious",),
            KINDS,
            KINDS + ("hostile",) * 9,
        ]
    )
    left = LENGTH
    while left > 0:
        event = source.choice(events_of(source.choice(kinds), onlooker.machine.speech))
        onlooker.send(event)
        # What comes after the end is answered in one way only.
        left -= LENGTH // 10 if onlooker.is_over else 1
    onlooker.end_by_timers_alone()
    return onlooker


@cache
def walks() -> tuple[Onlooker, ...]:
    return tuple(walk(seed) for seed in range(WALKS))


def test_the_invariants_hold_over_random_speeches():
    assert len(walks()) == WALKS


def test_most_speeches_come_to_their_end_and_some_are_long():
    assert sum(onlooker.is_over for onlooker in walks()) > WALKS / 2
    assert max(len(onlooker.announced) for onlooker in walks()) >= MESSAGES


class AnySpeech(RuleBasedStateMachine):
    """The same onlooker, with hypothesis to choose the events and to shorten what it finds."""

    onlooker: Onlooker

    @initialize(
        capabilities=st.from_type(Capabilities),
        interruptible=st.booleans(),
        estimate=st.booleans(),
        frame_ms=st.sampled_from([0, 20]),
        messages=st.integers(0, 3),
        is_authorized=st.booleans(),
    )
    def begin(self, capabilities, interruptible, estimate, frame_ms, messages, is_authorized):
        policy = Policy(interruptible=interruptible, estimate_heard_text=estimate, frame_ms=frame_ms)
        self.onlooker = Onlooker(capabilities, policy)
        # Left to itself, hypothesis seldom gets as far as a second message.
        self.onlooker.send(SessionResponseCreated("r"))
        for number in range(messages):
            self.onlooker.send(SessionMessageAdded("r", f"m{number}"))
        if is_authorized:
            self.onlooker.send(Authorize())

    @rule(kind=st.sampled_from(KINDS), data=st.data())
    def something_comes(self, kind, data):
        speech = self.onlooker.machine.speech
        event = data.draw(st.sampled_from(events_of(kind, speech)))
        self.onlooker.send(event)

    def teardown(self):
        if hasattr(self, "onlooker"):
            self.onlooker.end_by_timers_alone()


TestAnySpeech = AnySpeech.TestCase
TestAnySpeech.settings = settings(max_examples=150, stateful_step_count=50, deadline=None, derandomize=True)


def seen(of):
    return {thing for onlooker in walks() for thing in of(onlooker)}


def test_every_kind_of_effect_is_possible():
    assert seen(lambda onlooker: map(type, onlooker.effects)) == set(EFFECT_TYPES)


def test_every_reason_is_possible():
    assert seen(lambda onlooker: [s.record.reason for s in onlooker.settled]) == set(get_args(Reason))


def test_every_end_is_possible():
    assert seen(lambda onlooker: [onlooker.machine.speech.state]) >= FINAL_SPEECH_STATES


@pytest.mark.parametrize("status", ["exact", "synchronized", "estimated", "unknown"])
def test_every_way_of_knowing_the_heard_text_is_possible(status):
    assert status in seen(lambda onlooker: [s.record.heard_text_status for s in onlooker.settled])
