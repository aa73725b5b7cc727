"""An agent on the telephone: `python examples/telephone.py` waits for Twilio's media streams on port 8000.

A call gets here by TwiML: <Connect><Stream url="wss://your.host/" /></Connect>. Other carriers: another dialect.
With OPENAI_API_KEY it talks to OpenAI, else to the simulated server.
Needs 'speech-lifecycle[telephone,openai,simulation]'.
"""

import asyncio
import os
from contextlib import AsyncExitStack

from openai import AsyncOpenAI
from websockets.asyncio.server import ServerConnection, serve

from speech_lifecycle.adapters import Driver, OpenAIRealtimeSession
from speech_lifecycle.adapters.outputs.telephone import TWILIO, TelephoneOutput
from speech_lifecycle.fsm import CommitMessage, Policy, ReportMessageSettled
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


async def answer(call: ServerConnection) -> None:
    """Talk to one caller, until he hangs up."""
    output = TelephoneOutput(call.send, TWILIO)
    async with AsyncExitStack() as stack:
        client = AsyncOpenAI(api_key=os.environ.get("OPENAI_API_KEY", "simulated"))
        if "OPENAI_API_KEY" not in os.environ:
            server = await stack.enter_async_context(SimulatedRealtimeServer(WEATHER))
            client = client.copy(base_url=server.base_url, websocket_base_url=server.websocket_base_url)
        connection = await stack.enter_async_context(client.realtime.connect(model="gpt-realtime-2"))
        session = OpenAIRealtimeSession(connection, configure=configure)
        driver = await stack.enter_async_context(Driver(session, output, policy=Policy(estimate_heard_text=True)))
        driver.listen(tell)
        session.on_tool_call(lambda call: driver.continue_turn({call.call_id: "Sunny, a light breeze."}))
        driver.begin_turn("What is the weather in London?")

        async def hear(pcm: bytes) -> None:
            session.send_audio(pcm)

        await output.run(call, hear)


async def main() -> None:
    """Wait for calls."""
    async with serve(answer, "127.0.0.1", 8000, max_size=2**16) as server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
