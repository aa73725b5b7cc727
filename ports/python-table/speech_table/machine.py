"""Runs the charts of a definition: who is asked, what is taken, and in which order (docs/porting.md)."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .interpreter import Interpreter

Event = dict[str, Any]
Snapshot = dict[str, Any]

FORMAT, FORMAT_VERSION = "speech-lifecycle-definition", 1
NOT_FINITE = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


class DefinitionError(Exception):
    """A file is no definition that this interpreter can run."""


def load_definition(path: str | Path) -> dict[str, Any]:
    """Return the definition in a file.

    Raises:
        DefinitionError: it is another file, or of another version.
    """
    definition: dict[str, Any] = json.loads(Path(path).read_text(encoding="utf-8"))
    found = definition.get("format"), definition.get("format_version")
    if found != (FORMAT, FORMAT_VERSION):
        raise DefinitionError(
            f"{path} is {found[0]!r}, version {found[1]!r}; needed is {FORMAT!r}, version {FORMAT_VERSION}: "
            f"write it with `speech-lifecycle export json`"
        )
    return definition


class Machine:
    """A speech, or a conversation and its speeches."""

    def __init__(self, definition: dict[str, Any]) -> None:
        """Begin nothing yet: see `begin` and `load`."""
        self._definition = definition
        self._interpreter = Interpreter(definition, self)
        self._charts = {name: _Chart(chart, self._interpreter) for name, chart in definition["charts"].items()}
        self.snapshot: Snapshot = {}
        self._is_conversation = False
        # What the present event has caused so far.
        self._effects: list[dict[str, Any]] = []
        self._transitions: list[str] = []
        self._raised: list[str] = []
        self._told: list[Event | str] = []

    def begin(self, machine: str, capabilities: dict[str, Any], policy: dict[str, Any]) -> Snapshot:
        """Begin a "speech" or a "conversation"; what capabilities and policy leave out has its default."""
        kind = "ConversationPolicy" if machine == "conversation" else "Policy"
        options = {"capabilities": self._build("Capabilities", **capabilities), "policy": self._build(kind, **policy)}
        if machine == "conversation" and "speech" in policy:
            options["policy"]["speech"] = self._build("Policy", **policy["speech"])
        return self.load(machine, self._build(machine.title(), **options))

    def load(self, machine: str, snapshot: Snapshot) -> Snapshot:
        """Go on with a snapshot."""
        self._is_conversation = machine == "conversation"
        self.snapshot = snapshot
        return snapshot

    def step(self, event: Any) -> dict[str, Any]:
        """Handle one event; return the reply, with the effects in the order in which they are to be performed."""
        declared = self._declared(event)
        if declared is None or (declared["chart"] == "conversation" and not self._is_conversation):
            return self._refused(event, "unknown_event")
        fields = {field["name"]: field for field in declared["fields"]}
        if not self._is_valid(event, fields):
            return self._refused(event, "malformed_event")
        event = {"type": event["type"], **{name: self._given(event, field) for name, field in fields.items()}}
        refusal = self._in_conversation(event, declared) if self._is_conversation else self._in_speech(event)
        if refusal is not None:
            return refusal
        reply = {
            "reply": "handled",
            "reason": "",
            "blame": None,
            "transitions": self._transitions,
            "effects": self._effects,
        }
        self._effects, self._transitions = [], []
        return reply

    def _build(self, struct: str, **given: Any) -> dict[str, Any]:
        return self._interpreter.build("struct", struct, **given)

    # Who is asked

    def _in_speech(self, event: Event) -> dict[str, Any] | None:
        return self._ask_speech(self.snapshot, event)

    def _in_conversation(self, event: Event, declared: dict[str, Any]) -> dict[str, Any] | None:
        conversation = self.snapshot
        speech_id = self._speech_named_by(event, declared["route"])
        if speech_id is None and declared["conversation"]:
            refusal = self._take("conversation", (conversation,), event["type"], event)
        elif speech_id is None:
            return self._refused(event, self._definition["unknown"][declared["route"][-1]])
        elif speech_id not in conversation["speeches"]:
            return self._refused(event, "no_speech")
        else:
            refusal = self._have_speech_handle(speech_id, event)
            if refusal is None and event["type"] == "session_message_added":
                conversation["by_message"][event["message_id"]] = speech_id
        if refusal is None:
            self._settle()
        return refusal

    def _speech_named_by(self, event: Event, route: list[str]) -> str | None:
        conversation = self.snapshot
        for way in route:
            found = {
                "message_id": lambda: conversation["by_message"].get(event["message_id"]),
                "response_id": lambda: conversation["by_response"].get(event["response_id"]),
                "speech_id": lambda: event["speech_id"] or None,
            }[way]()
            if found is not None:
                return str(found)
        return None

    def _ask_speech(self, speech: Snapshot, event: Event) -> dict[str, Any] | None:
        """Have a speech, or a message of it, handle an event, and then what that has raised."""
        if self._definition["events"][event["type"]]["chart"] == "message":
            message = speech["messages"].get(event["message_id"])
            if message is None:
                if event["type"] != "session_message_added":
                    return self._refused(event, "unknown_message")
                message = self._build("Message", message_id=event["message_id"])
            refusal = self._take("message", (speech, message), event["type"], event)
        else:
            refusal = self._take("speech", (speech,), event["type"], event)
        while self._raised:
            self._take("speech", (speech,), self._raised.pop(0), None)
        return refusal

    def _have_speech_handle(self, speech_id: str, event: Event) -> dict[str, Any] | None:
        """Have a speech of the conversation handle an event, and note what the conversation is told of it."""
        speech = self.snapshot["speeches"][speech_id]
        state, had_ended = speech["state"], speech["response_has_ended"]
        before, self._effects = self._effects, []
        refusal = self._ask_speech(speech, event)
        # The agent's state is that of the whole conversation, and announced by its chart.
        self._effects = before + [each for each in self._effects if each["type"] != "announce_agent_state"]
        if refusal is None:
            for told, function in self._definition["notices"].items():
                if self._interpreter.function(function)(speech, state, had_ended):
                    self._told.append({"type": told, "speech_id": speech_id})
        return refusal

    # What is taken

    def _take(self, name: str, data: tuple[Snapshot, ...], event_name: str, event: Event | None) -> Any:
        """Take a transition of a chart, and those that need no event after it; return a refusal, or None."""
        chart, subject = self._charts[name], data[-1]
        region = chart.region_of(event_name)
        state = subject[region]
        found = chart.find(region, state, event_name, data, event)
        if found is None:
            return None  # an internal event need not be taken
        transition_id, transition = found
        if transition["kind"] != "handled":
            return {
                "reply": transition["kind"],
                "reason": transition["reason"],
                "blame": self._blame(transition),
                "transitions": [transition_id],
                "effects": [],
            }
        self._perform(chart, region, transition_id, data, event)
        if name != "conversation":  # which tries them when all else of the step is done
            while (eventless := chart.find(region, subject[region], "", data, event)) is not None:
                self._perform(chart, region, eventless[0], data, event)
        return None

    def _perform(
        self, chart: _Chart, region: str, transition_id: str, data: tuple[Snapshot, ...], event: Event | None
    ) -> None:
        self._transitions.append(transition_id)
        for action in chart.actions(transition_id):
            action(*data, event)
        target = chart.transitions[transition_id]["enters"]
        if target is not None:
            data[-1][region] = target

    def _settle(self) -> None:
        """Take what needs no event in all regions of the conversation, and what it was told, until there is neither."""
        chart, data = self._charts["conversation"], (self.snapshot,)
        while True:
            regions = [(region, chart.find(region, self.snapshot[region], "", data, None)) for region in chart.regions]
            enabled = [(region, found[0]) for region, found in regions if found is not None]
            for region, transition_id in enabled:
                self._perform(chart, region, transition_id, data, None)
            if not enabled:
                if not self._told:
                    return
                told = self._told.pop(0)
                if isinstance(told, str):
                    self._take("conversation", data, told, None)
                else:
                    self._take("conversation", data, told["type"], told)

    # What functions reach

    def emit(self, effect: dict[str, Any]) -> None:
        """Give an effect to the driver."""
        self._effects.append(effect)

    def raise_event(self, event: str) -> None:
        """Have an internal event handled when the present transition is done."""
        if event in self._definition["charts"]["conversation"]["internal_events"]:
            self._told.append(event)
        else:
            self._raised.append(event)

    def tell(self, speech: Snapshot, message: Snapshot, event: str) -> None:
        """Have a message handle an internal event now."""
        self._take("message", (speech, message), event, None)

    def tell_speech(self, speech_id: str, event: Event) -> None:
        """Have a speech handle an event now."""
        self._have_speech_handle(speech_id, event)

    # What is refused

    def _blame(self, transition: dict[str, Any]) -> str | None:
        source: str = self._definition["events"][transition["event"]]["source"]
        return source if transition["kind"] == "rejected" else None

    def _declared(self, event: Any) -> dict[str, Any] | None:
        """Return the declaration of an event's type, or None for whatever has none."""
        name = event.get("type") if isinstance(event, dict) else None
        return self._definition["events"].get(name) if isinstance(name, str) else None

    def _refused(self, event: Any, reason: str) -> dict[str, Any]:
        declared = self._declared(event)
        return {
            "reply": "rejected",
            "reason": reason,
            "blame": declared["source"] if declared else "agent",
            "transitions": [],
            "effects": [],
        }

    def _is_valid(self, event: Event, fields: dict[str, Any]) -> bool:
        return set(event) <= {"type", *fields} and all(
            self._is_a(field["type"], event[name], field) if name in event else not field["required"]
            for name, field in fields.items()
        )

    def _is_a(self, kind: dict[str, Any], value: Any, field: dict[str, Any]) -> bool:
        if kind["kind"] == "optional":
            return value is None or self._is_a(kind["of"], value, field)
        if kind["kind"] == "list":
            return isinstance(value, list) and all(self._is_a(kind["of"], each, field) for each in value)
        if kind["kind"] == "whole":
            return type(value) is int and field["minimum"] <= value <= field["maximum"]
        checks: dict[str, Callable[[Any], bool]] = {
            "text": lambda value: isinstance(value, str),
            "flag": lambda value: isinstance(value, bool),
            "number": lambda value: type(value) in (int, float) or (isinstance(value, str) and value in NOT_FINITE),
            "enum": lambda value: isinstance(value, str) and value in self._definition["enums"][kind["name"]],
        }
        return checks[kind["kind"]](value)

    def _given(self, event: Event, field: dict[str, Any]) -> Any:
        value = event.get(field["name"], field["default"])
        is_number = "number" in (field["type"]["kind"], field["type"].get("of", {}).get("kind"))
        return NOT_FINITE[value] if is_number and isinstance(value, str) else value


class _Chart:
    """One chart, with its guards and actions at hand."""

    def __init__(self, chart: dict[str, Any], interpreter: Interpreter) -> None:
        self._chart = chart
        self._interpreter = interpreter
        self.transitions: dict[str, dict[str, Any]] = chart["transitions"]
        self.regions: dict[str, dict[str, Any]] = {region["field"]: region["cells"] for region in chart["regions"]}
        self._region_of = {
            event: field for field, cells in self.regions.items() for cell in cells.values() for event in cell if event
        }

    def region_of(self, event: str) -> str:
        return self._region_of[event]

    def find(
        self, region: str, state: str, event_name: str, data: tuple[Snapshot, ...], event: Event | None
    ) -> tuple[str, dict[str, Any]] | None:
        """Return the first transition of a cell whose condition holds."""
        for transition_id in self.regions[region][state].get(event_name, ()):
            transition = self.transitions[transition_id]
            if transition["when"] is None or self._holds(transition["when"], data, event):
                return transition_id, transition
        return None

    def actions(self, transition_id: str) -> list[Callable[..., Any]]:
        names = self.transitions[transition_id]["actions"]
        return [self._interpreter.function(self._chart["actions"][name]) for name in names]

    def _holds(self, condition: dict[str, Any], data: tuple[Snapshot, ...], event: Event | None) -> bool:
        if condition["op"] == "guard":
            return bool(self._interpreter.function(self._chart["guards"][condition["name"]])(*data, event))
        if condition["op"] == "not":
            return not self._holds(condition["condition"], data, event)
        several = all if condition["op"] == "and" else any
        return several(self._holds(each, data, event) for each in condition["conditions"])
