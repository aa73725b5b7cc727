"""Whether a port does what the machines do: a verdict for each course, and the first difference."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import msgspec

from speech_lifecycle.fsm.compile.definition import SPEC_VERSION

from .child import Child, InProcess, PortError, Talk
from .courses import Course
from .expecting import Expected, Verdict, difference, expected, shown

Data = dict[str, Any]

_TRIES = 400
"""So many shorter courses are tried at most."""
_TRIES_IF_IT_ENDS = 40
"""The same of a port that has to be started anew for each."""
_PATIENCE = {"crashed": 20, "protocol error": 20, "timed out": 3}
"""So often a port may do this until it is not asked any more."""
_STARTS = 2
"""So often in a row it may fail to start."""


@dataclass(frozen=True)
class Judged:
    """What became of one course."""

    course: Course
    verdict: Verdict
    where: str = ""
    """The step, with its event."""
    expected: str = ""
    got: str = ""
    """What the port answered or did; why the course was skipped."""
    about: str = ""
    """The transitions of that step with their actions, and the section of the specification that has them."""
    hint: str = ""
    """What may help."""
    further: tuple[Judged, ...] = ()
    """What differs after that, of a port that went on from the right snapshot: the first of each verdict and place."""

    @property
    def is_failure(self) -> bool:
        """Whether the port is not right, or not known to be, by this course."""
        return self.verdict not in ("pass", "skipped")


class Port:
    """A command that is started anew whenever it has failed, or a function of this process."""

    def __init__(self, command: Sequence[str] | Callable[[Data], Data], timeout: float = 10.0) -> None:
        """Start nothing yet.

        Args:
            command: what starts the process; or a function that answers commands.
            timeout: seconds in which a course has to be answered, or a thousand steps of it.
        """
        self._command = command
        self._timeout = timeout
        self._talk: Talk | None = None
        self._failures: Counter[str] = Counter()
        self._failed_starts = 0
        self._can_load = True
        """Whether it goes on from a snapshot, as far as is known."""
        self.name = ""
        self.about: Data = {}
        """What it said of itself."""

    def judge(self, course: Course, *, counts: bool = True) -> Judged:
        """Have it do a course, and compare all that it answers.

        Args:
            course: what it is told.
            counts: whether it is given up if it fails once more; not while a shorter course is looked for.
        """
        if counts and self.weary:
            return Judged(course, "skipped", got=self.weary)
        number, is_in_step = 0, True
        found: list[Judged] = []
        commands = course.commands
        try:
            talk = self._started(counts)
            talk.tell(commands)
            for number, right in enumerate(expected(course)):
                if found:
                    talk.tell(commands[number : number + 1])  # what was told at once went on from a wrong snapshot
                judged = _judged(course, number, right, talk.answer())
                if judged is None:
                    continue
                found.append(judged)
                is_in_step = False
                if len(found) == 1:
                    talk.drop(len(course.events) - number)
                if not counts or judged.verdict == "skipped" or number == len(course.events) or not self._can_load:
                    break
                wrong = self._load(talk, course, number, right)
                if wrong is not None:
                    found.append(wrong)
                if wrong is not None or not self._can_load:
                    break
                is_in_step = True
        except PortError as error:
            self.end()
            self._failures[error.verdict] += counts or error.verdict == "timed out"
            if is_in_step:
                verdict = cast(Verdict, error.verdict)
                found.append(Judged(course, verdict, _place(course, number), got=str(error), hint=error.hint))
        return _first_with_further(found) if found else Judged(course, "pass")

    def _load(self, talk: Talk, course: Course, number: int, right: Expected) -> Judged | None:
        """Have it go on from the right snapshot; return what is wrong with the one that it then has.

        Not every port can: one that complains, or ends, or has to skip that, is not asked to any more.
        """
        snapshot = {"machine": course.machine, "state": msgspec.json.decode(right.state), "spec_version": SPEC_VERSION}
        try:
            talk.tell([{"command": "load", **snapshot}])
            answer = talk.answer()
        except PortError:
            self._can_load = False
            self.end()
            return None
        if "skip" in answer:
            self._can_load = False
            return None
        found = difference(Expected(right.state), answer)
        return Judged(course, found[0], f"load after {_place(course, number)}", *found[1:]) if found else None

    @property
    def weary(self) -> str:
        """Why it is not asked any more, or ""."""
        if self._failed_starts >= _STARTS:
            return "the port cannot be started"
        for verdict, times in _PATIENCE.items():
            if self._failures[verdict] >= times:
                return f"the port has {times} times got the verdict {verdict!r}, and is not asked any more"
        return ""

    def _started(self, counts: bool) -> Talk:
        if self._talk is None:
            self._failed_starts += counts
            command = self._command
            self._talk = InProcess(command) if callable(command) else Child(command, self._timeout)
            self._talk.tell([{"command": "start"}])
            said = self._talk.answer()
            if said.get("spec_version") != SPEC_VERSION:
                raise PortError(
                    f"it is of version {said.get('spec_version')!r}; this specification is {SPEC_VERSION!r}",
                    hint="make it anew from the definition of this release, or take the kit of its release",
                )
            self._failed_starts = 0
            self.about = said
            self.name = f"{said.get('implementation', '?')} ({said.get('language', '?')})"
        return self._talk

    def end(self) -> None:
        """End the process, if one runs."""
        if self._talk is not None:
            self._talk.end()
            self._talk = None


def _judged(course: Course, number: int, right: Expected, answer: Data) -> Judged | None:
    if "skip" in answer:
        return Judged(course, "skipped", got=str(answer["skip"]))
    found = difference(right, answer)
    if found is None:
        return None
    verdict, wanted, got = found
    return Judged(course, verdict, _place(course, number), wanted, got, right.about)


def _first_with_further(found: Sequence[Judged]) -> Judged:
    """Return the first of what differs. The same verdict for the same transitions is most probably the same fault."""
    kinds: dict[tuple[str, str], Judged] = {}
    for each in found:
        kinds.setdefault((each.verdict, each.about), each)
    first, *further = kinds.values()
    return replace(first, further=tuple(further))


def _place(course: Course, number: int) -> str:
    return f"step {number}, {shown(course.events[number - 1])}" if number else "begin"


def shortest(port: Port, judged: Judged) -> Judged:
    """Return the shortest course that gets the same verdict, as far as can be found by leaving events out.

    One that timed out stays as it is: each try would take as long. So does one of a port that has never started.
    """
    if judged.verdict == "timed out" or not port.name:
        return judged
    tries = _TRIES_IF_IT_ENDS if judged.verdict in _PATIENCE else _TRIES
    best = judged
    size = max(1, len(best.course.events) // 2)
    while size:
        place = 0
        while place < len(best.course.events) and tries and not port.weary:
            events = best.course.events
            tries -= 1
            shorter = port.judge(best.course.with_events(events[:place] + events[place + size :]), counts=False)
            if shorter.verdict == judged.verdict:
                best = shorter
            else:
                place += size
        size //= 2
    return best


def judge_all(
    port: Port, courses: Iterable[Course], skips: Mapping[str, str] | None = None, *, shrink: bool = False
) -> Iterator[Judged]:
    """Yield a verdict for each course.

    Args:
        port: whose answers are judged.
        courses: what it is asked.
        skips: by the id of a course, why it is known to fail. If it passes, that is an error.
        shrink: look for the shortest course that gets the same verdict, for the first of each and of each random one.
    """
    seen: set[str] = set()
    for course in courses:
        judged = port.judge(course)
        reason = (skips or {}).get(course.id)
        if reason is not None:
            is_pass = judged.verdict == "pass"
            yield replace(judged, verdict="skipped but passes" if is_pass else "skipped", got=reason)
            continue
        if shrink and judged.is_failure and judged.verdict not in seen:
            judged = replace(shortest(port, judged), further=judged.further)
        seen.add(judged.verdict)
        yield judged
