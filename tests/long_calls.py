"""Calls of any length, made by the machine: turns of some messages, each played for two seconds, now and then cut."""

from __future__ import annotations

from speech_lifecycle.fsm import events as ev
from speech_lifecycle.fsm.conversation.machine import ConversationMachine
from speech_lifecycle.fsm.effects import ReportSpeechBegun
from speech_lifecycle.fsm.trace import Header, SpeechBegun, Trace, definition_digest, records_of

WORDS = "The weather is fine and warm today."


def trace_of_many(count: int, *, at_once: int = 4) -> Trace:
    """A call of so many messages, `at_once` in a response. In every seventh turn the third one is cut."""
    call = _Call()
    for number, first in enumerate(range(0, count, at_once)):
        ids = [f"item_{each}" for each in range(first, min(first + at_once, count))]
        call.turn(f"speech_{number}", ids, cut=ids[2] if number % 7 == 0 and len(ids) > 2 and at_once < 10 else "")
    return Trace(Header(definition=definition_digest()), call.records)


class _Call:
    def __init__(self):
        self.machine = ConversationMachine(keep_steps=True)
        self.records = []
        self.now_ms = 0

    def send(self, event):
        reply, conversation = self.machine.send(event), self.machine.conversation
        for record in records_of(self.now_ms, self.machine.speech_of(event), event, reply):
            for effect in getattr(record, "effects", ()):
                if isinstance(effect, ReportSpeechBegun):
                    policy = conversation.policy.speech
                    self.records.append(SpeechBegun(self.now_ms, effect.speech_id, conversation.capabilities, policy))
            self.records.append(record)

    def turn(self, speech_id, ids, cut):
        self.send(ev.UserStartedSpeaking(observed_ms=self.now_ms))
        self.now_ms += 900
        self.send(ev.UserStoppedSpeaking())
        self.now_ms += 200
        self.send(ev.RequestResponse(speech_id))
        self.send(ev.SessionResponseCreated(f"response of {speech_id}", speech_id))
        for message_id in ids:
            self.send(ev.SessionMessageAdded(f"response of {speech_id}", message_id))
            for word in WORDS.split():
                self.send(ev.SessionTextReceived(message_id, f"{word} "))
            self.send(ev.SessionAudioReceived(message_id, 2000))
            self.now_ms += 20
        self.send(ev.SessionResponseEnded(f"response of {speech_id}"))
        for place, message_id in enumerate(ids):
            self.send(ev.OutputAudioHandedOver(message_id, 2000, observed_ms=self.now_ms))
            self.send(ev.OutputPlaybackStarted(message_id, observed_ms=self.now_ms))
            if message_id == cut:
                return self.interrupt(message_id, ids[place + 1 :])
            self.now_ms += 2000
            self.send(ev.OutputPlaybackFinished(message_id, 2000, observed_ms=self.now_ms))
        self.now_ms += 500
        return None

    def interrupt(self, message_id, later):
        self.now_ms += 1200
        self.send(ev.Interrupt(observed_ms=self.now_ms))
        heard = " ".join(WORDS.split()[:4])
        self.send(ev.OutputPlaybackFinished(message_id, 1200, True, heard, observed_ms=self.now_ms))
        self.send(ev.SessionReconciliationAcknowledged("truncate", message_id))
        for each in later:
            self.send(ev.SessionReconciliationAcknowledged("remove", each))
        self.now_ms += 500
