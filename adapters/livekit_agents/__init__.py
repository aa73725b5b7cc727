"""LiveKit Agents: its realtime sessions and audio outputs in our words, and ours in its (docs/livekit.md)."""

try:
    import livekit.agents as _livekit_agents
except ImportError as error:
    raise ImportError("the LiveKit adapters need livekit-agents: pip install 'speech-lifecycle[livekit]'") from error

from .versions import warn_if_untested

warn_if_untested(_livekit_agents.__version__)
