"""The clock that LiveKit stamps its own items with."""

from livekit.agents import llm


def livekit_time_s() -> float:
    """Return the time by the clock that LiveKit stamps its own items with."""
    return llm.ChatMessage(role="system", content=[]).created_at
