"""Mutants that do what the original does, each with the reason. `make mutants` fails if one is found after all."""

from __future__ import annotations

SWAPPED = "the two actions change different data, or give effects to different receivers"
"""Why actions in another order are the same, if nothing differs: the comparison shows it, there is no more to say."""

_BECAUSE: dict[str, tuple[str, ...]] = {
    "the conditions of the two exclude each other": (
        "speech.stopping.session_lost#resumable: order swapped with speech.stopping.session_lost",
        "speech.stopping.eventless#session_lost: order swapped with awaiting_resumption",
        "speech.reconciling.session_lost#nothing_owed: order swapped with speech.reconciling.session_lost",
        "message.pending.session_audio_received#first_of_a_text: order swapped with first",
        "message.streaming.eventless#empty: order swapped with text_shown",
        "message.streaming.stop#on_the_output: order swapped with text_shown",
        "message.partial.reconcile#audio_stays: order swapped with text",
        "conversation.silent.user_started_speaking#interrupting: order swapped with holding",
        "conversation.talking.user_started_speaking#interrupting: order swapped with holding",
        "conversation.held.interrupt: order swapped with of_nothing",
        "conversation.suspended.interrupt: order swapped with of_nothing",
        "conversation.idle.request_response#sent: order swapped with disconnected",
        "conversation.idle.session_response_created#own: order swapped with leaving",
        "conversation.requested.session_response_created#own: order swapped with leaving",
        "conversation.generating.session_response_created#own: order swapped with leaving",
        "conversation.listening.eventless#audible: order swapped with preparing",
        "conversation.thinking.eventless#audible: order swapped with at_rest",
        "conversation.speaking.eventless#preparing: order swapped with at_rest",
    ),
    "what would take both is taken by a transition before": (
        "message.streaming.output_playback_finished#cleared_unheard: order swapped with ran_dry",
        "message.stopping.time_out#heard_partly: order swapped with failed_unheard",
    ),
    "both do the same": (
        "speech.reconciling.session_lost#nothing_owed: guard dropped may_resume",
        "message.pending.session_message_added#too_late_out_of_band: order swapped with too_late_to_ask",
        "message.pending.session_message_added#too_late_to_ask: order swapped with too_late_and_lost",
        "message.played.give_up_end#text: order swapped with audio",
        "conversation.requested.session_response_created#asked_for: order swapped with taken_over",
    ),
    "no message has been announced, so from any of these states the speech goes on at once to the same end": (
        "speech.queued.session_request_refused: goes to waiting",
        "speech.queued.session_request_refused: goes to speaking",
        "speech.queued.session_request_refused: goes to reconciling",
        "speech.active.session_request_refused: goes to waiting",
        "speech.active.session_request_refused: goes to speaking",
        "speech.active.session_request_refused: stays",
        "speech.paused.session_request_refused: goes to waiting",
        "speech.paused.session_request_refused: goes to speaking",
        "speech.paused.session_request_refused: goes to reconciling",
    ),
    "the wait that follows, for the output or for the server, starts a timer in its place": (
        "speech.active.timer_fired#silent_while_generating: action dropped note_timer",
        "speech.active.timer_fired#progressed: action dropped note_timer",
    ),
    "nothing is awaited then, so the speech ends at once, and that stops the timer": (
        "speech.stopping.eventless#session_lost: action dropped unwatch",
        "speech.actions.await_answers_if_any, line 6: cancel_timer(run, speech) becomes nothing",
    ),
    "that its source has ended is noted, and to note it once more changes nothing": (
        "message.pending.end_source: unguarded",
        "message.forwarding.end_source: unguarded",
    ),
    "what was heard to the end was handed over": (
        "message.streaming.output_playback_finished#cleared_heard_whole: guard dropped is_on_the_output",
        "message.stopping.output_playback_finished#heard_whole: guard dropped is_on_the_output",
    ),
    "of audio that was not handed over nothing is heard": (
        "message.streaming.stop#text_shown: guard dropped is_text_only",
    ),
    "what has not begun is at 0 either way": (
        "message.evidence._has_just_begun, line 5: not message.has_started or at_ms is None or message.most_at_ms is"
        " None becomes at_ms is None or message.most_at_ms is None",
    ),
    "once a speech is settled, no message that was announced is pending": (
        "message.pending.session_message_added#too_late: guard dropped is_new",
        "message.pending.session_message_added#too_late_out_of_band: guard dropped is_new",
        "message.pending.session_message_added#too_late_to_ask: guard dropped is_new",
        "message.pending.session_message_added#too_late_and_lost: guard dropped is_new",
        "message.pending.session_message_added#too_late_and_kept: guard dropped is_new",
        "message.pending.session_message_added#after_the_end: guard dropped is_new",
    ),
    "a message that was announced and is pending waits": (
        "message.pending.session_message_added#next: guard dropped is_new",
    ),
    "nothing has been received of it, and less than nothing is malformed": (
        "message.pending.session_audio_received#first: guard dropped received_no_less",
        "message.forwarding.session_audio_received#first: guard dropped received_no_less",
    ),
    "only messages that have content are told": ("message.pending.later_item_began: unguarded",),
    "to be told once more that it is heard changes nothing: a speech that was heard speaks, or is held": (
        "message.forwarding.output_playback_progressed#heard_first: guard dropped nothing_was_heard",
    ),
    "it is asked only while nothing was heard, and so neither a start nor a progress was reported": (
        "message.evidence.is_heard, line 10: message.has_started or message.position_ms > 0 or"
        " (usable_position_ms(event, message.hande... becomes message.position_ms > 0 or (usable_position_ms(event,"
        " message.handed_over_ms) or 0) > 0",
        "message.evidence.is_heard, line 10: message.has_started or message.position_ms > 0 or"
        " (usable_position_ms(event, message.hande... becomes message.has_started or (usable_position_ms(event,"
        " message.handed_over_ms) or 0) > 0",
        "message.evidence.is_heard, line 11: 0 becomes 1",
    ),
    "whether the position is usable has been asked before": (
        "message.evidence.is_heard, line 12: usable_position_ms(event, message.handed_over_ms) or 0 becomes"
        " usable_position_ms(event, message.handed_over_ms)",
    ),
    "the other part of the condition holds of no position too": (
        "message.evidence.usable_position_ms, line 3: event.position_ms is None or not is_usable(event) becomes"
        " not is_usable(event)",
    ),
    "of what was cut, only a text outgrows its record": (
        "message.partial.trim#text: guard dropped is_text_only",
        "message.partial.trim#text_stays: guard dropped is_text_only",
        "message.partial.give_up_end#text: guard dropped is_text_only",
    ),
    "it is asked only of messages that have settled, and these have a record": (
        "state.Message.outgrew_its_record, line 4: if record is None: becomes nothing",
        "state.Message.outgrew_its_record, line 5: False becomes True",
    ),
    "of a message without audio nothing is heard": (
        "message.evidence.is_heard_to_the_end, line 5: 0 < message.received_ms == message.handed_over_ms becomes"
        " 0 <= message.received_ms == message.handed_over_ms",
    ),
    "of what was not heard the position is 0": (
        "message.actions.settle_skipped, line 3: message.position_ms = 0 becomes nothing",
    ),
    "a text that was played has words": (
        "message.actions.settle_played, line 3: message.text or not message.expects_audio becomes message.text",
    ),
    "it only lets Python append in place": (
        "message.actions.collect_text, line 7: message.text = '' becomes nothing",
        "message.actions.collect_text, line 7: '' becomes 'not '",
    ),
    "there is one: it is only for the type checker": (
        "message.actions.line_up, line 3: speech.last_id or '' becomes speech.last_id",
        "message.actions.line_up, line 3: '' becomes 'not '",
        "state.Speech.message_in_turn, line 7: self.forwarding_id or self.next_id or '' becomes"
        " self.forwarding_id or self.next_id",
        "state.Speech.message_in_turn, line 7: '' becomes 'not '",
    ),
    "if the two are equal, both ways give the same": (
        "message.evidence._word_prefix, line 8: message.received_ms > spoken_ms becomes"
        " message.received_ms >= spoken_ms",
        "message.evidence.between, line 3: to_ms > from_ms becomes to_ms >= from_ms",
        "message.evidence.clamped_ms, line 3: position_ms < handed_over_ms becomes position_ms <= handed_over_ms",
    ),
    "something was received of a message that was heard in part, and with words it is longer than 1 ms": (
        "message.evidence._word_prefix, line 9: length_ms > 0 becomes length_ms >= 0",
        "message.evidence._word_prefix, line 9: 0 becomes 1",
        "message.evidence._word_prefix, line 9: 0 becomes 1 (2)",
    ),
    "that the response of the refused request is over leads on from there": (
        "conversation.requested.session_request_refused: goes to generating",
    ),
    "a speech that is forgotten is none of those that generate": (
        "conversation.actions._still_generating, line 4: each in speeches and (not speeches[each].response_has_ended)"
        " becomes not speeches[each].response_has_ended",
        "conversation.guards.a_response_runs, line 5: speech is not None and (not speech.response_has_ended) becomes"
        " not speech.response_has_ended",
        "conversation.guards.something_is_generated, line 5: speech is not None and (not speech.response_has_ended)"
        " and (not speech.cancel_was_sent) becomes not speech.response_has_ended and (not speech.cancel_was_sent)",
    ),
    "it comes with a resumption only if the conversation was kept": (
        "conversation.actions.announce_connected, line 5: isinstance(event, SessionResumed) and"
        " event.conversation_kept becomes isinstance(event, SessionResumed)",
    ),
    "its response, which begins at once, says whether it is beside the conversation": (
        "conversation.actions.begin_own_response, line 4: False becomes True",
        "conversation.actions._begin_unwanted, line 4: False becomes True",
    ),
    "all speeches have one policy, so what an interruption reaches without force may be interrupted": (
        "conversation.actions.interrupt_all, line 3: isinstance(event, Interrupt) and event.force becomes"
        " isinstance(event, Interrupt)",
    ),
    "it is asked only while a speech has the floor": (
        "conversation.guards._plays, line 3: speech_id is not None and conversation.speeches[speech_id].state in"
        " ('waiting', 'speaking'... becomes conversation.speeches[speech_id].state in ('waiting', 'speaking')",
        "conversation.guards.what_plays_is_held, line 4: speech_id is not None and"
        " conversation.speeches[speech_id].state == 'paused' becomes"
        " conversation.speeches[speech_id].state == 'paused'",
    ),
    "it is asked only while a request is sent": (
        "conversation.guards.answers_the_request, line 5: request_id is not None and event.speech_id == request_id and"
        " (event.response_id not in con... becomes event.speech_id == request_id and event.response_id not in"
        " conversation.by_response and (n...",
        "conversation.guards.is_request_sent, line 3: conversation.request_id is not None and event.speech_id in"
        " ('', conversation.request_id) becomes event.speech_id in ('', conversation.request_id)",
        "conversation.guards.request_is_wanted, line 6: if conversation.request_id is None: becomes nothing",
        "conversation.guards.request_is_wanted, line 7: False becomes True",
    ),
    "to be told once more changes nothing": (
        "conversation.internal_events.has_been_stopped, line 3: speech.cause is not None and was in"
        " STOPPABLE_SPEECH_STATES becomes speech.cause is not None",
        "conversation.internal_events.response_has_just_ended, line 3: speech.response_has_ended and (not had_ended)"
        " becomes speech.response_has_ended",
    ),
    "while the floor is suspended, only the speech that was held can come to play": (
        "conversation.internal_events.has_been_resumed, line 3: was == 'paused' and speech.state in ('waiting',"
        " 'speaking') becomes speech.state in ('waiting', 'speaking')",
    ),
    "it is asked only if the state has changed or the response has ended, and neither does after the end": (
        "conversation.internal_events.is_over_now, line 3: speech.is_over and speech.state != was becomes"
        " speech.is_over",
    ),
}

EQUIVALENT: dict[str, str] = {mutant: reason for reason, mutants in _BECAUSE.items() for mutant in mutants}


def reason_of(mutant_id: str, kind: str) -> str:
    """Return why a mutant is equivalent, or "" if that is not known."""
    return EQUIVALENT.get(mutant_id) or (SWAPPED if kind == "actions swapped" else "")
