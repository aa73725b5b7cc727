"""The workload's charts for `transitions`.

Its best settings: one flat machine per chart, built once for all speeches; no automatic transitions; no queue; events
are triggered through `machine.events`, so that no model has to be registered. It has no rows without an event: the
event `go_on` stands for them, and is sent only where their guard may have become true.
"""

from __future__ import annotations

from typing import Any

from rivals.message import FINAL, Message
from rivals.speech import Speech
from transitions import Machine

_FORWARDED = ["streaming", "draining"]
_ACTIVE = ["waiting", "speaking"]


def _row(event: str, source: str | list[str], target: str | None, guards: list[str], actions: list[str]) -> Any:
    return {"trigger": event, "source": source, "dest": target, "conditions": guards, "after": actions}


_MESSAGE_ROWS = [
    _row("session_message_added", "pending", None, ["is_new", "is_of_this_response"], ["announce"]),
    _row("session_text_received", ["pending", *_FORWARDED], None, [], ["collect_text"]),
    _row("session_audio_received", "pending", None, ["received_no_less"], ["count_received"]),
    _row("session_audio_received", "streaming", None, ["received_no_less"], ["count_received", "go_on"]),
    _row("session_audio_received", "draining", "streaming", ["received_more"], ["count_received", "go_on"]),
    _row("session_audio_received", "draining", None, ["received_no_less"], ["count_received"]),
    _row("end_source", ["pending", *_FORWARDED], None, ["source_is_open"], ["note_source_end", "go_on"]),
    _row(
        "later_message_began",
        ["pending", *_FORWARDED],
        None,
        ["source_is_open", "has_content"],
        ["note_source_end", "go_on"],
    ),
    _row("forward", "pending", "streaming", [], ["start_handover", "go_on"]),
    _row("skip", "pending", "skipped", [], ["settle_skipped"]),
    _row("go_on", "streaming", "skipped", ["is_spent", "has_no_content"], ["settle_empty"]),
    _row("go_on", "streaming", "played", ["is_spent", "is_text_only"], ["settle_played"]),
    _row("go_on", "streaming", "draining", ["is_spent"], ["flush"]),
    _row("output_audio_handed_over", _FORWARDED, None, ["handed_over_no_less"], ["count_handed_over", "go_on"]),
    _row("output_playback_started", _FORWARDED, None, ["is_on_the_output", "has_not_started"], ["note_start"]),
    _row("output_playback_progressed", _FORWARDED, None, ["is_on_the_output", "position_is_usable"], ["note_progress"]),
    _row("output_playback_finished", "draining", "played", ["was_not_interrupted"], ["note_whole", "settle_played"]),
    _row("output_playback_finished", "draining", "played", ["is_heard_to_the_end"], ["note_finish", "settle_played"]),
    _row("output_playback_finished", "draining", "partial", ["is_heard"], ["note_finish", "settle_cleared"]),
    _row("output_playback_finished", "draining", "skipped", [], ["note_finish", "settle_skipped"]),
    _row(
        "output_playback_finished",
        "stopping",
        "played",
        ["is_on_the_output", "is_heard_to_the_end"],
        ["note_finish", "settle_played"],
    ),
    _row(
        "output_playback_finished",
        "stopping",
        "partial",
        ["is_on_the_output", "is_heard"],
        ["note_finish", "settle_stopped"],
    ),
    _row("output_playback_finished", "stopping", "skipped", ["is_on_the_output"], ["note_finish", "settle_skipped"]),
    _row("stop", "draining", "stopping", [], ["clear_output"]),
]

_SPEECH_ROWS = [
    _row("authorize", "queued", "waiting", [], ["announce_thinking", "forward_next", "watch"]),
    _row("session_response_created", _ACTIVE, None, ["has_no_response"], ["note_response"]),
    _row("session_response_ended", _ACTIVE, None, ["is_generating_it"], ["note_response_end", "go_on"]),
    _row("message_announced", _ACTIVE, None, ["output_is_free"], ["forward_next", "watch"]),
    _row("message_settled", _ACTIVE, None, ["output_is_free"], ["forward_next", "watch", "go_on"]),
    _row("message_settled", "stopping", None, [], ["go_on"]),
    _row("message_heard", "waiting", "speaking", [], ["announce_speaking"]),
    _row(
        "interrupt",
        _ACTIVE,
        "stopping",
        ["may_interrupt"],
        ["because_interrupted", "cancel_response", "stop_message", "go_on"],
    ),
    _row(
        "go_on",
        _ACTIVE,
        "reconciling",
        ["is_played_out"],
        ["bring_server_in_line", "announce_listening", "go_on"],
    ),
    _row(
        "go_on",
        "stopping",
        "reconciling",
        ["output_is_free"],
        ["skip_pending", "bring_server_in_line", "announce_listening", "go_on"],
    ),
    _row("session_reconciliation_acknowledged", "reconciling", None, ["is_awaited"], ["strike_request", "go_on"]),
    _row("go_on", "reconciling", "failed", ["is_reconciled", "has_failed"], ["unwatch", "report_failed"]),
    _row("go_on", "reconciling", "interrupted", ["is_reconciled", "is_stopped"], ["unwatch", "report_interrupted"]),
    _row("go_on", "reconciling", "completed", ["is_reconciled"], ["unwatch", "report_completed"]),
]


def _machine(states: list[str], rows: list[Any]) -> Machine:
    return Machine(
        model=None,
        states=states,
        transitions=rows,
        initial=states[0],
        auto_transitions=False,
        ignore_invalid_triggers=True,
    )


_MESSAGE_EVENTS = _machine(["pending", *_FORWARDED, "stopping", *sorted(FINAL)], _MESSAGE_ROWS).events
_SPEECH_EVENTS = _machine(
    ["queued", *_ACTIVE, "stopping", "reconciling", "completed", "interrupted", "failed"], _SPEECH_ROWS
).events


class TransitionsMessage(Message):
    """A message whose events `transitions` handles."""

    def deliver(self, name: str, fact: Any = None) -> None:
        _MESSAGE_EVENTS[name].trigger(self, fact)

    def go_on(self, fact: Any = None) -> None:
        _MESSAGE_EVENTS["go_on"].trigger(self, fact)


class TransitionsSpeech(Speech):
    """A speech whose events `transitions` handles."""

    def __init__(self) -> None:
        super().__init__(TransitionsMessage)

    def deliver(self, name: str, fact: Any = None) -> None:
        _SPEECH_EVENTS[name].trigger(self, fact)

    def go_on(self, fact: Any = None) -> None:
        _SPEECH_EVENTS["go_on"].trigger(self, fact)
