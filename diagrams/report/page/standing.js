// How everything is after a step.

// The states of the conversation, and the number of the speech that a step was about last.
function standingAt(page, index) {
  const standing = { ...page.start };
  for (const [, , change] of page.steps.slice(0, index + 1)) Object.assign(standing, change || {});
  return standing;
}

// The state that changes have led to by a step; undefined before the first.
function stateAt(changes, step) {
  let [low, high] = [0, changes.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (changes[middle][0] <= step) low = middle + 1;
    else high = middle;
  }
  return changes[low - 1]?.[1];
}

const FORWARDING = ["streaming", "draining", "stopping"];
const FINAL = ["played", "partial", "skipped"];
const IN_VIEW = 24; // messages

// The messages of a speech that have been announced by a step, those around the present one, and which that is.
function messagesAt(speech, step, named) {
  if (!speech) return { messages: [], now: null, left: 0 };
  const known = speech.messages.map((message) => ({ ...message, state: stateAt(message.states, step) })).filter((message) => message.state);
  const now = known.find((message) => message.id === named) ?? known.find((message) => FORWARDING.includes(message.state)) ?? known.at(-1) ?? null;
  const start = Math.max(0, Math.min(known.indexOf(now) - IN_VIEW / 2, known.length - IN_VIEW));
  return { messages: known.slice(start, start + IN_VIEW), now, left: Math.max(0, known.length - IN_VIEW) };
}
