"""The driver: the one loop that joins a session, an output and the machine.

An event comes in, the machine takes a step, its effects are performed in order. Whatever the parts report while
that happens waits its turn, so no step is ever taken inside another.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Any, Literal

from msgspec.structs import replace

from speech_lifecycle.fsm import effects as fx
from speech_lifecycle.fsm import events as ev
from speech_lifecycle.fsm.machine import SpeechMachine
from speech_lifecycle.fsm.replies import Rejected, Reply
from speech_lifecycle.fsm.trace import Record, SpeechBegun, Unrouted, step_of
from speech_lifecycle.fsm.values import AgentState, Capabilities, Policy

from .clock import Clock, LoopClock
from .driven_speech import DrivenSpeech
from .ports import AudioOutput, Session

logger = logging.getLogger(__name__)

BargeIn = Literal["interrupt", "pause", "ignore"]
Listener = Callable[[DrivenSpeech, fx.AgentEffect], None]

_FINISHED_KEPT = 64
"""How many finished speeches are remembered, for facts that come late."""


class Driver:
    """Plays the responses of a session on an output, one speech after the other.

    Used as `async with Driver(session, output) as driver:`; it then reads the session until the block is left.
    All methods are called from the event loop's thread.
    """

    def __init__(
        self,
        session: Session,
        output: AudioOutput | None,
        *,
        clock: Clock | None = None,
        policy: Policy | None = None,
        barge_in: BargeIn = "interrupt",
        authorize_when_free: bool = True,
        trace: Callable[[Record], None] | None = None,
    ) -> None:
        """Join the parts.

        Args:
            session: where responses come from.
            output: where they are played; None if only text reaches the user.
            clock: the time; the event loop's by default.
            policy: for every speech.
            barge_in: what the start of the user's speech does to every speech that is not over.
            authorize_when_free: give the floor to the next speech as soon as it is free and the user is silent;
                if False, call `authorize`.
            trace: is given every record of the trace.

        Raises:
            ValueError: session and output differ in sample rate.
        """
        if output is not None and output.sample_rate != session.sample_rate:
            raise ValueError(
                f"the session delivers {session.sample_rate} samples per second, the output takes "
                f"{output.sample_rate}: ask the server for another audio format, or put a resampler in between"
            )
        self._session = session
        self._output = output
        self._clock = clock or LoopClock()
        self._policy = policy or Policy()
        self._capabilities = _combine(session.capabilities, output)
        self._barge_in = barge_in
        self._authorize_when_free = authorize_when_free
        self._trace = trace
        self._listeners: list[Listener] = []
        self._waiting: deque[tuple[DrivenSpeech, ev.Event]] = deque()
        self._is_stepping = False
        self._requests: deque[DrivenSpeech] = deque()
        self._by_response: dict[str, DrivenSpeech] = {}
        self._by_message: dict[str, DrivenSpeech] = {}
        self._speech_count = 0
        self._reading: asyncio.Task[None] | None = None
        self._began_ms: float | None = None
        self.speeches: list[DrivenSpeech] = []
        """Those that are not over, and the latest of those that are, in order of creation."""
        self.history: list[fx.CommitMessage] = []
        """What the listener heard, as committed."""
        self.divergences: list[fx.ReportDivergence] = []
        """Where the server could not be brought in line."""
        self.agent_state: AgentState = "listening"
        self.user_is_speaking = False
        session.attach(self)
        if output is not None:
            output.attach(self._take_output_fact)

    # For the agent

    @property
    def floor(self) -> DrivenSpeech | None:
        """The speech that may play, or None."""
        return next((s for s in self.speeches if not s.is_over and s.snapshot.state != "queued"), None)

    def listen(self, listener: Listener) -> None:
        """Have `listener` called with every effect for the agent: states, records, history, divergences."""
        self._listeners.append(listener)

    def request_response(self) -> DrivenSpeech:
        """Ask the model for a response, once no other is being generated (C1), and return its speech."""
        speech = self._begin_speech()
        self._requests.append(speech)
        self._send_next_request()
        return speech

    def authorize(self, speech: DrivenSpeech) -> Reply | None:
        """Give the floor to a speech. Rejected if another one has it."""
        floor = self.floor
        if floor is not None and floor is not speech:
            return Rejected("authorize", "", speech.snapshot.state, "output_busy", "agent")
        return self._take(speech, ev.Authorize())

    def interrupt(self, speech: DrivenSpeech | None = None, *, force: bool = False) -> Reply | None:
        """Interrupt a speech, by default the one that has the floor."""
        return self.command(ev.Interrupt(force), speech)

    def pause(self, speech: DrivenSpeech | None = None) -> Reply | None:
        """Hold a speech, by default the one that has the floor."""
        return self.command(ev.Pause(), speech)

    def resume(self, speech: DrivenSpeech | None = None) -> Reply | None:
        """Go on with a speech that is held, by default the one that has the floor."""
        return self.command(ev.Resume(), speech)

    def command(self, command: ev.Command, speech: DrivenSpeech | None = None) -> Reply | None:
        """Give a command to a speech, by default the one that has the floor.

        Returns:
            The machine's reply; None if this was called by a listener: the command then waits its turn.
        """
        speech = speech or self.floor
        if speech is None:
            return Rejected(ev.name_of(type(command)), "", "", "no_speech", "agent")
        if isinstance(command, ev.Authorize):
            return self.authorize(speech)
        return self._take(speech, command)

    async def __aenter__(self) -> Driver:
        """Begin to read the session."""
        self._reading = asyncio.create_task(self.run())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close: settle every speech, then stop reading. An error of the session is raised here."""
        reading = self._reading
        if reading is None:
            return
        try:
            if kind is None and not reading.done():
                await self.close()
        finally:
            reading.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await reading
            if self._output is not None:
                await self._output.aclose()

    async def run(self) -> None:
        """Read the session until its connection ends. If reading it fails, the session is lost."""
        try:
            await self._session.run()
        except Exception:
            self._tell_all(ev.SessionLost())
            raise

    async def close(self) -> None:
        """Close every speech, and wait until all are over. The machine's timers bound the wait (H6)."""
        self._tell_all(ev.Close())
        for speech in list(self.speeches):
            await speech.done()

    def interrupt_all(self, *, force: bool = False) -> None:
        """Interrupt what plays and what is queued behind it: the agent's whole turn (M8)."""
        self._tell_all(ev.Interrupt(force))

    def _tell_all(self, event: ev.Event) -> None:
        for speech in list(self.speeches):
            if not speech.is_over:
                self._take(speech, event)

    # From the session

    def report(self, fact: ev.SessionFact, *, speech_id: str | None = None) -> None:
        """Take a fact of the session."""
        if isinstance(fact, ev.SessionLost):
            self._tell_all(fact)
            return
        if isinstance(fact, ev.SessionResponseCreated):
            self._by_response[fact.response_id] = self._speech_of_response(fact, speech_id)
        speech_or_none = self._route(fact)
        if speech_or_none is None:
            self._record(Unrouted(self._at_ms(), fact, "unknown_response_or_message"))
            return
        if isinstance(fact, ev.SessionMessageAdded):
            self._by_message.setdefault(fact.message_id, speech_or_none)
        elif isinstance(fact, ev.SessionTextReceived):
            speech_or_none.text[fact.message_id] = speech_or_none.text.get(fact.message_id, "") + fact.text
        self._take(speech_or_none, fact)
        if isinstance(fact, ev.SessionResponseEnded):
            self._send_next_request()

    def deliver_audio(self, message_id: str, pcm: bytes) -> None:
        """Take audio of a message."""
        speech = self._by_message.get(message_id)
        if speech is None:
            self._record(Unrouted(self._at_ms(), ev.SessionAudioReceived(message_id, 0), "unknown_message"))
            return
        total = speech.received_bytes.get(message_id, 0) + len(pcm)
        speech.received_bytes[message_id] = total
        if not speech.is_over:
            speech.audio.setdefault(message_id, bytearray()).extend(pcm)
        self._take(speech, ev.SessionAudioReceived(message_id, self._ms(total)))

    def user_started_speaking(self) -> None:
        """The user begins to speak: every speech that is not over is interrupted, held or left alone."""
        self.user_is_speaking = True
        if self._barge_in == "interrupt":
            self.interrupt_all()
        elif self._barge_in == "pause":
            self._tell_all(ev.Pause())

    def user_stopped_speaking(self) -> None:
        """The user is silent again: the next speech may have the floor."""
        self.user_is_speaking = False
        self._pass_floor()

    def _speech_of_response(self, fact: ev.SessionResponseCreated, speech_id: str | None) -> DrivenSpeech:
        known = self._by_response.get(fact.response_id)
        if known is None and speech_id is not None:
            known = next((speech for speech in self.speeches if speech.id == speech_id), None)
        return known or self._begin_speech()

    def _route(self, fact: Any) -> DrivenSpeech | None:
        """Return the speech that a fact is about: a message is of one speech, and so is a response."""
        message_id = getattr(fact, "message_id", None)
        if message_id in self._by_message:
            return self._by_message[message_id]
        return self._by_response.get(getattr(fact, "response_id", ""))

    # From the output

    def _take_output_fact(self, fact: ev.OutputFact) -> None:
        speech = self._by_message.get(fact.message_id)
        if speech is None:
            self._record(Unrouted(self._at_ms(), fact, "unknown_message"))
        else:
            self._take(speech, fact)

    # The loop

    def _take(self, speech: DrivenSpeech, event: ev.Event) -> Reply | None:
        """Take an event, and whatever it leads to. None if a step is under way: then it waits its turn."""
        self._waiting.append((speech, event))
        if self._is_stepping:
            return None
        self._is_stepping = True
        first: Reply | None = None
        try:
            while self._waiting:
                reply = self._step(*self._waiting.popleft())
                first = first or reply
        finally:
            self._is_stepping = False
        return first

    def _step(self, speech: DrivenSpeech, event: ev.Event) -> Reply:
        reply = speech.machine.send(event)
        self._record(step_of(self._at_ms(), speech.id, event, reply))
        for effect in reply.effects:
            self._perform(speech, effect)
        self._hand_over(speech)
        return reply

    def _perform(self, speech: DrivenSpeech, effect: fx.Effect) -> None:
        if isinstance(effect, fx.OutputEffect):
            try:
                self._perform_on_output(speech, effect)
            except Exception as error:
                self._note_output_failure(speech, error)
        elif isinstance(effect, fx.SessionEffect):
            try:
                self._session.perform(effect)
            except Exception:
                logger.exception("the session failed to perform %s", effect)
                self._waiting.append((speech, ev.SessionLost()))
        elif isinstance(effect, fx.TimerEffect):
            self._perform_on_timer(speech, effect)
        else:
            self._perform_on_agent(speech, effect)

    def _perform_on_output(self, speech: DrivenSpeech, effect: fx.OutputEffect) -> None:
        output = self._output
        if isinstance(effect, fx.StartHandover):
            if output is not None:
                output.start(effect.message_id)
            self._hand_over_text(speech, effect.message_id)
        elif output is None:
            return
        elif isinstance(effect, fx.FlushOutput):
            output.flush(effect.message_id)
        elif isinstance(effect, fx.ClearOutput):
            output.clear(effect.message_id)
        elif isinstance(effect, fx.PauseOutput):
            output.pause()
        else:
            output.resume()

    def _perform_on_timer(self, speech: DrivenSpeech, effect: fx.TimerEffect) -> None:
        if speech.timer is not None:
            speech.timer.cancel()
            speech.timer = None
        if isinstance(effect, fx.StartTimer):
            fired = ev.TimerFired(effect.timer)
            speech.timer = self._clock.call_later(effect.delay_ms, lambda: self._on_timer(speech, fired))

    def _on_timer(self, speech: DrivenSpeech, fired: ev.TimerFired) -> None:
        speech.timer = None
        self._take(speech, fired)

    def _perform_on_agent(self, speech: DrivenSpeech, effect: fx.AgentEffect) -> None:
        if isinstance(effect, fx.CommitMessage):
            self.history.append(effect)
        elif isinstance(effect, fx.ReportDivergence):
            self.divergences.append(effect)
        elif isinstance(effect, fx.AnnounceAgentState):
            self.agent_state = effect.state
        elif isinstance(effect, fx.ReportSpeechDone):
            speech.end()
            self._forget_oldest()
        for listener in self._listeners:
            try:
                listener(speech, effect)
            except Exception:
                # A listener's fault must not keep the other effects of the step from being performed.
                logger.exception("a listener failed on %s", effect)
        if isinstance(effect, fx.ReportSpeechDone):
            self._pass_floor()
            self._send_next_request()

    def _hand_over(self, speech: DrivenSpeech) -> None:
        """Give the output what has arrived of the message that the machine says may be handed over."""
        message = speech.snapshot.message_to_hand_over()
        if message is None:
            return
        try:
            self._hand_over_message(speech, message.message_id)
        except Exception as error:
            self._note_output_failure(speech, error)

    def _hand_over_message(self, speech: DrivenSpeech, message_id: str) -> None:
        self._hand_over_text(speech, message_id)
        pcm = speech.audio.pop(message_id, None)
        if pcm and self._output is not None:
            total = speech.handed_over_bytes.get(message_id, 0) + len(pcm)
            speech.handed_over_bytes[message_id] = total
            self._waiting.append((speech, ev.OutputAudioHandedOver(message_id, self._ms(total))))
            self._output.write(message_id, bytes(pcm))

    def _note_output_failure(self, speech: DrivenSpeech, error: Exception) -> None:
        """An output that raises is an output that failed (H12)."""
        logger.error("the output failed", exc_info=error)
        message = speech.snapshot.forwarding_message()
        if message is not None:
            self._waiting.append((speech, ev.OutputFailed(message.message_id, repr(error))))

    def _hand_over_text(self, speech: DrivenSpeech, message_id: str) -> None:
        text = speech.text.pop(message_id, "")
        if text and self._output is not None:
            self._output.write_text(message_id, text)

    # Speeches and the floor

    def _begin_speech(self) -> DrivenSpeech:
        self._speech_count += 1
        speech = DrivenSpeech(f"speech_{self._speech_count}", SpeechMachine(self._capabilities, self._policy))
        self.speeches.append(speech)
        self._record(SpeechBegun(self._at_ms(), speech.id, self._capabilities, self._policy))
        self._pass_floor()
        return speech

    def _pass_floor(self) -> None:
        """Authorize the next speech, if the floor is free and the user silent."""
        if self._authorize_when_free and not self.user_is_speaking and self.floor is None:
            speech = next((speech for speech in self.speeches if speech.snapshot.state == "queued"), None)
            if speech is not None:
                self._take(speech, ev.Authorize())

    def _send_next_request(self) -> None:
        """Request the next response, if the server is not generating one (C1)."""
        if self._requests and not any(self._is_generating(speech) for speech in self.speeches):
            speech = self._requests.popleft()
            if speech.is_over:
                self._send_next_request()
            else:
                try:
                    self._session.request_response(speech.id)
                except Exception:
                    logger.exception("the session failed to request a response")
                    self._take(speech, ev.SessionLost())

    def _is_generating(self, speech: DrivenSpeech) -> bool:
        snapshot = speech.snapshot
        return speech not in self._requests and not snapshot.response_has_ended and not speech.is_over

    def _forget_oldest(self) -> None:
        finished = [speech for speech in self.speeches if speech.is_over]
        for speech in finished[:-_FINISHED_KEPT]:
            self.speeches.remove(speech)
            for routes in (self._by_message, self._by_response):
                for key in [key for key, routed in routes.items() if routed is speech]:
                    del routes[key]

    # Small things

    def _record(self, record: Record) -> None:
        if self._trace is None:
            return
        try:
            self._trace(record)
        except Exception:
            # A trace that cannot be written must not keep the effects of the step from being performed.
            logger.exception("the trace failed on a %s record", type(record).__name__)

    def _at_ms(self) -> float:
        now_ms = self._clock.now_ms()
        if self._began_ms is None:
            self._began_ms = now_ms
        return now_ms - self._began_ms

    def _ms(self, pcm_bytes: int) -> int:
        return pcm_bytes * 1000 // (2 * self._session.sample_rate)


def _combine(capabilities: Capabilities, output: AudioOutput | None) -> Capabilities:
    return replace(capabilities, plays_audio=output is not None, can_pause=output is not None and output.can_pause)
