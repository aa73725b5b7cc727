"""What a server must remember by now, as an onlooker knows it from the facts and the answers that went by."""

from __future__ import annotations

from speech_lifecycle.adapters.ports import SessionReceiver
from speech_lifecycle.adapters.sessions.audio_format import PCM_24K
from speech_lifecycle.fsm import events as ev
from speech_lifecycle.fsm.effects import ReplaceMessage, SessionEffect, TruncateMessage

from .conversation import Conversation, MessageItem

BYTES_PER_MS = 2 * PCM_24K.sample_rate // 1000


class ServerMemory:
    """Stands between a session and its receiver, and keeps the conversation.

    Requests count when the server has acknowledged them: give every effect to `note`, if nobody else applies them.
    """

    def __init__(self, receiver: SessionReceiver) -> None:
        self._receiver = receiver
        self._requested: dict[tuple[str, str], SessionEffect] = {}
        self.conversation = self._before = Conversation("remembered")
        self.lost: set[str] = set()
        """The messages that the server knew until its connection was lost."""
        self._sent_bytes: dict[str, int] = {}

    @property
    def sent_ms(self) -> dict[str, int]:
        """The audio of each message that the server has sent, in whole milliseconds."""
        return {message_id: sent // BYTES_PER_MS for message_id, sent in self._sent_bytes.items()}

    def note(self, effect: SessionEffect) -> None:
        """Take note of a request."""
        if isinstance(effect, TruncateMessage):
            self._requested["truncate", effect.message_id] = effect
        elif isinstance(effect, ReplaceMessage):
            self._requested["replace", effect.message_id] = effect

    def report(self, fact: ev.SessionFact, *, speech_id: str | None = None) -> None:
        """Take a fact, and pass it on."""
        if isinstance(fact, ev.SessionResponseCreated):
            self.conversation.begin_response(fact.response_id)
        elif isinstance(fact, ev.SessionMessageAdded):
            item = MessageItem(fact.message_id, "assistant", "audio", "in_progress")
            if "audio" not in fact.modalities:
                item.modality = "text"
            self.conversation.insert(item)
        elif isinstance(fact, ev.SessionTextReceived):
            known = self.conversation.find(fact.message_id)
            if isinstance(known, MessageItem):
                known.add_text(fact.text)
        elif isinstance(fact, ev.SessionResponseEnded):
            self.conversation.end_response()
        elif isinstance(fact, ev.SessionReconciliationAcknowledged):
            self._apply(fact)
        self._receiver.report(fact, speech_id=speech_id)

    def lose_connection(self, *, may_resume: bool = False) -> None:
        """Forget the conversation, as the server may, and report that the connection is lost (spec, section 8)."""
        self.conversation.break_off()
        self._before = self.conversation
        self.lost |= {message.id for message in self._before.remembered()}
        self.conversation = Conversation("remembered")
        self._requested.clear()
        self.report(ev.SessionLost(may_resume))

    def resume(self, *, conversation_kept: bool) -> None:
        """Report a new connection, whose server may remember what it did before the loss."""
        if conversation_kept:
            self.conversation = self._before
            self.lost -= {message.id for message in self.conversation.remembered()}
        self.report(ev.SessionResumed(conversation_kept))

    def _apply(self, fact: ev.SessionReconciliationAcknowledged) -> None:
        effect = self._requested.pop((fact.operation, fact.message_id), None)
        item = self.conversation.find(fact.message_id)
        if isinstance(effect, TruncateMessage):
            self.conversation.truncate(fact.message_id, 0, effect.audio_end_ms)
        elif isinstance(effect, ReplaceMessage) and isinstance(item, MessageItem):
            item.text = effect.text
        elif fact.operation == "remove":
            self.conversation.delete(fact.message_id)

    def deliver_audio(self, message_id: str, pcm: bytes) -> None:
        """Take audio, and pass it on."""
        item = self.conversation.find(message_id)
        before = self._sent_bytes.get(message_id, 0)
        self._sent_bytes[message_id] = before + len(pcm)
        if isinstance(item, MessageItem):
            # Pieces may end between two milliseconds.
            item.add_audio((before + len(pcm)) // BYTES_PER_MS - before // BYTES_PER_MS)
        self._receiver.deliver_audio(message_id, pcm)

    def user_started_speaking(self) -> None:
        """Pass it on."""
        self._receiver.user_started_speaking()

    def user_stopped_speaking(self) -> None:
        """Pass it on."""
        self._receiver.user_stopped_speaking()
