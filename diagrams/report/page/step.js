// A step in words: what came in, what the charts made of it, what went out.

// Who said it, and its name.
function titleOf(record, sources) {
  if (record.record === "speech_begun") return ["agent", "speech begun", record.speech];
  const { event } = record;
  if (!event) return ["speech", "(a speech has taken a step)", ""];
  const source = sources[event.type] ?? "?";
  return [source, worded(event.type).replace(`${source} `, ""), event.message_id ?? event.speech_id ?? event.response_id ?? ""];
}

// A value of the trace, such as an event: its name and its fields.
function valueOf(value, without = []) {
  const line = made("span", "", worded(value.type));
  for (const [name, field] of Object.entries(value)) {
    if (name === "type" || without.includes(name) || field === "" || field === null || field === false) continue;
    line.append(" ", made("span", "step-meta", `${worded(name)} `), foreign(typeof field === "object" ? JSON.stringify(field) : field));
  }
  return line;
}

function linkTo(id, sections) {
  const link = made("a", "mono", shown(id));
  link.href = sections[id.split(".")[0]] ?? sections.trace;
  link.rel = "noreferrer";
  return link;
}

function listOf(items) {
  return made("ul", "", ...items.map((item) => made("li", "", item)));
}

function describeStep(record, line, { sections, sources }) {
  const rows = [];
  const [source, title] = titleOf(record, sources);
  rows.push(["Event", record.event ? made("span", "", made("b", "", source), ": ", valueOf(record.event)) : title]);
  if (record.speech) rows.push(["Speech", foreign(record.speech)]);
  if (record.reply) rows.push(["Reply", made("span", record.reply, record.reply)]);
  if (record.reason) rows.push(["Reason", foreign(worded(record.reason))]);
  if (record.answer) rows.push(["Answer", linkTo(record.answer, sections)]);
  if (record.transitions?.length) rows.push(["Transitions", listOf(record.transitions.map((id) => linkTo(id, sections)))]);
  if (record.effects?.length) rows.push(["Effects", listOf(record.effects.map((effect) => valueOf(effect, ["records"])))]);
  if (record.capabilities) rows.push(["Terms", foreign(JSON.stringify({ ...record.capabilities, ...record.policy }))]);
  rows.push(["Line", String(line)]);
  by("step").replaceChildren(...rows.flatMap(([name, content]) => [made("dt", "", name), made("dd", "", content)]));
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
