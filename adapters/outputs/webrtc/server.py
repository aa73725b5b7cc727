"""A server for pages that speak WebRTC: it serves the page, answers its offer, and holds a conversation with each."""

from __future__ import annotations

import asyncio
import json
import logging
import mimetypes
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from ..resampler import Resampler
from .line_playback import LINE_RATE
from .output import WebRtcOutput

try:
    from aiohttp import web
    from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
    from aiortc.mediastreams import MediaStreamError
    from av import AudioFrame
except ImportError as error:
    raise ImportError("WebRTC needs aiortc and aiohttp: pip install 'speech-lifecycle[webrtc]'") from error

logger = logging.getLogger(__name__)

PAGE = Path(__file__).parent / "page"
"""The page, and `speech.js` for pages of others."""
MAX_OFFER_BYTES = 65_536
_KEPT_PIECES = 100
"""Of the microphone's sound, 20 ms each: what nobody takes for two seconds is old."""
_PATIENCE_S = 20.0
"""How long a page may take from its offer to its data channel."""
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self'; "
    "connect-src 'self'; img-src data:; media-src 'self' blob:",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


class WebRtcCall:
    """A page that is connected: where the agent speaks, and what the user says."""

    def __init__(self, output: WebRtcOutput) -> None:
        self.output = output
        self._pieces: asyncio.Queue[bytes] = asyncio.Queue(_KEPT_PIECES)

    async def microphone(self) -> AsyncIterator[bytes]:
        """Yield what the user says, 16-bit mono PCM at the output's sample rate, as it comes; for ever."""
        while True:
            yield await self._pieces.get()

    async def listen(self, track: MediaStreamTrack) -> None:
        """Take what comes over a track of the page until it ends; the oldest goes if nobody takes it."""
        resampler = Resampler(LINE_RATE, self.output.sample_rate)
        while True:
            try:
                frame = await track.recv()
            except MediaStreamError:
                return
            if not isinstance(frame, AudioFrame):
                continue
            channels = frame.to_ndarray().reshape(-1, len(frame.layout.channels))
            pcm = channels.mean(axis=1).astype("<i2").tobytes()
            if self._pieces.full():
                self._pieces.get_nowait()
            self._pieces.put_nowait(pcm if self.output.sample_rate == LINE_RATE else resampler.take(pcm))


Converse = Callable[[WebRtcCall], Awaitable[object]]


class WebRtcServer:
    """Used as `async with WebRtcServer(converse) as server:`; then pages may be opened at `server.url`.

    `converse(call)` is called for every page that connects, and cancelled when it is gone; when it returns or raises,
    the connection is closed. Offers of other sites' pages are refused, and so is one more than `max_calls`.
    """

    def __init__(
        self,
        converse: Converse,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        folders: Sequence[Path] = (),
        origins: Sequence[str] = (),
        sample_rate: int = 24_000,
        max_calls: int = 8,
        patience_ms: float = 3_000,
        configuration: RTCConfiguration | None = None,
    ) -> None:
        """Prepare.

        Args:
            converse: talks to a page.
            host: the address to listen on.
            port: 0 for a free one.
            folders: of files that are served besides the page's own, and before them: an `index.html` is the page.
            origins: from which pages may connect, such as `https://my.site`, if they are served from elsewhere.
            sample_rate: of the conversation's audio.
            max_calls: how many conversations there may be at once.
            patience_ms: of each output.
            configuration: aiortc's; by default without a STUN server, for pages in this network.
        """
        self._converse = converse
        self._host = host
        self._port = port
        self._files = {path.name: path for folder in (PAGE, *folders) for path in sorted(folder.iterdir())}
        self._origins = tuple(origins)
        self._sample_rate = sample_rate
        self._max_calls = max_calls
        self._patience_ms = patience_ms
        self._configuration = configuration or RTCConfiguration(iceServers=[])
        self._tasks: set[asyncio.Task[None]] = set()
        self._leaving: set[asyncio.Future[None]] = set()
        self._runner: web.AppRunner | None = None
        self.refused = 0
        """Offers that were refused."""

    @property
    def url(self) -> str:
        """Where the page is."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self._port}/"

    async def __aenter__(self) -> WebRtcServer:
        """Begin to listen.

        Raises:
            OSError: the port is taken, or the address is none of this machine's.
        """
        app = web.Application(client_max_size=MAX_OFFER_BYTES)
        app.router.add_post("/offer", self._answer)
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
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*self._leaving, return_exceptions=True)
        if self._runner is not None:
            await self._runner.cleanup()

    async def _serve_file(self, request: web.Request) -> web.StreamResponse:
        path = self._files.get(request.match_info["name"] or "index.html")
        if path is None or not path.is_file():
            raise web.HTTPNotFound(text="there is no such page")
        kind = mimetypes.types_map.get(path.suffix, "application/octet-stream")
        return web.Response(body=path.read_bytes(), content_type=kind, charset="utf-8", headers=_HEADERS)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        hosts = {self._host, "127.0.0.1", "localhost", "[::1]"}
        origin = request.headers.get("Origin", "")
        if origin not in {*self._origins, *(f"http://{host}:{self._port}" for host in hosts)}:
            self.refused += 1
            logger.warning("an offer of %r was refused: it is not of this server", origin)
            raise web.HTTPForbidden(text="this conversation is for pages of its own server")
        if len(self._tasks) >= self._max_calls:
            self.refused += 1
            raise web.HTTPServiceUnavailable(text="too many conversations: close another page first")
        connection = RTCPeerConnection(self._configuration)
        call = WebRtcCall(WebRtcOutput(connection, sample_rate=self._sample_rate, patience_ms=self._patience_ms))
        task = asyncio.get_running_loop().create_task(self._hold(connection, call), name="conversation by WebRTC")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            answer = await _negotiate(connection, await request.text())
        except ValueError as error:
            task.cancel()
            await connection.close()  # the task may not have begun
            raise web.HTTPBadRequest(text=f"that is no offer of a page: {error}") from None
        headers = {"Access-Control-Allow-Origin": origin} if origin in self._origins else {}
        return web.json_response({"type": answer.type, "sdp": answer.sdp}, headers=headers)

    async def _hold(self, connection: RTCPeerConnection, call: WebRtcCall) -> None:
        tasks: set[asyncio.Future[Any]] = set()

        def hear(track: MediaStreamTrack) -> None:
            if track.kind == "audio":
                tasks.add(asyncio.ensure_future(call.listen(track)))

        connection.on("track", hear)
        try:
            await asyncio.wait_for(call.output.opened(), _PATIENCE_S)
            talking = asyncio.ensure_future(self._converse(call))
            leaves = asyncio.ensure_future(call.output.gone())
            tasks |= {talking, leaves}
            await asyncio.wait({talking, leaves}, return_when=asyncio.FIRST_COMPLETED)
            talking.cancel()
            (ended,) = await asyncio.gather(talking, return_exceptions=True)
            if isinstance(ended, Exception):
                logger.error("a conversation with a page has failed", exc_info=ended)
        except asyncio.TimeoutError:
            logger.warning("a page has made an offer, and never connected")
        finally:
            # Whoever is cancelled here a second time leaves nothing open.
            leaving = asyncio.ensure_future(_leave(connection, call, tasks))
            self._leaving.add(leaving)
            leaving.add_done_callback(self._leaving.discard)
            await asyncio.shield(leaving)


async def _leave(connection: RTCPeerConnection, call: WebRtcCall, tasks: set[asyncio.Future[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await call.output.aclose()
    await connection.close()


async def _negotiate(connection: RTCPeerConnection, offer: str) -> RTCSessionDescription:
    """Answer an offer.

    Raises:
        ValueError: it is none.
    """
    try:
        read = json.loads(offer)
        await connection.setRemoteDescription(RTCSessionDescription(read["sdp"], read["type"]))
        await connection.setLocalDescription(await connection.createAnswer())
    except Exception as error:  # aiortc raises whatever it stumbles over
        raise ValueError(repr(error)) from error
    return connection.localDescription
