// The guards and actions of a message (section 3). `at` has the speech, the message, the event or null, and the run.

import * as heard from "./heard.mjs";

const recordOf = (message) => message.record;
const settledStates = ["reconciling", "completed", "interrupted", "failed"];

/** Its record says that nothing had come of it. */
const isEmpty = (record) => record.reason === "no_content" && record.received_ms === 0 && record.generated_text === "";

/** All that had come of it was heard, if anything, and then more came. */
export function outgrewItsRecord({ record, ...message }) {
  if (record === null) return false;
  const { state, generated_text: generated, heard_text: shown } = record;
  if (state === "skipped") return message.received_ms > record.received_ms || message.text !== generated;
  if (message.expects_audio) return message.received_ms > record.received_ms;
  return message.source_has_ended && message.text !== generated && generated === shown;
}

export const guards = {
  brings_playable_audio: ({ speech, event }) => event.received_ms > 0 && speech.capabilities.plays_audio,
  handed_over_no_less: ({ message, event }) => event.handed_over_ms >= message.handed_over_ms,
  has_heard_audio: ({ message }) => recordOf(message).heard_ms >= 1,
  has_no_content: ({ message }) => (message.expects_audio ? message.received_ms === 0 : message.text === ""),
  has_started: ({ message }) => message.has_started,
  is_heard: ({ speech, message, event }) => heard.isHeard(speech, message, event),
  is_heard_to_the_end: ({ speech, message, event }) => heard.isHeardToTheEnd(speech, message, event),
  is_new: ({ speech, message }) => !speech.messages.has(message.message_id),
  is_of_this_response: ({ speech, event }) => event.response_id === speech.response_id,
  is_on_the_output: ({ message }) => message.handed_over_ms > 0,
  is_spent: ({ message }) =>
    message.source_has_ended && message.flushed_ms === 0 &&
    (!message.expects_audio || message.handed_over_ms === message.received_ms),
  is_text_only: ({ message }) => !message.expects_audio,
  may_be_remembered: ({ message }) => !isEmpty(recordOf(message)),
  nothing_waits: ({ speech }) => speech.next_id === null,
  nothing_was_heard: ({ speech }) => !speech.was_heard,
  nothing_was_shown: ({ speech, message }) => message.text === "" || !speech.capabilities.shows_text,
  outgrew_its_record: ({ message }) => outgrewItsRecord(message),
  output_has_failed: ({ speech }) => speech.cause === "output_failed",
  output_is_paused: ({ speech }) => speech.output_is_paused,
  playback_was_interrupted: ({ event }) => event.interrupted,
  position_is_usable: ({ event }) => heard.isUsable(event),
  received_more: ({ message, event }) => event.received_ms > message.received_ms,
  received_no_less: ({ message, event }) => event.received_ms >= message.received_ms,
  response_has_ended: ({ speech }) => speech.response_has_ended,
  server_can_remove: ({ speech }) => speech.capabilities.can_remove,
  server_can_truncate: ({ speech }) => speech.capabilities.can_truncate,
  server_has_what_was_shown: ({ message }) => message.source_has_ended && message.text === recordOf(message).heard_text,
  server_truncates_by_itself: ({ speech }) => speech.capabilities.truncates_by_itself,
  session_is_lost: ({ speech }) => speech.session_is_lost,
  source_has_ended: ({ message }) => message.source_has_ended,
  speech_awaits_resumption: ({ speech }) => speech.awaits_resumption,
  speech_is_out_of_band: ({ speech }) => speech.is_out_of_band,
  speech_is_over: ({ speech }) => settledStates.slice(1).includes(speech.state),
  speech_is_settled: ({ speech }) => settledStates.includes(speech.state),
};

const because = (reason) => ({ message }) => void (message.reason = reason);
const report = (cause, detail = () => "") => ({ run, speech, message }) =>
  run.reportDivergence(message, cause, detail(speech, message));
const unplayed = (message) => message.handed_over_ms - message.position_ms;

function ask({ run, speech, message }, operation, type, asked) {
  speech.awaited.set(message.message_id, operation);
  run.emit(type, { message_id: message.message_id, ...asked });
}

function takeOver({ speech, message, event }) {
  [message.position_ms, message.position_status] = heard.position(speech, message, event);
}

function settle({ run, speech, message }, state, heard_text, heard_text_status) {
  message.record = {
    message_id: message.message_id, state, reason: message.reason, heard_ms: message.position_ms,
    received_ms: message.received_ms, generated_text: message.text, heard_text, heard_text_status, code: speech.code,
    heard_ms_status: message.position_status,
  };
  if (speech.forwarding_id === message.message_id) speech.forwarding_id = null;
  run.emit("report_message_settled", { record: message.record });
  if (state !== "skipped" && !speech.is_out_of_band) {
    const said = { text: heard_text, text_status: heard_text_status, interrupted: state === "partial" };
    run.emit("commit_message", { message_id: message.message_id, ...said });
  }
  run.raise("message_settled");
}

export const actions = {
  announce({ run, speech, message, event }) {
    message.expects_audio = event.modalities.includes("audio") && speech.capabilities.plays_audio;
    message.source_has_ended = speech.response_has_ended;
    speech.has_progressed = true;
    for (const earlier of speech.growing) run.tell(speech, speech.messages.get(earlier), "later_item_began");
    speech.growing = [];
    speech.messages.set(message.message_id, message);
    run.raise("message_announced");
  },
  ask_to_forget: ({ speech, message }) => speech.awaited.set(message.message_id, "remove"),
  ask_to_replace: (at) => ask(at, "replace", "replace_message", { text: recordOf(at.message).heard_text }),
  ask_to_trim: (at) => ask(at, "truncate", "truncate_message", { audio_end_ms: recordOf(at.message).received_ms }),
  ask_to_truncate: (at) => ask(at, "truncate", "truncate_message", { audio_end_ms: recordOf(at.message).heard_ms }),
  because_cleared: because("cleared"),
  because_finished: because("finished"),
  because_no_content: because("no_content"),
  because_not_shown: because("not_shown"),
  because_output_failed: because("output_failed"),
  because_stopped: ({ speech, message }) => void (message.reason = speech.cause ?? "interrupted"),
  because_timed_out: because("timed_out"),
  become_next: ({ speech, message }) => void (speech.next_id = speech.last_id = message.message_id),
  begin_to_grow: ({ speech, message }) => void (speech.growing = [...speech.growing, message.message_id]),
  claim_time: ({ run }) => run.raise("request_made"),
  clear_output: ({ run, message }) => run.emit("clear_output", { message_id: message.message_id }),
  collect_late_text: (at) => actions.collect_text(at),
  collect_text({ speech, message, event }) {
    message.text += event.text;
    speech.has_progressed = true;
  },
  count_handed_over({ speech, message, event }) {
    if (event.observed_ms !== null) heard.boundByHandover(speech, message, event.observed_ms);
    message.handed_over_ms = message.expects_audio ? Math.min(event.handed_over_ms, message.received_ms) : 0;
    speech.has_progressed = true;
  },
  count_late_audio: (at) => actions.count_received(at),
  count_received({ speech, message, event }) {
    message.received_ms = event.received_ms;
    speech.has_progressed = true;
  },
  expect_audio: ({ message }) => void (message.expects_audio = true),
  flush({ run, message }) {
    message.flushed_ms = message.handed_over_ms;
    run.emit("flush_output", { message_id: message.message_id });
  },
  freeze_shown_text: ({ message }) => void (message.shown_text = message.text),
  leave_line({ speech, message }) {
    speech.next_id = message.next_id;
    message.next_id = null;
  },
  line_up({ speech, message }) {
    speech.messages.get(speech.last_id).next_id = message.message_id;
    speech.last_id = message.message_id;
  },
  note_finish(at) {
    takeOver(at);
    at.message.transcript = at.event.transcript;
    at.message.flushed_ms = 0;
    at.speech.has_progressed = true;
  },
  note_progress({ speech, message, event }) {
    heard.noteProgress(speech, message, event);
    speech.has_progressed = true;
  },
  note_reckoned: (at) => takeOver({ ...at, event: null }),
  note_source_end({ speech, message, event }) {
    message.source_has_ended = true;
    if (event !== null) speech.has_progressed = true;
  },
  note_start({ speech, message, event }) {
    message.has_started = true;
    if (event.observed_ms !== null) heard.boundByStart(speech, message, event.observed_ms);
    speech.has_progressed = true;
  },
  note_whole({ speech, message }) {
    message.position_ms = message.handed_over_ms;
    message.flushed_ms = 0;
    speech.has_progressed = true;
  },
  remove_late_message: ({ run, message }) => run.emit("remove_messages", { message_ids: [message.message_id] }),
  report_cannot_remove: report("cannot_remove"),
  report_cannot_truncate: report("cannot_truncate"),
  report_output_failure({ run, speech, event }) {
    if (event.observed_ms !== null) speech.stopped_at_ms = heard.playing(speech, event.observed_ms);
    run.raise("message_output_failed");
  },
  report_text_beyond_heard: report("text_beyond_heard"),
  report_unanswered: report("unanswered", (speech, message) => speech.awaited.get(message.message_id)),
  report_unended: report("unanswered", () => "end of response"),
  settle_partial: (at) =>
    settle(at, "partial", ...heard.heardText(at.message, at.speech.policy.estimate_heard_text)),
  settle_played: (at) =>
    settle(at, "played", at.message.text, at.message.text !== "" || !at.message.expects_audio ? "exact" : "unknown"),
  settle_skipped(at) {
    at.message.position_ms = 0;
    at.message.position_status = "reported";
    settle(at, "skipped", "", "exact");
  },
  start_handover({ run, speech, message }) {
    speech.forwarding_id = message.message_id;
    run.emit("start_handover", { message_id: message.message_id });
  },
  tell_heard: ({ run }) => run.raise("message_heard"),
  unwatch: ({ run, speech }) => run.cancelTimer(speech),
  watch_clear: ({ run, speech }) => run.startTimer(speech, "stop", speech.policy.stop_timeout_ms),
  watch_playout: ({ run, speech, message }) =>
    run.startTimer(speech, "playout", unplayed(message) + speech.policy.playout_margin_ms),
  watch_response: ({ run, speech }) => run.startTimer(speech, "stall", speech.policy.stall_timeout_ms),
  watch_source: ({ run, speech, message }) =>
    run.startTimer(speech, "stall", unplayed(message) + speech.policy.stall_timeout_ms),
};
