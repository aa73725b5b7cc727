// What the listener heard, what history says and what the server remembers, message by message, after a step.

const LOOKS = { heard: "heard", cut: "cut off", unheard: "never heard", coming: "to come" };

// The words, by what has become of them by then.
function wordsShown(message, step, atMs) {
  const isFinal = FINAL.includes(message.state);
  const parts = [];
  for (const [text, fate, from, , space] of message.words) {
    const wasSaid = from !== null && from < atMs && fate !== "cut";
    const look = isFinal ? (fate === "open" ? "unheard" : fate) : wasSaid ? "heard" : "coming";
    const last = parts.at(-1);
    if (last?.[0] === look) last[1] += (space ? " " : "") + text;
    else parts.push([look, text]);
  }
  if (!parts.length) return [made("span", "coming", message.hasAudio ? "sound, without words" : "nothing")];
  return parts.flatMap(([look, text]) => {
    const words = foreign(text);
    return [made("span", "spoken-only", `${LOOKS[look]}: `), look === "cut" ? made("del", look, words) : made("span", look, words), " "];
  });
}

const HOW = { exact: "", synchronized: "in step with the sound", estimated: "estimated", unknown: "words unknown" };

function historyShown({ history, state }, step) {
  if (!history || history.step > step) return [FINAL.includes(state) ? "nothing" : "nothing yet"];
  const how = [HOW[history.status], history.cut ? "interrupted" : ""].filter(Boolean).join(", ");
  return [foreign(`“${history.text}”`), how ? ` ${how}` : ""];
}

const DEEDS = { truncate: ["to keep only", "keeps"], replace: ["to have the heard words instead", "has the heard words"], remove: ["to forget it", "has forgotten it"] };

function serverShown(message, step, atMs) {
  const parts = [];
  for (const request of message.server.filter(({ asked }) => asked <= step)) {
    const isAnswered = request.answered !== null && request.answered <= step;
    const length = request.keeps === null ? "" : ` ${seconds(request.keeps)}`;
    const [asked, done] = DEEDS[request.what];
    parts.push(!isAnswered ? `was asked ${asked}${length}` : request.refused ? `refused ${asked}${length}: ` : `${done}${length}`);
    if (isAnswered && request.refused) parts.push(foreign(request.detail));
    parts.push("; ");
  }
  if (parts.length) return parts.slice(0, -1);
  if (!message.words.length && !message.received) return ["nothing"];
  return [FINAL.includes(message.state) ? "remembers all of it" : "generates it, or has it whole"];
}

// Whether the three say the same: the machine reports what cannot be brought in line.
function verdictShown(message, speech, speechState, step) {
  const { divergence, history, record } = message;
  if (divergence && divergence.step <= step) {
    const detail = divergence.detail ? [": ", foreign(divergence.detail)] : [];
    return [made("span", "differs", `no: ${worded(divergence.cause)}`, ...detail, `; the server remembers ${seconds(divergence.remembered)}, heard were ${seconds(record?.heard ?? 0)}`)];
  }
  const waits = message.server.some(({ asked, answered }) => asked <= step && (answered === null || answered > step));
  if (!FINAL.includes(message.state) || (waits && !["completed", "interrupted", "failed"].includes(speechState))) return ["not settled yet"];
  const said = history && history.step <= step ? history.text : null;
  const heard = message.state === "skipped" ? null : record?.text ?? null;
  if (said !== heard && !speech.outOfBand) return [made("span", "differs", "no: history says something else than was heard")];
  return [made("span", "same", speech.outOfBand ? "yes, for it is in nobody's memory" : "yes")];
}

function fateShown(message) {
  const { record, state } = message;
  const isFinal = FINAL.includes(state);
  const heard = isFinal && message.hasAudio ? `${seconds(record?.heard ?? 0)} of ${seconds(message.received)} heard` : "";
  return [state, isFinal ? worded(record?.reason ?? "") : "", heard].filter(Boolean).join(", ");
}

function messageShown(message, speech, speechState, step, atMs, isNow) {
  const accounts = [
    ["Heard", wordsShown(message, step, atMs)], ["History", historyShown(message, step)],
    ["Server", serverShown(message, step, atMs)], ["The same", verdictShown(message, speech, speechState, step)],
  ];
  const list = made("dl", "accounts", ...accounts.flatMap(([name, content]) => [made("dt", "", name), made("dd", "", ...content)]));
  const item = made("li", isNow ? "message now" : "message", made("h3", "", foreign(message.id), made("span", "fate", fateShown(message))), list);
  item.dataset.state = message.state;
  if (isNow) item.setAttribute("aria-current", "true");
  return item;
}
