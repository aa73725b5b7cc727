"""A real Chromium without a screen, which plays into a sound room, and pages in it."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sound_room

from speech_lifecycle.adapters.outputs.browser import BrowserServer, BrowserTab

if TYPE_CHECKING:
    from playwright.async_api import Browser, Page


def chromium() -> str | None:
    """Where it is; None if it is not installed."""
    return shutil.which("chromium") or shutil.which("google-chrome")


def missing() -> str:
    """Say why there can be no browser here; "" if there can."""
    try:
        import playwright  # noqa: F401
    except ImportError as error:
        return str(error)
    return "" if chromium() else "needs chromium: make browser"


def sound_missing() -> str:
    """Say why there can be no browser that is heard; "" if there can."""
    return missing() or sound_room.missing()


@asynccontextmanager
async def open_browser(*arguments: str, microphone: Path | None = None) -> AsyncIterator[Browser]:
    """Start a browser. What is in the file is what the user says, once, from when a page listens."""
    from playwright.async_api import async_playwright

    heard = [
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-audio-capture={microphone}%noloop",
    ]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=chromium(),
            args=["--no-sandbox", *(heard if microphone else ()), *arguments],
            ignore_default_args=["--mute-audio"],
        )
        try:
            yield browser
        finally:
            await browser.close()


class OpenTab:
    """A conversation in a page that plays."""

    tab: BrowserTab

    def __init__(self, server: BrowserServer, page: Page, playing: asyncio.Queue[BrowserTab]) -> None:
        self.server = server
        self.page = page
        self._playing = playing
        self.complaints: list[str] = []
        """What the page's console says is wrong."""
        self.sent: list[Callable[[str | bytes], object]] = []
        """Who is given each frame that the page sends over its WebSocket."""
        page.on("websocket", lambda socket: socket.on("framesent", lambda frame: [take(frame) for take in self.sent]))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda said: said.type == "error" and self.complaints.append(said.text))

    async def click(self) -> None:
        """Begin a conversation."""
        await self.page.click("#talk")
        self.tab = await asyncio.wait_for(self._playing.get(), 60)


async def _wait(tab: BrowserTab) -> None:
    await asyncio.Event().wait()


@asynccontextmanager
async def open_tab(
    browser: Browser, converse: Callable[[BrowserTab], Awaitable[object]] = _wait, **options: Any
) -> AsyncIterator[OpenTab]:
    """Serve the page, open it, and click."""
    playing: asyncio.Queue[BrowserTab] = asyncio.Queue()

    async def hold(tab: BrowserTab) -> None:
        await tab.plays()
        playing.put_nowait(tab)
        await converse(tab)

    async with BrowserServer(hold, **options) as server:
        page = await browser.new_page()
        opened = OpenTab(server, page, playing)
        await page.goto(server.url)
        await opened.click()
        yield opened
        with suppress(Exception):  # a test may have closed it
            await page.close()
