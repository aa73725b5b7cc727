"""What a turn says to the server before its response is asked for: what the user writes, the results of tools."""

from __future__ import annotations

from collections.abc import Callable

from speech_lifecycle.fsm.conversation.guards import is_connected
from speech_lifecycle.fsm.effects import AnnounceConnectionState
from speech_lifecycle.fsm.state import Conversation

from .faults import Faults


class Turns:
    """Says what belongs to requests when these may be sent (spec, section 12.7).

    A conversation that begins anew is told first what was heard. Where a request fails at once, nothing of its turn
    reaches the server.
    """

    def __init__(self, faults: Faults) -> None:
        """Begin with a server that is there."""
        self._faults = faults
        self._is_told = True
        """The server knows what was heard before."""
        self._waiting: list[Callable[[], None]] = []

    def say(self, conversation: Conversation, send: Callable[[], None]) -> None:
        """Send what a turn says: now, when the history has been restored, or never."""
        if not is_connected(conversation, None):
            return
        if self._is_told:
            send()
        else:
            self._waiting.append(send)

    def note_connection(self, effect: AnnounceConnectionState) -> None:
        """Note that the connection is gone, or there again. What waited for one that is gone is not sent."""
        if effect.state == "connected":
            self.go_on()
        else:
            self._is_told = False
            self._waiting.clear()

    def go_on(self) -> None:
        """Send what has waited."""
        self._is_told = True
        waiting, self._waiting = self._waiting, []
        for send in waiting:
            self._faults.attempt("the session failed to send what a turn says", send)
