// The guards and actions of a speech (section 4). `at` has the speech, the event or null, and the run.

import { playing } from "./heard.mjs";
import { outgrewItsRecord } from "./message.mjs";

const owes = (speech) => speech.awaited.size > 0;
const isOwn = (speech, event) => event.response_id === speech.response_id;

export const guards = {
  a_message_is_left: ({ speech }) => speech.forwarding_id !== null || speech.next_id !== null,
  awaits_resumption: ({ speech }) => speech.awaits_resumption,
  conversation_is_kept: ({ event }) => event.conversation_kept,
  has_a_session: ({ speech }) => !speech.session_is_lost && !speech.awaits_resumption,
  has_failed: ({ speech }) =>
    ["output_failed", "source_failed", "timed_out"].includes(speech.cause) ||
    (speech.cause === null && speech.response_has_failed),
  has_no_response: ({ speech }) => speech.response_id === null,
  has_progressed: ({ speech }) => speech.has_progressed,
  is_awaited: ({ speech, event }) => speech.awaited.get(event.message_id) === event.operation,
  is_due: ({ speech, event }) => event.timer === speech.timer,
  is_generating_it: ({ speech, event }) => isOwn(speech, event) && !speech.response_has_ended,
  is_own_response: ({ speech, event }) => isOwn(speech, event),
  is_played_out: ({ speech }) => speech.response_has_ended && speech.forwarding_id === null && speech.next_id === null,
  is_reconciled: ({ speech }) => speech.response_has_ended && !owes(speech) && !speech.awaits_resumption,
  is_stopped: ({ speech }) => speech.cause !== null,
  may_interrupt: ({ speech, event }) => speech.policy.interruptible || event.force,
  may_resume: ({ event }) => event.may_resume,
  nothing_unheard_is_left: ({ event: { refusal, operation } }) =>
    refusal === "unknown_message" || (refusal === "already_shorter" && operation === "truncate"),
  output_can_pause: ({ speech }) => speech.capabilities.can_pause,
  output_is_free: ({ speech }) => speech.forwarding_id === null,
  response_has_ended: ({ speech }) => speech.response_has_ended,
  response_is_generating: ({ speech }) =>
    speech.response_id !== null && !speech.response_has_ended && !speech.cancel_was_sent,
  server_is_not_in_line: ({ speech }) =>
    owes(speech) || (!speech.is_out_of_band && [...speech.messages.values()].some(outgrewItsRecord)),
  server_may_remember: ({ speech }) => speech.messages.size > 0 && !speech.is_out_of_band,
  session_is_lost: ({ speech }) => speech.session_is_lost,
  source_is_watched: ({ speech }) => speech.timer === "stall",
  was_heard: ({ speech }) => speech.was_heard,
};

const because = (cause) => ({ speech }) => void (speech.cause = cause);
const note = (name, value = true) => ({ speech }) => void (speech[name] = value);
const tellAll = (event) => ({ run, speech }) => {
  for (const message of [...speech.messages.values()]) run.tell(speech, message, event);
};
const [stop, skip, timeOut, reconcile, trim, forget, endSource, giveUpEnd] =
  ["stop", "skip", "time_out", "reconcile", "trim", "forget", "end_source", "give_up_end"].map(tellAll);

function announce({ run, speech }, state) {
  if (speech.agent_state === state) return;
  speech.agent_state = state;
  run.emit("announce_agent_state", { state });
}

function endResponse(at) {
  at.speech.response_has_ended = true;
  endSource(at);
}

/** One request for all messages of which nothing was heard, behind all others. */
function removeUnheard({ run, speech }) {
  const message_ids = [...speech.awaited].filter(([, operation]) => operation === "remove").map(([id]) => id);
  if (message_ids.length > 0) run.emit("remove_messages", { message_ids });
}

const noteWhy = ({ speech, event }) => void ([speech.code, speech.text] = [event.code, event.text]);
const done = (outcome) => ({ run, speech }) => {
  const records = [...speech.messages.values()].map(({ record }) => record).filter((record) => record !== null);
  const { speech_id, code, text } = speech;
  run.emit("report_speech_done", { outcome, records, speech_id, code, text });
};

export const actions = {
  announce_listening: (at) => at.speech.agent_state !== null && announce(at, "listening"),
  announce_speaking(at) {
    at.speech.was_heard = true;
    announce(at, "speaking");
  },
  announce_thinking: (at) => announce(at, "thinking"),
  await_answers: ({ run, speech }) => run.startTimer(speech, "reconcile", speech.policy.reconcile_timeout_ms),
  await_answers_if_any: (at) => (owes(at.speech) ? actions.await_answers(at) : at.run.cancelTimer(at.speech)),
  await_resumption(at) {
    at.speech.awaits_resumption = true;
    endResponse(at);
  },
  await_source: ({ run, speech }) => run.startTimer(speech, "stall", speech.policy.stall_timeout_ms),
  because_closed: because("closed"),
  because_interrupted: because("interrupted"),
  because_never_authorized: because("never_authorized"),
  because_output_failed: because("output_failed"),
  because_source_failed: because("source_failed"),
  because_timed_out: because("timed_out"),
  bound_resumption: ({ run, speech }) => run.startTimer(speech, "reconcile", speech.policy.resume_timeout_ms),
  bring_server_in_line: (at) => (reconcile(at), forget(at), removeUnheard(at)),
  bring_server_in_line_again(at) {
    const { run, speech } = at;
    const messages = [...speech.messages].filter(([id]) => !speech.answered.includes(id)).map(([, message]) => message);
    speech.awaited.clear();
    for (const message of messages) run.tell(speech, message, "reconcile");
    for (const message of messages) run.tell(speech, message, "forget");
    removeUnheard(at);
    for (const message of messages) run.tell(speech, message, "trim");
  },
  cancel_response({ run, speech }) {
    speech.cancel_was_sent = true;
    run.emit("cancel_response", { response_id: speech.response_id });
  },
  count_hold({ speech, event }) {
    const since = speech.held_since_ms;
    if (event.observed_ms !== null && since !== null) speech.held_ms += Math.max(0, event.observed_ms - since);
    speech.held_since_ms = null;
  },
  give_up({ run, speech }) {
    for (const id of [...speech.awaited.keys()]) {
      run.tell(speech, speech.messages.get(id), "give_up_answer");
      speech.answered = [...speech.answered, id];
    }
    speech.awaited.clear();
  },
  give_up_response(at) {
    giveUpEnd(at);
    at.speech.response_has_ended = true;
  },
  note_heard: note("was_heard"),
  note_item({ run, speech }) {
    speech.has_progressed = true;
    for (const id of speech.growing) run.tell(speech, speech.messages.get(id), "later_item_began");
    speech.growing = [];
  },
  note_no_response: ({ speech }) => void (speech.response_has_ended = speech.has_progressed = true),
  note_progress: note("has_progressed"),
  note_refusal(at) {
    noteWhy(at);
    actions.note_no_response(at);
  },
  note_response({ speech, event }) {
    speech.response_id = event.response_id;
    speech.is_out_of_band = event.is_out_of_band;
    speech.has_progressed = true;
  },
  note_response_end(at) {
    at.speech.response_has_failed = at.event.status === "failed";
    noteWhy(at);
    at.speech.has_progressed = true;
    endResponse(at);
  },
  note_resumption: note("awaits_resumption", false),
  note_session_lost(at) {
    at.speech.session_is_lost = true;
    at.speech.awaits_resumption = false;
    at.speech.awaited.clear();
    endResponse(at);
  },
  note_timer: note("timer", null),
  note_why_lost: noteWhy,
  pass_turn: ({ run }) => run.raise("go_on"),
  pause_output({ run, speech, event }) {
    speech.output_is_paused = true;
    speech.held_since_ms = event.observed_ms;
    run.emit("pause_output");
  },
  report_completed: done("completed"),
  report_failed: done("failed"),
  report_interrupted: done("interrupted"),
  report_refusal({ run, speech, event: { message_id, code, text } }) {
    run.reportDivergence(speech.messages.get(message_id), "refused", code && text ? `${code}: ${text}` : code || text);
  },
  resume_output({ run, speech }) {
    speech.output_is_paused = false;
    run.emit("resume_output");
  },
  skip_pending: skip,
  stop_message(at) {
    const { speech, event } = at;
    if (event.observed_ms !== null) speech.stopped_at_ms = playing(speech, event.observed_ms);
    stop(at);
  },
  strike_request({ speech, event }) {
    speech.awaited.delete(event.message_id);
    speech.answered = [...speech.answered, event.message_id];
  },
  take_turn({ run, speech }) {
    const message = speech.messages.get(speech.forwarding_id ?? speech.next_id);
    run.tell(speech, message, "forward");
    run.tell(speech, message, "watch");
  },
  time_out_message: timeOut,
  trim_messages: trim,
  unwatch: ({ run, speech }) => run.cancelTimer(speech),
};
