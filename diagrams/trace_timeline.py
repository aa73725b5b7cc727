"""A trace as a timeline and as a sequence diagram: for docs, and for a call that went wrong.

The machine is run again over the trace's events, so the states are those that it was in, not guesses.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from speech_lifecycle.diagrams.timeline import HeardInterval, HeardPart, Mark, MessageSpan, Timeline
from speech_lifecycle.fsm import events as ev
from speech_lifecycle.fsm.codec import EFFECTS, EVENTS
from speech_lifecycle.fsm.effects import ReportMessageSettled
from speech_lifecycle.fsm.machine import SpeechMachine
from speech_lifecycle.fsm.trace import SpeechBegun, Step, Trace
from speech_lifecycle.fsm.values import MessageState

_MARKS: dict[type[Any], str] = {
    ev.Interrupt: "interrupt",
    ev.Pause: "pause",
    ev.Resume: "resume",
    ev.Close: "close",
    ev.SessionLost: "session lost",
    ev.OutputFailed: "output failed",
}


class _Watch:
    """Follows the messages of all speeches of a trace."""

    def __init__(self) -> None:
        self.machines: dict[str, SpeechMachine] = {}
        self.since: dict[str, tuple[MessageState, float]] = {}
        self.audible_since: dict[str, float] = {}
        self.spans: list[MessageSpan] = []
        self.heard: list[HeardInterval] = []
        self.parts: list[HeardPart] = []
        self.marks: list[Mark] = []

    def take(self, step: Step) -> None:
        machine = self.machines[step.speech]
        machine.send(step.event)
        for message in machine.speech.messages.values():
            self._move(message.message_id, message.state, step.at_ms)
        if step.reply != "handled":
            return
        self._listen(step)
        label = _MARKS.get(type(step.event))
        if isinstance(step.event, ev.TimerFired):
            label = f"{step.event.timer} timer"
        if label is not None:
            self.marks.append(Mark(round(step.at_ms), label))
        for effect in step.effects:
            if isinstance(effect, ReportMessageSettled):
                record = effect.record
                self.parts.append(HeardPart(record.message_id, record.heard_ms, record.received_ms))
                self._fall_silent(record.message_id, step.at_ms)

    def _move(self, message_id: str, state: MessageState, at_ms: float) -> None:
        before = self.since.get(message_id)
        if before is not None and before[0] == state:
            return
        if before is not None:
            self.spans.append(MessageSpan(message_id, before[0], round(before[1]), round(at_ms)))
        self.since[message_id] = (state, at_ms)

    def _listen(self, step: Step) -> None:
        event = step.event
        if isinstance(event, ev.OutputPlaybackStarted | ev.OutputPlaybackProgressed):
            started_ms = step.at_ms
            if isinstance(event, ev.OutputPlaybackProgressed) and event.message_id not in self.audible_since:
                started_ms -= event.position_ms or 0
            self.audible_since.setdefault(event.message_id, started_ms)
        elif isinstance(event, ev.Pause):
            for message_id in list(self.audible_since):
                self._fall_silent(message_id, step.at_ms)
        elif isinstance(event, ev.Resume):
            for message in self.machines[step.speech].speech.messages.values():
                if message.is_forwarding and message.has_started:
                    self.audible_since[message.message_id] = step.at_ms

    def _fall_silent(self, message_id: str, at_ms: float) -> None:
        since = self.audible_since.pop(message_id, None)
        if since is not None:
            self.heard.append(HeardInterval(message_id, round(since), round(at_ms)))

    def end(self, at_ms: float) -> None:
        for message_id, (state, since_ms) in self.since.items():
            self.spans.append(MessageSpan(message_id, state, round(since_ms), round(max(since_ms, at_ms))))


def timeline_of(trace: Trace) -> Timeline:
    """Return the timeline of all messages in a trace. What is final stays to the end of the trace."""
    watch = _Watch()
    at_ms = 0.0
    for record in trace.records:
        at_ms = record.at_ms
        if isinstance(record, SpeechBegun):
            watch.machines[record.speech] = SpeechMachine(record.capabilities, record.policy)
        elif isinstance(record, Step):
            watch.take(record)
    watch.end(at_ms)
    order = {message_id: place for place, message_id in enumerate(watch.since)}
    spans = sorted(watch.spans, key=lambda span: (order[span.message_id], span.from_ms))
    marks = dict.fromkeys(watch.marks)
    return Timeline(tuple(spans), tuple(watch.heard), tuple(watch.parts), tuple(marks))


def steps_of(trace: Trace) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the trace's events and effects, as `sequence` takes them: who says it, and what."""
    for step in trace.steps:
        yield ev.SOURCE_OF[ev.name_of(type(step.event))], EVENTS.dump(step.event)
        for effect in step.effects:
            yield "speech", EFFECTS.dump(effect)
