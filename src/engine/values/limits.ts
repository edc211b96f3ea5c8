/** Limits of the engine. A payload over them fails its step for good. */
import { payloadBytes } from "./budget.ts";
import { findPayloadFault, type JsonObject, type PayloadFault } from "./json.ts";

/** Bytes of one payload (each output and each merged input) as compact JSON. */
export const MAX_PAYLOAD_BYTES = 256 * 1024;
/** The highest cost of an attempt in one report, in USD. More is a fault of the meter; sums would lose 1e-9. */
export const MAX_COST_USD = 1_000_000;
/** The longest time in seconds: the largest int32, as timeout_seconds on the wire. */
export const MAX_SECONDS = 2_147_483_647;
/** Nesting of one payload. */
export const MAX_PAYLOAD_DEPTH = 64;

/** Payloads that passed the check: one that reaches a thousand steps is checked once. */
const sound = new WeakSet<JsonObject>();

/** Merges that were given up as soon as they were over the limit. */
const cutShort = new WeakSet<JsonObject>();

/** Says of a merge that it is over the limit, and that there would be more of it. */
export function markCutShort(payload: JsonObject): JsonObject {
  cutShort.add(payload);
  return payload;
}

function faultOf(payload: JsonObject): PayloadFault | undefined {
  if (sound.has(payload)) return undefined;
  const fault = findPayloadFault(payload, MAX_PAYLOAD_DEPTH);
  if (fault === undefined) sound.add(payload);
  return fault;
}

/**
 * What is wrong with a payload, as a sentence with limit and size; undefined when it is valid. `countedBytes`: the size
 * that counts, if it is not the payload's own.
 */
export function payloadProblem(
  what: string,
  payload: JsonObject,
  countedBytes?: number,
): string | undefined {
  const fault = faultOf(payload);
  if (fault !== undefined) return `${what} is not storable: ${fault.path} ${fault.problem}`;
  const size = countedBytes ?? payloadBytes(payload);
  if (size <= MAX_PAYLOAD_BYTES) return undefined;
  const atLeast = cutShort.has(payload) ? "at least " : "";
  return `${what} has ${atLeast}${size} bytes, over the limit of ${MAX_PAYLOAD_BYTES}`;
}
