"""Notices when the listener first gets something of a run."""

from __future__ import annotations

from collections.abc import Callable

from speech_lifecycle.fsm.effects import StartHandover
from speech_lifecycle.fsm.events import OutputPlaybackStarted, SessionMessageAdded
from speech_lifecycle.fsm.trace import Record, Step


class FirstSound:
    """Watches a trace, and calls `on_first_sound` once: at the first sound, or the first text shown in its place."""

    def __init__(self, on_first_sound: Callable[[], None]) -> None:
        self._on_first_sound: Callable[[], None] | None = on_first_sound
        self._texts: set[str] = set()

    def watch(self, record: Record) -> None:
        """Take the next record of the trace."""
        if self._on_first_sound is None or not isinstance(record, Step):
            return
        if isinstance(record.event, SessionMessageAdded) and "audio" not in record.event.modalities:
            self._texts.add(record.event.message_id)
        if isinstance(record.event, OutputPlaybackStarted) or any(
            isinstance(effect, StartHandover) and effect.message_id in self._texts for effect in record.effects
        ):
            on_first_sound, self._on_first_sound = self._on_first_sound, None
            on_first_sound()
