"""The speech chart: how the messages of one response are played to the listener (spec, section 4).

There is one way out, from wherever the speech is: the messages settle (`stopping`), the server is brought in line
(`reconciling`), and the speech is over. Finishing, interruption, close, a failed output, a lost session and the
watchdog all take it.

Transitions of one state and event are tried in the order in which they stand here, those of a substate before those of
its parent. What the guards and actions mean is said in `guards` and `actions`. A cell that no transition
covers is answered by `ANSWERS`.

`message_announced`, `message_heard`, `message_settled`, `message_output_failed` and `request_made` are raised by the
message chart, `go_on` by this one.
"""

# python-statemachine's types do not know that a compound state may have transitions without a target.
# mypy: disable-error-code=arg-type

from __future__ import annotations

from typing import Any

from statemachine import State, StateChart

from ..answers import ignored, rejected
from ..chart_model import new_model
from ..naming import named

INTERNAL_EVENTS = (
    "message_announced",
    "message_heard",
    "message_settled",
    "message_output_failed",
    "request_made",
    "go_on",
)


class SpeechChart(StateChart[Any]):
    """One speech."""

    catch_errors_as_events = False
    allow_event_without_transition = False

    def __init__(self, model: Any = None, **options: Any) -> None:
        """Begin one, by default with data of its own (`chart_model`)."""
        super().__init__(new_model("speech") if model is None else model, **options)

    queued = State(initial=True)

    class active(State.Compound):  # noqa: N801
        waiting = State(initial=True)
        speaking = State()
        paused = State()

    stopping = State()
    reconciling = State()
    completed = State(final=True)
    interrupted = State(final=True)
    failed = State(final=True)

    waiting, speaking, paused = active.waiting, active.speaking, active.paused

    # The floor.
    queued.to(active, event="authorize", on=["announce_thinking", "pass_turn"])

    # The response. One that appears after the interruption is cancelled as soon as it has a name (C2);
    # nothing is left to stop then, so that can only be while `reconciling`.
    queued.to(None, event="session_response_created", cond="has_no_response", on="note_response")
    active.to(None, event="session_response_created", cond="has_no_response", on="note_response")
    reconciling.to(
        None,
        event="session_response_created",
        cond="has_no_response",
        on=["note_response", "cancel_response"],
    )
    queued.to(None, event="session_response_ended", cond="is_generating_it", on="note_response_end")
    active.to(None, event="session_response_ended", cond="is_generating_it", on="note_response_end")
    stopping.to(None, event="session_response_ended", cond="is_generating_it", on="note_response_end")
    reconciling.to(
        None,
        event="session_response_ended",
        cond="is_generating_it",
        on=["note_response_end", "trim_messages"],
    )
    reconciling.to(None, event="request_made", cond="has_progressed", on="await_answers")

    # The request that comes to nothing: the server refuses it, or it was dropped before it was sent. There are no
    # messages then. Nobody waits for a response (C1, C3).
    paused.to(
        stopping,
        event="session_request_refused",
        cond="has_no_response",
        on=["because_source_failed", "note_refusal", "resume_output"],
    )
    queued.to(
        stopping,
        event="session_request_refused",
        cond="has_no_response",
        on=["because_source_failed", "note_refusal"],
    )
    active.to(
        stopping,
        event="session_request_refused",
        cond="has_no_response",
        on=["because_source_failed", "note_refusal"],
    )
    reconciling.to(None, event="session_request_refused", cond="has_no_response", on="note_refusal")
    reconciling.to(None, event="drop_request", cond="has_no_response", on="note_no_response")

    # What is generated may be cancelled, once (C4), without stopping what has come.
    queued.to(None, event="cancel_generation", cond="response_is_generating", on="cancel_response")
    active.to(None, event="cancel_generation", cond="response_is_generating", on="cancel_response")

    # An item that is no message, such as a function call, ends the messages before it as the next message would (M5).
    queued.to(None, event="session_item_added", cond="is_generating_it", on="note_item")
    active.to(None, event="session_item_added", cond="is_generating_it", on="note_item")
    stopping.to(None, event="session_item_added", cond="is_generating_it", on="note_item")

    # A server may work for long without anything to play. That it says so holds the timer that waits for it (N15).
    active.to(
        None,
        event="session_response_progressed",
        cond="is_generating_it and source_is_watched",
        on="note_progress",
    )

    # One message after the other; none starts while the speech is held.
    paused.to(None, event="message_announced message_settled")
    active.to(None, event="message_announced", cond="output_is_free", on="take_turn")
    named("message_left", active.to(None, event="go_on message_settled", cond="a_message_is_left", on="take_turn"))
    named("response_ended", active.to(None, event="message_settled", cond="response_has_ended", on="unwatch"))
    active.to(None, event="go_on message_settled", on="await_source")

    # Speaking begins with the first audible frame of the speech, not of each message.
    waiting.to(speaking, event="message_heard", on="announce_speaking")
    paused.to(None, event="message_heard", on="note_heard")

    # Pause and resume.
    waiting.to(paused, event="pause", cond="output_can_pause", on=["pause_output", "announce_listening", "unwatch"])
    speaking.to(paused, event="pause", cond="output_can_pause", on=["pause_output", "announce_listening", "unwatch"])
    named(
        "heard_before",
        paused.to(
            speaking,
            event="resume",
            cond="was_heard",
            on=["count_hold", "resume_output", "announce_speaking", "pass_turn"],
        ),
    )
    named(
        "unheard_before",
        paused.to(waiting, event="resume", on=["count_hold", "resume_output", "announce_thinking", "pass_turn"]),
    )

    # Stopping. A hold ends only after the output was cleared (P1).
    named(
        "generating",
        queued.to(
            stopping,
            event="interrupt",
            cond="may_interrupt and response_is_generating",
            on=["because_never_authorized", "cancel_response"],
        ),
    )
    queued.to(stopping, event="interrupt", cond="may_interrupt", on="because_never_authorized")
    named(
        "generating",
        paused.to(
            stopping,
            event="interrupt",
            cond="may_interrupt and response_is_generating",
            on=["because_interrupted", "cancel_response", "stop_message", "resume_output"],
        ),
    )
    paused.to(
        stopping, event="interrupt", cond="may_interrupt", on=["because_interrupted", "stop_message", "resume_output"]
    )
    named(
        "generating",
        active.to(
            stopping,
            event="interrupt",
            cond="may_interrupt and response_is_generating",
            on=["because_interrupted", "cancel_response", "stop_message"],
        ),
    )
    active.to(stopping, event="interrupt", cond="may_interrupt", on=["because_interrupted", "stop_message"])
    named(
        "generating",
        queued.to(stopping, event="close", cond="response_is_generating", on=["because_closed", "cancel_response"]),
    )
    queued.to(stopping, event="close", on="because_closed")
    named(
        "generating",
        paused.to(
            stopping,
            event="close",
            cond="response_is_generating",
            on=["because_closed", "cancel_response", "stop_message", "resume_output"],
        ),
    )
    paused.to(stopping, event="close", on=["because_closed", "stop_message", "resume_output"])
    named(
        "generating",
        active.to(
            stopping,
            event="close",
            cond="response_is_generating",
            on=["because_closed", "cancel_response", "stop_message"],
        ),
    )
    active.to(stopping, event="close", on=["because_closed", "stop_message"])
    # A connection that is gone may come back, and the server may have kept the conversation: nothing is asked of it
    # until that is known.
    named(
        "resumable",
        queued.to(
            stopping,
            event="session_lost",
            cond="may_resume and server_may_remember",
            on=["because_source_failed", "note_why_lost", "await_resumption"],
        ),
    )
    queued.to(stopping, event="session_lost", on=["because_source_failed", "note_why_lost", "note_session_lost"])
    named(
        "resumable",
        paused.to(
            stopping,
            event="session_lost",
            cond="may_resume and server_may_remember",
            on=["because_source_failed", "note_why_lost", "stop_message", "await_resumption", "resume_output"],
        ),
    )
    paused.to(
        stopping,
        event="session_lost",
        on=["because_source_failed", "note_why_lost", "stop_message", "note_session_lost", "resume_output"],
    )
    named(
        "resumable",
        active.to(
            stopping,
            event="session_lost",
            cond="may_resume and server_may_remember",
            on=["because_source_failed", "note_why_lost", "stop_message", "await_resumption"],
        ),
    )
    active.to(
        stopping,
        event="session_lost",
        on=["because_source_failed", "note_why_lost", "stop_message", "note_session_lost"],
    )
    named(
        "generating",
        paused.to(
            stopping,
            event="message_output_failed",
            cond="response_is_generating",
            on=["because_output_failed", "cancel_response", "resume_output"],
        ),
    )
    paused.to(stopping, event="message_output_failed", on=["because_output_failed", "resume_output"])
    named(
        "generating",
        active.to(
            stopping,
            event="message_output_failed",
            cond="response_is_generating",
            on=["because_output_failed", "cancel_response"],
        ),
    )
    active.to(stopping, event="message_output_failed", on="because_output_failed")

    # The watchdog: as long as facts come, it waits on.
    named(
        "progressed",
        active.to(None, event="timer_fired", cond="is_due and has_progressed", on=["note_timer", "pass_turn"]),
    )
    named(
        "silent_while_generating",
        active.to(
            stopping,
            event="timer_fired",
            cond="is_due and response_is_generating",
            on=["note_timer", "because_timed_out", "cancel_response", "stop_message"],
        ),
    )
    named(
        "silent",
        active.to(stopping, event="timer_fired", cond="is_due", on=["note_timer", "because_timed_out", "stop_message"]),
    )

    # The output's report of the stopped message.
    stopping.to(None, event="message_settled")
    stopping.to(None, event="timer_fired", cond="is_due", on=["note_timer", "time_out_message"])
    named(
        "resumable",
        stopping.to(
            None,
            event="session_lost",
            cond="may_resume and server_may_remember and has_a_session",
            on="await_resumption",
        ),
    )
    stopping.to(
        None,
        event="session_lost",
        cond="(not may_resume or not server_may_remember) and not session_is_lost",
        on="note_session_lost",
    )
    named(
        "kept",
        stopping.to(
            None, event="session_resumed", cond="awaits_resumption and conversation_is_kept", on="note_resumption"
        ),
    )
    stopping.to(None, event="session_resumed", cond="awaits_resumption", on="note_session_lost")

    # The one way out.
    paused.to(
        reconciling,
        cond="is_played_out",
        on=["resume_output", "bring_server_in_line", "trim_messages", "await_answers_if_any"],
    )
    active.to(
        reconciling,
        cond="is_played_out",
        on=["bring_server_in_line", "trim_messages", "await_answers_if_any", "announce_listening"],
    )
    named(
        "session_lost",
        stopping.to(
            reconciling,
            cond="output_is_free and session_is_lost",
            on=["skip_pending", "unwatch", "announce_listening"],
        ),
    )
    named(
        "awaiting_resumption",
        stopping.to(
            reconciling,
            cond="output_is_free and awaits_resumption",
            on=["skip_pending", "bound_resumption", "announce_listening"],
        ),
    )
    named(
        "response_ended",
        stopping.to(
            reconciling,
            cond="output_is_free and response_has_ended",
            on=["skip_pending", "bring_server_in_line", "trim_messages", "await_answers_if_any", "announce_listening"],
        ),
    )
    stopping.to(
        reconciling,
        cond="output_is_free",
        on=["skip_pending", "bring_server_in_line", "await_answers", "announce_listening"],
    )

    # The server's answers. A refusal is never fatal (T9).
    reconciling.to(
        None, event="session_reconciliation_acknowledged", cond="is_awaited and has_a_session", on="strike_request"
    )
    named(
        "nothing_unheard_left",
        reconciling.to(
            None,
            event="session_reconciliation_refused",
            cond="is_awaited and has_a_session and nothing_unheard_is_left",
            on="strike_request",
        ),
    )
    named(
        "unheard_left",
        reconciling.to(
            None,
            event="session_reconciliation_refused",
            cond="is_awaited and has_a_session",
            on=["strike_request", "report_refusal"],
        ),
    )
    named(
        "never_resumed",
        reconciling.to(
            None, event="timer_fired", cond="is_due and awaits_resumption", on=["note_timer", "note_session_lost"]
        ),
    )
    named(
        "response_ended",
        reconciling.to(None, event="timer_fired", cond="is_due and response_has_ended", on=["note_timer", "give_up"]),
    )
    reconciling.to(None, event="timer_fired", cond="is_due", on=["note_timer", "give_up", "give_up_response"])

    # The connection, once more: what the server kept and has not confirmed is asked for again.
    named(
        "resumable",
        reconciling.to(
            None,
            event="session_lost",
            cond="may_resume and server_is_not_in_line and has_a_session",
            on=["await_resumption", "bound_resumption"],
        ),
    )
    named(
        "nothing_owed",
        reconciling.to(None, event="session_lost", cond="may_resume and has_a_session", on="note_session_lost"),
    )
    reconciling.to(None, event="session_lost", cond="not may_resume", on="note_session_lost")
    named(
        "kept",
        reconciling.to(
            None,
            event="session_resumed",
            cond="awaits_resumption and conversation_is_kept",
            on=["note_resumption", "bring_server_in_line_again", "await_answers_if_any"],
        ),
    )
    reconciling.to(None, event="session_resumed", cond="awaits_resumption", on="note_session_lost")

    named("failed", reconciling.to(failed, cond="is_reconciled and has_failed", on=["unwatch", "report_failed"]))
    named(
        "interrupted",
        reconciling.to(interrupted, cond="is_reconciled and is_stopped", on=["unwatch", "report_interrupted"]),
    )
    named("completed", reconciling.to(completed, cond="is_reconciled", on=["unwatch", "report_completed"]))


_OVER = "completed interrupted failed"
_ANSWERS_OF_SERVER = ("session_reconciliation_acknowledged", "session_reconciliation_refused")

ANSWERS = (
    ignored("already_authorized", "active", "authorize"),
    ignored("already_stopping", "stopping reconciling", "authorize", "interrupt", "close", "pause", "resume"),
    rejected("not_interruptible", "queued active", "interrupt"),
    ignored("nothing_to_hold", "queued", "pause", "resume"),
    ignored("already_paused", "paused", "pause"),
    rejected("output_cannot_pause", "active", "pause"),
    ignored("not_paused", "active", "resume"),
    ignored(
        "already_created",
        "queued active stopping reconciling",
        "session_response_created",
        cond="is_own_response",
    ),
    rejected("foreign_response", "queued active stopping reconciling", "session_response_created"),
    ignored(
        "already_ended",
        "queued active stopping reconciling",
        "session_response_ended",
        cond="is_own_response",
    ),
    rejected("foreign_response", "queued active stopping reconciling", "session_response_ended"),
    ignored("already_created", "queued active stopping reconciling", "session_request_refused"),
    rejected("still_wanted", "queued active", "drop_request"),
    ignored("already_created", "stopping reconciling", "drop_request"),
    ignored("not_generating", "queued active stopping reconciling", "cancel_generation"),
    ignored("already_settled", "reconciling", "session_item_added", cond="is_generating_it"),
    ignored("already_ended", "queued active stopping reconciling", "session_item_added", cond="is_own_response"),
    rejected("foreign_response", "queued active stopping reconciling", "session_item_added"),
    ignored("not_awaited", "queued active stopping reconciling", "session_response_progressed", cond="is_own_response"),
    rejected("foreign_response", "queued active stopping reconciling", "session_response_progressed"),
    ignored("already_lost", "stopping reconciling", "session_lost"),
    ignored("not_awaited", "queued active stopping reconciling", "session_resumed"),
    rejected("nothing_requested", "queued active stopping", *_ANSWERS_OF_SERVER),
    ignored("not_awaited", "reconciling", *_ANSWERS_OF_SERVER),
    ignored("stale_timer", "queued active stopping reconciling", "timer_fired"),
    ignored(
        "speech_is_over",
        _OVER,
        "authorize",
        "interrupt",
        "pause",
        "resume",
        "close",
        "drop_request",
        "cancel_generation",
        "session_request_refused",
        "session_response_created",
        "session_response_ended",
        "session_item_added",
        "session_response_progressed",
        "session_lost",
        "session_resumed",
        *_ANSWERS_OF_SERVER,
        "timer_fired",
    ),
)
