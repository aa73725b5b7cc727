"""A machine beside each conversation of an `AgentSession`."""

from .performing import WatchEvent
from .watch import Watch, watch_session

__all__ = ["Watch", "WatchEvent", "watch_session"]
