"""The speeches in the driver's hands: those that are not over, and the latest of those that are."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any

from speech_lifecycle.fsm.conversation.machine import ConversationMachine
from speech_lifecycle.fsm.state import Speech

from .driven_speech import DrivenSpeech


class DrivenSpeeches:
    """Finds the speech that is meant, by its id, by a message, or by the floor; and gives new ones their ids."""

    def __init__(self, machine: ConversationMachine) -> None:
        self._machine = machine
        self.by_id: dict[str, DrivenSpeech] = {}
        self._over: deque[DrivenSpeech] = deque()
        self._count = 0

    @property
    def floor(self) -> DrivenSpeech | None:
        """The speech that may play, or None."""
        floor_id = self._machine.conversation.floor_id
        return None if floor_id is None else self.by_id[floor_id]

    @property
    def latest(self) -> DrivenSpeech | None:
        """The speech that has the floor, or else the one that was made last, if there is one."""
        return self.floor or next(reversed(self.by_id.values()), None)

    @property
    def next_id(self) -> str:
        """The id of the speech that will be made next."""
        return f"speech_{self._count + 1}"

    def of_message(self, message_id: str) -> DrivenSpeech:
        """Return the speech of a message that an effect is about."""
        speech_id = self._machine.conversation.by_message.get(message_id)
        if speech_id is not None:
            return self.by_id[speech_id]
        # The machine may have forgotten it in the very step that this effect is of.
        return next(speech for speech in self.by_id.values() if message_id in speech.snapshot.messages)

    def request(self, options: Mapping[str, Any]) -> DrivenSpeech:
        """Return a new speech whose response will be asked for with these options."""
        conversation = self._machine.conversation
        snapshot = Speech(conversation.capabilities, conversation.policy.speech, speech_id=self.next_id)
        speech = self._make(snapshot)
        if options:
            speech.options = options
        return speech

    def begin(self, speech_id: str) -> DrivenSpeech:
        """Return a speech that the machine has begun: one that was requested, or a new one that nobody asked for."""
        snapshot = self._machine.conversation.speeches[speech_id]
        speech = self.by_id.get(speech_id)
        if speech is None:
            return self._make(snapshot)
        speech.snapshot = snapshot
        return speech

    def end(self, speech: DrivenSpeech) -> Iterator[DrivenSpeech]:
        """Let go of what only a running speech needs; yield those that the machine has forgotten, and forget each."""
        speech.end()
        self._over.append(speech)
        while self._over and self._over[0].id not in self._machine.conversation.speeches:
            forgotten = self._over.popleft()
            yield forgotten
            del self.by_id[forgotten.id]

    def _make(self, snapshot: Speech) -> DrivenSpeech:
        self._count += 1
        speech = self.by_id[snapshot.speech_id] = DrivenSpeech(snapshot.speech_id, snapshot)
        return speech
