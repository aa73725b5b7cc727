"""Our driver on LiveKit's sessions and outputs, without an `AgentSession`."""

from .driving import drive, play_generation
from .output import LiveKitOutput
from .session import LiveKitSession

__all__ = ["LiveKitOutput", "LiveKitSession", "drive", "play_generation"]
