"""A WebRTC connection as output: the agent speaks into a track, and the page says what of it was heard."""

from .output import WebRtcOutput
from .server import WebRtcCall, WebRtcServer

__all__ = ["WebRtcCall", "WebRtcOutput", "WebRtcServer"]
