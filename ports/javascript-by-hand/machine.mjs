// How a step runs (docs/porting.md, "Who is asked" and "What is taken").

import { CONVERSATION, MESSAGE, SPEECH } from "./charts.mjs";
import * as conversation from "./conversation.mjs";
import * as message from "./message.mjs";
import * as speech from "./speech.mjs";
import { LARGEST, newConversation, newMessage, newSpeech, read, sourceOf, EVENTS } from "./values.mjs";

const INSIDE = {
  streaming: "forwarding", draining: "forwarding", stopping: "forwarding", // of a message
  waiting: "active", speaking: "active", paused: "active", // of a speech
};
const INITIAL = { forwarding: "streaming", active: "waiting" };
const REGIONS = {
  connection: ["connected", "disconnected", "restoring", "closing", "closed"],
  user: ["silent", "talking"],
  floor: ["free", "held", "taken", "suspended"],
  generation: ["idle", "requested", "generating"],
  agent: ["listening", "thinking", "speaking"],
};

/** Return whether the guards hold that stand between `and`, `or`, `not` and parentheses; always, if there are none. */
function condition(text, guards) {
  const signs = { and: "&&", or: "||", not: "!" };
  const term = (word) => signs[word] ?? `Boolean(guards.${word}(at))`;
  return new Function("guards", "at", `return ${text.replace(/\w+/g, term) || "true"}`).bind(null, guards);
}

/** Return a chart: by state and event the rows that are tried, in order, and which events it knows. */
function chart(name, table, { guards, actions }, inside) {
  const rows = table.trim().split("\n").map((line) => line.split("|").map((cell) => cell.trim()));
  const own = new Map();
  for (const [states, events, guard, target, does = ""] of rows) {
    const [types, which = ""] = events.split(" #");
    for (const state of states.split(" ")) {
      for (const type of types.split(" ")) {
        const isAnswer = target === "ignored" || target === "rejected";
        const id = `${name}.${state}.${type === "-" ? "eventless" : type}${which && `#${which}`}`;
        own.set(`${state} ${type}`, [...(own.get(`${state} ${type}`) ?? []), {
          id, kind: isAnswer ? target : "handled", reason: which,
          holds: condition(guard, guards),
          target: isAnswer || target === "=" ? null : INITIAL[target] ?? target,
          actions: does.split(" ").filter(Boolean).map((action) => actions[action]),
        }]);
      }
    }
  }
  const cells = new Map();
  return (state, type) => {
    const cell = `${state} ${type}`;
    if (!cells.has(cell)) {
      const found = [...(own.get(cell) ?? []), ...((inside[state] && own.get(`${inside[state]} ${type}`)) || [])];
      const isHandled = ({ kind }) => kind === "handled";
      cells.set(cell, [...found.filter(isHandled), ...found.filter((row) => !isHandled(row))]);
    }
    return cells.get(cell);
  };
}

const ofMessage = chart("message", MESSAGE, message, INSIDE);
const ofSpeech = chart("speech", SPEECH, speech, INSIDE);
const ofConversation = chart("conversation", CONVERSATION, conversation, {});
const ANSWERED_BY_MESSAGES = /^(session_(message|text|audio)_|output_)/;

/** What happens in one step of a speech, or of a conversation. */
class Run {
  effects = [];
  transitions = [];
  raised = [];
  ofConversation = [];

  constructor(conversation = null) {
    this.conversation = conversation;
  }

  emit(type, fields) {
    this.effects.push({ type, ...fields });
  }

  raise(type) {
    this.raised.push(type);
  }

  reportDivergence({ message_id, received_ms, text, record }, cause, detail) {
    const remembered = { remembered_ms: received_ms, remembered_text: text };
    this.emit("report_divergence", {
      message_id, cause, ...remembered, heard_ms: record.heard_ms, heard_text: record.heard_text, detail,
    });
  }

  startTimer(speech, timer, delay_ms) {
    speech.timer = timer;
    speech.has_progressed = false;
    this.emit("start_timer", { timer, delay_ms: Math.min(delay_ms, LARGEST), speech_id: speech.speech_id });
  }

  cancelTimer(speech) {
    if (speech.timer !== null) this.emit("cancel_timer", { timer: speech.timer, speech_id: speech.speech_id });
    speech.timer = null;
  }

  /** Take the row that holds, or return the answer that it is; null if it was taken, undefined if there is none. */
  take(rows, subject, region, at) {
    const row = rows.find(({ holds }) => holds(at));
    if (row === undefined) return undefined;
    if (row.kind !== "handled") return row;
    this.transitions.push(row.id);
    for (const action of row.actions) action(at);
    if (row.target !== null) subject[region] = row.target;
    return null;
  }

  takeWithEventless(chart, subject, type, at) {
    const answer = this.take(chart(subject.state, type), subject, "state", at);
    if (answer === null) while (this.take(chart(subject.state, "-"), subject, "state", at) === null);
    return answer;
  }

  tell(speech, message, type) {
    this.takeWithEventless(ofMessage, message, type, { run: this, speech, message, event: null });
  }

  /** Have a speech handle an event with all that it raises. Return the answer if it does not. */
  ask(speech, event) {
    let answer;
    if (ANSWERED_BY_MESSAGES.test(event.type)) {
      const isNew = event.type === "session_message_added" && !speech.messages.has(event.message_id);
      const message = isNew ? newMessage(event.message_id) : speech.messages.get(event.message_id);
      if (message === undefined) return { kind: "rejected", reason: "unknown_message" };
      answer = this.takeWithEventless(ofMessage, message, event.type, { run: this, speech, message, event });
    } else {
      answer = this.takeWithEventless(ofSpeech, speech, event.type, { run: this, speech, event });
    }
    if (answer !== null) return answer;
    while (this.raised.length > 0) {
      this.takeWithEventless(ofSpeech, speech, this.raised.shift(), { run: this, speech, event: null });
    }
    return null;
  }

  // Of conversations

  raiseInConversation(type, event = null) {
    this.ofConversation.push([type, event]);
  }

  tellSpeech(id, type, fields = {}) {
    this.askSpeech(this.conversation.speeches.get(id), read({ type, ...fields }, true));
  }

  /** Have a speech handle an event, and let the conversation know what that means to others. */
  askSpeech(speech, event) {
    const { state: was, response_has_ended: hadEnded } = speech;
    const inner = new Run();
    const answer = inner.ask(speech, event);
    if (answer !== null) return answer;
    this.transitions.push(...inner.transitions);
    this.effects.push(...inner.effects.filter(({ type }) => type !== "announce_agent_state"));
    const isOver = ["completed", "interrupted", "failed"].includes(speech.state);
    const notices = {
      speech_stopped: speech.cause !== null && ["queued", "waiting", "speaking", "paused"].includes(was),
      speech_resumed: was === "paused" && ["waiting", "speaking"].includes(speech.state),
      response_over: speech.response_has_ended && !hadEnded,
      speech_over: isOver && speech.state !== was,
    };
    for (const [type, holds] of Object.entries(notices)) {
      if (holds) this.raiseInConversation(type, { type, speech_id: speech.speech_id });
    }
    if (event.type === "session_message_added") this.conversation.by_message.set(event.message_id, speech.speech_id);
    return null;
  }

  askConversation(type, event) {
    const { conversation } = this;
    const at = { run: this, conversation, event };
    for (const region of Object.keys(REGIONS)) {
      const rows = ofConversation(conversation[region], type);
      if (rows.length > 0) return this.take(rows, conversation, region, at);
    }
    return undefined;
  }

  /** Take what needs no event, and then what was raised, until there is neither. */
  settle() {
    const { conversation } = this;
    const at = { run: this, conversation, event: null };
    for (;;) {
      const found = Object.keys(REGIONS).map((region) => {
        const row = ofConversation(conversation[region], "-").find(({ holds }) => holds(at));
        return row && [region, row];
      }).filter(Boolean);
      for (const [region, row] of found) this.take([{ ...row, holds: () => true }], conversation, region, at);
      if (found.length > 0) continue;
      if (this.ofConversation.length === 0) return;
      this.askConversation(...this.ofConversation.shift());
    }
  }
}

const UNKNOWN = { message_id: "unknown_message", response_id: "unknown_response", speech_id: "no_speech" };

/** A speech, or a conversation. `state` is its snapshot. */
export class Machine {
  constructor(isConversation, capabilities, policy) {
    this.isConversation = isConversation;
    this.state = (isConversation ? newConversation : newSpeech)(capabilities, policy);
  }

  send(told) {
    const event = read(told, this.isConversation);
    if (typeof event === "string") return refused(told?.type, { kind: "rejected", reason: event });
    const run = new Run(this.isConversation ? this.state : null);
    const answer = this.isConversation ? this.#converse(run, event) : run.ask(this.state, event);
    if (answer !== null) return refused(event.type, answer);
    return { reply: "handled", reason: "", blame: null, transitions: run.transitions, effects: run.effects };
  }

  #converse(run, event) {
    const { speeches, by_message: byMessage, by_response: byResponse } = this.state;
    const { route, conversation } = EVENTS[event.type];
    const found = {
      message_id: byMessage.get(event.message_id),
      response_id: byResponse.get(event.response_id),
      speech_id: event.speech_id === "" ? undefined : event.speech_id,
    };
    const id = route.map((way) => found[way]).find((each) => each !== undefined);
    let answer;
    if (id === undefined && conversation) answer = run.askConversation(event.type, event);
    else if (id === undefined) return { kind: "rejected", reason: UNKNOWN[route.at(-1)] };
    else if (!speeches.has(id)) return { kind: "rejected", reason: "no_speech" };
    else answer = run.askSpeech(speeches.get(id), event);
    if (answer === null) run.settle();
    return answer;
  }
}

const refused = (type, { id, kind, reason }) => ({
  reply: kind, reason, blame: kind === "rejected" ? sourceOf(type) : null, transitions: id ? [id] : [], effects: [],
});
