"""Watch an `AgentSession`: a machine beside each speech, and optionally the mending of what the framework leaves.

    model = WatchedRealtimeModel(openai.realtime.RealtimeModel())
    session = AgentSession(llm=model)
    watch = watch_session(session, mend=True)
    watch.on("message_state_changed", print)
    await session.start(agent, room=ctx.room)

Nothing of LiveKit is patched. What it tells comes through the wrapped model and its sessions, through a wrapper at
the top of the audio output's chain, and through the session's own events.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from typing import Any, Literal

from livekit import rtc
from livekit.agents import AgentSession, AgentStateChangedEvent, CloseEvent, SpeechCreatedEvent, llm
from livekit.agents.voice import SpeechHandle

from speech_lifecycle.adapters.clock import Clock, LoopClock
from speech_lifecycle.adapters.livekit_agents import rules
from speech_lifecycle.adapters.livekit_agents.mending import Mender
from speech_lifecycle.adapters.livekit_agents.openai_events import OpenAIEvents
from speech_lifecycle.adapters.livekit_agents.watch_events import ForbiddenStep, MessageStateChanged
from speech_lifecycle.adapters.livekit_agents.watched_model import (
    Modalities,
    WatchedRealtimeModel,
    WatchedRealtimeSession,
)
from speech_lifecycle.adapters.livekit_agents.watched_output import WatchedOutput
from speech_lifecycle.adapters.livekit_agents.watched_speech import WatchedSpeech
from speech_lifecycle.fsm import effects as fx
from speech_lifecycle.fsm import events as ev
from speech_lifecycle.fsm.machine import SpeechMachine
from speech_lifecycle.fsm.replies import Rejected, Reply
from speech_lifecycle.fsm.trace import Record, SpeechBegun, Unrouted, step_of
from speech_lifecycle.fsm.values import Capabilities, MessageRecord, Policy

logger = logging.getLogger(__name__)

WatchEvent = Literal["message_state_changed", "message_settled", "forbidden_step", "speech_done"]

_SPEAKING = fx.AnnounceAgentState("speaking")
_KEPT = 64
"""How many finished speeches are remembered."""
_WRITING_MS = 250.0
"""How long after a speech the framework may take to write its history and announce the agent's state."""


def watch_session(
    session: AgentSession[Any],
    *,
    mend: bool = False,
    policy: Policy | None = None,
    trace: Callable[[Record], None] | None = None,
    clock: Clock | None = None,
) -> Watch:
    """Watch a session whose `llm` is a WatchedRealtimeModel. Call it before `session.start`.

    Args:
        session: the session.
        mend: also bring server and history in line with what was heard, and end speeches whose output fell silent.
        policy: the machine's time-outs, and whether heard text is estimated where the output reports none.
        trace: is given every record of the trace, such as an open TraceFile.
        clock: the time; the event loop's by default.

    Raises:
        TypeError: the session's model is not wrapped.
    """
    model = session.llm
    if not isinstance(model, WatchedRealtimeModel):
        raise TypeError(
            f"the session's llm is {type(model).__name__}: wrap the realtime model, "
            "AgentSession(llm=WatchedRealtimeModel(model)), before it is watched"
        )
    return Watch(session, model, mend=mend, policy=policy, trace=trace, clock=clock)


class Watch(rtc.EventEmitter[WatchEvent]):
    """Emits `message_state_changed` (MessageStateChanged), `message_settled` (WatchedSpeech, MessageRecord),
    `forbidden_step` (ForbiddenStep) and `speech_done` (WatchedSpeech).
    """  # noqa: D205

    def __init__(
        self,
        session: AgentSession[Any],
        model: WatchedRealtimeModel,
        *,
        mend: bool,
        policy: Policy | None,
        trace: Callable[[Record], None] | None,
        clock: Clock | None,
    ) -> None:
        super().__init__()
        self.speeches: list[WatchedSpeech] = []
        """Those that are not over, and the latest of those that are."""
        self.forbidden_steps: list[ForbiddenStep] = []
        self._session = session
        self._mender = Mender() if mend else None
        self._policy = policy or Policy()
        self._trace = trace
        self._clock = clock or LoopClock()
        self._began_ms: float | None = None
        self._count = 0
        self._by_message: dict[str, WatchedSpeech] = {}
        self._realtime: dict[WatchedSpeech, WatchedRealtimeSession] = {}
        self._raw_events: dict[WatchedRealtimeSession, OpenAIEvents] = {}
        self._announcing: WatchedSpeech | None = None
        self._forwarded = ""
        self._output: WatchedOutput | None = None
        self._waiting: deque[tuple[WatchedSpeech, ev.Event]] = deque()
        self._is_stepping = False
        model.observer = self
        session.on("speech_created", self._on_speech_created)
        session.on("agent_state_changed", self._on_agent_state_changed)
        session.on("close", self._on_close)

    @property
    def mends(self) -> bool:
        """Whether it mends what it sees."""
        return self._mender is not None

    def wrap_output(self) -> WatchedOutput | None:
        """Put the wrapper at the top of the session's audio output, if it is not there yet.

        Done before every response, because rooms and consoles set the output when the session starts.
        """
        output = self._session.output.audio
        if output is not None and output is not self._output:
            self._output = WatchedOutput(output, self, decides=self.mends)
            self._session.output.audio = self._output
        return self._output if output is not None and self._session.output.audio_enabled else None

    # The session

    def _on_speech_created(self, event: SpeechCreatedEvent) -> None:
        if self._announcing is not None:
            self._set_handle(self._announcing, event.speech_handle)

    def _set_handle(self, speech: WatchedSpeech, handle: SpeechHandle) -> None:
        speech.handle = handle
        handle.add_done_callback(lambda _: self._on_speech_done(speech))

    def _on_speech_done(self, speech: WatchedSpeech) -> None:
        """LiveKit is done with a speech: what it has not begun to play by now it never will."""
        self._notice_interruptions()
        if speech.snapshot.state == "queued":
            self._take(speech, ev.Interrupt(force=True))
        self._compare_history(speech)

    def _on_agent_state_changed(self, event: AgentStateChangedEvent) -> None:
        live = [speech for speech in self.speeches if not speech.is_over]
        if event.new_state != "speaking" or not live:
            return
        speech = next((speech for speech in live if speech.snapshot.forwarding_message() is not None), live[0])
        step = rules.about_speaking(speech)
        if step is not None:
            self._forbid(step)
        speech.has_spoken = speech.was_announced = True

    def _on_close(self, _: CloseEvent) -> None:
        for speech in list(self.speeches):
            if not speech.is_over:
                self._take(speech, ev.Close())

    def _notice_interruptions(self) -> None:
        """LiveKit announces no interruption; its handles know."""
        for speech in self.speeches:
            if (
                speech.handle is not None
                and speech.handle.interrupted
                and speech.snapshot.state in ("queued", "waiting", "speaking", "paused")
            ):
                self._take(speech, ev.Interrupt(force=True))

    # The model (SessionObserver)

    def generation_created(self, session: WatchedRealtimeSession, event: llm.GenerationCreatedEvent) -> WatchedSpeech:
        """Begin a speech."""
        output = self.wrap_output()
        if session not in self._raw_events:
            self._raw_events[session] = OpenAIEvents(session.wrapped, _Answers(self))
        capabilities = Capabilities(
            can_truncate=session.capabilities.message_truncation,
            can_remove=session.capabilities.mutable_chat_context,
            plays_audio=output is not None,
            can_pause=output is not None and output.can_pause,
        )
        self._count += 1
        speech = WatchedSpeech(
            f"speech_{self._count}",
            SpeechMachine(capabilities, self._policy),
            event.response_id or f"response_{self._count}",
            asyncio.get_running_loop().create_future(),
            agent=self._session.current_agent,
        )
        self.speeches.append(speech)
        self._realtime[speech] = session
        self._forget_oldest()
        self._record(SpeechBegun(self._at_ms(), speech.id, capabilities, self._policy))
        self._take(speech, ev.SessionResponseCreated(speech.response_id))
        if event.user_initiated and self._session.current_speech is not None:
            self._set_handle(speech, self._session.current_speech)
        else:
            self._announcing = speech
        return speech

    def generation_announced(self, speech: WatchedSpeech) -> None:
        """Note whether the framework took it: a response that it dropped is never played."""
        if self._announcing is speech:
            self._announcing = None
            if speech.handle is None:
                self._take(speech, ev.Interrupt(force=True))
        self._notice_interruptions()

    def message_added(self, speech: WatchedSpeech, message_id: str, modalities: Modalities) -> None:
        """Report it."""
        self._by_message[message_id] = speech
        named: tuple[Literal["audio", "text"], ...] = ("audio",) if "audio" in modalities else ("text",)
        self._take(speech, ev.SessionMessageAdded(speech.response_id, message_id, named))

    def text_received(self, speech: WatchedSpeech, message_id: str, text: str) -> None:
        """Report it."""
        self._take(speech, ev.SessionTextReceived(message_id, str(text)))

    def audio_received(self, speech: WatchedSpeech, message_id: str, received_ms: float) -> None:
        """Report it."""
        self._take(speech, ev.SessionAudioReceived(message_id, int(received_ms)))

    def message_ended(self, speech: WatchedSpeech, message_id: str) -> None:
        """Report it."""
        self._take(speech, ev.SessionMessageEnded(message_id))

    def response_ended(self, speech: WatchedSpeech) -> None:
        """Report it, with the status that the server gave."""
        events = self._raw_events[self._realtime[speech]]
        status = events.take_status(speech.response_id) or "completed"
        self._take(speech, ev.SessionResponseEnded(speech.response_id, status))
        if not speech.response_end.done():
            speech.response_end.set_result(None)

    def stream_pulled(self, speech: WatchedSpeech, message_id: str, kind: Literal["text", "audio"]) -> None:
        """The framework plays it: the speech has the floor."""
        if kind == "audio":
            self._forwarded = message_id
        if speech.snapshot.state == "queued" and not (speech.handle is not None and speech.handle.interrupted):
            self._take(speech, ev.Authorize())

    def may_cancel(self, session: WatchedRealtimeSession) -> bool:
        """Judge it. If the watch mends, what was cancelled before is not cancelled again: it might hit the next."""
        self._notice_interruptions()
        generating = [
            speech
            for speech in self.speeches
            if self._realtime[speech] is session and not speech.is_over and not speech.snapshot.response_has_ended
        ]
        is_repeated = bool(generating) and all(speech.is_cancelled for speech in generating)
        if is_repeated and not session.awaits_response:
            self._forbid(ForbiddenStep("cancelled_again", generating[-1].id, "", "cancelled once more"))
            return not self.mends
        for speech in generating:
            speech.is_cancelled = True
        return True

    def may_request(self, session: WatchedRealtimeSession) -> asyncio.Future[None] | None:
        """If the watch mends, a request waits until the response that was cancelled has ended (C1)."""
        if not self.mends:
            return None
        ends = [
            speech.response_end
            for speech in self.speeches
            if self._realtime[speech] is session and speech.is_cancelled and not speech.snapshot.response_has_ended
        ]
        return ends[-1] if ends else None

    def may_truncate(self, message_id: str, modalities: Modalities, audio_end_ms: int) -> bool:
        """Judge it. If the lifecycle truncates by itself, the framework's request stays here."""
        speech = self._by_message.get(message_id)
        if speech is None:
            return True
        if "audio" in modalities:
            step = rules.about_truncation(speech, message_id, audio_end_ms)
            if step is not None:
                self._forbid(step)
        if not self.mends:
            self._raw_events[self._realtime[speech]].expect(
                "truncate" if "audio" in modalities else "replace", message_id
            )
        return not self.mends

    def chat_ctx_for_server(self, session: WatchedRealtimeSession, chat_ctx: llm.ChatContext) -> llm.ChatContext:
        """Judge it, and if the watch mends, keep it to what was heard."""
        self._notice_interruptions()
        for speech in self.speeches:
            if not speech.history_is_settled:
                for step in rules.about_removals(speech, chat_ctx):
                    self._forbid(step)
        if self._mender is None:
            return chat_ctx
        can_remove = session.capabilities.mutable_chat_context
        return self._mender.chat_ctx_for_server(self.speeches, session.chat_ctx, chat_ctx, can_remove=can_remove)

    def chat_ctx_updated(self, session: WatchedRealtimeSession) -> None:
        """Count what the framework removed as done, if the plugin shows no answers."""
        if self.mends:
            return
        left = {item.id for item in session.chat_ctx.items}
        for speech in self.speeches:
            for operation, message_id in speech.snapshot.awaited:
                if operation == "remove" and message_id not in left:
                    self._take(speech, ev.SessionReconciliationAcknowledged("remove", message_id))

    def remote_item(self, event: llm.RemoteItemAddedEvent) -> llm.RemoteItemAddedEvent:
        """Let it through, without content if the watch mends."""
        return event if self._mender is None else self._mender.placeholder(event)

    def session_lost(self) -> None:
        """Report it to every speech."""
        for speech in list(self.speeches):
            if not speech.is_over:
                self._take(speech, ev.SessionLost())

    def take_answer(self, fact: ev.SessionFact) -> None:
        """Take the server's answer to a request about its memory."""
        if isinstance(fact, ev.SessionReconciliationAcknowledged | ev.SessionReconciliationRefused):
            speech = self._by_message.get(fact.message_id)
            if speech is not None:
                self._take(speech, fact)

    # The output (OutputObserver)

    def forwarded_message(self) -> str:
        """Return the message that the framework forwards, unless it is over: then the audio is somebody else's."""
        speech = self._by_message.get(self._forwarded)
        return self._forwarded if speech is not None and speech.record(self._forwarded) is None else ""

    def audio_captured(self, message_id: str, duration_ms: float) -> None:
        """Report it."""
        speech = self._by_message.get(message_id)
        if speech is not None:
            total_ms = speech.handed_over_ms.get(message_id, 0.0) + duration_ms
            speech.handed_over_ms[message_id] = total_ms
            handed_over_ms = min(int(total_ms), speech.snapshot.messages[message_id].received_ms)
            self._take(speech, ev.OutputAudioHandedOver(message_id, handed_over_ms))

    def flushed(self, message_id: str) -> None:
        """Take it that all was handed over, whatever the agent's own audio node made of it."""
        self._notice_interruptions()
        speech = self._by_message.get(message_id)
        if speech is None:
            return
        message = speech.snapshot.messages[message_id]
        if message.state == "streaming" and message.source_has_ended and message.handed_over_ms:
            self._take(speech, ev.OutputAudioHandedOver(message_id, message.received_ms))

    def clearing(self, message_ids: list[str]) -> None:
        """Note an interruption, if it is one: whoever clears the output from outside ends its message only (H13)."""
        self._notice_interruptions()

    def pausing(self) -> None:
        """Hold what plays."""
        self._command_playing(ev.Pause())

    def resuming(self) -> None:
        """Go on. LiveKit resumes before every message, held or not."""
        self._command_playing(ev.Resume())

    def _command_playing(self, command: ev.Pause | ev.Resume) -> None:
        for speech in list(self.speeches):
            state = speech.snapshot.state
            if state == "paused" if isinstance(command, ev.Resume) else state in ("waiting", "speaking"):
                speech.has_spoken = False
                self._take(speech, command)

    def playback_started(self, message_id: str) -> None:
        """Report it."""
        self._take_output_fact(ev.OutputPlaybackStarted(message_id))

    def playback_progressed(self, message_id: str, position_ms: float) -> None:
        """Report it."""
        self._take_output_fact(ev.OutputPlaybackProgressed(message_id, position_ms))

    def playback_finished(self, message_id: str, position_ms: float, interrupted: bool, transcript: str | None) -> bool:
        """Report it."""
        self._notice_interruptions()
        self._take_output_fact(ev.OutputPlaybackFinished(message_id, position_ms, interrupted, transcript))
        speech = self._by_message.get(message_id)
        return speech is not None and speech.snapshot.messages[message_id].is_forwarding

    def output_failed(self, message_id: str, error: Exception) -> None:
        """Report it."""
        self._take_output_fact(ev.OutputFailed(message_id, repr(error)))

    def _take_output_fact(self, fact: ev.OutputFact) -> None:
        speech = self._by_message.get(fact.message_id)
        if speech is not None:
            self._take(speech, fact)
        elif fact.message_id:
            self._record(Unrouted(self._at_ms(), fact, "unknown_message"))

    # The machine

    def _take(self, speech: WatchedSpeech, event: ev.Event) -> None:
        """Take an event, and whatever it leads to. If a step is under way, it waits its turn."""
        self._waiting.append((speech, event))
        if self._is_stepping:
            return
        self._is_stepping = True
        try:
            while self._waiting:
                self._step(*self._waiting.popleft())
        finally:
            self._is_stepping = False

    def _step(self, speech: WatchedSpeech, event: ev.Event) -> None:
        reply: Reply = speech.machine.send(event)
        self._record(step_of(self._at_ms(), speech.id, event, reply))
        if isinstance(reply, Rejected):
            self._forbid(ForbiddenStep("rejected", speech.id, getattr(event, "message_id", ""), str(reply)))
            return
        if reply.kind == "handled":
            self._report_states(speech)
        for effect in reply.effects:
            self._perform(speech, effect)

    def _perform(self, speech: WatchedSpeech, effect: fx.Effect) -> None:
        if isinstance(effect, fx.TimerEffect):
            self._perform_on_timer(speech, effect)
        elif isinstance(effect, fx.SessionEffect):
            if self._mender is not None:
                session = self._realtime[speech]
                if isinstance(effect, fx.CancelResponse):
                    # The framework cancels what it interrupts, but not what it never took.
                    if speech.handle is None:
                        session.wrapped.interrupt()
                else:
                    self._mender.perform(session.wrapped, self._raw_events[session], effect)
        elif isinstance(effect, fx.CommitMessage):
            speech.commits[effect.message_id] = effect
        elif isinstance(effect, fx.ReportMessageSettled):
            self._on_settled(speech, effect.record)
        elif effect == _SPEAKING:
            if self._output is not None:
                self._output.announce_start()
        elif isinstance(effect, fx.ReportDivergence):
            self._forbid(rules.about_divergence(speech, effect))
        elif isinstance(effect, fx.ReportSpeechDone):
            self.emit("speech_done", speech)
            self._clock.call_later(_WRITING_MS, lambda: self._compare_history(speech))

    def _on_settled(self, speech: WatchedSpeech, record: MessageRecord) -> None:
        self.emit("message_settled", speech, record)
        if not self.mends:
            return
        handle = speech.handle
        if speech.snapshot.cause in ("timed_out", "output_failed", "source_failed") and handle is not None:
            # The framework waits for a report that will not come, or would play on.
            handle.interrupt(force=True)
        if self._output is not None:
            self._output.settle(record)

    def _perform_on_timer(self, speech: WatchedSpeech, effect: fx.TimerEffect) -> None:
        if speech.timer is not None:
            speech.timer.cancel()
            speech.timer = None
        if isinstance(effect, fx.StartTimer):
            fired = ev.TimerFired(effect.timer)
            speech.timer = self._clock.call_later(effect.delay_ms, lambda: self._take(speech, fired))

    def _compare_history(self, speech: WatchedSpeech) -> None:
        """When framework and lifecycle are both done with a speech, compare what they say of it."""
        is_done = speech.handle is None or speech.handle.done()
        if not (speech.is_over and is_done) or speech.history_is_settled or speech.agent is None:
            return
        for step in rules.about_history(speech, speech.agent.chat_ctx, leaves_placeholders=self.mends):
            self._forbid(step)
        if not speech.was_announced and any(record.heard_ms for record in speech.records):
            self._forbid(ForbiddenStep("never_spoke", speech.id, "", "heard, and the agent was not announced"))
        if self._session.agent_state == "speaking" and all(other.is_over for other in self.speeches):
            self._forbid(ForbiddenStep("left_speaking", speech.id, "", "over, and the agent is still speaking"))
        if self._mender is not None:
            self._mender.mend_history(speech.agent, speech)
        speech.history_is_settled = True

    # Small things

    def _report_states(self, speech: WatchedSpeech) -> None:
        for message in speech.snapshot.messages.values():
            old_state = speech.states.get(message.message_id)
            if message.state == old_state:
                continue
            speech.states[message.message_id] = message.state
            record = message.record
            self.emit(
                "message_state_changed",
                MessageStateChanged(
                    speech.id,
                    message.message_id,
                    old_state,
                    message.state,
                    message.position_ms if record is None else record.heard_ms,
                    message.text if record is None else record.heard_text,
                    None if record is None else record.reason,
                ),
            )

    def _forbid(self, step: ForbiddenStep) -> None:
        self.forbidden_steps.append(step)
        logger.warning("%s", step)
        self.emit("forbidden_step", step)

    def _record(self, record: Record) -> None:
        if self._trace is not None:
            self._trace(record)

    def _at_ms(self) -> float:
        now_ms = self._clock.now_ms()
        if self._began_ms is None:
            self._began_ms = now_ms
        return now_ms - self._began_ms

    def _forget_oldest(self) -> None:
        settled = [speech for speech in self.speeches if speech.history_is_settled]
        for speech in settled[:-_KEPT]:
            self.speeches.remove(speech)
            del self._realtime[speech]
            for message_id in speech.snapshot.messages:
                self._by_message.pop(message_id, None)


class _Answers:
    """Takes the answers that the plugin's raw events hold."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch

    def report(self, fact: ev.SessionFact, *, speech_id: str | None = None) -> None:
        self._watch.take_answer(fact)

    def deliver_audio(self, message_id: str, pcm: bytes) -> None:
        raise NotImplementedError("answers hold no audio")

    def user_started_speaking(self) -> None:
        raise NotImplementedError("answers are not about the user")

    def user_stopped_speaking(self) -> None:
        raise NotImplementedError("answers are not about the user")
