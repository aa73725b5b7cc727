"""A web server for pages that speak: it serves the page, and holds a conversation with each tab."""

from __future__ import annotations

import asyncio
import logging
import mimetypes
import re
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from .frames import MAX_FRAME_BYTES
from .output import BrowserOutput
from .tab import BrowserTab

try:
    from aiohttp import WSCloseCode, WSMsgType, web
except ImportError as error:
    raise ImportError("the browser needs aiohttp: pip install 'speech-lifecycle[browser]'") from error

from ...local_site import HEADERS, own_origins

logger = logging.getLogger(__name__)

Converse = Callable[[BrowserTab], Awaitable[object]]

PAGE = Path(__file__).parent / "page"
"""The page that is served by default, and the modules that every page needs."""

_HEARTBEAT_S = 10.0
_PARTING_S = 1.0
"""How long a page may take to answer that it is let go."""
_KEY = re.compile(r"[A-Za-z0-9_-]{16,64}")
_REASON_BYTES = 123
"""A closing frame of a WebSocket holds no more."""


@dataclass
class _Conversation:
    """A tab, the task that talks to it, and its page, if it has one."""

    tab: BrowserTab
    task: asyncio.Task[None]
    socket: web.WebSocketResponse | None = None
    leaving: asyncio.TimerHandle | None = None


class BrowserServer:
    """Used as `async with BrowserServer(converse) as server:`; then `server.url` is to be opened.

    `converse(tab)` is called for every tab. It is cancelled when the tab has had no page for `linger_ms`; when it
    returns or raises, the page is told. Unless told otherwise, only this machine can connect, and only pages of this
    server: another site's, opened in the same browser, are refused.
    """

    def __init__(
        self,
        converse: Converse,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        folders: Iterable[Path] = (),
        origins: Sequence[str] = (),
        sample_rate: int = 24_000,
        shows_text: bool = False,
        max_tabs: int = 8,
        linger_ms: float = 10_000,
        patience_ms: float = 3_000,
    ) -> None:
        """Prepare.

        Args:
            converse: talks to a tab.
            host: the address to listen on.
            port: 0 for a free one.
            folders: of files that are served besides the page's own, and before them: an `index.html` is the page.
            origins: from which pages may connect, such as `https://my.site`, if they are served from elsewhere.
            sample_rate: of the conversation's audio.
            shows_text: whether the page shows texts.
            max_tabs: how many conversations there may be at once. One more is refused.
            linger_ms: how long a conversation waits for a page that is loaded anew.
            patience_ms: of each output.
        """
        self._converse = converse
        self._host = host
        self._port = port
        self._files = {path.name: path for folder in (PAGE, *folders) for path in sorted(folder.iterdir())}
        self._origins = tuple(origins)
        self._sample_rate = sample_rate
        self._shows_text = shows_text
        self._max_tabs = max_tabs
        self._linger_ms = linger_ms
        self._patience_ms = patience_ms
        self._conversations: dict[str, _Conversation] = {}
        self._runner: web.AppRunner | None = None
        self.refused = 0
        """Connections that were refused: of another site's page, or one too many."""

    @property
    def url(self) -> str:
        """Where the page is."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self._port}/"

    @property
    def tabs(self) -> list[BrowserTab]:
        """Those with which a conversation goes on."""
        return [conversation.tab for conversation in self._conversations.values()]

    async def __aenter__(self) -> BrowserServer:
        """Begin to listen.

        Raises:
            OSError: the port is taken, or the address is none of this machine's.
        """
        app = web.Application()
        app.router.add_get("/socket", self._connect)
        app.router.add_get("/{name:[^/]*}", self._serve_file)
        runner = self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        try:
            await web.TCPSite(runner, self._host, self._port).start()
        except OSError:
            await runner.cleanup()
            raise
        self._port = runner.addresses[0][1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End every conversation, and stop listening."""
        tasks = [conversation.task for conversation in self._conversations.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._runner is not None:
            await self._runner.cleanup()

    async def _serve_file(self, request: web.Request) -> web.StreamResponse:
        path = self._files.get(request.match_info["name"] or "index.html")
        if path is None or not path.is_file():
            raise web.HTTPNotFound(text="there is no such page")
        kind = mimetypes.types_map.get(path.suffix, "application/octet-stream")
        return web.Response(body=path.read_bytes(), content_type=kind, charset="utf-8", headers=HEADERS)

    async def _connect(self, request: web.Request) -> web.StreamResponse:
        origin = request.headers.get("Origin", "")
        if origin not in self._allowed_origins():
            self.refused += 1
            logger.warning("a page of %r was refused: it is not of this server", origin)
            raise web.HTTPForbidden(text="this conversation is for pages of its own server")
        socket = web.WebSocketResponse(
            max_msg_size=MAX_FRAME_BYTES, heartbeat=_HEARTBEAT_S, timeout=_PARTING_S, compress=False
        )
        await socket.prepare(request)
        conversation = self._conversation_of(request.query.get("key", ""))
        if conversation is None:
            self.refused += 1
            await _close(socket, WSCloseCode.TRY_AGAIN_LATER, "too many conversations: close another tab first")
            return socket
        await self._speak(conversation, socket)
        return socket

    def _allowed_origins(self) -> set[str]:
        return {*self._origins, *own_origins(self._host, self._port)}

    def _conversation_of(self, key: str) -> _Conversation | None:
        """Return the conversation that a page belongs to, a new one if there is none; None if there are too many."""
        if key in self._conversations:
            return self._conversations[key]
        if len(self._conversations) >= self._max_tabs:
            return None
        if not _KEY.fullmatch(key):
            key = secrets.token_urlsafe(16)
        output = BrowserOutput(
            sample_rate=self._sample_rate, shows_text=self._shows_text, patience_ms=self._patience_ms
        )
        tab = BrowserTab(output, key)
        task = asyncio.get_running_loop().create_task(self._hold(tab), name="conversation with a tab")
        conversation = self._conversations[key] = _Conversation(tab, task)
        return conversation

    async def _hold(self, tab: BrowserTab) -> None:
        code, reason = WSCloseCode.OK, "the conversation is over"
        try:
            await self._converse(tab)
        except Exception:
            logger.exception("a conversation with a tab has failed")
            code, reason = WSCloseCode.INTERNAL_ERROR, "the conversation has failed"
        finally:
            conversation = self._conversations.pop(tab.key)
            if conversation.leaving is not None:
                conversation.leaving.cancel()
            await tab.output.aclose()
            await tab.output.drained()
            if conversation.socket is not None:
                await _close(conversation.socket, code, reason)

    async def _speak(self, conversation: _Conversation, socket: web.WebSocketResponse) -> None:
        """Be the page of a conversation until it is closed, or another one is."""
        before, conversation.socket = conversation.socket, socket
        if conversation.leaving is not None:
            conversation.leaving.cancel()
            conversation.leaving = None
        tab = conversation.tab

        async def send(frame: str | bytes) -> None:
            await (socket.send_bytes(frame) if isinstance(frame, bytes) else socket.send_str(frame))

        page = asyncio.ensure_future(
            tab.output.run(
                send,
                _frames(socket),
                on_microphone=tab.take_microphone,
                on_asked=tab.take_question,
                on_state=tab.note_state,
            )
        )
        try:
            if before is not None:
                await _close(before, WSCloseCode.POLICY_VIOLATION, "this conversation has gone on in another page")
            await page
        finally:
            page.cancel()
        if conversation.socket is socket:
            conversation.socket = None
            if not conversation.task.done():
                loop = asyncio.get_running_loop()
                conversation.leaving = loop.call_later(self._linger_ms / 1000, conversation.task.cancel)


async def _frames(socket: web.WebSocketResponse) -> AsyncIterator[str | bytes]:
    """Yield what a page sends, until it is gone or has sent too much at once."""
    async for message in socket:
        if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
            yield message.data


async def _close(socket: web.WebSocketResponse, code: WSCloseCode, reason: str) -> None:
    await socket.close(code=code, message=reason.encode()[:_REASON_BYTES])
