"""The actions of the message chart. None of them decides anything: that is what the transitions are for."""

from __future__ import annotations

from msgspec.structs import replace

from ..effects import ClearOutput, CommitMessage, FlushOutput, ReportMessageSettled, StartHandover
from ..events import (
    Event,
    OutputAudioHandedOver,
    OutputPlaybackFinished,
    OutputPlaybackProgressed,
    SessionAudioReceived,
    SessionMessageAdded,
    SessionTextReceived,
)
from ..run import Run
from ..speech.watchdog import start_timer, unplayed_ms
from ..state import Message, Speech
from ..values import HeardTextStatus, MessageRecord, SettledState
from . import evidence
from .reconciliation import remove_messages


def announce(run: Run, speech: Speech, message: Message, event: SessionMessageAdded) -> None:
    """Add the message to the speech, and let those before it know."""
    message.expects_audio = "audio" in event.modalities and speech.capabilities.plays_audio
    message.source_has_ended = speech.response_has_ended
    # Before the others are told: if that starts a timer, this fact came before it.
    speech.has_progressed = True
    for earlier in speech.messages.values():
        run.tell(speech, earlier, "later_message_began")
    speech.messages[message.message_id] = message
    run.raise_event("message_announced")


def collect_text(run: Run, speech: Speech, message: Message, event: SessionTextReceived) -> None:
    """Append to the generated text."""
    message.text += event.text
    speech.has_progressed = True


def count_received(run: Run, speech: Speech, message: Message, event: SessionAudioReceived) -> None:
    """Take over the total of audio received. Audio makes it an audio message, unless its text has been shown."""
    message.received_ms = event.received_ms
    if event.received_ms > 0 and message.shown_text is None:
        message.expects_audio = speech.capabilities.plays_audio
    speech.has_progressed = True


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


def remove_late_message(run: Run, speech: Speech, message: Message, event: Event | None) -> None:
    """Have the server forget a message that was announced too late to be played."""
    remove_messages(run, speech, [message])


def start_handover(run: Run, speech: Speech, message: Message, event: Event | None) -> None:
    """Begin to hand it to the output."""
    speech.forwarding_id = message.message_id
    run.emit(StartHandover(message.message_id))


def count_handed_over(run: Run, speech: Speech, message: Message, event: OutputAudioHandedOver) -> None:
    """Take over the total of audio handed over: no more than was received (T4), and none of a text."""
    message.handed_over_ms = min(event.handed_over_ms, message.received_ms) if message.expects_audio else 0
    speech.has_progressed = True


def flush(run: Run, speech: Speech, message: Message, event: Event | None) -> None:
    """Have the output play it out, and watch that it reports the end (O1, O3)."""
    message.flushed_ms = message.handed_over_ms
    run.emit(FlushOutput(message.message_id))
    if not speech.output_is_paused:
        start_timer(run, speech, "playout", unplayed_ms(message) + speech.policy.playout_margin_ms)


def note_start(run: Run, speech: Speech, message: Message, event: Event | None) -> None:
    """Remember that playback began: it is heard."""
    message.has_started = True
    speech.has_progressed = True
    _tell_if_first_heard(run, speech, message)


def note_progress(run: Run, speech: Speech, message: Message, event: OutputPlaybackProgressed) -> None:
    """Take over the position; above 0, it is heard even if its start was never reported (H5)."""
    message.position_ms = evidence.position_ms(message, event)
    speech.has_progressed = True
    _tell_if_first_heard(run, speech, message)


def note_finish(run: Run, speech: Speech, message: Message, event: OutputPlaybackFinished) -> None:
    """Take over how far the output got, and the text that it played."""
    message.position_ms = evidence.position_ms(message, event)
    message.transcript = event.transcript
    message.flushed_ms = 0
    speech.has_progressed = True
    _tell_if_first_heard(run, speech, message)


def note_whole(run: Run, speech: Speech, message: Message, event: Event | None) -> None:
    """Count all that the output had as played."""
    message.position_ms = message.handed_over_ms
    message.flushed_ms = 0
    speech.has_progressed = True
    _tell_if_first_heard(run, speech, message)


def _tell_if_first_heard(run: Run, speech: Speech, message: Message) -> None:
    """The finish may be the first evidence of all: some outputs report no start and no progress (H5)."""
    if not speech.was_heard and (message.has_started or message.position_ms > 0):
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


def because_timed_out(run: Run, speech: Speech, message: Message, event: Event | None) -> None:
    """Reason: the output did not report in time."""
    message.reason = "timed_out"


def because_no_content(run: Run, speech: Speech, message: Message, event: Event | None) -> None:
    """Reason: what was expected of it never came."""
    message.reason = "no_content"


def settle_played(run: Run, speech: Speech, message: Message, event: Event | None) -> None:
    """Record it as heard in full, and commit it."""
    status: HeardTextStatus = "exact" if message.text or not message.expects_audio else "unknown"
    _settle(run, speech, message, "played", message.position_ms, message.text, status)


def settle_partial(run: Run, speech: Speech, message: Message, event: Event | None) -> None:
    """Record it as heard in part, and commit that part."""
    text, status = evidence.heard_text(message, speech.policy.estimate_heard_text)
    _settle(run, speech, message, "partial", message.position_ms, text, status)


def settle_skipped(run: Run, speech: Speech, message: Message, event: Event | None) -> None:
    """Record it as never heard."""
    _settle(run, speech, message, "skipped", 0, "", "exact")


def _settle(
    run: Run,
    speech: Speech,
    message: Message,
    state: SettledState,
    heard_ms: int,
    heard_text: str,
    heard_text_status: HeardTextStatus,
) -> None:
    record = MessageRecord(
        message.message_id,
        state,
        message.reason,  # type: ignore[arg-type]  # every transition that settles gives a reason first
        heard_ms,
        message.received_ms,
        message.text,
        heard_text,
        heard_text_status,
    )
    message.record = record
    if speech.forwarding_id == message.message_id:
        speech.forwarding_id = None
    run.emit(ReportMessageSettled(record))
    if state != "skipped":
        run.emit(CommitMessage(message.message_id, heard_text, heard_text_status, state == "partial"))
    run.raise_event("message_settled")


def report_output_failure(run: Run, speech: Speech, message: Message, event: Event | None) -> None:
    """Tell the speech that its output is broken."""
    run.raise_event("message_output_failed")
