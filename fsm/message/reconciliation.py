"""What the server is asked to do about its memory, once all messages are final (spec, section 8)."""

from __future__ import annotations

from collections.abc import Iterable

from ..effects import RemoveMessages, ReplaceMessage, ReportDivergence, TruncateMessage
from ..run import Run
from ..state import Message, Speech
from ..values import DivergenceCause, Reconciliation


def truncate_message(run: Run, speech: Speech, message: Message, heard_ms: int) -> None:
    """Have the server keep only what was heard of an audio message."""
    if speech.capabilities.truncates_by_itself:
        return
    if speech.capabilities.can_truncate:
        _await(speech, "truncate", message)
        run.emit(TruncateMessage(message.message_id, heard_ms))
    else:
        report_divergence(run, message, "cannot_truncate")


def replace_message(run: Run, speech: Speech, message: Message, shown_text: str) -> None:
    """Have the server remember of a text message what was shown, and no more.

    If it generates no more, and all of it was shown, it does already.
    """
    if message.source_has_ended and message.text == shown_text:
        return
    if speech.capabilities.can_remove:
        _await(speech, "replace", message)
        run.emit(ReplaceMessage(message.message_id, shown_text))
    else:
        report_divergence(run, message, "text_beyond_heard")


def cut_late_content(run: Run, speech: Speech, message: Message) -> None:
    """Have the server forget what came of a message after all of it had been heard, and settled."""
    record = message.record
    if record is None or not message.outgrew_its_record:
        return
    if message.expects_audio:
        truncate_message(run, speech, message, record.received_ms)
    else:
        replace_message(run, speech, message, record.heard_text)


def report_late_content(run: Run, speech: Speech, message: Message) -> None:
    """Say that the server keeps what came late: it can only be cut once the response has ended, and it has not."""
    if message.outgrew_its_record and not (message.expects_audio and speech.capabilities.truncates_by_itself):
        report_divergence(run, message, "unanswered", "end of response")


def remove_messages(run: Run, speech: Speech, messages: Iterable[Message]) -> None:
    """Have the server forget messages of which nothing was heard: one request names them all."""
    remembered = [message for message in messages if _may_be_remembered(message)]
    if not remembered or speech.session_is_lost:
        return
    if speech.capabilities.can_remove:
        for message in remembered:
            _await(speech, "remove", message)
        run.emit(RemoveMessages(tuple(message.message_id for message in remembered)))
    else:
        for message in remembered:
            report_divergence(run, message, "cannot_remove")


def report_divergence(run: Run, message: Message, cause: DivergenceCause, detail: str = "") -> None:
    """Say what the server wrongly remembers, and what was heard."""
    record = message.record
    assert record is not None, f"message {message.message_id} is not final"
    run.emit(
        ReportDivergence(
            message.message_id,
            cause,
            remembered_ms=message.received_ms,
            remembered_text=message.text,
            heard_ms=record.heard_ms,
            heard_text=record.heard_text,
            detail=detail,
        )
    )


def _await(speech: Speech, operation: Reconciliation, message: Message) -> None:
    if speech.state not in ("completed", "interrupted", "failed"):
        speech.awaited += ((operation, message.message_id),)


def _may_be_remembered(message: Message) -> bool:
    """An item that ended empty is not a memory: no request is spent on it (spec, section 2.5; R1)."""
    return message.reason != "no_content" or message.received_ms > 0 or bool(message.text)
