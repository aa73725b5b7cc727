// How the page begins, and how it follows an agent.

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
