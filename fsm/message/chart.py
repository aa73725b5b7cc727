"""The message chart: how one message of a response is played (spec, section 3).

A message waits its turn (`pending`), is handed to the output (`forwarding`) and ends as `played`, `partial` or
`skipped`. While it is forwarded, the same report of the output means different things, so `forwarding` has
three substates:

- `streaming`: its audio is being handed over, more may come;
- `draining`: all of it is handed over and flushed, the output still plays it;
- `stopping`: the output was told to clear, its report of how far it got is awaited.

Transitions of one state and event are tried in the order in which they stand here; the first whose guards hold is
taken. What the guards and actions mean is said in `guards` and `actions`. A cell that no transition
covers is answered by `ANSWERS`.

The speech chart tells a message to `forward`, `stop`, `skip`, `time_out` and `end_source`, and to `watch` over whoever
it waits for. Of a final message it settles with the server what that remembers: `reconcile`, `forget` what was never
heard, `trim` what came late, and `give_up_answer` or `give_up_end` if they did not come in time. Of a later item, which
ends the source of those before it (`later_item_began`), the chart of that message tells them, or else the speech chart.
"""

# python-statemachine's types do not know that a compound state may have transitions without a target.
# mypy: disable-error-code=arg-type

from __future__ import annotations

from typing import Any

from statemachine import State, StateChart

from ..answers import handled, ignored, rejected
from ..chart_model import new_model
from ..naming import named

INTERNAL_EVENTS = (
    "forward",
    "watch",
    "stop",
    "skip",
    "time_out",
    "end_source",
    "later_item_began",
    "reconcile",
    "forget",
    "trim",
    "give_up_answer",
    "give_up_end",
)


class MessageChart(StateChart[Any]):
    """One message."""

    catch_errors_as_events = False
    allow_event_without_transition = False

    def __init__(self, model: Any = None, **options: Any) -> None:
        """Begin one, by default with data of its own (`chart_model`)."""
        super().__init__(new_model("message") if model is None else model, **options)

    pending = State(initial=True)

    class forwarding(State.Compound):  # noqa: N801
        streaming = State(initial=True)
        draining = State()
        stopping = State()

    played = State(final=True)
    partial = State(final=True)
    skipped = State(final=True)

    streaming, draining, stopping = forwarding.streaming, forwarding.draining, forwarding.stopping

    # Announcement. One that comes after the speech has settled is forgotten at once, and nobody waits for the answer if
    # the speech is over.
    named(
        "too_late_out_of_band",
        pending.to(
            skipped,
            event="session_message_added",
            cond="speech_is_settled and speech_is_out_of_band and is_new and is_of_this_response",
            on=["announce", "because_stopped", "settle_skipped"],
        ),
    )
    named(
        "too_late_to_ask",
        pending.to(
            skipped,
            event="session_message_added",
            cond="speech_is_settled and speech_awaits_resumption and is_new and is_of_this_response",
            on=["announce", "because_stopped", "settle_skipped"],
        ),
    )
    named(
        "too_late_and_lost",
        pending.to(
            skipped,
            event="session_message_added",
            cond="speech_is_settled and is_new and is_of_this_response and session_is_lost",
            on=["announce", "because_stopped", "settle_skipped"],
        ),
    )
    named(
        "too_late_and_kept",
        pending.to(
            skipped,
            event="session_message_added",
            cond="speech_is_settled and is_new and is_of_this_response and not server_can_remove",
            on=["announce", "because_stopped", "settle_skipped", "report_cannot_remove"],
        ),
    )
    named(
        "after_the_end",
        pending.to(
            skipped,
            event="session_message_added",
            cond="speech_is_over and is_new and is_of_this_response",
            on=["announce", "because_stopped", "settle_skipped", "remove_late_message"],
        ),
    )
    named(
        "too_late",
        pending.to(
            skipped,
            event="session_message_added",
            cond="speech_is_settled and is_new and is_of_this_response",
            on=["announce", "because_stopped", "settle_skipped", "ask_to_forget", "remove_late_message"],
        ),
    )
    named(
        "next",
        pending.to(
            None,
            event="session_message_added",
            cond="is_new and is_of_this_response and nothing_waits",
            on=["announce", "become_next"],
        ),
    )
    named(
        "in_line",
        pending.to(
            None,
            event="session_message_added",
            cond="is_new and is_of_this_response",
            on=["announce", "line_up"],
        ),
    )

    # What the server sends is collected until the message is final, wherever it is.
    named(
        "first",
        pending.to(
            None,
            event="session_text_received",
            cond="is_text_only and has_no_content",
            on=["collect_text", "begin_to_grow"],
        ),
    )
    pending.to(None, event="session_text_received", on="collect_text")
    # Audio makes it an audio message, unless its text was shown: what the user has read stays a text.
    named(
        "first_of_a_text",
        pending.to(
            None,
            event="session_audio_received",
            cond="is_text_only and brings_playable_audio",
            on=["count_received", "expect_audio", "begin_to_grow"],
        ),
    )
    named(
        "first_of_a_text",
        streaming.to(
            None,
            event="session_audio_received",
            cond="is_text_only and nothing_was_shown and brings_playable_audio",
            on=["count_received", "expect_audio", "begin_to_grow"],
        ),
    )
    named(
        "first",
        pending.to(
            None,
            event="session_audio_received",
            cond="not is_text_only and has_no_content and received_no_less",
            on=["count_received", "begin_to_grow"],
        ),
    )
    pending.to(None, event="session_audio_received", cond="received_no_less", on="count_received")
    named(
        "first",
        forwarding.to(
            None,
            event="session_text_received",
            cond="is_text_only and has_no_content",
            on=["collect_text", "begin_to_grow"],
        ),
    )
    forwarding.to(None, event="session_text_received", on="collect_text")
    draining.to(streaming, event="session_audio_received", cond="received_more", on="count_received")
    named(
        "first",
        forwarding.to(
            None,
            event="session_audio_received",
            cond="not is_text_only and has_no_content and received_no_less",
            on=["count_received", "begin_to_grow"],
        ),
    )
    forwarding.to(None, event="session_audio_received", cond="received_no_less", on="count_received")

    # Its source has ended with its own end, with the response, or when a later item begins (M5). The last is a
    # guess: of a message that has nothing yet, the first audio may still be on its way.
    pending.to(None, event="session_message_ended end_source", cond="not source_has_ended", on="note_source_end")
    pending.to(None, event="later_item_began", cond="not has_no_content", on="note_source_end")
    forwarding.to(None, event="session_message_ended end_source", cond="not source_has_ended", on="note_source_end")
    forwarding.to(None, event="later_item_began", cond="not has_no_content", on="note_source_end")

    # Its turn, or none.
    pending.to(forwarding, event="forward", on=["leave_line", "start_handover"])
    pending.to(skipped, event="skip", on=["leave_line", "because_stopped", "settle_skipped"])

    # The end of its source. An audio message that has had no audio was not heard; a text has been shown, if there is
    # anything to show it.
    named(
        "empty", streaming.to(skipped, cond="has_no_content and is_spent", on=["because_no_content", "settle_skipped"])
    )
    named(
        "text_shown",
        streaming.to(played, cond="is_text_only and is_spent and is_heard", on=["because_finished", "settle_played"]),
    )
    named(
        "text_unseen",
        streaming.to(skipped, cond="is_text_only and is_spent", on=["because_not_shown", "settle_skipped"]),
    )
    named("all_handed_over_and_held", streaming.to(draining, cond="is_spent and output_is_paused", on="flush"))
    named("all_handed_over", streaming.to(draining, cond="is_spent", on=["flush", "watch_playout"]))
    stopping.to(partial, cond="is_text_only and source_has_ended", on=["because_stopped", "settle_partial"])

    # Who is waited for. What had no turn of its own yet may have settled at once.
    streaming.to(None, event="watch", on="watch_source")
    draining.to(None, event="watch", on="watch_playout")

    # Evidence from the output.
    forwarding.to(None, event="output_audio_handed_over", cond="handed_over_no_less", on="count_handed_over")
    named(
        "heard_first",
        forwarding.to(
            None,
            event="output_playback_started",
            cond="nothing_was_heard and is_on_the_output and not has_started",
            on=["note_start", "tell_heard"],
        ),
    )
    forwarding.to(None, event="output_playback_started", cond="is_on_the_output and not has_started", on="note_start")
    named(
        "heard_first",
        forwarding.to(
            None,
            event="output_playback_progressed",
            cond="nothing_was_heard and is_on_the_output and position_is_usable and is_heard",
            on=["note_progress", "tell_heard"],
        ),
    )
    forwarding.to(
        None,
        event="output_playback_progressed",
        cond="is_on_the_output and position_is_usable",
        on="note_progress",
    )

    # The finish, while more may come. All of it can only have been heard if an earlier flush was overtaken by more
    # audio. Else it was cleared from outside (H13), or the output ran dry (O3), or answers that flush alone.
    named(
        "cleared_heard_whole",
        streaming.to(
            played,
            event="output_playback_finished",
            cond="is_on_the_output and is_heard_to_the_end",
            on=["note_finish", "tell_heard", "because_finished", "settle_played"],
        ),
    )
    named(
        "cleared_heard_partly",
        streaming.to(
            partial,
            event="output_playback_finished",
            cond="is_on_the_output and playback_was_interrupted and is_heard",
            on=["note_finish", "tell_heard", "because_cleared", "settle_partial"],
        ),
    )
    named(
        "cleared_unheard",
        streaming.to(
            skipped,
            event="output_playback_finished",
            cond="is_on_the_output and playback_was_interrupted",
            on=["note_finish", "because_cleared", "settle_skipped"],
        ),
    )
    named(
        "ran_dry",
        streaming.to(
            None,
            event="output_playback_finished",
            cond="is_on_the_output and is_heard",
            on=["note_finish", "tell_heard"],
        ),
    )
    named(
        "ran_dry_unheard",
        streaming.to(None, event="output_playback_finished", cond="is_on_the_output", on="note_finish"),
    )

    # The finish of a flushed message.
    named(
        "played_out",
        draining.to(
            played,
            event="output_playback_finished",
            cond="not playback_was_interrupted",
            on=["note_whole", "tell_heard", "because_finished", "settle_played"],
        ),
    )
    named(
        "heard_whole",
        draining.to(
            played,
            event="output_playback_finished",
            cond="is_heard_to_the_end",
            on=["note_finish", "tell_heard", "because_finished", "settle_played"],
        ),
    )
    named(
        "heard_partly",
        draining.to(
            partial,
            event="output_playback_finished",
            cond="is_heard",
            on=["note_finish", "tell_heard", "because_cleared", "settle_partial"],
        ),
    )
    named(
        "unheard",
        draining.to(skipped, event="output_playback_finished", on=["note_finish", "because_cleared", "settle_skipped"]),
    )

    # Stopping, by order of the speech. What was never handed over cannot have been heard.
    named(
        "on_the_output",
        streaming.to(stopping, event="stop", cond="is_on_the_output", on=["clear_output", "watch_clear"]),
    )
    named(
        "text_shown",
        streaming.to(stopping, event="stop", cond="is_text_only and is_heard", on=["freeze_shown_text", "watch_clear"]),
    )
    named("unheard", streaming.to(skipped, event="stop", on=["because_stopped", "settle_skipped"]))
    draining.to(stopping, event="stop", on=["clear_output", "watch_clear"])

    # The report of how far it got. The position decides, not the output's word that it was not interrupted (H7).
    named(
        "heard_whole",
        stopping.to(
            played,
            event="output_playback_finished",
            cond="is_on_the_output and is_heard_to_the_end",
            on=["note_finish", "because_finished", "settle_played"],
        ),
    )
    named(
        "heard_partly",
        stopping.to(
            partial,
            event="output_playback_finished",
            cond="is_on_the_output and is_heard",
            on=["note_finish", "because_stopped", "settle_partial"],
        ),
    )
    named(
        "unheard",
        stopping.to(
            skipped,
            event="output_playback_finished",
            cond="is_on_the_output",
            on=["note_finish", "because_stopped", "settle_skipped"],
        ),
    )

    # An output that broke is asked to stop: it may play on what it has, and say how far it got (H12). The speech hears
    # first that its output is broken, and only then that the message has settled, or it would begin the next one.
    named(
        "on_the_output",
        streaming.to(
            stopping,
            event="output_failed",
            cond="is_on_the_output",
            on=["report_output_failure", "clear_output", "watch_clear"],
        ),
    )
    named(
        "text_shown",
        streaming.to(
            partial,
            event="output_failed",
            cond="is_heard",
            on=["report_output_failure", "because_output_failed", "settle_partial"],
        ),
    )
    named(
        "unheard",
        streaming.to(
            skipped,
            event="output_failed",
            on=["report_output_failure", "because_output_failed", "settle_skipped"],
        ),
    )
    draining.to(stopping, event="output_failed", on=["report_output_failure", "clear_output", "watch_clear"])

    # No report will come: settle by the evidence in hand (H12, O1).
    named(
        "heard_whole",
        stopping.to(
            played,
            event="time_out",
            cond="is_heard_to_the_end",
            on=["note_reckoned", "because_finished", "settle_played"],
        ),
    )
    named(
        "failed_heard_partly",
        stopping.to(
            partial,
            event="time_out",
            cond="is_heard and output_has_failed",
            on=["note_reckoned", "because_output_failed", "settle_partial"],
        ),
    )
    named(
        "heard_partly",
        stopping.to(
            partial,
            event="time_out",
            cond="is_heard",
            on=["note_reckoned", "because_timed_out", "settle_partial"],
        ),
    )
    named(
        "failed_unheard",
        stopping.to(
            skipped, event="time_out", cond="output_has_failed", on=["because_output_failed", "settle_skipped"]
        ),
    )
    named("unheard", stopping.to(skipped, event="time_out", on=["because_timed_out", "settle_skipped"]))


_SOURCE = ("session_text_received", "session_audio_received", "session_message_ended")
_OUTPUT = (
    "output_audio_handed_over",
    "output_playback_started",
    "output_playback_progressed",
    "output_playback_finished",
    "output_failed",
)

ANSWERS = (
    handled("played skipped", "watch", cond="response_has_ended", on="unwatch", name="response_ended"),
    handled("played skipped", "watch", on="watch_response"),
    # What is out of band is in no memory, and nothing is asked about it.
    handled(
        "partial skipped",
        "forget",
        cond="speech_is_out_of_band",
        on=[],
        name="out_of_band",
    ),
    handled("partial", "reconcile", cond="speech_is_out_of_band", on=[], name="out_of_band"),
    handled("played partial skipped", "trim", "give_up_end", cond="speech_is_out_of_band", on=[], name="out_of_band"),
    # Section 8: what the server is asked about a message of which something was heard. Less than 1 ms cannot be kept.
    handled(
        "partial",
        "reconcile",
        cond="has_heard_audio and not server_truncates_by_itself and server_can_truncate",
        on="ask_to_truncate",
        name="audio",
    ),
    handled(
        "partial",
        "reconcile",
        cond="has_heard_audio and not server_truncates_by_itself",
        on="report_cannot_truncate",
        name="audio_stays",
    ),
    handled(
        "partial",
        "reconcile",
        cond="is_text_only and not server_has_what_was_shown and server_can_remove",
        on="ask_to_replace",
        name="text",
    ),
    handled(
        "partial",
        "reconcile",
        cond="is_text_only and not server_has_what_was_shown",
        on="report_text_beyond_heard",
        name="text_stays",
    ),
    # One of which nothing was heard: the speech names all of them in one request.
    handled(
        "partial", "forget", cond="not is_text_only and not has_heard_audio and server_can_remove", on="ask_to_forget"
    ),
    handled(
        "partial",
        "forget",
        cond="not is_text_only and not has_heard_audio",
        on="report_cannot_remove",
        name="stays",
    ),
    handled("skipped", "forget", cond="may_be_remembered and server_can_remove", on="ask_to_forget"),
    handled("skipped", "forget", cond="may_be_remembered", on="report_cannot_remove", name="stays"),
    # One that was heard in full, or had come to nothing, and of which more came after that.
    handled(
        "played partial",
        "trim",
        cond="outgrew_its_record and is_text_only and server_can_remove",
        on=["ask_to_replace", "claim_time"],
        name="text",
    ),
    handled(
        "played partial",
        "trim",
        cond="outgrew_its_record and is_text_only",
        on="report_text_beyond_heard",
        name="text_stays",
    ),
    handled(
        "played",
        "trim",
        cond="outgrew_its_record and not server_truncates_by_itself and server_can_truncate",
        on=["ask_to_trim", "claim_time"],
        name="audio",
    ),
    handled(
        "played",
        "trim",
        cond="outgrew_its_record and not server_truncates_by_itself",
        on="report_cannot_truncate",
        name="audio_stays",
    ),
    handled(
        "skipped",
        "trim",
        cond="outgrew_its_record and server_can_remove",
        on=["ask_to_forget", "remove_late_message", "claim_time"],
    ),
    handled("skipped", "trim", cond="outgrew_its_record", on="report_cannot_remove", name="stays"),
    # What did not come in time.
    handled("played partial skipped", "give_up_answer", on="report_unanswered"),
    handled(
        "played partial", "give_up_end", cond="outgrew_its_record and is_text_only", on="report_unended", name="text"
    ),
    handled(
        "played",
        "give_up_end",
        cond="outgrew_its_record and not server_truncates_by_itself",
        on="report_unended",
        name="audio",
    ),
    handled("skipped", "give_up_end", cond="outgrew_its_record", on="report_unended"),
    # The end of its source was not the end (M5), if more of what was heard in full, or came to nothing, comes while the
    # response runs. What was cut or never heard is truncated or removed, however much there is of it.
    handled(
        "played",
        "session_audio_received",
        cond="received_more and not is_text_only and not response_has_ended",
        on="count_late_audio",
    ),
    handled(
        "played partial",
        "session_text_received",
        cond="is_text_only and not response_has_ended",
        on="collect_late_text",
    ),
    handled(
        "skipped",
        "session_audio_received",
        cond="received_more and not may_be_remembered and not response_has_ended",
        on="count_late_audio",
    ),
    handled(
        "skipped",
        "session_text_received",
        cond="not may_be_remembered and not response_has_ended",
        on="collect_late_text",
    ),
    rejected("foreign_response", "pending", "session_message_added", cond="is_new"),
    ignored("already_announced", "pending forwarding played partial skipped", "session_message_added"),
    rejected("audio_went_backwards", "pending forwarding", "session_audio_received"),
    rejected("audio_went_backwards", "forwarding", "output_audio_handed_over"),
    ignored("already_ended", "pending forwarding", "session_message_ended"),
    rejected("not_forwarding", "pending", *_OUTPUT),
    ignored("already_stopping", "stopping", "output_failed"),
    ignored("already_started", "forwarding", "output_playback_started", cond="has_started"),
    ignored("unusable_position", "forwarding", "output_playback_progressed", cond="is_on_the_output"),
    rejected(
        "nothing_handed_over",
        "forwarding",
        "output_playback_started",
        "output_playback_progressed",
        "output_playback_finished",
    ),
    ignored("already_final", "played partial skipped", *_SOURCE, *_OUTPUT),
)
