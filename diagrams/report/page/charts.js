// The charts, with the states lit that the conversation, a speech and its messages are in.

function lightCharts(lit, conversation, speechState, messages, now) {
  light("conversation", lit.conversation, conversation, []);
  light("speech", lit.speech, speechState ? [speechState] : [], []);
  light("message", lit.message, now ? [now.state] : [], messages.filter((each) => each.id !== now?.id).map((each) => each.state));
}

function light(chart, lit, states, others) {
  const active = (names) => new Set(names.flatMap((name) => lit[name] ?? []));
  const [strong, weak] = [active(states), active(others)];
  for (const element of document.querySelectorAll(`#chart-${chart} [data-state]`)) {
    const { state } = element.dataset;
    element.classList.toggle("lit", strong.has(state));
    element.classList.toggle("others", weak.has(state) && !strong.has(state));
  }
  showLit(document.getElementById(`chart-${chart}`).querySelector(".scroll"));
  const besides = [...new Set(others)].filter((name) => !states.includes(name)).map((name) => `${name} (another message)`);
  by(`lit-${chart}`).textContent = [...states, ...besides].join(", ") || "nothing yet";
}

// Scrolls a chart that is wider than the page to what is lit.
function showLit(box) {
  const state = box.querySelector(".node.lit");
  if (!state || box.scrollWidth <= box.clientWidth) return;
  const [there, here] = [state.getBoundingClientRect(), box.getBoundingClientRect()];
  if (there.left < here.left || there.right > here.right) box.scrollLeft += (there.left + there.right - here.left - here.right) / 2;
}
