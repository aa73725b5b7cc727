"""The event loop in virtual time."""

from __future__ import annotations

import asyncio

import pytest

from speech_lifecycle.simulation import virtual_loop
from speech_lifecycle.simulation.virtual_loop import VirtualTimeLoop, run_in_virtual_time


def test_a_long_sleep_takes_its_time_virtually() -> None:
    async def sleep() -> float:
        began = asyncio.get_running_loop().time()
        await asyncio.sleep(86_400)
        return asyncio.get_running_loop().time() - began

    assert run_in_virtual_time(sleep()) == pytest.approx(86_400)


def test_timers_fire_in_the_order_of_their_times() -> None:
    async def fire() -> list[int]:
        fired: list[int] = []
        loop = asyncio.get_running_loop()
        for delay in (3, 1, 2):
            loop.call_later(delay, fired.append, delay)
        await asyncio.sleep(4)
        return fired

    assert run_in_virtual_time(fire()) == [1, 2, 3]


def test_a_real_socket_is_heard_before_time_moves_on() -> None:
    async def talk() -> tuple[bytes, float]:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write((await reader.readexactly(4)).upper())
            writer.close()

        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualTimeLoop)
        is_answered = False
        loop.is_quiet = lambda: is_answered
        async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            loop.call_later(60, writer.transport.abort)
            writer.write(b"ping")
            reply = await reader.read()
            is_answered = True
            writer.close()
        return reply, loop.time()

    assert run_in_virtual_time(talk()) == (b"PING", 0.0)


def test_a_run_that_waits_for_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(virtual_loop, "_PATIENCE_S", 0.05)

    async def wait() -> None:
        await asyncio.get_running_loop().create_future()

    with pytest.raises(RuntimeError, match="nothing is due any more"):
        run_in_virtual_time(wait())


def test_what_is_left_is_cancelled() -> None:
    ends: list[str] = []

    async def linger() -> None:
        try:
            await asyncio.sleep(10)
        finally:
            ends.append("cancelled")

    async def main() -> asyncio.Task[None]:
        task = asyncio.create_task(linger())
        await asyncio.sleep(0)
        return task

    assert run_in_virtual_time(main()).cancelled()
    assert ends == ["cancelled"]
