"""Whether the user speaks, as servers say it: in words that are often only about their input buffer (N5).

A turn ends when the server has heard the user stop, but also when its audio is committed or thrown away, or nobody
listens for speech any more. Then no `speech_stopped` comes. A response that the server begins by itself is the answer
to a turn that has ended; not to the present one, if the turn before it is still unanswered.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..ports import SessionReceiver
from .fields import optional

HEARD_BY_THE_SERVER = frozenset({"input_audio_buffer.speech_started", "input_audio_buffer.speech_stopped"})
"""What the server says of the user when it listens for speech."""

_ENDINGS = frozenset(
    {
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
        "input_audio_buffer.timeout_triggered",
    }
)
"""What ends a turn that the server may answer."""

_DETECTION = (("audio", "input", "turn_detection"), ("turn_detection",))
"""Where a session says how it detects turns: today, and in older sessions."""

_NONE = (None, {"type": None}, {"type": "none"})
"""How a server says that it detects none."""


class UserTurn:
    """Reports the beginning and the end of the user's turns on one connection."""

    def __init__(self, receiver: SessionReceiver) -> None:
        self._receiver = receiver
        self._is_open = False
        self._awaits_answer = False

    def end_connection(self) -> None:
        """Expect nothing more of what was under way."""
        self._is_open = self._awaits_answer = False

    def take(self, event: Mapping[str, Any]) -> None:
        """Take a server event, which may be about something else."""
        name = event.get("type")
        if name == "input_audio_buffer.speech_started":
            self.begin()
        elif name in _ENDINGS:
            self.end()
        elif name == "input_audio_buffer.cleared" or (name == "session.updated" and _detects_no_turns(event)):
            self.end(awaits_answer=False)

    def begin(self) -> None:
        """The user begins to speak."""
        self._is_open = True
        self._receiver.user_started_speaking()

    def end(self, *, awaits_answer: bool = True) -> None:
        """The user is silent; the server may answer what was said."""
        self._is_open, self._awaits_answer = False, awaits_answer
        self._receiver.user_stopped_speaking()

    def answer(self) -> None:
        """The server answers a turn by itself: the one before the present one, if that is not answered yet."""
        is_of_this_turn = self._is_open and not self._awaits_answer
        self._awaits_answer = False
        if is_of_this_turn:
            self.end(awaits_answer=False)


def _detects_no_turns(event: Mapping[str, Any]) -> bool:
    """Whether a session says that it detects no turns, and does not just leave it unsaid."""
    for path in _DETECTION:
        section = optional(event, "session", *path[:-1])
        if isinstance(section, Mapping) and path[-1] in section:
            return section[path[-1]] in _NONE
    return False
