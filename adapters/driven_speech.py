"""One speech in the driver's hands."""

from __future__ import annotations

import asyncio

from speech_lifecycle.fsm.machine import SpeechMachine
from speech_lifecycle.fsm.state import Speech
from speech_lifecycle.fsm.values import MessageRecord

from .clock import ScheduledCall


class DrivenSpeech:
    """Its machine, its audio on the way to the output, and its timer."""

    def __init__(self, speech_id: str, machine: SpeechMachine) -> None:
        self.id = speech_id
        self.machine = machine
        self.audio: dict[str, bytearray] = {}
        self.text: dict[str, str] = {}
        self.received_bytes: dict[str, int] = {}
        self.handed_over_bytes: dict[str, int] = {}
        self.timer: ScheduledCall | None = None
        self._over = asyncio.Event()

    @property
    def snapshot(self) -> Speech:
        """The machine's present data. Read it, do not change it."""
        return self.machine.speech

    @property
    def records(self) -> tuple[MessageRecord, ...]:
        """The records of the messages that are final, in the order of their announcement."""
        return self.snapshot.records

    @property
    def is_over(self) -> bool:
        """Whether it is completed, interrupted or failed."""
        return self.snapshot.is_over

    async def done(self) -> tuple[MessageRecord, ...]:
        """Wait until the speech is over, and return the records of all its messages."""
        await self._over.wait()
        return self.records

    def end(self) -> None:
        """Let go of what only a running speech needs."""
        self.audio.clear()
        self.text.clear()
        self._over.set()
