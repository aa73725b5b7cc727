"""Runs `watch` until Ctrl-C."""

from __future__ import annotations

import asyncio
import webbrowser
from contextlib import suppress
from pathlib import Path

from speech_lifecycle.adapters.live_trace import PORT

from ..errors import UsageError
from ..terminal import console
from .calls import WatchedCalls
from .following import follow_agent, follow_file
from .server import WatchServer


def watch(what: str | None, port: int, *, opens: bool) -> None:
    """Serve until Ctrl-C.

    Raises:
        OSError: the port is taken.
        UsageError: the address is none.
    """
    with suppress(KeyboardInterrupt):
        asyncio.run(_watch(what or f"http://127.0.0.1:{PORT}/", port, opens=opens))
    console.print("\nstopped")


async def _watch(what: str, port: int, *, opens: bool) -> None:
    is_address = "://" in what
    if is_address and not what.startswith(("http://", "https://")):
        raise UsageError(f"{what}: give a file, or an address that begins with http://")
    calls = WatchedCalls(what if is_address else Path(what).name)
    follow = follow_agent(what, calls) if is_address else follow_file(Path(what), calls)
    following = asyncio.ensure_future(follow)
    try:
        async with WatchServer(calls, port) as server:
            console.print(f"watching {what}\n{server.url}\nCtrl-C ends it", soft_wrap=True)
            if opens:
                await asyncio.to_thread(webbrowser.open, server.url)
            await following
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        calls.close()
