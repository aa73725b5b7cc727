"""A client of the simulated realtime server: the real openai SDK over a real socket, in virtual time.

A `Client` lets everything in flight arrive before it moves the clock, so each run is the same and none of them waits.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from contextlib import asynccontextmanager, suppress
from typing import Any

from openai import AsyncOpenAI
from openai.types.realtime import RealtimeServerEvent
from pydantic import TypeAdapter
from websockets.exceptions import ConnectionClosedError

from speech_lifecycle.adapters.clock import VirtualClock
from speech_lifecycle.simulation.realtime_server import SimulatedRealtimeServer
from speech_lifecycle.simulation.script import ScriptedMessage

SERVER_EVENTS: TypeAdapter[Any] = TypeAdapter(RealtimeServerEvent)
PREAMBLE = ScriptedMessage("Let me check that.", audio_ms=800, message_id="item_a")
ANSWER = ScriptedMessage("It is foggy in London today.", audio_ms=2000, message_id="item_b")


async def eventually(is_so) -> None:
    """Let the event loop turn until it is so."""
    for _ in range(100_000):
        if is_so():
            return
        await asyncio.sleep(0)
    raise AssertionError("it never happened")


class Client:
    """An SDK connection that knows what is in flight."""

    def __init__(self, connection, session, clock) -> None:
        self.connection, self.session, self.clock = connection, session, clock
        self.events: list[Any] = []
        self.frames_sent = 0
        self.closed_by: Exception | None = None
        self._reader = asyncio.create_task(self._read())

    async def _read(self) -> None:
        try:
            while True:
                self.events.append(await self.connection.recv())
        except ConnectionClosedError as closed:
            self.closed_by = closed

    async def settle(self) -> None:
        """Let every frame arrive and be handled, in both directions."""
        for _ in range(100_000):
            if self.closed_by is not None or (
                len(self.events) == self.session.frames_sent and self.frames_sent == self.session.frames_handled
            ):
                return
            await asyncio.sleep(0)
        raise AssertionError("frames are stuck")

    async def do(self, *requests) -> list[Any]:
        """Send requests; return the events that came in answer, at this instant."""
        before = len(self.events)
        for request in requests:
            await request
            self.frames_sent += 1
        await self.settle()
        return self.events[before:]

    async def send(self, event: dict[str, Any]) -> list[Any]:
        return await self.do(self.connection.send(event))

    async def advance(self, by_ms: float) -> list[Any]:
        """Move the clock call by call, and let the events arrive in between."""
        before = len(self.events)
        until_ms = self.clock.now_ms() + by_ms
        while (due_ms := self.clock.next_due_ms) is not None and due_ms <= until_ms:
            self.clock.advance_to_next()
            await self.settle()
        self.clock.advance(until_ms - self.clock.now_ms() if until_ms != float("inf") else 0)
        return self.events[before:]

    async def finish(self) -> list[Any]:
        return await self.advance(float("inf"))

    async def respond(self) -> list[Any]:
        """Ask for a response and receive all of it."""
        return await self.do(self.connection.response.create()) + await self.finish()

    async def close(self) -> None:
        self._reader.cancel()
        with suppress(asyncio.CancelledError):
            await self._reader
        await self.connection.close()


@asynccontextmanager
async def running(*responses, connect=True, model="gpt-realtime", **options):
    clock = VirtualClock()
    tasks_before = asyncio.all_tasks()
    async with SimulatedRealtimeServer(responses, clock=clock, **options) as server:
        openai = AsyncOpenAI(base_url=server.base_url, api_key="secret", websocket_base_url=server.websocket_base_url)
        async with openai:
            if not connect:
                yield server, openai
            else:
                async with openai.realtime.connect(model=model) as connection:
                    # The session exists once its greeting has arrived.
                    greeting = await connection.recv()
                    client = Client(connection, server.sessions[0], clock)
                    client.events.append(greeting)
                    try:
                        yield client
                    finally:
                        await client.close()
    assert clock.next_due_ms is None
    assert asyncio.all_tasks() == tasks_before
    if server.behaviour.dialect.event_names == "ga":
        for event in itertools.chain.from_iterable(session.events_sent for session in server.sessions):
            SERVER_EVENTS.validate_json(json.dumps(event), strict=True)


def types(events: list[Any]) -> list[str]:
    return [event.type for event in events]


def only(events: list[Any], kind: str) -> list[Any]:
    return [event for event in events if event.type == kind]


def the(events: list[Any], kind: str) -> Any:
    (event,) = only(events, kind)
    return event


def user_says(text: str, **fields: Any) -> dict[str, Any]:
    return {
        "type": "message",
        "role": "user",
        "content": [{"type": "input_text", "text": text}],
        **fields,
    }


def error_of(events: list[Any]) -> Any:
    (event,) = events
    assert event.type == "error"
    return event.error
