// The timeline of a speech, and the line that says where in it the step is. A long one goes on below, as music does.

class Timeline {
  #picture = null;
  #staves = []; // pieces of time, one below the other, each with its place

  constructor(onTime) {
    by("timeline").addEventListener("click", (event) => {
      const svg = by("timeline").querySelector("svg");
      if (!svg) return;
      const { x, y } = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
      const stave = this.#staves.find(({ top, bottom }) => y >= top && y <= bottom);
      if (stave) onTime(stave.from + Math.min(1, Math.max(0, (x - stave.left) / (stave.right - stave.left))) * (stave.to - stave.from));
    });
  }

  show(picture) {
    if (picture === this.#picture) return;
    this.#picture = picture;
    const svg = new DOMParser().parseFromString(picture, "image/svg+xml").documentElement;
    svg.setAttribute("role", "img");
    svg.setAttribute("aria-label", "What was said and heard over time; the log has the same in words.");
    this.#staves = [...svg.querySelectorAll("[data-from]")].map(({ dataset }) =>
      Object.fromEntries(Object.entries(dataset).map(([name, value]) => [name, Number(value)])));
    by("timeline").replaceChildren(document.adoptNode(svg));
  }

  point(atMs) {
    const svg = by("timeline").querySelector("svg");
    const stave = this.#staves.find(({ to }) => atMs <= to) ?? this.#staves.at(-1);
    if (!stave) return;
    const share = Math.min(1, Math.max(0, (atMs - stave.from) / (stave.to - stave.from)));
    const x = stave.left + share * (stave.right - stave.left);
    let cursor = by("cursor");
    if (!cursor) {
      cursor = document.createElementNS("http://www.w3.org/2000/svg", "line");
      cursor.id = "cursor";
      svg.append(cursor);
    }
    for (const [name, value] of Object.entries({ x1: x, x2: x, y1: stave.top, y2: stave.bottom })) cursor.setAttribute(name, value);
    const box = by("timeline");
    const [left, top] = [x * (svg.clientWidth / svg.viewBox.baseVal.width), stave.top * (svg.clientHeight / svg.viewBox.baseVal.height)];
    if (left < box.scrollLeft || left > box.scrollLeft + box.clientWidth) box.scrollLeft = left - box.clientWidth / 2;
    if (top < box.scrollTop || top > box.scrollTop + box.clientHeight - 40) box.scrollTop = top - 20;
  }
}
