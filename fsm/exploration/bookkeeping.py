"""How the ledger is written: by events that were handled, and by effects in the order in which they were given."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from speech_lifecycle.fsm import effects as fx
from speech_lifecycle.fsm import events as ev
from speech_lifecycle.fsm.effects import Effect
from speech_lifecycle.fsm.events import Event
from speech_lifecycle.fsm.exploration.ledger import Entry, Ledger
from speech_lifecycle.fsm.state import Speech
from speech_lifecycle.fsm.values import SETTLED_SPEECH_STATES

ACTIVE_STATES = frozenset({"waiting", "speaking", "paused"})


def usable_ms(position_ms: object) -> int | None:
    """Return a position if it is evidence at all: a finite number, not below 0 (domain, section 7)."""
    if isinstance(position_ms, bool) or not isinstance(position_ms, int | float):
        return None
    return math.floor(position_ms) if 0 <= position_ms < math.inf else None


def note_event(ledger: Ledger, event: Event, speech: Speech) -> None:
    """Write down an event that was handled; `speech` is the snapshot after it."""
    note = _EVENTS.get(type(event))
    if note is not None:
        note(ledger, event, speech)
    if type(event) not in _COMMANDS and type(event) is not ev.TimerFired:
        ledger.facts_since_timer = True


def note_effect(ledger: Ledger, effect: Effect) -> None:
    """Write down an effect."""
    _EFFECTS[type(effect)](ledger, effect)


def note_end_of_step(ledger: Ledger, speech: Speech, has_world: bool) -> None:
    """Write down where the step has ended, and forget what no property will ask for any more.

    If there is a world to be compared with when the speech is over, what was heard is kept.
    """
    if speech.state in SETTLED_SPEECH_STATES:
        ledger.is_settled = True
    if ledger.is_settled or ledger.stopped_by:
        ledger.is_authorized = True
        ledger.facts_since_timer = ledger.has_spoken = ledger.was_heard = False
        if ledger.stopped_by:
            ledger.response_has_failed = False
    if not has_world:
        if ledger.outcome:
            ledger.book = {
                message_id: Entry(message_id, False, settled=entry.settled) for message_id, entry in ledger.book.items()
            }
        elif ledger.is_settled and not ledger.agent_state:
            ledger.agent_state = "listening"


def _note_authorize(ledger: Ledger, event: Any, speech: Speech) -> None:
    ledger.is_authorized = True


def _note_interrupt(ledger: Ledger, event: Any, speech: Speech) -> None:
    _stop(ledger, "interrupted" if ledger.is_authorized else "never_authorized")


def _note_close(ledger: Ledger, event: Any, speech: Speech) -> None:
    _stop(ledger, "closed")


def _note_timer(ledger: Ledger, event: ev.TimerFired, speech: Speech) -> None:
    ledger.timer = ""
    if speech.state not in ACTIVE_STATES:
        _stop(ledger, "timed_out")
    if event.timer == "reconcile":
        ledger.response = "ended"


def _note_output_failed(ledger: Ledger, event: Any, speech: Speech) -> None:
    _stop(ledger, "output_failed")


def _stop(ledger: Ledger, reason: str) -> None:
    if ledger.stopped_by or ledger.is_settled:
        return
    ledger.stopped_by = reason
    begun = ledger.begun
    if begun is not None and not begun.has_audio:
        ledger.change(begun.message_id, shown_text=begun.text)


def _note_lost(ledger: Ledger, event: Any, speech: Speech) -> None:
    _stop(ledger, "source_failed")
    ledger.is_lost = True
    _end_response(ledger)


def _note_created(ledger: Ledger, event: Any, speech: Speech) -> None:
    ledger.response = "generating"


def _note_ended(ledger: Ledger, event: ev.SessionResponseEnded, speech: Speech) -> None:
    ledger.response_has_failed = event.status == "failed"
    _end_response(ledger)


def _end_response(ledger: Ledger) -> None:
    ledger.response = "ended"
    for message_id, entry in ledger.book.items():
        if not entry.settled:
            ledger.change(message_id, source_has_ended=True)


def _note_added(ledger: Ledger, event: ev.SessionMessageAdded, speech: Speech) -> None:
    for message_id, entry in ledger.book.items():
        # A later item is a guess that the one before has ended, and none if that has nothing yet (M5).
        if not entry.settled and (entry.received_ms > 0 if entry.has_audio else entry.text):
            ledger.change(message_id, source_has_ended=True)
    has_audio = "audio" in event.modalities and speech.capabilities.plays_audio
    ledger.book[event.message_id] = Entry(event.message_id, has_audio, source_has_ended=ledger.response == "ended")


def _note_text(ledger: Ledger, event: ev.SessionTextReceived, speech: Speech) -> None:
    ledger.change(event.message_id, text=ledger.book[event.message_id].text + event.text)


def _note_audio(ledger: Ledger, event: ev.SessionAudioReceived, speech: Speech) -> None:
    entry = ledger.book[event.message_id]
    ledger.change(
        event.message_id,
        received_ms=event.received_ms,
        has_audio=entry.has_audio
        or (event.received_ms > 0 and entry.shown_text is None and speech.capabilities.plays_audio),
    )


def _note_message_ended(ledger: Ledger, event: ev.SessionMessageEnded, speech: Speech) -> None:
    ledger.change(event.message_id, source_has_ended=True)


def _note_handed_over(ledger: Ledger, event: ev.OutputAudioHandedOver, speech: Speech) -> None:
    entry = ledger.book[event.message_id]
    # What was never received, or reaches the user as text, cannot have been handed over (T4).
    ledger.change(
        event.message_id, handed_over_ms=min(event.handed_over_ms, entry.received_ms) if entry.has_audio else 0
    )


def _note_started(ledger: Ledger, event: ev.OutputPlaybackStarted, speech: Speech) -> None:
    ledger.was_heard = True
    ledger.change(event.message_id, has_started=True)


def _note_progressed(ledger: Ledger, event: ev.OutputPlaybackProgressed, speech: Speech) -> None:
    entry = ledger.book[event.message_id]
    position_ms = min(usable_ms(event.position_ms) or 0, entry.handed_over_ms)
    ledger.was_heard = ledger.was_heard or position_ms > 0
    ledger.change(event.message_id, position_ms=position_ms)


def _note_finished(ledger: Ledger, event: ev.OutputPlaybackFinished, speech: Speech) -> None:
    entry = ledger.book[event.message_id]
    usable = usable_ms(event.position_ms)
    # An output that measures nothing is taken at its word that it played out what was flushed.
    measured_ms = entry.flushed_ms if usable is None and not event.interrupted else usable
    # A finish at 0 after progress is a gap in the report, not evidence (T14).
    position_ms = min(measured_ms or entry.position_ms, entry.handed_over_ms)
    # After a clear the position decides (H7).
    is_whole = entry.flushed_ms == entry.received_ms > 0 and not entry.is_cleared
    played_out = not event.interrupted and is_whole
    if played_out:
        position_ms = entry.flushed_ms
    ledger.was_heard = ledger.was_heard or entry.has_started or position_ms > 0
    ledger.change(
        event.message_id,
        position_ms=position_ms,
        played_out=played_out,
        transcript=event.transcript,
        flushed_ms=0,
        is_cleared=False,
    )


def _note_answer(ledger: Ledger, event: Any, speech: Speech) -> None:
    ledger.change(event.message_id, is_answered=True)


_COMMANDS: frozenset[type] = frozenset({ev.Authorize, ev.Interrupt, ev.Pause, ev.Resume, ev.Close})
_EVENTS: dict[type, Callable[[Ledger, Any, Speech], None]] = {
    ev.Authorize: _note_authorize,
    ev.Interrupt: _note_interrupt,
    ev.Close: _note_close,
    ev.TimerFired: _note_timer,
    ev.OutputFailed: _note_output_failed,
    ev.SessionLost: _note_lost,
    ev.SessionResponseCreated: _note_created,
    ev.SessionResponseEnded: _note_ended,
    ev.SessionMessageAdded: _note_added,
    ev.SessionTextReceived: _note_text,
    ev.SessionAudioReceived: _note_audio,
    ev.SessionMessageEnded: _note_message_ended,
    ev.OutputAudioHandedOver: _note_handed_over,
    ev.OutputPlaybackStarted: _note_started,
    ev.OutputPlaybackProgressed: _note_progressed,
    ev.OutputPlaybackFinished: _note_finished,
    ev.SessionReconciliationAcknowledged: _note_answer,
    ev.SessionReconciliationRefused: _note_answer,
}


def _note_settled(ledger: Ledger, effect: fx.ReportMessageSettled) -> None:
    record = effect.record
    entry = ledger.book[record.message_id]
    # What the output said of it has been judged by now, and is not asked for again.
    if record.state == "skipped":
        is_memory = record.reason != "no_content" or entry.text or entry.received_ms
        settled = Entry(entry.message_id, entry.has_audio, settled="skipped", is_memory=bool(is_memory))
    elif record.state == "played":
        settled = Entry(
            entry.message_id, entry.has_audio, entry.received_ms, settled="played", heard_text=record.heard_text
        )
    else:
        settled = Entry(
            entry.message_id,
            entry.has_audio,
            entry.received_ms,
            "" if entry.has_audio else entry.text,
            entry.source_has_ended,
            settled="partial",
            heard_ms=record.heard_ms,
            heard_text=record.heard_text,
        )
    ledger.book[record.message_id] = settled


def _note_announced(ledger: Ledger, effect: fx.AnnounceAgentState) -> None:
    ledger.agent_state = effect.state
    if effect.state == "speaking":
        ledger.has_spoken = True


def _note_pause(ledger: Ledger, effect: Any) -> None:
    ledger.is_held = True
    ledger.has_spoken = False


def _note_requests(ledger: Ledger, effect: fx.RemoveMessages) -> None:
    for message_id in effect.message_ids:
        ledger.change(message_id, request="remove")


def _set(name: str, value: Any) -> Callable[[Ledger, Any], None]:
    def note(ledger: Ledger, effect: Any) -> None:
        setattr(ledger, name, value)

    return note


def _set_entry(**parts: Any) -> Callable[[Ledger, Any], None]:
    def note(ledger: Ledger, effect: Any) -> None:
        ledger.change(effect.message_id, **parts)

    return note


def _note_cancel(ledger: Ledger, effect: Any) -> None:
    ledger.cancels += 1


def _note_timer_started(ledger: Ledger, effect: fx.StartTimer) -> None:
    ledger.timer = effect.timer
    ledger.facts_since_timer = False


def _note_flushed(ledger: Ledger, effect: fx.FlushOutput) -> None:
    ledger.change(effect.message_id, flushed_ms=ledger.book[effect.message_id].handed_over_ms)


def _note_done(ledger: Ledger, effect: fx.ReportSpeechDone) -> None:
    ledger.outcome = effect.outcome


_EFFECTS: dict[type, Callable[[Ledger, Any], None]] = {
    fx.StartHandover: _set_entry(is_begun=True),
    fx.FlushOutput: _note_flushed,
    fx.ClearOutput: _set_entry(is_cleared=True),
    fx.PauseOutput: _note_pause,
    fx.ResumeOutput: _set("is_held", False),
    fx.CancelResponse: _note_cancel,
    fx.TruncateMessage: _set_entry(request="truncate"),
    fx.ReplaceMessage: _set_entry(request="replace"),
    fx.RemoveMessages: _note_requests,
    fx.AnnounceAgentState: _note_announced,
    fx.ReportMessageSettled: _note_settled,
    fx.CommitMessage: _set_entry(is_committed=True),
    fx.ReportDivergence: _set_entry(request="diverged"),
    fx.ReportSpeechDone: _note_done,
    fx.StartTimer: _note_timer_started,
    fx.CancelTimer: _set("timer", ""),
}
