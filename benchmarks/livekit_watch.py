"""What watching costs: CPU time and delay of a LiveKit session, watched against plain.

`python benchmarks/livekit_watch.py [SECONDS]` measures, in turns:

- the CPU time of a plain agent in real time. The server is a process of its own, so that only the agent is measured,
  and a microphone delivers a frame every 20 ms, as in a room;
- the CPU time that watching adds to a second of speech, in virtual time: the same work without the waiting, so that
  the difference is not lost in the noise of the machine;
- in real time, how long a frame takes from the server's event to the output.

Fails if watching adds more than 2 % of the plain agent's CPU time, or 1 ms to the path of a frame.
"""

from __future__ import annotations

import asyncio
import logging
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import Any

from livekit import rtc
from livekit.agents import Agent, AgentSession
from livekit.agents.voice import io
from livekit.plugins import openai

from speech_lifecycle.adapters.clock import LoopClock
from speech_lifecycle.adapters.livekit_agents.audio_output import LiveKitAudioOutput
from speech_lifecycle.adapters.livekit_agents.watch import watch_session
from speech_lifecycle.adapters.livekit_agents.watched_model import WatchedRealtimeModel
from speech_lifecycle.simulation.livekit_agents.rehearsal import Staging, Watching, rehearse
from speech_lifecycle.simulation.scenario import Scenario
from speech_lifecycle.simulation.script import Pacing, ScriptedMessage, ScriptedResponse
from speech_lifecycle.simulation.simulated_speaker import SimulatedSpeaker

MODES: tuple[Watching, ...] = ("plain", "watched", "repaired")
ROUNDS = 3
VIRTUAL_ROUNDS = 7
MOST_CPU = 0.02
MOST_DELAY_MS = 1.0
FRAME = rtc.AudioFrame(data=bytes(960), sample_rate=24_000, num_channels=1, samples_per_channel=480)

SERVER = """
import asyncio, sys
from speech_lifecycle.simulation.realtime_server import SimulatedRealtimeServer
from speech_lifecycle.simulation.script import ScriptedMessage, ScriptedResponse, Pacing

async def main(audio_ms):
    text = "word " * (audio_ms // 400)
    response = ScriptedResponse((ScriptedMessage(text, audio_ms // 3), ScriptedMessage(text, 2 * audio_ms // 3)),
                                pacing=Pacing(speed=1.5))
    async with SimulatedRealtimeServer(default_response=response) as server:
        print(server.base_url, flush=True)
        await asyncio.Event().wait()

asyncio.run(main(int(sys.argv[1])))
"""


class Microphone(io.AudioInput):
    """Silence, in real time."""

    def __init__(self) -> None:
        super().__init__(label="microphone")
        self._due: float | None = None

    async def __anext__(self) -> rtc.AudioFrame:
        loop = asyncio.get_running_loop()
        self._due = (self._due or loop.time()) + 0.02
        await asyncio.sleep(self._due - loop.time())
        return FRAME


class TimedOutput(LiveKitAudioOutput):
    """Notes when each frame arrives."""

    def __init__(self, speaker: SimulatedSpeaker) -> None:
        super().__init__(speaker, unix_time_s=time.time)
        self.arrivals: list[float] = []

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        """Take it."""
        self.arrivals.append(time.perf_counter())
        await super().capture_frame(frame)


def virtual_cpu_s(mode: Watching, audio_ms: int) -> float:
    """Return the CPU time of a whole session in virtual time, with two messages of this length together."""
    text = "word " * (audio_ms // 400)
    messages = (ScriptedMessage(text, audio_ms // 2), ScriptedMessage(text, audio_ms // 2))
    scenario = Scenario("benchmark", "", (ScriptedResponse(messages, pacing=Pacing(speed=1.5)),))
    began_s = time.process_time()
    rehearse(scenario, Staging(watched=mode, progress_every_ms=None))
    return time.process_time() - began_s


def virtual_ms_per_s() -> dict[Watching, float]:
    """Return the CPU time in ms of one second of speech, by mode: a long session less a short one."""
    short_ms, long_ms = 2_000, 42_000
    taken: dict[tuple[Watching, int], list[float]] = {}
    for _ in range(VIRTUAL_ROUNDS):
        for mode in MODES:
            for audio_ms in (short_ms, long_ms):
                taken.setdefault((mode, audio_ms), []).append(virtual_cpu_s(mode, audio_ms))
    seconds = (long_ms - short_ms) / 1000
    return {mode: (min(taken[mode, long_ms]) - min(taken[mode, short_ms])) * 1000 / seconds for mode in MODES}


@dataclass
class Measured:
    """Of one mode, over all rounds."""

    cpu_s: list[float] = field(default_factory=list)
    delays_ms: list[float] = field(default_factory=list)


async def play(mode: Watching, base_url: str, measured: Measured) -> None:
    """Play one response in real time."""
    model = openai.realtime.RealtimeModel(base_url=base_url, api_key="simulated", input_audio_transcription=None)
    session: AgentSession[None] = AgentSession(
        llm=model if mode == "plain" else WatchedRealtimeModel(model),
        vad=None,
        turn_handling={"turn_detection": "realtime_llm"},
        user_away_timeout=None,
        aec_warmup_duration=None,
    )
    # LiveKit's room output reports progress when playback stops, not while it goes on.
    output = TimedOutput(SimulatedSpeaker(LoopClock(), report_progress_every_ms=None))
    session.output.audio = output
    session.input.audio = Microphone()
    if mode != "plain":
        watch_session(session, repair=mode == "repaired")
    await session.start(Agent(instructions="You are a voice assistant."), record=False)
    await asyncio.sleep(0.5)
    sent: list[float] = []

    def note(event: dict[str, Any]) -> None:
        if event["type"] == "response.output_audio.delta":
            sent.append(time.perf_counter())

    realtime = session.current_agent.realtime_llm_session
    realtime.on("openai_server_event_received", note)
    began_s = time.process_time()
    await session.generate_reply()
    measured.cpu_s.append(time.process_time() - began_s)
    # The first message is captured as it arrives; the second waits for the end of the first.
    first = len(sent) // 3
    measured.delays_ms += [(at - since) * 1000 for since, at in zip(sent[:first], output.arrivals, strict=False)]
    await session.aclose()
    await model.aclose()


def main() -> int:
    """Measure, print a table, and judge."""
    logging.disable(logging.CRITICAL)
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 12
    results = {mode: Measured() for mode in MODES}
    with subprocess.Popen(
        [sys.executable, "-c", SERVER, str(seconds * 1000)], stdout=subprocess.PIPE, text=True
    ) as server:
        try:
            assert server.stdout is not None
            base_url = server.stdout.readline().strip()
            for _ in range(ROUNDS):
                for mode in MODES:
                    asyncio.run(play(mode, base_url, results[mode]))
        finally:
            server.kill()
    plain = results["plain"]
    agent_ms = min(plain.cpu_s) * 1000 / seconds
    plain_ms = statistics.median(plain.delays_ms)
    virtual_ms = virtual_ms_per_s()
    print(f"a plain agent takes {agent_ms:.1f} ms of CPU time for a second of speech, in real time")
    print("mode      added CPU ms per s   of the agent   frame path ms (median, 99 %)   added ms")
    failed = False
    for mode, measured in results.items():
        added_ms = virtual_ms[mode] - virtual_ms["plain"]
        path_ms = statistics.median(measured.delays_ms)
        slowest_ms = statistics.quantiles(measured.delays_ms, n=100)[-1]
        failed = failed or added_ms > MOST_CPU * agent_ms or path_ms - plain_ms > MOST_DELAY_MS
        print(
            f"{mode:8} {added_ms:19.3f} {added_ms / agent_ms:14.2%} {path_ms:16.3f} {slowest_ms:12.3f}"
            f" {path_ms - plain_ms:13.3f}"
        )
    return int(failed)


if __name__ == "__main__":
    raise SystemExit(main())
