"""What sections 7 and 8 of the specification say must come of a message, worked out from the ledger alone."""

from __future__ import annotations

from speech_lifecycle.fsm import events as ev
from speech_lifecycle.fsm.events import Event
from speech_lifecycle.fsm.state import Speech
from speech_lifecycle.fsm.values import Capabilities, HeardTextStatus, MessageRecord, Policy, SettledState

from .ledger import Entry, Ledger


def state_of(entry: Entry, ledger: Ledger, speech: Speech) -> SettledState:
    """Return how a message has to end, if it ends now (section 7)."""
    if not entry.is_begun:
        return "skipped"
    if not entry.has_audio:
        if not entry.text or not speech.capabilities.shows_text:
            return "skipped"
        return "partial" if ledger.stopped_by else "played"
    if entry.played_out:
        return "played"
    if not entry.is_heard:
        return "skipped"
    is_complete = entry.source_has_ended and 0 < entry.received_ms <= entry.handed_over_ms
    at_the_end = entry.position_ms >= entry.handed_over_ms - speech.policy.frame_ms
    return "played" if is_complete and at_the_end else "partial"


def heard_ms_of(entry: Entry, state: SettledState) -> int:
    """Return the position that the record has to give."""
    return entry.position_ms if state != "skipped" and entry.has_audio else 0


def reason_of(record: MessageRecord, entry: Entry, ledger: Ledger, event: Event) -> str:
    """Return the reason that is true of a message that ends with this event (section 3)."""
    if record.state == "played":
        return "finished"
    if ledger.is_settled and not ledger.stopped_by:
        return "interrupted"
    if not entry.is_begun:
        return ledger.stopped_by
    if isinstance(event, ev.OutputFailed) and event.message_id == entry.message_id:
        return "output_failed"
    if isinstance(event, ev.TimerFired) and event.timer == "stop" and ledger.stopped_by != "output_failed":
        return "timed_out"
    if ledger.stopped_by:
        return ledger.stopped_by
    if isinstance(event, ev.OutputPlaybackFinished) and event.message_id == entry.message_id:
        return "cleared"
    return "no_content" if entry.has_audio or not entry.text else "not_shown"


def heard_text_of(entry: Entry, state: SettledState, policy: Policy) -> tuple[str, HeardTextStatus]:
    """Return the text that was heard, and how that is known (section 7)."""
    if state == "skipped":
        return "", "exact"
    if not entry.has_audio:
        return (entry.text if entry.shown_text is None else entry.shown_text), "exact"
    if state == "played":
        return entry.text, "exact" if entry.text else "unknown"
    if entry.transcript is not None:
        return entry.transcript, "synchronized"
    if policy.estimate_heard_text:
        words = entry.text.split()
        known_ms = max(entry.received_ms, entry.handed_over_ms, 200 * len(words))
        return " ".join(words[: len(words) * entry.position_ms // known_ms if known_ms else 0]), "estimated"
    return "", "unknown"


def request_of(entry: Entry, ledger: Ledger, capabilities: Capabilities) -> str:
    """Return what the server has to be asked about a message that is final, "diverged", or "" (section 8)."""
    # What was heard in full, or had come to nothing, is cut only if more came after that, and when no more can come.
    is_whole = entry.was_heard_whole or not entry.is_memory
    if is_whole and not (entry.is_outgrown and ledger.response == "ended"):
        return ""
    if ledger.is_out_of_band:
        return ""
    if entry.settled != "skipped" and not entry.has_audio:
        return "replace" if capabilities.can_remove else "diverged"
    if entry.settled != "skipped" and kept_ms_of(entry) >= 1:
        if capabilities.truncates_by_itself:
            return ""
        return "truncate" if capabilities.can_truncate else "diverged"
    return "remove" if capabilities.can_remove else "diverged"


def kept_ms_of(entry: Entry) -> int:
    """Return how much audio the server may keep of a message that was heard (section 8)."""
    return entry.received_ms if entry.settled == "played" else min(entry.heard_ms, entry.received_ms)
