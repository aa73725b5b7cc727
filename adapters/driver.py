"""The driver: joins a session, an output and the machine of their conversation, and is what the agent talks to.

What is decided, the machine decides. How its steps are taken is in `stepping`, how effects are performed in
`performing`, and how audio and text get to the output in `handover`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from functools import partial
from types import TracebackType
from typing import Any

from msgspec.structs import replace

from speech_lifecycle.fsm import effects as fx
from speech_lifecycle.fsm import events as ev
from speech_lifecycle.fsm.conversation.machine import ConversationMachine
from speech_lifecycle.fsm.replies import Reply
from speech_lifecycle.fsm.state import DEFAULT_CONVERSATION_POLICY
from speech_lifecycle.fsm.trace import Record
from speech_lifecycle.fsm.values import AgentState, BargeIn, Capabilities, ConnectionState, ConversationPolicy, Policy

from .changes import ChangeListener
from .clock import Clock, LoopClock
from .closing import release, stop_reading
from .default_policy import DEFAULT_POLICY
from .driven_speech import DrivenSpeech
from .ports import AudioOutput, CheckingSession, ConversingSession, PlayingSession, Session
from .stepping import Stepping
from .telling import EffectListener, Telling

logger = logging.getLogger(__name__)


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
        user_timeout_ms: int = DEFAULT_CONVERSATION_POLICY.user_timeout_ms,
    ) -> None:
        """Join the parts.

        Args:
            session: where responses come from.
            output: where they are played; None if the server plays them itself and says so (`PlayingSession`), or else
                if only text reaches the user. One of another sample rate than the session's is resampled for.
            clock: the time; the event loop's by default.
            policy: for every speech. By default the text of what was heard in part is estimated where the output does
                not tell it, and marked as estimated (`Policy.estimate_heard_text`).
            barge_in: what the start of the user's speech does to every speech that is not over.
            authorize_when_free: give the floor to the next speech as soon as it is free and the user is silent;
                if False, call `authorize`.
            trace: is given every record of the trace.
            history_limit: how many messages `history`, and how many entries `divergences` keeps, the latest; None for
                all, for a session that the caller knows to end. A new server is told of those in `history`.
            user_timeout_ms: how long the user is thought to speak if the session says no more about it, in
                milliseconds (N5).

        Raises:
            ValueError: a sample rate is none, or `user_timeout_ms` is no whole number from 0 on.
            ImportError: session and output differ in sample rate, and what resamples is not installed.
            TypeError: the trace is a coroutine function.
        """
        clock = clock or LoopClock()
        if output is None and isinstance(session, PlayingSession):
            output = session.own_output(clock)
        if output is not None and output.sample_rate != session.sample_rate:
            from .outputs.resampled_output import ResampledOutput  # it needs soxr, as nothing else of the driver does

            output = ResampledOutput(output, session.sample_rate)
        self._session = session
        # Asked once: to look for the methods of a protocol takes as long as a dozen events.
        self._checking = session if isinstance(session, CheckingSession) else None
        self._output = output
        self._machine = ConversationMachine(
            _combine(session.capabilities, output),
            ConversationPolicy(
                policy or DEFAULT_POLICY, barge_in, authorize_when_free, user_timeout_ms=user_timeout_ms
            ),
            keep_steps=trace is not None,
        )
        self._telling = Telling(logger)
        self._steps = Stepping(self._machine, session, output, clock, self._telling, trace, history_limit)
        self._speeches = self._steps.speeches
        self._take = self._steps.take
        self._reading: asyncio.Task[None] | None = None
        session.attach(self)
        if output is not None:
            output.attach(self._steps.take_output_fact)

    # For the agent

    @property
    def speeches(self) -> list[DrivenSpeech]:
        """Those that are not over, and the latest of those that are, in order of creation."""
        return list(self._speeches.by_id.values())

    @property
    def floor(self) -> DrivenSpeech | None:
        """The speech that may play, or None."""
        return self._speeches.floor

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
        return list(self._steps.performer.history)

    @property
    def divergences(self) -> list[fx.ReportDivergence]:
        """Where the server could not be brought in line: the latest `history_limit`."""
        return list(self._steps.performer.divergences)

    @property
    def faults(self) -> int:
        """How often other code has raised something: a listener, the trace, the output, the session, the clock."""
        return self._telling.faults.count

    def listen(self, listener: EffectListener) -> None:
        """Have `listener` called with every effect for the agent: states, records, history, divergences.

        Raises:
            TypeError: it is a coroutine function.
        """
        self._telling.listen(listener)

    def on_change(self, listener: ChangeListener) -> None:
        """Have `listener` called with what happens, as it happens, after the effects of a step.

        It gets a `MessageStateChanged` when a message is in another state or is heard for the first time, a
        `SpeechStateChanged`, and an `EmbedderFailed` the first time that a place in other code raises.

        Raises:
            TypeError: it is a coroutine function.
        """
        self._telling.on_change(listener)

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
        return self._request(self._checked(options), out_of_band=out_of_band)

    def begin_turn(self, text: str, **options: Any) -> DrivenSpeech:
        """Have the user say something in writing, and ask the model for the answer, as `request_response` does.

        It interrupts nobody: `interrupt` does. Without a connection, or when the driver is closing, nothing is sent; a
        server that begins anew is told first what was heard.

        Raises:
            ValueError: the session knows that no server takes these options. Nothing is sent.
            TypeError: the session has no conversation to write to (`ConversingSession`).
        """
        session, options = self._conversing(), self._checked(options)
        self._say(lambda: session.send_text(text))
        return self._request(options)

    def continue_turn(self, results: Mapping[str, str], **options: Any) -> DrivenSpeech:
        """Give the model the results of its tool calls, and ask it to go on, as `request_response` does.

        Args:
            results: by `ToolCall.call_id`, what each tool has to say, in words or JSON. A response that called several
                tools is continued once, when all of them are done.
            options: as in `request_response`.

        Raises:
            ValueError: there is no result, or the session knows that no server takes these options. Nothing is sent.
            TypeError: the session has no conversation to write to (`ConversingSession`).
        """
        if not results:
            raise ValueError("a turn goes on when there is a result of a tool; without one, request_response asks")
        session, options = self._conversing(), self._checked(options)
        for call_id, output in results.items():
            self._say(partial(session.send_tool_result, call_id, output))
        return self._request(options)

    def _say(self, send: Callable[[], None]) -> None:
        self._steps.performer.turns.say(self._machine.conversation, send)

    def _conversing(self) -> ConversingSession:
        if not isinstance(self._session, ConversingSession):
            raise TypeError(f"{type(self._session).__name__} has no send_text and send_tool_result")
        return self._session

    def _checked(self, options: dict[str, Any]) -> dict[str, Any]:
        return options if self._checking is None else self._checking.check_options(options)

    def _request(self, options: dict[str, Any], *, out_of_band: bool = False) -> DrivenSpeech:
        speech = self._speeches.request(options)
        self._take(ev.RequestResponse(speech.id, out_of_band))
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
                    await stop_reading(reading, self._telling.faults)
            finally:
                if self._output is not None:
                    await release(self._output, self._telling.faults)
        if kind is None and reading is not None and reading.done() and not reading.cancelled():
            reading.result()

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
                await self._speeches.by_id[next(iter(live))].done()
        except asyncio.CancelledError:
            while live:
                self._run_timer_out(self._speeches.by_id[next(iter(live))])
            raise
        finally:
            self._steps.performer.cancel_timer()

    def _run_timer_out(self, speech: DrivenSpeech) -> None:
        """Wait no longer for what a speech that is being closed waits for: it always has a timer."""
        timer = speech.snapshot.timer
        if timer is None:
            raise RuntimeError(f"{speech.id} is {speech.snapshot.state} and has no timer")
        self._steps.performer.cancel_timer(speech.id)
        self._take(ev.TimerFired(timer, speech.id))

    def interrupt_all(self, *, force: bool = False) -> None:
        """Interrupt what plays and what is queued behind it: the agent's whole turn (M8)."""
        self.interrupt(force=force)

    # From the session

    def report(self, fact: ev.SessionFact, *, speech_id: str | None = None) -> None:
        """Take a fact of the session."""
        if isinstance(fact, ev.SessionTextReceived):
            self._steps.handover.keep_text(fact.message_id, fact.text)
        elif isinstance(fact, ev.SessionResponseCreated) and speech_id is not None:
            fact = replace(fact, speech_id=speech_id)
        self._take(fact)

    def deliver_audio(self, message_id: str, pcm: bytes) -> None:
        """Take audio of a message. A sample may be split between two deliveries."""
        received_ms = self._steps.handover.keep_audio(message_id, pcm)
        if received_ms is not None:
            self._take(ev.SessionAudioReceived(message_id, received_ms))

    def user_started_speaking(self) -> None:
        """The user begins to speak: every speech that is not over is interrupted, held or left alone."""
        self._take(ev.UserStartedSpeaking())

    def user_stopped_speaking(self) -> None:
        """The user is silent again: the next speech may have the floor."""
        self._take(ev.UserStoppedSpeaking())


def _combine(capabilities: Capabilities, output: AudioOutput | None) -> Capabilities:
    if output is None:
        return replace(capabilities, plays_audio=False, can_pause=False, shows_text=True)
    shows_text = bool(getattr(output, "shows_text", False))
    return replace(capabilities, plays_audio=True, can_pause=output.can_pause, shows_text=shows_text)
