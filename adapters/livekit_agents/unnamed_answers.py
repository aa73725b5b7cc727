"""Whose a response is that names no request, as of servers that bring no metadata back (xAI).

LiveKit's OpenAI plugin knows the answer to `generate_reply` by the metadata that it sends along. Where none comes back,
it announces the response as the server's own, and its request times out, though it was answered.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Generic, TypeVar

from ..sessions.openai_requests import ResponseRequests

T = TypeVar("T")


class UnnamedAnswers(Generic[T]):
    """The requests that wait, in the order in which they were sent: the first that waits is answered."""

    def __init__(self) -> None:
        self._requests = ResponseRequests()
        self._waiting: dict[str, T] = {}
        self._sent = 0
        self._is_unnamed = False

    def take_event(self, event: Mapping[str, Any]) -> None:
        """Learn from a server event whether the response that it announces names its request, and who else speaks."""
        name = event.get("type")
        if name == "response.created":
            response = event.get("response")
            self._is_unnamed = isinstance(response, Mapping) and "metadata" not in response
        elif name == "input_audio_buffer.speech_started":
            self._requests.user_speaks()

    def expect(self, who: T) -> None:
        """Note a request that is sent now."""
        self._sent += 1
        self._waiting[str(self._sent)] = who
        self._requests.expect(str(self._sent), str(self._sent))

    def forget(self, who: T) -> None:
        """Expect no answer to a request: it was answered, or failed."""
        for name in [name for name, each in self._waiting.items() if each is who]:
            del self._waiting[name]
            self._requests.answered(name)

    def take(self) -> T | None:
        """Return whose request the latest response answers, if it names none; None if it is the server's own."""
        name = self._requests.next_in_order() if self._is_unnamed else None
        if name is None:
            return None
        self._requests.answered(name)
        return self._waiting.pop(name, None)
