"""LiveKit Agents: its realtime sessions and audio outputs in our words, and ours in its (docs/livekit.md)."""

try:
    import livekit.agents as _livekit_agents
except ImportError as error:
    raise ImportError("the LiveKit adapters need livekit-agents: pip install 'speech-lifecycle[livekit]'") from error

from .versions import warn_if_untested

warn_if_untested(_livekit_agents.__version__)

# The warning comes before anything of LiveKit that may have changed is touched.
from .watch import Watch, watch_session  # noqa: E402
from .watched_model import WatchedRealtimeModel  # noqa: E402

__all__ = ["Watch", "WatchedRealtimeModel", "watch_session"]
