"""A telephone carrier that calls a server of ours over a real WebSocket, and plays to a caller what it gets.

Made from the carriers' own pages, and not from the adapter's table: it reads and says what they do, with delay and
jitter in both directions. What the caller heard is on record. After a clear it returns all marks that are left, as
Telnyx documents; Plivo acknowledges only what was played.
"""

from __future__ import annotations

import asyncio
import base64
import json
import random
from collections import deque
from collections.abc import Callable
from contextlib import AsyncExitStack
from functools import partial
from types import TracebackType
from typing import Any, Literal

from websockets.asyncio.client import ClientConnection, connect, unix_connect

from speech_lifecycle.adapters.sessions.audio_format import AudioFormat

CarrierName = Literal["Twilio", "Exotel", "Telnyx", "Plivo", "Vonage"]
Fault = Literal["", "silent about marks", "marks of another stream", "marks nobody asked for", "frozen"]

_STARTS: dict[str, list[dict[str, Any]]] = {
    "Twilio": [
        {"event": "connected", "protocol": "Call", "version": "1.0.0"},
        {
            "event": "start",
            "sequenceNumber": "1",
            "streamSid": "MZ1",
            "start": {
                "streamSid": "MZ1",
                "callSid": "CA1",
                "tracks": ["inbound"],
                "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
            },
        },
    ],
    "Exotel": [
        {"event": "connected"},
        {
            "event": "start",
            "sequence_number": 1,
            "stream_sid": "EX1",
            "start": {
                "stream_sid": "EX1",
                "call_sid": "C1",
                "media_format": {"encoding": "base64", "sample_rate": "8000", "bit_rate": "128kbps"},
            },
        },
    ],
    "Telnyx": [
        {"event": "connected", "version": "1.0.0"},
        {
            "event": "start",
            "sequence_number": "1",
            "stream_id": "TX1",
            "start": {"media_format": {"encoding": "PCMU", "sample_rate": 8000, "channels": 1}},
        },
    ],
    "Plivo": [
        {
            "event": "start",
            "sequenceNumber": 0,
            "start": {
                "streamId": "PL1",
                "callId": "c1",
                "tracks": ["inbound"],
                "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000},
            },
        }
    ],
    "Vonage": [{"event": "websocket:connected", "content-type": "audio/l16;rate=16000"}],
}
_STREAMS = {"Twilio": "MZ1", "Exotel": "EX1", "Telnyx": "TX1", "Plivo": "PL1", "Vonage": ""}
_MULAW = AudioFormat("ulaw", 8_000)


class SimulatedCarrier:
    """Used as `async with SimulatedCarrier(url, "Twilio") as carrier:`; the call ends with the block."""

    def __init__(
        self,
        url: str,
        name: CarrierName = "Twilio",
        *,
        delay_ms: float = 0,
        jitter_ms: float = 0,
        seed: int = 0,
        fault: Fault = "",
        unix_path: str | None = None,
    ) -> None:
        """Prepare a call; by a Unix socket if one is named. Nothing is ever on its way there: time may be virtual."""
        self._url = url
        self._unix_path = unix_path
        self._name = name
        self._delay_ms = delay_ms
        self._jitter_ms = jitter_ms
        self._chance = random.Random(seed)
        self._fault = fault
        self._rate = 16_000 if name == "Vonage" else 8_000
        self._exit = AsyncExitStack()
        self._queue: deque[tuple[Literal["audio", "mark"], bytes | str]] = deque()
        self._wake = asyncio.Event()
        self._cleared = asyncio.Event()
        self._heard = bytearray()
        self._latest_s = {"in": 0.0, "out": 0.0}
        self._on_the_way: dict[str, deque[Callable[[], None]]] = {"in": deque(), "out": deque()}
        self._socket: ClientConnection
        self.complaints: list[str] = []
        """What it got and did not understand, or would not have taken."""
        self.late_ms = 0.0
        """The longest silence within a message: the carrier had nothing to play."""

    @property
    def heard(self) -> bytes:
        """What the caller heard, without the silence in between: 16-bit PCM at `rate`."""
        return bytes(self._heard)

    @property
    def rate(self) -> int:
        """Samples per second on the line."""
        return self._rate

    async def __aenter__(self) -> SimulatedCarrier:
        """Call, and begin to stream."""
        calling = connect if self._unix_path is None else partial(unix_connect, self._unix_path)
        self._socket = await self._exit.enter_async_context(calling(uri=self._url, max_queue=None))
        for job in (self._read(), self._play()):
            task = asyncio.create_task(job)
            self._exit.push_async_callback(_end, task)
        for event in _STARTS[self._name]:
            await self._socket.send(json.dumps(event))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Hang up."""
        await self._exit.aclose()

    async def hang_up(self) -> None:
        """End the call in mid-speech."""
        await self._socket.close()

    def freeze(self) -> None:
        """Neither play nor answer any more; the connection stays."""
        self._fault = "frozen"

    async def say(self, frame: str | bytes) -> None:
        """Send whatever it is: the caller's audio, or what no carrier would."""
        await self._socket.send(frame)

    # The way there and back

    def _after_the_way(self, direction: str, deliver: Callable[[], None]) -> None:
        """Deliver later, but never before what was sent earlier."""
        loop = asyncio.get_running_loop()
        on_the_way = self._on_the_way[direction]
        on_the_way.append(deliver)
        way_s = (self._delay_ms + self._chance.uniform(0, self._jitter_ms)) / 1000
        self._latest_s[direction] = max(self._latest_s[direction], loop.time() + way_s)
        # A loop may run calls that are due together in any order: each delivers what was sent first.
        loop.call_at(self._latest_s[direction], lambda: on_the_way.popleft()())

    async def _read(self) -> None:
        async for frame in self._socket:
            self._after_the_way("in", lambda frame=frame: self._take(frame))  # type: ignore[misc]

    def _answer(self, event: dict[str, Any]) -> None:
        async def send() -> None:
            await self._socket.send(json.dumps(event))

        self._after_the_way("out", lambda: _keep(asyncio.ensure_future(send())))

    def _take(self, frame: str | bytes) -> None:
        try:
            self._understand(frame)
        except (AssertionError, KeyError, ValueError) as error:
            self.complaints.append(f"{self._name} does not understand {frame[:200]!r}: {error}")

    def _understand(self, frame: str | bytes) -> None:
        if isinstance(frame, bytes):
            assert self._name == "Vonage", "only Vonage takes binary frames"
            assert len(frame) == 640, "20 ms at 16 kHz"
            self._add("audio", frame)
            return
        event = json.loads(frame)
        said = event.get("event") or event.get("action")
        if said in ("media", "playAudio"):
            payload = base64.b64decode(event["media"]["payload"], validate=True)
            self._see_that_it_is_of_this_stream(event)
            if self._name == "Exotel":
                assert len(payload) % 320 == 0, "Exotel takes multiples of 320 bytes"
                assert 3_200 <= len(payload) <= 100_000, "Exotel takes 3.2 to 100 kB"
            else:
                payload = _MULAW.decode(payload)
            self._add("audio", payload)
        elif said in ("mark", "checkpoint", "notify"):
            name = event["payload"]["name"] if said == "notify" else event.get("name") or event["mark"]["name"]
            self._add("mark", name)
        elif said in ("clear", "clearAudio"):
            self._clear()
        else:
            raise ValueError(f"no event of that name: {said}")

    def _see_that_it_is_of_this_stream(self, event: dict[str, Any]) -> None:
        key = {"Twilio": "streamSid", "Exotel": "stream_sid"}.get(self._name)
        if key is not None:
            assert event[key] == _STREAMS[self._name], "audio for another stream"

    def _add(self, kind: Literal["audio", "mark"], value: bytes | str) -> None:
        self._queue.append((kind, value))
        self._wake.set()

    def _clear(self) -> None:
        left = [str(value) for kind, value in self._queue if kind == "mark"]
        self._queue.clear()
        self._cleared.set()
        if self._name == "Plivo":
            self._answer({"event": "clearedAudio", "streamId": _STREAMS["Plivo"]})
            return  # a checkpoint is acknowledged only if what was before it was played
        if self._name == "Vonage":
            self._answer({"event": "websocket:cleared"})
        for name in left:
            self._answer_mark(name)

    def _answer_mark(self, name: str) -> None:
        stream = _STREAMS[self._name]
        if self._fault == "silent about marks":
            return
        if self._fault == "marks of another stream":
            stream = "another"
        if self._fault == "marks nobody asked for":
            self._answer(self._mark_event("999999-1", stream))
        self._answer(self._mark_event(name, stream))

    def _mark_event(self, name: str, stream: str) -> dict[str, Any]:
        events: dict[str, dict[str, Any]] = {
            "Twilio": {"event": "mark", "sequenceNumber": "9", "streamSid": stream, "mark": {"name": name}},
            "Exotel": {"event": "mark", "sequence_number": 9, "stream_sid": stream, "mark": {"name": name}},
            "Telnyx": {"event": "mark", "stream_id": stream, "mark": {"name": name}},
            "Plivo": {"event": "playedStream", "streamId": stream, "name": name},
            "Vonage": {"event": "websocket:notify", "payload": {"name": name}},
        }
        return events[self._name]

    # To the caller

    async def _play(self) -> None:
        """Play what is there in real time, and answer each mark when all before it was played."""
        loop = asyncio.get_running_loop()
        free_at_s = 0.0
        while True:
            while not self._queue or self._fault == "frozen":
                self._wake.clear()
                await self._wake.wait()
            kind, value = self._queue.popleft()
            if kind == "mark":
                self._answer_mark(str(value))
                continue
            pcm = bytes(value) if isinstance(value, bytes) else b""
            now_s = loop.time()
            if 0 < now_s - free_at_s < 10:
                self.late_ms = max(self.late_ms, (now_s - free_at_s) * 1000)
            # A timer that is a little late is no silence on the line.
            begins_s = free_at_s if now_s - free_at_s < 0.03 else now_s
            free_at_s = begins_s + len(pcm) / 2 / self._rate
            self._cleared.clear()
            try:
                await asyncio.wait_for(self._cleared.wait(), max(0.0, free_at_s - loop.time()))
            except asyncio.TimeoutError:
                self._heard += pcm
                continue
            played = int((loop.time() - begins_s) * self._rate) * 2
            self._heard += pcm[: max(0, played)]
            free_at_s = loop.time()


_tasks: set[asyncio.Future[None]] = set()


def _keep(task: asyncio.Future[None]) -> None:
    """Hold on to a task until it is done; that the other side has hung up meanwhile is no fault."""
    _tasks.add(task)

    def forget(done: asyncio.Future[None]) -> None:
        _tasks.discard(done)
        if not done.cancelled():
            done.exception()

    task.add_done_callback(forget)


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
