/**
 * The part of a wait's key that comes of its filter: the values that fields of the event must have.
 *
 * Boundary: pure. Which fields those are is known at publish (expression/equality.ts); how they are looked up is the store's.
 * Invariants:
 * 1. Where the filter holds for an event, the event's text equals the wait's, or the wait has none. So a lookup by equal
 *    texts, and of waits without, misses no wait.
 * 2. Whole numbers and doubles that CEL finds equal have one text.
 */

import type { ArrivedEvent } from "../values/input.ts";
import { isJsonObject, type Json, type JsonObject, ownValue } from "../values/json.ts";
import { attributesInScope } from "./event-scope.ts";

/** Longer texts are left out on both sides: an index row of Postgres holds 2,704 bytes. */
const CHARS_AT_MOST = 500;

/** What equals what, as one text: `order.id=["o-17"]`. Undefined for values that are not scalar, and when it is too long. */
export function equalityText(paths: string, values: readonly (Json | undefined)[]) {
  if (
    values.some((value) => value === undefined || (typeof value === "object" && value !== null))
  ) {
    return undefined;
  }
  const text = `${paths}=${JSON.stringify(values)}`;
  return text.length > CHARS_AT_MOST ? undefined : text;
}

/** The text of an event for the fields that a filter compares; `missing`: a field that the event does not have. */
export function equalityOfEvent(
  paths: string,
  event: ArrivedEvent,
): { readonly text?: string; readonly missing?: string } {
  const names = paths.split(",");
  const values = names.map((name) => valueAt(event, name.split(".")));
  const missing = names.find((_, at) => values[at] === undefined);
  if (missing !== undefined) return { missing };
  const text = equalityText(paths, values);
  return text === undefined ? {} : { text };
}

function valueAt(event: ArrivedEvent, segments: readonly string[]): Json | undefined {
  const [head = "", ...rest] = segments;
  if (head === "event") return walk(attributesInScope(event), rest);
  // The data as a whole has the name `data` where it has no field of that name.
  const isWhole = head === "data" && !Object.hasOwn(event.data, head);
  return walk(event.data, isWhole ? rest : segments);
}

function walk(value: JsonObject, segments: readonly string[]): Json | undefined {
  let at: Json | undefined = value;
  for (const segment of segments) at = isJsonObject(at) ? ownValue(at, segment) : undefined;
  return at;
}
