"""Where the lines come from: a file that grows, or the port of an agent. Both may begin anew at any time."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from aiohttp import ClientError, ClientSession, ClientTimeout

from .calls import WatchedCalls

_EVERY_S = 0.2
_PIECE = 1 << 18
LONGEST_LINE = 1 << 24


class Lines:
    """Puts pieces together to lines."""

    def __init__(self, take: Callable[[bytes], None]) -> None:
        self._take = take
        self.rest = b""
        """Of the line that has not ended."""

    def add(self, piece: bytes) -> None:
        """Take the next piece; of a line that is longer than any of a trace, the beginning."""
        *lines, self.rest = (self.rest + piece).split(b"\n")
        for line in lines:
            self._take(line + b"\n")
        self.rest = self.rest[:LONGEST_LINE]


async def follow_file(path: Path, calls: WatchedCalls) -> None:
    """Follow a file for ever: it may not be there yet, grow, be replaced, or be written anew."""
    while True:
        try:
            with path.open("rb") as file:
                calls.say("")
                calls.begin()
                await _follow_open(path, file, calls)
        except OSError as error:
            calls.say(f"{path}: {error.strerror}; waiting for it")
        await asyncio.sleep(_EVERY_S)


async def _follow_open(path: Path, file: BinaryIO, calls: WatchedCalls) -> None:
    """Read a file until there is another in its place."""
    lines = Lines(calls.take)
    while True:
        while piece := file.read(_PIECE):
            lines.add(piece)
            await asyncio.sleep(0)
        await asyncio.sleep(_EVERY_S)
        now, its = os.stat(path), os.fstat(file.fileno())
        if (now.st_dev, now.st_ino) != (its.st_dev, its.st_ino) or its.st_size < file.tell():
            return


async def follow_agent(url: str, calls: WatchedCalls) -> None:
    """Follow an agent for ever: it may not run yet, end, and be started again."""
    trace = ""
    async with ClientSession(timeout=ClientTimeout(total=None, sock_connect=5)) as client:
        while True:
            try:
                async with client.get(url) as answer:
                    if answer.status != 200:
                        calls.say(f"{url} answers {answer.status}: {(await answer.text())[:200]}")
                    else:
                        calls.say("")
                        before, trace = trace, answer.headers.get("X-Trace", "")
                        (calls.begin_again if trace and trace == before else calls.begin)()
                        lines = Lines(calls.take)
                        async for piece in answer.content.iter_chunked(_PIECE):
                            lines.add(piece)
                        calls.say(f"{url}: the agent has ended; waiting for another")
            except (ClientError, OSError, asyncio.TimeoutError) as error:
                calls.say(f"{url}: no agent answers there ({type(error).__name__}); waiting for one")
            await asyncio.sleep(_EVERY_S)
