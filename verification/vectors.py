"""Vectors: courses of events with all that a machine has to do at each, as JSON lines.

They are recorded from the package's own machines (`record`), kept in `vectors/`, and replayed by the tests. Whoever
ports the machines, or changes one, sees by them what differs. A mutant that they tell from the original is found.

What a vector tells may be no event at all: then it is JSON data as it stands in the file, and has to be rejected.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated, Any, Literal, get_args

import msgspec
from pydantic import BaseModel, ConfigDict, Discriminator, Field, JsonValue, Tag, ValidationError

from speech_lifecycle.fsm.compile.definition import SPEC_VERSION
from speech_lifecycle.fsm.conversation.machine import ConversationMachine
from speech_lifecycle.fsm.effects import Effect
from speech_lifecycle.fsm.errors import SpeechLifecycleError
from speech_lifecycle.fsm.events import EVERY_EVENT_TYPE, Event, Source
from speech_lifecycle.fsm.machine import SpeechMachine
from speech_lifecycle.fsm.replies import Handled, Rejected, Reply
from speech_lifecycle.fsm.state import Conversation, Speech
from speech_lifecycle.fsm.values import Capabilities, ConversationPolicy, Policy

from .conformance.reading import Told, Unread, read_event

NEVER_CHANGES = ("capabilities", "policy")
"""Fields of a state that are those of the vector."""


class VectorError(SpeechLifecycleError, ValueError):
    """A file of vectors cannot be read. The message names the line and the field."""


class VectorStep(BaseModel):
    """One event, and what the machine has to do."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    event: Annotated[Event, Field(discriminator="type")]
    reply: Literal["handled", "ignored", "rejected"]
    reason: str = ""
    """Why it is ignored or rejected."""
    blame: Source | None = None
    """Who should not have said it, if it is rejected."""
    transitions: tuple[str, ...] = ()
    """The ids of the transitions taken, in order; of an event that is not handled, the id of its answer."""
    effects: tuple[Annotated[Effect, Field(discriminator="type")], ...] = ()
    state: dict[str, Any] = {}
    """How the state changes: a JSON merge patch (RFC 7396). A field of a state that is null is left out of it.

    Capabilities and policies are not in it: they never change.
    """


class UnreadStep(BaseModel):
    """Something that is no event, or not one of this machine. It is rejected, and changes nothing."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    event: JsonValue
    reply: Literal["rejected"]
    reason: Unread
    blame: Source
    transitions: tuple[()] = ()
    effects: tuple[()] = ()
    state: dict[str, Any] = Field(default={}, max_length=0)


def _kind_of(step: object) -> str:
    """Return whether a step is told an event: what the file says of its answer tells that."""
    reason = step.get("reason") if isinstance(step, dict) else getattr(step, "reason", "")
    return "unread" if reason in get_args(Unread) else "read"


Step = Annotated[Annotated[VectorStep, Tag("read")] | Annotated[UnreadStep, Tag("unread")], Discriminator(_kind_of)]


class Vector(BaseModel):
    """A course of events from the beginning of a speech, or of a conversation."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    spec_version: str
    """The version of the specification that it was recorded by."""
    tags: tuple[str, ...] = ()
    """What it is about: sections of the specification, properties, ids of bugs, transitions, guards."""
    harm: str = ""
    """What happens to a listener, or to an agent, where a machine does something else."""
    machine: Literal["speech", "conversation"]
    capabilities: Capabilities
    policy: Policy | ConversationPolicy
    steps: tuple[Step, ...]

    @property
    def events(self) -> tuple[Told, ...]:
        """Return what it is told in all steps: events, or data that are none."""
        return tuple(step.event for step in self.steps)

    @property
    def start(self) -> Speech | Conversation:
        """Return a state to begin with."""
        if isinstance(self.policy, ConversationPolicy):
            return Conversation(self.capabilities, self.policy)
        return Speech(self.capabilities, self.policy)


def record(
    vector_id: str,
    tags: Iterable[str],
    capabilities: Capabilities,
    policy: Policy | ConversationPolicy,
    events: Iterable[Told],
    harm: str = "",
) -> Vector:
    """Return a vector with what the package's own machine does. What is no event is given as JSON data."""
    steps: list[VectorStep | UnreadStep] = []
    machine: SpeechMachine | ConversationMachine
    if isinstance(policy, ConversationPolicy):
        machine = ConversationMachine(capabilities, policy)
    else:
        machine = SpeechMachine(capabilities, policy)
    before = state_of(machine)
    for told in events:
        event = read_event(type(machine), told)
        if isinstance(event, Rejected):
            steps.append(UnreadStep.model_validate({"event": told, **_answer_of(event)}))
            continue
        reply = machine.send(event)
        after = state_of(machine)
        step = VectorStep(
            event=event,
            reply=reply.kind,
            reason="" if isinstance(reply, Handled) else reply.reason,
            blame=reply.blame if isinstance(reply, Rejected) else None,
            transitions=tuple(cited_by(reply)),
            effects=reply.effects,
            state=merge_patch(before, after),
        )
        steps.append(step)
        before = after
    return Vector(
        id=vector_id,
        spec_version=SPEC_VERSION,
        harm=harm,
        tags=tuple(tags),
        machine="conversation" if isinstance(policy, ConversationPolicy) else "speech",
        capabilities=capabilities,
        policy=policy,
        steps=tuple(steps),
    )


def _answer_of(reply: Rejected) -> dict[str, str]:
    return {"reply": reply.kind, "reason": reply.reason, "blame": reply.blame}


def cited_by(reply: Reply) -> tuple[str, ...]:
    """Return the ids of the transitions that a reply cites: those taken, or the answer."""
    return reply.transitions if isinstance(reply, Handled) else (reply.answer,) if reply.answer else ()


def renewed(vector: Vector) -> Vector:
    """Return the same course of events with what the package's own machine does now."""
    return record(vector.id, vector.tags, vector.capabilities, vector.policy, vector.events, vector.harm)


def state_of(machine: SpeechMachine | ConversationMachine) -> dict[str, Any]:
    """Return the state of a machine as JSON data, without what is null and what never changes."""
    if isinstance(machine, SpeechMachine):
        return _speech_state(machine.speech)
    conversation = machine.conversation
    data: dict[str, Any] = _without(msgspec.structs.asdict(conversation))
    for name in _IN_ORDER:
        data[name] = [*getattr(conversation, name)]
    data["speeches"] = {name: _speech_state(speech) for name, speech in conversation.speeches.items()}
    return data


_IN_ORDER = ("live", "over", "waiting", "requests")
"""Fields of a conversation that hold names in an order: lists."""


def _speech_state(speech: Speech) -> dict[str, Any]:
    data = msgspec.structs.asdict(speech)
    data["messages"] = {name: msgspec.to_builtins(message) for name, message in speech.messages.items()}
    return _without(data)


def _without(state: dict[str, Any]) -> dict[str, Any]:
    return {name: _no_null(value) for name, value in state.items() if name not in NEVER_CHANGES and value is not None}


def _no_null(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: _no_null(value) for key, value in data.items() if value is not None}
    return [_no_null(item) for item in data] if isinstance(data, list | tuple) else data


def merge_patch(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """Return what RFC 7396 merges into one object to get the other."""
    patch: dict[str, Any] = {name: None for name in before if name not in after}
    for name, value in after.items():
        old = before.get(name)
        if isinstance(value, dict) and isinstance(old, dict):
            if inner := merge_patch(old, value):
                patch[name] = inner
        elif name not in before or value != old or type(value) is not type(old):
            patch[name] = value
    return patch


def difference_of(vector: Vector, now: Vector) -> str:
    """Return the first place where a machine does now something else than a vector says, or ""."""
    for number, (was, step) in enumerate(zip(vector.steps, now.steps, strict=True), 1):
        for name in VectorStep.model_fields:
            apart = "" if name == "event" else _apart(name, getattr(was, name), getattr(step, name))
            if apart:
                return f"{vector.id}, step {number}, {_name_of(was.event)}: {apart}"
    return ""


def _name_of(event: Told) -> str:
    return event.type if isinstance(event, EVERY_EVENT_TYPE) else _shortened(event)


_NOTHING = object()


def _apart(place: str, old: Any, new: Any) -> str:
    """Return where two values differ first, and in what."""
    if isinstance(old, dict) and isinstance(new, dict):
        apart = (_apart(f"{place}.{key}", old.get(key, _NOTHING), new.get(key, _NOTHING)) for key in {**old, **new})
        return next(filter(None, apart), "")
    return f"{place} is {_shortened(new)}, and was {_shortened(old)}" if old != new else ""


def _shortened(value: object) -> str:
    text = "missing" if value is _NOTHING else repr(value)
    return text if len(text) <= 200 else f"{text[:200]}..."


def dump_vector(vector: Vector) -> str:
    """Return a vector as one line of JSON, without the newline. What has its usual value is left out."""
    return vector.model_dump_json(exclude_defaults=True)


def load_vectors(lines: Iterable[str], name: str = "vectors") -> Iterator[Vector]:
    """Yield the vectors of a file.

    Raises:
        VectorError: a line is no vector; the message names the line and the field.
    """
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            yield Vector.model_validate_json(line)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            place = ".".join(str(part) for part in first["loc"] if part not in ("read", "unread"))
            raise VectorError(f"{name}, line {number}, field {place!r}: {first['msg']}") from None


def text_of(vectors: Iterable[Vector]) -> str:
    """Return the text of a file of vectors."""
    return "".join(f"{dump_vector(each)}\n" for each in vectors)


def what_changed(vectors: Iterable[Vector]) -> Iterator[str]:
    """Yield of each vector that is stale the first step at which the package's own machine does something else now."""
    for each in vectors:
        if difference := difference_of(each, renewed(each)):
            yield difference


def vector_schema() -> dict[str, Any]:
    """Return the JSON Schema of one line."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **Vector.model_json_schema()}
