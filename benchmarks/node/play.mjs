// Plays the workload with one subject, named on the command line, as line-JSON on stdin and stdout:
// {"speeches": [[event, ...], ...]} answers {"node": version, "library": version, "effects": [[effect, ...], ...]};
// {"repeat": n} plays all speeches n times and answers {"built": speeches, "build_s": seconds, "play_s": seconds}.
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { SUBJECTS } from "./subjects.mjs";

const name = process.argv[2];
const subject = SUBJECTS[name]();
const manifest = new URL(`node_modules/${name.split("-")[0]}/package.json`, import.meta.url);
let speeches = [];

function show(speech) {
  const effects = [];
  let state = subject.build();
  for (const event of speech) state = subject.step(state, event, effects);
  return effects;
}

function play(repeat) {
  const began = performance.now();
  const built = Array.from({ length: repeat * speeches.length }, subject.build);
  const ready = performance.now();
  for (let index = 0; index < built.length; index++) {
    let state = built[index];
    for (const event of speeches[index % speeches.length]) state = subject.step(state, event);
  }
  const played = performance.now();
  return { built: built.length, build_s: (ready - began) / 1000, play_s: (played - ready) / 1000 };
}

for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line);
  let answer;
  if (request.speeches) {
    speeches = request.speeches;
    const library = JSON.parse(readFileSync(manifest, "utf8")).version;
    answer = { node: process.version, library, effects: speeches.map(show) };
  } else {
    answer = play(request.repeat);
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
