"""How the ledger is written: by events that were handled, and by effects in the order in which they were given."""

from __future__ import annotations

import math

from speech_lifecycle.fsm import effects as fx
from speech_lifecycle.fsm import events as ev
from speech_lifecycle.fsm.effects import Effect
from speech_lifecycle.fsm.events import Event
from speech_lifecycle.fsm.state import Speech
from speech_lifecycle.fsm.values import SETTLED_SPEECH_STATES, MessageRecord

from .ledger import Entry, Ledger

ACTIVE_STATES = frozenset({"waiting", "speaking", "paused"})


def note_event(ledger: Ledger, event: Event, speech: Speech) -> None:
    """Write down an event that was handled; `speech` is the snapshot after it."""
    if type(event) in _ABOUT_MESSAGES:
        _note_message_event(ledger, ledger.book[event.message_id], event, speech)  # type: ignore[union-attr]
    elif type(event) is ev.Authorize:
        ledger.is_authorized = True
    elif type(event) is ev.Interrupt:
        _stop(ledger, "interrupted" if ledger.is_authorized else "never_authorized")
    elif type(event) is ev.Close:
        _stop(ledger, "closed")
    elif type(event) is ev.TimerFired:
        ledger.timer = ""
        if speech.state not in ACTIVE_STATES:
            _stop(ledger, "timed_out")
        if event.timer == "reconcile":
            ledger.response = "ended"
            ledger.is_lost = ledger.is_lost or ledger.may_resume
            ledger.may_resume = False
    elif type(event) is ev.SessionResponseCreated:
        ledger.response = "generating"
        ledger.is_out_of_band = event.is_out_of_band
    elif type(event) is ev.SessionResponseEnded:
        ledger.response_has_failed = event.status == "failed"
        _end_response(ledger)
    elif type(event) is ev.SessionLost:
        _lose(ledger, event)
    elif type(event) is ev.SessionResumed:
        ledger.may_resume = False
        if event.conversation_kept:
            # What was asked and not confirmed is asked again.
            for entry in ledger.book.values():
                if not entry.is_answered and entry.request != "diverged":
                    entry.request = ""
        else:
            ledger.is_lost = True
    elif type(event) is ev.SessionRequestRefused:
        _stop(ledger, "source_failed")
        _end_response(ledger)
    elif type(event) is ev.DropRequest:
        _end_response(ledger)
    elif type(event) is ev.SessionItemAdded:
        _end_those_with_content(ledger)
    elif type(event) is ev.SessionMessageAdded:
        _add(ledger, event, speech)
    if type(event) not in _NO_FACTS:
        ledger.facts_since_timer = True


_NO_FACTS = {ev.Authorize, ev.Interrupt, ev.Pause, ev.Resume, ev.Close, ev.CancelGeneration, ev.TimerFired}
_ANSWERS = (ev.SessionReconciliationAcknowledged, ev.SessionReconciliationRefused)
_ABOUT_MESSAGES = {*ev.MESSAGE_EVENT_TYPES, *_ANSWERS} - {ev.SessionMessageAdded}


def _note_message_event(ledger: Ledger, entry: Entry, event: Event, speech: Speech) -> None:
    if type(event) is ev.SessionTextReceived and entry.settled:
        _note_late_content(entry, (not entry.has_audio or not entry.is_memory) and event.text != "")
    elif type(event) is ev.SessionAudioReceived and entry.settled:
        _note_late_content(entry, (entry.has_audio or not entry.is_memory) and event.received_ms > entry.received_ms)
    elif type(event) is ev.SessionTextReceived:
        entry.text += event.text
    elif type(event) is ev.SessionAudioReceived:
        entry.received_ms = event.received_ms
        was_shown = entry.is_begun and not entry.has_audio and entry.text and speech.capabilities.shows_text
        if event.received_ms > 0 and speech.capabilities.plays_audio and not was_shown:
            entry.has_audio = True
    elif type(event) is ev.SessionMessageEnded:
        entry.source_has_ended = True
    elif type(event) is ev.OutputAudioHandedOver:
        # What was never received, or reaches the user as text, cannot have been handed over (T4).
        entry.handed_over_ms = min(event.handed_over_ms, entry.received_ms) if entry.has_audio else 0
    elif type(event) is ev.OutputPlaybackStarted:
        entry.has_started = True
    elif type(event) is ev.OutputPlaybackProgressed:
        entry.position_ms = min(_usable_ms(event.position_ms) or entry.position_ms, entry.handed_over_ms)
    elif type(event) is ev.OutputPlaybackFinished:
        _finish(entry, event)
    elif type(event) is ev.OutputFailed:
        _stop(ledger, "output_failed")
    else:
        entry.is_answered = True
    ledger.was_heard = ledger.was_heard or entry.has_started or entry.position_ms > 0


def _lose(ledger: Ledger, event: ev.SessionLost) -> None:
    """A server that may have kept what it was not told to forget, or has not confirmed, is asked if it comes back."""
    has_grown = any(entry.is_outgrown for entry in ledger.book.values())
    is_open = ledger.is_owed_answers or has_grown if ledger.is_settled else bool(ledger.book)
    ledger.may_resume = event.may_resume and is_open and not ledger.is_out_of_band
    ledger.is_lost = not ledger.may_resume
    _stop(ledger, "source_failed")
    _end_response(ledger)


def _note_late_content(entry: Entry, is_more: bool) -> None:
    if is_more and (entry.was_heard_whole or not entry.is_memory):
        entry.is_outgrown = True


def _stop(ledger: Ledger, reason: str) -> None:
    if ledger.stopped_by or ledger.is_settled:
        return
    ledger.stopped_by = reason
    begun = ledger.begun
    if begun is not None and not begun.has_audio:
        begun.shown_text = begun.text


def _end_response(ledger: Ledger) -> None:
    ledger.response = "ended"
    for entry in ledger.book.values():
        if not entry.settled:
            entry.source_has_ended = True


def _end_those_with_content(ledger: Ledger) -> None:
    """Note that a later item has begun: a guess that those before have ended, unless they have nothing yet (M5)."""
    for entry in ledger.book.values():
        if not entry.settled and (entry.received_ms > 0 if entry.has_audio else entry.text):
            entry.source_has_ended = True


def _add(ledger: Ledger, event: ev.SessionMessageAdded, speech: Speech) -> None:
    _end_those_with_content(ledger)
    has_audio = "audio" in event.modalities and speech.capabilities.plays_audio
    ledger.book[event.message_id] = Entry(event.message_id, has_audio, source_has_ended=ledger.response == "ended")


def _finish(entry: Entry, event: ev.OutputPlaybackFinished) -> None:
    usable = _usable_ms(event.position_ms)
    # An output that measures nothing is taken at its word that it played out what was flushed.
    measured_ms = entry.flushed_ms if usable is None and not event.interrupted else usable
    # A position of 0 after progress is a gap in the report, not evidence (T14).
    entry.position_ms = min(measured_ms or entry.position_ms, entry.handed_over_ms)
    # After a clear the position decides (H7).
    is_whole = entry.flushed_ms == entry.received_ms > 0 and not entry.is_cleared
    entry.played_out = is_whole and not event.interrupted
    if entry.played_out:
        entry.position_ms = entry.flushed_ms
    entry.transcript = event.transcript
    entry.flushed_ms = 0
    entry.is_cleared = False


def _usable_ms(position_ms: object) -> int | None:
    """Return a position if it is evidence at all: a finite number, not below 0 (spec, section 7)."""
    if isinstance(position_ms, bool) or not isinstance(position_ms, int | float):
        return None
    return math.floor(position_ms) if 0 <= position_ms < math.inf else None


def note_effect(ledger: Ledger, effect: Effect) -> None:
    """Write down an effect."""
    if type(effect) is fx.ReportMessageSettled:
        _settle(ledger, effect.record)
    elif type(effect) is fx.StartTimer:
        ledger.timer = effect.timer
        ledger.facts_since_timer = False
    elif type(effect) is fx.CancelTimer:
        ledger.timer = ""
    elif type(effect) is fx.CommitMessage:
        ledger.book[effect.message_id].is_committed = True
    elif type(effect) is fx.AnnounceAgentState:
        ledger.agent_state = effect.state
        if effect.state == "speaking":
            ledger.has_spoken = True
    elif type(effect) is fx.StartHandover:
        ledger.book[effect.message_id].is_begun = True
    elif type(effect) is fx.FlushOutput:
        entry = ledger.book[effect.message_id]
        entry.flushed_ms = entry.handed_over_ms
    elif type(effect) is fx.ClearOutput:
        ledger.book[effect.message_id].is_cleared = True
    elif type(effect) is fx.PauseOutput:
        ledger.is_held = True
        ledger.has_spoken = False
    elif type(effect) is fx.ResumeOutput:
        ledger.is_held = False
    elif type(effect) is fx.CancelResponse:
        ledger.cancels += 1
    elif type(effect) is fx.TruncateMessage:
        ledger.book[effect.message_id].request = "truncate"
    elif type(effect) is fx.ReplaceMessage:
        ledger.book[effect.message_id].request = "replace"
    elif type(effect) is fx.RemoveMessages:
        for message_id in effect.message_ids:
            ledger.book[message_id].request = "remove"
    elif type(effect) is fx.ReportDivergence:
        ledger.book[effect.message_id].request = "diverged"
    elif type(effect) is fx.ReportSpeechDone:
        ledger.outcome = effect.outcome


def _settle(ledger: Ledger, record: MessageRecord) -> None:
    entry = ledger.book[record.message_id]
    # What the output said of it has been judged by now, and is not asked for again.
    settled = Entry(entry.message_id, entry.has_audio, settled=record.state)
    if record.state == "skipped":
        settled.is_memory = record.reason != "no_content" or bool(entry.text or entry.received_ms)
    else:
        settled.received_ms = entry.received_ms
        settled.heard_ms = record.heard_ms
        settled.heard_text = record.heard_text
    if record.state == "partial":
        settled.text = "" if entry.has_audio else entry.text
        settled.source_has_ended = entry.source_has_ended
    ledger.book[record.message_id] = settled


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
