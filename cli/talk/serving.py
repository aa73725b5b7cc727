"""Serves the page of `talk`, and the agent behind it."""

from __future__ import annotations

import asyncio
import os
import webbrowser
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

from openai import AsyncOpenAI

from speech_lifecycle.adapters.outputs.browser import BrowserServer
from speech_lifecycle.simulation.realtime_server import SimulatedRealtimeServer
from speech_lifecycle.simulation.script import ScriptedResponse
from speech_lifecycle.simulation.voice_activity import VoiceActivity

from ..real_server import client_of_environment
from ..terminal import console
from .conversation import Agent
from .script import scripted_responses

TALK_PAGE = Path(__file__).parent / "page"


def talk(port: int, model: str, *, opens: bool) -> None:
    """Serve until Ctrl-C.

    Raises:
        OSError: the port is taken.
    """
    try:
        asyncio.run(_serve(port, model, opens=opens))
    except KeyboardInterrupt:
        console.print("\nsettled, and stopped")


async def _serve(port: int, model: str, *, opens: bool) -> None:
    async with (
        agent_of(model) as (agent, name),
        BrowserServer(agent.converse, port=port, folders=[TALK_PAGE], shows_text=True) as server,
    ):
        console.print(f"talk to {name}\n{server.url}\nCtrl-C ends it", soft_wrap=True)
        if opens:
            await asyncio.to_thread(webbrowser.open, server.url)
        await asyncio.Event().wait()


@asynccontextmanager
async def agent_of(model: str) -> AsyncIterator[tuple[Agent, str]]:
    """Give an agent, and what it is: with OPENAI_API_KEY a real one, else a simulated one."""
    if os.environ.get("OPENAI_API_KEY"):
        client = client_of_environment()
        yield Agent(client, model, model), f"{model}, at {client.base_url.host}"
        return
    responses, voice = await scripted_responses()
    async with _Endless(responses) as server:
        client = AsyncOpenAI(
            api_key="simulated", base_url=server.base_url, websocket_base_url=server.websocket_base_url
        )
        yield (
            Agent(client, "simulated", "the simulated server"),
            f"the simulated server, with {voice}; set OPENAI_API_KEY for a real one",
        )


class _Endless(SimulatedRealtimeServer):
    """Has always something to say, and hears when somebody speaks."""

    def __init__(self, responses: Iterator[ScriptedResponse]) -> None:
        super().__init__(hears=VoiceActivity, keeps_events=False)
        self._responses = responses

    def next_response(self) -> ScriptedResponse:
        """Take the next response."""
        return next(self._responses)
