"""The realtime model that is given to an `AgentSession` to be watched."""

from .watch.model import WatchedRealtimeModel, WatchedRealtimeSession

__all__ = ["WatchedRealtimeModel", "WatchedRealtimeSession"]
