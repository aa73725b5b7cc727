"""One response of a real server, played by a simulated speaker in real time."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from speech_lifecycle.adapters.clock import LoopClock
from speech_lifecycle.adapters.driver import Driver
from speech_lifecycle.adapters.sessions.openai_realtime import OpenAIRealtimeSession
from speech_lifecycle.adapters.trace_file import TraceFile
from speech_lifecycle.fsm.trace import Header, Record, Trace, definition_digest
from speech_lifecycle.simulation.account import Account
from speech_lifecycle.simulation.first_sound import FirstSound
from speech_lifecycle.simulation.observed_connection import observe
from speech_lifecycle.simulation.report import Report, compare
from speech_lifecycle.simulation.simulated_speaker import SimulatedSpeaker
from speech_lifecycle.simulation.wire_memory import WireMemory

from .errors import UsageError

if TYPE_CHECKING:
    from openai import AsyncOpenAI

_ANSWER_TIMEOUT_S = 10.0


async def converse(
    model: str, say: str, interrupt_at_ms: float | None, open_trace: Callable[[], TraceFile]
) -> tuple[Report, Trace]:
    """Say something to the server that the environment names, play what it answers, and report.

    Args:
        model: the model that answers.
        say: what the user says.
        interrupt_at_ms: when to interrupt, from the first sound.
        open_trace: opens where the trace goes, once there is a connection.

    Raises:
        UsageError: the server is not there, refuses the key, or gives no answer.
    """
    client = client_of_environment()
    with server_errors(str(client.base_url)):
        async with client, client.realtime.connect(model=model) as connection:
            memory = WireMemory()
            observe(connection, memory)
            with open_trace() as trace_file:
                return await _play(OpenAIRealtimeSession(connection), memory, say, interrupt_at_ms, trace_file)


def client_of_environment() -> AsyncOpenAI:
    """Return a client of the server that OPENAI_BASE_URL names, with the key in OPENAI_API_KEY.

    Raises:
        UsageError: there is no key, or the address is none.
    """
    from openai import AsyncOpenAI, OpenAIError

    try:
        return AsyncOpenAI()
    except OpenAIError:
        raise UsageError("no key for the server: set OPENAI_API_KEY") from None
    except Exception as error:
        raise UsageError(f"OPENAI_BASE_URL is no address: {_without_secrets(str(error))}") from None


@contextmanager
def server_errors(address: str) -> Iterator[None]:
    """Turn what may be wrong with the connection to a server into words for the user.

    Raises:
        UsageError: the server is not there, or refuses the key.
    """
    from websockets.exceptions import InvalidHandshake, InvalidStatus, InvalidURI

    address = _without_secrets(address)
    try:
        yield
    except InvalidStatus as error:
        status = error.response.status_code
        remedy = "check OPENAI_API_KEY" if status in (401, 403) else "check OPENAI_BASE_URL and --model"
        raise UsageError(f"{address} refuses the connection with HTTP {status}: {remedy}") from None
    # Before Python 3.11, asyncio's TimeoutError is no OSError.
    except (InvalidHandshake, InvalidURI, OSError, asyncio.TimeoutError) as error:
        said = _without_secrets(str(error)) or type(error).__name__
        raise UsageError(f"{address} cannot be reached: {said}; check OPENAI_BASE_URL") from None


def _without_secrets(text: str) -> str:
    """Return a text without what the environment keeps secret: key, user, password and query of the address."""
    address = os.environ.get("OPENAI_BASE_URL", "")
    # The last @ ends a password, which may hold others, and characters that no address may.
    authority = re.match(r"[^/]*//(.*@)?", address)
    userinfo = (authority.group(1) or "")[:-1] if authority is not None else ""
    user, _, password = userinfo.partition(":")
    query = address.partition("?")[2]
    for secret in (os.environ.get("OPENAI_API_KEY", ""), userinfo, password, query, user):
        for written in {secret, quote(secret), unquote(secret)}:
            if written:
                text = text.replace(written, "***")
    return text


async def _play(
    session: OpenAIRealtimeSession,
    memory: WireMemory,
    say: str,
    interrupt_at_ms: float | None,
    on_record: Callable[[Record], None],
) -> tuple[Report, Trace]:
    clock = LoopClock()
    speaker = SimulatedSpeaker(clock, shows_text=True)
    trace = Trace(Header(definition=definition_digest()))

    def on_first_sound() -> None:
        if interrupt_at_ms is not None:
            clock.call_later(interrupt_at_ms, driver.interrupt_all)

    first_sound = FirstSound(on_first_sound)

    def record(new: Record) -> None:
        if not isinstance(new, Header):
            trace.records.append(new)
        on_record(new)
        first_sound.watch(new)

    driver = Driver(session, speaker, clock=clock, trace=record)
    account = Account(driver)
    async with driver:
        user_message = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": say}]}
        session.send({"type": "conversation.item.create", "item": user_message})
        await driver.request_response().done()
        records = account.records
        forgotten = [record.message_id for record in records if not await _is_remembered(session, record.message_id)]
    report = compare(
        records,
        heard=speaker.listener.heard,
        history=account.history,
        conversation=memory.conversation,
        plays_audio=True,
        frame_ms=20,
        sent_ms=memory.sent_ms,
        outcomes=account.outcomes,
        divergences=account.divergences,
        speaking_announced=account.speaking_announced,
        server_errors=tuple(_without_secrets(f"{error.code}: {error.text}") for error in session.errors),
    )
    unexpected = [message_id for message_id in forgotten if memory.conversation.find(message_id) is not None]
    if unexpected:
        raise UsageError(f"the server has lost {', '.join(unexpected)}, which nobody removed")
    return report, trace


async def _is_remembered(session: OpenAIRealtimeSession, item_id: str) -> bool:
    """Ask the server itself whether it still has an item."""
    event_id = f"retrieve_{item_id}"
    answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    def listen(event: dict[str, object]) -> None:
        item, error = event.get("item"), event.get("error")
        if answer.done():
            return
        if event["type"] == "conversation.item.retrieved" and isinstance(item, dict) and item.get("id") == item_id:
            answer.set_result(True)
        elif event["type"] == "error" and isinstance(error, dict) and error.get("event_id") in (event_id, None):
            answer.set_result(False)

    session.listen(listen)
    session.send({"type": "conversation.item.retrieve", "event_id": event_id, "item_id": item_id})
    try:
        return await asyncio.wait_for(answer, _ANSWER_TIMEOUT_S)
    except asyncio.TimeoutError:
        raise UsageError(f"the server does not say whether it remembers {item_id}") from None
