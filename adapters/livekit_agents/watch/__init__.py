"""A machine beside each speech of an `AgentSession`."""

from .performing import WatchEvent
from .watch import Watch, watch_session

__all__ = ["Watch", "WatchEvent", "watch_session"]
