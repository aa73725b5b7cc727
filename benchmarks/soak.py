"""Prints what a session of many speeches, and a process of many sessions, take: `python benchmarks/soak.py`.

    python benchmarks/soak.py 100000        memory after so many speeches on one session
    python benchmarks/soak.py --drivers 1000    how late the event loop is with so many drivers

The session is the OpenAI adapter's protocol over raw events, without a socket; the output reports what its clock says.
Of ten speeches some are played, some interrupted, some refused or lost, and audio comes too late and for nobody.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import gc
import itertools
import statistics
import time
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from speech_lifecycle.adapters import Clock, Driver, LoopClock, VirtualClock
from speech_lifecycle.adapters.ports import SessionReceiver
from speech_lifecycle.adapters.sessions.openai_protocol import OpenAIRealtimeProtocol
from speech_lifecycle.fsm import Capabilities
from speech_lifecycle.fsm import effects as fx
from speech_lifecycle.fsm import events as ev

_DELTA_MS = 100
_AUDIO = base64.b64encode(bytes(48 * _DELTA_MS)).decode()


class ServedSession:
    """A session whose server is this object: it answers every request a moment later."""

    sample_rate = 24_000
    capabilities = Capabilities()

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.protocol: OpenAIRealtimeProtocol
        self.receiver: SessionReceiver

    def attach(self, receiver: SessionReceiver) -> None:
        self.receiver = receiver
        self.protocol = OpenAIRealtimeProtocol(receiver)

    def request_response(self, speech_id: str) -> None:
        self.protocol.request_response(speech_id)

    def perform(self, effect: fx.SessionEffect) -> None:
        for request in self.protocol.translate(effect):
            answer = _ANSWERS.get(request["type"])
            if answer is not None:
                self.later(1, {"type": answer, "item_id": request.get("item_id")})
        if isinstance(effect, fx.CancelResponse):
            self.later(1, _done(effect.response_id, "cancelled"))

    def later(self, ms: float, event: dict[str, Any]) -> None:
        self._clock.call_later(ms, lambda: self.protocol.receive(event))

    async def run(self) -> None:
        await asyncio.Event().wait()

    def begin(self, response_id: str, message_id: str, speech_id: str) -> None:
        """Say that a response and its message begin."""
        receive = self.protocol.receive
        receive({"type": "response.created", "response": {"id": response_id, "metadata": {"speech_id": speech_id}}})
        item = {"id": message_id, "type": "message"}
        receive({"type": "response.output_item.added", "response_id": response_id, "item": item})
        of = {"response_id": response_id, "item_id": message_id, "content_index": 0}
        receive({"type": "response.content_part.added", **of, "part": {"type": "audio"}})

    def speak(self, response_id: str, message_id: str) -> None:
        """Say 100 ms more of it."""
        of = {"response_id": response_id, "item_id": message_id, "content_index": 0}
        self.protocol.receive({"type": "response.output_audio_transcript.delta", **of, "delta": "some words "})
        self.protocol.receive({"type": "response.output_audio.delta", **of, "delta": _AUDIO})

    def end(self, response_id: str) -> None:
        """Say that it is complete."""
        self.protocol.receive(_done(response_id, "completed"))


_ANSWERS = {
    "conversation.item.truncate": "conversation.item.truncated",
    "conversation.item.delete": "conversation.item.deleted",
}


def _done(response_id: str, status: str) -> dict[str, Any]:
    return {"type": "response.done", "response": {"id": response_id, "status": status}}


class ClockedOutput:
    """Plays by its clock: reports the start, and the end of what was flushed or cleared."""

    sample_rate, can_pause = 24_000, False

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._report: Callable[[ev.OutputFact], None] = lambda fact: None
        self._message_id = ""
        self._written_ms = 0
        self._began_ms = 0.0

    def attach(self, report: Callable[[ev.OutputFact], None]) -> None:
        self._report = report

    def start(self, message_id: str) -> None:
        self._message_id, self._written_ms = message_id, 0

    def write(self, message_id: str, pcm: bytes) -> None:
        if not self._written_ms:
            self._began_ms = self._clock.now_ms()
            self._clock.call_later(0, lambda: self._report(ev.OutputPlaybackStarted(message_id)))
        self._written_ms += len(pcm) // 48

    def write_text(self, message_id: str, text: str) -> None: ...

    def flush(self, message_id: str) -> None:
        left_ms = self._written_ms - (self._clock.now_ms() - self._began_ms)
        self._clock.call_later(max(0, left_ms), lambda: self._finish(message_id))

    def clear(self, message_id: str) -> None:
        played_ms = min(self._written_ms, int(self._clock.now_ms() - self._began_ms))
        self._message_id = ""
        fact = ev.OutputPlaybackFinished(message_id, played_ms, interrupted=True)
        self._clock.call_later(0, lambda: self._report(fact))

    def _finish(self, message_id: str) -> None:
        if self._message_id == message_id:
            self._report(ev.OutputPlaybackFinished(message_id, self._written_ms))

    def pause(self) -> None: ...

    def resume(self) -> None: ...

    async def aclose(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Sample:
    """What a process takes after so many speeches."""

    speeches: int
    traced_kb: float
    """What Python has allocated, by tracemalloc."""
    objects: int
    """What the garbage collector knows of."""


def soak(speeches: int, samples: int = 10) -> Iterator[Sample]:
    """Play so many speeches on one driver, and yield samples on the way."""
    clock = VirtualClock()
    session, counted = ServedSession(clock), itertools.count()
    driver = Driver(session, ClockedOutput(clock), clock=clock, trace=lambda record: next(counted))
    driver.listen(lambda speech, effect: next(counted))
    driver.on_change(lambda change: next(counted))
    tracemalloc.start()
    try:
        every = max(1, speeches // samples)
        for number in range(1, speeches + 1):
            _converse(clock, session, driver, number)
            if number % every == 0:
                gc.collect()
                yield Sample(number, tracemalloc.get_traced_memory()[0] / 1024, len(gc.get_objects()))
    finally:
        tracemalloc.stop()


def _converse(clock: VirtualClock, session: ServedSession, driver: Driver, number: int) -> None:
    response_id, message_id = f"r{number}", f"m{number}"
    speech = driver.request_response()
    if number % 10 == 3:  # refused
        session.protocol.receive(
            {"type": "error", "error": {"code": "conversation_already_has_active_response", "message": "not now"}}
        )
        _run_until_over(clock, driver)
        return
    session.begin(response_id, message_id, speech.id)
    for _ in range(3):
        session.speak(response_id, message_id)
        clock.advance(20)
    if number % 10 in (1, 5):  # the user barges in
        session.receiver.user_started_speaking()
        session.receiver.user_stopped_speaking()
    elif number % 10 == 7:  # the connection is lost, and comes back
        session.receiver.report(ev.SessionLost(may_resume=True))
        session.protocol.end_connection()
        session.receiver.report(ev.SessionResumed(conversation_kept=number % 20 == 7))
    else:
        session.end(response_id)
    clock.advance(10)
    session.speak(response_id, message_id)  # too late
    session.speak("", f"nobody's {number}")
    session.protocol.receive({"type": "error", "error": {"code": f"e{number}", "message": "something else"}})
    _run_until_over(clock, driver)


def _run_until_over(clock: VirtualClock, driver: Driver) -> None:
    while clock.advance_to_next():
        pass
    assert driver.speeches[-1].is_over, driver.speeches[-1].snapshot


async def crowd(drivers: int, seconds: float) -> tuple[list[float], float]:
    """Let so many drivers talk at the same time.

    Returns:
        How late the loop was, in milliseconds, every 5 ms; and which part of one processor was used.
    """
    clock = LoopClock()
    sessions = []
    for number in range(drivers):
        session = ServedSession(clock)
        driver = Driver(session, ClockedOutput(clock), clock=clock)
        sessions.append(asyncio.create_task(_talk(session, driver, number / drivers)))
    lags, began_cpu, ends = [], time.process_time(), time.perf_counter() + seconds
    while time.perf_counter() < ends:
        due = time.perf_counter() + 0.005
        await asyncio.sleep(0.005)
        lags.append((time.perf_counter() - due) * 1000)
    cpu = (time.process_time() - began_cpu) / seconds
    for task in sessions:
        task.cancel()
    await asyncio.gather(*sessions, return_exceptions=True)
    return lags, cpu


async def _talk(session: ServedSession, driver: Driver, offset: float) -> None:
    """Answer every two seconds with one second of audio, which comes twice as fast as it plays."""
    await asyncio.sleep(2 * offset)
    for number in itertools.count():
        speech = driver.request_response()
        session.begin(f"r{number}", f"m{number}", speech.id)
        for _ in range(10):
            session.speak(f"r{number}", f"m{number}")
            await asyncio.sleep(0.05)
        session.end(f"r{number}")
        await speech.done()
        await asyncio.sleep(0.9)


def main() -> None:
    """Print what was measured."""
    parser = argparse.ArgumentParser()
    parser.add_argument("speeches", type=int, nargs="?", default=100_000)
    parser.add_argument("--drivers", type=int, default=0, help="measure so many drivers at the same time instead")
    parser.add_argument("--seconds", type=float, default=10)
    arguments = parser.parse_args()
    if arguments.drivers:
        lags, cpu = asyncio.run(crowd(arguments.drivers, arguments.seconds))
        p99 = sorted(lags)[int(len(lags) * 0.99)]
        late = f"the loop is late by {statistics.median(lags):.1f} ms, p99 {p99:.1f} ms"
        print(f"{arguments.drivers} drivers: {late}; they take {cpu:.0%} of a processor")
        return
    for sample in soak(arguments.speeches):
        print(f"{sample.speeches:8} speeches  {sample.traced_kb:9.0f} KB  {sample.objects:8} objects")


if __name__ == "__main__":
    main()
