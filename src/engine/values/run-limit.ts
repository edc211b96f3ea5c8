/**
 * How many runs of a workflow may be open at once, and under which key a run counts.
 * Boundary: values and their texts; expressions are the caller's.
 * Invariant: runs of two environments never count together.
 */

import { textDigest } from "./digest.ts";
import { canonicalJson, type Json, textSizeBytes } from "./json.ts";

/** What becomes of a start past the limit: rows have their places, the wire's numbers are one higher. */
export const WHEN_FULL = ["queue", "drop", "replace"] as const;
/** One of them. */
type WhenFull = (typeof WHEN_FULL)[number];

/** The limit of a workflow. */
export interface RunLimit {
  /** Open runs of each key. 0: there is no limit. */
  readonly maxOpenRuns: number;
  /** A CEL expression over the run's input; "": all runs count together. */
  readonly concurrencyKey: string;
  readonly whenFull: WhenFull;
}

/** Of a workflow that has none. */
export const NO_LIMIT: RunLimit = { maxOpenRuns: 0, concurrencyKey: "", whenFull: "queue" };
export const OPEN_RUNS_AT_MOST = 1_000;
/** Runs of a key that wait; a start past them is refused. */
export const WAITING_AT_MOST = 1_000;

const KEY_BYTES = 200;

/**
 * The key as it is stored, with the environment before it; of a value that is no text its JSON, and of a long one its SHA-256. Undefined: the
 * key of workflows without an expression.
 */
export function storedKey(environment: string | undefined, value: Json | undefined): string {
  // No name of an environment has a slash.
  const place = `${environment ?? ""}/`;
  if (value === undefined) return place;
  const text = (typeof value === "string" ? value : canonicalJson(value)).toWellFormed();
  const isShort = textSizeBytes(text) <= KEY_BYTES && !text.includes("\u0000");
  return `${place}=${isShort ? text : textDigest(text)}`;
}

/** The key in words, for people; "": all runs count together. */
export function shownKey(stored: string): string {
  return stored.slice(stored.indexOf("/") + 2);
}
