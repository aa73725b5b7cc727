"""Watch an `AgentSession`: a machine beside each speech, and optionally the repair of what the framework leaves.

    session = AgentSession(llm=WatchedRealtimeModel(openai.realtime.RealtimeModel()))
    watch = watch_session(session, repair=True)
    watch.on("message_state_changed", print)
    await session.start(agent, room=ctx.room)

Nothing of LiveKit is patched. Data flows one way: the parts (the wrapped model and its sessions, a wrapper at the top
of the audio output's chain, the session's own events) report facts here; `machines` steps the machines; `performing`
gives their effects to the parts. No part knows a machine.
"""

from __future__ import annotations

import inspect
import itertools
import warnings
from collections.abc import Callable, Mapping
from typing import Any

from livekit import rtc
from livekit.agents import AgentSession, llm

from speech_lifecycle.fsm import events as ev
from speech_lifecycle.fsm.machine import SpeechMachine
from speech_lifecycle.fsm.trace import Record
from speech_lifecycle.fsm.values import Capabilities, Policy

from ...clock import Clock, LoopClock
from ..repair import Repair
from ..response import Response
from ..watch_events import ForbiddenStep
from . import facts
from .facts import FrameworkFact
from .forwarding import Forwarding
from .framework import Framework
from .gate import Gate, OpenGate
from .judge import Judge
from .machines import SpeechMachines
from .model import WatchedRealtimeModel
from .observer import Observer
from .output import Outputs
from .performing import Performing, WatchEvent
from .safeguard import Safeguard
from .speech import Accrual, WatchedSpeech


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
        trace: is given every record of the trace, such as an open TraceFile. If it raises, the watch goes on.
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
    `forbidden_step` (ForbiddenStep), `speech_begun` (WatchedSpeech), `message_settled` (WatchedSpeech, MessageRecord)
    and `embedder_failed` (EmbedderFailed). A listener that raises does no harm: it is logged once, counted in
    `failures`, and told.
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
        self._safeguard = Safeguard(lambda failure: self.emit("embedder_failed", failure))
        self._guarded: dict[tuple[WatchEvent, Callable[..., Any]], Callable[..., Any]] = {}
        self._policy = policy or Policy()
        self._numbers = itertools.count(1)
        clock = clock or LoopClock()
        forwarding = Forwarding()
        self._repair = Repair() if repair else None
        self._framework = Framework(session, self._take)
        self._outputs = Outputs(session, self._take, forwarding, decides=repair)
        self._judge = Judge(lambda step: self.emit("forbidden_step", step), leaves_placeholders=repair)
        self._performing = Performing(self.emit, clock, self._framework, self._outputs, self._judge, self._repair)
        guarded_trace = None if trace is None else self._safeguard.around("the trace", trace)
        self._machines = SpeechMachines(self._performing, clock, guarded_trace)
        gate: Gate = OpenGate() if self._repair is None else self._repair
        model.observer = Observer(self._take, gate, forwarding)

    @property
    def repairs(self) -> bool:
        """Whether it brings server and history in line with what was heard."""
        return self._repair is not None

    @property
    def speeches(self) -> list[WatchedSpeech]:
        """Those that are not over, and the latest of those that are, in order of creation."""
        return self._machines.speeches

    @property
    def forbidden_steps(self) -> list[ForbiddenStep]:
        """All of them, oldest first."""
        return self._judge.forbidden_steps

    @property
    def failures(self) -> Mapping[str, int]:
        """How often listeners and the trace raised, by the place in the embedder's code."""
        return self._safeguard.failures

    # For listeners

    def on(self, event: WatchEvent, callback: Callable[..., Any] | None = None) -> Callable[..., Any]:
        """Have `callback` called with the values of an event; without it, return a decorator.

        Raises:
            ValueError: the callback is a coroutine function.
        """
        if callback is None or inspect.iscoroutinefunction(callback):
            return super().on(event, callback)
        if (event, callback) not in self._guarded:
            guarded = self._safeguard.around(f"a listener of {event}", callback)
            self._guarded[event, callback] = super().on(event, guarded)
        return callback

    def off(self, event: WatchEvent, callback: Callable[..., Any]) -> None:
        """Call `callback` no more."""
        super().off(event, self._guarded.pop((event, callback), callback))

    # What the parts report

    def _take(self, fact: ev.Event | FrameworkFact, response: Response | None = None) -> None:
        """Take a fact of a part."""
        if isinstance(fact, Accrual):
            self._machines.route(fact, response)
            return
        for interrupted in self._framework.newly_interrupted():
            self._machines.route(ev.Interrupt(force=True), interrupted)
        if isinstance(fact, ev.SessionResponseCreated) and response is not None:
            self._begin(response)
        if isinstance(fact, FrameworkFact):
            self._take_of_framework(fact, response)
        else:
            self._machines.route(fact, response)

    def _begin(self, response: Response) -> None:
        """Begin a speech for a response."""
        self._framework.begin(response)
        output, of_model = self._outputs.top(), response.session.capabilities
        capabilities = Capabilities(
            can_truncate=of_model.message_truncation,
            can_remove=of_model.mutable_chat_context,
            plays_audio=output is not None,
            can_pause=output is not None and output.can_pause,
        )
        speech = WatchedSpeech(f"speech_{next(self._numbers)}", SpeechMachine(capabilities, self._policy), response)
        self._machines.begin(speech)
        self._performing.begin(speech)

    def _take_of_framework(self, fact: FrameworkFact, response: Response | None) -> None:
        """Judge what the framework did, and tell the machines what follows from it."""
        speech = self._machines.of_response(response) if response is not None else None
        if isinstance(fact, facts.ResponseAnnounced):
            if speech is not None and self._framework.has_dropped(speech.response):
                self._machines.take(speech, ev.Interrupt(force=True))
        elif isinstance(fact, facts.SpeechHandleDone):
            if speech is not None:
                self._take_handle_done(speech)
        elif isinstance(fact, facts.FlushRequested):
            self._machines.take_noted(fact.message_id)
        elif isinstance(fact, facts.AgentSpoke):
            self._take_agent_spoke()
        elif isinstance(fact, facts.CancelRequested):
            if fact.again and speech is not None:
                self._judge.cancel(speech)
        elif isinstance(fact, facts.TruncationRequested):
            of_message = self._machines.of_message(fact.message_id)
            if of_message is not None and "audio" in fact.modalities:
                self._judge.truncation(of_message, fact)
        elif isinstance(fact, facts.ContextRequested):
            for each in self._of_session(fact.session):
                if not each.history_is_settled:
                    self._judge.removals(each, fact.chat_ctx)
        elif isinstance(fact, facts.ContextUpdated):
            self._take_context_updated(fact.session)
        elif isinstance(fact, facts.ItemAppeared):
            self._take_item(fact.item)
        elif isinstance(fact, facts.ConnectionLost):
            self._take_connection_lost(fact.session)

    def _take_handle_done(self, speech: WatchedSpeech) -> None:
        """LiveKit is done with a speech: what it has not begun to play by now it never will."""
        if not speech.response.was_pulled:
            self._machines.take(speech, ev.Interrupt(force=True))
        self._performing.settle_history(speech)

    def _take_agent_spoke(self) -> None:
        live = list(self._machines.live())
        if live:
            has_floor = (speech for speech in live if speech.snapshot.forwarding_message() is not None)
            self._judge.speaking(next(has_floor, live[0]))

    def _take_context_updated(self, session: llm.RealtimeSession[Any]) -> None:
        """What the framework removed is done. The repair gets the answers to its own requests."""
        if self._repair is not None:
            return
        left = {item.id for item in session.chat_ctx.items}
        for speech in self._machines.live():
            for message_id, operation in list(speech.snapshot.awaited.items()):
                if operation == "remove" and message_id not in left:
                    self._machines.take(speech, ev.SessionReconciliationAcknowledged("remove", message_id))

    def _take_item(self, item: llm.ChatItem) -> None:
        speech = self._machines.of_message(item.id)
        if speech is not None and speech.record(item.id) is not None and isinstance(item, llm.ChatMessage):
            self._judge.replay(speech, item)

    def _take_connection_lost(self, session: llm.RealtimeSession[Any]) -> None:
        for speech in self._of_session(session):
            if not speech.is_over:
                self._machines.take(speech, ev.SessionLost())
        if self._repair is not None:
            self._repair.note_lost(session)

    def _of_session(self, session: llm.RealtimeSession[Any]) -> list[WatchedSpeech]:
        return [speech for speech in self._machines.speeches if speech.response.session is session]
