"""Whether a new connection goes on with the conversation of the one before."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .fields import FieldError, optional_identifier

GREETINGS = frozenset({"session.created", "conversation.created"})
"""What a server begins a connection with, and where it may say which conversation it is."""

_ABOUT_A_CONVERSATION = ("conversation.", "response.", "input_audio_buffer.")


@dataclass(slots=True)
class Resumption:
    """What a new connection is: the same conversation as before, if the server says so by its id, or another one."""

    known: str | None
    """The id of the conversation before the loss, if the server had told it."""
    announced: str | None = None
    """The id that the server gives now."""

    def is_decided_by(self, event: Mapping[str, Any]) -> bool:
        """Take an event of the new connection; whether it is now known which conversation it is.

        If no id comes, it is known with the first event about a conversation, and at once if there never was one.
        """
        name = event.get("type")
        if name in GREETINGS:
            with contextlib.suppress(FieldError):
                self.announced = optional_identifier(event, "conversation", "id")
            return self.announced is not None or self.known is None
        is_about_it = isinstance(name, str) and (name == "error" or name.startswith(_ABOUT_A_CONVERSATION))
        return is_about_it or self.known is None

    @property
    def conversation_is_kept(self) -> bool:
        """Whether the server goes on with the same conversation."""
        return self.known is not None and self.announced == self.known
