"""`definition.json` as pydantic models: all that a port needs, but the rules of docs/porting.md for running it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from .trees import Statement
from .types import Part, Type

FORMAT: Literal["speech-lifecycle-definition"] = "speech-lifecycle-definition"
FORMAT_VERSION: Literal[1] = 1

Source = Literal["agent", "session", "output", "user", "timer"]
Way = Literal["message_id", "response_id", "speech_id"]
Chart = Literal["conversation", "speech", "message"]


class FieldDefinition(Part):
    """One field of an event, an effect or a struct."""

    name: str
    type: Type
    doc: str = ""
    required: bool
    default: Any = None
    """What it is if it is not given. A default of a struct has all of that one's fields."""
    minimum: int | None = None
    maximum: int | None = None


class StructDefinition(Part):
    """An object of the snapshot, of capabilities and policies, of records, or an internal event of the conversation."""

    doc: str
    fields: tuple[FieldDefinition, ...]


class EventDefinition(Part):
    """What comes in."""

    doc: str
    source: Source
    """Who says it, and is to blame if it is rejected."""
    fields: tuple[FieldDefinition, ...]
    chart: Chart
    """The chart that answers it: one that a speech and the conversation answer is a speech's here."""
    route: tuple[Way, ...]
    """In a conversation: how the speech is found that it is about, tried in this order. () is the conversation's."""
    conversation: bool
    """Whether the conversation's chart answers it, if it is about no speech."""


class EffectDefinition(Part):
    """What goes out."""

    doc: str
    to: Literal["output", "session", "agent", "timer"]
    fields: tuple[FieldDefinition, ...]


class FunctionNode(Part):
    """A guard, an action, or what these call."""

    doc: str
    chart: Chart | None
    """Of a guard or an action: the chart whose it is."""
    role: Literal["guard", "action", "helper"]
    parameters: tuple[tuple[str, Type], ...]
    returns: Type
    body: tuple[Statement, ...]
    calls: tuple[str, ...]
    reads: tuple[str, ...]
    """Fields, such as `Message.text` and `event.received_ms`: its own, without those of what it calls."""
    writes: tuple[str, ...]
    emits: tuple[str, ...]
    raises: tuple[str, ...]
    tells: tuple[str, ...]
    """The events that it tells messages or speeches."""


class Guard(Part):
    """A guard of the chart holds."""

    op: Literal["guard"] = "guard"
    name: str


class Neither(Part):
    """A condition does not hold."""

    op: Literal["not"] = "not"
    condition: Condition


class Several(Part):
    """All of several conditions hold, or any."""

    op: Literal["and", "or"]
    conditions: tuple[Condition, ...]


Condition = Annotated[Guard | Neither | Several, Field(discriminator="op")]
Neither.model_rebuild()
Several.model_rebuild()


class TransitionDefinition(Part):
    """One transition: in this state, on this event, if this holds, go there and do that."""

    source: str
    event: str
    """"" needs none: it is tried whenever its state is entered, or has handled an event."""
    condition: str
    when: Condition | None
    """The same condition as a tree; null always holds."""
    target: str | None
    """The state that it leads to; null stays."""
    enters: str | None
    """The state that it rests in then: of a compound target the initial one."""
    actions: tuple[str, ...]
    kind: Literal["handled", "ignored", "rejected"]
    reason: str


class StateDefinition(Part):
    """One state. The conversation has several regions, in each of which it is in one state."""

    parent: str | None
    initial: bool
    final: bool
    compound: bool
    parallel: bool


class RegionDefinition(Part):
    """What is in one state at a time: a whole chart, or a region of the conversation's."""

    field: str
    """The field of the snapshot that has the state."""
    initial: str
    cells: dict[str, dict[str, tuple[str, ...]]]
    """By state that it can rest in, and by event ("" for none): the transitions, in the order in which they are tried.

    The first whose condition holds is taken, or is the answer. An event that a region has no transition for anywhere
    is answered by another one.
    """


class ChartDefinition(Part):
    """One chart."""

    doc: str
    subject: str
    """The struct that it is about."""
    states: dict[str, StateDefinition]
    regions: tuple[RegionDefinition, ...]
    events: tuple[str, ...]
    internal_events: tuple[str, ...]
    guards: dict[str, str]
    """The function of each guard."""
    actions: dict[str, str]
    transitions: dict[str, TransitionDefinition]
    """By their permanent names, in the order of their declaration."""


class DefinitionFile(Part):
    """The lifecycle as data."""

    format: Literal["speech-lifecycle-definition"] = FORMAT
    format_version: Literal[1] = FORMAT_VERSION
    spec_version: str
    """The version of the specification, by semantic versioning: ports with the same first number behave the same."""
    transitions_digest: str
    behaviour_digest: str
    enums: dict[str, tuple[str, ...]]
    structs: dict[str, StructDefinition]
    events: dict[str, EventDefinition]
    internal_events: dict[str, StructDefinition]
    """What the conversation's chart is told of its speeches."""
    effects: dict[str, EffectDefinition]
    effects_of_conversations: tuple[str, ...]
    """Those that a speech by itself does not give."""
    unknown: dict[Way, str]
    """Why an event of a conversation is rejected whose speech is not found, by the way in which it was looked for."""
    notices: dict[str, str]
    """When the conversation is told what of a speech that has handled an event, in this order: the function of each.

    It is called with the speech, its state before the event, and whether its response had ended then.
    """
    constants: dict[str, str | int | tuple[str, ...]]
    whitespace: str
    """The characters between words."""
    charts: dict[Chart, ChartDefinition]
    functions: dict[str, FunctionNode]


def schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of the file."""
    plain = _with_branches(DefinitionFile.model_json_schema(mode="serialization"))
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$comment": "Generated by tools/generate.py.",
        **plain,
    }


def _with_branches(node: Any) -> Any:
    """Say of each union which branch it is, by what tells them apart.

    A validator that tries all branches of trees as deep as these, as `oneOf` has it do, takes half a minute.
    """
    if isinstance(node, list):
        return [_with_branches(each) for each in node]
    if not isinstance(node, dict):
        return node
    if "discriminator" not in node:
        return {key: _with_branches(value) for key, value in node.items()}
    name, branches = node["discriminator"]["propertyName"], node["discriminator"]["mapping"]
    return {
        "type": "object",
        "required": [name],
        "properties": {name: {"enum": list(branches)}},
        "allOf": [
            {"if": {"properties": {name: {"const": word}}}, "then": {"$ref": branch}}
            for word, branch in branches.items()
        ],
    }
