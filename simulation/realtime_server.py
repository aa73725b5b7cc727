"""A realtime server on loopback that speaks the OpenAI Realtime protocol over a real WebSocket.

Made for clients that exist (the `openai` SDK, agent frameworks), not for one of our own: it says what
the real server says, in the same order, and refuses what the real one refuses. What it says comes from
a script, and when it says it comes from a `Clock`.
"""

from __future__ import annotations

import hmac
import http
import itertools
import json
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import AsyncExitStack
from types import TracebackType
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from speech_lifecycle.adapters.clock import Clock, LoopClock

from .listener import Listener
from .realtime_session import RealtimeSession
from .script import DEFAULT_RESPONSE, ScriptedMessage, ScriptedResponse, ServerBehaviour
from .user_turns import Ear

_HOST = "127.0.0.1"
_DEFAULT_MODEL = "gpt-realtime"
# Appended audio may be 15 MiB, and base64 makes it a third longer.
_MAX_FRAME_BYTES = 24 * 1024 * 1024


class SimulatedRealtimeServer:
    """An asynchronous context manager: it listens on 127.0.0.1, on a free port, while it is entered.

    `sessions` lists every connection in the order of arrival, closed ones too. The script is one for the whole
    server, so a client that reconnects gets what comes next; `ServerBehaviour.after_loss` says what else it finds.
    """

    def __init__(
        self,
        responses: Iterable[ScriptedResponse] = (),
        *,
        clock: Clock | None = None,
        api_key: str | None = None,
        behaviour: ServerBehaviour | None = None,
        default_response: ScriptedResponse = DEFAULT_RESPONSE,
        call_listener: Listener | None = None,
        hears: Callable[[], Ear] | None = None,
        keeps_events: bool = True,
    ) -> None:
        """Take the script.

        clock: paces everything; the event loop's clock without one.
        api_key: what a client must present; any key will do without one.
        default_response: what to answer when the script is used up; it must not fix message ids.
        call_listener: who hears the audio if the server plays it by itself, as in a WebRTC or SIP call, and connections
            are beside the call; without one, the audio goes to the client.
        hears: makes what hears the user of a session, such as `voice_activity.VoiceActivity`; without it, the user
            speaks when `user_starts_speaking` says so.
        keeps_events: whether sessions keep what they received and sent, with all audio; not for runs of hours.

        Raises ValueError if a message id appears twice in the script, or in the default response.
        """
        self.clock: Clock = clock if clock is not None else LoopClock()
        self.behaviour = behaviour if behaviour is not None else ServerBehaviour()
        self.call_listener = call_listener
        self.keeps_events = keeps_events
        self._hears = hears
        self.sessions: list[RealtimeSession] = []
        self._api_key = api_key
        self._refusals = deque(self.behaviour.refuse_connections)
        self._script: deque[ScriptedResponse] = deque()
        self._scripted_ids: set[str] = set()
        if _message_ids(default_response):
            raise ValueError("the default response is repeated, so it cannot fix message ids")
        self._default_response = default_response
        self._counters: dict[str, itertools.count[int]] = {}
        self._port: int | None = None
        self._exit = AsyncExitStack()
        for response in responses:
            self.add_response(response)

    def add_response(self, response: ScriptedResponse) -> None:
        """Append to the script. Raises ValueError if a message id was in the script before."""
        ids = _message_ids(response)
        repeated = {message_id for message_id in ids if ids.count(message_id) > 1} | (self._scripted_ids & set(ids))
        if repeated:
            raise ValueError(f"message ids must be unique over the script: {', '.join(sorted(repeated))}")
        self._scripted_ids.update(ids)
        self._script.append(response)

    @property
    def port(self) -> int:
        """The port. Raises RuntimeError unless the server is entered."""
        if self._port is None:
            raise RuntimeError("the simulated realtime server is not running")
        return self._port

    @property
    def base_url(self) -> str:
        """The `base_url` for a client."""
        return f"http://{_HOST}:{self.port}/v1"

    @property
    def websocket_base_url(self) -> str:
        """The `websocket_base_url` for a client."""
        return f"ws://{_HOST}:{self.port}/v1"

    async def __aenter__(self) -> SimulatedRealtimeServer:
        """Begin to listen."""
        server = await self._exit.enter_async_context(
            serve(
                self._speak,
                _HOST,
                0,
                process_request=self._admit,
                # Keep-alive runs on real time, and compression only costs some on loopback.
                ping_interval=None,
                compression=None,
                max_size=_MAX_FRAME_BYTES,
                # How long to wait at the end for a client that no longer reads.
                close_timeout=1,
            )
        )
        self._port = next(iter(server.sockets)).getsockname()[1]
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close every connection, and stop listening."""
        self._port = None
        for session in self.sessions:
            await session.shut_down()
        await self._exit.aclose()

    def next_response(self) -> ScriptedResponse:
        """Take the next response of the script; the default one when it is used up."""
        return self._script.popleft() if self._script else self._default_response

    def new_ear(self) -> Ear | None:
        """Return what hears the user of a session; None if nothing does."""
        return None if self._hears is None else self._hears()

    def new_number(self, kind: str) -> int:
        """Count things of one kind over all sessions, from 0."""
        return next(self._counters.setdefault(kind, itertools.count()))

    async def _speak(self, connection: ServerConnection) -> None:
        request = connection.request
        query = parse_qs(urlsplit(request.path).query) if request is not None else {}
        # Azure names a deployment.
        model = (query.get("model") or query.get("deployment") or [_DEFAULT_MODEL])[0]
        session = self._new_session(connection, model, "".join(query.get("conversation_id", ())))
        self.sessions.append(session)
        await session.run()

    def _new_session(self, connection: ServerConnection, model: str, conversation_id: str) -> RealtimeSession:
        resumed = None
        if self.behaviour.after_loss == "kept":
            resumed = next((each for each in self.sessions if each.conversation.id == conversation_id), None)
        return RealtimeSession(connection, self, model, resumed)

    def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        if not urlsplit(request.path).path.endswith("/realtime"):
            return _refusal(connection, http.HTTPStatus.NOT_FOUND, "Invalid URL", "invalid_url")
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        given = given or request.headers.get("api-key", "")
        if self._api_key is not None and not hmac.compare_digest(given.encode(), self._api_key.encode()):
            return _refusal(connection, http.HTTPStatus.UNAUTHORIZED, "Incorrect API key provided.", "invalid_api_key")
        if self.sessions and self._refusals:
            return _refusal(connection, http.HTTPStatus(self._refusals.popleft()), "Not now.", "refused")
        return None


def _refusal(connection: ServerConnection, status: http.HTTPStatus, message: str, code: str) -> Response:
    body = {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": code}}
    response = connection.respond(status, json.dumps(body))
    del response.headers["Content-Type"]
    response.headers["Content-Type"] = "application/json"
    return response


def _message_ids(response: ScriptedResponse) -> list[str]:
    return [
        item.message_id for item in response.items if isinstance(item, ScriptedMessage) and item.message_id is not None
    ]
