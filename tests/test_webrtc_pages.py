"""Pages that speak WebRTC, and do or do not what they should: by aiortc on both sides, without a browser."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from contextlib import AsyncExitStack, asynccontextmanager

import aiohttp
import numpy as np
import pytest
from aiortc import MediaStreamTrack, RTCBundlePolicy, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from av import AudioFrame

from speech_lifecycle.adapters.outputs.webrtc import WebRtcServer
from speech_lifecycle.adapters.outputs.webrtc.line_playback import FRAME_SAMPLES, LinePlayback
from speech_lifecycle.adapters.outputs.webrtc.track import LOOKAHEAD
from speech_lifecycle.fsm import Policy
from speech_lifecycle.fsm.events import OutputFailed, OutputPlaybackFinished
from speech_lifecycle.testing import Bench, OutputUnderTest

FRAME = FRAME_SAMPLES
PATIENCE_MS = 400


class Tone(MediaStreamTrack):
    """A microphone into which somebody whistles."""

    kind = "audio"
    at = 0

    async def recv(self):
        await asyncio.sleep(0.02)
        frame = AudioFrame(format="s16", layout="mono", samples=FRAME)
        sound = np.sin((self.at + np.arange(FRAME)) / 20) * 8_000
        frame.planes[0].update(sound.astype("<i2").tobytes())
        frame.sample_rate, frame.pts = 48_000, self.at
        self.at += FRAME
        return frame


class Page:
    """The other end of a connection: it says what a test has it say."""

    def __init__(self, server, *, label="speech") -> None:
        self._server = server
        self.connection = RTCPeerConnection(RTCConfiguration(iceServers=[], bundlePolicy=RTCBundlePolicy.MAX_BUNDLE))
        self.connection.addTrack(Tone())
        self.channel = self.connection.createDataChannel(label)
        self.told: asyncio.Queue = asyncio.Queue()
        self.channel.on("message", lambda frame: self.told.put_nowait(json.loads(frame)))
        self.output = None

    async def offer(self):
        await self.connection.setLocalDescription(await self.connection.createOffer())
        description = self.connection.localDescription
        return {"type": description.type, "sdp": description.sdp}

    async def connect(self) -> None:
        opened = asyncio.Event()
        self.channel.on("open", opened.set)
        headers, offer = {"Origin": self._server.url.rstrip("/")}, await self.offer()
        async with (
            aiohttp.ClientSession(headers=headers) as client,
            client.post(self._server.url + "offer", json=offer) as answer,
        ):
            assert answer.status == 200, await answer.text()
            await self.connection.setRemoteDescription(RTCSessionDescription(**await answer.json()))
        await asyncio.wait_for(opened.wait(), 30)
        self.say(event="heard", timestamp=0)  # whatever it is, it says that the page is there

    def say(self, **fact) -> None:
        self.channel.send(json.dumps(fact))

    async def hear(self, sample: int, **fact) -> None:
        """Say that all before a sample of the line was heard, as soon as that can be."""
        track = self.output._track
        if track.sent < sample + LOOKAHEAD:
            await asyncio.sleep((sample + LOOKAHEAD - track.sent) / 48_000 + 0.02)
        self.say(**{"event": "heard", "timestamp": self.output._track.timestamp_of(sample + LOOKAHEAD), **fact})

    async def sent(self, bench, ms: int) -> tuple[int, LinePlayback]:
        """Wait until so much of the message in hand is sent, and return the sample of the line at which it began."""
        playback = self.output._playback
        while playback.sent < ms * 48:
            assert self.output._playback is playback, bench.facts
            await bench.sleep(5)
        return playback._runs[0][0], playback


@asynccontextmanager
async def world(**options):
    """A server, one page that has connected to it, and the bench of its output."""
    calls: asyncio.Queue = asyncio.Queue()

    async def converse(call):
        calls.put_nowait(call)
        await asyncio.Event().wait()

    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(WebRtcServer(converse, **options))
        page = Page(server)
        stack.push_async_callback(page.connection.close)
        await page.connect()
        call = await asyncio.wait_for(calls.get(), 30)
        page.call, page.output = call, call.output
        page.output.faults = 0
        bench = Bench(OutputUnderTest(call.output))
        bench.attach()
        yield page, bench


async def failure(bench):
    await bench.until(lambda: bool(bench.of(OutputFailed, "m")), "it fails")
    bench.expect_in_order()
    return bench.of(OutputFailed, "m")[0]


async def test_what_a_page_has_heard_is_the_position_and_what_it_has_not_is_sent_again():
    async with world() as (page, bench):
        bench.say("m", 600)
        began, playback = await page.sent(bench, 200)
        await page.hear(began + 4_800)
        await bench.started("m")
        page.output.pause()
        mute = await page.told.get()
        await page.hear(began + 6_240, event="muted", number=mute["number"])
        while page.output._muting:
            await bench.sleep(5)
        assert (playback.heard, playback.sent) == (6_240, 6_240)
        page.output.resume()
        await page.sent(bench, 600)
        assert mute["do"] == "mute"
        silent_until = page.output._track.sample_of(mute["until"]) + LOOKAHEAD
        assert playback._runs[0][0] - silent_until >= 2 * FRAME, "the page has time to see that it is to be heard again"
        await page.hear(playback._runs[-1][0] + FRAME)
        assert await bench.finished("m") == OutputPlaybackFinished("m", 600)
        bench.expect_in_order()
        assert page.output.faults == 0


async def test_a_page_that_is_told_to_be_silent_says_where_it_was():
    async with world() as (page, bench):
        bench.say("m", 600)
        began, _ = await page.sent(bench, 200)
        await page.hear(began + 2_400)
        page.output.clear("m")
        mute = await page.told.get()
        await page.hear(began + 4_800, event="muted", number=mute["number"])
        assert await bench.finished("m") == OutputPlaybackFinished("m", 100, interrupted=True)


async def test_a_page_that_does_not_say_where_it_was_is_believed_what_it_said_before():
    async with world() as (page, bench):
        bench.say("m", 600)
        began, _ = await page.sent(bench, 200)
        await page.hear(began + 4_800)
        await bench.started("m")
        cleared_ms = bench.now_ms
        page.output.clear("m")
        finish = await bench.finished("m")
        assert finish == OutputPlaybackFinished("m", 100, interrupted=True)
        assert bench.at_ms(finish) - cleared_ms < Policy().stop_timeout_ms
        await page.hear(began + 9_600, event="muted", number=1)  # late, and no fault
        bench.say("next", 60)
        began, _ = await page.sent(bench, 60)
        await page.hear(began + 2_880)
        assert await bench.finished("next") == OutputPlaybackFinished("next", 60)
        assert page.output.faults == 0


async def test_a_page_that_reports_nothing_fails_where_it_was_and_says_why():
    async with world(patience_ms=PATIENCE_MS) as (page, bench):
        bench.say("m", 900)
        began, _ = await page.sent(bench, 100)
        await page.hear(began + 2_400)
        await bench.started("m")
        failed = await failure(bench)
        assert failed.detail == f"the page has reported nothing for {PATIENCE_MS} ms"
        assert bench.facts[-2].position_ms == 50
        assert failed.observed_ms <= bench.at_ms(failed) - PATIENCE_MS + 1


async def test_a_page_that_leaves_fails_what_it_has_and_ends_its_conversation():
    async with world() as (page, bench):
        bench.say("m", 900)
        await page.sent(bench, 100)
        await page.connection.close()
        assert "the page" in (await failure(bench)).detail
        await asyncio.wait_for(page.output.gone(), 10)


LIES = [
    {"event": "heard"},
    {"event": "heard", "timestamp": -1},
    {"event": "heard", "timestamp": 2**32},
    {"event": "heard", "timestamp": 1.5},
    {"event": "heard", "timestamp": "7"},
    {"event": "heard", "timestamp": None},
    {"event": "muted", "number": 7, "timestamp": 7},
    {"event": "muted", "timestamp": 7},
    {"event": "unheard of"},
    {},
    [],
    None,
    7,
]
GARBAGE = ["", "{", "[" * 10_000, '{"event":"heard","timestamp":NaN}', "\x00", b"", b"\xff\xfe"]


async def test_lies_and_garbage_are_counted_and_change_nothing():
    async with world() as (page, bench):
        bench.say("m", 300)
        began, _ = await page.sent(bench, 300)
        for lie in LIES:
            page.say(**lie) if isinstance(lie, dict) else page.channel.send(json.dumps(lie))
        for frame in GARBAGE:
            page.channel.send(frame)
        page.say(
            event="heard", timestamp=page.output._track.timestamp_of(page.output._track.sent + 48_000)
        )  # yet to come
        await page.hear(began + 14_400)
        assert (await bench.finished("m")).position_ms == 300
        bench.expect_in_order()
        assert page.output.faults == len(LIES) + len(GARBAGE) + 1


async def test_the_microphone_comes_at_the_rate_of_the_output():
    async with world(sample_rate=16_000) as (page, _):
        pcm = b""
        async for piece in page.call.microphone():
            pcm += piece
            if len(pcm) > 16_000:
                break
        samples = np.frombuffer(pcm, "<i2")[1_600:].astype(float)
        spectrum = np.abs(np.fft.rfft(samples * np.hanning(samples.size)))
        whistled_hz = 48_000 / 20 / (2 * np.pi)
        assert np.argmax(spectrum) * 16_000 / samples.size == pytest.approx(whistled_hz, abs=5)


# Who is let in


@asynccontextmanager
async def serving(converse, **options):
    async with WebRtcServer(converse, **options) as server, aiohttp.ClientSession() as client:

        async def post(body, origin=None):
            headers = {"Origin": server.url.rstrip("/") if origin is None else origin}
            async with client.post(server.url + "offer", data=body, headers=headers) as answer:
                return answer.status, await answer.text()

        yield server, post


async def hold(call):
    await asyncio.Event().wait()


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "", "http://127.0.0.1:1"])
async def test_the_page_of_another_site_is_refused(origin):
    async with serving(hold) as (server, post):
        assert (await post("{}", origin))[0] == 403
        assert server.refused == 1


OFFERS = ["", "{", "[]", "null", '{"type": "offer"}', '{"type": "offer", "sdp": "v=0"}', '{"type": "x", "sdp": ""}']


async def test_what_is_no_offer_is_said_to_be_none_and_takes_no_place():
    async with serving(hold, max_calls=1) as (server, post):
        for offer in OFFERS:
            status, said = await post(offer)
            assert status == 400, offer
            assert said.startswith("that is no offer of a page: ")
        assert (await post("x" * 100_000))[0] == 413
        assert server.refused == 0


async def test_one_more_than_there_may_be_is_told_so():
    async with serving(hold, max_calls=1) as (server, post):
        page, other = Page(server), Page(server)
        await page.connect()
        status, said = await post(json.dumps(await other.offer()))
        assert (status, said) == (503, "too many conversations: close another page first")
        await page.connection.close()
        await other.connection.close()


async def test_a_conversation_that_fails_ends_its_connection_and_is_logged(caplog):
    async def converse(call):
        raise ValueError("secret")

    async with serving(converse) as (server, _):
        page = Page(server)
        closed = asyncio.Event()
        page.channel.on("close", closed.set)
        await page.connect()
        await asyncio.wait_for(closed.wait(), 10)
        await page.connection.close()
    assert "secret" in caplog.text


async def test_only_the_files_of_the_page_are_served_and_bound_to_this_server():
    async with serving(hold) as (server, _), aiohttp.ClientSession() as client:
        assert server.url.startswith("http://127.0.0.1:")
        async with client.get(server.url + "speech.js") as answer:
            assert "javascript" in answer.content_type
            assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        for path in ("%2e%2e/server.py", "..%2fserver.py", "server.py", "page", "%00"):
            async with client.get(server.url + path) as answer:
                assert answer.status in (400, 404), path


@pytest.mark.parametrize("module", ["output", "server", "track"])
def test_what_is_missing_is_named_with_the_remedy(module):
    code = f"import sys; sys.modules['aiortc'] = None; import speech_lifecycle.adapters.outputs.webrtc.{module}"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "pip install 'speech-lifecycle[webrtc]'" in run.stderr
