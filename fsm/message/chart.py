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

`forward`, `stop`, `skip`, `time_out` and `end_source` are told by the speech chart, `later_message_began` by the
chart of the message that began.
"""

# python-statemachine's types do not know that a compound state may have transitions without a target.
# mypy: disable-error-code=arg-type

from __future__ import annotations

from typing import Any

from statemachine import State, StateChart

from ..answers import handled, ignored, rejected
from ..chart_model import new_model

INTERNAL_EVENTS = ("forward", "stop", "skip", "time_out", "end_source", "later_message_began")


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

    # Announcement. One that comes after the speech has settled is forgotten at once.
    pending.to(
        skipped,
        event="session_message_added",
        cond="speech_is_settled and is_new and is_of_this_response",
        on=["announce", "because_stopped", "settle_skipped", "remove_late_message"],
    )
    pending.to(None, event="session_message_added", cond="is_new and is_of_this_response", on="announce")

    # What the server sends is collected until the message is final, wherever it is.
    pending.to(None, event="session_text_received", on="collect_text")
    pending.to(None, event="session_audio_received", cond="received_no_less", on="count_received")
    forwarding.to(None, event="session_text_received", on="collect_text")
    draining.to(streaming, event="session_audio_received", cond="received_more", on="count_received")
    forwarding.to(None, event="session_audio_received", cond="received_no_less", on="count_received")

    # Its source has ended with its own end, with the response, or when a later message begins (M5). The last is a
    # guess: of a message that has nothing yet, the first audio may still be on its way.
    pending.to(None, event="session_message_ended end_source", cond="not source_has_ended", on="note_source_end")
    pending.to(None, event="later_message_began", cond="not has_no_content", on="note_source_end")
    forwarding.to(None, event="session_message_ended end_source", cond="not source_has_ended", on="note_source_end")
    forwarding.to(None, event="later_message_began", cond="not has_no_content", on="note_source_end")

    # Its turn, or none.
    pending.to(forwarding, event="forward", on="start_handover")
    pending.to(skipped, event="skip", on=["because_stopped", "settle_skipped"])

    # The end of its source. An audio message that has had no audio was not heard; a text has been shown.
    streaming.to(skipped, cond="has_no_content and is_spent", on=["because_no_content", "settle_skipped"])
    streaming.to(played, cond="is_text_only and is_spent", on=["because_finished", "settle_played"])
    streaming.to(draining, cond="is_spent", on="flush")
    stopping.to(partial, cond="is_text_only and source_has_ended", on=["because_stopped", "settle_partial"])

    # Evidence from the output.
    forwarding.to(None, event="output_audio_handed_over", cond="handed_over_no_less", on="count_handed_over")
    forwarding.to(None, event="output_playback_started", cond="is_on_the_output and not has_started", on="note_start")
    forwarding.to(
        None,
        event="output_playback_progressed",
        cond="is_on_the_output and position_is_usable",
        on="note_progress",
    )

    # The finish, while more may come: either it was cleared from outside (H13), or the output ran dry (O3). All of it
    # can only have been heard if an earlier flush was overtaken by more audio.
    streaming.to(
        played,
        event="output_playback_finished",
        cond="is_on_the_output and playback_was_interrupted and is_heard_to_the_end",
        on=["note_finish", "because_finished", "settle_played"],
    )
    streaming.to(
        partial,
        event="output_playback_finished",
        cond="is_on_the_output and playback_was_interrupted and is_heard",
        on=["note_finish", "because_cleared", "settle_partial"],
    )
    streaming.to(
        skipped,
        event="output_playback_finished",
        cond="is_on_the_output and playback_was_interrupted",
        on=["note_finish", "because_cleared", "settle_skipped"],
    )
    streaming.to(None, event="output_playback_finished", cond="is_on_the_output", on="note_finish")

    # The finish of a flushed message.
    draining.to(
        played,
        event="output_playback_finished",
        cond="not playback_was_interrupted",
        on=["note_whole", "because_finished", "settle_played"],
    )
    draining.to(
        played,
        event="output_playback_finished",
        cond="is_heard_to_the_end",
        on=["note_finish", "because_finished", "settle_played"],
    )
    draining.to(
        partial,
        event="output_playback_finished",
        cond="is_heard",
        on=["note_finish", "because_cleared", "settle_partial"],
    )
    draining.to(skipped, event="output_playback_finished", on=["note_finish", "because_cleared", "settle_skipped"])

    # Stopping, by order of the speech. What was never handed over cannot have been heard.
    streaming.to(stopping, event="stop", cond="is_on_the_output", on="clear_output")
    streaming.to(stopping, event="stop", cond="is_text_only and is_heard", on="freeze_shown_text")
    streaming.to(skipped, event="stop", on=["because_stopped", "settle_skipped"])
    draining.to(stopping, event="stop", on="clear_output")

    # The report of how far it got. The position decides, not the output's word that it was not interrupted (H7).
    stopping.to(
        played,
        event="output_playback_finished",
        cond="is_on_the_output and is_heard_to_the_end",
        on=["note_finish", "because_finished", "settle_played"],
    )
    stopping.to(
        partial,
        event="output_playback_finished",
        cond="is_on_the_output and is_heard",
        on=["note_finish", "because_stopped", "settle_partial"],
    )
    stopping.to(
        skipped,
        event="output_playback_finished",
        cond="is_on_the_output",
        on=["note_finish", "because_stopped", "settle_skipped"],
    )

    # No report will come: settle by the evidence in hand (H12, O1). The speech hears first that its output is broken,
    # and only then that the message has settled, or it would begin the next one.
    forwarding.to(
        played,
        event="output_failed",
        cond="is_heard_to_the_end",
        on=["report_output_failure", "because_finished", "settle_played"],
    )
    forwarding.to(
        partial,
        event="output_failed",
        cond="is_heard",
        on=["report_output_failure", "because_output_failed", "settle_partial"],
    )
    forwarding.to(
        skipped,
        event="output_failed",
        on=["report_output_failure", "because_output_failed", "settle_skipped"],
    )
    stopping.to(played, event="time_out", cond="is_heard_to_the_end", on=["because_finished", "settle_played"])
    stopping.to(partial, event="time_out", cond="is_heard", on=["because_timed_out", "settle_partial"])
    stopping.to(skipped, event="time_out", on=["because_timed_out", "settle_skipped"])


_SOURCE = ("session_text_received", "session_audio_received", "session_message_ended")
_OUTPUT = (
    "output_audio_handed_over",
    "output_playback_started",
    "output_playback_progressed",
    "output_playback_finished",
    "output_failed",
)

ANSWERS = (
    # The end of its source was only a guess (M5), if more of what was heard in full comes while the response runs. What
    # was cut or never heard is truncated or removed, however much there is of it.
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
    rejected("foreign_response", "pending", "session_message_added", cond="is_new"),
    ignored("already_announced", "pending forwarding played partial skipped", "session_message_added"),
    rejected("audio_went_backwards", "pending forwarding", "session_audio_received"),
    rejected("audio_went_backwards", "forwarding", "output_audio_handed_over"),
    ignored("already_ended", "pending forwarding", "session_message_ended"),
    rejected("not_forwarding", "pending", *_OUTPUT),
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
