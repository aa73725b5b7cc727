// The two charts as rows, for both libraries of Node. A row: [event or "", target or "", guard or "", actions].

const forwarded = [
  ["session_text_received", "", "", ["collect_text"]],
  ["end_source", "", "source_is_open", ["note_source_end"]],
  ["later_message_began", "", "source_is_open_and_has_content", ["note_source_end"]],
  ["output_audio_handed_over", "", "handed_over_no_less", ["count_handed_over"]],
  ["output_playback_started", "", "is_on_the_output_and_has_not_started", ["note_start"]],
  ["output_playback_progressed", "", "is_on_the_output_and_position_is_usable", ["note_progress"]],
];

export const messageRows = {
  pending: [
    ["session_message_added", "", "is_new_and_of_this_response", ["announce"]],
    ["session_text_received", "", "", ["collect_text"]],
    ["session_audio_received", "", "received_no_less", ["count_received"]],
    ["end_source", "", "source_is_open", ["note_source_end"]],
    ["later_message_began", "", "source_is_open_and_has_content", ["note_source_end"]],
    ["forward", "streaming", "", ["start_handover"]],
    ["skip", "skipped", "", ["settle_skipped"]],
  ],
  streaming: [
    ["", "skipped", "is_spent_and_has_no_content", ["settle_empty"]],
    ["", "played", "is_spent_and_is_text_only", ["settle_played"]],
    ["", "draining", "is_spent", ["flush"]],
    ["session_audio_received", "", "received_no_less", ["count_received"]],
    ...forwarded,
  ],
  draining: [
    ["session_audio_received", "streaming", "received_more", ["count_received"]],
    ["session_audio_received", "", "received_no_less", ["count_received"]],
    ["output_playback_finished", "played", "was_not_interrupted", ["note_whole", "settle_played"]],
    ["output_playback_finished", "played", "is_heard_to_the_end", ["note_finish", "settle_played"]],
    ["output_playback_finished", "partial", "is_heard", ["note_finish", "settle_cleared"]],
    ["output_playback_finished", "skipped", "", ["note_finish", "settle_skipped"]],
    ["stop", "stopping", "", ["clear_output"]],
    ...forwarded,
  ],
  stopping: [
    ["output_playback_finished", "played", "is_heard_to_the_end", ["note_finish", "settle_played"]],
    ["output_playback_finished", "partial", "is_heard", ["note_finish", "settle_stopped"]],
    ["output_playback_finished", "skipped", "is_on_the_output", ["note_finish", "settle_skipped"]],
  ],
  played: [],
  partial: [],
  skipped: [],
};

const active = [
  ["", "reconciling", "is_played_out", ["bring_server_in_line", "announce_listening"]],
  ["session_response_created", "", "has_no_response", ["note_response"]],
  ["session_response_ended", "", "is_generating_it", ["note_response_end"]],
  ["message_announced", "", "output_is_free", ["forward_next", "watch"]],
  ["message_settled", "", "output_is_free", ["forward_next", "watch"]],
  ["interrupt", "stopping", "may_interrupt", ["because_interrupted", "cancel_response", "stop_message"]],
];

export const speechRows = {
  queued: [["authorize", "waiting", "", ["announce_thinking", "forward_next", "watch"]]],
  waiting: [["message_heard", "speaking", "", ["announce_speaking"]], ...active],
  speaking: active,
  stopping: [
    ["", "reconciling", "output_is_free", ["skip_pending", "bring_server_in_line", "announce_listening"]],
    ["message_settled", "", "", []],
  ],
  reconciling: [
    ["", "failed", "is_reconciled_and_has_failed", ["unwatch", "report_failed"]],
    ["", "interrupted", "is_reconciled_and_is_stopped", ["unwatch", "report_interrupted"]],
    ["", "completed", "is_reconciled", ["unwatch", "report_completed"]],
    ["session_reconciliation_acknowledged", "", "is_awaited", ["strike_request"]],
  ],
  completed: [],
  interrupted: [],
  failed: [],
};
