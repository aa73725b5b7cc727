"""Watch an `AgentSession`: a machine beside each speech, and optionally the repair of what the framework leaves.

    session = AgentSession(llm=WatchedRealtimeModel(openai.realtime.RealtimeModel()))
    watch = watch_session(session, repair=True)
    watch.on("message_state_changed", print)
    await session.start(agent, room=ctx.room)

Nothing of LiveKit is patched. What it tells comes through the wrapped model and its sessions, through a wrapper at
the top of the audio output's chain, and through the session's own events.
"""

from __future__ import annotations

import asyncio
import logging
import warnings
from collections.abc import Callable
from typing import Any, Literal

from livekit import rtc
from livekit.agents import AgentSession, AgentStateChangedEvent, CloseEvent, SpeechCreatedEvent, llm
from livekit.agents.voice import SpeechHandle

from speech_lifecycle.fsm import effects as fx
from speech_lifecycle.fsm import events as ev
from speech_lifecycle.fsm.machine import SpeechMachine
from speech_lifecycle.fsm.replies import Rejected
from speech_lifecycle.fsm.trace import Record
from speech_lifecycle.fsm.values import Capabilities, MessageRecord, Policy

from ...clock import Clock, LoopClock
from ..repair import Repair
from ..watch_events import ForbiddenStep, MessageStateChanged, SpeechStateChanged
from . import rules
from .machines import SpeechMachines
from .model import WatchedRealtimeModel, WatchedRealtimeSession
from .output import WatchedOutput
from .output_watch import OutputWatch
from .session_watch import SessionWatch
from .speech import WatchedSpeech

logger = logging.getLogger(__name__)

WatchEvent = Literal[
    "speech_begun", "speech_state_changed", "message_state_changed", "message_settled", "forbidden_step"
]

_SPEAKING = fx.AnnounceAgentState("speaking")
_WRITING_MS = 250.0
"""How long after a speech the framework may take to write its history and announce the agent's state."""


def watch_session(
    session: AgentSession[Any],
    *,
    repair: bool = False,
    policy: Policy | None = None,
    trace: Callable[[Record], None] | None = None,
    clock: Clock | None = None,
    mend: bool | None = None,
) -> Watch:
    """Watch a session whose `llm` is a WatchedRealtimeModel. Call it before `session.start`.

    Args:
        session: the session.
        repair: also bring server and history in line with what was heard, and end speeches whose output fell silent.
        policy: the machine's time-outs, and whether heard text is estimated where the output reports none.
        trace: is given every record of the trace, such as an open TraceFile.
        clock: the time; the event loop's by default.
        mend: the former name of `repair`; deprecated.

    Raises:
        TypeError: the session's model is not wrapped.
    """
    if mend is not None:
        warnings.warn("watch_session(mend=) is called repair= now", DeprecationWarning, stacklevel=2)
        repair = mend
    model = session.llm
    if not isinstance(model, WatchedRealtimeModel):
        raise TypeError(
            f"the session's llm is {type(model).__name__}: wrap the realtime model, "
            "AgentSession(llm=WatchedRealtimeModel(model)), before it is watched"
        )
    return Watch(session, model, repair=repair, policy=policy, trace=trace, clock=clock)


class Watch(rtc.EventEmitter[WatchEvent]):
    """What goes on in a session, made by `watch_session`.

    Emits `message_state_changed` (MessageStateChanged), `speech_state_changed` (SpeechStateChanged),
    `forbidden_step` (ForbiddenStep), `speech_begun` (WatchedSpeech) and `message_settled` (WatchedSpeech,
    MessageRecord).
    """

    def __init__(
        self,
        session: AgentSession[Any],
        model: WatchedRealtimeModel,
        *,
        repair: bool,
        policy: Policy | None,
        trace: Callable[[Record], None] | None,
        clock: Clock | None,
    ) -> None:
        super().__init__()
        self.forbidden_steps: list[ForbiddenStep] = []
        """All of them, oldest first."""
        self._session = session
        self._policy = policy or Policy()
        self._clock = clock or LoopClock()
        self._repair = Repair() if repair else None
        self._machines = SpeechMachines(self, self._clock, trace)
        self._output_watch = OutputWatch(self._machines, self.notice_interruptions)
        self._session_watch = SessionWatch(self, self._machines, self._output_watch, self._repair)
        self._outputs: list[WatchedOutput] = []
        self._count = 0
        self._announcing: WatchedSpeech | None = None
        model.observer = self._session_watch
        session.on("speech_created", self._on_speech_created)
        session.on("agent_state_changed", self._on_agent_state_changed)
        session.on("close", self._on_close)

    @property
    def repairs(self) -> bool:
        """Whether it brings server and history in line with what was heard."""
        return self._repair is not None

    @property
    def speeches(self) -> list[WatchedSpeech]:
        """Those that are not over, and the latest of those that are, in order of creation."""
        return self._machines.speeches

    # Speeches

    def begin_speech(self, session: WatchedRealtimeSession, event: llm.GenerationCreatedEvent) -> WatchedSpeech:
        """Return a new speech for a response."""
        output = self._wrap_output()
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
            session,
            self._session.current_agent,
            asyncio.get_running_loop().create_future(),
        )
        self._machines.begin(speech)
        self.emit("speech_begun", speech)
        if not event.user_initiated:
            self._announcing = speech
        elif self._session.current_speech is not None:
            self._set_handle(speech, self._session.current_speech)
        return speech

    def _wrap_output(self) -> WatchedOutput | None:
        """Put the wrapper at the top of the session's audio output, if it is not there yet.

        Done before every response, because rooms and consoles set the output when the session starts.
        """
        output = self._session.output.audio
        if output is None:
            return None
        if not isinstance(output, WatchedOutput):
            output = WatchedOutput(output, self._output_watch, decides=self._repair is not None)
            self._session.output.audio = output
            # One that was replaced may still owe the framework a finish.
            self._outputs = [*(old for old in self._outputs if old.is_busy), output]
        return output if self._session.output.audio_enabled else None

    def announced(self, speech: WatchedSpeech) -> None:
        """Note whether the framework took a response of the server's own: one that it dropped is never played."""
        if self._announcing is speech:
            self._announcing = None
            if speech.handle is None:
                self._machines.take(speech, ev.Interrupt(force=True))
        self.notice_interruptions()

    def _set_handle(self, speech: WatchedSpeech, handle: SpeechHandle) -> None:
        speech.handle = handle
        handle.add_done_callback(lambda _: self._on_handle_done(speech))

    def _on_handle_done(self, speech: WatchedSpeech) -> None:
        """LiveKit is done with a speech: what it has not begun to play by now it never will."""
        self.notice_interruptions()
        if speech.snapshot.state == "queued":
            self._machines.take(speech, ev.Interrupt(force=True))
        self._compare_history(speech)

    def notice_interruptions(self) -> None:
        """Tell the machines of speeches that were interrupted by now. LiveKit's handles know; nothing announces it."""
        for speech in self._machines.live():
            if speech.is_interrupted and speech.snapshot.state in ("queued", "waiting", "speaking", "paused"):
                self._machines.take(speech, ev.Interrupt(force=True))

    # The session's events

    def _on_speech_created(self, event: SpeechCreatedEvent) -> None:
        if self._announcing is not None:
            self._set_handle(self._announcing, event.speech_handle)

    def _on_agent_state_changed(self, event: AgentStateChangedEvent) -> None:
        live = list(self._machines.live())
        if event.new_state != "speaking" or not live:
            return
        speech = next((speech for speech in live if speech.snapshot.forwarding_message() is not None), live[0])
        step = rules.about_speaking(speech)
        if step is not None:
            self.forbid(step)
        speech.is_announced = speech.was_announced = True

    def _on_close(self, _: CloseEvent) -> None:
        for speech in self._machines.live():
            self._machines.take(speech, ev.Close())

    # What comes out of the machines

    def state_changed(self, change: MessageStateChanged | SpeechStateChanged) -> None:
        """Tell it."""
        is_of_message = isinstance(change, MessageStateChanged)
        self.emit("message_state_changed" if is_of_message else "speech_state_changed", change)

    def rejected(self, speech: WatchedSpeech, event: ev.Event, reply: Rejected) -> None:
        """Report a violation."""
        self.forbid(ForbiddenStep("rejected", speech.id, getattr(event, "message_id", ""), str(reply)))

    def perform(self, speech: WatchedSpeech, effect: fx.Effect) -> None:
        """Take an effect."""
        if isinstance(effect, fx.SessionEffect):
            self._session_watch.perform(speech, effect)
        elif isinstance(effect, fx.CommitMessage):
            speech.commits[effect.message_id] = effect
        elif isinstance(effect, fx.ReportMessageSettled):
            self._on_settled(speech, effect.record)
        elif isinstance(effect, fx.ReportDivergence):
            self.forbid(rules.about_divergence(speech, effect))
        elif isinstance(effect, fx.ReportSpeechDone):
            self._clock.call_later(_WRITING_MS, lambda: self._compare_history(speech))
        elif effect == _SPEAKING and self._outputs:
            self._outputs[-1].announce_start()

    def _on_settled(self, speech: WatchedSpeech, record: MessageRecord) -> None:
        self.emit("message_settled", speech, record)
        handle = speech.handle
        if self._repair is None:
            return
        if speech.snapshot.cause in ("timed_out", "output_failed", "source_failed") and handle is not None:
            # The framework waits for a report that will not come, or would play on.
            handle.interrupt(force=True)
        for output in self._outputs:
            output.settle(record)

    def _compare_history(self, speech: WatchedSpeech) -> None:
        """When framework and lifecycle are both done with a speech, compare what they say of it."""
        is_done = speech.handle is None or speech.handle.done()
        if not (speech.is_over and is_done) or speech.history_is_settled:
            return
        repairs = self._repair is not None
        for step in rules.about_history(speech, speech.agent.chat_ctx, leaves_placeholders=repairs):
            self.forbid(step)
        if not speech.was_announced and any(record.heard_ms for record in speech.records):
            self.forbid(ForbiddenStep("never_spoke", speech.id, "", "heard, and the agent was not announced"))
        if self._session.agent_state == "speaking" and all(other.is_over for other in self.speeches):
            self.forbid(ForbiddenStep("left_speaking", speech.id, "", "over, and the agent is still speaking"))
        if self._repair is not None:
            self._repair.repair_history(speech)
        speech.history_is_settled = True
        self._session_watch.replay_if_settled(speech.session)

    def forbid(self, step: ForbiddenStep) -> None:
        """Report a forbidden step."""
        self.forbidden_steps.append(step)
        logger.warning("%s", step)
        self.emit("forbidden_step", step)
