"""What a port has to answer, as the package's own machines say it, and how what it answers differs from that."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from speech_lifecycle.fsm.compile.definition import definition
from speech_lifecycle.fsm.conversation.machine import ConversationMachine
from speech_lifecycle.fsm.machine import SpeechMachine
from speech_lifecycle.fsm.replies import Handled, Rejected, Reply
from speech_lifecycle.fsm.values import Capabilities, ConversationPolicy, Policy

from ..tiers.sections import section_of
from .courses import Course
from .reading import read_event

Data = dict[str, Any]
Verdict = Literal[
    "pass", "skipped", "wrong state", "wrong effects", "wrong transitions", "wrongly accepted", "wrongly refused",
    "crashed", "timed out", "protocol error", "skipped but passes",
]  # fmt: skip
Difference = tuple[Verdict, str, str]
"""The verdict, what was expected, and what there is."""

_FIELDS = ("reply", "effects", "state")
"""What each answer to a step must have. Reasons, blame and transitions are compared if they are there."""
_encode: Callable[[Any], bytes] = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Expected:
    """The right answer to one command. What is large is kept as JSON, in which the order of entries counts."""

    state: bytes
    reply: Reply | None = None
    """None for the answer to a beginning."""
    effects: bytes = b"[]"

    @property
    def transitions(self) -> tuple[str, ...]:
        """The transitions that are cited: those taken, or the answer."""
        reply = self.reply
        if reply is None:
            return ()
        return reply.transitions if isinstance(reply, Handled) else (reply.answer,) if reply.answer else ()

    @property
    def about(self) -> str:
        """The transitions with their actions, and the section of the specification that has each."""
        parts = []
        for name in self.transitions:
            actions = definition().transition(name).actions
            done = f" / {', '.join(actions)}" if actions else ""
            parts.append(f"{name}{done} (section {section_of(name)})")
        if not parts and self.reply is not None:
            return "what comes in (section 5)"
        return "; ".join(parts)


def expected(course: Course) -> Iterator[Expected]:
    """Yield the right answer to the beginning of a course, and then to each of its steps."""
    capabilities = msgspec.convert(course.capabilities, Capabilities)
    machine: SpeechMachine | ConversationMachine
    if course.machine == "conversation":
        machine = ConversationMachine(capabilities, msgspec.convert(course.policy, ConversationPolicy))
    else:
        machine = SpeechMachine(capabilities, msgspec.convert(course.policy, Policy))
    snapshot = machine.speech if isinstance(machine, SpeechMachine) else machine.conversation
    state = _encode(snapshot)
    yield Expected(state)
    for told in course.events:
        event = read_event(type(machine), told)
        reply = event if isinstance(event, Rejected) else machine.send(event)
        if isinstance(reply, Handled):
            state = _encode(snapshot)
            yield Expected(state, reply, _encode(reply.effects) if reply.effects else b"[]")
        else:
            yield Expected(state, reply)


def difference(expected: Expected, got: Data) -> Difference | None:
    """Return how an answer differs from the right one, or None."""
    reply = expected.reply
    missing = [name for name in (("state",) if reply is None else _FIELDS) if name not in got]
    if missing:
        return "protocol error", f"fields {', '.join(missing)}", f"only {', '.join(got) or 'an empty object'}"
    if reply is not None and (found := _difference_of_reply(expected, reply, got)) is not None:
        return found
    if _encode(got["state"]) != expected.state:
        return "wrong state", *_first_difference(msgspec.json.decode(expected.state), got["state"], "")
    return None


def _difference_of_reply(expected: Expected, reply: Reply, got: Data) -> Difference | None:
    reason = "" if isinstance(reply, Handled) else reply.reason
    blame = reply.blame if isinstance(reply, Rejected) else None
    given = got["reply"], got.get("reason", reason) or "", got.get("blame", blame) or None
    if given != (reply.kind, reason, blame):
        is_one_handled = "handled" in (reply.kind, given[0]) and reply.kind != given[0]
        verdict: Verdict = "wrongly accepted" if is_one_handled and given[0] == "handled" else "wrongly refused"
        return verdict, _words(reply.kind, reason, blame), _words(*given)
    if got["effects"] or expected.effects != b"[]":
        effects = _encode(got["effects"])
        if effects != expected.effects:
            return "wrong effects", expected.effects.decode(), effects.decode()
    if "transitions" in got and (found := shown(got["transitions"])) != (cited := shown(expected.transitions)):
        return "wrong transitions", cited, found
    return None


def _words(*parts: object) -> str:
    return " ".join(str(part) for part in parts if part)


def shown(value: object) -> str:
    """Return data as JSON."""
    return _encode(value).decode()


def _first_difference(expected: Any, got: Any, place: str) -> tuple[str, str]:
    """Return the first part of a state that differs, as it is to be and as it is."""
    if isinstance(expected, dict) and isinstance(got, dict):
        for name in [*expected, *(name for name in got if name not in expected)]:
            if name not in got or name not in expected:
                return _at(place, name, expected), _at(place, name, got)
            if _encode(expected[name]) != _encode(got[name]):
                return _first_difference(expected[name], got[name], f"{place}.{name}".lstrip("."))
        return f"{place} in the order {', '.join(expected)}", f"{place} in the order {', '.join(got)}"
    return f"{place}: {shown(expected)}", f"{place}: {shown(got)}"


def _at(place: str, name: str, data: Data) -> str:
    path = f"{place}.{name}".lstrip(".")
    return f"{path}: {shown(data[name])}" if name in data else f"no {path}"
