// The log: the steps of the page that is looked at, with the present one marked.

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

// One row of the log.
function logRow(record, number, sources) {
  const [source, title, about] = titleOf(record, sources);
  const effects = (record.effects ?? []).map((effect) => worded(effect.type)).join(", ");
  const what = made("span", "", made("span", "step-meta", `${source} `), title, " ", about === "" ? "" : foreign(about));
  if (record.reply && record.reply !== "handled") what.append(" ", made("span", record.reply, record.reply));
  if (record.record === "unrouted") what.append(" ", made("span", "ignored", worded(shown(record.reason))));
  if (effects) what.append(" ", made("span", "effects", `→ ${effects}`));
  const button = made("button", "", made("span", "at", seconds(record.at_ms)), what);
  button.type = "button";
  button.tabIndex = -1;
  button.dataset.step = number;
  return made("li", "", button);
}
