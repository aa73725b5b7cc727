"""An agent on the telephone: `python examples/telephone.py` waits for Twilio's media streams on port 8000.

A call gets here by TwiML: <Connect><Stream url="wss://your.host/" /></Connect>. Other carriers: another dialect.
With TWILIO_AUTH_TOKEN and STREAM_URL, that url, only what Twilio has signed is let in.
With OPENAI_API_KEY it talks to OpenAI, else to the simulated server.
Needs 'speech-lifecycle[telephone,openai,simulation]'.
"""

import asyncio
import os
from contextlib import AsyncExitStack

from openai import AsyncOpenAI

from speech_lifecycle.adapters import Driver, OpenAIRealtimeSession
from speech_lifecycle.adapters.outputs.telephone import PhoneCall, TelephoneServer
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


async def answer(call: PhoneCall) -> None:
    """Talk to one caller, until he hangs up."""
    async with AsyncExitStack() as stack:
        client = AsyncOpenAI(api_key=os.environ.get("OPENAI_API_KEY", "simulated"))
        if "OPENAI_API_KEY" not in os.environ:
            server = await stack.enter_async_context(SimulatedRealtimeServer(WEATHER))
            client = client.copy(base_url=server.base_url, websocket_base_url=server.websocket_base_url)
        connection = await stack.enter_async_context(client.realtime.connect(model="gpt-realtime-2"))
        session = OpenAIRealtimeSession(connection, configure=configure)
        driver = await stack.enter_async_context(Driver(session, call.output, policy=Policy(estimate_heard_text=True)))
        driver.listen(tell)
        session.on_tool_call(lambda call: driver.continue_turn({call.call_id: "Sunny, a light breeze."}))
        driver.begin_turn("What is the weather in London?")
        async for pcm in call.caller():
            session.send_audio(pcm)


async def main() -> None:
    """Wait for calls."""
    secret, url = os.environ.get("TWILIO_AUTH_TOKEN"), os.environ.get("STREAM_URL")
    async with TelephoneServer(answer, port=8000, auth_token=secret, public_url=url) as server:
        print(server.url)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
