"""A LiveKit agent in a room, watched and repaired. Needs 'speech-lifecycle[livekit]' and a LiveKit server.

`python examples/livekit_room.py dev`, with LIVEKIT_URL, LIVEKIT_API_KEY, LIVEKIT_API_SECRET and OPENAI_API_KEY set.
Each job writes a trace that `speech-lifecycle replay` plays once more.
"""

from pathlib import Path

from livekit.agents import Agent, AgentServer, AgentSession, JobContext, cli
from livekit.plugins import openai

from speech_lifecycle.adapters.livekit_agents.spans import SpeechSpans
from speech_lifecycle.adapters.livekit_agents.watch import watch_session
from speech_lifecycle.adapters.livekit_agents.watch_events import ForbiddenStep, MessageStateChanged
from speech_lifecycle.adapters.livekit_agents.watched_model import WatchedRealtimeModel
from speech_lifecycle.adapters.trace_file import TraceFile

server = AgentServer()


def on_message_state(change: MessageStateChanged) -> None:
    """Show how far a message got."""
    print(f"{change.message_id}: {change.new_state}, heard {change.heard_ms} ms: {change.text}")


def on_forbidden_step(step: ForbiddenStep) -> None:
    """Show what the framework did wrong; with `repair` it is put right."""
    print(f"warning: {step}")


@server.rtc_session()
async def entrypoint(job: JobContext) -> None:
    """Talk to whoever is in the room."""
    session: AgentSession[None] = AgentSession(llm=WatchedRealtimeModel(openai.realtime.RealtimeModel()))

    trace = TraceFile(Path(f"{job.room.name}.jsonl"))
    watch = watch_session(session, repair=True, trace=trace)
    watch.on("message_state_changed", on_message_state)
    watch.on("forbidden_step", on_forbidden_step)
    SpeechSpans(watch)

    await session.start(Agent(instructions="You are a helpful voice assistant."), room=job.room)
    await session.generate_reply(instructions="Greet the user.")


if __name__ == "__main__":
    cli.run_app(server)
