"""The driver: the one loop that joins a session, an output and the machine of their conversation.

An event comes in, the machine takes a step, its effects are performed in order. Whatever the parts report while that
happens waits its turn, so no step is ever taken inside another. What is decided, the machine decides: here are the
clock, the audio on its way, the callbacks, and which object is called for which effect.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections import deque
from collections.abc import Callable
from numbers import Real
from types import TracebackType
from typing import Any

from msgspec.structs import replace

from speech_lifecycle.fsm import effects as fx
from speech_lifecycle.fsm import events as ev
from speech_lifecycle.fsm.conversation.machine import ConversationMachine
from speech_lifecycle.fsm.replies import Reply
from speech_lifecycle.fsm.state import Speech
from speech_lifecycle.fsm.trace import Record, SpeechBegun, records_of
from speech_lifecycle.fsm.values import AgentState, BargeIn, Capabilities, ConnectionState, ConversationPolicy, Policy

from .changes import Change, ChangeListener, StateChanges
from .clock import Clock, LoopClock
from .driven_speech import DrivenMessage, DrivenSpeech
from .faults import Faults, refuse_coroutine_function
from .ports import AudioOutput, CheckingSession, PlayingSession, RestorableSession, Session
from .whole_samples import WholeSamples

logger = logging.getLogger(__name__)

_NUMBERS = (int, float, type(None))
_LONGEST_WAIT_S = 10.0
"""How long a session may take to stop reading, and an output to close."""
_TIMED = frozenset(ev.TIMED_EVENT_TYPES)
_DEFAULT_POLICY = Policy(estimate_heard_text=True)

EffectListener = Callable[[DrivenSpeech | None, fx.AgentEffect], None]
"""Is given the speech that an effect is about; with the agent's or connection's state the latest, if there is one."""


class Driver:
    """Plays the responses of a session on an output, one speech after the other.

    Used as `async with Driver(session, output) as driver:`; it then reads the session until the block is left. However
    that happens, what was heard is settled first (H6). All methods are called from the event loop's thread; the output
    may report from any.

    Nothing that other code raises keeps it from its work: not a listener, the trace, the output, the session or the
    clock. It is logged, once for each place that raises, counted in `faults`, and told to `on_change`. What ends the
    program, such as a KeyboardInterrupt in a listener, is raised when everything that the event led to is done.
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
        history_limit: int | None = 1_000,
    ) -> None:
        """Join the parts.

        Args:
            session: where responses come from.
            output: where they are played; None if the server plays them itself and says so (`PlayingSession`), or else
                if only text reaches the user.
            clock: the time; the event loop's by default.
            policy: for every speech. By default the text of what was heard in part is estimated where the output does
                not tell it, and marked as estimated (`Policy.estimate_heard_text`).
            barge_in: what the start of the user's speech does to every speech that is not over.
            authorize_when_free: give the floor to the next speech as soon as it is free and the user is silent;
                if False, call `authorize`.
            trace: is given every record of the trace.
            history_limit: how many messages `history`, and how many entries `divergences` keeps, the latest; None for
                all, for a session that the caller knows to end. A new server is told of those in `history`.

        Raises:
            ValueError: session and output differ in sample rate.
            TypeError: the trace is a coroutine function.
        """
        clock = clock or LoopClock()
        if output is None and isinstance(session, PlayingSession):
            output = session.own_output(clock)
        if output is not None and output.sample_rate != session.sample_rate:
            raise ValueError(
                f"the session delivers {session.sample_rate} samples per second, the output takes "
                f"{output.sample_rate}: ask the server for another audio format, or put a resampler in between"
            )
        self._session = session
        self._output = output
        self._clock = clock
        self._machine = ConversationMachine(
            _combine(session.capabilities, output),
            ConversationPolicy(policy or _DEFAULT_POLICY, barge_in, authorize_when_free),
            keep_steps=trace is not None,
        )
        if trace is not None:
            refuse_coroutine_function(trace)
        self._trace = trace
        self._faults = Faults(logger, self._tell)
        self._change_listeners: list[ChangeListener] = []
        self._changes = StateChanges()
        self._listeners: list[EffectListener] = []
        self._waiting: deque[ev.Event] = deque()
        self._is_stepping = False
        self._driven: dict[str, DrivenSpeech] = {}
        self._done: deque[DrivenSpeech] = deque()
        self._messages: dict[str, DrivenMessage] = {}
        self._samples = WholeSamples()
        self._speech_count = 0
        self._reading: asyncio.Task[None] | None = None
        self._began_ms: float | None = None
        self._now_ms = 0.0
        self._history: deque[fx.CommitMessage] = deque(maxlen=history_limit)
        self._divergences: deque[fx.ReportDivergence] = deque(maxlen=history_limit)
        self._thread_id = threading.get_ident()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._bind_to_loop()
        session.attach(self)
        if output is not None:
            output.attach(self._take_output_fact)

    # For the agent

    @property
    def speeches(self) -> list[DrivenSpeech]:
        """Those that are not over, and the latest of those that are, in order of creation."""
        return list(self._driven.values())

    @property
    def floor(self) -> DrivenSpeech | None:
        """The speech that may play, or None."""
        floor_id = self._machine.conversation.floor_id
        return None if floor_id is None else self._driven[floor_id]

    @property
    def agent_state(self) -> AgentState:
        """What the agent does, as the listener would describe it, over all speeches and requests."""
        return self._machine.conversation.agent

    @property
    def connection_state(self) -> ConnectionState:
        """Whether there is a server to talk to, and whether the driver is closing."""
        return self._machine.conversation.connection

    @property
    def user_is_speaking(self) -> bool:
        """Whether the user speaks, by what the session tells."""
        return self._machine.conversation.user == "talking"

    @property
    def history(self) -> list[fx.CommitMessage]:
        """What the listener heard, as committed: the latest `history_limit` messages."""
        return list(self._history)

    @property
    def divergences(self) -> list[fx.ReportDivergence]:
        """Where the server could not be brought in line: the latest `history_limit`."""
        return list(self._divergences)

    @property
    def faults(self) -> int:
        """How often other code has raised something: a listener, the trace, the output, the session, the clock."""
        return self._faults.count

    def listen(self, listener: EffectListener) -> None:
        """Have `listener` called with every effect for the agent: states, records, history, divergences.

        Raises:
            TypeError: it is a coroutine function.
        """
        refuse_coroutine_function(listener)
        self._listeners.append(listener)

    def on_change(self, listener: ChangeListener) -> None:
        """Have `listener` called with what happens, as it happens, after the effects of a step.

        It gets a `MessageStateChanged` when a message is in another state or is heard for the first time, a
        `SpeechStateChanged`, and an `EmbedderFailed` the first time that a place in other code raises.

        Raises:
            TypeError: it is a coroutine function.
        """
        refuse_coroutine_function(listener)
        self._change_listeners.append(listener)

    def request_response(self, *, out_of_band: bool = False, **options: Any) -> DrivenSpeech:
        """Ask the model for a response, once no other is being generated (C1), and return its speech.

        Without a connection, or when the driver is closing, the speech is over at once.

        Args:
            out_of_band: ask for one that stands beside the conversation: it takes its turn and is heard like any other,
                but neither the server nor `history` remembers it.
            options: whatever else the session's protocol can be asked for. In OpenAI's the fields of `response` in a
                `response.create`: `instructions`, `output_modalities`, `tools`, `tool_choice`, `metadata`, `input`, ...

        Raises:
            ValueError: the session knows that no server takes these options. The message names the option.
        """
        if isinstance(self._session, CheckingSession):
            options = self._session.check_options(options)
        speech_id = self._new_speech_id()
        conversation = self._machine.conversation
        speech = DrivenSpeech(
            speech_id, Speech(conversation.capabilities, conversation.policy.speech, speech_id=speech_id)
        )
        if options:
            speech.options = options
        self._driven[speech_id] = speech
        self._take(ev.RequestResponse(speech_id, out_of_band))
        return speech

    def authorize(self, speech: DrivenSpeech) -> Reply | None:
        """Give the floor to a speech. Rejected if another one has it."""
        return self._take(ev.Authorize(speech.id))

    def interrupt(self, speech: DrivenSpeech | None = None, *, force: bool = False) -> Reply | None:
        """Interrupt a speech; without one, have silence: what plays, what is queued and what is only requested (M8)."""
        return self._take(ev.Interrupt(force, "" if speech is None else speech.id))

    def pause(self, speech: DrivenSpeech | None = None) -> Reply | None:
        """Hold a speech; without one, everything: what plays, and what waits, until `resume` or `interrupt` (N25)."""
        return self._take(ev.Pause("" if speech is None else speech.id))

    def resume(self, speech: DrivenSpeech | None = None) -> Reply | None:
        """Go on with a speech that is held; without one, with everything."""
        return self._take(ev.Resume("" if speech is None else speech.id))

    def command(self, command: ev.Command, speech: DrivenSpeech | None = None) -> Reply | None:
        """Give a command to a speech; without one, to the conversation.

        Returns:
            The machine's reply; None if this was called by a listener: the command then waits its turn.
        """
        return self._take(command if speech is None else replace(command, speech_id=speech.id))

    async def __aenter__(self) -> Driver:
        """Begin to read the session."""
        self._reading = asyncio.create_task(self.run())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Settle every speech, however the block is left, and release everything.

        An error of the session is raised here, unless the block itself raised one.
        """
        reading = self._reading
        try:
            await self.close()
        finally:
            try:
                if reading is not None:
                    reading.cancel()
                    await self._wait_for(reading, "the session does not stop reading")
            finally:
                if self._output is not None:
                    await self._release(self._output)
        if kind is None and reading is not None and reading.done() and not reading.cancelled():
            reading.result()

    async def _release(self, output: AudioOutput) -> None:
        try:
            closing = asyncio.ensure_future(output.aclose())
        except Exception as error:
            self._faults.note("the output failed to close", error)
            return
        error_of_closing = await self._wait_for(closing, "the output does not close")
        if error_of_closing is not None:
            self._faults.note("the output failed to close", error_of_closing)

    async def _wait_for(self, task: asyncio.Future[None], complaint: str) -> BaseException | None:
        """Wait for something of other people's to end, but not for ever; return what it raised."""
        await asyncio.wait((task,), timeout=_LONGEST_WAIT_S)
        if not task.done():
            self._faults.note(complaint, asyncio.TimeoutError(f"{complaint}: waited {_LONGEST_WAIT_S:g} s"))
            task.cancel()
            return None
        return None if task.cancelled() else task.exception()

    async def run(self) -> None:
        """Read the session until its connection ends. However reading it ends, the session is lost then."""
        try:
            await self._session.run()
        except Exception as error:
            self._take(ev.SessionLost(code=type(error).__name__, text=str(error)))
            raise
        finally:
            self._take(ev.SessionLost())

    async def close(self) -> None:
        """Close every speech, and wait until all are over. The machine's timers bound the wait (H6).

        If the wait is cancelled, as by a second Ctrl-C, everything is settled at once by the evidence in hand.
        """
        self._take(ev.Close())
        live = self._machine.conversation.live
        try:
            while live:
                await self._driven[next(iter(live))].done()
        except asyncio.CancelledError:
            while live:
                self._run_timer_out(self._driven[next(iter(live))])
            raise

    def _run_timer_out(self, speech: DrivenSpeech) -> None:
        """Wait no longer for what a speech that is being closed waits for: it always has a timer."""
        timer = speech.snapshot.timer
        if timer is None:
            raise RuntimeError(f"{speech.id} is {speech.snapshot.state} and has no timer")
        self._on_timer(speech, ev.TimerFired(timer, speech.id))

    def interrupt_all(self, *, force: bool = False) -> None:
        """Interrupt what plays and what is queued behind it: the agent's whole turn (M8)."""
        self.interrupt(force=force)

    # From the session

    def report(self, fact: ev.SessionFact, *, speech_id: str | None = None) -> None:
        """Take a fact of the session."""
        if isinstance(fact, ev.SessionTextReceived):
            self._message(fact.message_id).text.append(fact.text)
        elif isinstance(fact, ev.SessionResponseCreated) and speech_id is not None:
            fact = replace(fact, speech_id=speech_id)
        self._take(fact)

    def deliver_audio(self, message_id: str, pcm: bytes) -> None:
        """Take audio of a message. A sample may be split between two deliveries."""
        pcm = self._samples.take(message_id, pcm)
        if not pcm:
            return
        message = self._message(message_id)
        message.received_bytes += len(pcm)
        message.audio += pcm
        self._take(ev.SessionAudioReceived(message_id, self._ms(message.received_bytes)))

    def _message(self, message_id: str) -> DrivenMessage:
        message = self._messages.get(message_id)
        if message is None:
            message = self._messages[message_id] = DrivenMessage()
        return message

    def user_started_speaking(self) -> None:
        """The user begins to speak: every speech that is not over is interrupted, held or left alone."""
        self._take(ev.UserStartedSpeaking())

    def user_stopped_speaking(self) -> None:
        """The user is silent again: the next speech may have the floor."""
        self._take(ev.UserStoppedSpeaking())

    def _take_output_fact(self, fact: ev.OutputFact) -> None:
        """Take a fact of the output, from any thread. A position that is no number at all is a missing one (T12)."""
        if isinstance(fact, ev.OutputPlaybackProgressed | ev.OutputPlaybackFinished):
            position_ms = fact.position_ms
            if type(position_ms) not in _NUMBERS and not isinstance(position_ms, Real):
                fact = replace(fact, position_ms=None)
        if threading.get_ident() == self._thread_id:
            self._take(fact)
        elif self._loop is not None:
            if fact.observed_ms is None:  # it became true now, and not when the loop comes to it
                with contextlib.suppress(Exception):
                    fact = replace(fact, observed_ms=int(self._clock.now_ms()))
            try:
                self._loop.call_soon_threadsafe(self._take, fact)
            except RuntimeError:  # the loop is closed
                logger.debug("after the end of the event loop the output reported %s", fact)

    def _bind_to_loop(self) -> None:
        """Remember the loop to which facts of other threads are passed."""
        with contextlib.suppress(RuntimeError):
            self._loop = asyncio.get_running_loop()
            self._thread_id = threading.get_ident()

    # The loop

    def _take(self, event: ev.Event) -> Reply | None:
        """Take an event, and whatever it leads to. None if a step is under way: then it waits its turn."""
        if self._loop is None:
            self._bind_to_loop()
        if type(event) in _TIMED:
            stamp_ms: float | None = event.observed_ms  # type: ignore[union-attr]
            event = replace(event, observed_ms=self._observed_ms(stamp_ms))
        self._waiting.append(event)
        if self._is_stepping:
            return None
        self._is_stepping = True
        first: Reply | None = None
        try:
            while self._waiting:
                reply = self._step(self._waiting.popleft())
                first = first or reply
        finally:
            self._is_stepping = False
        self._faults.leave()
        return first

    def _step(self, event: ev.Event) -> Reply:
        if isinstance(event, ev.SessionResponseCreated) and not event.speech_id:
            event = replace(event, new_speech_id=f"speech_{self._speech_count + 1}")
        reply = self._machine.send(event)
        if self._trace is not None:
            self._record_step(event, reply)
        for effect in reply.effects:
            self._perform(effect)
        self._hand_over()
        if isinstance(event, ev.SessionTextReceived | ev.SessionAudioReceived):
            self._drop_what_is_not_played(event.message_id)
        if self._change_listeners and reply.kind == "handled":
            self._tell_changes(event)
        return reply

    def _drop_what_is_not_played(self, message_id: str) -> None:
        """Keep nothing of messages that no speech has, and no audio or text of those that are final."""
        speech_id = self._machine.conversation.by_message.get(message_id)
        if speech_id is None:
            self._messages.pop(message_id, None)
        elif self._driven[speech_id].snapshot.messages[message_id].is_final:
            self._messages[message_id].drop()

    def _tell_changes(self, event: ev.Event) -> None:
        speech_ids = dict.fromkeys((*self._changes.open_ids, *self._machine.conversation.live))
        if (named := self._machine.speech_of(event)) in self._driven:
            speech_ids[named] = None
        for speech_id in speech_ids:
            if speech_id in self._driven:
                self._tell_changes_of(self._driven[speech_id])

    def _tell_changes_of(self, speech: DrivenSpeech) -> None:
        for change in tuple(self._changes.of(speech.snapshot)):
            self._tell(change)

    def _tell(self, change: Change) -> None:
        for listener in tuple(self._change_listeners):
            self._faults.attempt("a listener of changes failed", listener, change)

    def _perform(self, effect: fx.Effect) -> None:
        if isinstance(effect, fx.OutputEffect):
            self._perform_on_output(effect)
        elif isinstance(effect, fx.CreateResponse | fx.RestoreHistory | fx.SessionEffect):
            error = self._perform_on_session(effect)
            if error is not None:
                self._waiting.extend(_refusals(effect, repr(error)))
        elif isinstance(effect, fx.TimerEffect):
            self._perform_on_timer(effect)
        else:
            self._perform_on_agent(effect)

    def _perform_on_output(self, effect: fx.OutputEffect) -> None:
        output = self._output
        if isinstance(effect, fx.StartHandover):
            if output is None or self._call_output(output.start, effect.message_id):
                self._hand_over_text(self._message(effect.message_id), effect.message_id)
        elif output is None:
            return
        elif isinstance(effect, fx.FlushOutput):
            self._call_output(output.flush, effect.message_id)
        elif isinstance(effect, fx.ClearOutput):
            self._call_output(output.clear, effect.message_id)
        elif isinstance(effect, fx.PauseOutput):
            self._call_output(output.pause)
        else:
            self._call_output(output.resume)

    def _call_output(self, function: Callable[..., object], *values: object) -> bool:
        """Call a method of the output. One that raises is an output that failed (H12)."""
        error = self._faults.attempt("the output failed", function, *values)
        if error is None:
            return True
        message = None if self.floor is None else self.floor.snapshot.forwarding_message()
        if message is not None:
            self._waiting.append(ev.OutputFailed(message.message_id, repr(error), int(self._at_ms())))
        return False

    def _request_response(self, effect: fx.CreateResponse) -> None:
        options = self._driven[effect.speech_id].options
        # A session that can be asked for nothing else has no parameters for that.
        more: dict[str, Any] = {"options": options} if options else {}
        if effect.is_out_of_band:
            more["is_out_of_band"] = True
        self._session.request_response(effect.speech_id, **more)

    def _perform_on_session(
        self, effect: fx.CreateResponse | fx.RestoreHistory | fx.SessionEffect
    ) -> BaseException | None:
        what = f"the session failed to perform {type(effect).__name__}"
        if isinstance(effect, fx.CreateResponse):
            return self._faults.attempt(what, self._request_response, effect)
        if not isinstance(effect, fx.RestoreHistory):
            return self._faults.attempt(what, self._session.perform, effect)
        if isinstance(self._session, RestorableSession):
            return self._faults.attempt(what, self._session.restore, tuple(self._history))
        return None

    def _perform_on_timer(self, effect: fx.TimerEffect) -> None:
        speech = self._driven[effect.speech_id]
        if speech.timer is not None:
            self._faults.attempt("the clock failed to cancel a timer", speech.timer.cancel)
            speech.timer = None
        if isinstance(effect, fx.StartTimer):
            self._faults.attempt("the clock failed to start a timer", self._start_timer, speech, effect)
            if speech.timer is None:
                # Nobody would end the wait that it bounds.
                self._waiting.append(ev.TimerFired(effect.timer, effect.speech_id))

    def _start_timer(self, speech: DrivenSpeech, effect: fx.StartTimer) -> None:
        fired = ev.TimerFired(effect.timer, effect.speech_id)
        speech.timer = self._clock.call_later(effect.delay_ms, lambda: self._on_timer(speech, fired))

    def _on_timer(self, speech: DrivenSpeech, fired: ev.TimerFired) -> None:
        speech.timer = None
        self._take(fired)

    def _perform_on_agent(self, effect: fx.AgentEffect) -> None:
        speech = self._speech_told_of(effect)
        if isinstance(effect, fx.CommitMessage):
            self._history.append(effect)
        elif isinstance(effect, fx.ReportDivergence):
            self._divergences.append(effect)
        elif isinstance(effect, fx.ReportSpeechDone) and speech is not None:
            self._end_speech(speech)
        for listener in tuple(self._listeners):
            self._faults.attempt("a listener failed on an effect", listener, speech, effect)

    def _speech_told_of(self, effect: fx.AgentEffect) -> DrivenSpeech | None:
        if isinstance(effect, fx.ReportSpeechBegun):
            return self._begin_speech(effect.speech_id)
        if isinstance(effect, fx.ReportSpeechDone):
            return self._driven[effect.speech_id]
        if isinstance(effect, fx.AnnounceAgentState | fx.AnnounceConnectionState):
            return self.floor or (self.speeches[-1] if self._driven else None)
        message_id = effect.record.message_id if isinstance(effect, fx.ReportMessageSettled) else effect.message_id
        return self._speech_of_message(message_id)

    def _speech_of_message(self, message_id: str) -> DrivenSpeech:
        speech_id = self._machine.conversation.by_message.get(message_id)
        if speech_id is not None:
            return self._driven[speech_id]
        # The machine may have forgotten it in the very step that this effect is of.
        return next(speech for speech in self._driven.values() if message_id in speech.snapshot.messages)

    def _hand_over(self) -> None:
        """Give the output what has arrived of the message that the machine says may be handed over."""
        speech = self.floor
        message = None if speech is None else speech.snapshot.message_to_hand_over()
        if speech is None or message is None:
            return
        is_taken = self._hand_over_text(self._message(message.message_id), message.message_id)
        # Audio of what was shown as text is not played (spec, section 3).
        if is_taken and message.expects_audio:
            self._hand_over_audio(self._message(message.message_id), message.message_id)

    def _hand_over_audio(self, message: DrivenMessage, message_id: str) -> None:
        if message.audio and self._output is not None:
            pcm = bytes(message.audio)
            message.audio.clear()
            message.handed_over_bytes += len(pcm)
            handed_over_ms = self._ms(message.handed_over_bytes)
            self._waiting.append(ev.OutputAudioHandedOver(message_id, handed_over_ms, int(self._at_ms())))
            self._call_output(self._output.write, message_id, pcm)

    def _hand_over_text(self, message: DrivenMessage, message_id: str) -> bool:
        text = "".join(message.text)
        message.text.clear()
        return not text or self._output is None or self._call_output(self._output.write_text, message_id, text)

    # Speeches

    def _new_speech_id(self) -> str:
        self._speech_count += 1
        return f"speech_{self._speech_count}"

    def _begin_speech(self, speech_id: str) -> DrivenSpeech:
        snapshot = self._machine.conversation.speeches[speech_id]
        speech = self._driven.get(speech_id)
        if speech is None:  # nobody asked for it
            self._speech_count += 1
            speech = self._driven[speech_id] = DrivenSpeech(speech_id, snapshot)
        speech.snapshot = snapshot
        return speech

    def _end_speech(self, speech: DrivenSpeech) -> None:
        """Let go of what only a running speech needs, and of what the machine has forgotten."""
        speech.end()
        for message_id in speech.snapshot.messages:
            self._message(message_id).drop()
        self._done.append(speech)
        while self._done and self._done[0].id not in self._machine.conversation.speeches:
            forgotten = self._done.popleft()
            if self._change_listeners:
                self._tell_changes_of(forgotten)
                self._changes.forget(forgotten.id)
            del self._driven[forgotten.id]
            for message_id in forgotten.snapshot.messages:
                self._messages.pop(message_id, None)

    # The trace

    def _record_step(self, event: ev.Event, reply: Reply) -> None:
        at_ms, conversation = self._at_ms(), self._machine.conversation
        for record in records_of(at_ms, self._machine.speech_of(event), event, reply):
            for effect in getattr(record, "effects", ()):
                if isinstance(effect, fx.ReportSpeechBegun):
                    policy = conversation.policy.speech
                    self._record(SpeechBegun(at_ms, effect.speech_id, conversation.capabilities, policy))
            self._record(record)

    def _record(self, record: Record) -> None:
        if self._trace is not None:
            self._faults.attempt("the trace failed on a record", self._trace, record)

    def _observed_ms(self, stamp_ms: float | None) -> int:
        """Return when an event became true, since the driver began: by its own word, if that can be, or else now."""
        now_ms = self._at_ms()
        if not isinstance(stamp_ms, Real) or self._began_ms is None:
            return int(now_ms)
        at_ms = stamp_ms - self._began_ms
        return int(at_ms) if 0 <= at_ms <= now_ms else int(now_ms)

    def _at_ms(self) -> float:
        self._faults.attempt("the clock failed to tell the time", self._read_clock)
        return self._now_ms

    def _read_clock(self) -> None:
        now_ms = self._clock.now_ms()
        if self._began_ms is None:
            self._began_ms = now_ms
        self._now_ms = now_ms - self._began_ms

    def _ms(self, pcm_bytes: int) -> int:
        return pcm_bytes * 1000 // (2 * self._session.sample_rate)


def _refusals(effect: fx.CreateResponse | fx.RestoreHistory | fx.SessionEffect, detail: str) -> list[ev.SessionFact]:
    """What it comes to that a session could not send an effect: nobody will answer it."""
    if isinstance(effect, fx.CreateResponse):
        return [ev.SessionRequestRefused(effect.speech_id, "not_sent", detail)]
    if isinstance(effect, fx.TruncateMessage):
        return [ev.SessionReconciliationRefused("truncate", effect.message_id, "other", "not_sent", detail)]
    if isinstance(effect, fx.ReplaceMessage):
        return [ev.SessionReconciliationRefused("replace", effect.message_id, "other", "not_sent", detail)]
    if isinstance(effect, fx.RemoveMessages):
        return [
            ev.SessionReconciliationRefused("remove", message_id, "other", "not_sent", detail)
            for message_id in effect.message_ids
        ]
    return []


def _combine(capabilities: Capabilities, output: AudioOutput | None) -> Capabilities:
    if output is None:
        return replace(capabilities, plays_audio=False, can_pause=False, shows_text=True)
    shows_text = bool(getattr(output, "shows_text", False))
    return replace(capabilities, plays_audio=True, can_pause=output.can_pause, shows_text=shows_text)
