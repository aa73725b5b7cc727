"""The trace: everything a driver did, as JSON lines (spec, section 11).

The first line is the header. A `speech` line begins a speech; each `step` line is one event with the machine's
reply; an `unrouted` line is an event that belongs to no speech. Times are milliseconds since the trace began.
The format has a version, and the header names the definition it was made with.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, get_args

import msgspec

from .codec import CodecError, Family, parse_json
from .effects import Effect
from .errors import SpeechLifecycleError
from .events import Event
from .machine import SpeechMachine
from .notebook import mimebundle
from .replies import Handled, Reply
from .values import Capabilities, Policy, Value, snake_case

FORMAT: Literal["speech-lifecycle-trace"] = "speech-lifecycle-trace"
VERSION = 2
_OLDER_NAMES = {"rows": "transitions", "row": "answer"}
"""Fields of version 1."""


Milliseconds = Annotated[float, msgspec.Meta(ge=-1e15, le=1e15)]
"""A time that is a finite number."""


class TraceError(SpeechLifecycleError, ValueError):
    """A trace cannot be read. The message names the line, the field and the remedy."""


class _Line(Value, frozen=True, tag_field="record", tag=snake_case):
    """What one line holds."""


class Header(_Line, frozen=True):
    """The first line."""

    format: Literal["speech-lifecycle-trace"] = FORMAT
    version: int = VERSION
    definition: str = ""
    """Digest of the behaviour of the definition that the machine ran."""
    sample_rate: int = 24_000


class SpeechBegun(_Line, frozen=True):
    """A speech was created."""

    at_ms: Milliseconds
    speech: str
    capabilities: Capabilities
    policy: Policy


class Step(_Line, frozen=True):
    """One event and what came of it."""

    at_ms: Milliseconds
    speech: str
    event: Event
    reply: Literal["handled", "ignored", "rejected"]
    transitions: tuple[str, ...] = ()
    effects: tuple[Effect, ...] = ()
    answer: str = ""
    """The answer's id, if it was ignored or rejected."""
    reason: str = ""


class ConversationStep(_Line, frozen=True):
    """One event that the conversation chart answered, and what that chart did; what speeches did follows."""

    at_ms: Milliseconds
    event: Event | None
    """None: what it did when a speech had taken a step."""
    reply: Literal["handled", "ignored", "rejected"]
    transitions: tuple[str, ...] = ()
    effects: tuple[Effect, ...] = ()
    answer: str = ""
    reason: str = ""


class Unrouted(_Line, frozen=True):
    """An event that belongs to no speech, such as a delta of a response nobody knows."""

    at_ms: Milliseconds
    event: Event
    reason: str


Record = Header | SpeechBegun | Step | ConversationStep | Unrouted
RECORDS: Family[Record] = Family("trace", get_args(Record), tag="record")


@dataclass
class Trace:
    """A whole trace."""

    header: Header
    records: list[SpeechBegun | Step | ConversationStep | Unrouted] = field(default_factory=list)
    is_cut_off: bool = False
    """Whether its last line was broken off, as by a crash, and is left out."""

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        """Return what Jupyter shows: the timeline."""
        return mimebundle(self, f"a trace of {len(self.speeches)} speeches, {len(self.records)} records")

    @property
    def steps(self) -> list[Step]:
        """The steps of all speeches, in order."""
        return [record for record in self.records if isinstance(record, Step)]

    @property
    def effects(self) -> list[Effect]:
        """All effects, in order."""
        steps = [record for record in self.records if isinstance(record, Step | ConversationStep)]
        return [effect for step in steps for effect in step.effects]

    @property
    def speeches(self) -> list[SpeechBegun]:
        """The speeches, in order of their creation."""
        return [record for record in self.records if isinstance(record, SpeechBegun)]


def definition_digest() -> str:
    """Return a short digest of what runs: it changes with every transition, and with all that guards and actions do."""
    return SpeechMachine.definition_digest


def step_of(at_ms: float, speech: str, event: Event, reply: Reply) -> Step:
    """Return the record of one step."""
    if isinstance(reply, Handled):
        return Step(at_ms, speech, event, "handled", reply.transitions, reply.effects)
    return Step(at_ms, speech, event, reply.kind, answer=reply.answer, reason=reply.reason)


def records_of(at_ms: float, speech: str, event: Event, reply: Reply) -> list[Step | ConversationStep | Unrouted]:
    """Return the records of one step of a conversation; `speech` is what the event names, or "" if that is unknown."""
    if isinstance(reply, Handled):
        if not reply.steps:
            return [step_of(at_ms, speech, event, reply)]
        return [
            step_of(at_ms, each.speech_id, each.event, each.reply)
            if each.speech_id and each.event is not None
            else ConversationStep(at_ms, each.event, "handled", each.reply.transitions, each.reply.effects)
            for each in reply.steps
        ]
    if not reply.answer:
        return [Unrouted(at_ms, event, reply.reason)]
    if reply.answer.startswith("conversation."):
        return [ConversationStep(at_ms, event, reply.kind, answer=reply.answer, reason=reply.reason)]
    return [step_of(at_ms, speech, event, reply)]


def dump_record(record: Record) -> str:
    """Return the record as one line of JSON, without the newline."""
    return json.dumps(RECORDS.dump(record), ensure_ascii=False, allow_nan=False)


class TraceReader:
    """Reads a trace record by record, and keeps none.

    Of a file whose last line was broken off, as by a crash, everything before that is read.
    """

    def __init__(
        self,
        lines: Iterable[str | bytes],
        name: str = "trace",
        *,
        on_fault: Callable[[TraceError], None] | None = None,
    ) -> None:
        """Read the header.

        Args:
            lines: of the file, with their ends; bytes are read as UTF-8.
            name: what errors call it.
            on_fault: is told of each line that cannot be read, and the others are read. Without it the first raises.

        Raises:
            TraceError: it is no trace, or one of another version.
        """
        self.is_cut_off = False
        """Whether the last line was broken off, and left out. Known when all is read."""
        self.line_number = 1
        """Of the line that was read last."""
        self.line = ""
        """That line."""
        self._name = name
        self._on_fault = on_fault
        self._lines = self._whole_lines(lines)
        self._first: SpeechBegun | Step | ConversationStep | Unrouted | None = None
        """What stands in the place of the header."""
        self.header = self._read_header()

    def _read_header(self) -> Header:
        self.line_number, self.line = next(self._lines, (1, "null"))
        place = f"{self._name}, line {self.line_number}"
        try:
            data = _parse(self.line, place)
            is_record = isinstance(data, dict) and "record" in data
            first = load_record(self.line, place) if is_record else None
            if isinstance(first, Header):
                return first
            self._first = first
            raise TraceError(
                f"{self._name}, line 1: not a trace of speech-lifecycle; its first line must be a header record"
            )
        except TraceError as error:
            self._note(error)
        return Header()

    def __iter__(self) -> Iterator[SpeechBegun | Step | ConversationStep | Unrouted]:
        """Yield what comes after the header.

        Raises:
            TraceError: a line is broken; the message names it and the field.
        """
        if self._first is not None:
            yield self._first
        for number, line in self._lines:
            self.line_number, self.line = number, line
            place = f"{self._name}, line {number}"
            try:
                record = load_record(line, place)
                if isinstance(record, Header):
                    raise TraceError(f"{place}: a second header; one file holds one trace")
            except TraceError as error:
                self._note(error)
            else:
                yield record

    def _note(self, fault: TraceError) -> None:
        if self._on_fault is None:
            raise fault from None
        self._on_fault(fault)

    def _whole_lines(self, lines: Iterable[str | bytes]) -> Iterator[tuple[int, str]]:
        have_ends = False
        for number, line in enumerate(lines, 1):
            has_end = line[-1:] in ("\n", b"\n")
            try:
                text = line.decode() if isinstance(line, bytes) else line
            except UnicodeDecodeError as error:
                if have_ends and not has_end:
                    self.is_cut_off = True
                    return
                self._note(TraceError(f"{self._name}, line {number}: not UTF-8: {error}"))
                continue
            if number == 1:
                text, have_ends = text.removeprefix("\ufeff"), has_end
            if have_ends and not has_end and not _is_json(text):
                self.is_cut_off = True
                return
            if text.strip():
                yield number, text


def load_trace(lines: Iterable[str | bytes], name: str = "trace") -> Trace:
    """Read a trace.

    Raises:
        TraceError: it is broken, foreign or of another version; the message names line and field.
    """
    reader = TraceReader(lines, name)
    records = list(reader)
    return Trace(reader.header, records, reader.is_cut_off)


def _parse(text: str, place: str) -> Any:
    try:
        return parse_json(text)
    except CodecError as error:
        raise TraceError(f"{place}, {error}") from None


def _is_json(text: str) -> bool:
    try:
        parse_json(text)
    except CodecError:
        return False
    return True


def load_record(text: str, place: str) -> Record:
    """Read one line of a trace; `place` is what errors call it.

    Raises:
        TraceError: it is broken, or a header of another version; the message names the field.
    """
    record = RECORDS.load_json(text)
    if record is None:
        data = _parse(text, place)
        if isinstance(data, dict) and data.get("record") == "step":
            data = {_OLDER_NAMES.get(name, name): value for name, value in data.items()}
        try:
            record = RECORDS.load(data)
        except CodecError as error:
            raise TraceError(f"{place}: {error}") from None
    if isinstance(record, Header) and not 1 <= record.version <= VERSION:
        raise TraceError(
            f"{place}: field 'version' is {record.version}, this release reads versions 1 to {VERSION}; "
            f"use the release that wrote it"
        )
    return record


def trace_schema() -> dict[str, Any]:
    """Return the JSON Schema of one line."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **RECORDS.json_schema()}
