"""The client events that asked for responses on one connection, and which speech each of them was for."""

from __future__ import annotations

from dataclasses import dataclass, field

from .openai_answers import ErrorEvent
from .openai_dialects import is_about_a_response

_KEPT = 16
"""Far more than are ever under way: one that is never answered is not remembered for ever."""


@dataclass
class ResponseRequests:
    """The requests that were not answered by their own response, nor refused."""

    _open: dict[str, str] = field(default_factory=dict)
    """The speech of each client event."""
    _in_order: list[str] = field(default_factory=list)
    """The client events that the next responses answer, if the user says nothing before."""
    _out_of_band: dict[str, None] = field(default_factory=dict)
    """Those of them that ask for a response beside the conversation."""
    _foreign: int = 0
    """How many other requests were sent past us, of which the response has not begun."""
    _latest: str = ""
    """The speech of the latest request."""
    _lags: bool = False
    """Whether the latest response was counted as the answer to a request before the latest."""

    def note_sent(self, event_id: object) -> None:
        """Learn of a client event that asks for a response. If it is not ours, the next is not the server's own."""
        self._foreign += str(event_id) not in self._open

    def expect(self, event_id: str, speech_id: str, *, is_out_of_band: bool = False) -> None:
        """Expect the answer to a client event that asks for a response.

        One asks for it when the requests before are answered or given up. If the last response was counted as a late
        answer, and no other has come since, then it was none: an earlier request was dropped, and nothing is late.
        """
        if self._lags and speech_id != self._latest:
            self._in_order.clear()
            self._lags = False
        self._latest = speech_id
        self._open[event_id] = speech_id
        if is_out_of_band:
            self._out_of_band[event_id] = None
        self._in_order.append(event_id)
        if len(self._open) > _KEPT:
            self._forget(next(iter(self._open)))

    def next_in_order(self) -> str | None:
        """Return the speech that a response answers which does not say whom: the first that waits.

        None if the user has begun to speak since: the response may be the server's own answer to that.
        """
        return self._open[self._in_order[0]] if self._in_order else None

    def is_out_of_band(self, speech_id: str | None) -> bool:
        """Whether the response that a speech waits for was asked for beside the conversation."""
        return any(self._open[event_id] == speech_id for event_id in self._out_of_band)

    def user_speaks(self) -> None:
        """The next response may be the server's own answer to the user."""
        self._in_order.clear()

    def answered(self, speech_id: str | None) -> bool:
        """Expect no other answer to a request whose response has begun; whether nobody on this side has made one."""
        if speech_id is not None or self._open:
            self._lags = speech_id is not None and speech_id != self._latest and speech_id in self._open.values()
            for event_id in [event_id for event_id, of in self._open.items() if of == speech_id]:
                self._forget(event_id)
            return False
        is_foreign = self._foreign > 0
        self._foreign -= is_foreign
        return not is_foreign

    def refused_by(self, error: ErrorEvent) -> str | None:
        """Return the client event that an error is the answer to, if it asked for a response.

        An error without an event id is the answer to the oldest request that can be refused so.
        """
        if error.event_id is not None:
            return error.event_id if error.event_id in self._open else None
        is_about_one = is_about_a_response(error.code, error.text, error.param)
        return next(iter(self._open), None) if is_about_one else None

    def speech_of(self, event_id: str) -> str:
        """Return the speech that a client event was for, and expect no other answer."""
        speech_id = self._open[event_id]
        self._forget(event_id)
        return speech_id

    def _forget(self, event_id: str) -> None:
        del self._open[event_id]
        self._out_of_band.pop(event_id, None)
        if event_id in self._in_order:
            self._in_order.remove(event_id)
