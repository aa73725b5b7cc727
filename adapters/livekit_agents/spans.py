"""OpenTelemetry spans of what a watch sees: one for each speech, one within it for each message.

Their states are span events. No text is put into them, because LiveKit leaves conversational content out of what it
sends unless it is told otherwise.
"""

from __future__ import annotations

from livekit.agents.telemetry import tracer as livekit_tracer
from opentelemetry.trace import Span, StatusCode, Tracer, set_span_in_context

from speech_lifecycle.fsm.values import FINAL_SPEECH_STATES, MessageRecord

from .watch import Watch
from .watch.speech import WatchedSpeech
from .watch_events import ForbiddenStep, MessageStateChanged, SpeechStateChanged

_PREFIX = "speech_lifecycle."


class SpeechSpans:
    """Makes spans of a watch's events, beginning with the next speech.

    The spans go where LiveKit's own go (`livekit.agents.telemetry.set_tracer_provider`), or to the tracer given.
    """

    def __init__(self, watch: Watch, tracer: Tracer | None = None) -> None:
        self._tracer = tracer or livekit_tracer
        self._speeches: dict[str, Span] = {}
        self._messages: dict[str, Span] = {}
        watch.on("speech_begun", self._on_speech_begun)
        watch.on("speech_state_changed", self._on_speech_state)
        watch.on("message_state_changed", self._on_message_state)
        watch.on("message_settled", self._on_message_settled)
        watch.on("forbidden_step", self._on_forbidden_step)

    def _on_speech_begun(self, speech: WatchedSpeech) -> None:
        attributes = {_PREFIX + "speech_id": speech.id}
        if speech.response_id:
            attributes[_PREFIX + "response_id"] = speech.response_id
        self._speeches[speech.id] = self._tracer.start_span("speech", attributes=attributes)

    def _on_speech_state(self, change: SpeechStateChanged) -> None:
        span = self._speeches.get(change.speech_id)
        if span is None:
            return
        span.add_event(change.new_state)
        if change.new_state in FINAL_SPEECH_STATES:
            span.set_attribute(_PREFIX + "outcome", change.new_state)
            if change.new_state == "failed":
                span.set_status(StatusCode.ERROR)
            span.end()
            del self._speeches[change.speech_id]

    def _on_message_state(self, change: MessageStateChanged) -> None:
        speech = self._speeches.get(change.speech_id)
        if change.old_state is None and speech is not None:
            self._messages[change.message_id] = self._tracer.start_span(
                "message",
                context=set_span_in_context(speech),
                attributes={_PREFIX + "speech_id": change.speech_id, _PREFIX + "message_id": change.message_id},
            )
        span = self._messages.get(change.message_id)
        if span is not None:
            span.add_event(change.new_state, {_PREFIX + "heard_ms": change.heard_ms})

    def _on_message_settled(self, speech: WatchedSpeech, record: MessageRecord) -> None:
        of_speech = self._speeches.get(speech.id)
        if of_speech is not None:
            # Of what was asked for, it is known only when the server has begun it.
            of_speech.set_attribute(_PREFIX + "response_id", speech.response_id)
        span = self._messages.pop(record.message_id, None)
        if span is not None:
            span.set_attributes(
                {
                    _PREFIX + "state": record.state,
                    _PREFIX + "reason": record.reason,
                    _PREFIX + "heard_ms": record.heard_ms,
                    _PREFIX + "received_ms": record.received_ms,
                    _PREFIX + "heard_text_status": record.heard_text_status,
                }
            )
            span.end()

    def _on_forbidden_step(self, step: ForbiddenStep) -> None:
        """Add it to what is still open. Most come when the speech is over: those get a span without length."""
        attributes = {
            _PREFIX + "rule": step.rule,
            _PREFIX + "speech_id": step.speech_id,
            _PREFIX + "message_id": step.message_id,
        }
        span = self._messages.get(step.message_id, self._speeches.get(step.speech_id))
        if span is not None:
            span.add_event("forbidden_step", attributes)
        else:
            self._tracer.start_span("forbidden_step", attributes=attributes).end()
