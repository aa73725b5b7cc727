"""A LiveKit agent without a LiveKit server and without a model: it talks to the simulated realtime server.

`python examples/livekit_console.py` says a preamble and an answer. Press Enter to interrupt it. What was heard, what
history says and what the server remembers are printed at the end. Needs 'speech-lifecycle[livekit,simulation]'.
"""

import asyncio
import sys
import time

from livekit.agents import Agent, AgentSession
from livekit.plugins import openai

from speech_lifecycle.adapters.clock import LoopClock
from speech_lifecycle.adapters.livekit_agents.audio_output import LiveKitAudioOutput
from speech_lifecycle.adapters.livekit_agents.watch import watch_session
from speech_lifecycle.adapters.livekit_agents.watched_model import WatchedRealtimeModel
from speech_lifecycle.simulation.realtime_server import SimulatedRealtimeServer
from speech_lifecycle.simulation.scenarios import TWO
from speech_lifecycle.simulation.simulated_speaker import SimulatedSpeaker


async def main() -> None:
    """Say something, and tell what became of it."""
    async with SimulatedRealtimeServer([TWO]) as server:
        model = openai.realtime.RealtimeModel(base_url=server.base_url, api_key="simulated")
        session: AgentSession[None] = AgentSession(
            llm=WatchedRealtimeModel(model), vad=None, turn_handling={"turn_detection": "realtime_llm"}
        )
        session.output.audio = LiveKitAudioOutput(SimulatedSpeaker(LoopClock()), unix_time_s=time.time)

        watch = watch_session(session, repair=True)
        watch.on("message_state_changed", lambda change: print(f"{change.message_id:9} {change.new_state}"))
        watch.on("message_settled", lambda speech, record: print(f"{record.message_id:9} heard {record.heard_ms} ms"))

        await session.start(Agent(instructions="You are a voice assistant."), record=False)
        speech = session.generate_reply()
        if sys.stdin.isatty():
            print("Press Enter to interrupt.")
            asyncio.get_running_loop().add_reader(sys.stdin, session.interrupt)
        await speech
        await asyncio.sleep(1)  # the server's answers
        for message in session.current_agent.chat_ctx.messages():
            print(f"history:  {message.text_content!r}{' interrupted' if message.interrupted else ''}")
        for remembered in server.sessions[0].conversation.remembered():
            print(f"server:   {remembered.id}, {remembered.audio_ms} ms, {remembered.text!r}")
        await session.aclose()
        await model.aclose()


if __name__ == "__main__":
    asyncio.run(main())
