"""One conversation with the agent of `talk`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from openai import AsyncOpenAI

from speech_lifecycle.adapters.driver import Driver
from speech_lifecycle.adapters.sessions.openai_realtime import OpenAIRealtimeSession
from speech_lifecycle.fsm.effects import AnnounceConnectionState
from speech_lifecycle.fsm.trace import Record
from speech_lifecycle.simulation.observed_connection import observe
from speech_lifecycle.simulation.wire_memory import WireMemory

from ..errors import UsageError
from ..real_server import server_errors
from .place import Place
from .view import View

_SHOWN_EVERY_S = 0.1

INSTRUCTIONS = "You are a friendly voice agent. Answer in two or three short messages. The user may talk over you."


class Agent:
    """Where conversations come from: a client of a server, and what to call it."""

    def __init__(self, client: AsyncOpenAI, model: str, name: str) -> None:
        self._client = client
        self._model = model
        self._name = name

    async def converse(self, place: Place, *, trace: Callable[[Record], None] | None = None) -> None:
        """Talk to somebody until the server ends it, or he is gone; then what was heard is settled.

        `trace` is given every record of the trace.
        """
        await place.plays()
        try:
            with server_errors(str(self._client.base_url)):
                async with self._client.realtime.connect(model=self._model) as connection:
                    memory = WireMemory()
                    observe(connection, memory)
                    session = OpenAIRealtimeSession(connection, configure=_configure)
                    await self._talk(place, session, memory, trace)
        except UsageError as error:
            place.show({"trouble": str(error)})

    async def _talk(
        self,
        place: Place,
        session: OpenAIRealtimeSession,
        memory: WireMemory,
        trace: Callable[[Record], None] | None,
    ) -> None:
        driver = Driver(session, place.output, trace=trace)
        view = View(driver, memory, self._name)
        session.listen(view.take)
        lost = asyncio.Event()

        def tell(speech: object, effect: object) -> None:
            if effect == AnnounceConnectionState("disconnected"):
                lost.set()

        driver.listen(tell)
        try:
            async with driver:
                driver.request_response()
                await _until_one_ends(_hear(place, session), _answer(place, driver), _show(place, view), lost.wait())
        finally:
            view.is_lost = lost.is_set()
            view.trouble = "The connection to the server is lost." if view.is_lost else ""
            place.show(view.now())


async def _hear(place: Place, session: OpenAIRealtimeSession) -> None:
    async for pcm in place.microphone():
        session.send_audio(pcm)


async def _answer(place: Place, driver: Driver) -> None:
    """Do what buttons and keys ask for."""
    async for what in place.asked():
        if what.get("do") == "interrupt":
            driver.interrupt()
        elif what.get("do") == "go on" and driver.agent_state == "listening":
            driver.request_response()


async def _show(place: Place, view: View) -> None:
    shown: dict[str, Any] | None = None
    while True:
        now = view.now()
        if now != shown:
            place.show(now)
            shown = now
        await asyncio.sleep(_SHOWN_EVERY_S)


async def _until_one_ends(*jobs: Coroutine[Any, Any, object]) -> None:
    tasks = [asyncio.ensure_future(job) for job in jobs]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _configure(session: OpenAIRealtimeSession) -> None:
    audio = {"input": {"transcription": {"model": "gpt-4o-mini-transcribe"}, "turn_detection": {"type": "server_vad"}}}
    session.send(
        {"type": "session.update", "session": {"type": "realtime", "instructions": INSTRUCTIONS, "audio": audio}}
    )
