// The timeline of a speech, or of a whole call, and the line that says where in it the step is.

class TimelinePicture {
  #picture = null; // its SVG, and its axis: from_ms at x_from, to_ms at x_to

  constructor(onTime) {
    by("timeline").addEventListener("click", (event) => {
      const svg = by("timeline").querySelector("svg");
      if (!svg || !this.#picture) return;
      const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
      onTime(this.#timeAt(at.x));
    });
  }

  #timeAt(x) {
    const { from_ms, to_ms, x_from, x_to } = this.#picture;
    return from_ms + ((x - x_from) / (x_to - x_from)) * (to_ms - from_ms);
  }

  show(picture) {
    if (picture === this.#picture) return;
    this.#picture = picture;
    const svg = new DOMParser().parseFromString(picture.svg, "image/svg+xml").documentElement;
    svg.setAttribute("role", "img");
    svg.setAttribute("aria-label", "What was said and heard over time; the log has the same in words.");
    by("timeline").replaceChildren(document.adoptNode(svg));
  }

  point(atMs) {
    const svg = by("timeline").querySelector("svg");
    if (!svg || !this.#picture) return;
    const { from_ms, to_ms, x_from, x_to } = this.#picture;
    const share = Math.min(1, Math.max(0, (atMs - from_ms) / Math.max(1, to_ms - from_ms)));
    const x = x_from + share * (x_to - x_from);
    let cursor = by("cursor");
    if (!cursor) {
      cursor = document.createElementNS("http://www.w3.org/2000/svg", "line");
      cursor.id = "cursor";
      svg.append(cursor);
    }
    const { y, height } = svg.viewBox.baseVal;
    for (const [name, value] of [["x1", x], ["x2", x], ["y1", y], ["y2", y + height]]) cursor.setAttribute(name, value);
    const box = by("timeline");
    const left = (x - svg.viewBox.baseVal.x) * (svg.clientWidth / svg.viewBox.baseVal.width);
    if (left < box.scrollLeft || left > box.scrollLeft + box.clientWidth) box.scrollLeft = left - box.clientWidth / 2;
  }
}
