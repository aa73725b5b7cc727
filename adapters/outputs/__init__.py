"""Outputs that play, and report what left them. Each is imported when it is first asked for, with what it needs."""

from typing import TYPE_CHECKING

from speech_lifecycle.fsm.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from .browser import BrowserOutput, BrowserServer
    from .clocked_output import ClockedOutput
    from .file_output import FileOutput
    from .queued_output import OutputMisuseError
    from .sound_card import SoundCardError, SoundCardOutput
    from .telephone import TelephoneOutput, TelephoneServer
    from .webrtc import WebRtcOutput, WebRtcServer
else:
    __getattr__ = lazy_exports(
        __name__,
        {
            "BrowserOutput": ".browser",
            "BrowserServer": ".browser",
            "ClockedOutput": ".clocked_output",
            "FileOutput": ".file_output",
            "OutputMisuseError": ".queued_output",
            "SoundCardError": ".sound_card",
            "SoundCardOutput": ".sound_card",
            "TelephoneOutput": ".telephone",
            "TelephoneServer": ".telephone",
            "WebRtcOutput": ".webrtc",
            "WebRtcServer": ".webrtc",
        },
    )

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})


__all__ = [
    "BrowserOutput",
    "BrowserServer",
    "ClockedOutput",
    "FileOutput",
    "OutputMisuseError",
    "SoundCardError",
    "SoundCardOutput",
    "TelephoneOutput",
    "TelephoneServer",
    "WebRtcOutput",
    "WebRtcServer",
]
