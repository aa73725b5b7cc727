"""The workload's charts for sismic.

Its best settings: the charts are read once; contracts are not checked. Each speech and each message has an interpreter.
Rows of one state whose guards may hold together need priorities, or sismic refuses to choose.
"""

from __future__ import annotations

import json
from typing import Any

from rivals.message import Message
from rivals.speech import Speech
from sismic.interpreter import Interpreter
from sismic.io import import_from_yaml
from sismic.model import Statechart

_FACT = "(event.fact)"


def _state(subject: str, name: str, *rows: tuple[str, str, str, str]) -> dict[str, Any]:
    """Return a state: rows are (event, target, guards, actions), with "" for none."""
    transitions = []
    for index, (event, target, guards, actions) in enumerate(rows):
        argument = _FACT if event else "()"
        transition = {"event": event, "target": target}
        transition["guard"] = " and ".join(f"{subject}.{guard}{argument}" for guard in guards.split())
        transition["action"] = "; ".join(f"{subject}.{action}{argument}" for action in actions.split())
        transitions.append({key: value for key, value in transition.items() if value} | {"priority": -index})
    return {"name": name, "on entry": f"{subject}.state = {name!r}", "transitions": transitions}


def _chart(subject: str, states: list[dict[str, Any]], final: list[str]) -> Statechart:
    ends = [{"name": name, "type": "final", "on entry": f"{subject}.state = {name!r}"} for name in final]
    root = {"name": "root", "initial": states[0]["name"], "states": states + ends}
    return import_from_yaml(json.dumps({"statechart": {"name": subject, "root state": root}}))  # JSON is YAML


_FORWARDED = (
    ("session_text_received", "", "", "collect_text"),
    ("end_source", "", "source_is_open", "note_source_end"),
    ("later_message_began", "", "source_is_open has_content", "note_source_end"),
    ("output_audio_handed_over", "", "handed_over_no_less", "count_handed_over"),
    ("output_playback_started", "", "is_on_the_output has_not_started", "note_start"),
    ("output_playback_progressed", "", "is_on_the_output position_is_usable", "note_progress"),
)

_MESSAGE_CHART = _chart(
    "message",
    [
        _state(
            "message",
            "pending",
            ("session_message_added", "", "is_new is_of_this_response", "announce"),
            ("session_text_received", "", "", "collect_text"),
            ("session_audio_received", "", "received_no_less", "count_received"),
            ("end_source", "", "source_is_open", "note_source_end"),
            ("later_message_began", "", "source_is_open has_content", "note_source_end"),
            ("forward", "streaming", "", "start_handover"),
            ("skip", "skipped", "", "settle_skipped"),
        ),
        _state(
            "message",
            "streaming",
            ("", "skipped", "is_spent has_no_content", "settle_empty"),
            ("", "played", "is_spent is_text_only", "settle_played"),
            ("", "draining", "is_spent", "flush"),
            ("session_audio_received", "", "received_no_less", "count_received"),
            *_FORWARDED,
        ),
        _state(
            "message",
            "draining",
            ("session_audio_received", "streaming", "received_more", "count_received"),
            ("session_audio_received", "", "received_no_less", "count_received"),
            ("output_playback_finished", "played", "was_not_interrupted", "note_whole settle_played"),
            ("output_playback_finished", "played", "is_heard_to_the_end", "note_finish settle_played"),
            ("output_playback_finished", "partial", "is_heard", "note_finish settle_cleared"),
            ("output_playback_finished", "skipped", "", "note_finish settle_skipped"),
            ("stop", "stopping", "", "clear_output"),
            *_FORWARDED,
        ),
        _state(
            "message",
            "stopping",
            ("output_playback_finished", "played", "is_on_the_output is_heard_to_the_end", "note_finish settle_played"),
            ("output_playback_finished", "partial", "is_on_the_output is_heard", "note_finish settle_stopped"),
            ("output_playback_finished", "skipped", "is_on_the_output", "note_finish settle_skipped"),
        ),
    ],
    ["played", "partial", "skipped"],
)

_ACTIVE = (
    ("", "reconciling", "is_played_out", "bring_server_in_line announce_listening"),
    ("session_response_created", "", "has_no_response", "note_response"),
    ("session_response_ended", "", "is_generating_it", "note_response_end"),
    ("message_announced", "", "output_is_free", "forward_next watch"),
    ("message_settled", "", "output_is_free", "forward_next watch"),
    ("interrupt", "stopping", "may_interrupt", "because_interrupted cancel_response stop_message"),
)

_SPEECH_CHART = _chart(
    "speech",
    [
        _state("speech", "queued", ("authorize", "waiting", "", "announce_thinking forward_next watch")),
        _state("speech", "waiting", ("message_heard", "speaking", "", "announce_speaking"), *_ACTIVE),
        _state("speech", "speaking", *_ACTIVE),
        _state(
            "speech",
            "stopping",
            ("", "reconciling", "output_is_free", "skip_pending bring_server_in_line announce_listening"),
        ),
        _state(
            "speech",
            "reconciling",
            ("", "failed", "is_reconciled has_failed", "unwatch report_failed"),
            ("", "interrupted", "is_reconciled is_stopped", "unwatch report_interrupted"),
            ("", "completed", "is_reconciled", "unwatch report_completed"),
            ("session_reconciliation_acknowledged", "", "is_awaited", "strike_request"),
        ),
    ],
    ["completed", "interrupted", "failed"],
)


class SismicMessage(Message):
    """A message whose events sismic handles."""

    def __init__(self, speech: Speech, message_id: str) -> None:
        super().__init__(speech, message_id)
        self.interpreter = _begin(_MESSAGE_CHART, message=self)

    def deliver(self, name: str, fact: Any = None) -> None:
        self.interpreter.queue(name, fact=fact).execute()


class SismicSpeech(Speech):
    """A speech whose events sismic handles."""

    def __init__(self) -> None:
        super().__init__(SismicMessage)
        self.interpreter = _begin(_SPEECH_CHART, speech=self)

    def deliver(self, name: str, fact: Any = None) -> None:
        self.interpreter.queue(name, fact=fact).execute()


def _begin(chart: Statechart, **context: Any) -> Interpreter:
    interpreter = Interpreter(chart, initial_context=context, ignore_contract=True)
    interpreter.execute_once()
    return interpreter
