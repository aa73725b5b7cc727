"""What became of a speech and its messages, step by step: the call says what, this says at which step."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from speech_lifecycle.fsm import effects as fx
from speech_lifecycle.fsm.compile.definition import definition
from speech_lifecycle.fsm.trace import Step
from speech_lifecycle.fsm.values import FORWARDING_STATES

from ..call import CallMessage, CallSpeech
from ..words import words_of

_LONGEST_ID = 200

Changes = list[tuple[int, str]]
"""Steps, and the states that they led to."""


@dataclass(slots=True)
class _MessageCourse:
    states: Changes = field(default_factory=list)
    asked: list[int] = field(default_factory=list)
    """The steps at which the server was asked for something, or did it by itself."""
    answered: dict[int, int] = field(default_factory=dict)
    """The steps at which it answered, by the number of the request."""
    diverged: int | None = None
    history: tuple[int, fx.CommitMessage] | None = None


class SpeechCourse:
    """Follows one speech of a call. `take` is told of each step once the call has it."""

    def __init__(self, speech: CallSpeech, first_step: int, at_ms: float) -> None:
        self.speech = speech
        self.first_step = self.last_step = first_step
        self.from_ms = self.to_ms = at_ms
        self.is_out_of_band = False
        self.message_count = 0
        self.was_over = False
        """Whether it was completed, interrupted or failed by the last step."""
        self._states: Changes = [(first_step, definition().speech.initial)]
        self._messages: dict[str, _MessageCourse] = {}
        self._forwarding: str | None = None

    def take(self, number: int, step: Step) -> None:
        """Note what a step has changed."""
        self.last_step, self.to_ms = number, max(self.to_ms, step.at_ms)
        self.message_count = len(self.speech.messages)
        self.was_over = self.speech.done_ms is not None
        if self.speech.states:
            _note(self._states, number, self.speech.states[-1].state)
        if step.reply != "handled":
            return
        touched = {self._forwarding, getattr(step.event, "message_id", None)}
        for effect in step.effects:
            if isinstance(effect, fx.ReportMessageSettled):
                touched.add(effect.record.message_id)
            elif isinstance(effect, fx.RemoveMessages):
                touched.update(effect.message_ids)
            elif isinstance(effect, fx.CommitMessage):
                self._course_of(effect.message_id).history = (number, effect)
            else:
                touched.add(getattr(effect, "message_id", None))
        for message_id in touched:
            message = None if message_id is None else self.speech.messages.get(message_id)
            if message is not None:
                self._follow(number, message)

    def _course_of(self, message_id: str) -> _MessageCourse:
        course = self._messages.get(message_id)
        if course is None:
            course = self._messages[message_id] = _MessageCourse()
        return course

    def _follow(self, number: int, message: CallMessage) -> None:
        course, state = self._course_of(message.message_id), message.state
        _note(course.states, number, state)
        if state in FORWARDING_STATES:
            self._forwarding = message.message_id
        elif self._forwarding == message.message_id:
            self._forwarding = None
        for index, request in enumerate(message.server):
            if index == len(course.asked):
                course.asked.append(number)
            if request.answered_ms is not None:
                course.answered.setdefault(index, number)
        if message.divergence is not None and course.diverged is None:
            course.diverged = number

    def summary(self) -> list[Any]:
        """Return what the list of speeches says of it: id, first and last step, from when to when, end, messages."""
        _, state = self._states[-1]
        name, first, last = self.speech.speech_id[:_LONGEST_ID], self.first_step, self.last_step
        return [name, first, last, self.from_ms, self.to_ms, state, self.message_count]

    def as_json(self, now_ms: int) -> dict[str, Any]:
        """Return all of it, in JSON's own types."""
        return {
            "id": self.speech.speech_id,
            "states": self._states,
            "outOfBand": self.is_out_of_band,
            "messages": [
                _message(message, self._course_of(message.message_id), now_ms)
                for message in self.speech.messages.values()
            ],
        }


def _note(changes: Changes, number: int, state: str) -> None:
    if not changes or changes[-1][1] != state:
        changes.append((number, state))


def _message(message: CallMessage, course: _MessageCourse, now_ms: int) -> dict[str, Any]:
    record = message.record
    requests = [
        {
            "what": request.operation,
            "keeps": request.audio_end_ms,
            "asked": course.asked[index],
            "answered": course.answered.get(index),
            "refused": request.is_refused,
            "detail": request.detail,
        }
        for index, request in enumerate(message.server)
    ]
    said: dict[str, Any] = {
        "id": message.message_id,
        "states": course.states,
        "received": message.received_ms,
        "hasAudio": message.has_audio,
        "words": [
            [word.text, word.fate, word.from_ms, word.to_ms, word.follows_space] for word in words_of(message, now_ms)
        ],
        "server": requests,
    }
    if record is not None:
        said["record"] = {
            "reason": record.reason,
            "heard": record.heard_ms,
            "text": record.heard_text,
            "status": record.heard_text_status,
        }
    if course.history is not None:
        step, commit = course.history
        said["history"] = {
            "step": step, "text": commit.text, "status": commit.text_status, "cut": commit.interrupted
        }  # fmt: skip
    if message.divergence is not None:
        divergence = message.divergence
        said["divergence"] = {
            "step": course.diverged,
            "cause": divergence.cause,
            "remembered": divergence.remembered_ms,
            "text": divergence.remembered_text,
            "detail": divergence.detail,
        }
    return said
