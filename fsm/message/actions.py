"""The actions of the message chart. None of them decides anything: that is what the transitions are for."""

from __future__ import annotations

from msgspec.structs import replace

from ..effects import (
    ClearOutput,
    CommitMessage,
    FlushOutput,
    RemoveMessages,
    ReplaceMessage,
    ReportMessageSettled,
    StartHandover,
    TruncateMessage,
)
from ..events import (
    Event,
    OutputAudioHandedOver,
    OutputFailed,
    OutputPlaybackFinished,
    OutputPlaybackProgressed,
    OutputPlaybackStarted,
    SessionAudioReceived,
    SessionMessageAdded,
    SessionTextReceived,
)
from ..run import Run
from ..speech.watchdog import cancel_timer, start_timer, unplayed_ms
from ..state import Message, Speech
from ..values import HeardTextStatus, MessageRecord, SettledState
from . import evidence
from .reconciliation import record_of, report_divergence


def announce(run: Run, speech: Speech, message: Message, event: SessionMessageAdded) -> None:
    """Add the message to the speech, and let those before it know."""
    message.expects_audio = "audio" in event.modalities and speech.capabilities.plays_audio
    message.source_has_ended = speech.response_has_ended
    # Before the others are told: if that starts a timer, this fact came before it.
    speech.has_progressed = True
    for earlier_id in speech.growing:
        run.tell(speech, speech.messages[earlier_id], "later_item_began")
    speech.growing = ()
    speech.messages[message.message_id] = message
    run.raise_event("message_announced")


def collect_text(run: Run, speech: Speech, message: Message, event: SessionTextReceived) -> None:
    """Append to the generated text."""
    # Python appends in place to a text that nobody else has: a local one, not the attribute of an object. So a delta
    # does not cost more the longer the text is.
    addition = "" + event.text  # before anything changes: what is no text is refused here
    text = message.text
    message.text = ""
    text += addition
    message.text = text
    speech.has_progressed = True


def begin_to_grow(run: Run, speech: Speech, message: Message, event: Event | None) -> None:
    """Remember that it has content, and may get more until a later item begins."""
    speech.growing += (message.message_id,)


def count_received(run: Run, speech: Speech, message: Message, event: SessionAudioReceived) -> None:
    """Take over the total of audio received."""
    message.received_ms = event.received_ms
    speech.has_progressed = True


def expect_audio(run: Run, speech: Speech, message: Message, event: Event | None) -> None:
    """Take it for an audio message from now on: its text is the transcript."""
    message.expects_audio = True


def count_late_audio(run: Run, speech: Speech, message: Message, event: SessionAudioReceived) -> None:
    """Take over the total of audio received of a message that has settled. Its record stays as it is."""
    speech.messages[message.message_id] = replace(message, received_ms=event.received_ms)
    speech.has_progressed = True


def collect_late_text(run: Run, speech: Speech, message: Message, event: SessionTextReceived) -> None:
    """Append to the generated text of a message that has settled. Its record stays as it is."""
    speech.messages[message.message_id] = replace(message, text=message.text + event.text)
    speech.has_progressed = True


def note_source_end(run: Run, speech: Speech, message: Message, event: Event | None) -> None:
    """Remember that no more will come. If it is only told so, the fact behind it has been noted."""
    message.source_has_ended = True
    if event is not None:
        speech.has_progressed = True


def become_next(run: Run, speech: Speech, message: Message, event: Event | None) -> None:
    """Wait for its turn, which is the next."""
    speech.next_id = message.message_id
    speech.last_id = message.message_id


def line_up(run: Run, speech: Speech, message: Message, event: Event | None) -> None:
    """Wait for its turn, behind all others."""
    speech.messages[speech.last_id or ""].next_id = message.message_id
    speech.last_id = message.message_id


def leave_line(run: Run, speech: Speech, message: Message, event: Event | None) -> None:
    """Wait no longer: the next turn is that of the message behind it."""
    speech.next_id = message.next_id
    message.next_id = None


def start_handover(run: Run, speech: Speech, message: Message, event: Event | None) -> None:
    """Begin to hand it to the output."""
    speech.forwarding_id = message.message_id
    run.emit(StartHandover(message.message_id))


def count_handed_over(run: Run, speech: Speech, message: Message, event: OutputAudioHandedOver) -> None:
    """Take over the total of audio handed over: no more than was received (T4), and none of a text."""
    if event.observed_ms is not None:
        evidence.bound_by_handover(speech, message, event.observed_ms)
    message.handed_over_ms = min(event.handed_over_ms, message.received_ms) if message.expects_audio else 0
    speech.has_progressed = True


def flush(run: Run, speech: Speech, message: Message, event: Event | None) -> None:
    """Have the output play it out."""
    message.flushed_ms = message.handed_over_ms
    run.emit(FlushOutput(message.message_id))


def watch_playout(run: Run, speech: Speech, message: Message, event: Event | None) -> None:
    """Start the timer for the end of what was flushed (O1, O3)."""
    start_timer(run, speech, "playout", unplayed_ms(message) + speech.policy.playout_margin_ms)


def watch_source(run: Run, speech: Speech, message: Message, event: Event | None) -> None:
    """Start the timer for more of it, or for what the output still has to play (O2)."""
    start_timer(run, speech, "stall", unplayed_ms(message) + speech.policy.stall_timeout_ms)


def watch_response(run: Run, speech: Speech, message: Message, event: Event | None) -> None:
    """Start the timer for whatever the response brings next: it has settled at once."""
    start_timer(run, speech, "stall", speech.policy.stall_timeout_ms)


def watch_clear(run: Run, speech: Speech, message: Message, event: Event | None) -> None:
    """Start the timer for the report of how far it got (O1)."""
    start_timer(run, speech, "stop", speech.policy.stop_timeout_ms)


def unwatch(run: Run, speech: Speech, message: Message, event: Event | None) -> None:
    """Stop the timer: it was the last message, and has settled at once."""
    cancel_timer(run, speech)


def note_start(run: Run, speech: Speech, message: Message, event: OutputPlaybackStarted) -> None:
    """Remember that playback began, and when: it is heard."""
    message.has_started = True
    if event.observed_ms is not None:
        evidence.bound_by_start(speech, message, event.observed_ms)
    speech.has_progressed = True


def note_progress(run: Run, speech: Speech, message: Message, event: OutputPlaybackProgressed) -> None:
    """Take over the position, which is usable. One of 0 says nothing: after progress it is a gap (T14)."""
    assert event.position_ms is not None
    position_ms = evidence.clamped_ms(event.position_ms, message.handed_over_ms)
    if position_ms > 0:
        message.position_ms = position_ms
        if event.observed_ms is not None:
            message.position_at_ms = event.observed_ms - speech.held_ms
    speech.has_progressed = True


def note_finish(run: Run, speech: Speech, message: Message, event: OutputPlaybackFinished) -> None:
    """Take over how far the output got, and the text that it played."""
    reached_ms, status = evidence.position(speech, message, event)
    message.position_ms = reached_ms
    message.position_status = status
    message.transcript = event.transcript
    message.flushed_ms = 0
    speech.has_progressed = True


def note_reckoned(run: Run, speech: Speech, message: Message, event: Event | None) -> None:
    """Take over how far the output got by the evidence in hand: no report will come."""
    reached_ms, status = evidence.position(speech, message, None)
    message.position_ms = reached_ms
    message.position_status = status


def note_whole(run: Run, speech: Speech, message: Message, event: Event | None) -> None:
    """Count all that the output had as played."""
    message.position_ms = message.handed_over_ms
    message.flushed_ms = 0
    speech.has_progressed = True


def tell_heard(run: Run, speech: Speech, message: Message, event: Event | None) -> None:
    """Tell the speech that it is heard: even the finish may be the first evidence of that (H5)."""
    run.raise_event("message_heard")


def clear_output(run: Run, speech: Speech, message: Message, event: Event | None) -> None:
    """Have the output stop."""
    run.emit(ClearOutput(message.message_id))


def freeze_shown_text(run: Run, speech: Speech, message: Message, event: Event | None) -> None:
    """Remember how much of a text had been shown when it was stopped."""
    message.shown_text = message.text


def because_finished(run: Run, speech: Speech, message: Message, event: Event | None) -> None:
    """Reason: it was played to the end."""
    message.reason = "finished"


def because_cleared(run: Run, speech: Speech, message: Message, event: Event | None) -> None:
    """Reason: the output was cleared or swapped by somebody else (H13)."""
    message.reason = "cleared"


def because_stopped(run: Run, speech: Speech, message: Message, event: Event | None) -> None:
    """Reason: the one for which the speech was stopped; a late message of a finished speech was not wanted."""
    message.reason = speech.cause or "interrupted"


def because_output_failed(run: Run, speech: Speech, message: Message, event: Event | None) -> None:
    """Reason: the output broke."""
    message.reason = "output_failed"


def because_not_shown(run: Run, speech: Speech, message: Message, event: Event | None) -> None:
    """Reason: it is a text, and there is nothing to show it."""
    message.reason = "not_shown"


def because_timed_out(run: Run, speech: Speech, message: Message, event: Event | None) -> None:
    """Reason: the output did not report in time."""
    message.reason = "timed_out"


def because_no_content(run: Run, speech: Speech, message: Message, event: Event | None) -> None:
    """Reason: what was expected of it never came."""
    message.reason = "no_content"


def settle_played(run: Run, speech: Speech, message: Message, event: Event | None) -> None:
    """Record it as heard in full, and commit it."""
    status: HeardTextStatus = "exact" if message.text or not message.expects_audio else "unknown"
    _settle(run, speech, message, "played", message.text, status)


def settle_partial(run: Run, speech: Speech, message: Message, event: Event | None) -> None:
    """Record it as heard in part, and commit that part."""
    text, status = evidence.heard_text(message, speech.policy.estimate_heard_text)
    _settle(run, speech, message, "partial", text, status)


def settle_skipped(run: Run, speech: Speech, message: Message, event: Event | None) -> None:
    """Record it as never heard."""
    message.position_ms = 0
    message.position_status = "reported"
    _settle(run, speech, message, "skipped", "", "exact")


def _settle(
    run: Run,
    speech: Speech,
    message: Message,
    state: SettledState,
    heard_text: str,
    heard_text_status: HeardTextStatus,
) -> None:
    assert message.reason is not None, "every transition that settles gives a reason first"
    record = MessageRecord(
        message.message_id,
        state,
        message.reason,
        message.position_ms,
        message.received_ms,
        message.text,
        heard_text,
        heard_text_status,
        speech.code,
        message.position_status,
    )
    message.record = record
    if speech.forwarding_id == message.message_id:
        speech.forwarding_id = None
    run.emit(ReportMessageSettled(record))
    if state != "skipped" and not speech.is_out_of_band:
        run.emit(CommitMessage(message.message_id, heard_text, heard_text_status, state == "partial"))
    run.raise_event("message_settled")


def report_output_failure(run: Run, speech: Speech, message: Message, event: OutputFailed) -> None:
    """Tell the speech that its output is broken, and remember since when."""
    if event.observed_ms is not None:
        evidence.note_stop(speech, event.observed_ms)
    run.raise_event("message_output_failed")


def ask_to_truncate(run: Run, speech: Speech, message: Message, event: Event | None) -> None:
    """Have the server keep what was heard of its audio, and no more."""
    speech.awaited[message.message_id] = "truncate"
    run.emit(TruncateMessage(message.message_id, record_of(message).heard_ms))


def ask_to_trim(run: Run, speech: Speech, message: Message, event: Event | None) -> None:
    """Have the server keep what had been received of its audio when it was played, and no more."""
    speech.awaited[message.message_id] = "truncate"
    run.emit(TruncateMessage(message.message_id, record_of(message).received_ms))


def ask_to_replace(run: Run, speech: Speech, message: Message, event: Event | None) -> None:
    """Have the server remember what was shown of its text, and no more (T2)."""
    speech.awaited[message.message_id] = "replace"
    run.emit(ReplaceMessage(message.message_id, record_of(message).heard_text))


def ask_to_forget(run: Run, speech: Speech, message: Message, event: Event | None) -> None:
    """Have it named in the request that the speech makes for all that was never heard."""
    speech.awaited[message.message_id] = "remove"


def remove_late_message(run: Run, speech: Speech, message: Message, event: Event | None) -> None:
    """Have the server forget a message that was announced too late to be played (M2)."""
    run.emit(RemoveMessages((message.message_id,)))


def claim_time(run: Run, speech: Speech, message: Message, event: Event | None) -> None:
    """Tell the speech that one more answer is awaited."""
    run.raise_event("request_made")


def report_cannot_truncate(run: Run, speech: Speech, message: Message, event: Event | None) -> None:
    """Say that the server keeps audio that was not heard: it cannot cut."""
    report_divergence(run, message, "cannot_truncate")


def report_cannot_remove(run: Run, speech: Speech, message: Message, event: Event | None) -> None:
    """Say that the server keeps a message that was not heard: it cannot forget."""
    report_divergence(run, message, "cannot_remove")


def report_text_beyond_heard(run: Run, speech: Speech, message: Message, event: Event | None) -> None:
    """Say that the server keeps text that was not shown: it cannot replace it."""
    report_divergence(run, message, "text_beyond_heard")


def report_unanswered(run: Run, speech: Speech, message: Message, event: Event | None) -> None:
    """Say that the server did not answer in time what it was asked."""
    report_divergence(run, message, "unanswered", speech.awaited[message.message_id])


def report_unended(run: Run, speech: Speech, message: Message, event: Event | None) -> None:
    """Say that the server keeps what came late: that is cut when the response has ended, and it has not."""
    report_divergence(run, message, "unanswered", "end of response")
