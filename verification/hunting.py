"""The hunt for mutants that no vector finds: steps of the explorations are tried on all of them at once."""

from __future__ import annotations

from collections.abc import Iterable

from speech_lifecycle.fsm.events import name_of
from speech_lifecycle.fsm.replies import Handled
from speech_lifecycle.fsm.state import Speech

from .bounds import Bounds
from .conversation.bounds import ConversationBounds
from .mutants import Mutant
from .replaying import Course, an_end, copied, course_of, difference_in_step, machine_of, told_apart
from .sampling import Sample, samples
from .search import MachineType


class Hunt:
    """The mutants that live, and the courses of events that found the others."""

    def __init__(self, mutants: Iterable[Mutant]) -> None:
        """Hunt some mutants: all of speeches, or all of conversations."""
        self._mutants = {mutant.id: mutant for mutant in mutants}
        self._machines: dict[str, MachineType] = {each.id: machine_of(each) for each in self._mutants.values()}
        self.found: list[Course] = []

    @property
    def living(self) -> tuple[str, ...]:
        """The ids of those not found."""
        return tuple(self._machines)

    def walk(self, bounds: Bounds | ConversationBounds, each: int) -> None:
        """Try so many steps of each kind."""
        concerned: dict[tuple[str, bool], list[str]] = {}
        for sample in samples(bounds, each):
            key = name_of(type(sample.event)), isinstance(sample.reply, Handled)
            if key not in concerned:
                concerned[key] = [one for one in self._machines if self._mutants[one].may_show(*key)]
            with an_end():
                found = [one for one in concerned[key] if one in self._machines and self._differs(one, sample)]
            if found:
                self.try_course(sample.course, shorten=True)

    def try_course(self, course: Course, *, shorten: bool = False) -> None:
        """Try a course of events, and keep it if it finds a mutant.

        Args:
            course: the events.
            shorten: keep what it takes of the course to find each mutant, instead of the whole.
        """
        found = [
            one
            for one, machine_type in self._machines.items()
            if self._mutants[one].is_of_conversations == course.is_conversation
            and told_apart(course, machine_type) is not None
        ]
        if shorten:
            while found:
                self.try_course(self._shortened(course, found[0]))
                found = [one for one in found if one in self._machines]
        elif found:
            self.found.append(course)
            for one in found:
                del self._machines[one]

    def _differs(self, mutant_id: str, sample: Sample) -> bool:
        before = copied(sample.before)
        machine_type = self._machines[mutant_id]
        machine = machine_type(**{"speech" if isinstance(before, Speech) else "conversation": before})  # type: ignore[arg-type]
        return bool(difference_in_step(machine, sample.event, sample.reply, sample.after))

    def _shortened(self, course: Course, mutant_id: str) -> Course:
        """Return a course without events that it does not take to find the mutant."""
        machine_type = self._machines[mutant_id]
        for place in reversed(range(len(course.events) - 1)):
            events = (*course.events[:place], *course.events[place + 1 :])
            shorter = course_of(course.id, course.capabilities, course.policy, events)
            if told_apart(shorter, machine_type) is not None:
                course = shorter
        end = told_apart(course, machine_type)
        assert end is not None, f"{mutant_id} differs in a step, but not on the way that leads there"
        return course_of(course.id, course.capabilities, course.policy, course.events[: end + 1])
