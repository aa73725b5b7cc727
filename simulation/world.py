"""A whole world in one process: the simulated server, the real SDK's client, a driver, a speaker and a listener.

In virtual time nothing waits: the clock moves on only when no frame is in flight on the socket and no event waits
in the driver, so a run is the same every time. In real time the same parts run by the event loop's clock.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from contextlib import AsyncExitStack
from types import TracebackType

from openai import AsyncOpenAI
from openai.resources.realtime.realtime import AsyncRealtimeConnectionManager

from speech_lifecycle.adapters.clock import Clock, LoopClock, VirtualClock
from speech_lifecycle.adapters.driven_speech import DrivenSpeech
from speech_lifecycle.adapters.driver import Driver
from speech_lifecycle.adapters.ports import AudioOutput, Session
from speech_lifecycle.adapters.sessions.audio_format import PCM_24K, AudioFormat
from speech_lifecycle.adapters.sessions.openai_realtime import OpenAIRealtimeSession
from speech_lifecycle.adapters.sessions.reconnection import Reconnection
from speech_lifecycle.fsm.errors import SpeechLifecycleError
from speech_lifecycle.fsm.trace import Header, Record, Trace, definition_digest
from speech_lifecycle.fsm.values import BargeIn, Capabilities, Policy

from .account import Account
from .first_sound import FirstSound
from .listener import Listener
from .misbehaviour import Misbehaviour
from .realtime_server import SimulatedRealtimeServer
from .realtime_session import RealtimeSession
from .script import ScriptedResponse, ServerBehaviour
from .session_object import session_update
from .simulated_speaker import SimulatedSpeaker

_LIMIT_MS = 600_000.0
"""Longer than any speech: a world that has not come to its end by then never will."""

_LONGEST_FRAME_BYTES = 1 << 27

_POLL_MS = 10.0
"""In real time, how often to look whether everything is done."""


class WorldError(SpeechLifecycleError, RuntimeError):
    """The simulated world did not come to its end."""


class SimulatedWorld:
    """Used as `async with SimulatedWorld(...) as world:`. What the parts are called is in the attributes.

    Other clients and outputs come in by subclassing: `open_session`, `open_output` and `client_frames`.
    """

    quiet_turns = 3
    """Turns of the event loop after which nothing that is ready to run is left."""
    reconnection = Reconnection(jitter_ms=0)
    """How a client that reconnects does: without chance, so that a run is the same every time."""
    may_fault = False
    """Whether the session may note faults, which it survives. Otherwise they are a `WorldError` in the end."""
    session: OpenAIRealtimeSession | None = None
    """The client's session, if it is one of ours."""

    def __init__(
        self,
        responses: tuple[ScriptedResponse, ...] = (),
        *,
        behaviour: ServerBehaviour | None = None,
        misbehaviour: Misbehaviour | None = None,
        policy: Policy | None = None,
        capabilities: Capabilities | None = None,
        barge_in: BargeIn = "interrupt",
        has_output: bool = True,
        server_plays: bool = False,
        synchronize_text: bool = False,
        shows_text: bool = True,
        output_latency_ms: float = 0,
        reconnects: bool = False,
        progress_every_ms: int | None = 100,
        audio_format: AudioFormat = PCM_24K,
        dialect: str | None = None,
        real_time: bool = False,
        on_record: Callable[[Record], None] | None = None,
        on_first_sound: Callable[[], None] | None = None,
    ) -> None:
        """Describe the world; it comes into being when it is entered."""
        self.clock: Clock = LoopClock() if real_time else VirtualClock()
        self.listener = Listener()
        self.plays_audio = has_output or server_plays
        self.sample_rate = audio_format.sample_rate
        self.server = SimulatedRealtimeServer(
            responses, clock=self.clock, behaviour=behaviour, call_listener=self.listener if server_plays else None
        )
        self._speaker_options = {
            "misbehaviour": misbehaviour,
            "synchronize_text": synchronize_text,
            "shows_text": shows_text,
            "latency_ms": output_latency_ms,
            "report_progress_every_ms": progress_every_ms,
            "sample_rate": audio_format.sample_rate,
        }
        self._has_output = has_output and not server_plays
        self._audio_format = audio_format
        self._dialect = dialect or "openai"
        self.policy = policy or Policy()
        self.capabilities = capabilities
        self._barge_in = barge_in
        self._reconnects = reconnects
        self._on_record = on_record
        self._first_sound = FirstSound(on_first_sound or (lambda: None))
        self.trace = Trace(Header(definition=definition_digest()))
        self._exit = AsyncExitStack()
        self.driver: Driver
        self.account: Account
        self._output: AudioOutput | None = None
        self.speaker: SimulatedSpeaker | None = None

    async def __aenter__(self) -> SimulatedWorld:
        """Start the server, connect the client, and begin to drive."""
        await self._exit.enter_async_context(self.server)
        session = await self.open_session(self._exit)
        if self._has_output:
            self.speaker = SimulatedSpeaker(self.clock, listener=self.listener, **self._speaker_options)  # type: ignore[arg-type]
            self._output = self.open_output(self.speaker)
        self.driver = Driver(
            session,
            self._output,
            clock=self.clock,
            policy=self.policy,
            barge_in=self._barge_in,
            trace=self._record,
        )
        self.account = Account(self.driver)
        self._reading = asyncio.create_task(self.driver.run())
        self._exit.push_async_callback(self._stop_reading)
        await self.settle()
        return self

    async def open_session(self, exit_stack: AsyncExitStack) -> Session:
        """Connect a client to the server, and return its session. `exit_stack` disconnects it."""
        client = await exit_stack.enter_async_context(
            AsyncOpenAI(
                api_key="simulated",
                base_url=self.server.base_url,
                websocket_base_url=self.server.websocket_base_url,
            )
        )

        def connect() -> AsyncRealtimeConnectionManager:
            known = self.session.conversation_id if self.session is not None else None
            query = {} if known is None else {"conversation_id": known}
            return client.realtime.connect(
                model="gpt-realtime-2",
                extra_query=query,
                # By default a frame of more than a megabyte ends the connection, in many versions of the SDK.
                websocket_connection_options={"max_size": _LONGEST_FRAME_BYTES},
            )

        if self._reconnects:
            self.session = OpenAIRealtimeSession(
                connect=connect,
                configure=self.configure,
                reconnection=self.reconnection,
                capabilities=self.capabilities,
                audio_format=self._audio_format,
                dialect=self._dialect,
                clock=self.clock,
            )
        else:
            connection = await exit_stack.enter_async_context(connect())
            self.session = OpenAIRealtimeSession(
                connection,
                configure=self.configure,
                capabilities=self.capabilities,
                audio_format=self._audio_format,
                dialect=self._dialect,
            )
        return self.session

    def configure(self, session: OpenAIRealtimeSession) -> None:
        """Say what the client wants, on each connection that it opens."""
        if self._audio_format != PCM_24K:
            session.send(
                session_update(self._audio_format, legacy=self.server.behaviour.dialect.event_names == "legacy")
            )

    def open_output(self, speaker: SimulatedSpeaker) -> AudioOutput:
        """Return the output that the driver gets."""
        return speaker

    def client_frames(self) -> tuple[int, int]:
        """Return how many frames the client has sent, and how many of the server's it has handled."""
        assert self.session is not None, "a world that opens another session counts its frames itself"
        return self.session.frames_sent, self.session.frames_handled

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End the world: connection, server and all."""
        await self._exit.aclose()

    async def _stop_reading(self) -> None:
        self._reading.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._reading
        if self._output is not None:
            await self._output.aclose()
        if self.session is not None and self.session.faults and not self.may_fault:
            raise WorldError(f"{self.session.faults} times the session noted what others raised: see the log")

    def _record(self, record: Record) -> None:
        if not isinstance(record, Header):
            self.trace.records.append(record)
        if self._on_record is not None:
            self._on_record(record)
        self._first_sound.watch(record)

    def keep(self, task: asyncio.Future[None]) -> None:
        """Hold on to something that runs beside, until the world ends."""
        self._exit.push_async_callback(lambda: asyncio.wait_for(task, timeout=5))

    @property
    def server_session(self) -> RealtimeSession:
        """The server's side of the latest connection."""
        return self.server.sessions[-1]

    @property
    def speeches(self) -> list[DrivenSpeech]:
        """All speeches, in order of creation."""
        return self.driver.speeches

    def is_quiet(self) -> bool:
        """Whether no frame is in flight, in either direction."""
        server = self.server_session if self.server.sessions else None
        if server is None:
            return False
        if server.is_closed or self._reading.done():
            return self._reading.done() or (self.session is not None and self.session.is_backing_off)
        return self.client_frames() == (server.frames_handled, server.frames_sent)

    async def settle(self) -> None:
        """Return when nothing more happens without the time moving on."""
        quiet_turns = 0
        while quiet_turns < self.quiet_turns:
            await asyncio.sleep(0)
            quiet_turns = quiet_turns + 1 if self.is_quiet() else 0

    async def run_until(self, is_done: Callable[[], bool]) -> None:
        """Let virtual time pass until `is_done`.

        Raises:
            WorldError: nothing is due any more, or ten minutes have passed, and it is still not done.
        """
        clock = self.clock
        if not isinstance(clock, VirtualClock):
            raise WorldError("only virtual time can be moved on; in real time, wait for what you need")
        limit_ms = clock.now_ms() + _LIMIT_MS
        await self.settle()
        while not is_done():
            if clock.now_ms() > limit_ms or not clock.advance_to_next():
                raise WorldError(f"still not done at {clock.now_ms():.0f} ms, and nothing more will happen")
            await self.settle()

    async def run_until_over(self, is_all_done: Callable[[], bool] = lambda: True) -> None:
        """Let the time pass until every speech is over, and whatever else is to be done is done."""
        if isinstance(self.clock, VirtualClock):
            await self.run_until(
                lambda: bool(self.speeches) and all(speech.is_over for speech in self.speeches) and is_all_done()
            )
            return
        for speech in self.speeches:  # grows while it is read
            await speech.done()
        while not is_all_done():
            await self.clock.sleep(_POLL_MS)
        for speech in self.speeches:
            await speech.done()
        await self.settle()
