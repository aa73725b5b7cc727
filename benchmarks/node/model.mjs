// The lifecycle of the workload in plain JavaScript: ../rivals/message.py and speech.py once more, for the charts of XState and robot3.
// Guards and actions take the data and the event; data is changed in place, which favours the rivals.

const FORWARDING = new Set(["streaming", "draining", "stopping"]);
const FINAL = new Set(["played", "partial", "skipped"]);
const OF_MESSAGES = new Set([
  "session_message_added", "session_text_received", "session_audio_received", "session_message_ended",
  "output_audio_handed_over", "output_playback_started", "output_playback_progressed", "output_playback_finished",
  "output_failed",
]);
const MESSAGES_PER_SPEECH = 3;
const FRAME_MS = 20;
const STALL_TIMEOUT_MS = 30_000;
const PLAYOUT_MARGIN_MS = 2_000;
const STOP_TIMEOUT_MS = 1_000;
const RECONCILE_TIMEOUT_MS = 5_000;

const isUsable = (position) => position !== null && position >= 0 && position < Infinity;

/** One message. `deliver(message, event)` has the library handle an event; `message.state` is the library's. */
export class Message {
  constructor(speech) {
    this.speech = speech;
    this.message_id = "";
    this.expects_audio = true;
    this.received_ms = this.handed_over_ms = this.position_ms = 0;
    this.started = this.source_ended = this.flushed = false;
    this.text = "";
    this.transcript = null;
    this.record = null;
    this.chart = null;
  }

  copy(speech) {
    const copy = Object.assign(new Message(speech), this);
    copy.speech = speech;
    return copy;
  }

  positionAfter(event) {
    return isUsable(event.position_ms) ? Math.min(Math.floor(event.position_ms), this.handed_over_ms) : this.position_ms;
  }

  hasContent() {
    return this.expects_audio ? this.received_ms > 0 : this.text !== "";
  }

  tellIfFirstHeard() {
    const { speech } = this;
    if (!speech.was_heard && (this.started || this.position_ms > 0)) speech.raised.push({ type: "message_heard" });
  }

  settle(state, reason, heard_ms, heard_text, heard_text_status) {
    const { speech, message_id, received_ms, text } = this;
    const record = {
      message_id, state, reason, heard_ms, received_ms, generated_text: text, heard_text, heard_text_status,
      code: "", heard_ms_status: "reported",
    };
    this.record = record;
    speech.effects.push({ type: "report_message_settled", record });
    if (state !== "skipped") {
      speech.effects.push({
        type: "commit_message", message_id, text: heard_text, text_status: heard_text_status,
        interrupted: state === "partial",
      });
    }
    speech.raised.push({ type: "message_settled" });
  }

  settlePartial(reason) {
    const { transcript } = this;
    this.settle("partial", reason, this.position_ms, transcript ?? "", transcript === null ? "unknown" : "synchronized");
  }
}

export const messageGuards = {
  is_new_and_of_this_response: (m, event) =>
    !m.speech.messages.has(m.message_id) && event.response_id === m.speech.response_id,
  received_more: (m, event) => event.received_ms > m.received_ms,
  received_no_less: (m, event) => event.received_ms >= m.received_ms,
  handed_over_no_less: (m, event) => event.handed_over_ms >= m.handed_over_ms,
  source_is_open: (m) => !m.source_ended,
  source_is_open_and_has_content: (m) => !m.source_ended && m.hasContent(),
  is_spent: (m) => m.source_ended && !m.flushed && (!m.expects_audio || m.handed_over_ms === m.received_ms),
  is_spent_and_has_no_content: (m) => messageGuards.is_spent(m) && !m.hasContent(),
  is_spent_and_is_text_only: (m) => messageGuards.is_spent(m) && !m.expects_audio,
  is_on_the_output: (m) => m.handed_over_ms > 0,
  is_on_the_output_and_has_not_started: (m) => m.handed_over_ms > 0 && !m.started,
  is_on_the_output_and_position_is_usable: (m, event) => m.handed_over_ms > 0 && isUsable(event.position_ms),
  was_not_interrupted: (m, event) => !event.interrupted,
  is_heard: (m, event) => m.handed_over_ms > 0 && (m.started || m.positionAfter(event) > 0),
  is_heard_to_the_end: (m, event) =>
    m.source_ended && m.received_ms > 0 && m.received_ms === m.handed_over_ms &&
    m.positionAfter(event) >= m.handed_over_ms - FRAME_MS,
};

export const messageActions = {
  announce(m, event) {
    const { speech } = m;
    m.expects_audio = event.modalities.includes("audio");
    for (const earlier of speech.messages.values()) speech.tell(earlier, { type: "later_message_began" });
    speech.messages.set(m.message_id, m);
    speech.raised.push({ type: "message_announced" });
  },
  collect_text(m, event) { m.text += event.text; },
  count_received(m, event) { m.received_ms = event.received_ms; },
  note_source_end(m) { m.source_ended = true; },
  start_handover(m) { m.speech.effects.push({ type: "start_handover", message_id: m.message_id }); },
  count_handed_over(m, event) { m.handed_over_ms = Math.min(event.handed_over_ms, m.received_ms); },
  flush(m) {
    m.flushed = true;
    m.speech.effects.push({ type: "flush_output", message_id: m.message_id });
    m.speech.startTimer("playout", m.handed_over_ms - m.position_ms + PLAYOUT_MARGIN_MS);
  },
  note_start(m) { m.started = true; m.tellIfFirstHeard(); },
  note_progress(m, event) { m.position_ms = m.positionAfter(event); m.tellIfFirstHeard(); },
  note_finish(m, event) {
    m.position_ms = m.positionAfter(event);
    m.transcript = event.transcript;
    m.flushed = false;
    m.tellIfFirstHeard();
  },
  note_whole(m) { m.position_ms = m.handed_over_ms; m.flushed = false; m.tellIfFirstHeard(); },
  clear_output(m) { m.speech.effects.push({ type: "clear_output", message_id: m.message_id }); },
  settle_played(m) { m.settle("played", "finished", m.position_ms, m.text, m.text ? "exact" : "unknown"); },
  settle_cleared(m) { m.settlePartial("cleared"); },
  settle_stopped(m) { m.settlePartial(m.speech.cause ?? "interrupted"); },
  settle_skipped(m) { m.settle("skipped", m.speech.cause ?? "cleared", 0, "", "exact"); },
  settle_empty(m) { m.settle("skipped", "no_content", 0, "", "exact"); },
};

/**
 * One speech. The library says how a chart begins, how it takes an event, in which state it is, and whether the charts
 * of the messages are prepared with the speech, because such a chart can cost more than the events of its message.
 */
export class Speech {
  constructor(library) {
    this.library = library;
    this.messages = new Map();
    this.effects = [];
    this.raised = [];
    this.response_id = this.cause = this.agent_state = this.timer = null;
    this.response_ended = this.cancel_was_sent = this.was_heard = false;
    this.awaited = [];
    this.chart = library.beginSpeech(this);
    this.spare = [];
    if (library.prepares) for (let count = 0; count < MESSAGES_PER_SPEECH; count++) this.spare.push(this.newMessage());
  }

  copy() {
    const copy = Object.assign(new Speech(this.library), this);
    copy.messages = new Map();
    for (const [message_id, message] of this.messages) copy.messages.set(message_id, message.copy(copy));
    copy.raised = [];
    return copy;
  }

  newMessage() {
    const message = new Message(this);
    message.chart = this.library.beginMessage(message);
    return message;
  }

  tell(message, event) { this.library.takeMessage(message, event); }

  send(event) {
    this.effects = [];
    if (OF_MESSAGES.has(event.type)) {
      let message = this.messages.get(event.message_id);
      if (message === undefined) {
        message = this.spare.pop() ?? this.newMessage();
        message.message_id = event.message_id;
      }
      this.library.takeMessage(message, event);
    } else {
      this.library.takeSpeech(this, event);
    }
    for (const raised of this.raised) this.library.takeSpeech(this, raised); // grows while it is read
    this.raised.length = 0;
    return this.effects;
  }

  stateOf(message) { return this.library.stateOf(message.chart); }

  forwardingMessage() {
    for (const message of this.messages.values()) if (FORWARDING.has(this.stateOf(message))) return message;
    return null;
  }

  announceAgent(state) {
    if (this.agent_state === state) return;
    this.agent_state = state;
    this.effects.push({ type: "announce_agent_state", state });
  }

  startTimer(timer, delay_ms) {
    this.timer = timer;
    this.effects.push({ type: "start_timer", timer, delay_ms, speech_id: "" });
  }

  cancelTimer() {
    if (this.timer === null) return;
    this.effects.push({ type: "cancel_timer", timer: this.timer, speech_id: "" });
    this.timer = null;
  }

  reportDone(outcome) {
    const records = [];
    for (const { record } of this.messages.values()) if (record !== null) records.push(record);
    this.effects.push({ type: "report_speech_done", outcome, records, speech_id: "", code: "", text: "" });
  }
}

const isDone = (s) => s.response_ended && s.awaited.length === 0;

export const speechGuards = {
  has_no_response: (s) => s.response_id === null,
  is_generating_it: (s, event) => event.response_id === s.response_id && !s.response_ended,
  output_is_free: (s) => s.forwardingMessage() === null,
  may_interrupt: () => true,
  is_played_out(s) {
    if (!s.response_ended) return false;
    for (const message of s.messages.values()) if (!FINAL.has(s.stateOf(message))) return false;
    return true;
  },
  is_awaited: (s, event) =>
    s.awaited.some((request) => request.operation === event.operation && request.message_id === event.message_id),
  is_reconciled: isDone,
  is_reconciled_and_has_failed: (s) =>
    isDone(s) && (s.cause === "output_failed" || s.cause === "source_failed" || s.cause === "timed_out"),
  is_reconciled_and_is_stopped: (s) => isDone(s) && s.cause !== null,
};

export const speechActions = {
  announce_thinking(s) { s.announceAgent("thinking"); },
  announce_speaking(s) { s.was_heard = true; s.announceAgent("speaking"); },
  announce_listening(s) { if (s.agent_state !== null) s.announceAgent("listening"); },
  note_response(s, event) { s.response_id = event.response_id; },
  note_response_end(s) {
    s.response_ended = true;
    for (const message of s.messages.values()) s.tell(message, { type: "end_source" });
  },
  cancel_response(s) {
    if (s.response_id === null || s.response_ended || s.cancel_was_sent) return;
    s.cancel_was_sent = true;
    s.effects.push({ type: "cancel_response", response_id: s.response_id });
  },
  forward_next(s) {
    if (s.forwardingMessage() !== null) return;
    for (const message of s.messages.values()) {
      if (s.stateOf(message) === "pending") {
        s.tell(message, { type: "forward" });
        return;
      }
    }
  },
  because_interrupted(s) { s.cause = "interrupted"; },
  stop_message(s) {
    const message = s.forwardingMessage();
    if (message === null) return;
    s.tell(message, { type: "stop" });
    if (FORWARDING.has(s.stateOf(message))) s.startTimer("stop", STOP_TIMEOUT_MS);
  },
  skip_pending(s) {
    for (const message of s.messages.values()) if (s.stateOf(message) === "pending") s.tell(message, { type: "skip" });
  },
  watch(s) {
    const message = s.forwardingMessage();
    if (message === null) {
      if (s.response_ended) s.cancelTimer();
      else s.startTimer("stall", STALL_TIMEOUT_MS);
      return;
    }
    const unplayed_ms = message.handed_over_ms - message.position_ms;
    if (s.stateOf(message) === "draining") s.startTimer("playout", unplayed_ms + PLAYOUT_MARGIN_MS);
    else s.startTimer("stall", unplayed_ms + STALL_TIMEOUT_MS);
  },
  unwatch(s) { s.cancelTimer(); },
  bring_server_in_line(s) {
    const unheard = [];
    const awaited = [];
    for (const { message_id, record } of s.messages.values()) {
      if (record === null || record.state === "played") continue;
      if (record.state === "skipped" || record.heard_ms < 1) {
        unheard.push(message_id);
      } else {
        awaited.push({ operation: "truncate", message_id });
        s.effects.push({ type: "truncate_message", message_id, audio_end_ms: record.heard_ms });
      }
    }
    if (unheard.length > 0) {
      for (const message_id of unheard) awaited.push({ operation: "remove", message_id });
      s.effects.push({ type: "remove_messages", message_ids: unheard });
    }
    s.awaited = awaited;
    if (awaited.length > 0 || !s.response_ended) s.startTimer("reconcile", RECONCILE_TIMEOUT_MS);
    else s.cancelTimer();
  },
  strike_request(s, event) {
    s.awaited = s.awaited.filter(
      (request) => request.operation !== event.operation || request.message_id !== event.message_id,
    );
  },
  report_completed(s) { s.reportDone("completed"); },
  report_interrupted(s) { s.reportDone("interrupted"); },
  report_failed(s) { s.reportDone("failed"); },
};
