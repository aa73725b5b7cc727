"""One response of a LiveKit session, with the machine beside it."""

from __future__ import annotations

from dataclasses import dataclass, field

from livekit.agents import Agent
from livekit.agents.voice import SpeechHandle

from speech_lifecycle.fsm import effects as fx
from speech_lifecycle.fsm import events as ev
from speech_lifecycle.fsm.state import Speech
from speech_lifecycle.fsm.values import MessageRecord, MessageState, SpeechState

from ..response import Response

Accrual = ev.SessionTextReceived | ev.SessionAudioReceived | ev.OutputAudioHandedOver | ev.OutputPlaybackProgressed
"""Events of which there are many, and that only add to one another."""


@dataclass(eq=False)
class WatchedSpeech:
    """A response, as the lifecycle and the framework see it."""

    id: str
    snapshot: Speech
    """The machine's present data. Read it, do not change it."""
    response: Response
    commits: dict[str, fx.CommitMessage] = field(default_factory=dict)
    """What the lifecycle says about its messages in history, by id."""
    state: SpeechState = Speech().state
    """The one last reported."""
    message_states: dict[str, MessageState] = field(default_factory=dict)
    """Those last reported, by message."""
    is_announced: bool = False
    """The framework announced it as speaking, since it was last held."""
    was_announced: bool = False
    """The framework announced it as speaking at least once."""
    history_is_settled: bool = False
    """Framework and lifecycle are both done with it, and its history was compared."""

    @property
    def response_id(self) -> str:
        """The server's name for the response; "" until it has begun."""
        return self.response.id

    @property
    def agent(self) -> Agent:
        """The one that spoke."""
        return self.response.agent

    @property
    def handle(self) -> SpeechHandle | None:
        """LiveKit's speech that plays it; None until it is known, and if the framework dropped the response."""
        return self.response.handle

    @property
    def is_over(self) -> bool:
        """Whether it is completed, interrupted or failed."""
        return self.snapshot.is_over

    @property
    def records(self) -> tuple[MessageRecord, ...]:
        """The records of the messages that are final, in the order of their announcement."""
        return self.snapshot.records

    def record(self, message_id: str) -> MessageRecord | None:
        """Return how a message ended, or None."""
        message = self.snapshot.messages.get(message_id)
        return message.record if message is not None else None
