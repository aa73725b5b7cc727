"""Random events for ports: each is sent to this package's machine and to the port, and everything is compared."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import msgspec
from possible_events import dubious_events, hostile_events, plausible_events, rare_events
from random_speeches import disordered_events, some_options, worst_events

from speech_lifecycle.fsm import ConversationPolicy, Speech, SpeechMachine
from speech_lifecycle.fsm import events as ev
from speech_lifecycle.fsm.codec import EFFECTS, EVENTS, json_data
from speech_lifecycle.fsm.conversation.machine import ConversationMachine
from speech_lifecycle.fsm.events import Event
from speech_lifecycle.fsm.replies import Reply
from speech_lifecycle.fsm.state import Conversation
from speech_lifecycle.verification.conformance.courses import courses_in, tier_file
from speech_lifecycle.verification.conformance.judging import Judged, Port, judge_all
from speech_lifecycle.verification.conversation.alphabet import events_in
from speech_lifecycle.verification.conversation.bounds import ConversationBounds
from speech_lifecycle.verification.tiers import TIERS

LARGEST_FLOAT = 2**1023
Data = dict[str, Any]
_BOUNDS = ConversationBounds(live=2, messages=1, kept=2, detail="coarse", resumes=True)
_HOSTILE = hostile_events()
_CONNECTION = (
    ev.SessionLost(),
    ev.SessionLost(may_resume=True),
    ev.SessionResumed(conversation_kept=True),
    ev.SessionResumed(),
)


@dataclass(frozen=True)
class Step:
    """One event, and what this package's machine makes of it, as JSON data."""

    event: Data
    expected: Data


@dataclass(frozen=True)
class Walk:
    """A speech or a conversation, from its begin on."""

    machine: str
    capabilities: Data
    policy: Data
    initial: Data
    steps: list[Step]


def walk(seed: int, length: int) -> Walk:
    """Return a random speech, or for every fourth seed a random conversation."""
    source = random.Random(seed)
    capabilities, policy = some_options(source)
    machine: SpeechMachine | ConversationMachine
    if seed % 4 == 3:
        conversation_policy = ConversationPolicy(
            policy,
            source.choice(("interrupt", "pause", "ignore")),
            authorize_when_free=source.random() < 0.7,
            speeches_kept=source.choice((0, 1, 3)),
        )
        machine = ConversationMachine(capabilities, conversation_policy)
        events = _conversation_events(machine.conversation, source)
        begun = ("conversation", conversation_policy, machine.conversation)
    else:
        machine = SpeechMachine(capabilities, policy)
        events = _speech_events(machine.speech, source)
        begun = ("speech", policy, machine.speech)
    kind, whole_policy, snapshot = begun
    initial = snapshot_data(snapshot)
    steps: list[Step] = []
    for event in events:
        steps.append(Step(EVENTS.dump(event), expected_data(machine.send(event), snapshot)))
        if len(steps) >= length:
            break
    return Walk(kind, json_data(capabilities), json_data(whole_policy), initial, steps)


def snapshot_data(snapshot: Speech | Conversation) -> Data:
    data: Data = json.loads(json.dumps(msgspec.to_builtins(snapshot)))
    return data


def expected_data(reply: Reply, snapshot: Speech | Conversation) -> Data:
    return {
        "reply": reply.kind,
        "reason": getattr(reply, "reason", ""),
        "blame": getattr(reply, "blame", None),
        "transitions": list(reply.transitions) or [answer for answer in [getattr(reply, "answer", "")] if answer],
        "effects": [EFFECTS.dump(effect) for effect in reply.effects],
        "state": snapshot_data(snapshot),
    }


def _speech_events(speech: Speech, source: random.Random) -> Iterator[Event]:
    kinds = source.choice(
        (("plausible",), ("plausible",) * 5 + ("dubious",), ("plausible",) * 4 + ("worst", "hostile"))
    )
    ending = source.choice((0.0, 0.0, 0.01, 0.05))
    after_the_end = 20
    while after_the_end > 0:
        kind = source.choice(kinds)
        events = plausible_events(speech, 4)
        if source.random() < ending:
            events = [*rare_events(), *_CONNECTION, ev.SessionRequestRefused(code="c", text="t"), ev.DropRequest()]
        elif speech.awaits_resumption and source.random() < 0.3:
            events = list(_CONNECTION)
        elif speech.is_over:
            events = dubious_events(speech) + disordered_events(speech, source.choice)
        elif kind == "dubious":
            events = dubious_events(speech)
        elif kind == "hostile":
            events = _HOSTILE
        elif kind == "worst" and speech.messages:
            events = worst_events(speech, source.choice)
        elif kind == "disordered":
            events = disordered_events(speech, source.choice)
        after_the_end -= speech.is_over
        yield source.choice([event for event in events if _is_portable(event)] or [ev.Pause()])


def _conversation_events(conversation: Conversation, source: random.Random) -> Iterator[Event]:
    ending = source.choice((0.0, 0.01, 0.05, 0.5))
    after_the_end = 20
    while after_the_end > 0:
        live = [conversation.speeches[name] for name in conversation.live]
        if live and source.random() < 0.6:
            speech = source.choice(live)
            events = [_of_conversation(event, speech) for event in plausible_events(speech, 3)]
        else:
            may_end = source.random() < ending
            events = [
                each
                for each in events_in(conversation, _BOUNDS)
                if may_end or type(each) not in (ev.Close, ev.SessionLost)
            ]
        after_the_end -= conversation.connection == "closed"
        yield source.choice([event for event in events if _is_portable(event)] or [ev.Pause()])


def _of_conversation(event: Event, speech: Speech) -> Event:
    """Give an event of a speech by itself the names that it has in a conversation."""
    name, named = speech.speech_id, {}
    if isinstance(event, ev.SessionResponseCreated):
        return ev.SessionResponseCreated(f"r-{name}", name)
    if hasattr(event, "speech_id"):
        named["speech_id"] = name
    if hasattr(event, "response_id"):
        named["response_id"] = speech.response_id or "r"
    if isinstance(event, ev.SessionMessageAdded):
        named["message_id"] = f"{name}-{event.message_id}"
    return msgspec.structs.replace(event, **named)


def _is_portable(event: Event) -> bool:
    """Whether JSON and other languages keep the event's numbers: no integers beyond what a float can be."""
    return all(
        not isinstance(value, int) or abs(value) < LARGEST_FLOAT
        for value in (getattr(event, name) for name in event.__struct_fields__)
    )


def difference(step: Step, got: Data) -> str:
    """Say where a port differs first; "" if it does not. The order of entries counts: snapshots keep it."""
    for part, expected in step.expected.items():
        if json.dumps(got.get(part)) != json.dumps(expected):
            return f"{part} after {step.event}: expected {expected}, got {got.get(part)}"
    return ""


def not_passed(command: Iterable[object]) -> list[Judged]:
    """Return the vectors of all tiers that a port does not pass."""
    port = Port([str(word) for word in command], timeout=60)
    try:
        courses = (course for tier in TIERS for course in courses_in(tier_file(tier)))
        return [judged for judged in judge_all(port, courses) if judged.verdict != "pass"]
    finally:
        port.end()
