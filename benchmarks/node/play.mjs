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

// Each speech is built just before it is played, in batches of the workload, as in ../timing.py.
function play(repeat) {
  let build_ms = 0;
  let play_ms = 0;
  for (let round = 0; round < repeat; round++) {
    const began = performance.now();
    const built = speeches.map(subject.build);
    const ready = performance.now();
    for (let index = 0; index < built.length; index++) {
      let state = built[index];
      for (const event of speeches[index]) state = subject.step(state, event);
    }
    play_ms += performance.now() - ready;
    build_ms += ready - began;
  }
  const built = repeat * speeches.length;
  return { built, build_s: build_ms / 1000, play_s: play_ms / 1000 };
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
