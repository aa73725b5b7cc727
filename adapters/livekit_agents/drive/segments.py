"""Which message LiveKit's playback events are about. They do not say so themselves.

A segment is what an output captures until it is flushed. It plays one after the other and finishes each once. So a
finish is about the oldest segment that is not finished; a start is about the one that was captured last, and those
before it are over then, whether they were finished or not (O1, H8, H9).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from speech_lifecycle.fsm.events import OutputPlaybackProgressed
from speech_lifecycle.fsm.message import evidence


@dataclass(eq=False, slots=True)
class Segment:
    """One segment of an output: a message, or what came of it after it had been flushed once."""

    message_id: str
    begins_ms: float = 0.0
    """Where in the message it begins."""
    captured_ms: float = 0.0
    """How much of it the output has taken."""
    begun_at_s: float = 0.0
    """The loop's time when the output was given its first frame."""

    def position_ms(self, seconds: float | None) -> float | None:
        """Return a position that the output reports in seconds as milliseconds of the message.

        Not beyond what the output was given. What is no position goes on as it is: the machine answers it.
        """
        if seconds is None:
            return None
        reported_ms = round(seconds * 1000, 3)
        report = OutputPlaybackProgressed(self.message_id, reported_ms)
        usable_ms = evidence.usable_position_ms(report, round(self.captured_ms))
        return reported_ms if usable_ms is None else self.begins_ms + usable_ms

    @property
    def end_ms(self) -> float:
        """Where in the message it ends, by now."""
        return self.begins_ms + self.captured_ms


class Segments:
    """The segments that an output owes a finish, and the one that it captured last."""

    def __init__(self) -> None:
        self._unfinished: deque[Segment] = deque()
        self._latest: Segment | None = None

    def add(self, segment: Segment) -> None:
        """Note that the output begins to capture a segment."""
        self._unfinished.append(segment)
        self._latest = segment

    def withdraw(self, segment: Segment) -> None:
        """Note that the output never took anything of a segment, and so owes nothing for it."""
        if segment in self._unfinished:
            self._unfinished.remove(segment)

    def is_unfinished(self, segment: Segment) -> bool:
        """Whether the output owes a finish for it."""
        return segment in self._unfinished

    def started(self) -> Segment | None:
        """Return the segment that a start is about; None if nothing was ever captured."""
        while self._unfinished and self._unfinished[0] is not self._latest:
            self._unfinished.popleft()
        return self._latest

    def progressed(self) -> Segment | None:
        """Return the segment that a progress is about; None if nothing was ever captured."""
        return self._unfinished[0] if self._unfinished else self._latest

    def finished(self) -> Segment | None:
        """Return the segment that a finish is about. A surplus one is about the last, which is over (O4)."""
        return self._unfinished.popleft() if self._unfinished else self._latest
