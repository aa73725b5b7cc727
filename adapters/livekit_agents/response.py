"""A response of a realtime session, as LiveKit has it. What the lifecycle makes of it is not its business."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from livekit.agents import Agent, llm
from livekit.agents.voice import SpeechHandle

from .openai_events import OpenAIEvents
from .request import Request


@dataclass(eq=False)
class Response:
    """One response, from the moment it is asked for, or the server begins it by itself."""

    session: llm.RealtimeSession[Any]
    """The plugin's own, which generates it."""
    raw_events: OpenAIEvents
    """Those of its session."""
    id: str = ""
    """The server's name for it; "" until it has begun."""
    is_requested: bool = False
    """The framework asked for it; else the server began it by itself."""
    request: Request | None = None
    """What asks for it, if it waits for the lifecycle to send it."""
    agent: Agent = field(init=False)
    """The one that speaks."""
    handle: SpeechHandle | None = None
    """LiveKit's speech that plays it; None until it is known, and if the framework dropped the response."""
    was_pulled: bool = False
    """The framework has asked for content of it: it is played, or was."""
    is_discarded: bool = False
    """The plugin cancels it by itself, and announces nothing of it: its request had been given up (N27)."""

    @property
    def is_interrupted(self) -> bool:
        """Whether the framework has interrupted it."""
        return self.handle is not None and self.handle.interrupted

    @property
    def is_done(self) -> bool:
        """Whether the framework is done with it."""
        return self.handle is None or self.handle.done()
