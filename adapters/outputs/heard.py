"""What left an output, and when."""

from __future__ import annotations

from typing import NamedTuple


class Heard(NamedTuple):
    """A stretch of one message that was heard without a break.

    `start_clock_ms` and `end_clock_ms` are times of the output's clock; `from_ms` and `to_ms` are
    positions in the message.
    """

    start_clock_ms: float
    end_clock_ms: float
    message_id: str
    from_ms: int
    to_ms: int

    def continues(self, earlier: Heard) -> bool:
        """Whether this stretch follows `earlier` without a gap in time or in the message."""
        return (
            self.message_id == earlier.message_id
            and self.from_ms == earlier.to_ms
            and self.start_clock_ms == earlier.end_clock_ms
        )
