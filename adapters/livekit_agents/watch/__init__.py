"""A machine beside each speech of an `AgentSession`."""

from .watch import Watch, WatchEvent, watch_session

__all__ = ["Watch", "WatchEvent", "watch_session"]
