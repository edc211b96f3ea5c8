/**
 * The value of the name `event` in the filters of triggers and waits.
 * Boundary: pure; the data's fields at top level are the caller's business.
 */
import type { ArrivedEvent } from "../values/input.ts";
import type { JsonObject } from "../values/json.ts";

/** Attributes that every event has, the data among them, and its extension attributes by name. */
export function attributesInScope(event: ArrivedEvent): JsonObject {
  const { id, type, source, subject, time, data, extensions } = event;
  return { ...extensions, id, type, source, subject, time, data };
}
