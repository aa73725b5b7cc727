"""What the server wrongly remembers (spec, section 8)."""

from __future__ import annotations

from ..effects import ReportDivergence
from ..run import Run
from ..state import Message
from ..values import DivergenceCause, MessageRecord


def record_of(message: Message) -> MessageRecord:
    """Return the record of a message that is final."""
    assert message.record is not None, f"message {message.message_id} is not final"
    return message.record


def report_divergence(run: Run, message: Message, cause: DivergenceCause, detail: str = "") -> None:
    """Say what the server wrongly remembers, and what was heard."""
    record = record_of(message)
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
