"""Which states the conversation chart is in: what its transitions in a trace have led to."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from speech_lifecycle.fsm.compile.definition import definition


class ConversationStates:
    """Follows the transitions of the conversation chart, one region each."""

    def __init__(self) -> None:
        self._active = [region.initial for region in definition().conversation.regions]

    @property
    def active(self) -> tuple[str, ...]:
        """The state that each region is in."""
        return tuple(self._active)

    def take(self, transitions: Iterable[str]) -> bool:
        """Take transitions, by their ids, and return whether a state has changed. Those of other charts change none."""
        before = self.active
        for transition in transitions:
            found = _targets().get(transition)
            if found is not None:
                region, target = found
                self._active[region] = target
        return self.active != before


@cache
def _targets() -> dict[str, tuple[int, str]]:
    """Return the region and the state that each transition leads to."""
    return {
        transition.id: (index, region.enter(transition.target))
        for index, region in enumerate(definition().conversation.regions)
        for transition in region.transitions
        if transition.kind == "handled" and transition.target is not None
    }
