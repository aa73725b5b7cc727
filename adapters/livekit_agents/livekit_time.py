"""The clock that LiveKit stamps its own items with."""

from livekit.agents import llm

ROUNDED_MS = 2.0
"""How much earlier than it was a time may seem, by rounding and by the step from one clock to the other."""


def livekit_time_s() -> float:
    """Return the time by the clock that LiveKit stamps its own items with."""
    return llm.ChatMessage(role="system", content=[]).created_at
