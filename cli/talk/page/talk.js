// Shows what the server says of the conversation, and asks for what the button and the keys mean.

import { SpeechPage } from "./speech.js";

const by = (id) => document.getElementById(id);
const button = by("talk");
const speech = new SpeechPage();

let view = { turns: [], floor: "nobody", agent: "listening" };
let stage = "waiting"; // for a click; then "opening", "talking", or "gone"
let hasMicrophone = false;
let note = ""; // of what is missing on this side
let ending = "";

const STATES = {
  pending: "waits for its turn", streaming: "plays", draining: "plays, all is generated", stopping: "stops",
  played: "played", partial: "heard in part", skipped: "never heard",
};
const REASONS = {
  interrupted: "interrupted", cleared: "cleared", closed: "the conversation was closed", output_failed: "the page was gone",
  source_failed: "the server failed", timed_out: "it took too long", never_authorized: "it never had the floor",
  no_content: "it was empty", not_shown: "nothing showed it",
};
const LOOKS = { heard: "heard", cut: "cut off", unheard: "never heard", coming: "to come" };
const FLOORS = { agent: "The agent has the floor.", user: "You have the floor.", nobody: "Nobody has the floor." };

async function start() {
  stage = "opening";
  note = ending = view.trouble = "";
  draw();
  try {
    await speech.play();
  } catch (error) {
    stage = "waiting";
    note = `The page cannot play: ${error.message}`;
    return draw();
  }
  stage = "talking";
  draw();
  if (!hasMicrophone) {
    try {
      await speech.listen();
      hasMicrophone = true;
    } catch (error) {
      note = `Without a microphone (${error.message}) you can listen, interrupt by key, and have the agent go on.`;
    }
    draw();
  }
}

function press() {
  if (stage === "waiting" || stage === "gone") start();
  else if (stage === "talking") speech.ask({ do: agentIsBusy() ? "interrupt" : "go on" });
}

const agentIsBusy = () => view.floor === "agent" || view.agent !== "listening";

button.addEventListener("click", press);
document.addEventListener("keydown", (event) => {
  if (stage !== "talking" || event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
  const isSpace = event.code === "Space" && event.target !== button;
  if (event.key !== "Escape" && !isSpace) return;
  event.preventDefault();
  if (agentIsBusy()) speech.ask({ do: "interrupt" });
});

speech.addEventListener("view", ({ detail }) => {
  const before = view;
  view = { ...view, ...detail };
  draw();
  announce(before);
});
speech.addEventListener("gone", ({ detail }) => {
  stage = "gone";
  view.floor = "nobody";
  ending = `The conversation has ended: ${detail.reason || "the server is not there"}.`;
  draw();
});
speech.addEventListener("state", ({ detail }) => {
  if (stage === "talking" && detail !== "running") {
    stage = "waiting";
    draw();
  }
});

function draw() {
  const isAtEnd = innerHeight + scrollY >= document.documentElement.scrollHeight - 40;
  const hasTalked = view.turns.length > 0;
  button.textContent =
    stage === "waiting" ? (hasTalked ? "Go on talking" : "Talk")
    : stage === "opening" ? "One moment…"
    : stage === "gone" ? "Talk again"
    : agentIsBusy() ? "Interrupt" : "Have the agent speak";
  button.setAttribute("aria-disabled", stage === "opening"); // one that is disabled loses the focus
  if (view.server) by("server").textContent = `with ${view.server}`;
  const trouble = view.trouble || ending || note;
  if (by("trouble").textContent !== trouble) by("trouble").textContent = trouble;
  for (const item of by("floor").children) {
    if (item.dataset.floor === view.floor) item.setAttribute("aria-current", "true");
    else item.removeAttribute("aria-current");
  }
  drawList(by("turns"), view.turns, drawTurn);
  if (isAtEnd) scrollTo(0, document.documentElement.scrollHeight);
}

// What a screen reader says: who has the floor, and what became of a message; not every word that is heard.
function announce(before) {
  const finals = (turns) => new Map(turns.flatMap((turn) => turn.messages ?? []).filter((each) => each.reason).map((each) => [each.id, each]));
  const known = finals(before.turns);
  const settled = [...finals(view.turns).values()].filter(({ id }) => !known.has(id));
  const news = settled.map((message) => `A message was ${STATES[message.state]}: ${seconds(message.heard_ms)} of ${seconds(message.received_ms)}.`);
  if (before.floor !== view.floor) news.push(FLOORS[view.floor]);
  if (news.length) by("status").textContent = news.join(" ");
}

// Elements are kept while they show the same, so that a reader does not lose its place.
function drawList(list, values, drawOne) {
  values.forEach((value, index) => {
    const told = JSON.stringify(value);
    const there = list.children[index];
    if (there?.told === told) return;
    const made = drawOne(value, there);
    made.told = told;
    if (!there) list.append(made);
    else if (made !== there) there.replaceWith(made);
  });
  while (list.children.length > values.length) list.lastElementChild.remove();
}

function drawTurn(turn, there) {
  if (turn.who === "user") {
    const length = turn.ms === null ? "speaking" : seconds(turn.ms);
    return element("li", "turn user", element("p", "", element("span", "spoken-only", "You: "), turn.text || `You spoke (${length})`));
  }
  const item = there?.className === "turn agent" ? there : element("li", "turn agent", element("span", "spoken-only", "Agent:"), element("ol"), element("p", "why"));
  drawList(item.querySelector("ol"), turn.messages, drawMessage);
  item.querySelector(".why").textContent = turn.why && `There is no answer: ${turn.why}`;
  return item;
}

function drawMessage(message) {
  const words = message.words.flatMap(([look, text]) => [
    element("span", "spoken-only", `${LOOKS[look]}: `),
    element(look === "cut" ? "del" : "span", look, text),
    " ",
  ]);
  const reason = REASONS[message.reason] ? `, ${REASONS[message.reason]}` : "";
  const facts = [
    ["State", `${STATES[message.state]}${reason}; heard ${seconds(message.heard_ms)} of ${seconds(message.received_ms)}`],
    ["History", historyOf(message)],
    ["Server", serverOf(message)],
  ];
  return element(
    "li",
    `message ${message.state}`,
    element("p", "words", ...words),
    element("dl", "facts", ...facts.flatMap(([name, value]) => [element("dt", "", name), element("dd", "", value)])),
  );
}

function historyOf({ history, state }) {
  if (!history) return state === "skipped" ? "nothing" : "nothing yet";
  const how = history.how === "estimated" ? ", estimated by the time that was heard" : "";
  const text = history.text ? `“${history.text}”` : "it was heard, the words are not known";
  return `${text}${history.cut ? ` — cut${how}` : ""}`;
}

function serverOf({ server, state, isLost }) {
  if (isLost) return "cannot be reached";
  if (!server) return state === "pending" ? "not yet" : "has forgotten it";
  const length = server.ms === null ? "" : seconds(server.ms);
  return `remembers ${[length, server.text === null ? "no text" : "its text"].filter(Boolean).join(", ")}`;
}

const seconds = (ms) => `${(ms / 1000).toFixed(1)} s`;

// Whatever was said is text, and never markup.
function element(name, className = "", ...content) {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.append(...content);
  return made;
}

draw();
