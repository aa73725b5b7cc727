"""Which message the framework forwards from a session to an output. The output is not told by LiveKit."""

from __future__ import annotations


class Forwarding:
    """Shared by the wrapped sessions, which see what is read, and the wrapped outputs, which see what is played."""

    def __init__(self) -> None:
        self._taken_ms: dict[str, float] = {}
        """How much audio the framework has taken of each message that is not settled."""
        self._begun: set[str] = set()
        self._read = ""

    # From the session

    def announce(self, message_id: str) -> None:
        """Note that the framework is given a message."""
        self._taken_ms[message_id] = 0.0

    def read(self, message_id: str) -> None:
        """Note that the framework asks for audio of this message: it forwards one after the other."""
        self._read = message_id

    def take(self, message_id: str, duration_ms: float) -> None:
        """Note that the framework was given audio of a message."""
        if message_id in self._taken_ms:
            self._taken_ms[message_id] += duration_ms

    # From the lifecycle

    def begin(self, message_id: str) -> None:
        """Note that the lifecycle waits for evidence of a message."""
        self._begun.add(message_id)

    def settle(self, message_id: str) -> None:
        """Note that a message is over: audio that comes after it is somebody else's."""
        self._taken_ms.pop(message_id, None)
        self._begun.discard(message_id)

    # For the output

    @property
    def message_id(self) -> str:
        """The message whose audio the framework reads; "" for audio that is no model's."""
        return self._read if self._read in self._taken_ms else ""

    def taken_ms(self, message_id: str) -> float:
        """Return how much audio the framework has taken of a message.

        That is what it has handed over: an agent's own audio node, or a resampler, may make another length of it.
        """
        return self._taken_ms.get(message_id, 0.0)

    def is_awaited(self, message_id: str) -> bool:
        """Whether the lifecycle waits for evidence of a message."""
        return message_id in self._begun
