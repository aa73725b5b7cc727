"""What the parts report: the lifecycle's own events, and what LiveKit does that the lifecycle has no event for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Protocol

from livekit.agents import llm

from speech_lifecycle.fsm import events as ev

from ..response import Response

Modalities = list[Literal["text", "audio"]]


@dataclass(frozen=True, slots=True)
class ResponseRequested:
    """The framework asks for a response, and waits until the lifecycle has sent its request."""


@dataclass(frozen=True, slots=True)
class ResponseAnnounced:
    """The framework has heard of a response."""


@dataclass(frozen=True, slots=True)
class SpeechHandleDone:
    """The framework is done with a response."""


@dataclass(frozen=True, slots=True)
class AgentSpoke:
    """The framework announced the agent as speaking."""


@dataclass(frozen=True, slots=True)
class FlushRequested:
    """The framework has given the output all of a message."""

    message_id: str


@dataclass(frozen=True, slots=True)
class ClearRequested:
    """The framework, or somebody else, wants the output to stop what it plays."""


@dataclass(frozen=True, slots=True)
class CancelRequested:
    """The framework wants what is being generated to be cancelled."""

    session: llm.RealtimeSession[Any]
    may_be_for_a_request: bool
    """A request of it is unanswered, and may be what it means."""


@dataclass(frozen=True, slots=True)
class TruncationRequested:
    """The framework wants the server to keep the beginning of a message."""

    message_id: str
    modalities: Modalities
    audio_end_ms: int


@dataclass(frozen=True, slots=True)
class ContextRequested:
    """The framework wants the server to have this context."""

    session: llm.RealtimeSession[Any]
    chat_ctx: llm.ChatContext


@dataclass(frozen=True, slots=True)
class ContextUpdated:
    """The server has the context that was asked for."""

    session: llm.RealtimeSession[Any]


@dataclass(frozen=True, slots=True)
class ItemAppeared:
    """The server has an item: a new one, or one that was brought back after a reconnection."""

    item: llm.ChatItem


@dataclass(frozen=True, slots=True)
class ConnectionLost:
    """The connection of a session is gone, and with it what the server remembered."""

    session: llm.RealtimeSession[Any]
    is_replaced: bool
    """There is another one already. LiveKit tells of a loss that it gets over when it has got over it."""
    took_a_response: bool
    """A response was under way. All else LiveKit brings back, as texts, and what had come of it plays on."""


@dataclass(frozen=True, slots=True)
class SessionClosed:
    """The framework has closed a session: it begins no other response there."""

    session: llm.RealtimeSession[Any]


FrameworkFact = (
    ResponseRequested
    | ResponseAnnounced
    | SpeechHandleDone
    | AgentSpoke
    | FlushRequested
    | ClearRequested
    | CancelRequested
    | TruncationRequested
    | ContextRequested
    | ContextUpdated
    | ItemAppeared
    | ConnectionLost
    | SessionClosed
)


class Report(Protocol):
    """The one place that all parts report to."""

    def __call__(self, fact: ev.Event | FrameworkFact, response: Response | None = None) -> None:
        """Take a fact.

        Args:
            fact: what happened.
            response: what it is about, if the fact names no message. A command without it is about every session.
        """
        ...
