"""A server for telephone calls, over real WebSockets: who is let in, and what one call may do to the others."""

from __future__ import annotations

import asyncio
import base64
import json

import pytest
from realtime_client import eventually
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from speech_lifecycle.adapters.outputs.telephone import TELNYX, TelephoneServer
from speech_lifecycle.adapters.outputs.telephone.server import is_signed, signature_of
from speech_lifecycle.simulation.simulated_carrier import SimulatedCarrier

SECRET, URL = "12345", "wss://my.host/call"


class Calls:
    """A conversation that does nothing until it is told to, and notes how it ended."""

    def __init__(self) -> None:
        self.began: asyncio.Queue = asyncio.Queue()
        self.ended: asyncio.Queue = asyncio.Queue()
        self.end = asyncio.Event()

    async def converse(self, call) -> None:
        self.began.put_nowait(call)
        try:
            await self.end.wait()
        finally:
            self.ended.put_nowait(call)


async def status_of(url, **options) -> int:
    try:
        async with connect(url, **options):
            return 101
    except InvalidStatus as error:
        return error.response.status_code


def signed(secret=SECRET, url=URL):
    return {"additional_headers": {"X-Twilio-Signature": signature_of(secret, url)}}


def test_the_signature_is_the_one_of_twilios_own_libraries():
    parameters = "CallSidCA1234567890ABCDECaller+14158675309Digits1234From+14158675309To+18005551212"
    request = f"https://mycompany.com/myapp.php?foo=1&bar=2{parameters}"
    assert signature_of("12345", request) == "RSOYDt4T1cUTdK1PDd93/VVr8B8="


def test_a_slash_at_the_end_is_twilios_to_add():
    for url in ("wss://my.host", "wss://my.host/"):
        assert is_signed(SECRET, "wss://my.host", signature_of(SECRET, url))
        assert is_signed(SECRET, "wss://my.host/", signature_of(SECRET, url))
    assert not is_signed(SECRET, "wss://my.host/", signature_of(SECRET, "wss://my.hosts/"))


@pytest.mark.parametrize(
    ("options", "status"),
    [
        (signed(), 101),
        (signed(secret="54321"), 403),
        (signed(url="wss://my.host/other"), 403),
        ({}, 403),
        ({"additional_headers": {"X-Twilio-Signature": "\xe4"}}, 403),
        ({"additional_headers": [("X-Twilio-Signature", signature_of(SECRET, URL))] * 2}, 403),
        ({"origin": "https://evil.example", **signed()}, 403),
    ],
    ids=["signed", "another secret", "another url", "unsigned", "garbage", "twice", "a page"],
)
async def test_only_what_twilio_has_signed_is_let_in(options, status):
    calls = Calls()
    async with TelephoneServer(calls.converse, auth_token=SECRET, public_url=URL) as server:
        assert await status_of(server.url, **options) == status
        assert (server.refused, calls.began.qsize()) == ((0, 1) if status == 101 else (1, 0))


async def test_without_a_secret_nothing_is_signed_and_pages_are_refused_all_the_same():
    async with TelephoneServer(Calls().converse) as server:
        assert server.url.startswith("ws://127.0.0.1:")
        assert await status_of(server.url) == 101
        assert await status_of(server.url, origin="null") == 403


async def test_a_call_is_held_until_the_caller_hangs_up_and_the_next_may_come():
    calls = Calls()
    async with TelephoneServer(calls.converse, max_calls=1) as server:
        for _ in range(2):
            async with SimulatedCarrier(server.url, "Twilio") as carrier:
                call = await calls.began.get()
                assert server.calls == [call]
                assert await status_of(server.url) == 503
                await carrier.hang_up()
                assert await calls.ended.get() is call
            await eventually(lambda: not server.calls)
        assert server.refused == 2


async def test_the_end_of_the_conversation_ends_the_stream(caplog):
    async def fail(call):
        raise KeyError("a mistake in somebody's agent")

    async with TelephoneServer(fail) as server, connect(server.url) as stream:
        await stream.wait_closed()
        assert stream.close_code == 1000
    assert "a conversation with a caller has failed" in caplog.text


def media() -> str:
    """20 ms of silence."""
    payload = base64.b64encode(b"\xff" * 160).decode()
    return json.dumps({"event": "media", "streamSid": "MZ1", "media": {"track": "inbound", "payload": payload}})


async def test_what_the_caller_says_comes_to_the_agent():
    calls = Calls()
    async with TelephoneServer(calls.converse) as server, SimulatedCarrier(server.url, "Twilio") as carrier:
        call = await calls.began.get()
        for _ in range(20):
            await carrier.say(media())
        assert len(await anext(call.caller())) > 0


async def test_a_frame_that_is_too_large_ends_its_own_call_only():
    calls = Calls()
    async with TelephoneServer(calls.converse) as server, connect(server.url) as other, connect(server.url) as stream:
        await calls.began.get(), await calls.began.get()
        await stream.send("x" * 70_000)
        await calls.ended.get()
        await stream.wait_closed()
        assert stream.close_code == 1009
        await eventually(lambda: len(server.calls) == 1)
        assert await (await other.ping()) >= 0


async def test_who_starts_no_stream_does_not_hold_the_line():
    calls = Calls()
    async with TelephoneServer(calls.converse, patience_ms=50) as server:
        async with connect(server.url) as stream:
            await stream.send('{"event": "connected"}')
            with pytest.raises(ConnectionClosed):
                await stream.recv()
        await calls.ended.get()


async def test_the_end_of_the_server_ends_every_call():
    calls = Calls()
    async with TelephoneServer(calls.converse) as server:
        stream = await connect(server.url)
        await calls.began.get()
    await stream.wait_closed()
    assert calls.ended.qsize() == 1
    assert server.calls == []


@pytest.mark.parametrize(
    "options",
    [{"auth_token": SECRET}, {"public_url": URL}, {"auth_token": "", "public_url": URL}],
)
def test_half_a_secret_is_none(options):
    with pytest.raises(ValueError, match="belong together"):
        TelephoneServer(Calls().converse, **options)


def test_the_secret_is_twilios():
    with pytest.raises(ValueError, match="Telnyx"):
        TelephoneServer(Calls().converse, TELNYX, auth_token=SECRET, public_url=URL)
