"""The watch on top of the outputs that LiveKit's rooms put together: transcript synchronizer, proxy, sink.

LiveKit's synchronizer works in wall-clock time, so this runs in real time.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from livekit import rtc
from livekit.agents import Agent, AgentSession
from livekit.agents.voice import io
from livekit.agents.voice.transcription import TranscriptSynchronizer
from livekit.plugins import openai

from speech_lifecycle.adapters.clock import LoopClock
from speech_lifecycle.adapters.livekit_agents.audio_output import LiveKitAudioOutput
from speech_lifecycle.adapters.livekit_agents.livekit_time import livekit_time_s
from speech_lifecycle.adapters.livekit_agents.watch import Watch, watch_session
from speech_lifecycle.adapters.livekit_agents.watch.forwarding import Forwarding
from speech_lifecycle.adapters.livekit_agents.watch.output import WatchedOutput
from speech_lifecycle.adapters.livekit_agents.watched_model import WatchedRealtimeModel
from speech_lifecycle.fsm.values import MessageRecord
from speech_lifecycle.simulation.conversation import RememberedMessage
from speech_lifecycle.simulation.realtime_server import SimulatedRealtimeServer
from speech_lifecycle.simulation.script import ScriptedMessage, ScriptedResponse
from speech_lifecycle.simulation.simulated_speaker import SimulatedSpeaker

RESPONSE = ScriptedResponse(
    (
        ScriptedMessage("Let me see.", 400, message_id="preamble"),
        ScriptedMessage("It is sunny today, with a light breeze from the west.", 3_000, message_id="answer"),
        ScriptedMessage("Anything else?", 800, message_id="closing"),
    )
)


class Caption(io.TextOutput):
    def __init__(self) -> None:
        super().__init__(label="caption", next_in_chain=None)

    async def capture_text(self, text: str) -> None:
        pass

    def flush(self) -> None:
        pass


@dataclass
class Played:
    records: dict[str, MessageRecord] = field(default_factory=dict)
    history: dict[str, tuple[str, bool]] = field(default_factory=dict)
    server: tuple[RememberedMessage, ...] = ()
    heard_ms: list[int] = field(default_factory=list)
    chain: list[io.AudioOutput] = field(default_factory=list)


async def play_interrupted() -> Played:
    """Play under a synchronizer, and interrupt in mid-answer."""
    played = Played()
    speaker = SimulatedSpeaker(LoopClock())
    async with SimulatedRealtimeServer([RESPONSE]) as server:
        model = openai.realtime.RealtimeModel(base_url=server.base_url, api_key="simulated")
        session: AgentSession[None] = AgentSession(
            llm=WatchedRealtimeModel(model),
            vad=None,
            turn_handling={"turn_detection": "realtime_llm"},
            user_away_timeout=None,
        )
        synchronizer = TranscriptSynchronizer(
            next_in_chain_audio=LiveKitAudioOutput(speaker, unix_time_s=livekit_time_s), next_in_chain_text=Caption()
        )
        watch: Watch = watch_session(session, repair=True)
        # As rooms do: the outputs are there only when the session starts.
        session.output.audio, session.output.transcription = synchronizer.audio_output, synchronizer.text_output
        in_answer = asyncio.Event()
        watch.on("message_settled", lambda _, record: played.records.setdefault(record.message_id, record))
        watch.on("message_settled", lambda *_: in_answer.set())
        await session.start(Agent(instructions="You are a voice assistant."), record=False)
        speech = session.generate_reply()
        await in_answer.wait()
        await asyncio.sleep(1.2)
        await session.interrupt()
        await speech
        await asyncio.sleep(0.5)
        output = session.output.audio
        while output is not None:
            played.chain.append(output)
            output = output.next_in_chain
        for message in session.current_agent.chat_ctx.messages():
            played.history[message.id] = (message.text_content or "", message.interrupted)
        played.server = server.sessions[0].conversation.remembered()
        played.heard_ms = list(speaker.listener.heard.values())
        await session.aclose()
        await synchronizer.aclose()
        await model.aclose()
    return played


async def test_the_synchronized_transcript_is_what_was_heard() -> None:
    played = await play_interrupted()
    assert isinstance(played.chain[0], WatchedOutput)
    assert isinstance(played.chain[-1], LiveKitAudioOutput)

    answer = played.records["answer"]
    assert played.heard_ms == [400, answer.heard_ms]
    assert answer.heard_text_status == "synchronized"
    assert "It is sunny today, with a light breeze from the west.".startswith(answer.heard_text.strip())
    assert played.records["closing"].state == "skipped"

    assert played.history == {"preamble": ("Let me see.", False), "answer": (answer.heard_text, True)}
    assert [(message.id, message.audio_ms) for message in played.server] == [
        ("preamble", 400),
        ("answer", answer.heard_ms),
    ]


def test_a_sink_may_be_swapped_under_the_watch() -> None:
    """`replace_audio_tail` reaches past the watch to the sink."""

    async def swap() -> tuple[io.AudioOutput, io.AudioOutput]:
        session: AgentSession[None] = AgentSession(vad=None)
        first, second = (LiveKitAudioOutput(SimulatedSpeaker(LoopClock()), unix_time_s=lambda: 0.0) for _ in range(2))
        session.output.audio = top = WatchedOutput(first, lambda fact, response=None: None, Forwarding(), decides=True)
        frame = rtc.AudioFrame(bytes(960), 24_000, 1, 480)
        await top.capture_frame(frame)
        session.output.replace_audio_tail(second)
        tail: io.AudioOutput = top
        while tail.next_in_chain is not None:
            tail = tail.next_in_chain
        return tail, second

    tail, second = asyncio.run(swap())
    assert tail is second
