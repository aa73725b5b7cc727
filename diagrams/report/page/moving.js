// From step to step: by buttons, keys, the scrubber and the log.

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
