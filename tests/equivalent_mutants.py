"""Mutants that do what the original does, each with the reason. `make mutants` fails if one is found after all."""

from __future__ import annotations

SWAPPED = "the two actions change different data, or give effects to different receivers"
"""Why actions in another order are the same, if nothing differs: the comparison shows it, there is no more to say."""

_SKIPPED = "the record of a skipped message says nothing of the finish, and the timer is started anew behind it"

_HEARD_TO_THE_END = "what is heard to the end has been handed over"

EQUIVALENT: dict[str, str] = {
    "message.pending.end_source: unguarded": "to be told of the end once more changes nothing",
    "message.forwarding.end_source: unguarded": (
        "the end of the response or session counts already, and nothing was flushed in between"
    ),
    "message.streaming.stop#text_shown: guard dropped is_text_only": (
        "of an audio message only what is on the output can be heard, and that is taken by the transition before"
    ),
    "message.draining.output_playback_finished#unheard: action dropped note_finish": _SKIPPED,
    "message.streaming.output_playback_finished#cleared_unheard: action dropped note_finish": _SKIPPED,
    "message.stopping.output_playback_finished#unheard: action dropped note_finish": _SKIPPED,
    "message.streaming.stop#on_the_output: order swapped with text_shown": (
        "what is on the output is audio, so no message takes both"
    ),
    "message.pending.session_message_added#too_late: guard dropped is_new": (
        "once a speech is settled, no message that was announced is pending"
    ),
    "message.stopping.output_playback_finished#heard_whole: guard dropped is_on_the_output": _HEARD_TO_THE_END,
    "message.streaming.output_playback_finished#cleared_heard_whole: guard dropped is_on_the_output": _HEARD_TO_THE_END,
    "speech.active.timer_fired#progressed: action dropped note_timer": (
        "the watch that follows starts a timer in its place"
    ),
}


def reason_of(mutant_id: str, kind: str) -> str:
    """Return why a mutant is equivalent, or "" if that is not known."""
    return EQUIVALENT.get(mutant_id) or (SWAPPED if kind == "actions swapped" else "")
