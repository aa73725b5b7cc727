"""The responses of an OpenAI Realtime server that have begun and not ended, announced or not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from speech_lifecycle.fsm.values import Modality

from .incoming_audio import SaidFormat

_KEPT = 64
"""Responses of which the end is awaited: far more than one connection has at a time. The ends of some never come."""


@dataclass(slots=True)
class OpenResponse:
    """What the server says of a response when it begins."""

    modalities: tuple[Modality, ...] | None
    """None if it says nothing of that: its messages show what they have."""
    audio_format: SaidFormat
    others: list[str] = field(default_factory=list)
    """Its items that are no messages."""


class OpenResponses:
    """By the ids of the server, in the order in which they began."""

    def __init__(self) -> None:
        self._open: dict[str, OpenResponse] = {}
        self._ended: dict[str, None] = {}

    def __contains__(self, response_id: object) -> bool:
        return response_id in self._open

    def __iter__(self) -> Iterator[tuple[str, OpenResponse]]:
        return iter(list(self._open.items()))

    def get(self, response_id: str) -> OpenResponse | None:
        """Return a response that has not ended."""
        return self._open.get(response_id)

    @property
    def only(self) -> str:
        """The id of the one that has not ended, if it is but one; empty otherwise."""
        return next(iter(self._open)) if len(self._open) == 1 else ""

    def begin(self, response_id: str, response: OpenResponse) -> None:
        """Remember one, and forget the oldest of too many."""
        self._open[response_id] = response
        if len(self._open) > _KEPT:
            del self._open[next(iter(self._open))]

    def end(self, response_id: str) -> None:
        """Note that one is over."""
        self._open.pop(response_id, None)
        self._ended[response_id] = None
        if len(self._ended) > _KEPT:
            del self._ended[next(iter(self._ended))]

    def has_ended(self, response_id: str) -> bool:
        """Whether one of the latest on this connection had this id, and is over."""
        return response_id in self._ended

    def clear(self) -> None:
        """Forget all: the connection is another one."""
        self._open.clear()
        self._ended.clear()
