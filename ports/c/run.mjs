#!/usr/bin/env node
// The port as WebAssembly, in Node: the same process, with WASI for its standard input and output.
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

process.removeAllListeners("warning");
process.on("warning", () => {}); // WASI is experimental in Node; whoever runs this knows
const { WASI } = await import("node:wasi");

const folder = dirname(fileURLToPath(import.meta.url));
const path = process.argv[2] ?? join(folder, "build", "port.wasm");
if (!existsSync(path)) {
  console.error(`${path} is not there: run \`make -C ${folder} wasm\``);
  process.exit(2);
}
const wasi = new WASI({ version: "preview1", args: ["port", ...process.argv.slice(3)], returnOnExit: true });
const { instance } = await WebAssembly.instantiate(readFileSync(path), wasi.getImportObject());
process.exitCode = wasi.start(instance);
