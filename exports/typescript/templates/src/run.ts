#!/usr/bin/env node
/** The port as a process: JSON lines in and out, as docs/porting.md says. */

import { createInterface } from "node:readline";

import { fromJson, toJson } from "./json.js";
import { BEHAVIOUR_DIGEST, SPEC_VERSION, loadConversation, loadSpeech } from "./lifecycle.js";
import { ConversationMachine, SpeechMachine } from "./machine.js";

let machine: SpeechMachine | ConversationMachine = new SpeechMachine();

function snapshot(): unknown {
  return machine instanceof SpeechMachine ? machine.speech : machine.conversation;
}

function answer(command: any): unknown {
  const isConversation = command.machine === "conversation";
  switch (command.command) {
    case "start":
      return {
        spec_version: SPEC_VERSION,
        behaviour_digest: BEHAVIOUR_DIGEST,
        implementation: "typescript",
        language: "TypeScript",
      };
    case "begin":
      machine = new (isConversation ? ConversationMachine : SpeechMachine)(command.capabilities, command.policy);
      return { state: snapshot() };
    case "load":
      machine = isConversation
        ? new ConversationMachine({}, {}, loadConversation(command.state))
        : new SpeechMachine({}, {}, loadSpeech(command.state));
      return { state: snapshot() };
    case "step": {
      const reply = machine.send(fromJson(command.event));
      const handled = reply.kind === "handled";
      return {
        reply: reply.kind,
        reason: handled ? "" : reply.reason,
        blame: handled || reply.kind === "ignored" ? null : reply.blame,
        transitions: handled ? reply.transitions : reply.answer === "" ? [] : [reply.answer],
        effects: handled ? reply.effects : [],
        state: snapshot(),
      };
    }
    default:
      return { error: `unknown command ${JSON.stringify(command.command)}` };
  }
}

const lines = createInterface({ input: process.stdin });
lines.on("line", (line) => {
  const command = JSON.parse(line);
  if (command.command === "stop") {
    lines.close();
    return;
  }
  process.stdout.write(`${toJson(answer(command))}\n`);
});
