// Text of a trace is shown as text: nothing in it is markup, and what would not be seen is written out.

const by = (id) => document.getElementById(id);

const UNSEEN = new RegExp(
  "[\\u0000-\\u0008\\u000b-\\u001f\\u007f-\\u009f" + // controls, but tab and newline
  "\\u061c\\u200e\\u200f\\u202a-\\u202e\\u2066-\\u2069" + // what turns the direction of what follows
  "\\u2028\\u2029\\u206a-\\u206f\\ufeff\\ufff9-\\ufffb\\ud800-\\udfff\\u{e0000}-\\u{e007f}]", "gu");
const LONGEST = 2000;

function shown(text) {
  const short = text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
  return short.replace(UNSEEN, (found) => {
    const code = found.codePointAt(0);
    return code < 256 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u${code.toString(16).padStart(4, "0")}`;
  });
}

// An element with a class and content: text as it is, or other elements.
function made(tag, className, ...content) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.append(...content.filter((each) => each !== null && each !== ""));
  return element;
}

// Text from outside, which may run in any direction without turning what stands beside it.
const foreign = (text, className = "") => made("bdi", className, shown(String(text)));

const seconds = (ms) => `${(ms / 1000).toFixed(3)} s`;
const worded = (name) => name.replaceAll("_", " ");
