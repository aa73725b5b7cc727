"""What an exploration found."""

from __future__ import annotations

from dataclasses import dataclass, field

from speech_lifecycle.fsm.exploration.bounds import Bounds
from speech_lifecycle.fsm.exploration.counterexample import Counterexample


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an exploration is."""

    configurations: int
    """Found so far."""
    waiting: int
    """Found, but not gone on from."""
    steps: int


@dataclass
class Exploration:
    """The figures of one exploration, and what it found wrong."""

    bounds: Bounds
    definition: str
    """Digest of the definition that was explored."""
    configurations: int = 0
    steps: int = 0
    """Events sent to the machine, each in one configuration."""
    transitions: int = 0
    """Those that were handled; in a faithful exploration all moves, also those of the world alone."""
    depth: int = 0
    """The length of the longest of the shortest ways to a configuration."""
    replies: dict[str, int] = field(default_factory=dict)
    """By kind."""
    rows_taken: frozenset[str] = frozenset()
    rows_never_taken: tuple[str, ...] = ()
    """Rows that no event of these bounds takes, answers included."""
    properties: tuple[str, ...] = ()
    """The names of the properties that were checked."""
    sometimes: dict[str, bool] = field(default_factory=dict)
    """What must be possible, and whether it was seen: states, reasons, outcomes, effects."""
    violations: list[Counterexample] = field(default_factory=list)
    stopped: str = ""
    """Why it ended before all was seen; "" if all was."""
    waiting: int = 0
    """Configurations that were found and not gone on from, if it was stopped."""

    @property
    def is_complete(self) -> bool:
        """Whether every event was tried in every reachable configuration."""
        return not self.stopped

    @property
    def never_seen(self) -> tuple[str, ...]:
        """What should be possible, and was not seen within these bounds."""
        return tuple(name for name, seen in self.sometimes.items() if not seen)

    def summary(self) -> str:
        """Return the result as text."""
        bounds = self.bounds
        lines = [
            f"{bounds.mode}, up to {bounds.messages} messages, {bounds.detail}, "
            f"{len(bounds.options)} combinations of capabilities and policy",
            f"configurations  {self.configurations:>12,}",
            f"transitions     {self.transitions:>12,}",
            f"steps           {self.steps:>12,}",
            *(f"  {kind:<14}{count:>12,}" for kind, count in sorted(self.replies.items())),
            f"longest way     {self.depth:>12,}",
            f"properties      {len(self.properties):>12,}  checked, {len(self.violations)} violated",
            f"sometimes       {sum(self.sometimes.values()):>12,}  of {len(self.sometimes)} seen",
            f"rows            {len(self.rows_taken):>12,}  taken, {len(self.rows_never_taken)} never",
        ]
        if self.stopped:
            lines.append(f"stopped: {self.stopped}; {self.waiting:,} configurations were not gone on from")
        lines += [f"VIOLATED {violation.title}" for violation in self.violations]
        return "\n".join(lines)
