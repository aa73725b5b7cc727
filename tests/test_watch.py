"""`speech-lifecycle watch`: pages follow an agent, by its file or its port, while it runs, ends and begins anew."""

from __future__ import annotations

import asyncio
import re
import signal
import sys
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
from browser_room import missing, open_browser
from report_pages import NASTY, faults_of_access, hostile, lines_of, lit, open_page, written

from speech_lifecycle.adapters.live_trace import LiveTrace
from speech_lifecycle.adapters.trace_file import TraceFile
from speech_lifecycle.cli.watch.calls import WatchedCalls
from speech_lifecycle.cli.watch.following import LONGEST_LINE, Lines, follow_agent, follow_file
from speech_lifecycle.cli.watch.server import WatchServer
from speech_lifecycle.fsm.effects import ReportSpeechDone

in_browser = pytest.mark.skipif(bool(missing()), reason=missing())
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser():
    async with open_browser() as browser:
        yield browser


@asynccontextmanager
async def watched(follow, what):
    """What is watched, and the server of its pages."""
    calls = WatchedCalls("call")
    following = asyncio.ensure_future(follow(what, calls))
    try:
        async with WatchServer(calls) as server:
            yield calls, server
    finally:
        following.cancel()
        with suppress(asyncio.CancelledError):
            await following
        calls.close()


async def shows_last(page, count):
    """Wait until the last of so many steps is shown."""
    await page.wait_for_function(
        "(count) => document.getElementById('where').textContent.startsWith(`step ${count} of ${count},`)", arg=count
    )


@in_browser
async def test_pages_follow_a_file_that_grows_and_is_written_anew(browser, trace, tmp_path):
    path = tmp_path / "call.jsonl"
    async with watched(follow_file, path) as (_, server), open_page(browser, server.url) as one:
        assert "waiting" in await one.get_by_role("alert").inner_text()
        with TraceFile(path) as file:
            for record in trace.records[:20]:
                file(record)
            await shows_last(one, 20)
            async with open_page(browser, server.url) as two:
                await shows_last(two, 20)
                assert await one.text_content("#trouble") == ""
                await two.keyboard.press("ArrowLeft")
                for record in trace.records[20:]:
                    file(record)
                await shows_last(one, len(trace.records))
                await two.wait_for_function(
                    "(count) => document.getElementById('where').textContent.startsWith(`step 19 of ${count},`)",
                    arg=len(trace.records),
                )
                assert not await two.is_checked("#follow")
        outcomes = [effect.outcome for effect in trace.effects if isinstance(effect, ReportSpeechDone)]
        assert (await lit(one))["speech"] == outcomes[-1:]
        with TraceFile(path) as file:
            for record in trace.records[:5]:
                file(record)
            await shows_last(one, 5)
            assert await one.locator("#call option").all_inner_texts() == ["call", "call, run 2"]
            await one.select_option("#call", "0")
            await one.keyboard.press("End")
            await one.wait_for_function("() => document.getElementById('about').textContent.startsWith('call:')")


@in_browser
async def test_pages_follow_an_agent_that_ends_and_begins_anew(browser, trace):
    first = LiveTrace(0)
    port = int(re.search(r":(\d+)/", first.url)[1])
    async with (
        watched(follow_agent, first.url) as (_, server),
        open_page(browser, server.url) as one,
        open_page(browser, server.url) as two,
    ):
        async with first:
            for record in trace.records:
                first(record)
            for page in (one, two):
                await shows_last(page, len(trace.records))
        await one.get_by_text("waiting for").wait_for()
        async with LiveTrace(port) as again:
            for record in trace.records[:7]:
                again(record)
            for page in (one, two):
                await shows_last(page, 7)
                await page.wait_for_function("() => document.getElementById('trouble').textContent === ''")
            assert await two.locator("#call option").count() == 2


@in_browser
async def test_what_is_hostile_is_text_and_what_is_shown_can_be_read_by_everyone(browser, trace, tmp_path):
    path = written(tmp_path / "call.jsonl", ["no json\n", *hostile(lines_of(trace))])
    async with watched(follow_file, path) as (_, server), open_page(browser, server.url) as page:
        await shows_last(page, len(trace.records))
        assert await page.locator("img").count() == 0
        assert "line 1" in await page.locator("#notes-list").inner_text()
        assert NASTY[:30] in await page.locator("#messages").inner_text()
        assert await faults_of_access(page) == []


# Who is answered


@pytest.mark.parametrize("path", ["", "index", "news", "pages/0/0", "speeches/0/0"])
async def test_another_sites_page_gets_nothing(path, trace, tmp_path, caplog):
    none = tmp_path / "none.jsonl"
    async with watched(follow_file, none) as (calls, server), aiohttp.ClientSession() as client:
        for line in lines_of(trace):
            calls.take(line.encode())
        async with client.get(server.url + path) as answer:
            assert answer.status == 200
        for headers in ({"Origin": "https://a.example"}, {"Host": "a.example"}, {"Sec-Fetch-Site": "cross-site"}):
            async with client.get(server.url + path, headers=headers) as answer:
                assert answer.status == 403
        assert server.refused == 3
    assert "was refused" in caplog.text


async def test_what_is_not_there_is_not_found(tmp_path):
    async with watched(follow_file, tmp_path / "none.jsonl") as (_, server), aiohttp.ClientSession() as client:
        for path in ("pages/0/0", "speeches/0/0", "pages/0/99999999999", "../page.css", "page.js"):
            async with client.get(server.url + path) as answer:
                assert answer.status == 404


async def test_more_pages_than_anybody_looks_at_are_refused(tmp_path):
    async with watched(follow_file, tmp_path / "none.jsonl") as (_, server), aiohttp.ClientSession() as client:
        answers = [await client.get(f"{server.url}news") for _ in range(17)]
        assert [answer.status for answer in answers] == [200] * 16 + [503]
        for answer in answers:
            answer.close()


async def test_a_line_without_end_takes_no_memory():
    taken = []
    lines = Lines(taken.append)
    for _ in range(40):
        lines.add(b"x" * 1_000_000)
        assert len(lines.rest) <= LONGEST_LINE
    lines.add(b"\nnext\n")
    assert [len(line) for line in taken] == [LONGEST_LINE + 1, 5]


async def test_the_last_runs_are_kept_and_the_others_are_not(trace):
    calls = WatchedCalls("call")
    lines = [line.encode() for line in lines_of(trace)[:4]]
    for _ in range(30):
        for line in lines:
            calls.take(line)
    index = calls.index()
    assert [call["name"] for call in index["calls"]] == [f"call, run {run}" for run in range(23, 31)]
    assert all(call["steps"] == 3 for call in index["calls"])
    calls.close()


# On the command line


@in_browser
async def test_the_command_follows_an_agent_and_ends_by_ctrl_c(browser, trace):
    async with LiveTrace(0) as live:
        command = [str(Path(sys.executable).parent / "speech-lifecycle"), "watch", live.url, "--no-open"]
        process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
        try:
            printed = [(await process.stdout.readline()).decode() for _ in range(2)]
            assert printed[0] == f"watching {live.url}\n"
            async with open_page(browser, printed[1].strip()) as page:
                for record in trace.records:
                    live(record)
                await shows_last(page, len(trace.records))
            process.send_signal(signal.SIGINT)
            rest, _ = await process.communicate()
            assert process.returncode == 0
            assert "stopped" in rest.decode()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
