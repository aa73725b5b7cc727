"""A scenario played by a real `AgentSession`, over a real socket to the simulated server, in virtual time.

Measured from outside: what the listener heard, what the server remembers, what the agent's history says, and which
states the agent announced.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from livekit.agents import Agent, AgentSession, SpeechCreatedEvent, function_tool
from livekit.agents.llm import ChatContext, RealtimeCapabilities, RealtimeSession
from livekit.agents.voice import SpeechHandle
from livekit.plugins import openai

from speech_lifecycle.adapters.clock import LoopClock
from speech_lifecycle.adapters.livekit_agents.watch import Watch, watch_session
from speech_lifecycle.adapters.livekit_agents.watched_model import WatchedRealtimeModel
from speech_lifecycle.fsm.events import OutputFact, OutputPlaybackStarted
from speech_lifecycle.fsm.trace import Record
from speech_lifecycle.fsm.values import Policy

from ..misbehaviour import AllOf, Circumstances, Misbehaviour, Report
from ..realtime_server import SimulatedRealtimeServer
from ..scenario import Deed, Origin, Scenario
from ..simulated_speaker import SimulatedSpeaker
from ..virtual_loop import VirtualTimeLoop, run_in_virtual_time
from .rehearsed import Rehearsed, Said
from .speaker_output import Silent, SpeakerOutput

Turn = Literal["generate_reply", "server_vad"]
Watching = Literal["plain", "watched", "repaired"]
_KNOWN_BY_BYTES = 960
"""So much of a message's audio, 20 ms, tells it from others."""
_LIMIT_S = 60.0
"""Longer than any speech of a scenario, dead ends and the framework's own time limits included."""
_CONNECTING_S = 0.1
_SETTLING_S = 12.0
"""How long after the last speech the framework's own requests are waited for."""


@dataclass
class Staging:
    """What of a rehearsal is particular to LiveKit."""

    turn: Turn = "generate_reply"
    with_transcript: bool = True
    shows_text: bool = True
    """Whether the session has a transcription output."""
    raise_after_ms: int | None = None
    silent: Silent = "never"
    progress_every_ms: int | None = 100
    limits: Mapping[str, bool] = field(default_factory=dict)
    """Capabilities of the model that are other than OpenAI's."""
    watched: Watching = "plain"
    policy: Policy | None = None
    """The watch's."""
    trace: Callable[[Record], None] | None = None
    """The watch's."""
    on_watch: Callable[[Watch], object] = lambda watch: None
    """Is given the watch, before the session starts."""
    agent: type[Agent] = Agent
    """Made with instructions and tools."""
    on_start: Callable[[AgentSession[None]], Awaitable[None]] | None = None
    """What the application does beside: begun when the session has started."""


def rehearse(scenario: Scenario, staging: Staging | None = None) -> Rehearsed:
    """Play a scenario to its end."""
    return run_in_virtual_time(_Rehearsal(scenario, staging or Staging()).play())


class _Rehearsal:
    def __init__(self, scenario: Scenario, staging: Staging) -> None:
        self._scenario = scenario
        self._staging = staging
        self._outcome = Rehearsed()
        self._frames_received = 0
        self._frames_queued = 0
        self._tasks: list[asyncio.Future[Any]] = []
        self._server = SimulatedRealtimeServer(scenario.responses, clock=LoopClock(), behaviour=scenario.behaviour)
        self._session: AgentSession[None]
        self._speaker: SimulatedSpeaker
        self._texts: list[str] = []
        self._speeches: list[SpeechHandle] = []

    async def play(self) -> Rehearsed:
        scenario = self._scenario
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualTimeLoop)
        loop.is_quiet = self._is_quiet
        # Plain LiveKit leaves failed tasks behind. Reported whenever they are collected, they would belong to nothing.
        loop.set_exception_handler(lambda _, context: self._outcome.unhandled.append(str(context.get("exception"))))
        probe = _FirstSound(lambda: self._schedule("first_sound"))
        self._speaker = SimulatedSpeaker(
            LoopClock(),
            misbehaviour=AllOf((probe, scenario.misbehaviour or Misbehaviour())),
            synchronize_text=True,
            latency_ms=scenario.output_latency_ms,
            report_progress_every_ms=self._staging.progress_every_ms,
        )
        output = SpeakerOutput(
            self._speaker,
            with_transcript=self._staging.with_transcript,
            raise_after_ms=self._staging.raise_after_ms,
            silent=self._staging.silent,
        )
        async with self._server:
            has_older_names = scenario.behaviour is not None and scenario.behaviour.dialect.event_names == "legacy"
            model = _Model(
                limits=self._staging.limits,
                # The plugin speaks the older protocol with a deployment of Azure's only.
                base_url=self._server.base_url + ("/realtime" if has_older_names else ""),
                azure_deployment="simulated" if has_older_names else None,
                api_key="simulated",
                input_audio_transcription=None,
            )
            is_watched = self._staging.watched != "plain"
            self._session = AgentSession(
                llm=WatchedRealtimeModel(model) if is_watched else model,
                vad=None,
                turn_handling={"turn_detection": "realtime_llm"},
                user_away_timeout=None,
                aec_warmup_duration=None,
            )
            if scenario.has_output:
                self._session.output.audio = output
            self._session.output.transcription = output.transcription if self._staging.shows_text else None
            self._texts = output.transcription.texts
            self._session.on("agent_state_changed", lambda event: self._outcome.agent_states.append(event.new_state))
            if is_watched:
                self._watch()
            await self._session.start(
                self._staging.agent(instructions="You are a voice assistant.", tools=[_get_weather]), record=False
            )
            self._count_frames(self._session.current_agent.realtime_llm_session)
            agent = self._session.current_agent
            if self._staging.on_start is not None:
                self._keep(asyncio.ensure_future(self._staging.on_start(self._session)))
            try:
                await asyncio.wait_for(self._speak(), timeout=_LIMIT_S)
                await asyncio.sleep(_SETTLING_S)
                while not all(speech.done() for speech in self._speeches):
                    # Something was asked for only when the framework had given up something else.
                    await asyncio.wait_for(self._be_silent(), timeout=_LIMIT_S)
                    await asyncio.sleep(_SETTLING_S)
            except asyncio.TimeoutError:
                self._outcome.came_to_its_end = False
                await asyncio.sleep(_SETTLING_S)
            self._take_stock(self._current_agent() or agent)
            await self._session.aclose()
            await model.aclose()
            await asyncio.gather(*self._tasks, return_exceptions=True)
        return self._outcome

    def _watch(self) -> None:
        staging = self._staging
        watch = watch_session(
            self._session, repair=staging.watched == "repaired", policy=staging.policy, trace=staging.trace
        )
        watch.on("message_state_changed", self._outcome.changes.append)
        watch.on("message_settled", lambda _, record: self._outcome.records.append(record))
        self._outcome.forbidden_steps = watch.forbidden_steps
        staging.on_watch(watch)

    async def _speak(self) -> None:
        is_created = asyncio.Event()

        def note(event: SpeechCreatedEvent) -> None:
            self._speeches.append(event.speech_handle)
            is_created.set()

        self._session.on("speech_created", note)
        await asyncio.sleep(_CONNECTING_S)
        if self._staging.turn == "server_vad":
            server_session = self._server.sessions[-1]
            await server_session.user_starts_speaking()
            await server_session.user_stops_speaking()
            await asyncio.sleep(0.001)
        else:
            self._session.generate_reply()
        self._schedule("request")
        await is_created.wait()
        for _ in range(self._scenario.requests - 1):
            # LiveKit sends its own requests one at a time; what queues up are responses that the server begins.
            await asyncio.sleep(0.05)
            self._server.sessions[-1].owe_response()
        await self._be_silent()

    async def _be_silent(self) -> None:
        for speech in self._speeches:  # grows while it is read
            await speech

    def _schedule(self, since: Origin) -> None:
        loop = asyncio.get_running_loop()
        for action in self._scenario.actions:
            if action.since == since:
                loop.call_later(action.after_ms / 1000, self._do, action.deed)

    def _do(self, deed: Deed) -> None:
        session, speaker = self._session, self._speaker
        server_session = self._server.sessions[-1]
        output = session.output.audio
        if deed in ("interrupt", "force_interrupt"):
            self._keep(session.interrupt(force=deed == "force_interrupt"))
        elif deed == "pause" and output is not None:
            output.pause()
        elif deed == "resume" and output is not None:
            output.resume()
        elif deed == "close":
            self._keep(asyncio.ensure_future(session.aclose()))
        elif deed == "user_speaks":
            self._keep(asyncio.ensure_future(server_session.user_starts_speaking()))
        elif deed == "user_is_silent":
            self._keep(asyncio.ensure_future(server_session.user_stops_speaking()))
        elif deed == "clear_from_outside":
            speaker.clear_from_outside()
        elif deed == "drop":
            server_session.drop_connection()
        elif deed == "request":
            session.generate_reply()

    def _keep(self, task: asyncio.Future[Any]) -> None:
        self._tasks.append(task)

    def _count_frames(self, session: RealtimeSession[str]) -> None:
        """Count what is on its way; the plugin announces every frame that it takes or sends."""

        def received(_: object) -> None:
            self._frames_received += 1

        def queued(_: object) -> None:
            self._frames_queued += 1

        session.on("openai_server_event_received", received)
        session.on("openai_client_event_queued", queued)
        server_session = self._server.sessions[-1] if self._server.sessions else None
        self._frames_received = server_session.frames_sent if server_session else 0
        self._frames_queued = server_session.frames_handled if server_session else 0

    def _is_quiet(self) -> bool:
        if not self._server.sessions:
            return False
        if len(self._server.sessions) > 1 or self._server.sessions[0].is_closed:
            return True
        server_session = self._server.sessions[0]
        return (
            server_session.frames_sent <= self._frames_received and self._frames_queued <= server_session.frames_handled
        )

    def _take_stock(self, agent: Agent) -> None:
        outcome = self._outcome
        sessions = self._server.sessions
        generated = {item_id: content for session in sessions for item_id, content in session.generated.items()}
        for segment in self._speaker.listener.heard:
            samples = self._speaker.listener.samples(segment).tobytes()[:_KNOWN_BY_BYTES]
            for item_id, content in generated.items():
                if content.first_audio.startswith(samples):
                    heard_ms = outcome.heard_ms.get(item_id, 0)
                    outcome.heard_ms[item_id] = heard_ms + self._speaker.listener.heard_ms(segment)
        outcome.session_was_lost = len(self._server.sessions) > 1 or not self._is_connected()
        remembering = self._server.sessions[-1]
        outcome.server = {message.id: message for message in remembering.conversation.remembered()}
        outcome.sent_ms = {item_id: ms for session in sessions for item_id, ms in session.audio_sent_ms.items()}
        outcome.history = _said(agent.chat_ctx)
        outcome.session_history = _said(self._session.history)
        outcome.server_errors = [
            f"{event['error']['code']}: {event['error']['message']}"
            for session in sessions
            for event in session.errors_sent
        ]
        outcome.responses = sum(session.responses_begun for session in sessions)
        outcome.plays_audio = self._scenario.has_output
        outcome.generated_text = {item_id: content.text for item_id, content in generated.items()}
        for item_id, text in outcome.generated_text.items():
            if not (outcome.sent_ms.get(item_id) and outcome.plays_audio):
                outcome.shown_text[item_id] = next((t for t in self._texts if t and text.startswith(t)), "")

    def _current_agent(self) -> Agent | None:
        try:
            return self._session.current_agent
        except RuntimeError:  # it is closed
            return None

    def _is_connected(self) -> bool:
        return not self._server.sessions[-1].is_closed


class _Model(openai.realtime.RealtimeModel):
    """OpenAI's, with other capabilities: a server that can do less."""

    def __init__(self, *, limits: Mapping[str, bool], **options: Any) -> None:
        super().__init__(**options)
        self._limits = limits

    @property
    def capabilities(self) -> RealtimeCapabilities:
        return replace(super().capabilities, **self._limits)


@function_tool(name="get_weather")
async def _get_weather(city: str) -> str:
    """Say what the weather is like."""
    return f"It is sunny in {city}."


class _FirstSound(Misbehaviour):
    """Spoils nothing: it sees what is true, and says when the first sound is."""

    def __init__(self, on_first_sound: Callable[[], None]) -> None:
        self._on_first_sound: Callable[[], None] | None = on_first_sound

    __slots__ = ("_on_first_sound",)

    def reports(self, fact: OutputFact, about: Circumstances) -> tuple[Report, ...]:
        if isinstance(fact, OutputPlaybackStarted) and self._on_first_sound is not None:
            on_first_sound, self._on_first_sound = self._on_first_sound, None
            on_first_sound()
        return (Report(fact),)


def _said(chat_ctx: ChatContext) -> dict[str, Said]:
    return {
        message.id: Said(message.id, message.text_content or "", message.interrupted)
        for message in chat_ctx.messages()
        if message.role == "assistant"
    }
