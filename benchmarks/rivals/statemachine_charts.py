"""The workload's charts for python-statemachine, without our layers around it.

Its best settings: flat charts, no error events, and the data as the model on which it finds guards and actions.
`speech_lifecycle.verification.reference` is the other subject that runs on it: the whole declared charts.
"""

from __future__ import annotations

from typing import Any

from rivals.message import Message
from rivals.speech import Speech
from statemachine import State, StateChart


class MessageChart(StateChart[Any]):
    """One message."""

    catch_errors_as_events = False

    pending = State(initial=True)
    streaming = State()
    draining = State()
    stopping = State()
    played = State(final=True)
    partial = State(final=True)
    skipped = State(final=True)

    session_message_added = pending.to(None, cond=["is_new", "is_of_this_response"], on="announce")
    session_text_received = (
        pending.to(None, on="collect_text")
        | streaming.to(None, on="collect_text")
        | draining.to(None, on="collect_text")
    )
    session_audio_received = (
        pending.to(None, cond="received_no_less", on="count_received")
        | streaming.to(None, cond="received_no_less", on="count_received")
        | draining.to(streaming, cond="received_more", on="count_received")
        | draining.to(None, cond="received_no_less", on="count_received")
    )
    end_source = (
        pending.to(None, cond="source_is_open", on="note_source_end")
        | streaming.to(None, cond="source_is_open", on="note_source_end")
        | draining.to(None, cond="source_is_open", on="note_source_end")
    )
    later_message_began = (
        pending.to(None, cond=["source_is_open", "has_content"], on="note_source_end")
        | streaming.to(None, cond=["source_is_open", "has_content"], on="note_source_end")
        | draining.to(None, cond=["source_is_open", "has_content"], on="note_source_end")
    )
    forward = pending.to(streaming, on="start_handover")
    skip = pending.to(skipped, on="settle_skipped")

    streaming.to(skipped, cond=["is_spent", "has_no_content"], on="settle_empty")
    streaming.to(played, cond=["is_spent", "is_text_only"], on="settle_played")
    streaming.to(draining, cond="is_spent", on="flush")

    output_audio_handed_over = streaming.to(None, cond="handed_over_no_less", on="count_handed_over") | draining.to(
        None, cond="handed_over_no_less", on="count_handed_over"
    )
    output_playback_started = streaming.to(
        None, cond=["is_on_the_output", "has_not_started"], on="note_start"
    ) | draining.to(None, cond=["is_on_the_output", "has_not_started"], on="note_start")
    output_playback_progressed = streaming.to(
        None, cond=["is_on_the_output", "position_is_usable"], on="note_progress"
    ) | draining.to(None, cond=["is_on_the_output", "position_is_usable"], on="note_progress")
    output_playback_finished = (
        draining.to(played, cond="was_not_interrupted", on=["note_whole", "settle_played"])
        | draining.to(played, cond="is_heard_to_the_end", on=["note_finish", "settle_played"])
        | draining.to(partial, cond="is_heard", on=["note_finish", "settle_cleared"])
        | draining.to(skipped, on=["note_finish", "settle_skipped"])
        | stopping.to(played, cond=["is_on_the_output", "is_heard_to_the_end"], on=["note_finish", "settle_played"])
        | stopping.to(partial, cond=["is_on_the_output", "is_heard"], on=["note_finish", "settle_stopped"])
        | stopping.to(skipped, cond="is_on_the_output", on=["note_finish", "settle_skipped"])
    )
    stop = draining.to(stopping, on="clear_output")


class SpeechChart(StateChart[Any]):
    """One speech."""

    catch_errors_as_events = False

    queued = State(initial=True)
    waiting = State()
    speaking = State()
    stopping = State()
    reconciling = State()
    completed = State(final=True)
    interrupted = State(final=True)
    failed = State(final=True)

    authorize = queued.to(waiting, on=["announce_thinking", "forward_next", "watch"])
    session_response_created = waiting.to(None, cond="has_no_response", on="note_response") | speaking.to(
        None, cond="has_no_response", on="note_response"
    )
    session_response_ended = waiting.to(None, cond="is_generating_it", on="note_response_end") | speaking.to(
        None, cond="is_generating_it", on="note_response_end"
    )
    message_announced = waiting.to(None, cond="output_is_free", on=["forward_next", "watch"]) | speaking.to(
        None, cond="output_is_free", on=["forward_next", "watch"]
    )
    message_settled = (
        waiting.to(None, cond="output_is_free", on=["forward_next", "watch"])
        | speaking.to(None, cond="output_is_free", on=["forward_next", "watch"])
        | stopping.to(None)
    )
    message_heard = waiting.to(speaking, on="announce_speaking")
    interrupt = waiting.to(
        stopping, cond="may_interrupt", on=["because_interrupted", "cancel_response", "stop_message"]
    ) | speaking.to(stopping, cond="may_interrupt", on=["because_interrupted", "cancel_response", "stop_message"])
    waiting.to(reconciling, cond="is_played_out", on=["bring_server_in_line", "announce_listening"])
    speaking.to(reconciling, cond="is_played_out", on=["bring_server_in_line", "announce_listening"])
    stopping.to(reconciling, cond="output_is_free", on=["skip_pending", "bring_server_in_line", "announce_listening"])
    session_reconciliation_acknowledged = reconciling.to(None, cond="is_awaited", on="strike_request")
    reconciling.to(failed, cond=["is_reconciled", "has_failed"], on=["unwatch", "report_failed"])
    reconciling.to(interrupted, cond=["is_reconciled", "is_stopped"], on=["unwatch", "report_interrupted"])
    reconciling.to(completed, cond="is_reconciled", on=["unwatch", "report_completed"])


class StatemachineMessage(Message):
    """A message whose events python-statemachine handles."""

    def __init__(self, speech: Speech, message_id: str) -> None:
        super().__init__(speech, message_id)
        self.state = "pending"
        self.chart = MessageChart(self)

    def deliver(self, name: str, fact: Any = None) -> None:
        self.chart.send(name, fact=fact)


class StatemachineSpeech(Speech):
    """A speech whose events python-statemachine handles."""

    def __init__(self) -> None:
        super().__init__(StatemachineMessage)
        self.state = "queued"
        self.chart = SpeechChart(self)

    def deliver(self, name: str, fact: Any = None) -> None:
        self.chart.send(name, fact=fact)
