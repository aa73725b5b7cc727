/** JSON with maps as objects in their order, and words for the numbers that JSON does not have. */

import { NUMBERS, type GivenEvent } from "./lifecycle.js";

const WORDS: Readonly<Record<string, number>> = { nan: NaN, inf: Infinity, "-inf": -Infinity };

/** Return a value as JSON. A `Map` becomes an object with its entries in their order, whatever the keys look like. */
export function toJson(value: unknown): string {
  if (value instanceof Map) return object([...value]);
  if (Array.isArray(value)) return `[${value.map(toJson).join(",")}]`;
  if (typeof value === "object" && value !== null) return object(Object.entries(value));
  return JSON.stringify(value);
}

function object(entries: readonly (readonly [string, unknown])[]): string {
  return `{${entries.map(([key, value]) => `${JSON.stringify(key)}:${toJson(value)}`).join(",")}}`;
}

/** Return an event from JSON data: the words for NaN and the infinities become numbers again. What is no object has no type. */
export function fromJson(given: unknown): GivenEvent {
  const isObject = typeof given === "object" && given !== null && !Array.isArray(given);
  const data = (isObject ? given : {}) as Readonly<Record<string, unknown>>;
  const event: Record<string, unknown> = { ...data };
  const type = String(data["type"]);
  for (const name of Object.hasOwn(NUMBERS, type) ? NUMBERS[type]! : []) {
    const word = event[name];
    if (typeof word === "string" && word in WORDS) event[name] = WORDS[word];
  }
  return event as unknown as GivenEvent;
}
