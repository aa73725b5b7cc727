"""A conversation by WebRTC with a page in a real Chromium, and sounds that say where in a message they are."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

import numpy as np

from speech_lifecycle.adapters.outputs.webrtc import WebRtcCall, WebRtcServer

if TYPE_CHECKING:
    from playwright.async_api import Browser, Page


class OpenCall:
    """A page that is connected."""

    call: WebRtcCall

    def __init__(self, server: WebRtcServer, page: Page, calls: asyncio.Queue[WebRtcCall]) -> None:
        self.server = server
        self.page = page
        self._calls = calls
        self.complaints: list[str] = []
        """What the page's console says is wrong."""
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda said: said.type == "error" and self.complaints.append(said.text))

    async def click(self) -> None:
        """Begin a conversation."""
        await self.page.click("#talk")
        self.call = await asyncio.wait_for(self._calls.get(), 60)


async def _wait(call: WebRtcCall) -> None:
    await asyncio.Event().wait()


@asynccontextmanager
async def open_call(
    browser: Browser, converse: Callable[[WebRtcCall], Awaitable[object]] = _wait, **options: Any
) -> AsyncIterator[OpenCall]:
    """Serve the page, open it, and click."""
    calls: asyncio.Queue[WebRtcCall] = asyncio.Queue()

    async def hold(call: WebRtcCall) -> None:
        calls.put_nowait(call)
        await converse(call)

    async with WebRtcServer(hold, **options) as server:
        page = await browser.new_page()
        opened = OpenCall(server, page, calls)
        await page.goto(server.url)
        await opened.click()
        yield opened
        with suppress(Exception):  # a test may have closed it
            await page.close()


# Sounds that say where they are: a jitter buffer stretches, and fills gaps, so that lengths say little.

_LOWEST_HZ, _HZ_PER_MS = 400.0, 2.0
_LOUD = 500
_WINDOW_MS = 20


def sweep(from_ms: float, length_ms: float, rate: int) -> np.ndarray:
    """Return a part of a sweep, continuous from part to part: 2 Hz higher with each millisecond."""
    at_ms = from_ms + np.arange(round(length_ms * rate / 1000)) * 1000 / rate
    phase = 2 * np.pi * (_LOWEST_HZ * at_ms + _HZ_PER_MS * at_ms**2 / 2) / 1000
    return (8_000 * np.sin(phase)).astype("<i2")


def sweep_base64(number: int, start_ms: int, length_ms: int, audio_format: object = None, *, before_ms: int) -> str:
    """Return what `tone_base64` does, of a sweep that goes on from message to message."""
    return base64.b64encode(sweep(start_ms + before_ms * number, length_ms, 24_000).tobytes()).decode()


def swept_ms(recorded: bytes, rate: int) -> float:
    """Return where in the sweep the last of what was recorded is; 0 of silence."""
    samples = np.frombuffer(recorded, "<i2").astype(float)
    loud = np.flatnonzero(np.abs(samples) > _LOUD)
    size = _WINDOW_MS * rate // 1000
    if loud.size == 0 or loud[-1] < size:
        return 0.0
    window = samples[loud[-1] + 1 - size : loud[-1] + 1] * np.hanning(size)
    spectrum = np.abs(np.fft.rfft(window, 2**15))
    peak_hz = float(np.argmax(spectrum)) * rate / 2**15
    return (peak_hz - _LOWEST_HZ) / _HZ_PER_MS + _WINDOW_MS / 2
