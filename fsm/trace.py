"""The trace: everything a driver did, as JSON lines (spec, section 11).

The first line is the header. A `speech` line begins a speech; each `step` line is one event with the machine's
reply; an `unrouted` line is an event that belongs to no speech. Times are milliseconds since the trace began.
The format has a version, and the header names the definition it was made with.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, get_args

from pydantic import Field, PlainSerializer, PlainValidator, WithJsonSchema

from speech_lifecycle.fsm.codec import EFFECTS, EVENTS, CodecError, Family, parse_json
from speech_lifecycle.fsm.definition import definition
from speech_lifecycle.fsm.effects import Effect
from speech_lifecycle.fsm.events import Event
from speech_lifecycle.fsm.replies import Handled, Reply
from speech_lifecycle.fsm.values import Capabilities, Policy

FORMAT: Literal["speech-lifecycle-trace"] = "speech-lifecycle-trace"
VERSION = 1


EventInTrace = Annotated[
    Event, PlainValidator(EVENTS.load), PlainSerializer(EVENTS.dump), WithJsonSchema({"title": "event"})
]
EffectInTrace = Annotated[
    Effect, PlainValidator(EFFECTS.load), PlainSerializer(EFFECTS.dump), WithJsonSchema({"title": "effect"})
]

Milliseconds = Annotated[float, Field(allow_inf_nan=False)]


class TraceError(ValueError):
    """A trace cannot be read. The message names the line, the field and the remedy."""


@dataclass(frozen=True, slots=True)
class Header:
    """The first line."""

    format: Literal["speech-lifecycle-trace"] = FORMAT
    version: int = VERSION
    definition: str = ""
    """Digest of the definition that the machine ran."""
    sample_rate: int = 24_000


@dataclass(frozen=True, slots=True)
class SpeechBegun:
    """A speech was created."""

    at_ms: Milliseconds
    speech: str
    capabilities: Capabilities
    policy: Policy


@dataclass(frozen=True, slots=True)
class Step:
    """One event and what came of it."""

    at_ms: Milliseconds
    speech: str
    event: EventInTrace
    reply: Literal["handled", "ignored", "rejected"]
    rows: tuple[str, ...] = ()
    effects: tuple[EffectInTrace, ...] = ()
    row: str = ""
    """The answer's id, if it was ignored or rejected."""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Unrouted:
    """An event that belongs to no speech, such as a delta of a response nobody knows."""

    at_ms: Milliseconds
    event: EventInTrace
    reason: str


Record = Header | SpeechBegun | Step | Unrouted
RECORDS: Family[Record] = Family("trace", get_args(Record), tag="record")


@dataclass
class Trace:
    """A whole trace."""

    header: Header
    records: list[SpeechBegun | Step | Unrouted] = field(default_factory=list)

    @property
    def steps(self) -> list[Step]:
        """The steps of all speeches, in order."""
        return [record for record in self.records if isinstance(record, Step)]

    @property
    def speeches(self) -> list[SpeechBegun]:
        """The speeches, in order of their creation."""
        return [record for record in self.records if isinstance(record, SpeechBegun)]


def definition_digest() -> str:
    """Return a short digest of all rows: it changes whenever the lifecycle does."""
    rows = "\n".join(
        repr((row.id, row.cond, row.target, row.actions, row.kind, row.reason))
        for chart in definition().charts
        for row in chart.rows
    )
    return hashlib.sha256(rows.encode()).hexdigest()[:16]


def step_of(at_ms: float, speech: str, event: Event, reply: Reply) -> Step:
    """Return the record of one step."""
    if isinstance(reply, Handled):
        return Step(at_ms, speech, event, "handled", reply.rows, reply.effects)
    return Step(at_ms, speech, event, reply.kind, row=reply.row, reason=reply.reason)


def dump_record(record: Record) -> str:
    """Return the record as one line of JSON, without the newline."""
    return json.dumps(RECORDS.dump(record), ensure_ascii=False, allow_nan=False)


def load_trace(lines: Iterable[str], name: str = "trace") -> Trace:
    """Read a trace.

    Raises:
        TraceError: it is broken, foreign or of another version; the message names line and field.
    """
    numbered = _json_lines(lines, name)
    _, first = next(numbered, (1, None))
    header = _load_record(first, f"{name}, line 1") if isinstance(first, dict) and "record" in first else None
    if not isinstance(header, Header):
        raise TraceError(f"{name}, line 1: not a trace of speech-lifecycle; its first line must be a header record")
    trace = Trace(header)
    for number, data in numbered:
        record = _load_record(data, f"{name}, line {number}")
        if isinstance(record, Header):
            raise TraceError(f"{name}, line {number}: a second header; one file holds one trace")
        trace.records.append(record)
    return trace


def _json_lines(lines: Iterable[str], name: str) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            yield number, parse_json(line)
        except CodecError as error:
            raise TraceError(f"{name}, line {number}, {error}") from None


def _load_record(data: Any, place: str) -> Record:
    try:
        record = RECORDS.load(data)
    except CodecError as error:
        raise TraceError(f"{place}: {error}") from None
    if isinstance(record, Header) and record.version != VERSION:
        raise TraceError(
            f"{place}: field 'version' is {record.version}, this release reads version {VERSION}; "
            f"use the release that wrote it"
        )
    return record


def trace_schema() -> dict[str, Any]:
    """Return the JSON Schema of one line."""
    schema = RECORDS.json_schema()
    definitions = schema.setdefault("$defs", {})
    for family in (EVENTS, EFFECTS):
        own = family.json_schema()
        definitions.update(own.pop("$defs", {}))
        definitions[family.name] = own

    def link(node: Any) -> Any:
        if isinstance(node, dict):
            if node.get("title") in ("event", "effect") and len(node) == 1:
                return {"$ref": f"#/$defs/{node['title']}"}
            return {key: link(item) for key, item in node.items()}
        return [link(item) for item in node] if isinstance(node, list) else node

    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **link(schema)}
