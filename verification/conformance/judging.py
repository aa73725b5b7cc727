"""Whether a port does what the machines do: a verdict for each course, and the first difference."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from speech_lifecycle.fsm.compile.definition import SPEC_VERSION, definition

from .child import Child, PortError
from .courses import Course
from .serving import Server

Data = dict[str, Any]
Verdict = Literal[
    "pass", "wrong state", "wrong effects", "wrong transitions", "wrongly accepted", "wrongly refused",
    "crashed", "timed out", "protocol error",
]  # fmt: skip
_FIELDS = ("reply", "effects", "state")
"""What each answer to a step must have. Reasons, blame and transitions are compared if they are there."""
_SECTIONS = {"conversation": "12", "speech": "4", "message": "3"}
_TRIES = 400
"""So many shorter courses are tried at most."""


@dataclass(frozen=True)
class Judged:
    """What became of one course."""

    course: Course
    verdict: Verdict
    where: str = ""
    """The step, with its event."""
    expected: str = ""
    got: str = ""
    about: str = ""
    """The transitions of that step with their actions, and the section of the specification that has them."""


class Port:
    """A command that is started anew whenever it has failed."""

    def __init__(self, command: Sequence[str], timeout: float) -> None:
        """Start nothing yet."""
        self._command = command
        self._timeout = timeout
        self._child: Child | None = None
        self.name = ""

    def judge(self, course: Course) -> Judged:
        """Have it do a course, and compare all that it answers."""
        number = 0
        found = None
        try:
            child = self._started()
            commands = course.commands
            child.tell(commands)
            for number, expected in enumerate(_expected(course)):
                difference = _difference(expected, child.answer(), is_begin=number == 0)
                if difference is not None:
                    found = _judged(course, number, expected, *difference)
                    for _ in commands[number + 1 :]:
                        child.answer()
                    return found
        except PortError as error:
            self.end()
            return found or Judged(course, error.verdict, _place(course, number), got=str(error))  # type: ignore[arg-type]
        return Judged(course, "pass")

    def _started(self) -> Child:
        if self._child is None:
            self._child = Child(self._command, self._timeout)
            self._child.tell([{"command": "start"}])
            said = self._child.answer()
            if said.get("spec_version") != SPEC_VERSION:
                raise PortError(
                    f"it is of version {said.get('spec_version')!r}; this specification is {SPEC_VERSION!r}"
                )
            self.name = f"{said.get('implementation', '?')} ({said.get('language', '?')})"
        return self._child

    def end(self) -> None:
        """End the process, if one runs."""
        if self._child is not None:
            self._child.end()
            self._child = None


def _expected(course: Course) -> Iterator[Data]:
    server = Server()
    for command in course.commands:
        yield json.loads(json.dumps(server.answer(command)))


def _difference(expected: Data, got: Data, *, is_begin: bool) -> tuple[Verdict, str, str] | None:
    missing = [name for name in (("state",) if is_begin else _FIELDS) if name not in got]
    if missing:
        return "protocol error", f"fields {', '.join(missing)}", f"only {', '.join(got)}"
    if not is_begin:
        one, other = expected["reply"], got["reply"]
        if one != other and "handled" in (one, other):
            return ("wrongly refused" if one == "handled" else "wrongly accepted"), _answer(expected), _answer(got)
        if _answer(expected) != _answer({**expected, **got}):
            return "wrongly refused", _answer(expected), _answer(got)
        for name, verdict in _COMPARED.items():
            if name in got and got[name] != expected[name]:
                return verdict, _shown(expected[name]), _shown(got[name])
    if _in_order(got["state"]) != _in_order(expected["state"]):
        return "wrong state", *_first_difference(expected["state"], got["state"], "")
    return None


_COMPARED: dict[str, Verdict] = {"effects": "wrong effects", "transitions": "wrong transitions"}


def _answer(data: Data) -> str:
    words = [str(data.get("reply")), str(data.get("reason") or ""), str(data.get("blame") or "")]
    return " ".join(word for word in words if word)


def _shown(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _in_order(data: object) -> str:
    """Return data as text: the order of names in a map counts."""
    return json.dumps(data)


def _first_difference(expected: Any, got: Any, place: str) -> tuple[str, str]:
    """Return the first part of a state that differs, as it is to be and as it is."""
    if isinstance(expected, dict) and isinstance(got, dict):
        for name in [*expected, *(name for name in got if name not in expected)]:
            if name not in got or name not in expected:
                return _at(place, name, expected), _at(place, name, got)
            if _in_order(expected[name]) != _in_order(got[name]):
                return _first_difference(expected[name], got[name], f"{place}.{name}".lstrip("."))
        return f"{place} in the order {', '.join(expected)}", f"{place} in the order {', '.join(got)}"
    return f"{place}: {_shown(expected)}", f"{place}: {_shown(got)}"


def _at(place: str, name: str, data: Data) -> str:
    path = f"{place}.{name}".lstrip(".")
    return f"{path}: {_shown(data[name])}" if name in data else f"no {path}"


def _judged(course: Course, number: int, expected: Data, verdict: Verdict, wanted: str, got: str) -> Judged:
    names = expected.get("transitions", [])
    parts = []
    for name in names:
        transition = definition().transition(name)
        actions = f" / {', '.join(transition.actions)}" if transition.actions else ""
        parts.append(f"{name}{actions} (section {_SECTIONS[name.partition('.')[0]]})")
    return Judged(course, verdict, _place(course, number), wanted, got, "; ".join(parts))


def _place(course: Course, number: int) -> str:
    return f"step {number}, {_shown(course.events[number - 1])}" if number else "begin"


def shortest(port: Port, judged: Judged) -> Judged:
    """Return the shortest course that gets the same verdict, as far as can be found by leaving events out."""
    best, tries = judged, 0
    size = max(1, len(best.course.events) // 2)
    while size:
        place = 0
        while place < len(best.course.events) and tries < _TRIES:
            events = best.course.events
            shorter = port.judge(best.course.with_events(events[:place] + events[place + size :]))
            tries += 1
            if shorter.verdict == judged.verdict:
                best = shorter
            else:
                place += size
        size //= 2
    return best


def judge_all(port: Port, courses: Iterable[Course]) -> Iterator[Judged]:
    """Yield a verdict for each course."""
    for course in courses:
        yield port.judge(course)
