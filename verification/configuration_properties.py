"""What must hold in every configuration, between two events."""

from __future__ import annotations

from speech_lifecycle.fsm.state import Speech
from speech_lifecycle.fsm.values import FINAL_MESSAGE_STATES, FINAL_SPEECH_STATES, FORWARDING_STATES

from . import expected
from .ledger import Ledger
from .property import Complaint, of_configurations, of_engines

_TIMERS = {
    "waiting": ("stall", "playout"),
    "speaking": ("stall", "playout"),
    "stopping": ("stop",),
    "reconciling": ("reconcile",),
}


@of_configurations("9.1")
def one_message_is_forwarded(ledger: Ledger, speech: Speech) -> Complaint:
    """Section 9.1: at most one message is in `forwarding`; messages become final in order of announcement."""
    open_id = ""
    for message in speech.messages.values():
        if message.state in FINAL_MESSAGE_STATES:
            if open_id:
                return f"{message.message_id} is {message.state} before {open_id}"
            continue
        if message.state in FORWARDING_STATES and open_id:
            return f"{message.message_id} is {message.state}, but {open_id} is not final"
        open_id = message.message_id
    return None


@of_configurations("9.3")
def messages_are_what_was_reported(ledger: Ledger, speech: Speech) -> Complaint:
    """Sections 3 and 9.3: every announced message is there; it is final when it was reported, and as reported."""
    if list(ledger.book) != list(speech.messages):
        return f"announced were {list(ledger.book)}, known are {list(speech.messages)}"
    for entry, message in zip(ledger.book.values(), speech.messages.values(), strict=True):
        state = message.state if message.state in FINAL_MESSAGE_STATES else ""
        if state != entry.settled or (message.record.state if message.record else "") != state:
            return f"{entry.message_id} is {message.state}, reported as {entry.settled or 'nothing'}"
        if not state and speech.state in (*FINAL_SPEECH_STATES, "reconciling"):
            return f"the speech is {speech.state}, but {entry.message_id} is {message.state}"
        if state and not ledger.outcome and entry.is_committed != (state != "skipped" and not ledger.is_out_of_band):
            return f"{entry.message_id} is {state}, and {'' if entry.is_committed else 'not '}in history"
    return None


@of_configurations("9.9")
def speaking_means_heard(ledger: Ledger, speech: Speech) -> Complaint:
    """Sections 4 and 9.9: `waiting` until it is heard, `speaking` from then on, and the agent's state says it."""
    if speech.state == "waiting":
        if ledger.was_heard:
            return "it was heard, but the speech still waits"
        return None if ledger.agent_state == "thinking" else f"waiting, but the agent is {ledger.agent_state!r}"
    if speech.state == "speaking":
        if not ledger.was_heard:
            return "speaking, but nothing was heard"
        return None if ledger.agent_state == "speaking" else f"speaking, but the agent is {ledger.agent_state!r}"
    if speech.state in ("paused", "reconciling") and ledger.agent_state not in ("", "listening"):
        return f"{speech.state}, but the agent is {ledger.agent_state!r}"
    return None


@of_configurations("4")
def states_follow_the_commands(ledger: Ledger, speech: Speech) -> Complaint:
    """Section 4: queued without the floor, paused while held, stopping or further once stopped; never anything else."""
    state = speech.state
    if ledger.outcome:
        return None if state == ledger.outcome else f"done as {ledger.outcome}, but {state}"
    if state in FINAL_SPEECH_STATES:
        return f"{state}, but nobody was told"
    if (state == "paused") != ledger.is_held:
        return f"{state}, but the output is {'' if ledger.is_held else 'not '}held"
    if ledger.stopped_by:
        return None if state in ("stopping", "reconciling") else f"{state}, but it was {ledger.stopped_by}"
    if state == "stopping":
        return "stopping, but nothing stops it"
    return None if (state == "queued") != ledger.is_authorized else f"{state} does not fit the floor"


@of_configurations("2.1")
def the_next_message_starts(ledger: Ledger, speech: Speech) -> Complaint:
    """Section 2.1: with the floor and no hold, a message that waits is taken as soon as the output is free (M1)."""
    if speech.state not in ("waiting", "speaking") or ledger.begun is not None:
        return None
    waiting = [entry.message_id for entry in ledger.book.values() if not entry.settled]
    if waiting:
        return f"{waiting[0]} waits, but nothing is on the output"
    return "all is played out, but the speech goes on" if ledger.response == "ended" else None


@of_configurations("2.1")
def what_is_complete_is_flushed(ledger: Ledger, speech: Speech) -> Complaint:
    """Sections 2.1 and 3: a message that is handed over in full is flushed; one without content, or text, settles."""
    begun = ledger.begun
    if begun is None or not begun.source_has_ended or begun.flushed_ms:
        return None
    if not begun.has_audio:
        return f"all of {begun.message_id} has been shown, but it is not final"
    if begun.received_ms == 0:
        return f"nothing will come of {begun.message_id}, but it is not final"
    if begun.handed_over_ms >= begun.received_ms and not begun.is_cleared and not ledger.stopped_by:
        return f"all of {begun.message_id} is handed over, but not flushed"
    return None


@of_configurations("6")
def what_is_stopped_is_cleared(ledger: Ledger, speech: Speech) -> Complaint:
    """Section 6: an interruption clears what the output has, and settles what it never had."""
    begun = ledger.begun
    if begun is None or not ledger.stopped_by or begun.is_cleared:
        return None
    if not begun.has_audio and begun.shown_text:
        return None
    return f"the speech is {ledger.stopped_by}, but {begun.message_id} is neither cleared nor final"


@of_configurations("6")
def what_is_stopped_is_cancelled(ledger: Ledger, speech: Speech) -> Complaint:
    """Sections 6 and 9.10: a stopped speech cancels its response as long as it generates, however late (C2)."""
    if ledger.stopped_by and ledger.response == "generating" and not ledger.cancels:
        return f"the speech is {ledger.stopped_by}, but its response was not cancelled"
    return None


@of_configurations("8")
def the_server_is_asked(ledger: Ledger, speech: Speech) -> Complaint:
    """Section 8: what was not heard is truncated, replaced, removed, or reported if it cannot be; nothing else is."""
    if speech.state != "reconciling":
        return None
    for entry in ledger.book.values():
        wanted = expected.request_of(entry, ledger, speech.capabilities)
        if ledger.is_lost or ledger.may_resume:
            continue
        if entry.request != wanted and not (entry.request == "diverged" and entry.is_answered):
            return f"of {entry.message_id}, the server is asked: {entry.request or 'nothing'}; it should: {wanted}"
        open_request = entry.request if entry.request not in ("", "diverged") and not entry.is_answered else None
        if speech.awaited.get(entry.message_id) != open_request:
            awaited = speech.awaited.get(entry.message_id)
            return f"of {entry.message_id}, {awaited} is awaited; it should be {open_request}"
    return None


@of_configurations("9.12")
def a_timer_runs(ledger: Ledger, speech: Speech) -> Complaint:
    """Section 9.12: whatever is awaited of others has its timer (O1, O3); queued and paused await the agent."""
    if ledger.timer != (speech.timer or ""):
        return f"the driver runs the timer {ledger.timer!r}, the machine thinks {speech.timer!r}"
    wanted = _TIMERS.get(speech.state, ("",))
    if ledger.timer in wanted or (
        speech.state == "reconciling" and not speech.awaited and ledger.response == "ended" and not ledger.may_resume
    ):
        return None
    return f"{speech.state}, but the timer is {ledger.timer!r}"


# What takes more than one configuration to see is judged by `search`, what takes more than one step by `steps`.


@of_engines("9.12")
def ends_when_timers_fire() -> Complaint:
    """Section 9.12: a final state stays reachable: a few timers lead there, after a close if the agent is awaited."""
    return None


@of_engines("9.13")
def rejected_changes_nothing() -> Complaint:
    """Section 9.13: an event that is rejected or ignored changes nothing and emits nothing."""
    return None


@of_engines("9.14")
def same_again() -> Complaint:
    """Section 9.14: the same snapshot and event give the same result."""
    return None


@of_engines("5")
def every_event_is_answered() -> Complaint:
    """Section 5: every event is handled, ignored or rejected in every configuration, and none raises."""
    return None


@of_engines("5", needs_world=True)
def nobody_honest_is_blamed() -> Complaint:
    """Section 5: what a real server, output or agent says in its time is handled or ignored, never rejected."""
    return None
