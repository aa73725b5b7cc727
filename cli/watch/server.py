"""Serves the page of `watch`: what is asked for, and that there is news."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from types import TracebackType

import msgspec
from aiohttp import web
from aiohttp.typedefs import Handler

from speech_lifecycle.adapters.local_site import HEADERS, LOOPBACK, is_own
from speech_lifecycle.diagrams.report import policy, shell

from .calls import WatchedCalls

logger = logging.getLogger(__name__)

_NEWS_EVERY_S = 0.2
_SIGN_OF_LIFE_S = 10.0
_MOST_PAGES = 16
"""Browsers that are told of news at once."""


class WatchServer:
    """Used as `async with WatchServer(calls) as server:`; then `server.url` is to be opened, by any number of pages."""

    def __init__(self, calls: WatchedCalls, port: int = 0) -> None:
        """Prepare; port 0 is a free one."""
        self._calls = calls
        self._port = port
        self._told = 0
        self._runner: web.AppRunner | None = None
        self.refused = 0
        """Requests that were refused: of another site's page, or one too many."""

    @property
    def url(self) -> str:
        """Where the page is."""
        return f"http://{LOOPBACK}:{self._port}/"

    async def __aenter__(self) -> WatchServer:
        """Begin to listen.

        Raises:
            OSError: the port is taken.
            MissingExtraError: what draws the charts is not installed.
            RenderError: it failed.
        """
        self._shell = "".join(await asyncio.to_thread(lambda: shell(is_live=True))).encode()
        app = web.Application(middlewares=[self._guard])
        number = r"{call:\d{1,9}}"
        app.router.add_get("/", self._send_shell)
        app.router.add_get("/index", self._send_index)
        app.router.add_get("/news", self._send_news)
        app.router.add_get(rf"/pages/{number}/{{number:\d{{1,9}}}}", self._sender(self._calls.page))
        app.router.add_get(rf"/speeches/{number}/{{number:\d{{1,9}}}}", self._sender(self._calls.speech))
        runner = self._runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=1.0)
        await runner.setup()
        try:
            await web.TCPSite(runner, LOOPBACK, self._port).start()
        except OSError:
            await runner.cleanup()
            raise
        self._port = runner.addresses[0][1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if not is_own(request, self._port):
            self.refused += 1
            logger.warning("a page of %r was refused: it is not of this server", request.headers.get("Origin"))
            raise web.HTTPForbidden(text="this is for pages of this server", headers=HEADERS)
        return await handler(request)

    async def _send_shell(self, request: web.Request) -> web.StreamResponse:
        headers = {**HEADERS, "Content-Security-Policy": f"{policy()}; frame-ancestors 'none'"}
        return web.Response(body=self._shell, content_type="text/html", charset="utf-8", headers=headers)

    async def _send_index(self, request: web.Request) -> web.StreamResponse:
        return web.Response(
            body=msgspec.json.encode(self._calls.index()), content_type="application/json", headers=HEADERS
        )

    def _sender(self, find: Callable[[int, int], bytes | None]) -> Handler:
        async def send(request: web.Request) -> web.StreamResponse:
            found = find(int(request.match_info["call"]), int(request.match_info.get("number", 0)))
            if found is None:
                raise web.HTTPNotFound(text="there is no such thing", headers=HEADERS)
            headers = {**HEADERS, "Content-Encoding": "deflate"}
            return web.Response(body=found, content_type="application/json", headers=headers)

        return send

    async def _send_news(self, request: web.Request) -> web.StreamResponse:
        if self._told >= _MOST_PAGES:
            self.refused += 1
            raise web.HTTPServiceUnavailable(text="too many pages watch already", headers=HEADERS)
        self._told += 1
        try:
            answer = web.StreamResponse(headers=HEADERS)
            answer.content_type = "text/event-stream"
            await answer.prepare(request)
            told, quiet_s = -1, 0.0
            while True:
                if told != self._calls.revision or quiet_s >= _SIGN_OF_LIFE_S:
                    told, quiet_s = self._calls.revision, 0.0
                    await answer.write(b"data: %d\n\n" % told)
                await asyncio.sleep(_NEWS_EVERY_S)
                quiet_s += _NEWS_EVERY_S
        except ConnectionError:
            return answer  # the page is closed
        finally:
            self._told -= 1
