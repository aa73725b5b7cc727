// The guards and actions of a conversation (section 12). `at` has the conversation, the event or null, and the run.

import { newSpeech } from "./values.mjs";

const STOPPABLE = ["queued", "waiting", "speaking", "paused"];
const first = (ids) => [...ids.keys()][0];
const speechesOf = ({ conversation }, ids) => [...ids].map((id) => conversation.speeches.get(id));
const live = (at) => speechesOf(at, at.conversation.live.keys());
const generating = (at) =>
  speechesOf(at, at.conversation.generating_ids).filter((speech) => speech && !speech.response_has_ended);
const withTheFloor = ({ conversation }) => conversation.speeches.get(conversation.floor_id);
const plays = (at) => ["waiting", "speaking"].includes(withTheFloor(at)?.state);
const isConnected = ({ conversation }) => ["connected", "restoring"].includes(conversation.connection);
const isNewSpeech = ({ conversation }, id) => !conversation.speeches.has(id);
const isNewResponse = ({ conversation, event }) =>
  !event.is_out_of_band && !conversation.by_response.has(event.response_id);
const nameOf = (event) => event.new_speech_id || event.response_id;
const next = (at) => speechesOf(at, at.conversation.waiting.keys()).find((speech) => speech.cause === null);
const anotherIsNext = (at) => at.conversation.user === "silent" && next(at) !== undefined;

export const guards = {
  a_response_runs: (at) => generating(at).length > 0,
  answers_the_request({ conversation, event }) {
    const id = conversation.request_id;
    return (
      id !== null && event.speech_id === id && !conversation.by_response.has(event.response_id) &&
      (!event.is_out_of_band || conversation.speeches.get(id).is_out_of_band)
    );
  },
  barge_in_holds: ({ conversation }) => conversation.policy.barge_in === "pause",
  barge_in_interrupts: ({ conversation }) => conversation.policy.barge_in === "interrupt",
  conversation_is_kept: ({ event }) => event.conversation_kept,
  floor_is_given_elsewhere: ({ conversation }) => conversation.policy.floor_is_given_elsewhere,
  has_the_floor: ({ conversation, event }) => event.speech_id === conversation.floor_id,
  is_at_rest: (at) => !guards.is_audible(at) && !guards.is_preparing(at),
  is_audible: (at) => withTheFloor(at)?.agent_state === "speaking",
  is_closed: ({ conversation }) => conversation.connection === "closed",
  is_connected: isConnected,
  is_disconnected: ({ conversation }) => conversation.connection === "disconnected",
  is_known_response: ({ conversation, event }) => conversation.by_response.has(event.response_id),
  is_known_speech: (at) => !isNewSpeech(at, at.event.speech_id),
  is_leaving: ({ conversation }) => ["closing", "closed"].includes(conversation.connection),
  is_of_the_user: ({ event }) => event.timer === "user",
  is_lost_for_good: ({ event }) => !event.may_resume,
  is_new_speech: (at) => isNewSpeech(at, at.event.speech_id),
  is_out_of_band: ({ event }) => event.is_out_of_band,
  is_preparing(at) {
    const { floor } = at.conversation;
    const speech = withTheFloor(at);
    if (speech === undefined) return floor === "free" && anotherIsNext(at);
    const isSilent = speech.agent_state !== "speaking" && speech.state !== "paused";
    return speech.agent_state === "thinking" || (floor === "taken" && isSilent && anotherIsNext(at));
  },
  is_request_sent: ({ conversation: { request_id }, event }) =>
    request_id !== null && ["", request_id].includes(event.speech_id),
  is_the_servers_own: (at) =>
    isNewResponse(at) && at.event.speech_id === "" && isConnected(at) && isNewSpeech(at, nameOf(at.event)),
  is_unwanted: (at) =>
    isNewResponse(at) && at.conversation.connection !== "closed" && isNewSpeech(at, nameOf(at.event)),
  is_waiting: ({ conversation, event }) => conversation.waiting.has(event.speech_id),
  next_may_be_requested: ({ conversation: { requests, connection } }) => requests.size > 0 && connection === "connected",
  next_may_speak: (at) => anotherIsNext(at) && at.conversation.policy.authorize_when_free,
  no_response_runs: (at) => !guards.a_response_runs(at),
  nothing_is_left: ({ conversation }) => conversation.live.size === 0,
  nothing_lost_is_left: (at) => !live(at).some((speech) => speech.session_is_lost),
  request_is_wanted({ conversation }) {
    const speech = conversation.speeches.get(conversation.request_id);
    return speech !== undefined && speech.cause === null && !speech.is_out_of_band;
  },
  something_can_be_held: (at) =>
    at.conversation.waiting.size > 0 || (plays(at) && at.conversation.capabilities.can_pause),
  something_is_generated: (at) => generating(at).some((speech) => !speech.cancel_was_sent),
  something_is_left: ({ conversation }) => conversation.live.size > 0,
  something_may_be_stopped: (at) =>
    live(at).some(({ state, policy }) => STOPPABLE.includes(state) && (policy.interruptible || at.event.force)),
  something_plays_or_waits: (at) => live(at).some(({ state }) => STOPPABLE.includes(state)),
  something_waits: ({ conversation }) => conversation.waiting.size > 0,
  user_is_silent: ({ conversation }) => conversation.user === "silent",
  what_plays_can_be_held: (at) => !plays(at) || at.conversation.capabilities.can_pause,
  what_plays_is_held: (at) => withTheFloor(at)?.state === "paused",
};

const connection = (state) => ({ run }) => run.emit("announce_connection_state", { state, conversation_kept: true });
const agent = (state) => ({ run }) => run.emit("announce_agent_state", { state });
const tellAll = ({ conversation, run }, type, fields) => {
  for (const id of [...conversation.live.keys()]) run.tellSpeech(id, type, fields);
};

function begin({ conversation, run }, speech_id, isOutOfBand) {
  const speech = newSpeech(conversation.capabilities, conversation.policy.speech, speech_id, isOutOfBand);
  conversation.speeches.set(speech_id, speech);
  conversation.live.set(speech_id, null);
  run.emit("report_speech_begun", { speech_id });
}

function beginResponse(at, id) {
  const { conversation, event: { response_id, is_out_of_band }, run } = at;
  conversation.by_response.set(response_id, id);
  conversation.generating_ids = [...generating(at).map((speech) => speech.speech_id), id];
  run.tellSpeech(id, "session_response_created", { response_id, is_out_of_band });
}

function giveFloor({ conversation, run }, id) {
  conversation.floor_id = id;
  conversation.waiting.delete(id);
  run.tellSpeech(id, "authorize");
}

function forget(conversation, id) {
  const { messages, response_id } = conversation.speeches.get(id);
  for (const map of [conversation.over, conversation.speeches]) map.delete(id);
  conversation.generating_ids = conversation.generating_ids.filter((each) => each !== id);
  for (const message of messages.keys()) conversation.by_message.delete(message);
  if (response_id !== null) conversation.by_response.delete(response_id);
}

function beginUnwanted(at) {
  const id = nameOf(at.event);
  begin(at, id, false);
  beginResponse(at, id);
  at.run.tellSpeech(id, "interrupt", { force: true });
}

export const actions = {
  announce_closed: connection("closed"),
  announce_closing: connection("closing"),
  announce_connected({ run, event }) {
    const conversation_kept = event?.type === "session_resumed" && event.conversation_kept;
    run.emit("announce_connection_state", { state: "connected", conversation_kept });
  },
  announce_disconnected: connection("disconnected"),
  announce_listening: agent("listening"),
  announce_speaking: agent("speaking"),
  announce_thinking: agent("thinking"),
  begin_closed_speech(at) {
    begin(at, at.event.speech_id, at.event.is_out_of_band);
    at.run.tellSpeech(at.event.speech_id, "close");
    at.run.tellSpeech(at.event.speech_id, "drop_request");
  },
  begin_lost_speech(at) {
    begin(at, at.event.speech_id, at.event.is_out_of_band);
    at.run.tellSpeech(at.event.speech_id, "session_lost", { code: "not_connected" });
  },
  begin_own_response(at) {
    const id = nameOf(at.event);
    begin(at, id, false);
    at.conversation.waiting.set(id, null);
    beginResponse(at, id);
  },
  begin_request(at) {
    const { conversation, event: { speech_id, is_out_of_band } } = at;
    begin(at, speech_id, is_out_of_band);
    conversation.waiting.set(speech_id, null);
    conversation.requests.set(speech_id, null);
  },
  begin_response_asked_for(at) {
    const id = at.conversation.request_id;
    at.conversation.request_id = null;
    if (id !== null) beginResponse(at, id);
  },
  begin_response_too_late(at) {
    beginUnwanted(at);
    const { response_id } = at.event;
    at.run.tellSpeech(nameOf(at.event), "session_response_ended", { response_id, status: "cancelled" });
  },
  begin_unwanted_response: beginUnwanted,
  cancel_responses({ conversation, run }) {
    const ids = conversation.generating_ids.filter((id) => conversation.speeches.has(id));
    for (const id of ids) run.tellSpeech(id, "cancel_generation");
  },
  close_all(at) {
    at.run.raiseInConversation("user_unknown");
    tellAll(at, "close", { observed_ms: at.event.observed_ms });
  },
  give_floor: (at) => giveFloor(at, at.event.speech_id),
  give_floor_to_next: (at) => giveFloor(at, next(at).speech_id),
  give_request_up: ({ conversation }) => void (conversation.request_id = null),
  hold_all({ conversation, event, run }) {
    conversation.held_at_ms = event.observed_ms;
    run.raiseInConversation("hold");
  },
  interrupt_all(at) {
    const force = at.event.type === "interrupt" && at.event.force;
    tellAll(at, "interrupt", { force, observed_ms: at.event.observed_ms });
  },
  interrupt_what_is_held({ conversation, run }) {
    if (conversation.floor_id !== null) run.tellSpeech(conversation.floor_id, "interrupt", { force: true });
  },
  keep_for_late_facts({ conversation, event }) {
    conversation.live.delete(event.speech_id);
    conversation.over.set(event.speech_id, null);
    if (conversation.over.size > conversation.policy.speeches_kept) forget(conversation, first(conversation.over));
  },
  lose_session(at) {
    const { may_resume, code, text, observed_ms } = at.event;
    at.run.raiseInConversation("user_unknown");
    tellAll(at, "session_lost", { may_resume, code, text, observed_ms });
  },
  lose_session_for_good: (at) => tellAll(at, "session_lost", { observed_ms: at.event.observed_ms }),
  note_output({ conversation, event: { plays_audio, can_pause, shows_text } }) {
    conversation.capabilities = { ...conversation.capabilities, plays_audio, can_pause, shows_text };
  },
  pause_speech({ conversation, event, run }) {
    const observed_ms = event?.type === "pause" ? event.observed_ms : conversation.held_at_ms;
    if (conversation.floor_id !== null) run.tellSpeech(conversation.floor_id, "pause", { observed_ms });
  },
  refuse({ conversation, event: { code, text }, run }) {
    const speech_id = conversation.request_id;
    conversation.request_id = null;
    if (speech_id !== null) run.tellSpeech(speech_id, "session_request_refused", { speech_id, code, text });
  },
  release_floor: ({ conversation }) => void (conversation.floor_id = null),
  restore_history: ({ run }) => run.emit("restore_history"),
  resume_session: (at) => tellAll(at, "session_resumed", { conversation_kept: at.event.conversation_kept }),
  resume_speech({ conversation, event: { observed_ms }, run }) {
    if (conversation.floor_id !== null) run.tellSpeech(conversation.floor_id, "resume", { observed_ms });
  },
  send_request({ conversation, run }) {
    const speech_id = first(conversation.requests);
    conversation.request_id = speech_id;
    conversation.requests.delete(speech_id);
    run.emit("create_response", { speech_id, is_out_of_band: conversation.speeches.get(speech_id).is_out_of_band });
  },
  unwatch_user: ({ run }) => run.emit("cancel_timer", { timer: "user", speech_id: "" }),
  watch_user({ conversation: { policy }, run }) {
    run.emit("start_timer", { timer: "user", delay_ms: policy.user_timeout_ms, speech_id: "" });
  },
  withdraw({ conversation, event: { speech_id }, run }) {
    conversation.waiting.delete(speech_id);
    if (conversation.requests.delete(speech_id)) run.tellSpeech(speech_id, "drop_request");
  },
};
