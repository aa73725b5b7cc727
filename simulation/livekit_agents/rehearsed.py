"""What a rehearsal comes to: the accounts of listener, server, history and agent."""

from __future__ import annotations

from dataclasses import dataclass, field

from speech_lifecycle.adapters.livekit_agents.watch_events import ForbiddenStep, MessageStateChanged
from speech_lifecycle.fsm.values import MessageRecord

from ..conversation import RememberedMessage


@dataclass(frozen=True)
class Said:
    """An assistant message as the agent's history has it."""

    message_id: str
    text: str
    interrupted: bool


@dataclass
class Rehearsed:
    """What a rehearsal came to."""

    heard_ms: dict[str, int] = field(default_factory=dict)
    server: dict[str, RememberedMessage] = field(default_factory=dict)
    history: dict[str, Said] = field(default_factory=dict)
    """That of the agent that has the conversation in the end."""
    session_history: dict[str, Said] = field(default_factory=dict)
    agent_states: list[str] = field(default_factory=list)
    responses: int = 0
    """How many the server began."""
    server_errors: list[str] = field(default_factory=list)
    sent_ms: dict[str, int] = field(default_factory=dict)
    generated_text: dict[str, str] = field(default_factory=dict)
    shown_text: dict[str, str] = field(default_factory=dict)
    """Of messages without audio: what of their text was shown."""
    plays_audio: bool = True
    session_was_lost: bool = False
    came_to_its_end: bool = True
    unhandled: list[str] = field(default_factory=list)
    """Exceptions that nobody took, as far as they were collected in time."""
    forbidden_steps: list[ForbiddenStep] = field(default_factory=list)
    changes: list[MessageStateChanged] = field(default_factory=list)
    records: list[MessageRecord] = field(default_factory=list)
    """What the watch tells, if one watches."""
