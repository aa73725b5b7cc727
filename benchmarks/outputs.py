"""What each output costs while it plays: `PYTHONPATH=tests python benchmarks/outputs.py [SECONDS] [NAME...]`.

CPU time of the process that plays, in shares of a core, against the plain library playing the same to the same far end.
Both run at the same time, each in a process of its own; the far end is a third, and what it takes is not counted.
`--streams N` plays so many telephone calls from one process, and says how late what they sent came. `--silence` says
how much a sink still gets after a clear, by the sound card, in a headless Chromium and by WebRTC to it.
"""

from __future__ import annotations

import asyncio
import base64
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable
from contextlib import nullcontext, suppress
from fractions import Fraction
from pathlib import Path

from speech_lifecycle.fsm.events import OutputFact, OutputFailed, OutputPlaybackFinished

RATE = 24_000
ROUNDS = 3
TONE = (b"\xe8\x03" * 48 + b"\x18\xfc" * 48) * 250
"""A second of a square wave."""
FAR_ENDS = Path(__file__).parent / "output_far_ends.py"

Play = Callable[[float], Awaitable[float]]
"""Plays so many seconds, and returns how much CPU time that took."""


async def drive(output: object, seconds: float) -> float:
    """Have an output of ours play a message, written as a server writes it, and return the CPU time until its end."""
    over: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def take(fact: OutputFact) -> None:
        if isinstance(fact, OutputPlaybackFinished | OutputFailed):
            over.set_result(getattr(fact, "detail", ""))

    output.attach(take)
    began = time.process_time()
    output.start("m")
    await feed(seconds, lambda piece: output.write("m", piece))
    output.flush("m")
    failure = await over
    took = time.process_time() - began
    await output.aclose()
    if failure:
        raise RuntimeError(failure)
    return took


async def feed(seconds: float, take: Callable[[bytes], object]) -> None:
    """Give pieces as a server does, twice as fast as they play."""
    for _ in range(round(seconds * 10)):
        take(TONE[: RATE // 5])
        await asyncio.sleep(0.05)


def feed_plain(seconds: float) -> asyncio.Future[None]:
    """Give the same to somebody who only keeps it: where audio comes from costs the plain library as much."""
    return asyncio.ensure_future(feed(seconds, bytearray().extend))


async def paced(seconds: float, every_ms: int, step: Callable[[int], Awaitable[None]]) -> float:
    """Do a step so often, as long as the audio lasts, and return the CPU time."""
    loop = asyncio.get_running_loop()
    began, due_s = time.process_time(), loop.time()
    feeding = feed_plain(seconds)
    for number in range(round(seconds * 1000 / every_ms)):
        await step(number)
        due_s += every_ms / 1000
        await asyncio.sleep(max(0.0, due_s - loop.time()))
    await feeding
    return time.process_time() - began


def far_end(kind: str, address: str) -> subprocess.Popen[bytes]:
    """Start the other side."""
    return subprocess.Popen([sys.executable, str(FAR_ENDS), kind, address])


async def begun(output: object) -> None:
    """Wait until the carrier has started its stream."""
    while not output.has_begun:  # noqa: ASYNC110
        await asyncio.sleep(0.01)


# The outputs, and the plain libraries


async def clocked(seconds: float) -> float:
    """Play to nobody."""
    from speech_lifecycle.adapters.outputs import ClockedOutput

    return await drive(ClockedOutput(), seconds)


async def plain_clock(seconds: float) -> float:
    """Wake up ten times a second."""

    async def step(number: int) -> None:
        pass

    return await paced(seconds, 100, step)


async def file(seconds: float) -> float:
    """Write a file as it is heard."""
    from speech_lifecycle.adapters.outputs import FileOutput

    with tempfile.TemporaryDirectory() as folder:
        return await drive(FileOutput(Path(folder) / "heard.wav"), seconds)


async def plain_file(seconds: float) -> float:
    """Write a file by soundfile, ten times a second."""
    import numpy as np
    import soundfile

    with tempfile.TemporaryDirectory() as folder, soundfile.SoundFile(f"{folder}/a.wav", "w", RATE, 1) as written:
        piece = np.frombuffer(TONE[: RATE // 5], "<i2")

        async def step(number: int) -> None:
            written.write(piece)

        return await paced(seconds, 100, step)


async def card(seconds: float) -> float:
    """Play on the sound card."""
    from speech_lifecycle.adapters.outputs import SoundCardOutput

    return await drive(SoundCardOutput(), seconds)


async def plain_card(seconds: float) -> float:
    """Play on the sound card by sounddevice."""
    import sounddevice as sd

    over, left = threading.Event(), [round(seconds * 50)]

    def fill(out: object, frames: int, times: object, status: object) -> None:
        out[:] = TONE[: len(out)]
        left[0] -= 1
        if left[0] <= 0:
            raise sd.CallbackStop

    stream = sd.RawOutputStream(
        samplerate=RATE, blocksize=RATE // 50, channels=1, dtype="int16", latency=0.1, callback=fill,
        finished_callback=over.set,
    )  # fmt: skip
    began = time.process_time()
    stream.start()
    feeding = feed_plain(seconds)
    await asyncio.to_thread(over.wait)
    await feeding
    took = time.process_time() - began
    stream.close()
    return took


async def browser(seconds: float) -> float:
    """Play on a page."""
    from speech_lifecycle.adapters.outputs.browser import BrowserServer

    tabs: asyncio.Queue = asyncio.Queue()

    async def converse(tab: object) -> None:
        await tab.plays()
        tabs.put_nowait(tab)
        await asyncio.Event().wait()

    async with BrowserServer(converse) as server:
        page = far_end("page", server.url)
        tab = await tabs.get()
        took = await drive(tab.output, seconds)
    page.kill()
    page.wait()
    return took


async def plain_websocket(seconds: float) -> float:
    """Send a page the same frames, and read what it says."""
    from aiohttp import web

    sockets: asyncio.Queue = asyncio.Queue()

    async def connect(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(compress=False)
        await socket.prepare(request)
        sockets.put_nowait(socket)
        async for _ in socket:
            pass
        return socket

    app = web.Application()
    app.router.add_get("/socket", connect)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    page = far_end("page", f"http://127.0.0.1:{runner.addresses[0][1]}/")
    socket = await sockets.get()
    frame = (1).to_bytes(4, "little") + TONE[: RATE // 5]

    async def step(number: int) -> None:
        await socket.send_bytes(frame)

    took = await paced(seconds, 100, step)
    page.kill()
    page.wait()
    await runner.cleanup()
    return took


async def telephone(seconds: float) -> float:
    """Play into a call."""
    from speech_lifecycle.adapters.outputs.telephone import TelephoneServer

    calls: asyncio.Queue = asyncio.Queue()

    async def answer(call: object) -> None:
        calls.put_nowait(call)
        await asyncio.Event().wait()

    async with TelephoneServer(answer) as server:
        carrier = far_end("carrier", server.url)
        call = await calls.get()
        await begun(call.output)
        took = await drive(call.output, seconds)
    carrier.kill()
    carrier.wait()
    return took


async def plain_stream(seconds: float) -> float:
    """Send a carrier frames that were made before, and read what it says."""
    from websockets.asyncio.server import serve
    from websockets.exceptions import ConnectionClosed

    sockets: asyncio.Queue = asyncio.Queue()

    async def answer(socket: object) -> None:
        sockets.put_nowait(socket)
        with suppress(ConnectionClosed):
            async for _ in socket:
                pass

    async with serve(answer, "127.0.0.1", 0, compression=None, close_timeout=0.1) as server:
        carrier = far_end("carrier", f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}/")
        socket = await sockets.get()
        payload = base64.b64encode(bytes(range(160))).decode()
        media = json.dumps({"event": "media", "streamSid": "MZ1", "media": {"payload": payload}})

        async def step(number: int) -> None:
            await socket.send(media)
            if number % 2:
                await socket.send(json.dumps({"event": "mark", "streamSid": "MZ1", "mark": {"name": str(number)}}))

        took = await paced(seconds, 20, step)
        carrier.kill()
        carrier.wait()
    return took


async def webrtc(seconds: float) -> float:
    """Speak into a WebRTC connection."""
    from speech_lifecycle.adapters.outputs.webrtc import WebRtcServer

    calls: asyncio.Queue = asyncio.Queue()

    async def converse(call: object) -> None:
        calls.put_nowait(call)
        await asyncio.Event().wait()

    async with WebRtcServer(converse) as server:
        page = far_end("peer", server.url)
        call = await calls.get()
        took = await drive(call.output, seconds)
        page.kill()
        page.wait()
    return took


async def plain_aiortc(seconds: float) -> float:
    """Send the same by aiortc, and read what the page says."""
    from aiohttp import web
    from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
    from av import AudioFrame

    from speech_lifecycle.adapters.outputs.resampler import Resampler

    opened = asyncio.Event()
    tone = Resampler(RATE, 48_000).take(TONE * 2)[:96_000]

    class Track(MediaStreamTrack):
        kind, at, began_s = "audio", 0, 0.0

        async def recv(self) -> AudioFrame:
            loop = asyncio.get_running_loop()
            self.began_s = self.began_s or loop.time()
            await asyncio.sleep(max(0.0, self.began_s + self.at / 48_000 - loop.time()))
            frame = AudioFrame(format="s16", layout="mono", samples=960)
            start = 2 * self.at % len(tone)
            frame.planes[0].update(tone[start : start + 1_920])
            frame.sample_rate, frame.pts, frame.time_base = 48_000, self.at, Fraction(1, 48_000)
            self.at += 960
            return frame

    connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    connection.addTrack(Track())
    connection.on("datachannel", lambda channel: channel.on("message", lambda said: opened.set()))

    async def answer(request: web.Request) -> web.Response:
        offer = await request.json()
        await connection.setRemoteDescription(RTCSessionDescription(offer["sdp"], offer["type"]))
        await connection.setLocalDescription(await connection.createAnswer())
        said = connection.localDescription
        return web.json_response({"type": said.type, "sdp": said.sdp})

    app = web.Application()
    app.router.add_post("/offer", answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    page = far_end("peer", f"http://127.0.0.1:{runner.addresses[0][1]}/")
    await opened.wait()
    began = time.process_time()
    feeding = feed_plain(seconds)
    await asyncio.sleep(seconds)
    await feeding
    took = time.process_time() - began
    page.kill()
    page.wait()
    await connection.close()
    await runner.cleanup()
    return took


OUTPUTS: dict[str, tuple[str, str, Play, Play]] = {
    "clock": ("`ClockedOutput`", "a timer", clocked, plain_clock),
    "file": ("`FileOutput`", "soundfile", file, plain_file),
    "card": ("`SoundCardOutput`", "sounddevice", card, plain_card),
    "browser": ("`BrowserOutput`", "aiohttp's WebSocket", browser, plain_websocket),
    "telephone": ("`TelephoneOutput`", "websockets, frames made before", telephone, plain_stream),
    "webrtc": ("`WebRtcOutput`", "aiortc", webrtc, plain_aiortc),
}


def measured(name: str, seconds: float) -> tuple[float, float]:
    """Return what an output and its plain library take of a core, measured at the same time."""
    shares = []
    for _ in range(ROUNDS):
        both = [
            subprocess.Popen(
                [sys.executable, __file__, "--one", name, which, str(seconds)], stdout=subprocess.PIPE, text=True
            )
            for which in ("ours", "plain")
        ]
        shares.append([float(process.communicate()[0]) / seconds for process in both])
    return statistics.median(share[0] for share in shares), statistics.median(share[1] for share in shares)


def main(arguments: list[str]) -> None:
    """Measure, and print the table of docs/outputs.md."""
    if arguments[:1] == ["--one"]:
        _, name, which, seconds = arguments
        play = OUTPUTS[name][2 if which == "ours" else 3]
        print(asyncio.run(play(float(seconds))))
        return
    if arguments[:1] == ["--silence"]:
        asyncio.run(silence())
        return
    if arguments[:1] == ["--streams"]:
        asyncio.run(streams(int(arguments[1]), float(arguments[2]) if len(arguments) > 2 else 10.0))
        return
    seconds = float(arguments[0]) if arguments else 10.0
    names = arguments[1:] or list(OUTPUTS)
    from sound_room import sound_room

    with sound_room() if "card" in names else nullcontext():
        print("| output | of a core | plain | of a core | more |\n|---|---|---|---|---|")
        for name in names:
            ours, plain = measured(name, seconds)
            row = f"{ours:.2%} | {OUTPUTS[name][1]} | {plain:.2%} | {ours - plain:.2%}".replace("%", " %")
            print(f"| {OUTPUTS[name][0]} | {row} |", flush=True)


async def silence() -> None:
    """Print how much was heard after a clear, five times each: what was recorded after the call, and is no silence."""
    from browser_room import open_browser, open_tab
    from sound_room import sound_room
    from webrtc_room import open_call

    from speech_lifecycle.adapters.outputs import SoundCardOutput

    async def after_clear(output: object) -> float:
        started, over = asyncio.Event(), asyncio.Event()
        output.attach(lambda fact: (over if isinstance(fact, OutputPlaybackFinished) else started).set())
        output.start("m")
        output.write("m", TONE * 3)
        await started.wait()
        await asyncio.sleep(0.7)
        before_ms = room.heard_ms()
        output.clear("m")
        await over.wait()
        await asyncio.sleep(0.5)
        return room.heard_ms() - before_ms

    with sound_room() as room:
        async with open_browser() as chromium:
            for name in ("SoundCardOutput", "BrowserOutput", "WebRtcOutput"):
                found = []
                for _ in range(5):
                    room.listen()
                    if name == "SoundCardOutput":
                        card = SoundCardOutput()
                        found.append(await after_clear(card))
                        await card.aclose()
                    elif name == "BrowserOutput":
                        async with open_tab(chromium) as opened:
                            found.append(await after_clear(opened.tab.output))
                    else:
                        async with open_call(chromium) as opened:
                            found.append(await after_clear(opened.call.output))
                print(
                    f"{name}: {statistics.median(found):.0f} ms after the clear, at worst {max(found):.0f}", flush=True
                )


async def streams(count: int, seconds: float) -> None:
    """Play so many calls at once, and print how late frames were, and what it took."""
    from speech_lifecycle.adapters.outputs.telephone import TelephoneServer

    calls: asyncio.Queue = asyncio.Queue()

    async def answer(call: object) -> None:
        calls.put_nowait(call)
        await asyncio.Event().wait()

    async with TelephoneServer(answer, max_calls=count) as server:
        carriers = subprocess.Popen(  # noqa: ASYNC220
            [sys.executable, str(FAR_ENDS), "carriers", server.url, str(count)], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        outputs = [(await calls.get()).output for _ in range(count)]
        for output in outputs:
            await begun(output)
        began, began_s = time.process_time(), time.perf_counter()
        await asyncio.gather(*(drive(output, seconds) for output in outputs))
        took, lasted = time.process_time() - began, time.perf_counter() - began_s
        said, _ = carriers.communicate("stop\n")
    print(f"{count} streams of {seconds:g} s in {lasted:.1f} s: {took / lasted:.0%} of a core; far end: {said.strip()}")


if __name__ == "__main__":
    main(sys.argv[1:])
