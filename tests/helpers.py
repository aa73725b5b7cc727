"""A small language for tests: a transcript of one speech, and speeches in wanted configurations."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from speech_lifecycle.fsm import Capabilities, Message, MessageRecord, Policy, Reply, Speech, SpeechMachine
from speech_lifecycle.fsm.effects import Effect, ReportSpeechDone
from speech_lifecycle.fsm.events import (
    Authorize,
    Event,
    Interrupt,
    OutputAudioHandedOver,
    OutputPlaybackFinished,
    OutputPlaybackStarted,
    Pause,
    SessionAudioReceived,
    SessionMessageAdded,
    SessionResponseCreated,
    SessionResponseEnded,
    SessionTextReceived,
)

E = TypeVar("E", bound=Effect)


class Transcript:
    """One speech, with everything it was told and everything it answered."""

    def __init__(self, *events: Event, capabilities: Capabilities | None = None, policy: Policy | None = None) -> None:
        self.machine = SpeechMachine(capabilities or Capabilities(), policy or Policy())
        self.effects: list[Effect] = []
        self.tell(*events)

    @property
    def speech(self) -> Speech:
        return self.machine.speech

    def send(self, event: Event) -> Reply:
        """Send an event, whatever the answer."""
        reply = self.machine.send(event)
        self.effects += reply.effects
        return reply

    def tell(self, *events: Event) -> tuple[Effect, ...]:
        """Send events that must be handled; return their effects."""
        effects: list[Effect] = []
        for event in events:
            reply = self.send(event)
            assert reply.kind == "handled", f"{event} was {reply.kind}: {getattr(reply, 'reason', '')}"
            effects += reply.effects
        return tuple(effects)

    def play(self, *ids: str) -> tuple[Effect, ...]:
        """Play messages to their ends, one after the other. Their sources must have ended."""
        effects: list[Effect] = []
        for message_id in ids:
            ms = self.message(message_id).received_ms
            effects += self.tell(
                OutputAudioHandedOver(message_id, ms),
                OutputPlaybackStarted(message_id),
                OutputPlaybackFinished(message_id, ms),
            )
        return tuple(effects)

    def of(self, *effect_types: type[E]) -> list[E]:
        """Return the effects of some types, so far."""
        return [effect for effect in self.effects if isinstance(effect, effect_types)]

    @property
    def state(self) -> str:
        return self.speech.state

    @property
    def states(self) -> dict[str, str]:
        """The messages' states."""
        return {message_id: message.state for message_id, message in self.speech.messages.items()}

    def message(self, message_id: str) -> Message:
        return self.speech.messages[message_id]

    def record(self, message_id: str) -> MessageRecord:
        record = self.message(message_id).record
        assert record is not None, f"{message_id} is {self.message(message_id).state}"
        return record

    @property
    def outcome(self) -> str:
        (done,) = self.of(ReportSpeechDone)
        return done.outcome


def only(effects: Iterable[Effect], *effect_types: type[E]) -> list[E]:
    """Return the effects of some types."""
    return [effect for effect in effects if isinstance(effect, effect_types)]


def text_of(message_id: str) -> str:
    return f"These are the words of {message_id}."


def audio_message(message_id: str, ms: int = 1000) -> tuple[Event, ...]:
    """An announcement, and all that the server has to say of it but its end."""
    return (
        SessionMessageAdded("r", message_id, ("audio",)),
        SessionTextReceived(message_id, text_of(message_id)),
        SessionAudioReceived(message_id, ms),
    )


def text_message(message_id: str) -> tuple[Event, ...]:
    return SessionMessageAdded("r", message_id, ("text",)), SessionTextReceived(message_id, text_of(message_id))


def queued(
    *ids: str,
    response_ended: bool = False,
    capabilities: Capabilities | None = None,
    policy: Policy | None = None,
) -> Transcript:
    """A speech without the floor, whose messages have each a second of audio from the server."""
    transcript = Transcript(SessionResponseCreated("r"), capabilities=capabilities, policy=policy)
    for message_id in ids:
        transcript.tell(*audio_message(message_id))
    if response_ended:
        transcript.tell(SessionResponseEnded("r"))
    return transcript


def waiting(*ids: str, **options: object) -> Transcript:
    """The same with the floor; nothing is heard yet."""
    transcript = queued(*ids, **options)  # type: ignore[arg-type]
    transcript.tell(Authorize())
    return transcript


def speaking(*ids: str, **options: object) -> Transcript:
    """The same, with all of the first message handed over and its first frame heard."""
    transcript = waiting(*ids, **options)
    transcript.tell(OutputAudioHandedOver(ids[0], 1000), OutputPlaybackStarted(ids[0]))
    return transcript


def interrupted(*ids: str, **options: object) -> Transcript:
    """The same, interrupted; the output has not yet said how far it got."""
    transcript = speaking(*ids, **options)
    transcript.tell(Interrupt())
    return transcript


def paused(*ids: str, **options: object) -> Transcript:
    """The same as `speaking`, held."""
    transcript = speaking(*ids, **options)
    transcript.tell(Pause())
    return transcript
