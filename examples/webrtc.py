"""An agent in the browser, by WebRTC: `python examples/webrtc.py`, and open what it prints. Talk over it.

With OPENAI_API_KEY it talks to OpenAI, else to the simulated server, whose voice is tones and which hears nothing.
Needs 'speech-lifecycle[openai,simulation,webrtc]'.
"""

import asyncio
import os
from contextlib import AsyncExitStack

from openai import AsyncOpenAI

from speech_lifecycle.adapters import Driver, OpenAIRealtimeSession
from speech_lifecycle.adapters.outputs.webrtc import WebRtcCall, WebRtcServer
from speech_lifecycle.fsm import CommitMessage, ReportMessageSettled
from speech_lifecycle.simulation.realtime_server import SimulatedRealtimeServer
from speech_lifecycle.simulation.scenarios import WEATHER

TOOL = {
    "type": "function",
    "name": "get_weather",
    "description": "Tell the weather in a city.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}


def tell(speech: object, effect: object) -> None:
    """Print what became of each message, and what to put into the history."""
    if isinstance(effect, ReportMessageSettled):
        record = effect.record
        print(f"{record.message_id}: {record.state}, heard {record.heard_ms} of {record.received_ms} ms")
    elif isinstance(effect, CommitMessage):
        print(f"history: {effect.text!r}", "interrupted" if effect.interrupted else "")


def configure(session: OpenAIRealtimeSession) -> None:
    """Say what the agent can do, first of all on a connection."""
    session.send({"type": "session.update", "session": {"type": "realtime", "tools": [TOOL]}})


async def converse(call: WebRtcCall) -> None:
    """Talk to one page, until it is gone."""
    async with AsyncExitStack() as stack:
        client = AsyncOpenAI(api_key=os.environ.get("OPENAI_API_KEY", "simulated"))
        if "OPENAI_API_KEY" not in os.environ:
            server = await stack.enter_async_context(SimulatedRealtimeServer(WEATHER))
            client = client.copy(base_url=server.base_url, websocket_base_url=server.websocket_base_url)
        connection = await stack.enter_async_context(client.realtime.connect(model="gpt-realtime-2"))
        session = OpenAIRealtimeSession(connection, configure=configure)
        driver = await stack.enter_async_context(Driver(session, call.output))
        driver.listen(tell)
        session.on_tool_call(lambda tool: driver.continue_turn({tool.call_id: "Sunny, a light breeze."}))
        driver.begin_turn("What is the weather in London?")
        async for pcm in call.microphone():
            session.send_audio(pcm)


async def main() -> None:
    """Wait for pages."""
    async with WebRtcServer(converse, port=8000) as server:
        print(server.url)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
