// The page: which call, which speech, which step; everything else shows that step.

const live = document.documentElement.hasAttribute("data-live");
const source = live ? new Agent() : new PackedFile();
const store = new Store(source);
const timeline = new Timeline((atMs) => goTo(atMs));
const sound = new Sound(source, (atMs) => goTo(atMs));
const WHOLE = "whole";

const at = { call: 0, speech: WHOLE, step: 0, focus: null }; // focus: the speech that the step is about
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
  at.step = wanted; // at once: another key may be pressed before this step is drawn
  const number = store.pageOf(at.call, wanted, 0);
  const steps = await store.page(at.call, number);
  const start = call().places[number][0];
  const standing = standingAt(steps, wanted - start);
  const speech = standing.focus === null ? null : await store.speech(at.call, standing.focus);
  const { picture } = (at.speech === WHOLE ? speech : await store.speech(at.call, at.speech)) ?? {};
  if (drawing !== drawn) return;
  page = { ...steps, number, first: start };
  at.focus = standing.focus;
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
  listSpeeches();
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
  by("summary").replaceChildren(`${seconds(record.at_ms)}: ${who}: ${title}`, about === "" ? "" : " ",
    about === "" ? "" : foreign(about), record.reply ? `, ${record.reply}` : "");
  for (const [id, end] of [["first", first], ["back", first], ["forward", last], ["last", last]])
    by(id).setAttribute("aria-disabled", String(at.step === end));
  const scrubber = by("scrubber");
  [scrubber.min, scrubber.max] = [from_ms, Math.max(to_ms, from_ms + 1)];
  scrubber.value = atMs;
  scrubber.setAttribute("aria-valuetext", `${seconds(record.at_ms)}, ${who}: ${title}`);
}
