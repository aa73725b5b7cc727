"""The client events that asked for responses on one connection, and which speech each of them was for."""

from __future__ import annotations

from dataclasses import dataclass, field

_ONE_AT_A_TIME = "conversation_already_has_active_response"
_KEPT = 16
"""Far more than are ever under way: one that is never answered is not remembered for ever."""


@dataclass
class ResponseRequests:
    """The requests that were not answered by their own response, nor refused."""

    _open: dict[str, str] = field(default_factory=dict)
    """The speech of each client event."""

    def expect(self, event_id: str, speech_id: str) -> None:
        """Expect the answer to a client event that asks for a response."""
        self._open[event_id] = speech_id
        if len(self._open) > _KEPT:
            del self._open[next(iter(self._open))]

    def answered(self, speech_id: str | None) -> None:
        """Expect no other answer for a speech whose response has begun."""
        self._open = {event_id: of for event_id, of in self._open.items() if of != speech_id}

    def refused(self, event_id: object, code: str) -> str | None:
        """Return the speech whose request an error refuses, and expect no other answer; None if it refuses none.

        An error without an event id is the answer to the oldest request that can be refused with its code.
        """
        if event_id is None and code == _ONE_AT_A_TIME:
            event_id = next(iter(self._open), None)
        return self._open.pop(event_id, None) if isinstance(event_id, str) else None
