// Where the steps are: packed in this file, a page at a time, or with the agent that is watched.

const KEPT = 12; // pages and speeches that are unpacked

async function unpacked(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return JSON.parse(await new Response(stream).text());
}

function bytesOf(id) {
  const text = atob(document.getElementById(id).textContent);
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

class PackedFile {
  isLive = false;

  async index() {
    return unpacked(bytesOf("index"));
  }

  page(call, number) {
    return unpacked(bytesOf(`page-${call}-${number}`));
  }

  speech(call, number) {
    return unpacked(bytesOf(`speech-${call}-${number}`));
  }

  sound(call) {
    return new Blob([bytesOf(`sound-${call}`)], { type: "audio/wav" });
  }
}

class Agent {
  isLive = true;

  async #get(path) {
    const answer = await fetch(path, { cache: "no-store" });
    if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
    return answer.json();
  }

  index() {
    return this.#get("index");
  }

  page(call, number) {
    return this.#get(`pages/${call}/${number}`);
  }

  speech(call, number) {
    return this.#get(`speeches/${call}/${number}`);
  }

  // Calls `onNews` when there is something new, and `onSilence` when nobody answers.
  follow(onNews, onSilence) {
    const events = new EventSource("news");
    events.onmessage = onNews;
    events.onerror = onSilence;
  }
}

// The calls, and the pages that were looked at last.
class Store {
  #kept = new Map();

  constructor(source) {
    this.source = source;
  }

  async refresh() {
    this.index = await this.source.index();
  }

  get calls() {
    return this.index.calls;
  }

  // The number of the last page that begins at or before it, by step or by time.
  pageOf(call, value, by) {
    const { places } = this.calls[call];
    let [low, high] = [0, places.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (places[middle][by] <= value) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  page(call, number) {
    const { key, places, steps } = this.calls[call];
    const end = number + 1 < places.length ? places[number + 1][0] : steps;
    // The last page of a call that goes on grows.
    return this.#once(`page ${key} ${number} ${end}`, () => this.source.page(call, number));
  }

  speech(call, number) {
    const { key, speeches } = this.calls[call];
    return this.#once(`speech ${key} ${number} ${JSON.stringify(speeches[number])}`, () => this.source.speech(call, number));
  }

  #once(key, get) {
    const found = this.#kept.get(key) ?? get();
    this.#kept.delete(key);
    this.#kept.set(key, found);
    found.catch(() => this.#kept.delete(key));
    if (this.#kept.size > KEPT) this.#kept.delete(this.#kept.keys().next().value);
    return found;
  }
}
