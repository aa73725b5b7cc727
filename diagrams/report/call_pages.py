"""A trace as the page of a report has it: pages of steps, and each speech, given away as soon as they are whole.

What is kept is what may still change, and a line for each page and each speech.
"""

from __future__ import annotations

from collections import deque
from typing import Any, Protocol

import msgspec

from speech_lifecycle.fsm.events import RequestResponse, SessionResponseCreated
from speech_lifecycle.fsm.trace import (
    VERSION,
    ConversationStep,
    Header,
    Record,
    SpeechBegun,
    Step,
    TraceError,
    TraceReader,
    dump_record,
)

from ..call_reading import CallReading
from .conversation import ConversationStates
from .pages import Pager, packed
from .pictures import picture_of
from .speech_course import SpeechCourse

_SETTLES_FOR = 16
"""So many speeches later nothing more is awaited of one that is over."""
_encode = msgspec.json.encode


class Sink(Protocol):
    """Takes what is whole, packed."""

    def page(self, number: int, data: bytes) -> None:
        """Take a page of steps."""

    def speech(self, number: int, data: bytes) -> None:
        """Take a speech."""


class CallPages:
    """Give it every record of a trace, in order."""

    def __init__(self, name: str, sink: Sink) -> None:
        """Begin. `name` is what the page calls the trace."""
        self.name = name
        self.reading = CallReading()
        self.first_heard: tuple[str, float] | None = None
        """The message that was heard first, and when, of the speeches that were given away."""
        self._sink = sink
        self._pager = Pager(sink.page)
        self._conversation = ConversationStates()
        self._focus: int | None = None
        self._numbers: dict[str, int] = {}
        self._courses: dict[int, SpeechCourse] = {}
        self._over: deque[int] = deque()
        self._summaries: list[tuple[int, bytes]] = []
        """Of the speeches that were given away."""
        self._messages = 0
        self._is_raw = True

    @property
    def steps(self) -> int:
        """How many there are."""
        return self._pager.steps

    def read(self, reader: TraceReader) -> None:
        """Take all that a reader gives, to the end."""
        self.begin(reader.header)
        for record in reader:
            self.take(record, reader.line_number, reader.line)
        if reader.is_cut_off:
            self.reading.problem(f"{self.name}: its last line was broken off, and is left out")

    def begin(self, header: Header) -> None:
        """Take the header."""
        self._is_raw = header.version == VERSION
        self._read(header, 1)

    def problem(self, error: TraceError) -> None:
        """Note what could not be read."""
        self.reading.problem(str(error))

    def take(self, record: Record, line_number: int, line: str = "") -> None:
        """Take a record; `line` is the JSON that it was read from."""
        if isinstance(record, Header):
            return
        known = len(self.reading.call.speeches)
        if self._pager.needs_start:
            start = {"conversation": self._conversation.active, "focus": self._focus}
            self._pager.begin(record.at_ms, _encode(start))
        self._read(record, line_number)
        change: dict[str, Any] = {}
        number = self._pager.steps
        for speech in self.reading.call.speeches[known:]:
            self._numbers[speech.speech_id] = known
            self._courses[known] = SpeechCourse(speech, number, record.at_ms)
            known += 1
        if isinstance(record, ConversationStep) and self._conversation.take(record.transitions):
            change["conversation"] = self._conversation.active
        if isinstance(record, Step | SpeechBegun):
            self._follow(record, number, change)
        self._note_out_of_band(record)
        # Python's reader takes words for numbers that JSON does not have.
        is_raw = line and self._is_raw and "NaN" not in line and "Infinity" not in line
        text = line.strip() if is_raw else dump_record(record)
        self._pager.add(b"[%d,%b,%b]" % (line_number, text.encode(), _encode(change) if change else b"0"))
        while len(self._over) > _SETTLES_FOR:
            self._give_away(self._over.popleft())

    def _read(self, record: Record, line_number: int) -> None:
        """Have the call take a record; what it finds wrong is named by its line."""
        problems = self.reading.call.problems
        known = len(problems)
        self.reading(record)
        problems[known:] = [f"{self.name}, line {line_number}: {problem}" for problem in problems[known:]]

    def _follow(self, record: Step | SpeechBegun, number: int, change: dict[str, Any]) -> None:
        speech = self._numbers.get(record.speech)
        if speech is None:
            return
        if speech != self._focus:
            self._focus = change["focus"] = speech
        if isinstance(record, SpeechBegun):
            return
        course = self._courses[speech]
        known, was_over = course.message_count, course.was_over
        course.take(number, record)
        self._messages += course.message_count - known
        if course.was_over and not was_over:
            self._over.append(speech)

    def _note_out_of_band(self, record: Record) -> None:
        event = getattr(record, "event", None)
        if isinstance(event, RequestResponse | SessionResponseCreated) and event.is_out_of_band:
            course = self._courses.get(self._numbers.get(getattr(record, "speech", event.speech_id), -1))
            if course is not None:
                course.is_out_of_band = True

    def _give_away(self, number: int) -> None:
        course = self._courses.pop(number)
        if self._numbers.get(course.speech.speech_id) == number:
            del self._numbers[course.speech.speech_id]
        self._summaries.append((number, _encode(course.summary())))
        self._note_heard(course)
        self._sink.speech(number, self._speech(course))
        course.speech.messages.clear()

    def _note_heard(self, course: SpeechCourse) -> None:
        for message in course.speech.messages.values():
            if message.heard and (self.first_heard is None or message.heard[0].from_ms < self.first_heard[1]):
                self.first_heard = (message.message_id, message.heard[0].from_ms)

    def _speech(self, course: SpeechCourse) -> bytes:
        call = self.reading.call
        end_ms = round(course.to_ms) if course.was_over else call.to_ms
        return packed(_encode({**course.as_json(call.to_ms), "picture": picture_of(call, course.speech, end_ms)}))

    def end(self) -> None:
        """Give away the rest."""
        self._pager.flush()
        for number in sorted(self._courses):
            self._give_away(number)

    def index(self) -> dict[str, Any]:
        """Return what is to be known of it before anything is looked at, in JSON's own types."""
        call = self.reading.call
        notes = list(call.problems)
        if call.problem_count > len(notes):
            notes.append(f"{self.name}: {call.problem_count - len(notes)} more lines could not be read")
        return {
            "name": self.name,
            "notes": notes,
            "steps": self.steps,
            "messages": self._messages,
            "places": self._pager.places,
            "to_ms": call.to_ms,
            "speeches": [msgspec.Raw(each) for each in self._all_summaries()],
        }

    def _all_summaries(self) -> list[bytes]:
        given = dict(self._summaries)
        given.update((number, _encode(course.summary())) for number, course in self._courses.items())
        return [given[number] for number in sorted(given)]

    def open_page(self, number: int) -> bytes | None:
        """Return the last page of steps, which may grow, packed; None if it has another number, or is full."""
        is_open = number == len(self._pager.places) - 1 and not self._pager.needs_start
        return self._pager.open_page() if is_open else None

    def open_speech(self, number: int) -> bytes | None:
        """Return a speech that was not given away yet, packed."""
        course = self._courses.get(number)
        return None if course is None else self._speech(course)
