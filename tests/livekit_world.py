"""The simulated world with LiveKit's real parts in it: its OpenAI plugin as the client, its `AudioOutput` in between.

The server, the speaker and the driver run in virtual time. LiveKit's own waits (retries, time-outs of requests) run
in real time, and none of them ends in a run that goes well; so a run is the same every time.
"""

from __future__ import annotations

import asyncio
import dataclasses
from contextlib import AsyncExitStack

import aiohttp
from livekit.agents import APIConnectOptions, llm
from livekit.agents.voice import io
from livekit.plugins import openai

from speech_lifecycle.adapters.livekit_agents.audio_output import LiveKitAudioOutput
from speech_lifecycle.adapters.livekit_agents.drive.output import LiveKitOutput
from speech_lifecycle.adapters.livekit_agents.drive.session import LiveKitSession
from speech_lifecycle.adapters.ports import AudioOutput, Session
from speech_lifecycle.fsm.values import Capabilities
from speech_lifecycle.simulation.simulated_speaker import SimulatedSpeaker
from speech_lifecycle.simulation.world import SimulatedWorld


async def quiet() -> None:
    """Let the tasks of LiveKit's outputs do what they can at this instant."""
    for _ in range(20):
        await asyncio.sleep(0)


class LimitedSession(openai.realtime.RealtimeSession):
    """The plugin's session, with a model that can do less."""

    limits: Capabilities | None = None

    @property
    def capabilities(self) -> llm.RealtimeCapabilities:
        of_model = super().capabilities
        if self.limits is None:
            return of_model
        return dataclasses.replace(
            of_model, message_truncation=self.limits.can_truncate, mutable_chat_context=self.limits.can_remove
        )


class Screen(io.TextOutput):
    """Shows what it is given."""

    async def capture_text(self, text: str) -> None: ...

    def flush(self) -> None: ...


class LiveKitWorld(SimulatedWorld):
    """Server <-socket-> LiveKit's session <- driver -> LiveKit's AudioOutput -> simulated speaker."""

    quiet_turns = 12
    """LiveKit passes what it gets through several channels and tasks."""

    async def open_session(self, exit_stack: AsyncExitStack) -> Session:
        self.received = self.sent = 0
        http = await exit_stack.enter_async_context(aiohttp.ClientSession())
        is_azure = self.server.behaviour.dialect.event_names == "legacy"
        model = openai.realtime.RealtimeModel(
            base_url=self.server.base_url + ("/realtime" if is_azure else ""),
            api_key="simulated",
            http_session=http,
            azure_deployment="simulated" if is_azure else None,
            conn_options=APIConnectOptions(max_retry=0),
        )
        self.realtime_session = self.new_realtime_session(model)
        exit_stack.push_async_callback(self._close_realtime_session)
        return LiveKitSession(self.realtime_session)

    def new_realtime_session(self, model: openai.realtime.RealtimeModel) -> openai.realtime.RealtimeSession:
        session = LimitedSession(model) if self.capabilities is not None else model.session()
        if isinstance(session, LimitedSession):
            session.limits = self.capabilities
        session.on("openai_server_event_received", self.count_received)
        session.on("openai_client_event_queued", self.count_sent)
        return session

    async def _close_realtime_session(self) -> None:
        try:
            await self.realtime_session.aclose()
        except Exception:
            if not self.server_session.is_closed:
                raise

    def open_output(self, speaker: SimulatedSpeaker) -> AudioOutput:
        self.segments: list[str] = []
        self.audio_output = self.wrap(LiveKitAudioOutput(speaker, unix_time_s=lambda: 0.0, segment_id=self._name))
        screen = Screen(label="screen", next_in_chain=None) if speaker.shows_text else None
        return LiveKitOutput(self.audio_output, transcription=screen)

    def wrap(self, output: io.AudioOutput) -> io.AudioOutput:
        return output

    def _name(self, number: int) -> str:
        """Name a segment as the message that plays, so that the listener's account can be compared."""
        forwarding = [
            message.message_id
            for speech in self.speeches
            if (message := speech.snapshot.forwarding_message()) is not None
        ]
        self.segments += forwarding
        assert len(self.segments) == number, "one message is forwarded at a time, and is one segment"
        return self.segments[-1]

    def client_frames(self) -> tuple[int, int]:
        return self.sent, self.received

    def count_received(self, _: object) -> None:
        self.received += 1

    def count_sent(self, _: object) -> None:
        self.sent += 1
