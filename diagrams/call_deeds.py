"""What events and effects say of one message of a call."""

from __future__ import annotations

from speech_lifecycle.fsm import effects as fx
from speech_lifecycle.fsm import events as ev

from .call import CallMessage, OutputMark, ServerRequest
from .sounding import begin_to_sound


def note_event(message: CallMessage, event: ev.Event, at_ms: int, *, is_held: bool) -> None:
    """Take over what the server or the output says of a message; `is_held` while the output is to hold its playback."""
    if isinstance(event, ev.SessionTextReceived):
        message.generated_ms = at_ms
        if message.record is None:
            message.texts.append(event.text)
    elif isinstance(event, ev.SessionAudioReceived):
        message.generated_ms = at_ms
        message.received_ms = event.received_ms
    elif isinstance(event, ev.OutputAudioHandedOver):
        message.handed_over_ms = event.handed_over_ms
    elif isinstance(event, ev.OutputPlaybackStarted | ev.OutputPlaybackProgressed):
        if isinstance(event, ev.OutputPlaybackStarted):
            message.output.append(OutputMark(at_ms, "started"))
        # What the output says during a hold is about the time before it.
        if message.record is None and not is_held:
            begin_to_sound(message, event, at_ms)
    elif isinstance(event, ev.OutputPlaybackFinished):
        position_ms = event.position_ms
        is_number = position_ms is not None and abs(position_ms) < float("inf")
        said_ms = int(position_ms) if position_ms is not None and is_number else None
        message.output.append(OutputMark(at_ms, "stopped" if event.interrupted else "finished", said_ms))
    elif isinstance(event, ev.OutputFailed):
        message.output.append(OutputMark(at_ms, "failed"))
    elif isinstance(event, ev.SessionReconciliationAcknowledged | ev.SessionReconciliationRefused):
        _answer(message, event, at_ms)


def note_effect(message: CallMessage, effect: fx.Effect, at_ms: int) -> None:
    """Take over what the server or the output was asked to do with a message, and a divergence."""
    if isinstance(effect, fx.StartHandover):
        message.output.append(OutputMark(at_ms, "handover"))
    elif isinstance(effect, fx.FlushOutput):
        message.output.append(OutputMark(at_ms, "flushed"))
    elif isinstance(effect, fx.ClearOutput):
        message.output.append(OutputMark(at_ms, "cleared"))
    elif isinstance(effect, fx.TruncateMessage):
        message.server.append(ServerRequest("truncate", at_ms, effect.audio_end_ms))
    elif isinstance(effect, fx.ReplaceMessage):
        message.server.append(ServerRequest("replace", at_ms))
    elif isinstance(effect, fx.ReportDivergence):
        message.divergence = effect


def _answer(
    message: CallMessage,
    event: ev.SessionReconciliationAcknowledged | ev.SessionReconciliationRefused,
    at_ms: int,
) -> None:
    for request in message.server:
        if request.operation == event.operation and request.answered_ms is None:
            break
    else:  # it did so by itself
        request = ServerRequest(event.operation, at_ms)
        message.server.append(request)
    request.answered_ms = at_ms
    if isinstance(event, ev.SessionReconciliationRefused):
        request.is_refused, request.detail = True, event.text or event.code
