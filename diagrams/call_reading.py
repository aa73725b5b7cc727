"""Makes a call of a trace while that is read, or written: step by step, and what it keeps is what is shown.

The machines are run again over the trace's events, so the states are those that they were in, not guesses. How a
message ended, and what was asked of server and output, is what the trace says.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import replace

from speech_lifecycle.fsm import effects as fx
from speech_lifecycle.fsm import events as ev
from speech_lifecycle.fsm.machine import SpeechMachine
from speech_lifecycle.fsm.trace import (
    ConversationStep,
    Header,
    Record,
    SpeechBegun,
    Step,
    Trace,
    TraceReader,
    definition_digest,
)

from .call import Call, CallMessage, CallSpeech, Mark, MarkKind, ServerRequest, Span
from .call_deeds import note_effect, note_event
from .sounding import fall_silent, go_on_sounding, settle_sounding

OVER_KEPT = 256
"""Speeches that are over and are followed still, for facts that come late: a driver remembers fewer."""
MOST_PROBLEMS = 20
"""So many are named; the others are counted."""

_MARKS: dict[type[ev.Event], tuple[MarkKind, str]] = {
    ev.Interrupt: ("interrupt", "interrupt"),
    ev.Pause: ("hold", "pause"),
    ev.Resume: ("hold", "resume"),
    ev.Close: ("close", "close"),
    ev.SessionLost: ("connection", "session lost"),
    ev.SessionResumed: ("connection", "session resumed"),
    ev.OutputFailed: ("failure", "output failed"),
}


class CallReading:
    """Give it every record of a trace, in order; `call` is what has become of them until now."""

    def __init__(self) -> None:
        """Begin with an empty call."""
        self.call = Call()
        self._machines: dict[str, SpeechMachine] = {}
        self._speeches: dict[str, CallSpeech] = {}
        self._over: deque[str] = deque()
        self._forgotten: set[str] = set()

    def __call__(self, record: Record) -> None:
        """Take the next record.

        A step of a speech that the trace does not begin is a problem of the call, and the speech begins with it.
        """
        if isinstance(record, Header):
            self.call.definition = record.definition
            if record.definition and record.definition != definition_digest():
                self.problem(
                    "the trace was made with another definition: its states are those of this release's charts"
                )
            return
        call = self.call
        # A clock that goes back would make what ends before it began.
        at_ms = round(record.at_ms) if call.from_ms is None else max(call.to_ms, round(record.at_ms))
        call.from_ms = at_ms if call.from_ms is None else call.from_ms
        call.to_ms = at_ms
        if isinstance(record, SpeechBegun):
            self._begin(record.speech, SpeechMachine(record.capabilities, record.policy), at_ms)
        elif isinstance(record, Step):
            self._take(record, at_ms)
        elif isinstance(record, ConversationStep) and record.reply == "handled":
            self._take_for_all(record, at_ms)

    def problem(self, text: str) -> None:
        """Note what cannot be read."""
        self.call.problem_count += 1
        if len(self.call.problems) < MOST_PROBLEMS:
            self.call.problems.append(text)

    def _begin(self, speech_id: str, machine: SpeechMachine, at_ms: int) -> None:
        self._machines[speech_id] = machine
        self._speeches[speech_id] = speech = CallSpeech(speech_id, at_ms)
        self.call.speeches.append(speech)

    def _take_for_all(self, step: ConversationStep, at_ms: int) -> None:
        call, event = self.call, step.event
        if isinstance(event, ev.UserStartedSpeaking):
            _enter(call.user, "talking", at_ms)
        elif isinstance(event, ev.UserStoppedSpeaking) or (isinstance(event, ev.TimerFired) and event.timer == "user"):
            _leave(call.user, at_ms)
        self._mark(event, "", at_ms)
        for effect in step.effects:
            self._perform(effect, None, at_ms)

    def _take(self, step: Step, at_ms: int) -> None:
        if step.speech not in self._machines:
            if step.speech in self._forgotten:
                return
            self.problem(f"the step at {at_ms} ms is of speech {step.speech!r}, which the trace does not begin")
            self._begin(step.speech, SpeechMachine(), at_ms)
        machine, speech = self._machines[step.speech], self._speeches[step.speech]
        forwarding = machine.speech.forwarding_id
        machine.send(step.event)
        _move(speech.states, machine.speech.state, at_ms)
        # Only these can have moved without being settled, so that a step costs the same in a speech of any length.
        for message_id in (forwarding, machine.speech.forwarding_id, getattr(step.event, "message_id", None)):
            followed = machine.speech.messages.get(message_id) if isinstance(message_id, str) else None
            if followed is None:
                continue
            message = speech.messages.get(followed.message_id)
            if message is None:
                message = CallMessage(followed.message_id, speech.speech_id, followed.expects_audio, at_ms)
                message.generated_ms = at_ms
                speech.messages[message.message_id] = message
            message.has_audio = followed.expects_audio
            if not followed.is_final and message.record is None:
                _move(message.states, followed.state, at_ms)
        if step.reply != "handled":
            return
        self._listen(step.event, machine, speech, at_ms)
        self._mark(step.event, speech.speech_id, at_ms)
        for effect in step.effects:
            self._perform(effect, speech, at_ms)

    def _listen(self, event: ev.Event, machine: SpeechMachine, speech: CallSpeech, at_ms: int) -> None:
        """Take over what an event says of a message."""
        if isinstance(event, ev.Pause | ev.Resume):
            playing = speech.messages.get(machine.speech.forwarding_id or "")
            if playing is not None:
                (fall_silent if isinstance(event, ev.Pause) else go_on_sounding)(playing, at_ms)
            return
        message = speech.messages.get(getattr(event, "message_id", ""))
        if message is None:
            return
        note_event(message, event, at_ms, is_held=machine.speech.output_is_paused)

    def _mark(self, event: ev.Event | None, speech_id: str, at_ms: int) -> None:
        found = _MARKS.get(type(event)) if event is not None else None
        if isinstance(event, ev.TimerFired):
            found = ("timer", f"{event.timer} timer")
        if found is not None:
            kind, label = found
            # The conversation's command is told to its speeches: one mark.
            if not any(mark.at_ms == at_ms and mark.label == label for mark in self.call.marks[-3:]):
                self.call.marks.append(Mark(at_ms, kind, label, speech_id))

    def _perform(self, effect: fx.Effect, speech: CallSpeech | None, at_ms: int) -> None:
        """Take over what an effect says of the call or of a message."""
        call = self.call
        if isinstance(effect, fx.AnnounceAgentState):
            _move(call.agent, effect.state, at_ms)
        elif isinstance(effect, fx.AnnounceConnectionState):
            _move(call.connection, effect.state, at_ms)
        elif isinstance(effect, fx.PauseOutput):
            _enter(call.holds, "held", at_ms)
        elif isinstance(effect, fx.ResumeOutput | fx.ClearOutput):
            _leave(call.holds, at_ms)
        if speech is None:
            return
        if isinstance(effect, fx.ReportSpeechDone):
            speech.done_ms, speech.outcome, speech.code, speech.text = at_ms, effect.outcome, effect.code, effect.text
            self._let_go(speech.speech_id)
        elif isinstance(effect, fx.RemoveMessages):
            for message in filter(None, map(speech.messages.get, effect.message_ids)):
                message.server.append(ServerRequest("remove", at_ms))
        elif isinstance(effect, fx.ReportMessageSettled):
            self._settle(effect, speech, at_ms)
        else:
            found = speech.messages.get(getattr(effect, "message_id", ""))
            if found is not None:
                note_effect(found, effect, at_ms)
                if isinstance(effect, fx.ReportDivergence):
                    call.marks.append(Mark(at_ms, "divergence", f"divergence: {effect.cause}", speech.speech_id))

    def _settle(self, effect: fx.ReportMessageSettled, speech: CallSpeech, at_ms: int) -> None:
        record = effect.record
        message = speech.messages.get(record.message_id)
        if message is None:
            message = CallMessage(record.message_id, speech.speech_id, bool(record.received_ms), at_ms)
            speech.messages[record.message_id] = message
        _leave(message.states, at_ms)
        message.record, message.settled_ms, message.texts = record, at_ms, []
        message.received_ms = max(message.received_ms, record.received_ms)
        settle_sounding(message, record.heard_ms, at_ms)

    def _let_go(self, speech_id: str) -> None:
        self._over.append(speech_id)
        if len(self._over) > OVER_KEPT:
            oldest = self._over.popleft()
            del self._machines[oldest], self._speeches[oldest]
            self._forgotten.add(oldest)


def _move(spans: list[Span], state: str, at_ms: int) -> None:
    if spans and spans[-1].to_ms is None:
        if spans[-1].state == state:
            return
        _leave(spans, at_ms)
    spans.append(Span(state, at_ms))


def _enter(spans: list[Span], state: str, at_ms: int) -> None:
    if not spans or spans[-1].to_ms is not None:
        spans.append(Span(state, at_ms))


def _leave(spans: list[Span], at_ms: int) -> None:
    if spans and spans[-1].to_ms is None:
        spans[-1] = replace(spans[-1], to_ms=at_ms)


def call_of(trace: Trace) -> Call:
    """Return the call of a trace that has been read."""
    reading = CallReading()
    for record in (trace.header, *trace.records):
        reading(record)
    return reading.call


def read_call(lines: Iterable[str | bytes], name: str = "trace") -> Call:
    """Return the call of a trace file, line by line: what can be read of it; the rest is among its `problems`."""
    reading = CallReading()
    reader = TraceReader(lines, name, on_fault=lambda error: reading.problem(str(error)))
    reading(reader.header)
    for record in reader:
        reading(record)
    if reader.is_cut_off:
        reading.problem(f"{name}: its last line was broken off, and is left out")
    return reading.call
