"""What a minute of speech costs a client: the whole path from the socket to the output, beside the SDK's own reading.

`python benchmarks/end_to_end.py [ROUNDS]` plays the same minute in turns, over a real WebSocket, and prints the CPU
time of each way of reading it. The simulated server is a process of its own and sends at once, so that only the
client's work is measured, without its waiting.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from statistics import median, quantiles

from openai import AsyncOpenAI
from openai.resources.realtime.realtime import AsyncRealtimeConnection

from speech_lifecycle.adapters.driver import Driver
from speech_lifecycle.adapters.sessions.openai_realtime import OpenAIRealtimeSession
from speech_lifecycle.fsm.events import (
    OutputFact,
    OutputPlaybackFinished,
    OutputPlaybackProgressed,
    OutputPlaybackStarted,
)

RAW = "SDK, raw: `recv_bytes()`, nothing parsed"
TYPED = "SDK, typed: `recv()`"
DRIVEN = "`Driver`: to the output, into history"

SPEECH_MS = 60_000
DELTA_MS = 100
BYTES_PER_MS = 48
WORDS = 150
"""Of a minute: one transcript delta each."""

_SERVER = f"""
import asyncio
from speech_lifecycle.simulation.realtime_server import SimulatedRealtimeServer
from speech_lifecycle.simulation.script import Pacing, ScriptedMessage, ScriptedResponse

async def main():
    messages = tuple(ScriptedMessage("word " * {WORDS // 3}, {SPEECH_MS // 3}) for _ in range(3))
    response = ScriptedResponse(messages, pacing=Pacing(speed=None, chunk_ms={DELTA_MS}))
    async with SimulatedRealtimeServer(default_response=response) as server:
        print(server.base_url, flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


@dataclass
class Reading:
    """One way of reading, over all rounds."""

    name: str
    cpu_ms: list[float] = field(default_factory=list)

    def ratios(self, other: Reading) -> tuple[float, float, float]:
        """Return the lower quartile, the median and the upper quartile of own time by the other's, in each round."""
        ratios = [own / theirs for own, theirs in zip(self.cpu_ms, other.cpu_ms, strict=True)]
        if len(ratios) == 1:
            return ratios[0], ratios[0], ratios[0]
        low, middle, high = quantiles(ratios, n=4, method="inclusive")
        return low, middle, high


class InstantOutput:
    """Plays whatever it is given in no time, and reports what an output reports: start, progress, finish."""

    sample_rate = 24_000
    can_pause = False

    def __init__(self) -> None:
        self.played_bytes: dict[str, int] = {}
        self._report: Callable[[OutputFact], None]

    def attach(self, report: Callable[[OutputFact], None]) -> None:
        """Take the function that facts are reported to."""
        self._report = report

    def start(self, message_id: str) -> None:
        """Expect the audio of this message next."""
        self.played_bytes[message_id] = 0

    def write(self, message_id: str, pcm: bytes) -> None:
        """Play it, and report it on the next turn of the loop, as an output does."""
        before = self.played_bytes[message_id]
        self.played_bytes[message_id] = before + len(pcm)
        if before == 0:
            self._tell(OutputPlaybackStarted(message_id))
        self._tell(OutputPlaybackProgressed(message_id, self._position_ms(message_id)))

    def write_text(self, message_id: str, text: str) -> None:
        """Show nothing."""

    def flush(self, message_id: str) -> None:
        """All of it is played."""
        self._tell(OutputPlaybackFinished(message_id, self._position_ms(message_id), interrupted=False))

    def clear(self, message_id: str) -> None:
        """Nobody interrupts."""
        raise AssertionError("nobody interrupts here")

    def pause(self) -> None:
        """Nobody pauses."""

    def resume(self) -> None:
        """Nobody pauses."""

    async def aclose(self) -> None:
        """Hold nothing."""

    def _position_ms(self, message_id: str) -> int:
        return self.played_bytes[message_id] // BYTES_PER_MS

    def _tell(self, fact: OutputFact) -> None:
        asyncio.get_running_loop().call_soon(self._report, fact)


async def read_raw(connection: AsyncRealtimeConnection) -> float:
    """Read a response as bytes, and look into them only to see the end."""
    began_s = time.process_time()
    await connection.send({"type": "response.create"})
    while b'"response.done"' not in (await connection.recv_bytes())[:100]:
        pass
    return time.process_time() - began_s


async def read_typed(connection: AsyncRealtimeConnection) -> float:
    """Read a response as the SDK's own objects."""
    began_s = time.process_time()
    await connection.send({"type": "response.create"})
    while (await connection.recv()).type != "response.done":
        pass
    return time.process_time() - began_s


async def drive(connection: AsyncRealtimeConnection) -> float:
    """Play a response, to the end of its speech."""
    output = InstantOutput()
    async with Driver(OpenAIRealtimeSession(connection), output) as driver:
        began_s = time.process_time()
        records = await driver.request_response().done()
        taken_s = time.process_time() - began_s
    played_ms = sum(output.played_bytes.values()) // BYTES_PER_MS
    if [record.state for record in records] != ["played"] * 3 or played_ms != SPEECH_MS:
        raise AssertionError(f"not a minute: {played_ms} ms, {records}")
    return taken_s


_WAYS: dict[str, Callable[[AsyncRealtimeConnection], Awaitable[float]]] = {
    RAW: read_raw,
    TYPED: read_typed,
    DRIVEN: drive,
}


def measure_readings(rounds: int) -> list[Reading]:
    """Play a minute of speech in each way, `rounds` times in turn, after one that is not counted."""
    readings = [Reading(name) for name in _WAYS]
    with _server() as base_url:
        for number in range(rounds + 1):
            for reading in readings:
                cpu_ms = asyncio.run(_play(base_url, _WAYS[reading.name])) * 1000
                if number:
                    reading.cpu_ms.append(cpu_ms)
    return readings


async def _play(base_url: str, read: Callable[[AsyncRealtimeConnection], Awaitable[float]]) -> float:
    client = AsyncOpenAI(api_key="simulated", base_url=base_url)
    async with client, client.realtime.connect(model="gpt-realtime-2") as connection:
        await connection.recv_bytes()  # session.created
        return await read(connection)


@contextlib.contextmanager
def _server() -> Iterator[str]:
    with subprocess.Popen([sys.executable, "-c", _SERVER], stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            yield server.stdout.readline().strip()
        finally:
            server.kill()


def main() -> int:
    """Measure and print."""
    logging.disable(logging.CRITICAL)
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    readings = measure_readings(rounds)
    raw = readings[0]
    print(f"CPU time of a client for {SPEECH_MS // 1000} s of speech, medians of {rounds} rounds")
    print(f"{'':45} {'ms':>6}  {'times raw':>9}  half of the rounds")
    for reading in readings:
        low, middle, high = reading.ratios(raw)
        print(f"{reading.name:45} {median(reading.cpu_ms):6.1f}  {middle:9.2f}  {low:.2f} to {high:.2f}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
