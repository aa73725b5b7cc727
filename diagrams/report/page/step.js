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
function valueOf(value, name = worded(value.type), without = []) {
  const line = made("span", "", name);
  for (const [field, said] of Object.entries(value)) {
    if (field === "type" || without.includes(field) || said === "" || said === null || said === false) continue;
    const isValue = typeof said === "object" && !Array.isArray(said);
    line.append(" ", made("span", "step-meta", `${worded(field)} `), isValue ? valueOf(said, "") : foreign(said));
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
  rows.push(["Event", made("span", "", made("b", "", source), ": ", record.event ? valueOf(record.event, title) : title)]);
  if (record.speech) rows.push(["Speech", foreign(record.speech)]);
  if (record.reply) rows.push(["Reply", made("span", record.reply, record.reply)]);
  if (record.reason) rows.push(["Reason", foreign(worded(record.reason))]);
  if (record.answer) rows.push(["Answer", linkTo(record.answer, sections)]);
  if (record.transitions?.length) rows.push(["Transitions", listOf(record.transitions.map((id) => linkTo(id, sections)))]);
  if (record.effects?.length) rows.push(["Effects", listOf(record.effects.map((effect) => valueOf(effect, worded(effect.type), ["records"])))]);
  if (record.capabilities) rows.push(["Terms", foreign(JSON.stringify({ ...record.capabilities, ...record.policy }))]);
  rows.push(["Line", String(line)]);
  by("step").replaceChildren(...rows.flatMap(([name, content]) => [made("dt", "", name), made("dd", "", content)]));
}
