"""Watch an `AgentSession`: a machine beside each conversation, and optionally the repair of what the framework leaves.

    session = AgentSession(llm=WatchedRealtimeModel(openai.realtime.RealtimeModel()))
    watch = watch_session(session, repair=True)
    watch.on("message_state_changed", print)
    await session.start(agent, room=ctx.room)

Nothing of LiveKit is patched. Data flows one way: the parts (the wrapped model and its sessions, a wrapper at the top
of the audio output's chain, the session's own events) report facts here; `conversations` steps the machine of each
realtime session; `performing` gives the effects to the parts. No part knows a machine.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Mapping
from typing import Any

from livekit import rtc
from livekit.agents import AgentSession, llm
from msgspec.structs import replace

from speech_lifecycle.fsm import events as ev
from speech_lifecycle.fsm.replies import Ignored
from speech_lifecycle.fsm.trace import Record
from speech_lifecycle.fsm.values import Capabilities, ConversationPolicy, Policy

from ...clock import Clock, LoopClock
from ...default_policy import DEFAULT_POLICY
from ..repair import Repair
from ..response import Response
from ..watch_events import ForbiddenStep
from . import facts
from .conversations import Conversations, WatchedConversation
from .facts import FrameworkFact
from .forwarding import Forwarding
from .framework import Framework
from .gate import Gate, OpenGate
from .judge import Judge
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
        policy: for every speech. By default the text of what was heard in part is estimated where LiveKit has no
            synchronized transcript, and marked as estimated (`Policy.estimate_heard_text`).
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
        clock = clock or LoopClock()
        forwarding = Forwarding()
        self._repair = Repair() if repair else None
        self._framework = Framework(session, self._take)
        self._outputs = Outputs(
            session, self._take, forwarding, decides=repair, at_ms=lambda: self._conversations.at_ms()
        )
        self._judge = Judge(lambda step: self.emit("forbidden_step", step), leaves_placeholders=repair)
        self._performing = Performing(self.emit, clock, self._framework, self._outputs, self._judge, self._repair)
        guarded_trace = None if trace is None else self._safeguard.around("the trace", trace)
        # The framework decides who plays, and what the user's voice does to it.
        of_framework = ConversationPolicy(
            policy or DEFAULT_POLICY, "ignore", authorize_when_free=False, floor_is_given_elsewhere=True
        )
        self._conversations = Conversations(self._performing, clock, of_framework, guarded_trace)
        gate: Gate = OpenGate() if self._repair is None else self._repair
        model.observer = Observer(self._take, gate, forwarding)

    @property
    def repairs(self) -> bool:
        """Whether it brings server and history in line with what was heard."""
        return self._repair is not None

    @property
    def speeches(self) -> list[WatchedSpeech]:
        """Those that are not over, and the latest of those that are, in order of creation."""
        return self._conversations.speeches

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
            self._conversations.take(fact, response)
            return
        for interrupted in self._framework.newly_interrupted():
            self._tell_speech(ev.Interrupt(force=True), interrupted)
        if isinstance(fact, FrameworkFact):
            self._take_of_framework(fact, response)
        elif response is None:
            self._conversations.take(fact, None)
        elif isinstance(fact, ev.SessionResponseCreated):
            if self._conversations.of_response(response) is None:
                self._framework.begin(response)
            self._conversation_of(response).respond(response, fact)
        elif isinstance(fact, ev.Authorize | ev.Interrupt | ev.SessionRequestRefused):
            self._tell_speech(fact, response)
        else:
            self._conversations.take(fact, response)

    def _conversation_of(self, response: Response) -> WatchedConversation:
        """Return the conversation that a response is of; it begins with the first."""
        output, of_model = self._outputs.top(), response.session.capabilities
        capabilities = Capabilities(
            can_truncate=of_model.message_truncation,
            can_remove=of_model.mutable_chat_context,
            plays_audio=output is not None,
            can_pause=output is not None and output.can_pause,
            shows_text=output is None or self._framework.shows_text,
        )
        return self._conversations.begin(response.session, capabilities)

    def _tell_speech(self, event: ev.Authorize | ev.Interrupt | ev.SessionRequestRefused, response: Response) -> None:
        """Have the speech that plays a response take an event that names it."""
        speech = self._conversations.of_response(response)
        if speech is not None:
            self._conversations.take(replace(event, speech_id=speech.id), response)

    def _take_of_framework(self, fact: FrameworkFact, response: Response | None) -> None:
        """Judge what the framework did, and tell the machines what follows from it."""
        if isinstance(fact, facts.FlushRequested):
            self._conversations.take_noted(fact.message_id)
        elif isinstance(fact, facts.AgentSpoke):
            self._take_agent_spoke()
        elif isinstance(fact, facts.CancelRequested):
            self._take_cancel(fact)
        elif isinstance(fact, facts.TruncationRequested):
            of_message = self._conversations.of_message(fact.message_id)
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
            self._take_connection_lost(fact)
        elif isinstance(fact, facts.SessionClosed):
            self._conversations.end(fact.session)
        elif response is not None:
            self._take_of_response(fact, response)

    def _take_of_response(self, fact: FrameworkFact, response: Response) -> None:
        if isinstance(fact, facts.ResponseRequested):
            self._framework.begin(response)
            self._conversation_of(response).request(response)
        elif isinstance(fact, facts.ResponseAnnounced):
            if self._framework.has_dropped(response):
                self._tell_speech(ev.Interrupt(force=True), response)
        elif isinstance(fact, facts.SpeechHandleDone):
            self._take_handle_done(response)

    def _take_handle_done(self, response: Response) -> None:
        """LiveKit is done with a speech: what it has not begun to play by now it never will."""
        if not response.was_pulled:
            self._tell_speech(ev.Interrupt(force=True), response)
        speech = self._conversations.of_response(response)
        if speech is not None:
            self._performing.settle_history(speech)

    def _take_agent_spoke(self) -> None:
        live = list(self._conversations.live())
        if live:
            has_floor = (speech for speech in live if speech.snapshot.forwarding_message() is not None)
            self._judge.speaking(next(has_floor, live[0]))

    def _take_cancel(self, fact: facts.CancelRequested) -> None:
        conversation = self._conversations.of_session(fact.session)
        if conversation is None:
            return
        reply = conversation.take(ev.CancelGeneration())
        if isinstance(reply, Ignored) and not fact.may_be_for_a_request:
            self._judge.cancel(fact.session, reply.reason)
        else:
            self._judge.cancel(fact.session, "")

    def _take_context_updated(self, session: llm.RealtimeSession[Any]) -> None:
        """What the framework removed is done. The repair gets the answers to its own requests."""
        if self._repair is not None:
            return
        left = {item.id for item in session.chat_ctx.items}
        for speech in self._conversations.live():
            for message_id, operation in list(speech.snapshot.awaited.items()):
                if operation == "remove" and message_id not in left:
                    self._conversations.take(ev.SessionReconciliationAcknowledged("remove", message_id), None)

    def _take_item(self, item: llm.ChatItem) -> None:
        speech = self._conversations.of_message(item.id)
        if speech is not None and speech.record(item.id) is not None and isinstance(item, llm.ChatMessage):
            self._judge.replay(speech, item)

    def _take_connection_lost(self, fact: facts.ConnectionLost) -> None:
        conversation = self._conversations.of_session(fact.session)
        if conversation is None:
            return
        if not fact.is_replaced:
            conversation.take(ev.SessionLost())
        elif fact.took_a_response:
            conversation.take(ev.SessionLost(may_resume=True))
            conversation.take(ev.SessionResumed())
        elif self._repair is not None:
            # To the lifecycle the server has kept the conversation. It has texts, and of what was cut the whole.
            self._repair.restore(fact.session)

    def _of_session(self, session: llm.RealtimeSession[Any]) -> list[WatchedSpeech]:
        return [speech for speech in self._conversations.speeches if speech.response.session is session]
