// The page: which call, which speech, which step; everything else shows that step.

const live = document.documentElement.hasAttribute("data-live");
const source = live ? new Agent() : new PackedFile();
const store = new Store(source);
const timeline = new TimelinePicture((atMs) => goTo(atMs));
const sound = new Sound(source, (atMs) => goTo(atMs));
const WHOLE = "whole";

const at = { call: 0, speech: WHOLE, step: 0 };
let page = null; // the page of steps that the step is on
let drawn = 0; // counts what was asked to be drawn: what comes late is not shown

const call = () => store.calls[at.call];

// From which step to which one can go.
function range() {
  if (at.speech === WHOLE) return { first: 0, last: call().steps - 1, from_ms: 0, to_ms: call().to_ms };
  const [, first, last, from_ms, to_ms] = call().speeches[at.speech];
  return { first, last, from_ms, to_ms };
}

async function goTo(atMs) {
  const drawing = ++drawn;
  const number = store.pageOf(at.call, atMs, 1);
  const found = await store.page(at.call, number);
  if (drawing !== drawn) return;
  let index = 0;
  while (index + 1 < found.steps.length && found.steps[index + 1][1].at_ms <= atMs) index += 1;
  await go(call().places[number]?.[0] + index, atMs);
}

async function go(step, atMs = null) {
  const drawing = ++drawn;
  if (!call()?.steps) return drawNothing();
  const { first, last } = range();
  const wanted = Math.min(Math.max(step, first), last);
  const number = store.pageOf(at.call, wanted, 0);
  const steps = await store.page(at.call, number);
  const start = call().places[number][0];
  const standing = standingAt(steps, wanted - start);
  const speech = standing.focus === null ? null : await store.speech(at.call, standing.focus);
  const { picture } = at.speech !== WHOLE ? await store.speech(at.call, at.speech) : call().hasWhole ? await store.whole(at.call) : speech ?? {};
  if (drawing !== drawn) return;
  page = { ...steps, number, first: start };
  at.step = wanted;
  draw(standing, speech, picture, atMs);
}

function drawNothing() {
  by("summary").textContent = "There is no step to show.";
  by("where").textContent = "no steps";
  for (const id of ["step", "messages", "log"]) by(id).replaceChildren();
  delete by("log").dataset.page;
  by("timeline-section").hidden = true;
  for (const id of ["first", "back", "forward", "last"]) by(id).setAttribute("aria-disabled", "true");
}

function draw(standing, speech, picture, chosenMs) {
  const [line, record] = page.steps[at.step - page.first];
  const atMs = chosenMs ?? record.at_ms;
  drawPlace(record, atMs);
  describeStep(record, line, store.index);
  const speechState = speech ? stateAt(speech.states, at.step) : undefined;
  const { messages, now, left } = messagesAt(speech, at.step, record.event?.message_id);
  lightCharts(store.index.lit, standing.conversation, speechState, messages, now);
  by("messages").replaceChildren(...messages.map((message) => messageShown(message, speech, speechState, at.step, atMs, message === now)));
  if (!messages.length) by("messages").append(made("li", "coming", "No message yet."));
  if (left) by("messages").append(made("li", "coming", `${counted(left, "more message")} of this speech`));
  drawLog();
  by("timeline-section").hidden = !picture;
  if (picture) {
    timeline.show(picture);
    timeline.point(atMs);
  }
  sound.show(at.call, call().sound);
  sound.set(atMs);
}

function drawPlace(record, atMs) {
  const { first, last, from_ms, to_ms } = range();
  const [who, title, about] = titleOf(record, store.index.sources);
  by("where").textContent = `step ${at.step - first + 1} of ${last - first + 1}, ${seconds(record.at_ms)}`;
  by("summary").replaceChildren(`${seconds(record.at_ms)}: ${who}: ${title} `, about === "" ? "" : foreign(about),
    record.reply ? `, ${record.reply}` : "");
  for (const [id, end] of [["first", first], ["back", first], ["forward", last], ["last", last]])
    by(id).setAttribute("aria-disabled", String(at.step === end));
  const scrubber = by("scrubber");
  [scrubber.min, scrubber.max] = [from_ms, Math.max(to_ms, from_ms + 1)];
  scrubber.value = atMs;
  scrubber.setAttribute("aria-valuetext", `${seconds(record.at_ms)}, ${who}: ${title}`);
}

function drawLog() {
  const log = by("log");
  const key = `${call().key} ${page.number} ${page.steps.length}`;
  if (log.dataset.page !== key) {
    log.dataset.page = key;
    log.replaceChildren(...page.steps.map(([, record], index) => logRow(record, page.first + index, store.index.sources)));
    by("log-range").textContent = `steps ${page.first + 1} to ${page.first + page.steps.length} of ${call().steps}`;
    by("earlier").setAttribute("aria-disabled", String(page.first === 0));
    by("later").setAttribute("aria-disabled", String(page.first + page.steps.length >= call().steps));
  }
  const old = log.querySelector("[aria-current]");
  const row = log.children[at.step - page.first];
  if (old !== row) {
    const hadFocus = old?.contains(document.activeElement);
    old?.removeAttribute("aria-current");
    if (old) old.firstChild.tabIndex = -1;
    row.setAttribute("aria-current", "step");
    row.firstChild.tabIndex = 0;
    if (hadFocus) row.firstChild.focus({ preventScroll: true });
  }
  const top = row.offsetTop - log.scrollTop;
  if (top < 0 || top + row.offsetHeight > log.clientHeight) log.scrollTop = row.offsetTop - log.clientHeight / 2;
}

function option(value, text) {
  const made = new Option(shown(text), value);
  made.dir = "auto";
  return made;
}

function drawChoices() {
  by("call").replaceChildren(...store.calls.map((each, number) => option(number, each.name)));
  by("call").value = at.call;
  by("call").parentElement.hidden = store.calls.length < 2;
  drawSpeeches();
  const notes = store.calls.flatMap((each) => each.notes);
  by("notes").hidden = !notes.length;
  by("notes-list").replaceChildren(...notes.map((note) => made("li", "", foreign(note))));
  const { speeches, messages, steps, name } = call();
  by("about").replaceChildren(foreign(name), `: ${counted(speeches.length, "speech", "speeches")}, ${counted(messages, "message")}, ${counted(steps, "step")}`);
}

const counted = (count, one, many = `${one}s`) => `${count.toLocaleString("en")} ${count === 1 ? one : many}`;

const SHOWN = 1000; // speeches to choose from at a time

function drawSpeeches() {
  const { speeches } = call();
  const start = at.speech === WHOLE ? 0 : Math.max(0, Math.min(at.speech - SHOWN / 2, speeches.length - SHOWN));
  const some = speeches.slice(start, start + SHOWN);
  const options = some.map(([id, , , from_ms, , outcome], index) =>
    option(start + index, `${seconds(from_ms)}  ${id}  ${outcome}`));
  const left = speeches.length - some.length;
  by("speech").replaceChildren(option(WHOLE, left ? `whole call (${counted(speeches.length, "speech", "speeches")})` : "whole call"), ...options);
  by("speech").value = at.speech;
}

function choose(number) {
  at.speech = number;
  drawSpeeches();
  go(range().first);
}

// What the user does

by("call").addEventListener("change", () => {
  at.call = Number(by("call").value);
  at.speech = WHOLE;
  by("follow").checked = false;
  drawChoices();
  go(0);
});
by("speech").addEventListener("change", () => {
  by("follow").checked = false;
  const { value } = by("speech");
  choose(value === WHOLE ? WHOLE : Number(value));
});

const MOVES = {
  first: () => range().first, back: () => at.step - 1, forward: () => at.step + 1, last: () => range().last,
  tenBack: () => at.step - 10, tenForward: () => at.step + 10,
};

function move(how) {
  by("follow").checked = how === "last" && at.call === store.calls.length - 1;
  if (call()?.steps) go(MOVES[how]());
}

for (const how of ["first", "back", "forward", "last"]) by(how).addEventListener("click", () => move(how));
by("earlier").addEventListener("click", () => page && go(page.first - 1));
by("later").addEventListener("click", () => page && go(page.first + page.steps.length));
by("scrubber").addEventListener("input", () => {
  by("follow").checked = false;
  goTo(Number(by("scrubber").value));
});
by("log").addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  by("follow").checked = false;
  go(Number(button.dataset.step));
});

const KEYS = { ArrowLeft: "back", ArrowRight: "forward", Home: "first", End: "last" };
const WITH_SHIFT = { ArrowLeft: "tenBack", ArrowRight: "tenForward" };

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("select, audio, .scroll")) return;
  const inLog = { ArrowUp: "back", ArrowDown: "forward" };
  const how = event.shiftKey ? WITH_SHIFT[event.key] : KEYS[event.key] ?? (event.target.closest("#log") && inLog[event.key]);
  if (!how) return;
  event.preventDefault();
  move(how);
});

// What the agent does

async function news() {
  const before = store.index;
  await store.refresh();
  by("trouble").textContent = store.index.trouble;
  if (store.index.revision === before.revision) return;
  if (by("follow").checked) {
    at.call = store.calls.length - 1;
    at.speech = WHOLE;
  } else {
    // The place of a call in the list changes when the first is forgotten.
    const same = store.calls.findIndex(({ key }) => key === before.calls[at.call]?.key);
    if (same < 0) Object.assign(at, { call: 0, speech: WHOLE, step: 0 });
    else at.call = same;
  }
  if (call()) drawChoices();
  await go(by("follow").checked ? Infinity : at.step);
}

// Asks for what is new, once at a time.
function follow() {
  let isAsking = false;
  let isAsked = false;
  const ask = async () => {
    isAsked = true;
    if (isAsking) return;
    isAsking = true;
    while (isAsked) {
      isAsked = false;
      await news().catch((error) => (by("trouble").textContent = error.message));
    }
    isAsking = false;
  };
  source.follow(ask, () => {
    by("trouble").textContent = "Nobody answers: is “speech-lifecycle watch” still running?";
    store.index.revision = null;
  });
}

async function begin() {
  await store.refresh();
  by("follow-label").hidden = !live;
  by("follow").checked = live;
  at.call = live ? Math.max(0, store.calls.length - 1) : 0;
  by("trouble").textContent = store.index.trouble ?? "";
  if (call()) drawChoices();
  await go(live ? Infinity : 0);
  document.documentElement.dataset.ready = "";
  if (live) follow();
}

try {
  await begin();
} catch (error) {
  by("trouble").textContent = `This page cannot be shown: ${error.message}`;
  throw error;
}
