"""What is known of the responses that a server plays by itself, and of their messages."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True, eq=False)
class Play:
    """The playing of one response."""

    response_id: str
    known_at_ms: float
    """When it was first heard of: nothing of it was audible before."""
    messages: list[PlayedMessage] = field(default_factory=list)
    """Those with audio, in order."""
    started_ms: float | None = None
    ended_ms: float | None = None
    was_cleared: bool = False
    is_unwanted: bool = False
    """Nobody is to hear it any more."""
    awaits_cut: bool = False
    """It was cleared, and the server may yet say where."""
    before_ms: float = 0
    """How much of it the messages took that are over."""

    def reached_ms(self, now_ms: float) -> float:
        """Return how much of it was played."""
        if self.started_ms is None:
            return 0
        return max(0.0, (now_ms if self.ended_ms is None else self.ended_ms) - self.started_ms)


@dataclass(slots=True, eq=False)
class PlayedMessage:
    """A message whose audio the server plays."""

    message_id: str
    play: Play
    characters: int = 0
    received_ms: int = 0
    """What was reported as received."""
    handed_over_ms: int = 0
    has_started: bool = False
    is_stopped: bool = False
    """The driver waits for the report of how far it got."""
    is_whole: bool = False
    """All of it was played."""
    is_over: bool = False
    cut_ms: int | None = None
    """Where the server says that it has cut it."""

    @property
    def later(self) -> list[PlayedMessage]:
        """Return those that are played after it."""
        messages = self.play.messages
        return messages[messages.index(self) + 1 :]
