// The charts, as sections 3, 4 and 12 of docs/spec.md have them. A row is
//   states | events #name | guard | where to | actions
// and stands for one transition of each of its states and events; `-` needs no event. `=` stays where it is; `ignored` and
// `rejected` answer, and their name is the reason. Rows are tried from the top, a state's own before its parent's, all that
// are handled before the answers.

export const MESSAGE = `
pending | session_message_added #too_late_out_of_band | speech_is_settled and speech_is_out_of_band and is_new and is_of_this_response | skipped | announce because_stopped settle_skipped
pending | session_message_added #too_late_to_ask | speech_is_settled and speech_awaits_resumption and is_new and is_of_this_response | skipped | announce because_stopped settle_skipped
pending | session_message_added #too_late_and_lost | speech_is_settled and is_new and is_of_this_response and session_is_lost | skipped | announce because_stopped settle_skipped
pending | session_message_added #too_late_and_kept | speech_is_settled and is_new and is_of_this_response and not server_can_remove | skipped | announce because_stopped settle_skipped report_cannot_remove
pending | session_message_added #after_the_end | speech_is_over and is_new and is_of_this_response | skipped | announce because_stopped settle_skipped remove_late_message
pending | session_message_added #too_late | speech_is_settled and is_new and is_of_this_response | skipped | announce because_stopped settle_skipped ask_to_forget remove_late_message
pending | session_message_added #next | is_new and is_of_this_response and nothing_waits | = | announce become_next
pending | session_message_added #in_line | is_new and is_of_this_response | = | announce line_up
pending forwarding | session_text_received #first | is_text_only and has_no_content | = | collect_text begin_to_grow
pending forwarding | session_text_received |  | = | collect_text
pending | session_audio_received #first_of_a_text | is_text_only and brings_playable_audio | = | count_received expect_audio begin_to_grow
pending forwarding | session_audio_received #first | not is_text_only and has_no_content and received_no_less | = | count_received begin_to_grow
pending forwarding | session_audio_received | received_no_less | = | count_received
pending forwarding | session_message_ended end_source | not source_has_ended | = | note_source_end
pending forwarding | later_item_began | not has_no_content | = | note_source_end
pending | forward |  | forwarding | leave_line start_handover
pending | skip |  | skipped | leave_line because_stopped settle_skipped
pending | session_message_added #foreign_response | is_new | rejected |
pending forwarding played partial skipped | session_message_added #already_announced |  | ignored |
pending forwarding | session_audio_received #audio_went_backwards |  | rejected |
pending forwarding | session_message_ended #already_ended |  | ignored |
pending | output_audio_handed_over output_playback_started output_playback_progressed output_playback_finished output_failed #not_forwarding |  | rejected |
forwarding | output_audio_handed_over | handed_over_no_less | = | count_handed_over
forwarding | output_audio_handed_over #audio_went_backwards |  | rejected |
forwarding | output_playback_started #heard_first | nothing_was_heard and is_on_the_output and not has_started | = | note_start tell_heard
forwarding | output_playback_started | is_on_the_output and not has_started | = | note_start
forwarding | output_playback_progressed #heard_first | nothing_was_heard and is_on_the_output and position_is_usable and is_heard | = | note_progress tell_heard
forwarding | output_playback_progressed | is_on_the_output and position_is_usable | = | note_progress
forwarding | output_playback_started #already_started | has_started | ignored |
forwarding | output_playback_progressed #unusable_position | is_on_the_output | ignored |
forwarding | output_playback_started output_playback_progressed output_playback_finished #nothing_handed_over |  | rejected |
streaming | session_audio_received #first_of_a_text | is_text_only and nothing_was_shown and brings_playable_audio | = | count_received expect_audio begin_to_grow
streaming | - #empty | has_no_content and is_spent | skipped | because_no_content settle_skipped
streaming | - #text_shown | is_text_only and is_spent and is_heard | played | because_finished settle_played
streaming | - #text_unseen | is_text_only and is_spent | skipped | because_not_shown settle_skipped
streaming | - #all_handed_over_and_held | is_spent and output_is_paused | draining | flush
streaming | - #all_handed_over | is_spent | draining | flush watch_playout
streaming | watch |  | = | watch_source
streaming | output_playback_finished #cleared_heard_whole | is_on_the_output and is_heard_to_the_end | played | note_finish tell_heard because_finished settle_played
streaming | output_playback_finished #cleared_heard_partly | is_on_the_output and playback_was_interrupted and is_heard | partial | note_finish tell_heard because_cleared settle_partial
streaming | output_playback_finished #cleared_unheard | is_on_the_output and playback_was_interrupted | skipped | note_finish because_cleared settle_skipped
streaming | output_playback_finished #ran_dry | is_on_the_output and is_heard | = | note_finish tell_heard
streaming | output_playback_finished #ran_dry_unheard | is_on_the_output | = | note_finish
streaming | stop #on_the_output | is_on_the_output | stopping | clear_output watch_clear
streaming | stop #text_shown | is_text_only and is_heard | stopping | freeze_shown_text watch_clear
streaming | stop #unheard |  | skipped | because_stopped settle_skipped
streaming | output_failed #on_the_output | is_on_the_output | stopping | report_output_failure clear_output watch_clear
streaming | output_failed #text_shown | is_heard | partial | report_output_failure because_output_failed settle_partial
streaming | output_failed #unheard |  | skipped | report_output_failure because_output_failed settle_skipped
draining | session_audio_received | received_more | streaming | count_received
draining | watch |  | = | watch_playout
draining | output_playback_finished #played_out | not playback_was_interrupted | played | note_whole tell_heard because_finished settle_played
draining | output_playback_finished #heard_whole | is_heard_to_the_end | played | note_finish tell_heard because_finished settle_played
draining | output_playback_finished #heard_partly | is_heard | partial | note_finish tell_heard because_cleared settle_partial
draining | output_playback_finished #unheard |  | skipped | note_finish because_cleared settle_skipped
draining | stop |  | stopping | clear_output watch_clear
draining | output_failed |  | stopping | report_output_failure clear_output watch_clear
stopping | - | is_text_only and source_has_ended | partial | because_stopped settle_partial
stopping | output_playback_finished #heard_whole | is_on_the_output and is_heard_to_the_end | played | note_finish because_finished settle_played
stopping | output_playback_finished #heard_partly | is_on_the_output and is_heard | partial | note_finish because_stopped settle_partial
stopping | output_playback_finished #unheard | is_on_the_output | skipped | note_finish because_stopped settle_skipped
stopping | time_out #heard_whole | is_heard_to_the_end | played | note_reckoned because_finished settle_played
stopping | time_out #failed_heard_partly | is_heard and output_has_failed | partial | note_reckoned because_output_failed settle_partial
stopping | time_out #heard_partly | is_heard | partial | note_reckoned because_timed_out settle_partial
stopping | time_out #failed_unheard | output_has_failed | skipped | because_output_failed settle_skipped
stopping | time_out #unheard |  | skipped | because_timed_out settle_skipped
stopping | output_failed #already_stopping |  | ignored |
played skipped | watch #response_ended | response_has_ended | = | unwatch
played skipped | watch |  | = | watch_response
played partial skipped | trim give_up_end #out_of_band | speech_is_out_of_band | = |
partial skipped | forget #out_of_band | speech_is_out_of_band | = |
partial | reconcile #out_of_band | speech_is_out_of_band | = |
played partial | trim #text | outgrew_its_record and is_text_only and server_can_remove | = | ask_to_replace claim_time
played partial | trim #text_stays | outgrew_its_record and is_text_only | = | report_text_beyond_heard
played | trim #audio | outgrew_its_record and not server_truncates_by_itself and server_can_truncate | = | ask_to_trim claim_time
played | trim #audio_stays | outgrew_its_record and not server_truncates_by_itself | = | report_cannot_truncate
skipped | trim | outgrew_its_record and server_can_remove | = | ask_to_forget remove_late_message claim_time
skipped | trim #stays | outgrew_its_record | = | report_cannot_remove
played partial skipped | give_up_answer |  | = | report_unanswered
played partial | give_up_end #text | outgrew_its_record and is_text_only | = | report_unended
played | give_up_end #audio | outgrew_its_record and not server_truncates_by_itself | = | report_unended
skipped | give_up_end | outgrew_its_record | = | report_unended
skipped | session_audio_received | received_more and not may_be_remembered and not response_has_ended | = | count_late_audio
skipped | session_text_received | not may_be_remembered and not response_has_ended | = | collect_late_text
played | session_audio_received | received_more and not is_text_only and not response_has_ended | = | count_late_audio
played partial | session_text_received | is_text_only and not response_has_ended | = | collect_late_text
played partial skipped | session_text_received session_audio_received session_message_ended output_audio_handed_over output_playback_started output_playback_progressed output_playback_finished output_failed #already_final |  | ignored |
partial | reconcile #audio | has_heard_audio and not server_truncates_by_itself and server_can_truncate | = | ask_to_truncate
partial | reconcile #audio_stays | has_heard_audio and not server_truncates_by_itself | = | report_cannot_truncate
partial | reconcile #text | is_text_only and not server_has_what_was_shown and server_can_remove | = | ask_to_replace
partial | reconcile #text_stays | is_text_only and not server_has_what_was_shown | = | report_text_beyond_heard
partial | forget | not is_text_only and not has_heard_audio and server_can_remove | = | ask_to_forget
partial | forget #stays | not is_text_only and not has_heard_audio | = | report_cannot_remove
skipped | forget | may_be_remembered and server_can_remove | = | ask_to_forget
skipped | forget #stays | may_be_remembered | = | report_cannot_remove
`;

export const SPEECH = `
queued | authorize |  | active | announce_thinking pass_turn
queued active | session_response_created | has_no_response | = | note_response
queued active stopping | session_response_ended | is_generating_it | = | note_response_end
queued active | session_request_refused | has_no_response | stopping | because_source_failed note_refusal
queued active | cancel_generation | response_is_generating | = | cancel_response
queued active stopping | session_item_added | is_generating_it | = | note_item
queued | interrupt #generating | may_interrupt and response_is_generating | stopping | because_never_authorized cancel_response
queued | interrupt | may_interrupt | stopping | because_never_authorized
queued | close #generating | response_is_generating | stopping | because_closed cancel_response
queued | close |  | stopping | because_closed
queued | session_lost #resumable | may_resume and server_may_remember | stopping | because_source_failed note_why_lost await_resumption
queued | session_lost |  | stopping | because_source_failed note_why_lost note_session_lost
queued | pause resume #nothing_to_hold |  | ignored |
queued active | drop_request #still_wanted |  | rejected |
queued active stopping reconciling | cancel_generation #not_generating |  | ignored |
queued active stopping | session_reconciliation_acknowledged session_reconciliation_refused #nothing_requested |  | rejected |
active | session_response_progressed | is_generating_it and source_is_watched | = | note_progress
queued active stopping reconciling | session_response_progressed #not_awaited | is_own_response | ignored |
active | message_announced | output_is_free | = | take_turn
active | go_on message_settled #message_left | a_message_is_left | = | take_turn
active | message_settled #response_ended | response_has_ended | = | unwatch
active | go_on message_settled |  | = | await_source
active | interrupt #generating | may_interrupt and response_is_generating | stopping | because_interrupted cancel_response stop_message
active | interrupt | may_interrupt | stopping | because_interrupted stop_message
queued active | interrupt #not_interruptible |  | rejected |
active | close #generating | response_is_generating | stopping | because_closed cancel_response stop_message
active | close |  | stopping | because_closed stop_message
active | session_lost #resumable | may_resume and server_may_remember | stopping | because_source_failed note_why_lost stop_message await_resumption
active | session_lost |  | stopping | because_source_failed note_why_lost stop_message note_session_lost
active | message_output_failed #generating | response_is_generating | stopping | because_output_failed cancel_response
active | message_output_failed |  | stopping | because_output_failed
active | timer_fired #progressed | is_due and has_progressed | = | note_timer pass_turn
active | timer_fired #silent_while_generating | is_due and response_is_generating | stopping | note_timer because_timed_out cancel_response stop_message
active | timer_fired #silent | is_due | stopping | note_timer because_timed_out stop_message
active | - | is_played_out | reconciling | bring_server_in_line trim_messages await_answers_if_any announce_listening
active | authorize #already_authorized |  | ignored |
active | pause #output_cannot_pause |  | rejected |
active | resume #not_paused |  | ignored |
waiting | message_heard |  | speaking | announce_speaking
waiting speaking | pause | output_can_pause | paused | pause_output announce_listening unwatch
paused | session_request_refused | has_no_response | stopping | because_source_failed note_refusal resume_output
paused | message_announced |  | = |
paused stopping | message_settled |  | = |
paused | message_heard |  | = | note_heard
paused | resume #heard_before | was_heard | speaking | count_hold resume_output announce_speaking pass_turn
paused | resume #unheard_before |  | waiting | count_hold resume_output announce_thinking pass_turn
paused | interrupt #generating | may_interrupt and response_is_generating | stopping | because_interrupted cancel_response stop_message resume_output
paused | interrupt | may_interrupt | stopping | because_interrupted stop_message resume_output
paused | close #generating | response_is_generating | stopping | because_closed cancel_response stop_message resume_output
paused | close |  | stopping | because_closed stop_message resume_output
paused | session_lost #resumable | may_resume and server_may_remember | stopping | because_source_failed note_why_lost stop_message await_resumption resume_output
paused | session_lost |  | stopping | because_source_failed note_why_lost stop_message note_session_lost resume_output
paused | message_output_failed #generating | response_is_generating | stopping | because_output_failed cancel_response resume_output
paused | message_output_failed |  | stopping | because_output_failed resume_output
paused | - | is_played_out | reconciling | resume_output bring_server_in_line trim_messages await_answers_if_any
paused | pause #already_paused |  | ignored |
stopping | timer_fired | is_due | = | note_timer time_out_message
stopping | session_lost #resumable | may_resume and server_may_remember and has_a_session | = | await_resumption
stopping | session_lost | (not may_resume or not server_may_remember) and not session_is_lost | = | note_session_lost
stopping | session_resumed #kept | awaits_resumption and conversation_is_kept | = | note_resumption
stopping | - #session_lost | output_is_free and session_is_lost | reconciling | skip_pending unwatch announce_listening
stopping | - #awaiting_resumption | output_is_free and awaits_resumption | reconciling | skip_pending bound_resumption announce_listening
stopping | - #response_ended | output_is_free and response_has_ended | reconciling | skip_pending bring_server_in_line trim_messages await_answers_if_any announce_listening
stopping | - | output_is_free | reconciling | skip_pending bring_server_in_line await_answers announce_listening
stopping reconciling | authorize interrupt close pause resume #already_stopping |  | ignored |
reconciling | session_response_created | has_no_response | = | note_response cancel_response
queued active stopping reconciling | session_response_created #already_created | is_own_response | ignored |
reconciling | session_response_ended | is_generating_it | = | note_response_end trim_messages
reconciling | request_made | has_progressed | = | await_answers
reconciling | session_request_refused | has_no_response | = | note_refusal
queued active stopping reconciling | session_request_refused #already_created |  | ignored |
reconciling | drop_request | has_no_response | = | note_no_response
stopping reconciling | drop_request #already_created |  | ignored |
reconciling | session_reconciliation_acknowledged | is_awaited and has_a_session | = | strike_request
reconciling | session_reconciliation_refused #nothing_unheard_left | is_awaited and has_a_session and nothing_unheard_is_left | = | strike_request
reconciling | session_reconciliation_refused #unheard_left | is_awaited and has_a_session | = | strike_request report_refusal
reconciling | session_reconciliation_acknowledged session_reconciliation_refused #not_awaited |  | ignored |
reconciling | timer_fired #never_resumed | is_due and awaits_resumption | = | note_timer note_session_lost
reconciling | timer_fired #response_ended | is_due and response_has_ended | = | note_timer give_up
reconciling | timer_fired | is_due | = | note_timer give_up give_up_response
queued active stopping reconciling | timer_fired #stale_timer |  | ignored |
reconciling | session_lost #resumable | may_resume and server_is_not_in_line and has_a_session | = | await_resumption bound_resumption
reconciling | session_lost #nothing_owed | may_resume and has_a_session | = | note_session_lost
reconciling | session_lost | not may_resume | = | note_session_lost
stopping reconciling | session_lost #already_lost |  | ignored |
reconciling | session_resumed #kept | awaits_resumption and conversation_is_kept | = | note_resumption bring_server_in_line_again await_answers_if_any
stopping reconciling | session_resumed | awaits_resumption | = | note_session_lost
queued active stopping reconciling | session_resumed #not_awaited |  | ignored |
reconciling | - #failed | is_reconciled and has_failed | failed | unwatch report_failed
reconciling | - #interrupted | is_reconciled and is_stopped | interrupted | unwatch report_interrupted
reconciling | - #completed | is_reconciled | completed | unwatch report_completed
reconciling | session_item_added #already_settled | is_generating_it | ignored |
queued active stopping reconciling | session_response_ended session_item_added #already_ended | is_own_response | ignored |
queued active stopping reconciling | session_response_created session_response_ended session_item_added session_response_progressed #foreign_response |  | rejected |
completed interrupted failed | authorize interrupt pause resume close drop_request cancel_generation session_request_refused session_response_created session_response_ended session_item_added session_response_progressed session_lost session_resumed session_reconciliation_acknowledged session_reconciliation_refused timer_fired #speech_is_over |  | ignored |
`;

export const CONVERSATION = `
connected restoring | session_lost |  | disconnected | lose_session announce_disconnected
connected restoring | close |  | closing | announce_closing close_all
connected restoring closing | session_resumed #not_lost |  | ignored |
disconnected | session_lost | is_lost_for_good | = | lose_session
disconnected | session_resumed #kept | conversation_is_kept | connected | resume_session announce_connected
disconnected | session_resumed |  | restoring | resume_session
disconnected | close |  | closing | announce_closing close_all lose_session_for_good
disconnected | session_lost #already_lost |  | ignored |
restoring | - | nothing_lost_is_left | connected | restore_history announce_connected
closing | session_lost |  | = | lose_session_for_good
closing | - | nothing_is_left and user_is_silent | closed | announce_closed
closing | close #already_closing |  | ignored |
closed | close session_lost session_resumed #conversation_is_closed |  | ignored |
silent | user_started_speaking #leaving | is_leaving | = |
silent | user_started_speaking #interrupting | barge_in_interrupts | talking | watch_user interrupt_all
silent | user_started_speaking #holding | barge_in_holds | talking | watch_user hold_all
silent | user_started_speaking |  | talking | watch_user
silent | user_stopped_speaking #already_silent |  | ignored |
silent | timer_fired #stale_timer | is_of_the_user | ignored |
talking | user_started_speaking #interrupting | barge_in_interrupts | = | watch_user interrupt_all
talking | user_started_speaking #holding | barge_in_holds | = | watch_user hold_all
talking | user_started_speaking |  | = | watch_user
talking | user_stopped_speaking user_unknown |  | silent | unwatch_user
talking | timer_fired | is_of_the_user | silent |
silent talking | timer_fired #no_speech |  | rejected |
free | - | next_may_speak | taken | give_floor_to_next
free held | authorize | is_waiting | taken | give_floor
free held taken suspended | speech_stopped |  | = | withdraw
free | pause |  | held |
free | hold | something_waits | held |
free taken | interrupt | something_may_be_stopped | = | interrupt_all
free held taken suspended | change_output |  | = | note_output
free taken | interrupt #not_interruptible | something_plays_or_waits | rejected |
free | interrupt #already_stopping | something_is_left | ignored |
free | interrupt #no_speech |  | rejected |
held | resume |  | free |
held | interrupt | something_may_be_stopped | free | interrupt_all
held | interrupt #of_nothing | not something_plays_or_waits | free |
held suspended | pause #already_held |  | ignored |
taken | authorize #elsewhere | is_waiting and floor_is_given_elsewhere | = | give_floor
taken | speech_over #own | has_the_floor | free | release_floor keep_for_late_facts
taken | pause | what_plays_can_be_held | suspended | pause_speech
taken | hold | something_can_be_held | suspended | pause_speech
taken | resume | what_plays_is_held | = | resume_speech
free taken | resume #not_held |  | ignored |
taken | pause #output_cannot_pause |  | rejected |
taken | interrupt #already_stopping |  | ignored |
suspended | authorize #elsewhere | is_waiting and floor_is_given_elsewhere | taken | interrupt_what_is_held give_floor
taken suspended | authorize #already_authorized | has_the_floor | ignored |
taken suspended | authorize #output_busy | is_waiting | rejected |
free held taken suspended | authorize #already_stopping | is_known_speech | ignored |
free held taken suspended | authorize #no_speech |  | rejected |
suspended | speech_over #own | has_the_floor | held | release_floor keep_for_late_facts
free held taken suspended | speech_over |  | = | keep_for_late_facts
suspended | resume |  | taken | resume_speech
suspended | speech_resumed |  | taken |
suspended | interrupt | something_may_be_stopped | taken | interrupt_all
suspended | interrupt #of_nothing | not something_plays_or_waits | taken |
held suspended | interrupt #not_interruptible |  | rejected |
idle requested generating | request_response #sent | is_new_speech and is_connected | = | begin_request
idle | request_response #disconnected | is_new_speech and is_disconnected | = | begin_lost_speech
idle requested generating | request_response #closing | is_new_speech | = | begin_closed_speech
idle | - | next_may_be_requested | requested | send_request
idle | session_response_created #own | is_the_servers_own | generating | begin_own_response
idle | session_response_created #leaving | is_unwanted and is_leaving | = | begin_response_too_late
idle | session_response_created #unwanted | is_unwanted | generating | begin_unwanted_response
requested | session_response_created #asked_for | answers_the_request | generating | begin_response_asked_for
requested | session_response_created #taken_over | is_the_servers_own and request_is_wanted | generating | begin_response_asked_for
requested | session_request_refused #while_generating | is_request_sent and a_response_runs | generating | refuse
requested | session_request_refused | is_request_sent | idle | refuse
idle requested generating | session_request_refused #already_answered |  | ignored |
requested | response_over #while_generating | is_request_sent and a_response_runs | generating | give_request_up
requested | response_over | is_request_sent | idle | give_request_up
requested generating | cancel_generation | something_is_generated | = | cancel_responses
requested generating | session_response_created #own | is_the_servers_own | = | begin_own_response
requested generating | session_response_created #leaving | is_unwanted and is_leaving | = | begin_response_too_late
requested generating | session_response_created #unwanted | is_unwanted | = | begin_unwanted_response
idle requested generating | session_response_created #out_of_band | is_out_of_band | ignored |
idle requested generating | session_response_created #already_created | is_known_response | ignored |
idle | session_response_created #conversation_is_closed | is_closed | ignored |
idle requested generating | request_response session_response_created #speech_exists |  | rejected |
requested | cancel_generation #already_cancelled | a_response_runs | ignored |
idle requested | cancel_generation #nothing_generates |  | ignored |
generating | response_over | no_response_runs | idle |
generating | cancel_generation #already_cancelled |  | ignored |
listening thinking | - #audible | is_audible | speaking | announce_speaking
listening speaking | - #preparing | is_preparing | thinking | announce_thinking
thinking speaking | - #at_rest | is_at_rest | listening | announce_listening
`;
