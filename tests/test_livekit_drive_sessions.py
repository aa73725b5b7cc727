"""The few lines of an embedder, and a LiveKit session in trouble: in real time, with short speeches."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("livekit.plugins.openai", reason="livekit-agents is not installed (extra: livekit)")

import aiohttp
from livekit import rtc
from livekit.agents import APIConnectOptions, llm
from livekit.agents.voice import io
from livekit.plugins import openai
from livekit_world import LiveKitWorld

from speech_lifecycle.adapters.clock import LoopClock
from speech_lifecycle.adapters.driven_speech import DrivenSpeech
from speech_lifecycle.adapters.driver import Driver
from speech_lifecycle.adapters.livekit_agents.audio_output import LiveKitAudioOutput
from speech_lifecycle.adapters.livekit_agents.drive import drive, play_generation
from speech_lifecycle.adapters.livekit_agents.drive.session import LiveKitSession
from speech_lifecycle.fsm import effects as fx
from speech_lifecycle.fsm import events as ev
from speech_lifecycle.fsm.values import Policy
from speech_lifecycle.simulation.listener import Listener
from speech_lifecycle.simulation.realtime_server import SimulatedRealtimeServer
from speech_lifecycle.simulation.scenario import play
from speech_lifecycle.simulation.scenarios import SCENARIOS
from speech_lifecycle.simulation.script import AT_ONCE, ScriptedMessage, ScriptedResponse
from speech_lifecycle.simulation.simulated_speaker import SimulatedSpeaker

TWO = ScriptedResponse(
    (ScriptedMessage("One.", 200, message_id="m1"), ScriptedMessage("Two.", 300, message_id="m2")), pacing=AT_ONCE
)

LONG = ScriptedResponse(
    (ScriptedMessage("One.", 5000, message_id="m1"), ScriptedMessage("Two.", 300, message_id="m2")), pacing=AT_ONCE
)
"""Too long to end before it is interrupted, on the slowest machine."""


class Transcribed(io.AudioOutput):
    """Says of each playback that was cut that its first word was heard."""

    def __init__(self, output: io.AudioOutput) -> None:
        super().__init__(label="transcribed", capabilities=io.AudioOutputCapabilities(pause=True), next_in_chain=output)

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        await super().capture_frame(frame)
        await self.next_in_chain.capture_frame(frame)

    def flush(self) -> None:
        super().flush()
        self.next_in_chain.flush()

    def clear_buffer(self) -> None:
        self.next_in_chain.clear_buffer()

    def on_playback_finished(self, *, playback_position, interrupted, synchronized_transcript=None) -> None:
        super().on_playback_finished(
            playback_position=playback_position,
            interrupted=interrupted,
            synchronized_transcript="One" if interrupted else None,
        )


class Call:
    """A server with a script, LiveKit's session to it, and a sink with a listener."""

    def __init__(self, server: SimulatedRealtimeServer, session: openai.realtime.RealtimeSession) -> None:
        self.server = server
        self.session = session
        self.listener = Listener()
        self.audio = LiveKitAudioOutput(SimulatedSpeaker(LoopClock(), listener=self.listener), unix_time_s=time.time)
        self.reconnected = asyncio.Event()
        session.on("session_reconnected", lambda _: self.reconnected.set())

    async def reconnect(self) -> None:
        self.server.sessions[-1].drop_connection()
        await self.reconnected.wait()

    @property
    def remembered_texts(self) -> dict[str, str | None]:
        return {message.id: message.text for message in self.server.sessions[-1].conversation.remembered()}

    async def remember(self, texts: dict[str, str | None]) -> None:
        """Return when the server remembers these texts."""
        deadline_ms = self.server.clock.now_ms() + 5000
        while self.remembered_texts != texts:
            assert self.server.clock.now_ms() < deadline_ms, self.remembered_texts
            await self.server.clock.sleep(5)

    @property
    def remembered(self) -> list[tuple[str, int | None]]:
        return [(message.id, message.audio_ms) for message in self.server.sessions[-1].conversation.remembered()]


@asynccontextmanager
async def call(*responses: ScriptedResponse, max_retry: int = 3):
    async with SimulatedRealtimeServer(responses) as server, aiohttp.ClientSession() as http:
        model = openai.realtime.RealtimeModel(
            base_url=server.base_url,
            api_key="simulated",
            http_session=http,
            conn_options=APIConnectOptions(max_retry=max_retry),
        )
        session = model.session()
        yield Call(server, session)
        await session.aclose()


async def test_drive_plays_what_is_requested():
    async with call(TWO) as it, drive(it.session, it.audio) as driver:
        records = await driver.request_response().done()
        assert [(record.message_id, record.state, record.heard_ms) for record in records] == [
            ("m1", "played", 200),
            ("m2", "played", 300),
        ]
        assert it.listener.heard == {"segment_1": 200, "segment_2": 300}
        assert it.remembered == [("m1", 200), ("m2", 300)]


async def test_what_the_documentation_shows_runs(monkeypatch):
    page = (Path(__file__).parent.parent / "docs" / "livekit.md").read_text(encoding="utf-8")
    shown: dict[str, Any] = {}
    exec(page.split("```python\n")[1].split("```")[0], shown)
    audio = LiveKitAudioOutput(SimulatedSpeaker(LoopClock()), unix_time_s=time.time)
    async with SimulatedRealtimeServer([TWO]) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", "simulated")
        records = await shown["main"](audio)
    assert [record.state for record in records] == ["played", "played"]


async def test_drive_plays_what_the_server_begins_by_itself():
    async with call(TWO) as it, drive(it.session, it.audio) as driver:
        await it.session.generate_reply()
        assert [record.state for record in await driver.speeches[0].done()] == ["played", "played"]


async def test_play_generation_plays_one_and_can_be_interrupted():
    async with call(TWO) as it:

        def interrupt_when_heard(driver):
            def listen(_, effect):
                if effect == fx.AnnounceAgentState("speaking"):
                    driver.interrupt()

            driver.listen(listen)

        generation = await it.session.generate_reply()
        records = await play_generation(generation, it.session, it.audio, on_begin=interrupt_when_heard)
        assert [(record.message_id, record.state) for record in records] == [("m1", "partial"), ("m2", "skipped")]
        heard_ms = records[0].heard_ms
        assert it.listener.heard_ms("segment_1") == heard_ms
        assert it.remembered == ([("m1", heard_ms)] if heard_ms else [])


async def test_a_generation_is_played_once_however_often_it_is_given():
    async with call(TWO) as it:
        session = LiveKitSession(it.session)
        receiver = Receiver()
        session.attach(receiver)
        generation = await it.session.generate_reply()
        assert session.play(generation) == session.play(generation) == generation.response_id
        assert receiver.facts.count(ev.SessionResponseCreated(generation.response_id)) == 1


class Receiver:
    """Remembers what a session reports."""

    def __init__(self) -> None:
        self.facts: list[object] = []
        self.audio: dict[str, bytes] = {}
        self.is_over = asyncio.Event()

    def report(self, fact, *, speech_id=None) -> None:
        self.facts.append(fact)
        if isinstance(fact, ev.SessionResponseEnded):
            self.is_over.set()

    def deliver_audio(self, message_id: str, pcm: bytes) -> None:
        self.audio[message_id] = self.audio.get(message_id, b"") + pcm

    def user_started_speaking(self) -> None:
        self.facts.append("user_started_speaking")

    def user_stopped_speaking(self) -> None:
        self.facts.append("user_stopped_speaking")


# A generation is LiveKit's own plain data: here its streams are made by hand.


async def stream(*items):
    for item in items:
        if isinstance(item, Exception):
            raise item
        yield item


def message(message_id: str, texts=(), frames=(), modalities=("audio", "text")) -> llm.MessageGeneration:
    known = asyncio.get_running_loop().create_future()
    known.set_result(list(modalities))
    return llm.MessageGeneration(message_id, stream(*texts), stream(*frames), known)


async def read(*messages, response_id: str | None = "r") -> Receiver:
    async with call() as it:
        receiver = Receiver()
        session = LiveKitSession(it.session)
        session.attach(receiver)
        session.play(llm.GenerationCreatedEvent(stream(*messages), stream(), False, response_id))
        await receiver.is_over.wait()
    return receiver


async def test_a_text_message_is_announced_as_one():
    receiver = await read(message("m", ["Hello ", "there."], modalities=["text"]))
    assert ev.SessionMessageAdded("r", "m", ("text",)) in receiver.facts
    assert [fact.text for fact in receiver.facts if isinstance(fact, ev.SessionTextReceived)] == ["Hello ", "there."]


async def test_audio_of_another_rate_is_resampled():
    frames = [rtc.AudioFrame(bytes(2 * 4800), 48_000, 1, 4800) for _ in range(5)]
    receiver = await read(message("m", frames=frames))
    assert len(receiver.audio["m"]) // 48 == pytest.approx(500, abs=2)


async def test_o7_a_stream_that_raises_ends_and_what_came_counts(caplog):
    frames = [rtc.AudioFrame(bytes(4800), 24_000, 1, 2400), RuntimeError("decoder broke")]
    receiver = await read(message("m", ["Hello."], frames))
    assert len(receiver.audio["m"]) == 4800
    assert receiver.facts[-2:] == [ev.SessionMessageEnded("m"), ev.SessionResponseEnded("r", "failed")]
    assert "cannot read the audio of m any further" in caplog.text


async def test_r3_a_message_stream_that_raises_ends_the_response(caplog):
    receiver = await read(message("m", ["Hello."]), RuntimeError("protocol broke"))
    assert ev.SessionMessageEnded("m") in receiver.facts
    assert receiver.facts[-1] == ev.SessionResponseEnded("r", "failed")
    assert "cannot read its messages any further" in caplog.text


async def test_stereo_is_refused_with_the_remedy(caplog):
    receiver = await read(message("m", frames=[rtc.AudioFrame(bytes(9600), 24_000, 2, 2400)]))
    assert receiver.audio == {}
    assert "2 channels, but a message must be mono: mix the channels" in caplog.text


async def test_a_generation_without_a_response_id_gets_one():
    receiver = await read(message("m"), response_id=None)
    assert receiver.facts[0] == ev.SessionResponseCreated("livekit_response_1")


# Trouble


async def test_o6_a_connection_lost_for_good_settles_the_speech():
    dropped = ScriptedResponse(TWO.items, drop_connection_after_audio_ms=100)
    async with SimulatedRealtimeServer([dropped]) as server, aiohttp.ClientSession() as http:
        model = openai.realtime.RealtimeModel(
            base_url=server.base_url,
            api_key="simulated",
            http_session=http,
            conn_options=APIConnectOptions(max_retry=0),
        )
        it = Call(server, model.session())
        async with drive(it.session, it.audio) as driver:
            speech = driver.request_response()
            await speech.done()
        assert speech.snapshot.state == "failed"
        assert driver.divergences == [], "a session that is lost has no memory"
        with pytest.raises(Exception, match="connection"):
            await it.session.aclose()


RESUMED = fx.AnnounceConnectionState("connected", conversation_kept=False)


async def test_o6_after_a_reconnection_the_next_response_is_played():
    lost = ScriptedResponse((ScriptedMessage("Lost.", 400, message_id="lost"),), drop_connection_after_audio_ms=100)
    async with call(lost, TWO) as it, drive(it.session, it.audio) as driver:
        resumed = asyncio.Event()
        driver.listen(lambda _, effect: effect == RESUMED and resumed.set())
        first, waiting = driver.request_response(), driver.request_response()
        await first.done()
        assert [first.snapshot.state, waiting.snapshot.state] == ["failed", "failed"]
        assert driver.request_response().is_over, "there is nobody to ask"
        await resumed.wait()
        assert [record.state for record in await driver.request_response().done()] == ["played", "played"]
        assert [message_id for message_id, _ in it.remembered] == ["m1", "m2"]


async def test_a_request_made_while_livekit_reconnects_fails_at_once():
    first = ScriptedResponse((ScriptedMessage("First.", 100, message_id="first"),))
    async with call(first, TWO) as it, drive(it.session, it.audio) as driver:
        await driver.request_response().done()
        is_broken = asyncio.Event()
        it.session.on("error", lambda _: is_broken.set())
        it.server.sessions[-1].drop_connection()
        await is_broken.wait()
        asked = driver.request_response()
        assert (asked.is_over, asked.snapshot.state) == (True, "failed")
        await it.reconnected.wait()
        assert [record.state for record in await driver.request_response().done()] == ["played", "played"]


async def interrupted_after_reconnecting(it: Call, driver: Driver) -> DrivenSpeech:
    is_speaking, has_ended = asyncio.Event(), asyncio.Event()
    driver.listen(lambda _, effect: effect == fx.AnnounceAgentState("speaking") and is_speaking.set())
    it.session.on("openai_server_event_received", lambda event: event["type"] == "response.done" and has_ended.set())
    speech = driver.request_response()
    await is_speaking.wait()
    await has_ended.wait()
    for _ in range(20):
        await asyncio.sleep(0)
    assert speech.snapshot.response_has_ended
    await it.reconnect()
    driver.interrupt()
    assert [record.state for record in await speech.done()] == ["partial", "skipped"]
    assert speech.snapshot.state == "interrupted"
    return speech


async def test_a_response_that_plays_on_over_a_reconnection_is_cut_as_the_text_it_has_become():
    async with call(LONG) as it, drive(it.session, Transcribed(it.audio)) as driver:
        await interrupted_after_reconnecting(it, driver)
        assert driver.divergences == []
        await it.remember({"m1": "One"})


async def test_if_what_was_heard_of_it_is_unknown_the_agent_is_told():
    """The server cuts no text, and the text that would have to be put in its place is not known."""
    async with call(LONG) as it, drive(it.session, it.audio, policy=Policy()) as driver:
        await interrupted_after_reconnecting(it, driver)
        assert [(d.cause, d.message_id) for d in driver.divergences] == [("refused", "m1")]
        assert it.remembered_texts == {"m1": "One."}


async def test_a_message_that_was_cut_is_not_made_whole_by_a_reconnection():
    async with call(LONG) as it, drive(it.session, Transcribed(it.audio)) as driver:
        driver.listen(lambda _, effect: effect == fx.AnnounceAgentState("speaking") and loop.call_later(0.05, cut))
        loop, cut = asyncio.get_running_loop(), driver.interrupt
        await driver.request_response().done()
        assert it.remembered_texts == {"m1": None}, "the server keeps the audio, and deletes the transcript"
        await it.reconnect()
        await it.remember({"m1": "One"})


async def test_a_response_that_livekit_gives_up_fails_its_speech():
    async with call(TWO) as it, drive(it.session, it.audio) as driver:
        speech = driver.request_response()
        await it.session.aclose()
        await speech.done()
        assert speech.snapshot.state == "failed"


def test_a_session_closed_in_mid_response_is_lost():
    """LiveKit then ends the streams as if the response were complete, and says nothing."""

    async def run():
        scenario = SCENARIOS["interrupted-while-generating"].with_interruption(100_000)
        async with LiveKitWorld(scenario.responses) as world:
            world.driver.request_response()
            await world.run_until(lambda: world.driver.agent_state == "speaking")
            await world.realtime_session.aclose()
            while not world.speeches[0].is_over:
                if not world.clock.advance_to_next():
                    break
                for _ in range(20):
                    await asyncio.sleep(0)
            return world.speeches[0].snapshot.state

    assert asyncio.run(run()) == "failed"


def test_c3_a_cancel_names_its_response():
    _, world = asyncio.run(play(SCENARIOS["interrupted-while-generating"], make_world=LiveKitWorld))
    cancels = [e for e in world.server_session.events_received if e["type"] == "response.cancel"]
    assert [cancel["response_id"] for cancel in cancels] == [world.speeches[0].snapshot.response_id]
