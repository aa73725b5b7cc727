"""One response of a LiveKit session, with the machine beside it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from livekit.agents import Agent
from livekit.agents.voice import SpeechHandle

from speech_lifecycle.fsm import effects as fx
from speech_lifecycle.fsm import events as ev
from speech_lifecycle.fsm.machine import SpeechMachine
from speech_lifecycle.fsm.state import Speech
from speech_lifecycle.fsm.values import MessageRecord, MessageState, SpeechState

from ...clock import ScheduledCall

if TYPE_CHECKING:
    from .model import WatchedRealtimeSession

Accrual = ev.SessionTextReceived | ev.SessionAudioReceived | ev.OutputAudioHandedOver | ev.OutputPlaybackProgressed
"""Events of which there are many, and that only add to one another."""


@dataclass(eq=False)
class WatchedSpeech:
    """A response, as the lifecycle and the framework see it."""

    id: str
    machine: SpeechMachine
    response_id: str
    session: WatchedRealtimeSession
    agent: Agent
    """The one that spoke."""
    response_end: asyncio.Future[None]
    """Done when the server has ended the response."""
    handle: SpeechHandle | None = None
    """LiveKit's speech that plays it; None until it is known, and if the framework dropped the response."""
    commits: dict[str, fx.CommitMessage] = field(default_factory=dict)
    """What the lifecycle says about its messages in history, by id."""
    received_ms: dict[str, float] = field(default_factory=dict)
    handed_over_ms: dict[str, float] = field(default_factory=dict)
    accruals: dict[tuple[type[Accrual], str], Accrual | None] = field(default_factory=dict)
    """What the machine has heard of, and what of it the machine has yet to hear."""
    state: SpeechState = "queued"
    """The one last reported."""
    message_states: dict[str, MessageState] = field(default_factory=dict)
    """Those last reported, by message."""
    timer: ScheduledCall | None = None
    is_announced: bool = False
    """The framework announced it as speaking, since it was last held."""
    was_announced: bool = False
    """The framework announced it as speaking at least once."""
    is_cancelled: bool = False
    """The framework cancelled its response."""
    history_is_settled: bool = False
    """Framework and lifecycle are both done with it, and its history was compared."""

    @property
    def snapshot(self) -> Speech:
        """The machine's present data. Read it, do not change it."""
        return self.machine.speech

    @property
    def is_over(self) -> bool:
        """Whether it is completed, interrupted or failed."""
        return self.snapshot.is_over

    @property
    def is_interrupted(self) -> bool:
        """Whether the framework has interrupted it."""
        return self.handle is not None and self.handle.interrupted

    @property
    def records(self) -> tuple[MessageRecord, ...]:
        """The records of the messages that are final, in the order of their announcement."""
        return self.snapshot.records

    def record(self, message_id: str) -> MessageRecord | None:
        """Return how a message ended, or None."""
        message = self.snapshot.messages.get(message_id)
        return message.record if message is not None else None
