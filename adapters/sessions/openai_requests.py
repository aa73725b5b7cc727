"""The responses that were asked for on one connection, and which response or refusal answers which request.

At the end of a user's turn the server begins a response by itself. One that is asked for at that moment it refuses
(C1), so whoever asked gets the server's own.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

_ONE_AT_A_TIME = "conversation_already_has_active_response"
_OVERTAKEN_KEPT = 8


@dataclass
class ResponseRequests:
    """The requests under way."""

    _open: dict[str, str] = field(default_factory=dict)
    """By client event: the speech whose response has neither begun nor been refused."""
    _overtaken: deque[str] = field(default_factory=lambda: deque(maxlen=_OVERTAKEN_KEPT))
    """The latest client events that asked while the server began a response of its own."""

    def expect(self, event_id: str, speech_id: str) -> None:
        """Expect the answer to a client event that asks for a response."""
        self._open[event_id] = speech_id

    def begin(self, asked_by: str | None) -> str | None:
        """Return the speech that a response which begins is for, or None; `asked_by` is the speech that it names."""
        event_id = next((key for key, speech_id in self._open.items() if asked_by in (None, speech_id)), None)
        if event_id is None:
            return None
        if asked_by is None:
            self._overtaken.append(event_id)
        return self._open.pop(event_id)

    def is_answered(self, event_id: object, code: str) -> bool:
        """Whether an error refuses a request that has been answered by the server's own response."""
        refused = self._refused(event_id, code)
        if refused is None or refused not in self._overtaken:
            return False
        self._overtaken.remove(refused)
        return True

    def refuse(self, event_id: object, code: str) -> str | None:
        """Return the speech whose request an error refuses, and expect no other answer; None if it refuses none."""
        refused = self._refused(event_id, code)
        return None if refused is None else self._open.pop(refused, None)

    def _refused(self, event_id: object, code: str) -> str | None:
        """An error without an event id is the answer to the oldest request that can be refused with its code."""
        if event_id is None and code == _ONE_AT_A_TIME:
            return next(iter((*self._overtaken, *self._open)), None)
        return event_id if isinstance(event_id, str) else None
