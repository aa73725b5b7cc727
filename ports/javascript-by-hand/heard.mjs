// What was heard, and how that is known (section 7). Times are of a clock that stands still while the playback is held.

const SHORTEST_WORD_MS = 200;
const WHITESPACE = /[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+/;
const between = (from, to) => Math.max(0, to - from);
const clamped = (position, most) => (position < most ? Math.trunc(position) : most);

export const isUsable = (event) => event.position_ms !== null && event.position_ms >= 0 && event.position_ms < Infinity;
const usable = (event, most) => (isUsable(event) ? clamped(event.position_ms, most) : null);

export const playing = (speech, observed) =>
  (speech.held_since_ms === null ? observed : Math.min(observed, speech.held_since_ms)) - speech.held_ms;

/** The most of a message that can have been heard by a time. */
const mostBy = (message, at) =>
  message.most_at_ms === null
    ? message.handed_over_ms
    : Math.min(message.most_ms + between(message.most_at_ms, at), message.handed_over_ms);

export function boundByHandover(speech, message, observed) {
  const at = playing(speech, observed);
  message.most_ms = mostBy(message, at);
  message.most_at_ms = at;
}

/** Nothing was heard before the start, unless that is reported late, after progress. */
export function boundByStart(speech, message, observed) {
  if (message.position_ms !== 0) return;
  message.most_ms = 0;
  message.most_at_ms = playing(speech, observed);
}

export function noteProgress(speech, message, event) {
  const position = clamped(event.position_ms, message.handed_over_ms);
  if (position === 0) return; // it says nothing: after progress it is a gap (T14)
  message.position_ms = position;
  if (event.observed_ms !== null) message.position_at_ms = event.observed_ms - speech.held_ms;
}

/** Whether the output can still be at the beginning, give or take two frames. */
function hasJustBegun(speech, message, at) {
  if (message.position_ms > 0) return false;
  if (!message.has_started || at === null || message.most_at_ms === null) return true;
  return mostBy(message, at) <= 2 * speech.policy.frame_ms;
}

/** How far it got by a time if it has played since its last report; without times, that report. */
function reckoned(message, at) {
  const last = message.position_ms;
  if (at === null || message.most_at_ms === null) return [last, last > 0 ? "reported" : "estimated"];
  if (message.position_at_ms === null) return [mostBy(message, at), "estimated"];
  const since = between(message.position_at_ms, at);
  return [Math.min(last + since, mostBy(message, message.position_at_ms + since)), "estimated"];
}

/** How far the output got, a finish included, and how that is known. */
export function position(speech, message, event) {
  let at = speech.stopped_at_ms;
  if (event?.type === "output_playback_finished") {
    let reported = usable(event, message.handed_over_ms);
    if (reported === null && !event.interrupted && message.flushed_ms > 0) reported = message.flushed_ms;
    const now = event.observed_ms === null ? null : playing(speech, event.observed_ms);
    if (now !== null) {
      at ??= now;
      const most = mostBy(message, now) + 2 * speech.policy.frame_ms;
      if (reported !== null && reported > most) return reckoned(message, at);
    }
    if (reported !== null && (reported > 0 || hasJustBegun(speech, message, now))) return [reported, "reported"];
  }
  return message.has_started || message.position_ms > 0 ? reckoned(message, at) : [0, "reported"];
}

export function isHeard(speech, message, event) {
  if (!message.expects_audio) return message.text !== "" && speech.capabilities.shows_text;
  if (message.has_started) return true;
  if (event?.type !== "output_playback_progressed") return position(speech, message, event)[0] > 0;
  return message.position_ms > 0 || (usable(event, message.handed_over_ms) ?? 0) > 0;
}

export const isHeardToTheEnd = (speech, message, event) =>
  message.source_has_ended && message.received_ms > 0 && message.received_ms === message.handed_over_ms &&
  position(speech, message, event)[0] >= message.handed_over_ms - speech.policy.frame_ms &&
  isHeard(speech, message, event);

/** What was heard of a partial message as text, and how that is known. */
export function heardText(message, estimate) {
  if (!message.expects_audio) return [message.shown_text ?? message.text, "exact"];
  if (message.transcript !== null) return [message.transcript, "synchronized"];
  return estimate ? [wordPrefix(message), "estimated"] : ["", "unknown"];
}

/** The leading words in proportion to what was heard. A product may be above 2^53. */
function wordPrefix(message) {
  const words = message.text.split(WHITESPACE).filter((word) => word !== "");
  const length = Math.max(message.received_ms, words.length * SHORTEST_WORD_MS);
  const count = length > 0 ? (BigInt(words.length) * BigInt(message.position_ms)) / BigInt(length) : 0n;
  return words.slice(0, Number(count)).join(" ");
}
