"""A trace at a port: who comes late gets what is kept, no other site gets anything, and all of it is bounded."""

from __future__ import annotations

import asyncio
import json
import re
import socket

import aiohttp
import pytest

from speech_lifecycle.adapters import LiveTrace
from speech_lifecycle.adapters.kept_trace import KeptTrace
from speech_lifecycle.diagrams import CallReading
from speech_lifecycle.fsm.trace import ConversationStep, Header, Step, dump_record, load_trace
from speech_lifecycle.simulation.scenario import play
from speech_lifecycle.simulation.scenarios import SCENARIOS


def lines_of(records):
    return [f"{dump_record(record)}\n".encode() for record in records]


async def read(url, count, **options):
    """The first lines that are served there."""
    async with aiohttp.ClientSession() as client, client.get(url, **options) as answer:
        assert answer.status == 200
        return [await answer.content.readline() for _ in range(count)]


async def test_who_comes_late_gets_all_of_it_and_then_what_comes(trace):
    async with LiveTrace(0) as live:
        for record in trace.records[:30]:
            live(record)
        async with aiohttp.ClientSession() as client, client.get(live.url) as answer:
            header = json.loads(await answer.content.readline())
            assert header["record"] == "header"
            got = [await answer.content.readline() for _ in range(30)]
            for record in trace.records[30:]:
                live(record)
            got += [await answer.content.readline() for _ in trace.records[30:]]
        assert got == lines_of(trace.records)


async def test_it_is_made_in_one_line_before_there_is_a_loop(trace):
    lives = await asyncio.to_thread(lambda: [LiveTrace(0), LiveTrace(0)])
    for live in lives:
        live(trace.records[0])
        assert await read(live.url, 2) == lines_of([trace.header, trace.records[0]])
        await live.aclose()
        await live.aclose()


async def test_a_driver_is_watched_from_its_first_record_on():
    async with LiveTrace(0) as live:
        _, world = await play(SCENARIOS["answer-interrupted"], on_record=live)
        expected = lines_of([world.trace.header, *world.trace.records])
        assert await read(live.url, len(expected)) == expected


def test_a_port_that_is_taken_is_said_at_once():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(OSError, match="in use"):
            LiveTrace(other.getsockname()[1])


async def test_it_listens_on_this_machine_only():
    async with LiveTrace(0) as live:
        assert live.url.startswith("http://127.0.0.1:")
        assert live._socket.getsockname()[0] == "127.0.0.1"


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Host": "a.example"},
        {"Sec-Fetch-Site": "cross-site"},
    ],
)
async def test_another_sites_page_gets_nothing(headers, caplog):
    async with (
        LiveTrace(0) as live,
        aiohttp.ClientSession() as client,
        client.get(live.url, headers=headers) as answer,
    ):
        assert answer.status == 403
        assert "header" not in await answer.text()
    assert "was refused" in caplog.text


async def test_watchers_that_have_gone_make_room_for_others(trace):
    async with LiveTrace(0) as live:
        for _ in range(20):
            await read(live.url, 1)


# What is kept


def again(records, number):
    """The same records, of speeches with other names."""
    lines = [re.sub(r'"speech_(?=\d)', f'"speech_{number}_', dump_record(record)) for record in records]
    return load_trace([dump_record(Header()), *lines]).records


def test_a_late_watcher_gets_whole_speeches(trace):
    records = [record for record in trace.records if not isinstance(record, ConversationStep) or record.event]
    size = sum(map(len, lines_of(records)))
    kept = KeptTrace(Header(), 3 * size)
    for number in range(20):
        for record in again(records, number):
            kept.take(record)
            lines = kept.since(None)
            assert sum(map(len, lines)) < 4 * size
        reading = CallReading()
        for record in load_trace([line.decode() for line in lines]).records:
            reading(record)
        assert not reading.call.problem_count
        assert {speech.outcome for speech in reading.call.speeches} <= {"completed", "interrupted"}
        assert reading.call.speeches[-1].outcome


def test_who_has_missed_lines_is_told_so_and_who_has_not_goes_on(trace):
    kept = KeptTrace(Header(), sum(map(len, lines_of(trace.records))) + 1_000)
    for record in trace.records:
        kept.take(record)
    behind = kept.end - 1
    assert kept.since(behind) == lines_of(trace.records[-1:])
    more = again(trace.records, 1)
    for record in more:
        kept.take(record)
        assert kept.since(kept.end - 1) in (lines_of([record]), None)
        if kept.since(behind) is None:
            break
    assert record is not more[0]
    kept.take(more[-1])
    assert kept.since(kept.end - 1) == lines_of(more[-1:])


def test_a_speech_without_end_is_forgotten_before_it_fills_the_memory(trace):
    step = next(record for record in trace.records if isinstance(record, Step))
    kept = KeptTrace(Header(), 10_000)
    for _ in range(1_000):
        kept.take(step)
        assert sum(map(len, kept.since(None))) < 12_000
    assert kept.end == 1_000
    assert kept.since(1_000) == []
