"""What the model says: the streams of a session's responses, read at once, reported, and relayed to the framework."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from livekit import rtc
from livekit.agents import llm

from speech_lifecycle.fsm import events as ev
from speech_lifecycle.fsm.values import Modality

from ..openai_events import OpenAIEvents
from ..request import Answer, Request
from ..response import Response
from ..unnamed_answers import UnnamedAnswers
from .facts import Report, ResponseAnnounced, ResponseRequested
from .observer import Observer
from .relay import Relay


class Generations:
    """Reads the responses of one session of the plugin's."""

    def __init__(self, session: llm.RealtimeSession[Any], observer: Observer) -> None:
        self._unnamed: UnnamedAnswers[Response] = UnnamedAnswers()
        self.raw_events = OpenAIEvents(
            session, _Answers(observer.report), self._on_response_done, self._unnamed.take_event
        )
        self._session = session
        self._observer = observer
        self._announced: set[str] = set()
        """The ids of the responses that the plugin has announced, until the server has ended them."""
        self._requested: list[Response] = []
        """Those that are waited for, and the last one that was given up: the server may answer it all the same."""
        self._in_flight: set[Response] = set()
        """Those that the server has begun and not ended."""
        self._pumps: set[asyncio.Task[None]] = set()

    def request(self, ask: Callable[[], Answer]) -> Answer:
        """Have the lifecycle send a request; return what comes of it."""
        report = self._observer.report
        response = Response(self._session, self.raw_events, is_requested=True)

        def send() -> Answer:
            self._unnamed.expect(response)
            return ask()

        response.request = Request(
            send,
            lambda: report(ev.Interrupt(force=True), response),
            lambda why: report(ev.SessionRequestRefused("", "no_response", why), response),
        )
        given_up = [each for each in self._requested if _is_given_up(each)][-1:]
        self._requested = [*given_up, *(each for each in self._requested if _is_waited_for(each)), response]
        report(ResponseRequested(), response)
        return response.request.answer

    def _take_requested(self, matches: Callable[[Response], bool]) -> Response | None:
        response = next((each for each in self._requested if matches(each)), None)
        if response is not None:
            self._requested.remove(response)
        return response

    def begin(self, event: llm.GenerationCreatedEvent) -> Response:
        """Read a response, and put relays in the place of its streams, for the framework to read."""
        response_id = event.response_id or f"response_{next(self._observer.numbers)}"
        if self.raw_events.are_heard:
            self._announced.add(response_id)
        response = self._take_requested(lambda each: each.request is not None and each.request.is_answered_by(event))
        if response is None and not event.user_initiated:
            response = self._take_unnamed(event)
        if response is None:
            response = Response(self._session, self.raw_events, is_requested=event.user_initiated)
        self._unnamed.forget(response)
        self._begin(response, response_id)
        messages: Relay[llm.MessageGeneration] = Relay()
        self._run(self._pump_messages(response, event.message_stream, messages))
        # The same event reaches the framework here and, for its own requests, as the result of `generate_reply`.
        event.message_stream = messages
        return response

    def _take_unnamed(self, event: llm.GenerationCreatedEvent) -> Response | None:
        """Return who waits for a response that the plugin takes for the server's own, because it names no request."""
        response = self._unnamed.take()
        if response is None or not _is_waited_for(response):
            return None
        assert response.request is not None
        self._take_requested(lambda each: each is response)
        response.request.answer_with(event)
        return response

    def _begin(self, response: Response, response_id: str) -> None:
        response.id = response_id
        self._in_flight.add(response)
        self._observer.report(ev.SessionResponseCreated(response_id), response)

    def lose(self) -> bool:
        """Expect no more of what is in flight: the connection is gone. Return whether anything was."""
        self._announced.clear()
        had_any = bool(self._in_flight)
        self._in_flight.clear()
        return had_any

    async def wait(self) -> None:
        """See all streams to their end."""
        await asyncio.gather(*self._pumps, return_exceptions=True)

    def _on_response_done(self, raw_response: Mapping[str, Any]) -> None:
        """A response has ended that the plugin never announced: it had been given up, and came after all (N27).

        Nobody plays it, and the server remembers it.
        """
        response_id = raw_response["id"]
        if response_id in self._announced:
            self._announced.remove(response_id)
            return
        report = self._observer.report
        response = self._take_requested(_is_given_up) or Response(self._session, self.raw_events)
        response.is_discarded = True
        self._begin(response, response_id)
        for item in raw_response.get("output") or ():
            if item.get("type") == "message":
                parts = item.get("content") or ()
                is_text = any(part.get("type") in ("text", "output_text") for part in parts)
                named: tuple[Modality, ...] = ("text",) if is_text else ("audio",)
                report(ev.SessionMessageAdded(response_id, item["id"], named), response)
                for part in parts:
                    text = part.get("text") or part.get("transcript")
                    if text:
                        report(ev.SessionTextReceived(item["id"], text))
                report(ev.SessionMessageEnded(item["id"]))
        self._end(response)
        report(ResponseAnnounced(), response)

    async def _pump_messages(self, response: Response, source: Any, target: Relay[llm.MessageGeneration]) -> None:
        pumps = []
        try:
            async for message in source:
                text: Relay[str] = Relay(lambda: self._on_pull(response))
                audio = self._audio_relay(response, message.message_id)
                pumps.append(self._run(self._pump_message(response, message, text, audio)))
                target.send(llm.MessageGeneration(message.message_id, text, audio, message.modalities))
        finally:
            target.close()
            await asyncio.gather(*pumps, return_exceptions=True)
            self._end(response)

    def _audio_relay(self, response: Response, message_id: str) -> Relay[rtc.AudioFrame]:
        forwarding = self._observer.forwarding

        def on_pull() -> None:
            forwarding.read(message_id)
            self._on_pull(response)

        return Relay(on_pull, lambda frame: forwarding.take(message_id, _duration_ms(frame)))

    def _on_pull(self, response: Response) -> None:
        """The framework plays a response as soon as it asks for its content: the speech has the floor."""
        if not response.was_pulled:
            response.was_pulled = True
            self._observer.report(ev.Authorize(), response)

    def _end(self, response: Response) -> None:
        self._in_flight.discard(response)
        ended = self.raw_events.take_end(response.id) or ev.SessionResponseEnded(response.id)
        self._observer.report(ended, response)

    async def _pump_message(
        self, response: Response, message: llm.MessageGeneration, text: Relay[str], audio: Relay[rtc.AudioFrame]
    ) -> None:
        message_id = message.message_id
        try:
            modalities = await asyncio.shield(asyncio.ensure_future(message.modalities))
            named: tuple[Modality, ...] = ("audio",) if "audio" in modalities else ("text",)
            self._observer.forwarding.announce(message_id)
            self._observer.report(ev.SessionMessageAdded(response.id, message_id, named), response)
            await asyncio.gather(self._pump_text(message, text), self._pump_audio(message, audio))
        finally:
            text.close()
            audio.close()
        self._observer.report(ev.SessionMessageEnded(message_id))

    async def _pump_text(self, message: llm.MessageGeneration, target: Relay[str]) -> None:
        async for delta in message.text_stream:
            self._observer.report(ev.SessionTextReceived(message.message_id, str(delta)))
            target.send(delta)
        target.close()

    async def _pump_audio(self, message: llm.MessageGeneration, target: Relay[rtc.AudioFrame]) -> None:
        received_ms = 0.0
        async for frame in message.audio_stream:
            received_ms += _duration_ms(frame)
            self._observer.report(ev.SessionAudioReceived(message.message_id, int(received_ms)))
            target.send(frame)
        target.close()

    def _run(self, pump: Any) -> asyncio.Task[None]:
        task: asyncio.Task[None] = asyncio.create_task(pump)
        self._pumps.add(task)
        task.add_done_callback(self._pumps.discard)
        return task


class _Answers:
    """Reports the answers that the plugin's raw events hold."""

    def __init__(self, report: Report) -> None:
        self._report = report

    def report(self, fact: ev.SessionFact, *, speech_id: str | None = None) -> None:
        self._report(fact)

    def deliver_audio(self, message_id: str, pcm: bytes) -> None:
        raise NotImplementedError("answers hold no audio")

    def user_started_speaking(self) -> None:
        raise NotImplementedError("answers are not about the user")

    def user_stopped_speaking(self) -> None:
        raise NotImplementedError("answers are not about the user")


def _is_waited_for(response: Response) -> bool:
    return response.request is not None and not response.request.answer.done()


def _is_given_up(response: Response) -> bool:
    return response.request is not None and response.request.is_given_up


def _duration_ms(frame: rtc.AudioFrame) -> float:
    return frame.samples_per_channel * 1000 / frame.sample_rate
