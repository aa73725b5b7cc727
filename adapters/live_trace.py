"""A trace that can be watched while the agent runs: at a port of this machine."""

from __future__ import annotations

import asyncio
import logging
import secrets
import socket
from types import TracebackType

from speech_lifecycle.fsm.trace import Header, Record, definition_digest

from .kept_trace import KeptTrace
from .local_site import LOOPBACK, is_own, web

logger = logging.getLogger(__name__)

PORT = 8422
"""Where an agent is watched, unless it says otherwise."""
_KEPT_BYTES = 32_000_000
_MOST_WATCHERS = 8


class LiveTrace:
    """Give it to a driver, or to `watch_session`, as its `trace`; then `speech-lifecycle watch` shows what happens.

    It serves the trace, as JSON lines, to programs of this machine: who connects gets what is kept of it, and then what
    comes. Pages of other sites are refused. What is kept is bounded, and so is who may connect: a watcher that is slow
    is let go, and comes again. It serves as long as the event loop of the agent runs, which is the one in which it is
    made or first given a record.
    """

    def __init__(self, port: int = PORT, *, sample_rate: int = 24_000, max_bytes: int = _KEPT_BYTES) -> None:
        """Take the port.

        Args:
            port: 0 for a free one, which `url` then tells.
            sample_rate: of the agent's audio.
            max_bytes: of the trace that are kept for who comes late.

        Raises:
            OSError: the port is taken, such as by another agent.
        """
        self._kept = KeptTrace(Header(definition=definition_digest(), sample_rate=sample_rate), max_bytes)
        self._name = secrets.token_hex(8)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._socket.bind((LOOPBACK, port))
            self._socket.listen()
        except OSError:
            self._socket.close()
            raise
        self._port: int = self._socket.getsockname()[1]
        self._serving: asyncio.Task[None] | None = None
        self._news: asyncio.Event | None = None
        self._watchers = 0
        self._begin()

    @property
    def url(self) -> str:
        """Where it is watched."""
        return f"http://{LOOPBACK}:{self._port}/"

    def __call__(self, record: Record) -> None:
        """Keep a record, and tell who watches."""
        self._kept.take(record)
        self._begin()
        if self._news is not None:
            self._news.set()

    async def aclose(self) -> None:
        """Let all watchers go, and leave the port. A second call does nothing."""
        if self._serving is not None and not self._serving.done():
            self._serving.cancel()
            await asyncio.gather(self._serving, return_exceptions=True)
        self._socket.close()

    async def __aenter__(self) -> LiveTrace:
        """Return itself."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close."""
        await self.aclose()

    def _begin(self) -> None:
        """Serve, once there is an event loop."""
        if self._serving is not None:
            return
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return
        self._news = asyncio.Event()
        self._serving = loop.create_task(self._serve(), name="the trace that is watched")

    async def _serve(self) -> None:
        app = web.Application()
        app.router.add_get("/", self._send_trace)
        runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=1.0)
        await runner.setup()
        try:
            await web.SockSite(runner, self._socket).start()
            await asyncio.Event().wait()
        finally:
            await runner.cleanup()

    async def _send_trace(self, request: web.Request) -> web.StreamResponse:
        if not is_own(request, self._port):
            logger.warning(
                "a page of %r was refused: only programs of this machine may watch", request.headers.get("Origin")
            )
            raise web.HTTPForbidden(text="this trace is for programs of this machine")
        if self._watchers >= _MOST_WATCHERS:
            raise web.HTTPServiceUnavailable(text="too many watch already")
        self._watchers += 1
        try:
            answer = web.StreamResponse(headers={"X-Trace": self._name, "Cache-Control": "no-store"})
            answer.content_type = "application/jsonl"
            await answer.prepare(request)
            await self._follow(answer)
        except ConnectionError:
            pass  # nobody watches any more
        finally:
            self._watchers -= 1
        return answer

    async def _follow(self, answer: web.StreamResponse) -> None:
        """Send all lines as they come, until the watcher is gone, or has missed some."""
        sent: int | None = None
        while (lines := self._kept.since(sent)) is not None:
            sent = self._kept.end
            if lines:
                await answer.write(b"".join(lines))
                continue
            assert self._news is not None
            self._news.clear()
            await self._news.wait()
