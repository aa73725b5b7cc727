"""The simulated world with LiveKit's real parts in it: its OpenAI plugin as the client, its `AudioOutput` in between.

The server, the speaker and the driver run in virtual time. LiveKit's own waits (retries, time-outs of requests) run
in real time, and none of them ends in a run that goes well; so a run is the same every time.
"""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import Any

import aiohttp
from livekit.agents import APIConnectOptions
from livekit.agents.voice import io
from livekit.plugins import openai

from speech_lifecycle.adapters.livekit_agents.audio_output import LiveKitAudioOutput
from speech_lifecycle.adapters.livekit_agents.output import LiveKitOutput
from speech_lifecycle.adapters.livekit_agents.session import LiveKitSession
from speech_lifecycle.adapters.outputs.simulated_speaker import SimulatedSpeaker
from speech_lifecycle.adapters.ports import AudioOutput, Session
from speech_lifecycle.adapters.simulation.world import SimulatedWorld


class LiveKitWorld(SimulatedWorld):
    """Server <-socket-> LiveKit's session <- driver -> LiveKit's AudioOutput -> simulated speaker."""

    quiet_turns = 12
    """LiveKit passes what it gets through several channels and tasks."""

    model_options: dict[str, Any] = {}
    max_retry = 0

    async def open_session(self, exit_stack: AsyncExitStack) -> Session:
        self.received = self.sent = 0
        http = await exit_stack.enter_async_context(aiohttp.ClientSession())
        self.model = openai.realtime.RealtimeModel(
            base_url=self.server.base_url,
            api_key="simulated",
            http_session=http,
            conn_options=APIConnectOptions(max_retry=self.max_retry),
            **self.model_options,
        )
        self.realtime_session = self.new_realtime_session()
        exit_stack.push_async_callback(self._close_realtime_session)
        self.realtime_session.on("openai_server_event_received", self._count_received)
        self.realtime_session.on("openai_client_event_queued", self._count_sent)
        return LiveKitSession(self.realtime_session)

    def new_realtime_session(self) -> openai.realtime.RealtimeSession:
        return self.model.session()

    async def _close_realtime_session(self) -> None:
        try:
            await self.realtime_session.aclose()
        except Exception:
            if not self.server_session.is_closed:
                raise

    def open_output(self, speaker: SimulatedSpeaker) -> AudioOutput:
        self.segments: list[str] = []
        self.audio_output = self.wrap(LiveKitAudioOutput(speaker, unix_time_s=lambda: 0.0, segment_id=self._name))
        return LiveKitOutput(self.audio_output)

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

    def _count_received(self, _: object) -> None:
        self.received += 1

    def _count_sent(self, _: object) -> None:
        self.sent += 1
