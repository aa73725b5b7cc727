"""What traces say of the transitions: which a call went through, in which order, and how often each was taken."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from speech_lifecycle.fsm.compile.definition import definition
from speech_lifecycle.fsm.trace import ConversationStep, Record, Step

from . import palette

_NUMBERS = 6
_WIDEST = 7.0
_RAMP = ("#4f6f9f", "#3d639b", "#2c569b", "#123a80", "#061f55")
"""From seldom to often: one hue, which gets darker, so that it needs no sight of colours."""


@dataclass(frozen=True, slots=True)
class TransitionMark:
    """How a transition is shown."""

    words: str
    """What stands before its event."""
    colour: str
    width: float = 1.0
    """Of its arrow, in points."""


Marks = Mapping[str, TransitionMark]
"""The marks of transitions, by id."""
NOT_TAKEN = TransitionMark("", "#6f6f6f")
"""Where others are marked, one that is not."""


def taken_in(records: Iterable[Record]) -> list[str]:
    """Return the ids of the transitions that were taken, in order, in all machines of a trace."""
    return [
        transition
        for record in records
        if isinstance(record, Step | ConversationStep) and record.reply == "handled"
        for transition in record.transitions
    ]


def path_marks(taken: Iterable[str]) -> Marks:
    """Mark what a call went through: each transition with its numbers in the order in which they were taken."""
    numbers: dict[str, list[int]] = {}
    for number, transition in enumerate(taken, 1):
        numbers.setdefault(transition, []).append(number)
    return {
        transition: TransitionMark(_numbers(found), palette.HIGHLIGHT, 2.5) for transition, found in numbers.items()
    }


def coverage_marks(taken: Iterable[str]) -> Marks:
    """Mark how often each transition was taken, by width and colour; those of the definition that never were, too."""
    counts = Counter(taken)
    most = max(counts.values(), default=1)
    marks = {transition: _counted(count, most) for transition, count in counts.items()}
    for chart in definition().every_chart:
        for transition in chart.transitions:
            if transition.kind == "handled":
                marks.setdefault(transition.id, TransitionMark("never", NOT_TAKEN.colour))
    return marks


def unknown_in(marks: Marks) -> list[str]:
    """Return the marked transitions that the definition does not have: the trace is of another version."""
    known = {transition.id for chart in definition().every_chart for transition in chart.transitions}
    return sorted(set(marks) - known)


def _numbers(found: list[int]) -> str:
    shown = ", ".join(map(str, found[:_NUMBERS]))
    more = len(found) - _NUMBERS
    return f"{shown} and {more:,} more" if more > 0 else shown


def _counted(count: int, most: int) -> TransitionMark:
    # By the number of digits: what happens at every delta would hide all else.
    share = 1.0 if most == 1 else (count.bit_length() - 1) / max(1, most.bit_length() - 1)
    colour = _RAMP[round(share * (len(_RAMP) - 1))]
    return TransitionMark("once" if count == 1 else f"{count:,} times", colour, 1.5 + share * (_WIDEST - 1.5))
