/** The lifecycle of what a realtime voice agent says. */

export * from "./lifecycle.js";
export { fromJson, toJson } from "./json.js";
export { ConversationMachine, SpeechMachine, type Handled, type Reply } from "./machine.js";
