"""A session over the `openai` SDK: any `AsyncRealtimeConnection`, to OpenAI, Azure, or who else speaks it."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import reprlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from speech_lifecycle.fsm.effects import CommitMessage, SessionEffect
from speech_lifecycle.fsm.events import SessionLost, SessionResumed
from speech_lifecycle.fsm.values import Capabilities

from ..clock import Clock, LoopClock, ScheduledCall
from ..faults import Faults, refuse_coroutine_function
from ..ports import AudioOutput, SessionReceiver
from .audio_format import PCM_24K, AudioFormat
from .client_event import as_sent
from .fields import FieldError
from .openai_answers import ServerError
from .openai_dialects import OPENAI, Dialect, dialect_of
from .openai_protocol import OpenAIRealtimeProtocol, ProtocolError, delta_in
from .outgoing_audio import OutgoingAudio
from .reconnection import Reconnection
from .response_options import checked_options
from .resumption import Resumption
from .sdk_reconnection import connected_again, connects_again
from .server_output import ServerOutput
from .tool_calls import ToolCall, ToolCalls

if TYPE_CHECKING:
    from openai.resources.realtime.realtime import AsyncRealtimeConnection
    from websockets.exceptions import ConnectionClosed

logger = logging.getLogger(__name__)


Connect = Callable[[], "AbstractAsyncContextManager[AsyncRealtimeConnection]"]
"""Gives what opens a connection when it is entered and closes it when it is left, a new one each time."""

_GREETING_TIMEOUT_MS = 5_000
"""How long a server may take to say which conversation a new connection belongs to."""


class OpenAIRealtimeSession:
    """A session with a server of the OpenAI Realtime protocol.

    The user's audio goes to the server by `send_audio`, his texts and the results of tools by `Driver.begin_turn` and
    `Driver.continue_turn`. Other parts may send on its connection (session updates) by `send`, but only this session
    reads from it, from the first event on. `on_tool_call` tells what the model wants to have done, and `listen` hands
    on every server event, for whatever else the agent does with them (input transcripts).

    Given a way to connect, it connects again by itself when the connection is lost, unless this side closed it. The
    server has kept the conversation if it says so: by the same id in `conversation.created` as before. If it must be
    asked to (xAI: `resumption` in `session.update`, `?conversation_id=` in the address), `configure` and `connect` do
    that, with `conversation_id`. What was not sent when the connection went, and what is sent while there is none, is
    dropped and counted in `events_dropped`. If the SDK was told to connect again (`on_reconnecting`), it does so first,
    and what it opens is a new connection like any other.

    Nothing that other code raises ends the session: not a listener, not the receiver, not the connection's `send`.
    It is logged, once for each place that raises, and counted in `faults`.
    """

    def __init__(
        self,
        connection: AsyncRealtimeConnection | None = None,
        *,
        connect: Connect | None = None,
        configure: Callable[[OpenAIRealtimeSession], object] | None = None,
        reconnection: Reconnection | None = None,
        capabilities: Capabilities | None = None,
        audio_format: AudioFormat | Mapping[str, Any] | str = PCM_24K,
        dialect: Dialect | str = OPENAI,
        clock: Clock | None = None,
    ) -> None:
        """Take an open connection, or a way to connect, or both.

        Args:
            connection: an open connection, which stays the caller's. Without one, `run` opens the first one too.
            connect: how to open one, as `lambda: client.realtime.connect(model=...)`. `run` closes what it opens.
            configure: is called with this session on every connection, and what it sends goes first: the agent's
                `session.update`, which a new connection needs again.
            reconnection: how often and how soon to try.
            capabilities: what the server can do; by default what OpenAI can over WebSocket. With `truncates_by_itself`
                this is the connection beside a WebRTC or SIP call: a driver without an output then takes `own_output`.
            audio_format: what audio the agent asks the server for, in `session.update`: an `AudioFormat`, the object
                of the protocol, as `{"type": "audio/pcm", "rate": 16000}`, or a name, as `audio/pcmu` or `g711_alaw`.
                The driver gets 16-bit PCM of its sample rate. What the server says of its format is believed; audio
                of another sample rate is not played, which is logged and among the `errors`.
            dialect: how the server speaks the protocol, if it is known: `openai`, `azure`, `xai`, or `permissive` for a
                gateway of which nothing is (docs/openai-realtime.md, "Dialects"). It learns most by itself.
            clock: the time between two attempts to connect; the event loop's by default.

        Raises:
            ValueError: there is neither a connection nor a way to get one.
            AudioFormatError: the audio format is one that cannot be played.
            DialectError: no dialect has this name.
        """
        if connection is None and connect is None:
            raise ValueError("the session needs an open connection, or a way to connect")
        self._connection = connection
        self._connect = connect
        self._configure = configure
        self._reconnection = reconnection or Reconnection()
        self._capabilities = capabilities or Capabilities()
        self._audio_format = AudioFormat.of(audio_format)
        self._dialect = dialect_of(dialect)
        self._clock = clock or LoopClock()
        self._listeners: list[Callable[[dict[str, Any]], None]] = []
        self._tool_listeners: list[Callable[[ToolCall], None]] = []
        self._outgoing_audio = OutgoingAudio()
        self._tool_calls = ToolCalls(self._tell_call)
        self._protocol: OpenAIRealtimeProtocol | None = None
        self._outbox: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._is_lost = False
        self._own_output: ServerOutput | None = None
        self._waiting: _Waiting | None = None
        self._parting: ServerError | None = None
        """The error that the server has just reported: if it closes the connection now, that is why."""
        self._why_lost = ("", "")
        self._faults = Faults(logger)
        self.frames_sent = 0
        """Client events given to the present connection or waiting to be."""
        self.frames_handled = 0
        """Server events received on the present connection, with all that they caused."""
        self.events_dropped = 0
        """Client events that a lost connection took with it, and those that were given when there was none."""
        self.is_backing_off = False
        """Whether it waits before it tries again to connect."""

    @property
    def sample_rate(self) -> int:
        """Samples per second of the 16-bit PCM that the driver gets."""
        return self._audio_format.sample_rate

    @property
    def capabilities(self) -> Capabilities:
        """What the server can do about its memory."""
        return self._capabilities

    @property
    def conversation_id(self) -> str | None:
        """What the server calls the conversation; None if it has not said so, as OpenAI's never does."""
        return None if self._protocol is None else self._protocol.conversation_id

    @property
    def errors(self) -> list[ServerError]:
        """The latest errors of the server that answer no request of ours."""
        return self._attached.errors

    @property
    def faults(self) -> int:
        """How often other code has raised something, which was logged, and the session went on."""
        return self._faults.count

    @property
    def _attached(self) -> OpenAIRealtimeProtocol:
        if self._protocol is None:
            raise RuntimeError("the session is not attached; give it to a Driver first")
        return self._protocol

    def listen(self, listener: Callable[[dict[str, Any]], None]) -> None:
        """Have `listener` called with every server event, after it was translated. What it raises is a fault.

        Raises:
            TypeError: it is a coroutine function.
        """
        refuse_coroutine_function(listener)
        self._listeners.append(listener)

    def on_tool_call(self, listener: Callable[[ToolCall], None]) -> None:
        """Have `listener` called with each call of a tool, once it is whole. What it raises is a fault.

        Raises:
            TypeError: it is a coroutine function.
        """
        refuse_coroutine_function(listener)
        self._tool_listeners.append(listener)

    def own_output(self, clock: Clock) -> AudioOutput | None:
        """Return the output that reports what the server plays, if it plays by itself and truncates by itself."""
        if self._capabilities.truncates_by_itself:
            self._own_output = ServerOutput(clock, self.sample_rate, self.send)
        return self._own_output

    def attach(self, receiver: SessionReceiver) -> None:
        """Take the receiver of facts and audio."""
        if self._own_output is not None:
            receiver = self._own_output.between(receiver)
        self._protocol = OpenAIRealtimeProtocol(receiver, self._audio_format, self._dialect, self.send)

    def check_options(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Return a copy of what a response is to be asked for with, as `checked_options` does."""
        return checked_options(options)

    def request_response(
        self, speech_id: str, options: Mapping[str, Any] | None = None, *, is_out_of_band: bool = False
    ) -> None:
        """Ask the model for a response. `options` are the fields of `response` in a `response.create`."""
        self.send(self._attached.request_response(speech_id, options, is_out_of_band=is_out_of_band))

    def perform(self, effect: SessionEffect) -> None:
        """Send what the effect asks for."""
        if self._own_output is not None:
            self._own_output.note(effect)
        for event in self._attached.translate(effect):
            self.send(event)

    def restore(self, history: Sequence[CommitMessage]) -> None:
        """Tell the server what was heard in a conversation that it does not know: the assistant's words, in order."""
        for event in self._attached.restore(history):
            self.send(event)

    def send_audio(self, pcm: bytes, sample_rate: int | None = None) -> None:
        """Send audio of the user: 16-bit little-endian mono PCM, of any length.

        The server gets it in the format that it takes (`audio.input.format` of its session): what `session.update` asks
        for, or else the server says; 16-bit PCM at 24 kHz by default. Another sample rate is resampled; up to a
        tenth of a second of the sound then waits for the next piece.

        Args:
            pcm: the audio.
            sample_rate: of `pcm`, in samples per second; by default that of the session. An output may have another.

        Raises:
            ValueError: `pcm` ends in the middle of a sample.
            AudioFormatError: the server takes a format that is not known here.
            ImportError: resampling and G.711 need soxr and numpy.
        """
        audio = self._outgoing_audio.encode(pcm, self.sample_rate if sample_rate is None else sample_rate)
        if audio:
            self.send({"type": "input_audio_buffer.append", "audio": base64.b64encode(audio).decode()})

    def send_text(self, text: str) -> None:
        """Add a message of the user to the conversation. `Driver.begin_turn` also asks for the answer."""
        content = [{"type": "input_text", "text": text}]
        self._send_item({"type": "message", "role": "user", "content": content})

    def send_tool_result(self, call_id: str, output: str) -> None:
        """Add the result of a tool to the conversation. `Driver.continue_turn` also asks for what follows."""
        self._send_item({"type": "function_call_output", "call_id": call_id, "output": output})

    def _send_item(self, item: dict[str, Any]) -> None:
        self.send({"type": "conversation.item.create", "item": item})

    def send(self, event: dict[str, Any]) -> None:
        """Send a client event of the protocol, as it is now, after those sent before. Without a connection: drop it.

        Raises:
            UnsendableEventError: JSON has no words for a value in it. The message names the field. Nothing is sent.
        """
        sent = as_sent(event)
        if self._is_lost:
            self.events_dropped += 1
            logger.debug("client event %r was dropped: there is no connection", event.get("type"))
            return
        if self._protocol is not None:
            self._protocol.note_sent(sent)
        self._outgoing_audio.note_sent(sent)
        self.frames_sent += 1
        self._outbox.put_nowait(sent)

    async def run(self) -> None:
        """Read until the connection ends, and report `SessionLost` then. Given a way to connect, go on with a new one.

        Cancelling it leaves a connection of the caller open, and closes one that it opened, also while it waits to
        try again.

        Raises:
            Exception: what the first attempts to connect came to, if no connection was given. Later ones are logged.
        """
        receiver = self._attached.receiver
        if self._connection is None or _may_return(await self._speak_on(self._connection)):
            await self._keep_connected()
        self._faults.call("the receiver failed on the end of the connection", receiver.report, self._lost())

    async def _keep_connected(self) -> None:
        """Speak on one new connection after the other, until no other can be had or is wanted."""
        may_go_on = self._connect is not None
        while may_go_on:
            try:
                may_go_on = await self._reconnection.retrying(self._back_off)(self._speak_on_new_connection)
            except Exception:
                if not self._is_lost:
                    raise
                logger.exception("the connection could not be opened again, and is lost for good")
                return

    async def _speak_on_new_connection(self) -> bool:
        """Open a connection, and speak on it until it ends. Return whether another one may follow.

        Raises:
            ConnectionClosed: the connection did not last.
        """
        assert self._connect is not None
        async with self._connect() as connection:
            began_ms = self._clock.now_ms()
            closed = await self._speak_on(connection)
        if not _may_return(closed):
            return False
        if self._clock.now_ms() - began_ms < self._reconnection.lasting_ms:
            raise closed
        return True

    async def _back_off(self, ms: float) -> None:
        self.is_backing_off = True
        try:
            await self._clock.sleep(ms)
        finally:
            self.is_backing_off = False

    async def _speak_on(self, connection: AsyncRealtimeConnection) -> ConnectionClosed:
        """Send and receive until the connection ends and the SDK does not open it again; return how it ended."""
        while True:
            closed = await self._speak_until_closed(connection)
            if not await connected_again(connection, closed):
                return closed

    async def _speak_until_closed(self, connection: AsyncRealtimeConnection) -> ConnectionClosed:
        from websockets.exceptions import ConnectionClosed

        self._begin(connection)
        sender = asyncio.create_task(self._send_all(connection))
        try:
            while True:
                self._receive(await connection.recv_bytes())
        except ConnectionClosed as closed:
            self._end(closed, may_return=self._connect is not None or connects_again(connection))
            return closed
        finally:
            self._wait_no_longer()
            sender.cancel()
            # To await it would take a cancellation of this task for that of the sender, and go on.
            await asyncio.wait((sender,))

    def _begin(self, connection: AsyncRealtimeConnection) -> None:
        """Take a connection into use. The agent's own settings go first, also before what waits to be sent."""
        self._connection = connection
        waiting, self._outbox = self._outbox, asyncio.Queue()
        self.frames_sent, self.frames_handled = waiting.qsize(), 0
        if self._is_lost:
            self._is_lost = False
            known = self._attached.conversation_id
            timeout = self._clock.call_later(_GREETING_TIMEOUT_MS, self._resume)
            self._waiting = _Waiting(Resumption(known), timeout)
        if self._configure is not None:
            self._faults.call("configuring the connection failed", self._configure, self)
        while not waiting.empty():
            self._outbox.put_nowait(waiting.get_nowait())

    def _end(self, closed: ConnectionClosed, *, may_return: bool) -> None:
        """Drop what was to be sent, expect no answer, and say that the connection is gone if another may follow."""
        logger.info("realtime connection closed: %s", closed)
        self._is_lost = True
        self._why_lost = _why_closed(closed) if self._parting is None else (self._parting.code, self._parting.text)
        if not self._outbox.empty():
            logger.warning("the connection took %d client events with it that were not sent", self._outbox.qsize())
            self.events_dropped += self._outbox.qsize()
        self._outbox = asyncio.Queue()
        self.frames_sent = self.frames_handled = 0
        self._attached.end_connection()
        self._outgoing_audio.begin_connection()
        self._tool_calls.begin_connection()
        was_resumed = self._wait_no_longer() is None
        if was_resumed and may_return and _may_return(closed):
            fact = self._lost(may_resume=True)
            self._faults.call("the receiver failed on a lost connection", self._attached.receiver.report, fact)

    def _lost(self, *, may_resume: bool = False) -> SessionLost:
        code, text = self._why_lost
        return SessionLost(may_resume, code=code, text=text)

    def _receive(self, frame: bytes) -> None:
        self.frames_handled += 1
        if self._waiting is None:
            self._handle(frame)
        elif self._waiting.is_over_with(frame):
            self._resume()

    def _resume(self) -> None:
        """Report what the new connection means, and then what the server has said on it."""
        waiting = self._wait_no_longer()
        if waiting is None:
            return
        protocol, resumption = self._attached, waiting.resumption
        protocol.conversation_id = resumption.announced
        fact = SessionResumed(resumption.conversation_is_kept)
        self._faults.call("the receiver failed on a new connection", protocol.receiver.report, fact)
        for frame in waiting.held:
            self._handle(frame)

    def _wait_no_longer(self) -> _Waiting | None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.timeout.cancel()
        return waiting

    def _handle(self, frame: bytes) -> None:
        self._parting = None
        delta = delta_in(frame)
        if delta is not None:
            self._faults.call("the receiver failed on a delta", self._attached.receive_delta, delta)
            if not self._listeners:
                return
        event = _event_in(frame)
        if event is None:
            return
        if delta is None:
            self._faults.call("the receiver failed on a server event", self._translate, event)
        for listener in tuple(self._listeners):
            self._faults.call("a listener failed on a server event", listener, event)

    def _translate(self, event: dict[str, Any]) -> None:
        before = self.errors[-1:]
        try:
            self._attached.receive(event)
            if self._own_output is not None:
                self._own_output.receive(event)
            self._outgoing_audio.receive(event)
            self._tool_calls.receive(event)
        except (ProtocolError, FieldError) as error:
            logger.warning("%s", error)
        for latest in self.errors[-1:]:
            if not before or latest is not before[0]:
                self._parting = latest

    def _tell_call(self, call: ToolCall) -> None:
        for listener in tuple(self._tool_listeners):
            self._faults.call("a listener failed on a tool call", listener, call)

    async def _send_all(self, connection: AsyncRealtimeConnection) -> None:
        from websockets.exceptions import ConnectionClosed

        while True:
            event = await self._outbox.get()
            try:
                await connection.send(event)  # type: ignore[arg-type]
            except ConnectionClosed:
                self.events_dropped += 1
                return
            except Exception as error:
                self.frames_sent -= 1
                self._faults.note("the connection failed to send a client event", error)


@dataclass(slots=True)
class _Waiting:
    """A new connection of which is not yet known whether its server remembers the conversation."""

    resumption: Resumption
    timeout: ScheduledCall
    held: list[bytes] = field(default_factory=list)
    """What it has said until now."""

    def is_over_with(self, frame: bytes) -> bool:
        """Hold a frame; whether it is now known."""
        self.held.append(frame)
        event = _event_in(frame)
        return event is not None and self.resumption.is_decided_by(event)


def _why_closed(closed: ConnectionClosed) -> tuple[str, str]:
    """Return why a connection was closed: the code and the reason of the closing frame; 1006 if none came."""
    frame = closed.rcvd or closed.sent
    return ("1006", str(closed)) if frame is None else (str(frame.code), frame.reason)


def _may_return(closed: ConnectionClosed) -> bool:
    """Whether another connection may follow: not if it was this side that closed, normally."""
    return not (closed.sent is not None and closed.sent.code == 1000 and not closed.rcvd_then_sent)


def _event_in(frame: bytes) -> dict[str, Any] | None:
    """Return the event that a frame holds; None, with a warning, if it holds none."""
    try:
        event = json.loads(frame)
    except (ValueError, RecursionError) as error:
        logger.warning("a frame of the server is not JSON: %s", error)
        return None
    if not isinstance(event, dict):
        logger.warning("a frame of the server is not a JSON object: it is %s", reprlib.repr(event))
        return None
    return event
