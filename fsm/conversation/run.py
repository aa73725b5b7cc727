"""What an action of the conversation chart may do besides changing data."""

from __future__ import annotations

from typing import Protocol

from ..effects import Effect
from ..events import SpeechEvent
from ..state import Conversation


class ConversationRun(Protocol):
    """One event being handled, in whichever engine."""

    def emit(self, effect: Effect, /) -> None:
        """Give an effect to the driver."""
        ...

    def raise_event(self, event: str, /) -> None:
        """Raise an internal event of the conversation chart: it is handled after the present transition."""
        ...

    def tell_speech(self, conversation: Conversation, speech_id: str, event: SpeechEvent, /) -> None:
        """Have a speech handle an event now, before the next action."""
        ...
