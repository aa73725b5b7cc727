"""What the wrapped realtime sessions tell, as facts for the machines (see watched_model.SessionObserver)."""

from __future__ import annotations

import asyncio
from typing import Literal, Protocol

from livekit.agents import llm

from speech_lifecycle.fsm import effects as fx
from speech_lifecycle.fsm import events as ev

from ..openai_events import OpenAIEvents
from ..repair import Repair
from ..watch_events import ForbiddenStep
from . import rules
from .machines import SpeechMachines
from .model import WatchedRealtimeSession
from .output_watch import OutputWatch
from .session_observer import Modalities
from .speech import WatchedSpeech


class Host(Protocol):
    """What it needs of the watch."""

    def begin_speech(self, session: WatchedRealtimeSession, event: llm.GenerationCreatedEvent) -> WatchedSpeech:
        """Return a new speech for a response."""
        ...

    def announced(self, speech: WatchedSpeech) -> None:
        """The framework has heard of the response."""
        ...

    def notice_interruptions(self) -> None:
        """Tell the machines of speeches that were interrupted by now."""
        ...

    def forbid(self, step: ForbiddenStep) -> None:
        """Report a forbidden step."""
        ...


class SessionWatch:
    """One for all realtime sessions that an AgentSession has in turn. With a repair, it also intervenes."""

    def __init__(self, host: Host, machines: SpeechMachines, output: OutputWatch, repair: Repair | None) -> None:
        self._host = host
        self._machines = machines
        self._output = output
        self._repair = repair
        self._raw_events: dict[WatchedRealtimeSession, OpenAIEvents] = {}
        self._lost: set[WatchedRealtimeSession] = set()
        """Those whose server is another one by now, and was not brought in line."""

    def perform(self, speech: WatchedSpeech, effect: fx.SessionEffect) -> None:
        """Do what the lifecycle asks for, if this watch repairs."""
        if self._repair is None:
            return
        if not isinstance(effect, fx.CancelResponse):
            self._repair.perform(speech.session.wrapped, self._raw_events[speech.session], effect)
        elif speech.handle is None:
            # The framework cancels what it interrupts, but not what it never took.
            speech.session.wrapped.interrupt()

    # What the model says

    def generation_created(self, session: WatchedRealtimeSession, event: llm.GenerationCreatedEvent) -> WatchedSpeech:
        """Begin a speech."""
        if session not in self._raw_events:
            self._raw_events[session] = OpenAIEvents(session.wrapped, _Answers(self._machines))
        speech = self._host.begin_speech(session, event)
        self._machines.take(speech, ev.SessionResponseCreated(speech.response_id))
        return speech

    def generation_announced(self, speech: WatchedSpeech) -> None:
        """Note whether the framework took it."""
        self._host.announced(speech)

    def message_added(self, speech: WatchedSpeech, message_id: str, modalities: Modalities) -> None:
        """Report it."""
        named: tuple[Literal["audio", "text"], ...] = ("audio",) if "audio" in modalities else ("text",)
        self._machines.take(speech, ev.SessionMessageAdded(speech.response_id, message_id, named))

    def text_received(self, speech: WatchedSpeech, message_id: str, text: str) -> None:
        """Report it."""
        self._machines.note(speech, ev.SessionTextReceived(message_id, str(text)))

    def audio_received(self, speech: WatchedSpeech, message_id: str, received_ms: float) -> None:
        """Report it."""
        speech.received_ms[message_id] = received_ms
        self._machines.note(speech, ev.SessionAudioReceived(message_id, int(received_ms)))

    def message_ended(self, speech: WatchedSpeech, message_id: str) -> None:
        """Report it."""
        self._machines.take(speech, ev.SessionMessageEnded(message_id))

    def response_ended(self, speech: WatchedSpeech) -> None:
        """Report it, with the status that the server gave."""
        status = self._raw_events[speech.session].take_status(speech.response_id) or "completed"
        self._machines.take(speech, ev.SessionResponseEnded(speech.response_id, status))
        if not speech.response_end.done():
            speech.response_end.set_result(None)

    def remote_item(self, event: llm.RemoteItemAddedEvent) -> llm.RemoteItemAddedEvent:
        """Let it through, without content if the watch repairs."""
        item = event.item
        speech = self._machines.of_message(item.id)
        if speech is not None and speech.record(item.id) is not None and isinstance(item, llm.ChatMessage):
            step = rules.about_replay(speech, item)
            if step is not None:
                self._host.forbid(step)
        return event if self._repair is None else self._repair.placeholder(event)

    def session_lost(self, session: WatchedRealtimeSession) -> None:
        """Report it to every speech."""
        self._lost.add(session)
        for speech in self._machines.live():
            self._machines.take(speech, ev.SessionLost())
        self.replay_if_settled(session)

    def replay_if_settled(self, session: WatchedRealtimeSession) -> None:
        """If the watch repairs, bring a new server in line as soon as the history is what was heard."""
        speeches = [speech for speech in self._machines.speeches if speech.session is session]
        if self._repair is None or session not in self._lost or not session.capabilities.mutable_chat_context:
            return
        if speeches and all(speech.history_is_settled for speech in speeches):
            self._lost.discard(session)
            self._repair.run(self._repair.replay(session.wrapped, self._raw_events[session], speeches[-1].agent))

    # What the framework asks for

    def stream_pulled(self, speech: WatchedSpeech, message_id: str, kind: Literal["text", "audio"]) -> None:
        """The framework plays it: the speech has the floor."""
        if kind == "audio":
            self._output.forward(message_id)
        if speech.snapshot.state == "queued" and not speech.is_interrupted:
            self._machines.take(speech, ev.Authorize())

    def may_cancel(self, session: WatchedRealtimeSession) -> bool:
        """Judge it. If the watch repairs, what was cancelled before is not cancelled again: it might hit the next."""
        self._host.notice_interruptions()
        generating = self._generating(session)
        if generating and all(speech.is_cancelled for speech in generating) and not session.awaits_response:
            self._host.forbid(ForbiddenStep("cancelled_again", generating[-1].id, "", "cancelled once more"))
            return self._repair is None
        for speech in generating:
            speech.is_cancelled = True
        return True

    def may_request(self, session: WatchedRealtimeSession) -> asyncio.Future[None] | None:
        """If the watch repairs, a request waits until the response that was cancelled has ended (C1)."""
        if self._repair is None:
            return None
        return next((speech.response_end for speech in self._generating(session) if speech.is_cancelled), None)

    def may_truncate(self, message_id: str, modalities: Modalities, audio_end_ms: int) -> bool:
        """Judge it. If the lifecycle truncates by itself, the framework's request stays here."""
        speech = self._machines.of_message(message_id)
        if speech is None:
            return True
        if "audio" in modalities:
            step = rules.about_truncation(speech, message_id, audio_end_ms)
            if step is not None:
                self._host.forbid(step)
        if self._repair is None:
            self._raw_events[speech.session].expect("truncate" if "audio" in modalities else "replace", message_id)
        return self._repair is None

    def chat_ctx_for_server(self, session: WatchedRealtimeSession, chat_ctx: llm.ChatContext) -> llm.ChatContext:
        """Judge it, and if the watch repairs, keep it to what was heard."""
        self._host.notice_interruptions()
        speeches = [speech for speech in self._machines.speeches if speech.session is session]
        for speech in speeches:
            if not speech.history_is_settled:
                for step in rules.about_removals(speech, chat_ctx):
                    self._host.forbid(step)
        if self._repair is None:
            return chat_ctx
        can_remove = session.capabilities.mutable_chat_context
        return self._repair.chat_ctx_for_server(speeches, session.chat_ctx, chat_ctx, can_remove=can_remove)

    def chat_ctx_updated(self, session: WatchedRealtimeSession) -> None:
        """Count what the framework removed as done, if the plugin shows no answers."""
        if self._repair is not None:
            return
        left = {item.id for item in session.chat_ctx.items}
        for speech in self._machines.live():
            for operation, message_id in speech.snapshot.awaited:
                if operation == "remove" and message_id not in left:
                    self._machines.take(speech, ev.SessionReconciliationAcknowledged("remove", message_id))

    def _generating(self, session: WatchedRealtimeSession) -> list[WatchedSpeech]:
        return [
            speech
            for speech in self._machines.speeches
            if speech.session is session and not speech.response_end.done() and not speech.snapshot.session_is_lost
        ]


class _Answers:
    """Takes the answers that the plugin's raw events hold."""

    def __init__(self, machines: SpeechMachines) -> None:
        self._machines = machines

    def report(self, fact: ev.SessionFact, *, speech_id: str | None = None) -> None:
        if isinstance(fact, ev.SessionReconciliationAcknowledged | ev.SessionReconciliationRefused):
            speech = self._machines.of_message(fact.message_id)
            if speech is not None:
                self._machines.take(speech, fact)

    def deliver_audio(self, message_id: str, pcm: bytes) -> None:
        raise NotImplementedError("answers hold no audio")

    def user_started_speaking(self) -> None:
        raise NotImplementedError("answers are not about the user")

    def user_stopped_speaking(self) -> None:
        raise NotImplementedError("answers are not about the user")
