// Plays the workload with the TypeScript port, as ../node/play.mjs does with its subjects. Its folder is named on the command line.
import { createInterface } from "node:readline";

const { SpeechMachine, fromJson } = await import(`${process.argv[2]}/index.js`);
let speeches = [];

function show(speech) {
  const machine = new SpeechMachine();
  return speech.flatMap((event) => machine.send(event).effects);
}

function play(repeat) {
  let build_ms = 0;
  let play_ms = 0;
  for (let round = 0; round < repeat; round++) {
    const began = performance.now();
    const built = speeches.map(() => new SpeechMachine());
    const ready = performance.now();
    for (let index = 0; index < built.length; index++) {
      const machine = built[index];
      for (const event of speeches[index]) machine.send(event);
    }
    play_ms += performance.now() - ready;
    build_ms += ready - began;
  }
  return { built: repeat * speeches.length, build_s: build_ms / 1000, play_s: play_ms / 1000 };
}

for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line);
  let answer;
  if (request.speeches) {
    speeches = request.speeches.map((speech) => speech.map(fromJson));
    answer = { effects: speeches.map(show) };
  } else {
    answer = play(request.repeat);
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
