// Plays cases in the charts that were exported for XState: reads a list of them, writes what came of each.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [folder] = process.argv.slice(2);
const { createActor, setup } = await import(pathToFileURL(`${folder}/node_modules/xstate/dist/xstate.esm.js`).href);
const { charts, conditions } = await import(pathToFileURL(`${folder}/charts.mjs`).href);

let holding = new Set();
let done = [];

const machines = Object.fromEntries(
  Object.entries(charts).map(([name, config]) => [name, machineOf(config)]),
);

function machineOf(config) {
  const guards = {};
  const actions = { answer: (_, { answer }) => done.push(answer) };
  walk(config, (edge) => {
    if (edge.guard !== undefined && !(edge.guard in conditions)) guards[edge.guard] = () => holding.has(edge.guard);
    for (const action of edge.actions ?? []) {
      if (typeof action === "string") actions[action] = () => done.push(action);
    }
  });
  for (const words of Object.keys(conditions)) {
    for (const name of words.match(/\w+/g)) guards[name] ??= () => holding.has(name);
  }
  return setup({ guards: { ...guards, ...conditions }, actions }).createMachine(config);
}

function walk(node, visit) {
  for (const edges of [...Object.values(node.on ?? {}), node.always ?? []]) edges.forEach(visit);
  for (const child of Object.values(node.states ?? {})) walk(child, visit);
}

const results = JSON.parse(readFileSync(0, "utf8")).map(({ chart, value, event, guards }) => {
  const transitions = [];
  holding = new Set();
  const machine = machines[chart];
  const actor = createActor(machine, {
    snapshot: machine.resolveState({ value }),
    inspect: (seen) => {
      if (seen.type === "@xstate.microstep") transitions.push(...seen._transitions.map((each) => each.description));
    },
  });
  actor.start();
  transitions.length = 0;
  done = [];
  holding = new Set(guards);
  actor.send({ type: event });
  return { transitions, done, value: actor.getSnapshot().value };
});
process.stdout.write(JSON.stringify(results));
