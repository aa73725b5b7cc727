"""What the onlooker checks when a message is settled, and when the speech is over (spec, sections 7 to 9)."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

from expectations import outcome_of

from speech_lifecycle.fsm.effects import CommitMessage, ReportSpeechDone
from speech_lifecycle.fsm.values import MessageRecord, Reason

if TYPE_CHECKING:
    from onlooker import Onlooker


def check_record(onlooker: Onlooker, record: MessageRecord) -> None:
    """9.8, and section 7: the record says what the facts said."""
    message_id = record.message_id
    assert record.received_ms == onlooker.received.get(message_id, 0)
    assert record.generated_text == onlooker.text.get(message_id, "")
    assert 0 <= record.heard_ms <= record.received_ms
    assert record.reason in get_args(Reason)
    assert record.state == "skipped" or message_id in onlooker.started, "7 heard, and never handed over"
    speech = onlooker.machine.speech
    if record.state == "skipped":
        assert record.heard_ms == 0
    if not speech.messages[message_id].expects_audio:
        return
    if record.state == "skipped":
        assert message_id not in onlooker.heard, "7 what was heard is skipped"
    else:
        assert message_id in onlooker.maybe_heard or record.reason == "finished", "7 heard without evidence"
    finished_ms = onlooker.finished_at.get(message_id)
    if finished_ms is not None and record.state != "skipped":
        assert record.heard_ms == finished_ms, "7 not as far as the output says"
    if record.state == "played":
        assert record.received_ms - record.heard_ms <= speech.policy.frame_ms, "7 not to the end"


def check_end(onlooker: Onlooker, done: ReportSpeechDone) -> None:
    onlooker.is_over = True
    assert [record.message_id for record in done.records] == onlooker.announced, "9.3 a message without a record"
    history = [e for e in onlooker.effects if isinstance(e, CommitMessage)]
    # What is said beside the conversation is in nobody's memory (N1).
    is_in_memory = not onlooker.machine.speech.is_out_of_band
    heard = [record for record in done.records if record.state != "skipped" and is_in_memory]
    assert [(c.message_id, c.text, c.text_status, c.interrupted) for c in history] == [
        (record.message_id, record.heard_text, record.heard_text_status, record.state == "partial") for record in heard
    ], "9.8 history is not what was heard"
    assert not onlooker.is_paused, "the output is left held"
    assert onlooker.timer is None, "a timer is left running"
    assert not onlooker.open, "9.7 over before the server has answered"
    assert onlooker.agent_state in (None, "listening"), "9.9 it is over, and still speaking"
    assert done.outcome == outcome_of(onlooker.machine.speech.cause, onlooker.has_failed)
    if not is_in_memory:
        assert not onlooker.asked, "N1 the server is asked about what it does not remember"
    elif not onlooker.is_lost:
        for record in done.records:
            _check_server(onlooker, record)


def _check_server(onlooker: Onlooker, record: MessageRecord) -> None:
    """9.7: whatever the server remembers wrongly, it is asked to forget, or the agent is told."""
    message_id, speech = record.message_id, onlooker.machine.speech
    asked = {operation for operation, about in onlooker.asked if about == message_id}
    is_text = not speech.messages[message_id].expects_audio and record.state != "skipped"
    if is_text:
        is_needed, operation = record.heard_text != onlooker.text.get(message_id, ""), "replace"
    elif record.state == "played":
        is_late = onlooker.received[message_id] > record.received_ms
        is_needed, operation = is_late and not speech.capabilities.truncates_by_itself, "truncate"
    elif record.heard_ms >= 1:
        is_needed, operation = not speech.capabilities.truncates_by_itself, "truncate"
    else:
        is_needed, operation = bool(record.received_ms or record.generated_text), "remove"
    if record.state == "played" and not is_needed:
        assert not asked, "R1 a request about a message that was played"
        assert message_id not in onlooker.diverged
    assert asked <= {operation}, f"9.7 {asked} of a message that was {record.state}"
    if is_needed:
        assert asked or message_id in onlooker.diverged, f"9.7 the server remembers more of {message_id} than was heard"
