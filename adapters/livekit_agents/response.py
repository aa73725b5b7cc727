"""A response of a realtime session, as LiveKit has it. What the lifecycle makes of it is not its business."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from livekit.agents import Agent, llm
from livekit.agents.voice import SpeechHandle

from .openai_events import OpenAIEvents


@dataclass(eq=False)
class Response:
    """One response, from the moment the server begins it."""

    id: str
    session: llm.RealtimeSession[Any]
    """The plugin's own, which generates it."""
    raw_events: OpenAIEvents
    """Those of its session."""
    end: asyncio.Future[None]
    """Done when the server has ended it."""
    is_requested: bool
    """The framework asked for it; else the server began it by itself."""
    agent: Agent = field(init=False)
    """The one that speaks."""
    handle: SpeechHandle | None = None
    """LiveKit's speech that plays it; None until it is known, and if the framework dropped the response."""
    was_pulled: bool = False
    """The framework has asked for content of it: it is played, or was."""
    is_cancelled: bool = False
    """The framework cancelled it."""

    @property
    def is_interrupted(self) -> bool:
        """Whether the framework has interrupted it."""
        return self.handle is not None and self.handle.interrupted

    @property
    def is_done(self) -> bool:
        """Whether the framework is done with it."""
        return self.handle is None or self.handle.done()
