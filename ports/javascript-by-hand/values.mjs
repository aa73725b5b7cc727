// The events of section 5, and the snapshots of section 13.1.

export const LARGEST = Number.MAX_SAFE_INTEGER;
const WORDS = { nan: NaN, inf: Infinity, "-inf": -Infinity };

const field = (is, usual) => ({ is, usual });
const text = (usual) => field((value) => typeof value === "string", usual);
const flag = (usual) => field((value) => typeof value === "boolean", usual);
const whole = () => field((value) => Number.isSafeInteger(value) && value >= 0);
const number = () => field((value) => value === null || typeof value === "number" || isWord(value));
const isWord = (value) => typeof value === "string" && Object.hasOwn(WORDS, value);
const one = (words, usual) => field((value) => typeof value === "string" && words.split(" ").includes(value), usual);
const orNone = (kind) => field((value) => value === null || kind.is(value), null);
const time = () => orNone(whole());
const modalities = field((value) => Array.isArray(value) && value.every((each) => one("audio text").is(each)), ["audio"]);
const operation = () => one("truncate replace remove");
const timer = () => one("stall playout stop reconcile user");

// By type: who says it, by what it finds its speech in a conversation, whether the conversation may answer, and the fields.
const event = (source, route, conversation, fields) => ({ source, route, conversation, fields });
const command = (fields, route = ["speech_id"]) => event("agent", route, true, fields);
const ofMessage = (source, fields) => event(source, ["message_id"], false, { message_id: text(), ...fields });
const ofResponse = (fields) => event("session", ["response_id"], false, { response_id: text(), ...fields });
export const EVENTS = {
  authorize: command({ speech_id: text("") }, []),
  interrupt: command({ force: flag(false), speech_id: text(""), observed_ms: time() }),
  pause: command({ speech_id: text(""), observed_ms: time() }),
  resume: command({ speech_id: text(""), observed_ms: time() }),
  close: command({ speech_id: text(""), observed_ms: time() }),
  drop_request: event("agent", ["speech_id"], false, { speech_id: text("") }),
  cancel_generation: command({ speech_id: text("") }),
  session_response_created: event("session", [], true, {
    response_id: text(), speech_id: text(""), new_speech_id: text(""), is_out_of_band: flag(false),
  }),
  session_request_refused: event("session", [], true, { speech_id: text(""), code: text(""), text: text("") }),
  session_item_added: ofResponse({}),
  session_response_progressed: ofResponse({}),
  session_message_added: event("session", ["message_id", "response_id"], false, {
    response_id: text(), message_id: text(), modalities,
  }),
  session_text_received: ofMessage("session", { text: text() }),
  session_audio_received: ofMessage("session", { received_ms: whole() }),
  session_message_ended: ofMessage("session", {}),
  session_response_ended: ofResponse({
    status: one("completed cancelled failed incomplete", "completed"), code: text(""), text: text(""),
  }),
  session_lost: event("session", [], true, {
    may_resume: flag(false), code: text(""), text: text(""), observed_ms: time(),
  }),
  session_resumed: event("session", [], true, { conversation_kept: flag(false) }),
  session_reconciliation_acknowledged: ofMessage("session", { operation: operation() }),
  session_reconciliation_refused: ofMessage("session", {
    operation: operation(), refusal: one("already_shorter unknown_message other", "other"), code: text(""), text: text(""),
  }),
  output_audio_handed_over: ofMessage("output", { handed_over_ms: whole(), observed_ms: time() }),
  output_playback_started: ofMessage("output", { observed_ms: time() }),
  output_playback_progressed: ofMessage("output", { position_ms: number(), observed_ms: time() }),
  output_playback_finished: ofMessage("output", {
    position_ms: number(), interrupted: flag(false), transcript: orNone(text()), observed_ms: time(),
  }),
  output_failed: ofMessage("output", { detail: text(""), observed_ms: time() }),
  timer_fired: event("timer", ["speech_id"], true, { timer: timer(), speech_id: text(""), observed_ms: time() }),
  request_response: command({ speech_id: text(), is_out_of_band: flag(false) }, []),
  change_output: command({ plays_audio: flag(true), can_pause: flag(true), shows_text: flag(true) }, []),
  user_started_speaking: event("user", [], true, { observed_ms: time() }),
  user_stopped_speaking: event("user", [], true, {}),
};
const ONLY_OF_CONVERSATIONS = ["request_response", "change_output", "user_started_speaking", "user_stopped_speaking"];

/** Return an event with its defaults, or why what was told is none (section 5). */
export function read(told, isConversation) {
  const isKnown = typeof told?.type === "string" && !Array.isArray(told) && Object.hasOwn(EVENTS, told.type);
  if (!isKnown || (!isConversation && ONLY_OF_CONVERSATIONS.includes(told.type))) return "unknown_event";
  const { fields } = EVENTS[told.type];
  if (Object.keys(told).some((name) => name !== "type" && !Object.hasOwn(fields, name))) return "malformed_event";
  const found = { type: told.type };
  for (const [name, { is, usual }] of Object.entries(fields)) {
    const value = Object.hasOwn(told, name) ? told[name] : usual;
    if (value === undefined || !is(value)) return "malformed_event";
    found[name] = name === "position_ms" && isWord(value) ? WORDS[value] : value;
  }
  return found;
}

export const sourceOf = (type) => (typeof type === "string" && Object.hasOwn(EVENTS, type) ? EVENTS[type].source : "agent");

const CAPABILITIES = {
  can_truncate: true, can_remove: true, truncates_by_itself: false, plays_audio: true, can_pause: true, shows_text: true,
};
const POLICY = {
  interruptible: true, estimate_heard_text: false, frame_ms: 20, stall_timeout_ms: 30000, playout_margin_ms: 2000,
  stop_timeout_ms: 1000, reconcile_timeout_ms: 5000, resume_timeout_ms: 120000,
};
const CONVERSATION_POLICY = {
  speech: POLICY, barge_in: "interrupt", authorize_when_free: true, floor_is_given_elsewhere: false, speeches_kept: 64,
  user_timeout_ms: 120000,
};

export const newSpeech = (capabilities, policy, speech_id = "", is_out_of_band = false) => ({
  capabilities: { ...CAPABILITIES, ...capabilities }, policy: { ...POLICY, ...policy },
  state: "queued", messages: new Map(), forwarding_id: null, next_id: null, last_id: null, growing: [],
  response_id: null, response_has_ended: false, response_has_failed: false, cancel_was_sent: false, session_is_lost: false,
  cause: null, was_heard: false, output_is_paused: false, held_since_ms: null, held_ms: 0, stopped_at_ms: null,
  agent_state: null, timer: null, has_progressed: false, awaited: new Map(), answered: [], awaits_resumption: false,
  speech_id, is_out_of_band, code: "", text: "",
});

export const newMessage = (message_id) => ({
  message_id, expects_audio: true, state: "pending", received_ms: 0, handed_over_ms: 0, position_ms: 0, position_at_ms: null,
  position_status: "reported", most_ms: 0, most_at_ms: null, has_started: false, source_has_ended: false, flushed_ms: 0,
  text: "", shown_text: null, transcript: null, reason: null, record: null, next_id: null,
});

export const newConversation = (capabilities, policy = {}) => ({
  capabilities: { ...CAPABILITIES, ...capabilities },
  policy: { ...CONVERSATION_POLICY, ...policy, speech: { ...POLICY, ...policy.speech } },
  connection: "connected", user: "silent", floor: "free", generation: "idle", agent: "listening",
  speeches: new Map(), live: new Map(), over: new Map(), waiting: new Map(), requests: new Map(),
  floor_id: null, held_at_ms: null, request_id: null, generating_ids: [], by_response: new Map(), by_message: new Map(),
});
