// Which call and which speech are shown.

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

const LISTED = 1000; // speeches to choose from at a time: those around the present one
let listed = -1; // the first of them

function drawSpeeches() {
  listed = -1;
  listSpeeches();
}

function listSpeeches() {
  const { speeches } = call();
  const present = (at.speech === WHOLE ? at.focus : at.speech) ?? 0;
  const isListed = listed >= 0 && present >= listed && present < listed + LISTED;
  if (isListed) return;
  listed = Math.max(0, Math.min(present - LISTED / 2, speeches.length - LISTED));
  const options = speeches.slice(listed, listed + LISTED).map(([id, , , from_ms, , state], index) =>
    option(listed + index, `${seconds(from_ms)}  ${id}  ${state}`));
  by("speech").replaceChildren(option(WHOLE, "whole call"), ...options);
  by("speech").value = at.speech;
}

function choose(number) {
  at.speech = number;
  drawSpeeches();
  go(range().first);
}

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
