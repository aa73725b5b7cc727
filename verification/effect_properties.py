"""What must hold whenever an effect is given."""

from __future__ import annotations

from speech_lifecycle.fsm import effects as fx
from speech_lifecycle.fsm import events as ev

from . import expected
from .bookkeeping import ACTIVE_STATES
from .ledger import Ledger
from .property import Complaint, StepTaken, of_effects

_NEVER_AFTER_THE_END = tuple(
    effect_type
    for effect_type in fx.EFFECT_TYPES
    if effect_type not in (fx.RemoveMessages, fx.ReportMessageSettled, fx.ReportDivergence)
)
_DELAYS = {
    "stall": "stall_timeout_ms",
    "playout": "playout_margin_ms",
    "stop": "stop_timeout_ms",
    "reconcile": "reconcile_timeout_ms",
}


@of_effects("9.2", fx.StartHandover)
def nothing_starts_after_a_stop(ledger: Ledger, effect: fx.StartHandover, step: StepTaken) -> Complaint:
    """Section 9.2: after an interruption no further message starts forwarding."""
    return f"{effect.message_id} starts, but the speech is {ledger.stopped_by}" if ledger.stopped_by else None


@of_effects("2.1", fx.StartHandover)
def one_after_the_other(ledger: Ledger, effect: fx.StartHandover, step: StepTaken) -> Complaint:
    """Sections 2.1 and 9.1: a message starts when it is the first that is not final, and with the floor (M1, M8)."""
    if not ledger.is_authorized:
        return f"{effect.message_id} starts without the floor"
    first = ledger.first_open
    if first is None or effect.message_id != first.message_id:
        return f"{effect.message_id} starts, but it is the turn of {first.message_id if first else 'nobody'}"
    return f"{effect.message_id} starts twice" if first.is_begun else None


@of_effects("4", fx.StartHandover, fx.PauseOutput, fx.ResumeOutput, fx.ReportSpeechDone)
def a_hold_is_kept(ledger: Ledger, effect: fx.Effect, step: StepTaken) -> Complaint:
    """Sections 4 and 6: nothing starts while it is held, and a hold is ended once, before the speech is over."""
    if isinstance(effect, fx.ResumeOutput):
        return None if ledger.is_held else "the output is resumed, but it is not held"
    return f"{type(effect).__name__} while the output is held" if ledger.is_held else None


@of_effects("9.4", fx.FlushOutput)
def one_flush(ledger: Ledger, effect: fx.FlushOutput, step: StepTaken) -> Complaint:
    """Section 9.4: at most one flush is outstanding, of the message that the output has, and of all of it."""
    waiting = [entry.message_id for entry in ledger.book.values() if entry.flushed_ms or entry.is_cleared]
    if waiting:
        return f"{effect.message_id} is flushed, but {waiting[0]} has not been reported yet"
    entry = ledger.book[effect.message_id]
    if not entry.is_begun or not entry.source_has_ended or entry.handed_over_ms < entry.received_ms:
        return f"{effect.message_id} is flushed, but not all of it is handed over"
    return None


@of_effects("9.4", fx.ClearOutput)
def one_clear(ledger: Ledger, effect: fx.ClearOutput, step: StepTaken) -> Complaint:
    """Section 9.4: at most one clear is outstanding, of the message that the output has, to stop the speech."""
    if any(entry.is_cleared for entry in ledger.book.values()):
        return f"{effect.message_id} is cleared twice"
    if not ledger.book[effect.message_id].is_begun:
        return f"{effect.message_id} is cleared, but the output does not have it"
    return None if ledger.stopped_by else f"{effect.message_id} is cleared, but nothing stops the speech"


@of_effects("6", fx.ResumeOutput)
def clear_before_resume(ledger: Ledger, effect: fx.ResumeOutput, step: StepTaken) -> Complaint:
    """Section 6: clear comes before resume (P1)."""
    begun = ledger.begun
    if ledger.stopped_by and begun is not None and begun.handed_over_ms > 0 and not begun.is_cleared:
        return f"the output is resumed before {begun.message_id} is cleared"
    return None


@of_effects("9.9", fx.AnnounceAgentState)
def speaking_is_heard_and_said_once(ledger: Ledger, effect: fx.AnnounceAgentState, step: StepTaken) -> Complaint:
    """Section 9.9: "speaking" is announced after something was heard, and once, unless paused in between (P2)."""
    if effect.state == ledger.agent_state:
        return f"{effect.state} is announced again"
    if effect.state != "speaking":
        return None
    if ledger.stopped_by:
        return "speaking is announced, but the speech is being stopped"
    if not ledger.was_heard:
        return "speaking is announced, but nothing was heard"
    return "speaking is announced twice" if ledger.has_spoken else None


@of_effects("2.4", fx.AnnounceAgentState)
def silence_has_its_reason(ledger: Ledger, effect: fx.AnnounceAgentState, step: StepTaken) -> Complaint:
    """Sections 2.4 and 4: "thinking" until the first frame is heard; "listening" when it is held or over."""
    if effect.state == "thinking":
        return "thinking is announced, but it was heard already" if ledger.was_heard else None
    if effect.state == "listening" and not ledger.is_held and step.speech.state in ACTIVE_STATES:
        return "listening is announced, but the speech goes on"
    return None


@of_effects("9.10", fx.CancelResponse)
def cancels_while_generating(ledger: Ledger, effect: fx.CancelResponse, step: StepTaken) -> Complaint:
    """Section 9.10: cancel names the response, while it generates, at most once, and for a reason (C2 to C4)."""
    if ledger.cancels:
        return "the response is cancelled twice"
    if ledger.response != "generating":
        return f"cancelled, but the response is {ledger.response or 'not there'}"
    if effect.response_id != step.speech.response_id:
        return f"{effect.response_id} is cancelled, it is {step.speech.response_id}"
    if ledger.stopped_by or isinstance(step.event, ev.CancelGeneration):
        return None
    return "the response is cancelled, but nothing stops the speech, and nobody asked for it"


@of_effects("9.5", fx.TruncateMessage)
def truncates_only_unheard(ledger: Ledger, effect: fx.TruncateMessage, step: StepTaken) -> Complaint:
    """Section 9.5: only what is partial, or was played before more came; once, where it was cut (T1 to T5, T15)."""
    entry = ledger.book[effect.message_id]
    if not (entry.settled == "partial" or entry.is_outgrown) or not entry.has_audio:
        return f"{effect.message_id} is truncated, but it is {entry.settled or 'not final'}"
    if entry.request:
        return f"{effect.message_id} is truncated after {entry.request}"
    if not 1 <= effect.audio_end_ms <= entry.received_ms:
        return f"truncated at {effect.audio_end_ms} ms of {entry.received_ms}"
    at_ms = expected.kept_ms_of(entry)
    return None if effect.audio_end_ms == at_ms else f"truncated at {effect.audio_end_ms} ms, heard {at_ms}"


@of_effects("9.6", fx.RemoveMessages)
def removes_only_unheard(ledger: Ledger, effect: fx.RemoveMessages, step: StepTaken) -> Complaint:
    """Section 9.6: only messages of which nothing was heard, in one request but for what came late."""
    if not effect.message_ids:
        return "a removal of nothing"
    removals = [each for each in step.effects if isinstance(each, fx.RemoveMessages)]
    if sum(not all(ledger.book[each].is_outgrown for each in removal.message_ids) for removal in removals) > 1:
        return "two removals in one step"
    for message_id in effect.message_ids:
        entry = ledger.book[message_id]
        if entry.settled != "skipped" and not (entry.settled == "partial" and entry.has_audio and not entry.heard_ms):
            return f"{message_id} is removed, but it is {entry.settled or 'not final'}"
        if entry.request:
            return f"{message_id} is removed after {entry.request}"
    return None


@of_effects("9.3", fx.ReportMessageSettled)
def settled_once(ledger: Ledger, effect: fx.ReportMessageSettled, step: StepTaken) -> Complaint:
    """Sections 9.1 and 9.3: each announced message becomes final exactly once, in the order of announcement."""
    message_id = effect.record.message_id
    if ledger.book[message_id].settled:
        return f"{message_id} settles twice"
    first = ledger.first_open
    if first is None or first.message_id == message_id:
        return None
    return f"{message_id} settles before {first.message_id}"


@of_effects("7", fx.ReportMessageSettled)
def settled_by_the_evidence(ledger: Ledger, effect: fx.ReportMessageSettled, step: StepTaken) -> Complaint:
    """Section 7: end state, position and amounts are those that the output's own reports give."""
    record = effect.record
    entry = ledger.book[record.message_id]
    state = expected.state_of(entry, ledger, step.speech)
    if record.state != state:
        return f"{record.message_id} is {record.state}, by the evidence it is {state}"
    heard_ms = expected.heard_ms_of(entry, state)
    if record.heard_ms != heard_ms:
        return f"{record.message_id} was heard for {record.heard_ms} ms, by the evidence {heard_ms}"
    if (record.received_ms, record.generated_text) != (entry.received_ms, entry.text):
        return f"the record of {record.message_id} says something else was received"
    return None


@of_effects("7", fx.ReportMessageSettled)
def heard_text_has_its_status(ledger: Ledger, effect: fx.ReportMessageSettled, step: StepTaken) -> Complaint:
    """Section 7: the heard text is what the output or the policy gives, and says how it is known (H1 to H3, H10)."""
    record, policy = effect.record, step.speech.policy
    wanted = expected.heard_text_of(ledger.book[record.message_id], record.state, policy)
    given = (record.heard_text, record.heard_text_status)
    return None if given == wanted else f"heard text of {record.message_id} is {given}, it should be {wanted}"


@of_effects("3", fx.ReportMessageSettled)
def reason_is_true(ledger: Ledger, effect: fx.ReportMessageSettled, step: StepTaken) -> Complaint:
    """Section 3: the record's reason names what really ended it."""
    record = effect.record
    reason = expected.reason_of(record, ledger.book[record.message_id], ledger, step.event)
    return None if record.reason == reason else f"{record.message_id} ended as {record.reason}, it was {reason}"


@of_effects("9.8", fx.CommitMessage)
def history_is_what_was_heard(ledger: Ledger, effect: fx.CommitMessage, step: StepTaken) -> Complaint:
    """Section 9.8: history has the heard messages, in order, each once, with its flag and text (M3, H1, H11)."""
    entry = ledger.book[effect.message_id]
    if entry.settled not in ("played", "partial"):
        return f"{effect.message_id} is committed, but it is {entry.settled or 'not final'}"
    if entry.is_committed:
        return f"{effect.message_id} is committed twice"
    for later in reversed(ledger.book.values()):
        if later is entry:
            break
        if later.is_committed:
            return f"{effect.message_id} is committed after a later message"
    if effect.interrupted != (entry.settled == "partial") or effect.text != entry.heard_text:
        return f"{effect.message_id} is committed as {effect}, it was {entry.settled} with {entry.heard_text!r}"
    return None


@of_effects("9.3", fx.ReportSpeechDone)
def all_is_settled_when_done(ledger: Ledger, effect: fx.ReportSpeechDone, step: StepTaken) -> Complaint:
    """Sections 4 and 9.3: when the speech is over, all is final, all is recorded, and the agent listens (O2)."""
    states = [(entry.message_id, entry.settled) for entry in ledger.book.values()]
    if states != [(record.message_id, record.state) for record in effect.records]:
        return f"done with the records {effect.records}, settled were {states}"
    if ledger.agent_state not in ("", "listening"):
        return f"done, but the agent is still {ledger.agent_state}"
    return f"done, but the {ledger.timer} timer still runs" if ledger.timer else None


@of_effects("4", fx.ReportSpeechDone)
def outcome_is_true(ledger: Ledger, effect: fx.ReportSpeechDone, step: StepTaken) -> Complaint:
    """Section 4: failed, interrupted or completed, by what ended it."""
    if ledger.stopped_by in ("output_failed", "source_failed", "timed_out"):
        wanted = "failed"
    elif ledger.stopped_by:
        wanted = "interrupted"
    else:
        wanted = "failed" if ledger.response_has_failed else "completed"
    if effect.outcome != wanted or effect.outcome != step.speech.state:
        return f"the outcome is {effect.outcome}, it should be {wanted}"
    return None


@of_effects("9.11", *_NEVER_AFTER_THE_END)
def silence_after_the_end(ledger: Ledger, effect: fx.Effect, step: StepTaken) -> Complaint:
    """Section 9.11: after the final state only a message announced later still is recorded and removed."""
    return f"{type(effect).__name__} after the end" if ledger.outcome else None


@of_effects("6", fx.StartTimer)
def timers_have_their_delays(ledger: Ledger, effect: fx.StartTimer, step: StepTaken) -> Complaint:
    """Sections 4 and 6: each timer waits as long as the policy says, beyond the audio that is still to be played."""
    delay = "resume_timeout_ms" if ledger.may_resume and effect.timer == "reconcile" else _DELAYS[effect.timer]
    wanted = getattr(step.speech.policy, delay)
    begun = ledger.begun
    if begun is not None and effect.timer in ("stall", "playout"):
        wanted += begun.handed_over_ms - begun.position_ms
    return None if effect.delay_ms == wanted else f"{effect.timer} timer of {effect.delay_ms} ms, not {wanted}"


@of_effects("9.12", fx.StartTimer, fx.ReportSpeechDone)
def timers_stop_only_silence(ledger: Ledger, effect: fx.StartTimer | fx.ReportSpeechDone, step: StepTaken) -> Complaint:
    """Sections 4 and 9.12: a timer of an active speech stops it if nothing was said since its start, and only then."""
    if not isinstance(step.event, ev.TimerFired) or step.event.timer not in ("stall", "playout"):
        return None
    goes_on = isinstance(effect, fx.StartTimer) and effect.timer in ("stall", "playout")
    if goes_on == ledger.facts_since_timer:
        return None
    if goes_on:
        return f"the {step.event.timer} timer is started again, though nothing was said since it was started"
    return f"the {step.event.timer} timer stops it, though something was said since it was started"


@of_effects("6", fx.CancelTimer)
def cancels_the_timer_that_runs(ledger: Ledger, effect: fx.CancelTimer, step: StepTaken) -> Complaint:
    """Section 6: the timer that is cancelled is the one that runs: not one that has fired."""
    if effect.timer == ledger.timer:
        return None
    return f"the {effect.timer} timer is cancelled, but {ledger.timer or 'none'} runs"


@of_effects("8", fx.ReportDivergence)
def a_divergence_says_what_it_is(ledger: Ledger, effect: fx.ReportDivergence, step: StepTaken) -> Complaint:
    """Section 8: a divergence says what the server wrongly remembers, what was heard, and why they differ."""
    entry = ledger.book[effect.message_id]
    if not entry.settled or (entry.settled == "played" and not entry.is_outgrown):
        return f"divergence of {effect.message_id}, which is {entry.settled or 'not final'}"
    if isinstance(step.event, ev.SessionReconciliationRefused):
        wanted = "refused"
    elif isinstance(step.event, ev.TimerFired) and step.event.timer == "reconcile":
        wanted = "unanswered"
    elif entry.settled != "skipped" and not entry.has_audio:
        wanted = "text_beyond_heard"
    else:
        wanted = "cannot_truncate" if entry.settled != "skipped" and expected.kept_ms_of(entry) else "cannot_remove"
    given = (effect.cause, effect.heard_ms, effect.heard_text)
    return None if given == (wanted, entry.heard_ms, entry.heard_text) else f"{effect} instead of {wanted}"
