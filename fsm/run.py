"""What an action may do besides changing data: the three ways in which it reaches others."""

from __future__ import annotations

from typing import Protocol

from .effects import Effect
from .state import Message, Speech


class Run(Protocol):
    """One event being handled, in whichever engine."""

    def emit(self, effect: Effect, /) -> None:
        """Give an effect to the driver."""
        ...

    def raise_event(self, event: str, /) -> None:
        """Raise an internal event of the speech chart: it is handled after the present transition."""
        ...

    def tell(self, speech: Speech, message: Message, event: str, /) -> None:
        """Have a message's chart handle an internal event now, before the next action."""
        ...
