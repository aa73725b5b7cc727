#!/usr/bin/env node
// The port as a process: JSON lines in and out (docs/porting.md).

import { createInterface } from "node:readline";

import { Machine } from "./machine.mjs";

const SPEC_VERSION = "0.1.0";
const SELF = { implementation: "javascript-by-hand", language: "JavaScript" };
let machine = new Machine(false);

/** JSON, in which a Map is an object with its entries in their order, whatever their names look like. */
function json(value) {
  const object = (entries) => `{${entries.map(([name, each]) => `${JSON.stringify(name)}:${json(each)}`).join(",")}}`;
  if (value instanceof Map) return object([...value]);
  if (Array.isArray(value)) return `[${value.map(json).join(",")}]`;
  return typeof value === "object" && value !== null ? object(Object.entries(value)) : JSON.stringify(value);
}

function answer({ command, ...given }) {
  if (command === "start") return { spec_version: SPEC_VERSION, ...SELF };
  if (command === "begin") {
    machine = new Machine(given.machine === "conversation", given.capabilities, given.policy);
    return { state: machine.state };
  }
  if (command === "step") return { ...machine.send(given.event), state: machine.state };
  return { error: `no command ${JSON.stringify(command)}: there are start, begin, step, stop` };
}

const lines = createInterface({ input: process.stdin });
lines.on("line", (line) => {
  const command = JSON.parse(line);
  if (command.command === "stop") lines.close();
  else process.stdout.write(`${json(answer(command))}\n`);
});
