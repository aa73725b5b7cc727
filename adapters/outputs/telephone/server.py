"""A server that answers telephone calls: it takes carriers' media streams, and holds a conversation with each."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import http
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from types import TracebackType

from .dialects import TWILIO, Dialect
from .output import TelephoneOutput

try:
    from websockets.asyncio.server import Server, ServerConnection, serve
    from websockets.http11 import Request, Response
except ImportError as error:
    raise ImportError("the telephone needs websockets: pip install 'speech-lifecycle[telephone]'") from error

logger = logging.getLogger(__name__)

_MAX_FRAME_BYTES = 2**16
_MAX_FRAMES_WAITING = 64
"""Of a stream whose frames are not taken as fast as they come."""
_KEPT_PIECES = 100
"""Of the caller's sound, 20 ms each: what nobody takes for two seconds is old."""
_PARTING_S = 1.0


class PhoneCall:
    """A call: where the agent speaks, and what the caller says."""

    def __init__(self, output: TelephoneOutput) -> None:
        self.output = output
        self._pieces: asyncio.Queue[bytes] = asyncio.Queue(_KEPT_PIECES)

    async def caller(self) -> AsyncIterator[bytes]:
        """Yield what the caller says, 16-bit mono PCM at the output's sample rate, as it comes; for ever."""
        while True:
            yield await self._pieces.get()

    async def take_caller(self, pcm: bytes) -> None:
        """Keep what the caller says; the oldest goes if nobody takes it."""
        if self._pieces.full():
            self._pieces.get_nowait()
        self._pieces.put_nowait(pcm)


Converse = Callable[[PhoneCall], Awaitable[object]]


class TelephoneServer:
    """Used as `async with TelephoneServer(converse) as server:`; then carriers may connect to `server.url`.

    `converse(call)` is called for every call, and cancelled when the caller has hung up; when it returns or raises, the
    stream is closed. Pages in a browser are refused, because no carrier has an origin; so is one call more than
    `max_calls`, and a stream that Twilio has not signed, if its secret is given. The carrier's name, TLS and a public
    address are the business of what stands in front.
    """

    def __init__(
        self,
        converse: Converse,
        dialect: Dialect = TWILIO,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        auth_token: str | None = None,
        public_url: str | None = None,
        sample_rate: int = 24_000,
        max_calls: int = 8,
        patience_ms: float = 10_000,
    ) -> None:
        """Prepare.

        Args:
            converse: talks to a caller.
            dialect: of the carrier.
            host: the address to listen on.
            port: 0 for a free one.
            auth_token: the secret of the account at Twilio. With it, what has no valid `X-Twilio-Signature` is refused.
            public_url: what Twilio signs: the `url` of `<Stream>`, as `wss://my.host/call`. It needs the secret.
            sample_rate: of the conversation's audio.
            max_calls: how many calls there may be at once.
            patience_ms: how long a connection may take to start its stream.

        Raises:
            ValueError: there is only one of `auth_token` and `public_url`, or the dialect is not Twilio's.
        """
        if (auth_token is None) != (public_url is None) or auth_token == "":
            raise ValueError("auth_token and public_url belong together: Twilio signs the one with the other")
        if auth_token is not None and dialect is not TWILIO:
            raise ValueError(f"auth_token is Twilio's, and the dialect is {dialect.name}'s")
        self._converse = converse
        self._dialect = dialect
        self._host = host
        self._port = port
        self._secret = None if auth_token is None or public_url is None else (auth_token, public_url)
        self._sample_rate = sample_rate
        self._max_calls = max_calls
        self._patience_s = patience_ms / 1000
        self._server: Server | None = None
        self._tasks: dict[PhoneCall, asyncio.Task[None]] = {}
        self.refused = 0
        """Connections that were refused."""

    @property
    def url(self) -> str:
        """Where streams are taken, on this machine."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"ws://{host}:{self._port}/"

    @property
    def calls(self) -> list[PhoneCall]:
        """Those that go on."""
        return list(self._tasks)

    async def __aenter__(self) -> TelephoneServer:
        """Begin to listen.

        Raises:
            OSError: the port is taken, or the address is none of this machine's.
        """
        self._server = await serve(
            self._answer,
            self._host,
            self._port,
            process_request=self._admit,
            max_size=_MAX_FRAME_BYTES,
            max_queue=_MAX_FRAMES_WAITING,
            close_timeout=_PARTING_S,
            compression=None,
        )
        self._port = next(iter(self._server.sockets)).getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End every call, and stop listening."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        why = self._reason_to_refuse(request)
        if why is None:
            return None
        status, text = why
        self.refused += 1
        logger.warning("a media stream was refused: %s", text)
        return connection.respond(status, f"{text}\n")

    def _reason_to_refuse(self, request: Request) -> tuple[http.HTTPStatus, str] | None:
        if request.headers.get_all("Origin"):
            return http.HTTPStatus.FORBIDDEN, "calls come from carriers, not from pages"
        signatures = request.headers.get_all("X-Twilio-Signature")
        if self._secret is not None and not (len(signatures) == 1 and is_signed(*self._secret, signatures[0])):
            return http.HTTPStatus.FORBIDDEN, "Twilio has not signed this"
        if len(self._tasks) >= self._max_calls:
            return http.HTTPStatus.SERVICE_UNAVAILABLE, "too many calls"
        return None

    async def _answer(self, socket: ServerConnection) -> None:
        if len(self._tasks) >= self._max_calls:  # others were let in while this one shook hands
            self.refused += 1
            await socket.close(1013, "too many calls")
            return
        output = TelephoneOutput(socket.send, self._dialect, sample_rate=self._sample_rate)
        call = PhoneCall(output)
        task = self._tasks[call] = asyncio.ensure_future(self._hold(call, socket))
        patience = asyncio.get_running_loop().call_later(self._patience_s, self._lose_patience, call)
        try:
            await asyncio.wait([task])
        finally:
            patience.cancel()
            task.cancel()
            del self._tasks[call]

    def _lose_patience(self, call: PhoneCall) -> None:
        if not call.output.has_begun:
            logger.warning("a connection was closed that has not started a stream")
            self._tasks[call].cancel()

    async def _hold(self, call: PhoneCall, socket: ServerConnection) -> None:
        talking = asyncio.ensure_future(self._converse(call))
        listening = asyncio.ensure_future(call.output.run(socket, call.take_caller))
        try:
            await asyncio.wait({talking, listening}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (talking, listening):
                task.cancel()
            ended = await asyncio.gather(talking, listening, return_exceptions=True)
            await call.output.aclose()
            if isinstance(ended[0], Exception):
                logger.error("a conversation with a caller has failed", exc_info=ended[0])


def is_signed(auth_token: str, url: str, signature: str) -> bool:
    """Whether Twilio has signed a request for this URL without parameters, as that of a media stream is.

    The signature is the HMAC of the URL with SHA-1 and the account's secret, in base64 (Twilio, "Webhooks security").
    Twilio adds a slash to some URLs of streams before it signs them.
    """
    return any(
        hmac.compare_digest(signature_of(auth_token, each).encode(), signature.encode(errors="surrogateescape"))
        for each in (url, url.removesuffix("/"), url.removesuffix("/") + "/")
    )


def signature_of(auth_token: str, signed: str) -> str:
    """Return what Twilio sends as `X-Twilio-Signature` with a request: for its URL, and its parameters behind that."""
    return base64.b64encode(hmac.new(auth_token.encode(), signed.encode(), hashlib.sha1).digest()).decode()
