"""The items of an OpenAI Realtime server: the messages that it is building, and the places of those that it has."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar

from speech_lifecycle.fsm.values import Modality

from .audio_format import AudioFormat, AudioFormatError

_ITEMS_KEPT = 1024
"""Items of which is remembered what a later request needs: far more than one response has."""

V = TypeVar("V")


@dataclass(slots=True)
class OutputItem:
    """An assistant message, as the server builds it."""

    response_id: str
    modalities: tuple[Modality, ...]
    audio_format: AudioFormat | AudioFormatError
    """Of the audio that comes of it, or why that cannot be played."""
    is_announced: bool = False
    has_ended: bool = False
    text: list[str] = field(default_factory=list)
    """In the pieces that came."""


class Conversation:
    """What a later request must know of the latest items."""

    def __init__(self) -> None:
        self._audio_content_index: dict[str, int] = {}
        """Of the messages whose audio is not their first content."""
        self._previous_item_id: dict[str, str | None] = {}

    def add(self, item_id: str, previous_item_id: str | None) -> None:
        """Learn where an item stands."""
        _remember(self._previous_item_id, item_id, previous_item_id)

    def note_audio(self, item_id: str, content_index: int) -> None:
        """Learn where the audio of an item is."""
        if content_index > 0:
            _remember(self._audio_content_index, item_id, content_index)

    def audio_content_index(self, item_id: str) -> int:
        """Return which content of an item its audio is."""
        return self._audio_content_index.get(item_id, 0)

    def place_of(self, item_id: str) -> dict[str, str]:
        """Return the fields of a client event that put an item where this one is, or was."""
        if item_id not in self._previous_item_id:
            return {}
        return {"previous_item_id": self._previous_item_id[item_id] or "root"}


def _remember(latest: dict[str, V], key: str, value: V) -> None:
    """Remember something of an item, and forget the oldest: a connection lasts longer than what is said on it."""
    latest[key] = value
    if len(latest) > _ITEMS_KEPT:
        del latest[next(iter(latest))]
