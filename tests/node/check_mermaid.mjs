// Parses each Mermaid file named on the command line with the real parser; prints its kind, or fails.
import { readFileSync } from "node:fs";
import { JSDOM } from "jsdom";

const { window } = new JSDOM("");
globalThis.window = window;
globalThis.document = window.document;
const { default: mermaid } = await import("mermaid");
for (const path of process.argv.slice(2)) {
  const { diagramType } = await mermaid.parse(readFileSync(path, "utf8"));
  console.log(`${path} ${diagramType}`);
}
