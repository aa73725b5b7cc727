"""What the machine answers to an event: it was handled, ignored or rejected (spec, section 5)."""

from __future__ import annotations

from typing import ClassVar, Literal

from .effects import Effect
from .events import SOURCE_OF, Event, Source, name_of
from .values import Value


class Handled(Value, frozen=True):
    """The event was taken by a transition."""

    transitions: tuple[str, ...]
    """The ids of the transitions taken, in the order in which they were taken."""
    effects: tuple[Effect, ...] = ()
    """What the driver has to perform, in this order."""
    steps: tuple[SpeechStep, ...] = ()
    """In a conversation: who did what, in order. Empty if it was only the speech that the event is about."""
    kind: ClassVar[Literal["handled"]] = "handled"


class Ignored(Value, frozen=True):
    """The event is an expected race. Nothing changed."""

    answer: str
    """The id of the answer."""
    state: str
    reason: str
    kind: ClassVar[Literal["ignored"]] = "ignored"
    effects: ClassVar[tuple[Effect, ...]] = ()
    transitions: ClassVar[tuple[str, ...]] = ()


class Rejected(Value, frozen=True):
    """The event is a violation. Nothing changed."""

    event: str
    """The event's name."""
    answer: str
    """The id of the answer; "" for an event that belongs to no cell."""
    state: str
    """The state of the chart that answered."""
    reason: str
    blame: Source
    """Who should not have said it."""
    kind: ClassVar[Literal["rejected"]] = "rejected"
    effects: ClassVar[tuple[Effect, ...]] = ()
    transitions: ClassVar[tuple[str, ...]] = ()

    def __str__(self) -> str:
        """Say what was rejected, where and why."""
        place = f" in {self.state}" if self.state else ""
        return f"{self.event} from the {self.blame} rejected{place}: {self.reason}"


class SpeechStep(Value, frozen=True):
    """What one speech did in a step of its conversation, or the conversation chart itself."""

    speech_id: str
    """"" is the conversation chart."""
    event: Event | None
    """What it was told; None for what the conversation chart does without an event from outside."""
    reply: Handled | Ignored | Rejected


Reply = Handled | Ignored | Rejected
"""What a machine answers. `kind` tells them apart: `handled`, `ignored` or `rejected`."""


def refuse(event: object, reason: str) -> Rejected:
    """Reject an event that belongs to no cell: nobody knows its type, or its message."""
    name = name_of(type(event))
    return Rejected(name, "", "", reason, SOURCE_OF.get(name, "agent"))
