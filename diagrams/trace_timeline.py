"""A trace as a timeline and as a sequence diagram: for docs, and for a call that went wrong.

The machine is run again over the trace's events, so the states are those that it was in, not guesses.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any

from speech_lifecycle.fsm import events as ev
from speech_lifecycle.fsm.codec import EFFECTS, EVENTS
from speech_lifecycle.fsm.effects import ReportMessageSettled, ReportSpeechDone
from speech_lifecycle.fsm.machine import SpeechMachine
from speech_lifecycle.fsm.trace import ConversationStep, Header, Record, SpeechBegun, Step, Trace, TraceError
from speech_lifecycle.fsm.values import MessageRecord, MessageState

from .timeline import HeardInterval, HeardPart, Mark, MessageSpan, Timeline

_MARKS: dict[type[Any], str] = {
    ev.Interrupt: "interrupt",
    ev.Pause: "pause",
    ev.Resume: "resume",
    ev.Close: "close",
    ev.SessionLost: "session lost",
    ev.OutputFailed: "output failed",
}


_OVER_KEPT = 256
"""Speeches that are over and are followed still: a driver remembers fewer."""


class TraceTimeline:
    """Makes a timeline of a trace while it is read, or written: give it every record.

    It keeps what the timeline shows: a few instants of each message.
    """

    def __init__(self) -> None:
        self.machines: dict[str, SpeechMachine] = {}
        self.over: deque[str] = deque()
        self.forgotten: set[str] = set()
        self.at_ms = 0.0
        self.since: dict[str, tuple[MessageState, float]] = {}
        self.audible_since: dict[str, float] = {}
        self.spans: list[MessageSpan] = []
        self.heard: dict[str, list[HeardInterval]] = {}
        self.parts: list[HeardPart] = []
        self.marks: list[Mark] = []

    def __call__(self, record: Record) -> None:
        """Take the next record.

        Raises:
            TraceError: it is a step of a speech that the trace does not begin.
        """
        if isinstance(record, Header):
            return
        self.at_ms = record.at_ms
        if isinstance(record, SpeechBegun):
            self.machines[record.speech] = SpeechMachine(record.capabilities, record.policy)
        elif isinstance(record, Step):
            self._take(record)

    def _take(self, step: Step) -> None:
        machine = self.machines.get(step.speech)
        if machine is None:
            if step.speech in self.forgotten:
                return
            raise TraceError(f"a step at {step.at_ms} ms is of speech {step.speech!r}, which the trace does not begin")
        machine.send(step.event)
        for message in machine.speech.messages.values():
            self._move(message.message_id, message.state, step.at_ms)
        if step.reply != "handled":
            return
        self._listen(step, machine)
        label = _MARKS.get(type(step.event))
        if isinstance(step.event, ev.TimerFired):
            label = f"{step.event.timer} timer"
        if label is not None:
            self.marks.append(Mark(round(step.at_ms), label))
        for effect in step.effects:
            if isinstance(effect, ReportMessageSettled):
                self._settle(effect.record, machine, step.at_ms)
            elif isinstance(effect, ReportSpeechDone):
                self._let_go(step.speech)

    def _let_go(self, speech_id: str) -> None:
        self.over.append(speech_id)
        if len(self.over) > _OVER_KEPT:
            oldest = self.over.popleft()
            if self.machines.pop(oldest, None) is not None:
                self.forgotten.add(oldest)

    def _move(self, message_id: str, state: MessageState, at_ms: float) -> None:
        before = self.since.get(message_id)
        if before is not None and before[0] == state:
            return
        if before is not None:
            self.spans.append(MessageSpan(message_id, before[0], round(before[1]), round(at_ms)))
        self.since[message_id] = (state, at_ms)

    def _listen(self, step: Step, machine: SpeechMachine) -> None:
        event = step.event
        if isinstance(event, ev.OutputPlaybackStarted | ev.OutputPlaybackProgressed):
            has_begun = event.message_id in self.audible_since or event.message_id in self.heard
            # What the output says during a hold is about the time before it.
            if has_begun or machine.speech.output_is_paused:
                return
            position_ms = event.position_ms if isinstance(event, ev.OutputPlaybackProgressed) else 0
            self.audible_since[event.message_id] = step.at_ms - (position_ms or 0)
        elif isinstance(event, ev.Pause):
            for message_id in machine.speech.messages:
                self._fall_silent(message_id, step.at_ms)
        elif isinstance(event, ev.Resume):
            for message in machine.speech.messages.values():
                if message.is_forwarding and message.has_started:
                    self.audible_since[message.message_id] = step.at_ms

    def _settle(self, record: MessageRecord, machine: SpeechMachine, at_ms: float) -> None:
        message_id = record.message_id
        self._fall_silent(message_id, at_ms)
        # A message that only shows its text has no audio to be heard.
        if machine.speech.messages[message_id].expects_audio:
            self.parts.append(HeardPart(message_id, record.heard_ms, record.received_ms))
        if record.heard_ms and message_id not in self.heard:
            self.heard[message_id] = [HeardInterval(message_id, round(at_ms) - record.heard_ms, round(at_ms))]
        # The last word of the output may come long after the last sound.
        left_ms = record.heard_ms
        for index, interval in enumerate(self.heard.get(message_id, ())):
            to_ms = min(interval.to_ms, interval.from_ms + left_ms)
            self.heard[message_id][index] = HeardInterval(message_id, interval.from_ms, to_ms)
            left_ms -= to_ms - interval.from_ms

    def _fall_silent(self, message_id: str, at_ms: float) -> None:
        since = self.audible_since.pop(message_id, None)
        if since is not None:
            self.heard.setdefault(message_id, []).append(HeardInterval(message_id, round(since), round(at_ms)))

    def timeline(self) -> Timeline:
        """Return the timeline until now. What is final stays to the end."""
        ends = [
            MessageSpan(message_id, state, round(since_ms), round(max(since_ms, self.at_ms)))
            for message_id, (state, since_ms) in self.since.items()
        ]
        sounding = {
            message_id: HeardInterval(message_id, round(since_ms), round(self.at_ms))
            for message_id, since_ms in self.audible_since.items()
        }
        order = {message_id: place for place, message_id in enumerate(self.since)}
        spans = sorted([*self.spans, *ends], key=lambda span: (order[span.message_id], span.from_ms))
        heard = [
            interval
            for message_id in order
            for interval in (*self.heard.get(message_id, ()), sounding.get(message_id))
            if interval is not None
        ]
        return Timeline(tuple(spans), tuple(heard), tuple(self.parts), tuple(dict.fromkeys(self.marks)))


def timeline_of(trace: Trace) -> Timeline:
    """Return the timeline of all messages in a trace. What is final stays to the end of the trace.

    Raises:
        TraceError: a step is of a speech that the trace does not begin.
    """
    timeline = TraceTimeline()
    for record in trace.records:
        timeline(record)
    return timeline.timeline()


def steps_of(trace: Trace) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the trace's events and effects, as `sequence` takes them: who says it, and what."""
    for record in trace.records:
        if not isinstance(record, Step | ConversationStep):
            continue
        if record.event is not None:
            yield ev.SOURCE_OF[ev.name_of(type(record.event))], EVENTS.dump(record.event)
        for effect in record.effects:
            yield "speech", EFFECTS.dump(effect)
