"""A browser as loudspeaker and microphone: the output, its page, and a server for both."""

from typing import TYPE_CHECKING

from speech_lifecycle.fsm.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from .frames import PageFrameError
    from .output import BrowserOutput
    from .server import BrowserServer
    from .tab import BrowserTab
else:
    __getattr__ = lazy_exports(
        __name__,
        {
            "BrowserOutput": ".output",
            "BrowserServer": ".server",
            "BrowserTab": ".tab",
            "PageFrameError": ".frames",
        },
    )

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})


__all__ = ["BrowserOutput", "BrowserServer", "BrowserTab", "PageFrameError"]
