"""What tests of a conversation are written with: a machine, and everything that it gave."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from speech_lifecycle.fsm import effects as fx
from speech_lifecycle.fsm import events as ev
from speech_lifecycle.fsm.conversation.machine import ConversationMachine
from speech_lifecycle.fsm.replies import Handled, Reply
from speech_lifecycle.fsm.state import Conversation, Speech
from speech_lifecycle.fsm.values import Capabilities, ConversationPolicy, Policy

E = TypeVar("E")
MS = 1000


class Talk:
    """A conversation, told one thing after the other. Responses are `r-NAME`, messages `m-NAME`."""

    def __init__(self, *, interruptible: bool = True, can_pause: bool = True, **policy: object) -> None:
        self.machine = ConversationMachine(
            Capabilities(can_pause=can_pause),
            ConversationPolicy(speech=Policy(interruptible=interruptible), **policy),  # type: ignore[arg-type]
        )
        self.effects: list[fx.Effect] = []

    @property
    def now(self) -> Conversation:
        return self.machine.conversation

    def speech(self, name: str) -> Speech:
        return self.now.speeches[name]

    def states(self) -> dict[str, str]:
        return {name: speech.state for name, speech in self.now.speeches.items()}

    def send(self, event: ev.Event) -> Reply:
        reply = self.machine.send(event)
        self.effects += reply.effects
        return reply

    def tell(self, *events: ev.Event) -> list[fx.Effect]:
        """Send events that must be handled; return the effects of these."""
        before = len(self.effects)
        for event in events:
            reply = self.send(event)
            assert type(reply) is Handled, f"{event}: {reply}"
        return self.effects[before:]

    def tells(self, *events: ev.Event) -> Talk:
        """Do the same, and return the conversation."""
        self.tell(*events)
        return self

    def answer(self, event: ev.Event) -> tuple[str, str]:
        """Send an event that nothing takes; return how it is answered."""
        reply = self.send(event)
        assert type(reply) is not Handled, f"{event}: {reply}"
        return reply.kind, reply.reason

    def ask(self, *names: str) -> list[fx.Effect]:
        return self.tell(*(ev.RequestResponse(name) for name in names))

    def respond(self, name: str) -> list[fx.Effect]:
        """The server begins the response that was asked for."""
        return self.tell(ev.SessionResponseCreated(f"r-{name}", name))

    def own(self, name: str) -> list[fx.Effect]:
        """The server begins a response by itself."""
        return self.tell(ev.SessionResponseCreated(f"r-{name}", new_speech_id=name))

    def arrive(self, name: str) -> list[fx.Effect]:
        """The whole message of a response arrives."""
        return self.tell(
            ev.SessionMessageAdded(f"r-{name}", f"m-{name}"),
            ev.SessionAudioReceived(f"m-{name}", MS),
            ev.SessionResponseEnded(f"r-{name}"),
        )

    def play(self, name: str) -> list[fx.Effect]:
        """The output begins to play the message."""
        return self.tell(ev.OutputAudioHandedOver(f"m-{name}", MS), ev.OutputPlaybackStarted(f"m-{name}"))

    def finish(self, name: str) -> list[fx.Effect]:
        return self.tell(ev.OutputPlaybackFinished(f"m-{name}", MS))

    def silence(self, name: str, heard_ms: int = 400) -> list[fx.Effect]:
        """The output was cleared, and the server does what it is asked then."""
        return self.tell(
            ev.OutputPlaybackFinished(f"m-{name}", heard_ms, interrupted=True),
            ev.SessionReconciliationAcknowledged("truncate", f"m-{name}"),
        )

    def speak(self, name: str) -> Talk:
        """A speech is asked for, and plays."""
        self.ask(name)
        self.respond(name)
        self.arrive(name)
        self.play(name)
        return self


def only(effects: Iterable[fx.Effect], *kinds: type[E]) -> list[E]:
    return [effect for effect in effects if isinstance(effect, kinds)]


def announced(effects: Iterable[fx.Effect]) -> list[str]:
    return [effect.state for effect in only(effects, fx.AnnounceAgentState)]


def asked(effects: Iterable[fx.Effect]) -> list[str]:
    return [effect.speech_id for effect in only(effects, fx.CreateResponse)]


def done(effects: Iterable[fx.Effect]) -> list[tuple[str, str]]:
    return [(effect.speech_id, effect.outcome) for effect in only(effects, fx.ReportSpeechDone)]
