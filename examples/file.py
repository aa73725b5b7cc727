"""An agent that speaks into a file: `python examples/file.py heard.flac`. Ctrl-C ends it, and the file is whole.

With OPENAI_API_KEY it talks to OpenAI, else to the simulated server, whose voice is tones. Where each
message begins and was cut is in heard.json. Needs 'speech-lifecycle[files,openai,simulation]'.
"""

import asyncio
import os
import sys
from contextlib import AsyncExitStack

from openai import AsyncOpenAI

from speech_lifecycle.adapters import Driver, OpenAIRealtimeSession
from speech_lifecycle.adapters.outputs import FileOutput
from speech_lifecycle.fsm import AnnounceAgentState, CommitMessage, Policy, ReportMessageSettled
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
    elif isinstance(effect, AnnounceAgentState):
        print(f"the agent is {effect.state}", flush=True)
    elif isinstance(effect, CommitMessage):
        print(f"history: {effect.text!r}", "interrupted" if effect.interrupted else "")


def configure(session: OpenAIRealtimeSession) -> None:
    """Say what the agent can do, first of all on a connection."""
    session.send({"type": "session.update", "session": {"type": "realtime", "tools": [TOOL]}})


async def main(path: str, interrupt_after_s: float | None = None) -> None:
    """Say something, and tell what was heard of it."""
    output = FileOutput(path)
    async with AsyncExitStack() as stack:
        client = AsyncOpenAI(api_key=os.environ.get("OPENAI_API_KEY", "simulated"))
        if "OPENAI_API_KEY" not in os.environ:
            server = await stack.enter_async_context(SimulatedRealtimeServer(WEATHER))
            client = client.copy(base_url=server.base_url, websocket_base_url=server.websocket_base_url)
        connection = await stack.enter_async_context(client.realtime.connect(model="gpt-realtime-2"))
        session = OpenAIRealtimeSession(connection, configure=configure)
        driver = await stack.enter_async_context(Driver(session, output, policy=Policy(estimate_heard_text=True)))
        driver.listen(tell)
        turn = [driver.begin_turn("What is the weather in London?")]
        # What the model says with the result of the tool is part of the turn.
        session.on_tool_call(lambda call: turn.append(driver.continue_turn({call.call_id: "Sunny, a light breeze."})))
        if interrupt_after_s is not None:
            asyncio.get_running_loop().call_later(interrupt_after_s, driver.interrupt)
        for speech in turn:
            await speech.done()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else "heard.wav"))
