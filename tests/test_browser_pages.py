"""What an output in a browser makes of pages that are late, gone, silent or hostile: sockets that say what we like."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from contextlib import AsyncExitStack, asynccontextmanager

import aiohttp
import numpy as np
import pytest

from speech_lifecycle.adapters.outputs.browser import BrowserOutput, BrowserServer
from speech_lifecycle.adapters.outputs.browser.frames import MAX_FRAME_BYTES
from speech_lifecycle.fsm.events import OutputFailed, OutputPlaybackFinished
from speech_lifecycle.fsm.values import Policy
from speech_lifecycle.simulation.virtual_loop import run_in_virtual_time
from speech_lifecycle.testing import Bench, OutputUnderTest

KEY = "0123456789abcdef"
RATE = 24_000
PATIENCE_MS = 3_000


class Page:
    """A WebSocket that says what a test has it say. `audio` is what it got, by the numbers of its messages."""

    def __init__(self, socket):
        self.socket = socket
        self.audio: dict[int, bytes] = {}
        self.told: list[dict] = []

    async def say(self, **fact):
        await self.socket.send_json(fact)

    async def until(self, is_so):
        while not is_so():
            message = await self.socket.receive(timeout=5)
            if message.type == aiohttp.WSMsgType.BINARY:
                number = int.from_bytes(message.data[:4], "little")
                self.audio[number] = self.audio.get(number, b"") + message.data[4:]
            elif message.type == aiohttp.WSMsgType.TEXT:
                self.told.append(json.loads(message.data))
            else:
                return

    async def until_told(self, what):
        await self.until(lambda: any(told["do"] == what for told in self.told))

    async def until_sent(self, ms, number=1):
        await self.until(lambda: len(self.audio.get(number, b"")) >= ms * RATE // 1000 * 2)

    async def until_closed(self):
        await self.until(lambda: self.socket.closed)
        return self.socket.close_code


async def hold(tab):
    await asyncio.Event().wait()


@asynccontextmanager
async def world(converse=hold, **options):
    """A server, and a way to open a page of it."""
    async with BrowserServer(converse, **{"patience_ms": 60_000, **options}) as server, AsyncExitStack() as stack:
        client = await stack.enter_async_context(aiohttp.ClientSession())

        async def open_page(key=KEY, origin=None, *, plays=True):
            headers = {"Origin": server.url.rstrip("/") if origin is None else origin}
            page = Page(await client.ws_connect(f"{server.url}socket?key={key}", headers=headers))
            stack.push_async_callback(page.socket.close)
            if plays:
                await page.say(event="state", state="running")
            return page

        yield server, open_page


class PatientBench(Bench):
    """A machine that is busy may keep this process waiting, and not the output."""

    def call(self, method, *arguments):
        method(*arguments)


def bench_of(server, index=0):
    bench = PatientBench(OutputUnderTest(server.tabs[index].output))
    bench.attach()
    return bench


async def failure(bench, message_id="m"):
    await bench.until(lambda: bool(bench.of(OutputFailed, message_id)), "it fails")
    bench.expect_in_order()
    return bench.of(OutputFailed, message_id)[0]


async def test_what_a_page_has_heard_is_the_position():
    async with world() as (server, open_page):
        page = await open_page()
        bench = bench_of(server)
        bench.say("m", 300)
        await page.until_sent(300)
        await page.say(event="heard", message=1, samples=2_400)
        await bench.started("m")
        await page.say(event="heard", message=1, samples=7_200)
        assert (await bench.finished("m")) == OutputPlaybackFinished("m", 300)
        bench.expect_in_order()


async def test_a_page_is_given_a_second_ahead_and_what_is_cut_is_not_sent_any_more():
    async with world() as (server, open_page):
        page = await open_page()
        bench = bench_of(server)
        bench.output.start("m")
        bench.write("m", 60_000)
        await page.until_sent(1_000)
        assert len(page.audio[1]) == RATE * 2
        bench.output.clear("m")
        await page.until_told("cut")
        await page.say(event="cut", message=1, samples=12_000)
        assert (await bench.finished("m")) == OutputPlaybackFinished("m", 500, interrupted=True)
        assert len(page.audio[1]) == RATE * 2
        await page.say(event="cut", message=1, samples=12_000)
        await page.say(event="heard", message=1, samples=13_000)
        bench.say("next", 100)
        await page.until_sent(100, 2)
        await page.say(event="heard", message=2, samples=2_400)
        await bench.finished("next")
        assert bench.output.faults == 0  # a page may be late


# Pages that do not do what they should


class QuietPage:
    """A page without a socket, in virtual time: what it is sent is in `sent`."""

    def __init__(self, **options):
        self.output = BrowserOutput(patience_ms=PATIENCE_MS, **options)
        self.bench = Bench(OutputUnderTest(self.output))
        self.bench.attach()
        self.sent: list[str | bytes] = []
        self._frames: asyncio.Queue[str | None] = asyncio.Queue()
        self._running = None

    def open(self, *, plays=True):
        async def send(frame):
            self.sent.append(frame)

        async def frames():
            while (frame := await self._frames.get()) is not None:
                yield frame

        self._running = asyncio.ensure_future(self.output.run(send, frames()))
        if plays:
            self.say(event="state", state="running")

    def say(self, **fact):
        self._frames.put_nowait(json.dumps(fact))

    def close(self):
        self._frames.put_nowait(None)

    async def plays(self, ms, heard_ms):
        """Play a message, and report so much of it."""
        self.bench.say("m", ms)
        await asyncio.sleep(0.01)
        self.say(event="heard", message=1, samples=heard_ms * RATE // 1000)
        await self.bench.started("m")

    async def failure(self):
        await self.bench.until(lambda: bool(self.bench.of(OutputFailed, "m")), "it fails")
        self.bench.expect_in_order()
        return self.bench.of(OutputFailed, "m")[0]


def in_virtual_time(test):
    def run():
        async def play():
            page = QuietPage()
            try:
                await test(page)
            finally:
                await page.output.aclose()
                if page._running is not None:
                    page.close()
                    await page._running

        run_in_virtual_time(play())

    run.__name__ = test.__name__
    return run


@in_virtual_time
async def test_without_a_page_a_message_fails_and_says_why(page):
    page.bench.say("m", 100)
    failed = await page.failure()
    assert failed.detail == "no page has been opened"
    assert page.bench.at_ms(failed) == pytest.approx(PATIENCE_MS)


@in_virtual_time
async def test_a_page_on_which_nobody_clicks_fails_and_says_why(page):
    page.open(plays=False)
    page.bench.say("m", 100)
    assert "suspended: it sounds when the user has clicked on it" in (await page.failure()).detail


@in_virtual_time
async def test_a_page_that_never_reports_fails_and_says_why(page):
    page.open()
    page.bench.say("m", 100)
    assert (await page.failure()).detail == "the page has reported nothing for 3000 ms"


@in_virtual_time
async def test_a_page_that_falls_silent_fails_where_it_was(page):
    page.open()
    await page.plays(900, heard_ms=200)
    failed = await page.failure()
    assert failed.observed_ms == pytest.approx(page.bench.at_ms(failed) - PATIENCE_MS, abs=1)
    assert page.bench.facts[-2].position_ms == 200


@in_virtual_time
async def test_a_page_that_does_not_say_where_it_was_cut_is_believed_what_it_said_before(page):
    page.open()
    await page.plays(900, heard_ms=200)
    cleared_ms = page.bench.now_ms
    page.output.clear("m")
    finish = await page.bench.finished("m")
    assert finish == OutputPlaybackFinished("m", 200, interrupted=True)
    assert page.bench.at_ms(finish) - cleared_ms < Policy().stop_timeout_ms


@in_virtual_time
async def test_a_page_that_closes_while_it_is_cut_settles_at_once(page):
    page.open()
    await page.plays(900, heard_ms=200)
    cleared_ms = page.bench.now_ms
    page.output.clear("m")
    page.close()
    finish = await page.bench.finished("m")
    assert finish == OutputPlaybackFinished("m", 200, interrupted=True)
    assert page.bench.at_ms(finish) == cleared_ms


@in_virtual_time
async def test_a_held_page_may_be_silent_for_as_long_as_it_is_held(page):
    page.open()
    page.bench.say("m", 100)
    page.output.pause()
    await page.bench.sleep(10 * PATIENCE_MS)
    assert page.bench.facts == []
    page.output.resume()
    await page.bench.sleep(PATIENCE_MS - 1)
    assert page.bench.facts == []
    page.say(event="heard", message=1, samples=2_400)
    await page.bench.finished("m")
    assert [json.loads(frame)["do"] for frame in page.sent if isinstance(frame, str)] == ["begin", "pause", "resume"]


@in_virtual_time
async def test_a_page_that_has_nothing_to_play_may_be_silent_for_ever(page):
    page.open()
    await page.plays(100, heard_ms=100)
    await page.bench.finished("m")
    await page.bench.sleep(10 * PATIENCE_MS)
    page.bench.say("next", 100)
    await page.bench.sleep(PATIENCE_MS - 1)
    page.say(event="heard", message=2, samples=2_400)
    await page.bench.finished("next")


@pytest.mark.parametrize(
    "lie",
    [
        {"event": "heard", "message": 1, "samples": 7_201},
        {"event": "heard", "message": 1, "samples": 1},
        {"event": "heard", "message": 2, "samples": 10},
        {"event": "heard", "message": 1, "samples": -1},
        {"event": "heard", "message": 1, "samples": 5_000.5},
        {"event": "heard", "message": 1, "samples": 10**30},
        {"event": "heard", "message": "1", "samples": 5_000},
        {"event": "heard", "message": 1},
        {"event": "cut", "message": 1, "samples": 5_000},
        {"event": "state", "state": "dreaming"},
        {"event": "microphone", "rate": 1},
        {"event": "asked", "what": "that"},
        {"event": "unheard of"},
        {},
        [],
        None,
        7,
    ],
    ids=str,
)
async def test_what_cannot_be_true_changes_nothing(lie):
    async with world() as (server, open_page):
        page = await open_page()
        bench = bench_of(server)
        bench.say("m", 300)
        await page.until_sent(300)
        await page.say(event="heard", message=1, samples=4_800)
        await page.socket.send_str(json.dumps(lie))
        await page.say(event="heard", message=1, samples=7_200)
        assert (await bench.finished("m")).position_ms == 300
        bench.expect_in_order()
        assert bench.output.faults == 1


@pytest.mark.parametrize(
    "frame",
    ["", "{", "[" * 50_000, '{"event":"heard","message":1,"samples":NaN}', "\x00", '"\\ud800"', b"", b"\0", b"\0\0"],
    ids=lambda frame: repr(frame)[:20],
)
async def test_garbage_and_early_sound_harm_nothing(frame):
    async with world() as (server, open_page):
        page = await open_page(plays=False)
        await (page.socket.send_bytes if isinstance(frame, bytes) else page.socket.send_str)(frame)
        await page.say(event="state", state="running")
        bench = bench_of(server)
        bench.say("m", 100)
        await page.until_sent(100)
        await page.say(event="heard", message=1, samples=2_400)
        assert (await bench.finished("m")).position_ms == 100
        assert bench.output.faults == 1


async def test_an_oversized_frame_ends_the_page_and_nothing_else():
    async with world() as (server, open_page):
        page, other = await open_page(), await open_page(KEY + "2")
        await page.socket.send_bytes(bytes(MAX_FRAME_BYTES + 2))
        assert await page.until_closed() == aiohttp.WSCloseCode.MESSAGE_TOO_BIG
        bench = bench_of(server, 1)
        bench.say("m", 100)
        await other.until_sent(100)


# Pages that come and go


async def test_a_closed_page_fails_the_message_where_it_was_and_the_next_page_plays():
    async with world() as (server, open_page):
        page = await open_page()
        bench = bench_of(server)
        bench.say("m", 900)
        await page.until_sent(900)
        await page.say(event="heard", message=1, samples=4_800)
        await bench.started("m")
        await page.socket.close()
        assert "the page was closed" in (await failure(bench)).detail
        assert bench.facts[-2].position_ms == 200
        bench.say("next", 100)  # waits for a page
        page = await open_page()
        await page.until_sent(100, 2)
        await page.say(event="heard", message=2, samples=2_400)
        await bench.finished("next")
        assert len(server.tabs) == 1


async def test_a_second_page_with_the_key_of_the_first_takes_its_place():
    async with world() as (server, open_page):
        first = await open_page()
        bench = bench_of(server)
        bench.output.pause()
        second = await open_page()
        assert await first.until_closed() == aiohttp.WSCloseCode.POLICY_VIOLATION
        assert len(server.tabs) == 1
        await second.until_told("pause")
        bench.output.resume()
        bench.say("m", 100)
        await second.until_sent(100)


async def test_a_tab_more_than_there_may_be_is_told_so():
    async with world(max_tabs=2) as (server, open_page):
        pages = [await open_page(KEY + str(number)) for number in range(3)]
        assert await pages[2].until_closed() == aiohttp.WSCloseCode.TRY_AGAIN_LATER
        assert (len(server.tabs), server.refused) == (2, 1)


async def test_a_tab_that_is_gone_for_good_ends_its_conversation_and_makes_room():
    ended = asyncio.Event()

    async def converse(tab):
        try:
            await hold(tab)
        finally:
            ended.set()

    async with world(converse, linger_ms=20, max_tabs=1) as (server, open_page):
        page = await open_page()
        await page.socket.close()
        await asyncio.wait_for(ended.wait(), 5)
        await asyncio.sleep(0)
        assert server.tabs == []
        await open_page(KEY + "2")
        assert len(server.tabs) == 1


@pytest.mark.parametrize(
    ("error", "code"), [(None, aiohttp.WSCloseCode.OK), (ValueError("secret"), aiohttp.WSCloseCode.INTERNAL_ERROR)]
)
async def test_a_conversation_that_ends_or_fails_says_so_on_its_page(error, code, caplog):
    async def converse(tab):
        await tab.plays()
        if error:
            raise error

    async with world(converse) as (server, open_page):
        page = await open_page()
        assert await page.until_closed() == code
        assert server.tabs == []
    assert ("secret" in caplog.text) == bool(error)


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "", "http://127.0.0.1", "http://127.0.0.1:1"])
async def test_the_page_of_another_site_is_refused(origin):
    async with world() as (server, open_page):
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await open_page(origin=origin)
        assert refused.value.status == 403
        assert (server.tabs, server.refused) == ([], 1)


async def test_a_site_that_was_named_may_connect():
    async with world(origins=["https://my.site"]) as (server, open_page):
        await open_page(origin="https://my.site")
        assert len(server.tabs) == 1


async def test_a_key_that_is_none_gets_a_conversation_of_its_own():
    async with world() as (server, open_page):
        for key in ("", "short", "%00" * 20, "x" * 1_000):
            await open_page(key)
        assert len({tab.key for tab in server.tabs}) == 4


# What is served


async def test_only_the_files_of_the_page_are_served_and_bound_to_this_server(tmp_path):
    (tmp_path / "index.html").write_text("mine")
    async with world(folders=[tmp_path]) as (server, _), aiohttp.ClientSession() as client:
        async with client.get(server.url) as answer:
            assert await answer.text() == "mine"
            assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        async with client.get(server.url + "player-worklet.js") as answer:
            assert "javascript" in answer.content_type
        for path in ("%2e%2e/server.py", "..%2fserver.py", "server.py", "page", "%00", "socket"):
            async with client.get(server.url + path) as answer:
                assert answer.status in (400, 403, 404), path


async def test_it_listens_on_this_machine_only():
    async with world() as (server, _):
        assert server.url.startswith("http://127.0.0.1:")


async def test_a_port_that_is_taken_is_an_error_of_the_system():
    async with world() as (server, _):
        port = int(server.url.split(":")[2].rstrip("/"))
        with pytest.raises(OSError, match="address already in use"):
            await BrowserServer(hold, port=port).__aenter__()


# Microphone, text and view


async def test_the_microphone_comes_at_the_rate_of_the_output():
    async with world() as (server, open_page):
        page = await open_page()
        await page.say(event="microphone", rate=48_000)
        await page.say(event="state", state="running")
        tone = (np.sin(np.arange(48_000) / 20) * 8_000).astype("<i2").tobytes()
        for start in range(0, len(tone), 1_920):
            await page.socket.send_bytes(tone[start : start + 1_920])
        pcm = b""
        async for piece in server.tabs[0].microphone():
            pcm += piece
            if len(pcm) > RATE * 1.9:
                break
        samples = np.frombuffer(pcm, "<i2")
        assert 0.94 * RATE < samples.size <= RATE
        assert abs(int(np.abs(samples).max()) - 8_000) < 100


async def test_a_text_is_shown_where_the_page_shows_texts():
    async with world(shows_text=True) as (server, open_page):
        page = await open_page()
        bench = bench_of(server)
        bench.output.start("m")
        bench.output.write_text("m", "<b>words")
        bench.output.flush("m")
        assert (await bench.finished("m")) == OutputPlaybackFinished("m", 0)
        await page.until_told("text")
        assert page.told[-1] == {"do": "text", "message": 1, "text": "<b>words"}


async def test_a_page_is_shown_the_latest_view_also_when_it_comes_later():
    async with world() as (server, open_page):
        page = await open_page()
        for number in range(1_000):
            server.tabs[0].show({"number": number})
        await page.until(lambda: page.told[-1:] == [{"do": "view", "view": {"number": 999}}])
        assert len(page.told) < 10
        later = await open_page()
        await later.until_told("view")
        assert later.told[-1]["view"] == {"number": 999}


async def test_what_a_page_asks_for_comes_in_order():
    async with world() as (server, open_page):
        page = await open_page()
        for number in range(3):
            await page.say(event="asked", what={"number": number})
        asked = server.tabs[0].asked()
        assert [(await asked.__anext__())["number"] for _ in range(3)] == [0, 1, 2]


@pytest.mark.parametrize(("missing", "module"), [("soxr", "output"), ("aiohttp", "server")])
def test_what_is_missing_is_named_with_the_remedy(missing, module):
    code = f"import sys; sys.modules[{missing!r}] = None; import speech_lifecycle.adapters.outputs.browser.{module}"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "pip install 'speech-lifecycle[browser]'" in run.stderr
